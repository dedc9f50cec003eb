"""Allotments read off the contract: every partition of what is bought, every lot held against `match`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from itertools import product

import msgspec
import shapely

from domain.allotment.allotment import AllotmentNeed, ProposedLot, Summary
from domain.law.review import OPTIONS
from domain.needs.need import Lot, Need, Reserved, TerritoryRequest
from domain.shortlists.listed_suppliers import Candidate
from domain.shortlists.shortlist import LotShortlist
from matching.engine import match
from matching.index.live_index import LiveIndex
from tests.factories import reference

ALLOWED = ("ELIGIBLE", "ELIGIBLE_IF")
FIELDS = Lot.__struct_fields__

Cell = tuple[str, str, str]
"""The id of a lot, a segment and the code of an area."""


@dataclass(frozen=True)
class Judge:
    """Asks `match` for lots of one need, for each once."""

    need: AllotmentNeed
    live: LiveIndex
    on: date
    found: dict[Lot, LotShortlist] = field(default_factory=dict)

    def shortlist(self, lot: Lot) -> LotShortlist:
        """What `POST /match` answers for one lot."""
        if lot not in self.found:
            (self.found[lot],) = self.matched(lot)
        return self.found[lot]

    def matched(self, *lots: Lot) -> tuple[LotShortlist, ...]:
        """What `POST /match` answers for a need of these lots, with its title."""
        same = ("title", "buyer", "contract", "technique", "territory", "planned_publication_on")
        asked = Need(lots, limit=100, near_misses=0, **{name: getattr(self.need, name) for name in same})
        return match(asked, self.live, reference(), self.on, "fr").lots

    def as_asked(self, lot: ProposedLot) -> Lot:
        """A proposed lot as a client asks `POST /match` for it."""
        given = self.plain(lot.from_lots[0])
        codes = lot.territory.codes
        return msgspec.structs.replace(
            given,
            id=lot.id,
            title=None if lot.segments else given.title,
            segments=lot.segments,
            cpv=lot.cpv,
            keywords=() if lot.segments else given.keywords,
            reserved=lot.reserved,
            value_eur=lot.estimated_value_eur if lot.value_eur is None else lot.value_eur,
            territory=TerritoryRequest(codes=codes) if codes else given.territory,
        )

    def plain(self, lot_id: str) -> Lot:
        """A lot of the need as `POST /match` takes it."""
        given = next(lot for lot in self.need.lots if lot.id == lot_id)
        return Lot(**{name: getattr(given, name) for name in FIELDS})

    def summary(self, lots: Sequence[LotShortlist]) -> Summary:
        """The figures of some lots together."""
        least = self.need.allotment.min_candidates
        return Summary(
            lots=len(lots),
            without_supply=sum(lot.total == 0 for lot in lots),
            with_competition=sum(eligible(lot) >= least for lot in lots),
            # as the verdicts on its candidates show
            reserved=sum(any(each.eligibility for each in lot.candidates) for lot in lots),
            suppliers_reached=len({candidate.supplier.id for lot in lots for candidate in lot.candidates}),
            suppliers_alone=len({one.supplier.id for lot in lots for one in lot.candidates if answers_all(one, lot)}),
        )

    def best_reserved(self, lot: Lot) -> tuple[Reserved, ...]:
        """The reservation that is proposed for a lot, by asking for each."""
        least, own = self.need.allotment.min_candidates, tuple(dict.fromkeys(lot.reserved or ()))
        wanted = set[Reserved]()
        if own:
            answered = self.shortlist(msgspec.structs.replace(lot, reserved=own))
            if self._leaves_enough(lot, own) is not None:
                return own
            # of whom nobody knows what they do might be enough: nobody that it admits is shut out
            might = eligible(answered) + answered.unknown_trade.eligible >= least
            wanted = set(own) if might and answered.reservation.outcome != "INELIGIBLE" else wanted
        found = []
        for place, types in enumerate(OPTIONS.values()):
            kinds: tuple[Reserved, ...] = tuple(sorted(types))
            left = self._leaves_enough(lot, kinds) if self.need.allotment.reserve and wanted <= types else None
            if left is not None:
                outcome, count, unknown = left
                found.append((outcome in {"REVIEW", "UNKNOWN"}, -count, -unknown, len(kinds), place, kinds))
        return min(found)[-1] if found else ()

    def _leaves_enough(self, lot: Lot, types: tuple[Reserved, ...]) -> tuple[str, int, int] | None:
        answered = self.shortlist(msgspec.structs.replace(lot, reserved=types))
        if answered.reservation.outcome == "INELIGIBLE" or eligible(answered) < self.need.allotment.min_candidates:
            return None
        return answered.reservation.outcome, eligible(answered), answered.unknown_trade.eligible


def eligible(lot: LotShortlist) -> int:
    """The candidates that are ELIGIBLE or ELIGIBLE_IF for one of the reserved types; all where nothing is reserved."""
    return sum(
        not candidate.eligibility or any(verdict.outcome in ALLOWED for verdict in candidate.eligibility)
        for candidate in lot.candidates
    )


def local(lot: LotShortlist) -> int:
    """The candidates located in the territory."""
    return sum(candidate.presence == "local" for candidate in lot.candidates)


def answers_all(candidate: Candidate, lot: LotShortlist) -> bool:
    """Whether a candidate answers every segment of the lot's object."""
    objects = {wanted.segment for wanted in lot.requested if wanted.role == "object"}
    return objects <= {answer.requested for answer in candidate.segments if answer.fit != "related"}


