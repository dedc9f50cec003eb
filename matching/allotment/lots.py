"""Possible lots written as lots of a need: what they buy, and what the lots that they are made of say besides."""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.allotment.allotment import AllotmentNeed, DivisibleLot, options_of, value_of
from domain.allotment.divisions import GivenLot, PossibleLot
from domain.needs.need import Lot, Need, Reserved, TerritoryRequest
from matching.allotment.areas import Areas
from matching.lot_query import LotQuery
from matching.reference import Reference

NO_SEGMENT = ""
"""Stands for the object of a lot of which no segment was understood: nobody answers it, and it stays as it is."""


@dataclass(frozen=True)
class GivenLots:
    """The lots of a need as they were read. `areas`: those of all of them; `reference`: by which they were read."""

    need: AllotmentNeed
    queries: Sequence[LotQuery]
    areas: Areas
    reference: Reference

    def to_divide(self) -> list[GivenLot]:
        """The lots with what they buy in cells."""
        return [self._lot_to_buy(place) for place in range(len(self.queries))]

    def territory(self, place: int) -> TerritoryRequest:
        """The territory of a lot as the buyer gave it."""
        request = self.need.lots[place].territory or self.need.territory
        return request or TerritoryRequest()

    def reserved(self, lot: PossibleLot) -> tuple[Reserved, ...]:
        """The buyer's own reservation of a possible lot, the same for all that it is made of."""
        return tuple(dict.fromkeys(self.need.lots[lot.lots[0]].reserved or ()))

    def is_as_given(self, lot: PossibleLot) -> bool:
        """Whether it is a lot of the need, no more and no less."""
        return len(lot.lots) == 1 and not (self.divides_segments(lot) or self.divides_areas(lot))

    def divides_segments(self, lot: PossibleLot) -> bool:
        """Whether it buys only some segments of a lot that it is made of."""
        return any(not set(self._objects(place)) <= set(lot.segments) for place in lot.lots)

    def divides_areas(self, lot: PossibleLot) -> bool:
        """Whether it buys in only some areas of a lot that it is made of."""
        return any(not set(self._areas(place)) <= set(lot.areas) for place in lot.lots)

    def value(self, lot: PossibleLot) -> float | None:
        """Its value in euros, where the buyer gave that of all that it buys."""
        if self.divides_areas(lot):
            return None
        values = []
        for place in lot.lots:
            objects = self._objects(place)
            own = tuple(segment for segment in objects if segment in lot.segments)
            values.append(value_of(self.need.lots[place], own, objects))
        return None if None in values else round(sum(value or 0.0 for value in values), 2)

    def options(self, lot: PossibleLot) -> float | None:
        """The options of all that it buys, in euros; None where there are none, or its value is not known."""
        given = [self.need.lots[place] for place in lot.lots]
        if self.value(lot) is None or all(each.options_eur is None for each in given):
            return None
        return round(sum(map(options_of, given)), 2)

    def cpv(self, lot: PossibleLot) -> tuple[str, ...]:
        """The CPV codes that go with it: those that stand for one of its segments.

        Those that stand for none go with whole lots.
        """
        kept: dict[str, None] = {}
        for place in lot.lots:
            for code in self.need.lots[place].cpv:
                segments = set(self.reference.taxonomy.of_cpv(self.reference.cpv.normalise(code)))
                if segments & set(lot.segments) if segments else set(self._objects(place)) <= set(lot.segments):
                    kept[code] = None
        return tuple(kept)

    def need_lot(self, lot: PossibleLot, reserved: tuple[Reserved, ...], id: str = "") -> Lot:  # noqa: A002 - a lot's
        """It as a lot of a need under a reservation: what `POST /match` takes."""
        given = self.need.lots[lot.lots[0]]
        territory = self.areas.request(lot.areas)
        if NO_SEGMENT in lot.segments:
            return _plain(given, id=id, reserved=reserved, territory=territory)
        return _plain(
            given,
            id=id,
            title=None,
            segments=lot.segments,
            cpv=self.cpv(lot),
            keywords=(),
            value_eur=self.value(lot),
            options_eur=self.options(lot),
            reserved=reserved,
            territory=territory,
        )

    def beside(self, lots: tuple[Lot, ...], estimated_total_eur: float | None = None) -> Need:
        """A need of other lots, by the same buyer for the same contract. Its words say nothing of their trades."""
        need = self.need
        return Need(
            lots=lots,
            on=need.on,
            planned_publication_on=need.planned_publication_on,
            buyer=need.buyer,
            contract=need.contract,
            technique=need.technique,
            estimated_total_eur=estimated_total_eur,
            limit=1,
            near_misses=0,
        )

    def _lot_to_buy(self, place: int) -> GivenLot:
        segments = self.queries[place].subject.objects
        terms = _terms(self.need.lots[place]) if segments else place
        return GivenLot(place, segments or (NO_SEGMENT,), self._areas(place), terms)

    def _objects(self, place: int) -> tuple[str, ...]:
        return self.queries[place].subject.objects

    def _areas(self, place: int) -> tuple[int, ...]:
        return self.areas.of(self.territory(place), self.queries[place].territory)


def _terms(lot: DivisibleLot) -> Lot:
    """All that lots which are joined have in common: each says it of the whole."""
    reserved = tuple(sorted(set(lot.reserved or ())))
    nothing = {"title": None, "segments": (), "cpv": (), "keywords": (), "value_eur": None, "options_eur": None}
    return _plain(lot, id="", reserved=reserved, territory=None, **nothing)


def _plain(lot: DivisibleLot, **others: object) -> Lot:
    """The lot as `POST /match` takes it, with other fields."""
    fields = {name: getattr(lot, name) for name in Lot.__struct_fields__}
    return Lot(**(fields | others))
