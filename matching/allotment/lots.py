"""Possible lots: how they are written, and how the engine of `POST /match` judges them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.allotment.allotment import AllotmentNeed, DivisibleLot, Summary, options_of, value_of
from domain.allotment.divisions import GivenLot, PossibleLot
from domain.law.findings import weakest
from domain.law.procedures.lot_facts import Understood
from domain.needs.need import Lot, Need, Reserved, TerritoryRequest
from domain.reference.taxonomy import segment_of
from domain.shortlists.shortlist import Alternatives, Reservation, Tension, TerritoryEcho
from domain.text.bilingual import Language, Text
from matching.allotment.areas import Areas
from matching.answer.explain import Explainer
from matching.engine import lot_matches, review_of
from matching.index.legal import WORST_ELIGIBLE
from matching.index.live_index import LiveIndex
from matching.index.offers import NO_OFFER
from matching.index.supplier_columns import Ordinals
from matching.lot_query import LotQuery
from matching.reference import Reference
from matching.unknown_trade import unknown_suppliers

NO_SEGMENT = ""
"""Stands for the object of a lot of which no segment was understood: nobody answers it, and it stays as it is."""


@dataclass(frozen=True)
class GivenLots:
    """The lots of an allotment need as given and as read (`queries`), and the numbered areas of their territories."""

    need: AllotmentNeed
    queries: Sequence[LotQuery]
    areas: Areas
    reference: Reference

    def lots_to_divide(self) -> list[GivenLot]:
        """The lots in the form that the search divides: each with its segments, area numbers and terms."""
        nothing = {"title": None, "segments": (), "cpv": (), "keywords": (), "value_eur": None, "options_eur": None}
        lots = []
        for position, (lot, query) in enumerate(zip(self.need.lots, self.queries, strict=True)):
            segments, terms = query.understood.segments, None
            if segments:  # what lots that are joined have in common: each says it of the whole
                reserved = tuple(sorted(set(lot.reserved or ())))
                terms = _as_match_lot(lot, id="", reserved=reserved, territory=None, **nothing)
            lots.append(GivenLot(position, segments or (NO_SEGMENT,), self._given_areas(position), terms or position))
        return lots

    def territory(self, position: int) -> TerritoryRequest:
        """The requested territory of the given lot at this position."""
        request = self.need.lots[position].territory or self.need.territory
        return request or TerritoryRequest()

    def own_reservation(self, lot: PossibleLot) -> tuple[Reserved, ...]:
        """The reservation that the buyer asked for on a possible lot; all given lots that it joins have the same."""
        return tuple(dict.fromkeys(self.need.lots[lot.lots[0]].reserved or ()))

    def is_as_given(self, lot: PossibleLot) -> bool:
        """Whether a possible lot is exactly one lot of the need."""
        return len(lot.lots) == 1 and not (self.divides_segments(lot) or self.divides_areas(lot))

    def divides_segments(self, lot: PossibleLot) -> bool:
        """Whether a possible lot buys only some of the segments of a given lot that it divides."""
        return any(not set(self._given_segments(position)) <= set(lot.segments) for position in lot.lots)

    def divides_areas(self, lot: PossibleLot) -> bool:
        """Whether a possible lot buys in only some of the areas of a given lot that it divides."""
        return any(not set(self._given_areas(position)) <= set(lot.areas) for position in lot.lots)

    def short_name_of_areas(self, lot: PossibleLot) -> Text:
        """The name of the areas of a possible lot, as short as a title must be."""
        first = lot.lots[0]
        everywhere = self._given_areas(first) if len(lot.lots) == 1 else ()
        return self.areas.short_name(lot.areas, everywhere, self.queries[first].territory.label)

    def value(self, lot: PossibleLot) -> float | None:
        """The value of a possible lot in euros; None where the buyer did not give the value of everything it buys."""
        if self.divides_areas(lot):
            return None
        values = []
        for position in lot.lots:
            objects = self._given_segments(position)
            own = tuple(segment for segment in objects if segment in lot.segments)
            values.append(value_of(self.need.lots[position], own, objects))
        return None if None in values else round(sum(value or 0.0 for value in values), 2)

    def estimated_value(self, lot: PossibleLot) -> float | None:
        """The euros that a possible lot is estimated at, options included; None where a given lot's are not known.

        Of what it divides, a share: of segments by the values that the buyer gave for them, else to each the same; of
        areas by their inhabitants.
        """
        value = 0.0
        for position in lot.lots:
            known = self._known_value(position)
            if known is None:
                return None
            whole = known + options_of(self.need.lots[position])
            value += whole * self._share_of_segments(position, lot) * self._share_of_areas(position, lot)
        return round(value, 2)

    def _known_value(self, position: int) -> float | None:
        """The value of a given lot; of a need's only lot, that part of the need's total which is no renewal."""
        lot, total = self.need.lots[position], self.need.estimated_total_eur
        if lot.value_eur is not None or total is None or len(self.need.lots) > 1:
            return lot.value_eur
        firm, renewals = lot.duration_months, lot.renewal_months or 0
        return total if lot.value_covers == "all" or firm is None else total * firm / (firm + renewals)

    def _share_of_segments(self, position: int, lot: PossibleLot) -> float:
        """The share of a given lot's segments that a possible lot buys."""
        objects, values = self._given_segments(position), self.need.lots[position].values_eur or {}
        own = [segment for segment in objects if segment in lot.segments]
        total = sum(values.values()) if values.keys() >= set(objects) else 0.0
        if total:
            return sum(values[segment] for segment in own) / total
        return len(own) / len(objects) if objects else 1.0

    def _share_of_areas(self, position: int, lot: PossibleLot) -> float:
        """The share of the inhabitants of a given lot's territory that live in a possible lot's."""
        whole = self._given_areas(position)
        own = tuple(area for area in whole if area in lot.areas)
        total = self.areas.inhabitants(whole)
        return self.areas.inhabitants(own) / total if len(own) < len(whole) and total else 1.0

    def options(self, lot: PossibleLot) -> float | None:
        """The value of a possible lot's options in euros; None without options, or where the lot's value is unknown."""
        given = [self.need.lots[position] for position in lot.lots]
        if self.value(lot) is None or all(each.options_eur is None for each in given):
            return None
        return round(sum(map(options_of, given)), 2)

    def cpv(self, lot: PossibleLot) -> tuple[str, ...]:
        """The CPV codes of a possible lot: those of the given lots that map to one of the segments it buys.

        Codes that stand for no segment go with whole lots.
        """
        kept: dict[str, None] = {}
        for each in lot.lots:
            for code in self.need.lots[each].cpv:
                segments = set(self.reference.taxonomy.of_cpv(self.reference.cpv.normalise(code)))
                if segments & set(lot.segments) if segments else set(self._given_segments(each)) <= set(lot.segments):
                    kept[code] = None
        return tuple(kept)

    def match_lot(
        self, lot: PossibleLot, reserved: tuple[Reserved, ...], id: str = "", *, is_estimated: bool = False
    ) -> Lot:
        """A possible lot under a reservation, as the `Lot` that `POST /match` takes.

        `is_estimated`: it is worth what it is estimated at where its value is not known.
        """
        given = self.need.lots[lot.lots[0]]
        territory = self.areas.territory_request(lot.areas)
        if NO_SEGMENT in lot.segments:
            return _as_match_lot(given, id=id, reserved=reserved, territory=territory)
        value = self.value(lot)
        if is_estimated and value is None:
            value = self.estimated_value(lot)
        return _as_match_lot(
            given,
            id=id,
            title=None,
            segments=lot.segments,
            cpv=self.cpv(lot),
            keywords=(),
            value_eur=value,
            options_eur=self.options(lot),
            reserved=reserved,
            territory=territory,
        )

    def understood(self, lot: PossibleLot) -> Understood:
        """The object of a possible lot, as surely as those of the given lots are understood that it is made of."""
        return Understood(lot.segments, weakest(*(self.queries[each].understood.sure for each in lot.lots)))

    def whole_need(self) -> Need:
        """The need with its lots as they are given, as `POST /match` takes them."""
        return self.need_of(tuple(map(_as_match_lot, self.need.lots)), self.need.estimated_total_eur)

    def need_of(self, lots: tuple[Lot, ...], estimated_total_eur: float | None = None) -> Need:
        """A need with these lots, by the same buyer for the same contract, without a title to read trades from."""
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

    def part_asked(self, lot: PossibleLot, segment: str) -> str:
        """The only part of a segment that the given lots of a possible lot buy, else the segment."""
        bought = {code for each in lot.lots for code in self.queries[each].subject.objects}
        parts = {code for code in bought if segment_of(code) == segment}
        return parts.pop() if len(parts) == 1 else segment

    def _given_segments(self, position: int) -> tuple[str, ...]:
        return self.queries[position].understood.segments

    def _given_areas(self, position: int) -> tuple[int, ...]:
        return self.areas.area_numbers(self.territory(position), self.queries[position].territory)