def is_joined_in_vain(lot: LotShortlist) -> bool:
    """Whether a lot joins several that no supplier answers together."""
    return "+" in lot.id and not any(answers_all(candidate, lot) for candidate in lot.candidates)


def rank(found: Summary) -> tuple[int, ...]:
    """The contract's order, before the draw."""
    return found.without_supply, -found.with_competition, -found.suppliers_alone, -found.reserved, found.lots


def divisions(need: AllotmentNeed, areas: Sequence[str]) -> Iterator[list[Lot]]:
    """Every division and join of lots that ask for their segments by code, all in these departements or EPCIs."""
    cells = [(lot.id, code, area) for lot in need.lots for code, area in product(lot.segments, areas)]
    for partition in partitions(cells):
        if len(partition) <= need.allotment.max_lots:
            lots = [_lot(need, cells, block, areas) for block in partition]
            if None not in lots:
                yield [lot for lot in lots if lot is not None]


def _lot(need: AllotmentNeed, cells: list[Cell], block: list[Cell], everywhere: Sequence[str]) -> Lot | None:
    """The lot that buys these cells, where it can be said as segments in areas and may be made."""
    ids, codes, areas = ({cell[side] for cell in block} for side in range(3))
    given = [lot for lot in need.lots if lot.id in ids]
    options = need.allotment
    whole = {cell for cell in cells if cell[0] in ids and cell[1] in codes and cell[2] in areas}
    if whole != set(block) or len({cell[1:] for cell in block}) != len(codes) * len(areas):
        return None
    terms = {(lot.reserved, lot.max_distance_km, lot.site, lot.nature, lot.duration_months) for lot in given}
    if len(ids) > 1 and (not options.join or len({code[:2] for code in codes}) > 1 or len(terms) > 1):
        return None
    if "segment" not in options.divide and any(not set(lot.segments) <= codes for lot in given):
        return None
    if not {"departement", "epci"} & {*options.divide} and areas != set(everywhere):
        return None
    if "epci" in options.divide and not _hang_together(areas):
        return None
    ordered = tuple(dict.fromkeys(code for lot in need.lots for code in lot.segments if code in codes))
    own = {name: getattr(given[0], name) for name in FIELDS}
    territory = TerritoryRequest(codes=tuple(sorted(areas)))
    return Lot(**own | {"id": "+".join(sorted(ids)), "segments": ordered, "territory": territory})


def _hang_together(areas: set[str]) -> bool:
    """Whether the areas, drawn, make up one piece: a common border joins two, a corner does not."""
    first, *left = sorted(areas)
    reached = [first]
    for area in reached:
        beside = [other for other in left if _border_length(area, other) > 0]
        left = [other for other in left if other not in beside]
        reached += beside
    return not left


@cache
def _border_length(one: str, other: str) -> float:
    """How long the border between two areas is, in degrees."""
    geography = reference().geography
    drawn = [geography.outlines[list(geography.territories.area(code).communes)] for code in (one, other)]
    return float(shapely.length(shapely.intersection(*map(shapely.union_all, drawn))))


def partitions(cells: list[Cell]) -> Iterator[list[list[Cell]]]:
    """Every way to put cells into sets."""
    if not cells:
        yield []
        return
    first, rest = cells[0], cells[1:]
    for partition in partitions(rest):
        yield [[first], *partition]
        for place, block in enumerate(partition):
            yield [*partition[:place], [first, *block], *partition[place + 1 :]]