def _as_match_lot(lot: DivisibleLot, **changes: object) -> Lot:
    """The lot of an allotment as the `Lot` that `POST /match` takes, with some fields changed."""
    fields = {name: getattr(lot, name) for name in Lot.__struct_fields__}
    return Lot(**(fields | changes))


class JudgedLot(NamedTuple):
    """The supply of a lot. `reached`: its candidates; `alone`: those that each answer all of the lot's segments."""

    reserved: tuple[Reserved, ...]
    territory: TerritoryEcho
    total: int
    eligible: int
    local: int
    unknown: int
    alternatives: Alternatives
    tension: Tension
    reservation: Reservation
    reached: Ordinals
    alone: Ordinals


def judged_lots(
    need: Need, queries: Sequence[LotQuery], live: LiveIndex, reference: Reference, on: date, language: Language
) -> list[JudgedLot]:
    """The supply of each lot of a need, as `POST /match` finds it; `queries`: the lots as read."""
    review = review_of(need, need.law_day(on), queries, reference, live)
    explainer = Explainer(review, reference, on, need, language)
    judged = []
    for lot in lot_matches(queries, live, on, reference.rules):
        unknown = unknown_suppliers(lot, 0)
        words = explainer.lot_words(lot, unknown, None)
        passing, objects = lot.passing.order, len(lot.query.subject.objects)
        answers_all: NDArray[np.bool_] = (lot.selection.best[:objects, passing] != NO_OFFER).all(axis=0)
        judged.append(
            JudgedLot(
                reserved=lot.reserved_types,
                territory=explainer.territory(lot.query),
                total=lot.counts.total,
                eligible=int(np.count_nonzero(lot.passing.outcome[passing] <= WORST_ELIGIBLE)),
                local=int(np.count_nonzero(lot.selection.is_local[passing])),
                unknown=unknown.eligible,
                alternatives=words.alternatives,
                tension=words.tension,
                reservation=words.reservation,
                reached=lot.ordinals[passing],
                alone=lot.ordinals[passing[answers_all]],
            )
        )
    return judged


def sum_figures(lots: Sequence[JudgedLot], min_candidates: int) -> Summary:
    """The totals of several lots for the criteria by which proposals are compared."""
    return Summary(
        lots=len(lots),
        without_supply=sum(not lot.total for lot in lots),
        with_competition=sum(lot.eligible >= min_candidates for lot in lots),
        reserved=sum(bool(lot.reserved) for lot in lots),
        suppliers_reached=_count_suppliers(lot.reached for lot in lots),
        suppliers_alone=_count_suppliers(lot.alone for lot in lots),
    )


def _count_suppliers(sets: Iterable[Ordinals]) -> int:
    """The number of suppliers that are in at least one of the sets."""
    return len(np.unique(np.concatenate([np.empty(0, np.int32), *sets])))
