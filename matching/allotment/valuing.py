"""The supply of possible lots, and the reservation that each would have: what the law allows and leaves competition.

It is counted on the suppliers that answer some part of the need, by segment and area, as the engine finds them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import reduce
from operator import and_, or_
from typing import Literal, NamedTuple

import numpy as np

from domain.allotment.divisions import PossibleLot
from domain.allotment.search import LotFigures, Suppliers
from domain.law.findings import LotReview
from domain.law.procedures.lot_facts import Understood
from domain.law.review import OPTIONS, review_need
from domain.law.rules import Rules
from domain.needs.need import RESERVED_TYPES, Reserved
from matching.allotment.lots import NO_SEGMENT, GivenLots
from matching.geo.shape import Shape
from matching.geo.territory import Bools, Territory
from matching.index.distances import NearDistances
from matching.index.legal import INELIGIBLE, WORST_ELIGIBLE, best_outcome
from matching.index.live_index import LiveIndex
from matching.index.offers import NO_OFFER
from matching.index.supplier_columns import CERTAIN_KM, Ordinals
from matching.kept.memory import answer_cache_of
from matching.lot_query import Subject
from matching.selection import select
from matching.unknown_trade import nearby

Cap = tuple[Shape | None, float]
"""The place that a lot's distances are measured to, its territory where there is none, and the most kilometres."""


UNKNOWN_TRADE = "unknown"
"""Stands for the segment that suppliers of unknown trade near an area would answer, if any."""


class SuppliersByArea:
    """The suppliers that answer a need's segments in each numbered area, as sets in the bits of integers."""

    def __init__(
        self,
        live: LiveIndex,
        areas: Sequence[Territory],
        answering: Mapping[tuple[str, int], Ordinals],
        on: date,
        rules: Rules,
    ) -> None:
        """`answering`: by segment and number of area, the ordinals of the suppliers that answer it there."""
        self._live, self._areas = live, areas
        self._ordinals = np.unique(np.concatenate([np.empty(0, np.int32), *answering.values()]))
        self._codes = live.base.eligibility.outcome_codes(self._ordinals, on, rules)
        self._answering: Mapping[tuple[str, int], Suppliers] = {
            key: self._packed(np.isin(self._ordinals, ordinals)) for key, ordinals in answering.items()
        }
        self._near: dict[tuple[Shape | None, float, int], Suppliers] = {}
        self._under: dict[frozenset[Reserved], tuple[Suppliers, Suppliers]] = {}
        self.everybody = (1 << len(self._ordinals)) - 1

    def answering(self, segment: str, areas: Iterable[int]) -> Suppliers:
        """The suppliers with an offer for the segment whose service area meets at least one of the areas."""
        return reduce(or_, [self._answering.get((segment, area), 0) for area in areas])

    def within_cap(self, cap: Cap | None, areas: Sequence[int]) -> Suppliers:
        """The suppliers within a cap's kilometres of its site or, if it has none, of any area; all if `cap` is None."""
        if cap is None:
            return self.everybody
        (site, most_km), found = cap, 0
        for area in areas if site is None else areas[:1]:
            key = site, most_km, -1 if site else area
            if key not in self._near:
                territory = self._areas[area]
                shape, radius = (territory.shape, territory.radius_km or 0.0) if site is None else (site, 0.0)
                distances = NearDistances(self._live.base.distances, shape, self._ordinals, radius)
                every = np.arange(len(self._ordinals))
                away = distances.known if most_km <= CERTAIN_KM else distances.measure_rows(every)
                self._near[key] = self._packed(away <= most_km)
            found |= self._near[key]
        return found

    def admitted_and_eligible(self, reserved: frozenset[Reserved]) -> tuple[Suppliers, Suppliers]:
        """The suppliers that may answer under a reservation, and those eligible for it (certainly or on proof)."""
        if reserved not in self._under:
            outcome = best_outcome(reserved)[self._codes]
            self._under[reserved] = self._packed(outcome != INELIGIBLE), self._packed(outcome <= WORST_ELIGIBLE)
        return self._under[reserved]

    @staticmethod
    def _packed(chosen: Bools) -> Suppliers:
        """The set, in the bits of an integer, of the suppliers that a mask over all of them chooses."""
        return int.from_bytes(np.packbits(chosen, bitorder="little").tobytes(), "little")


def suppliers_by_area(
    live: LiveIndex, areas: Sequence[Territory], segments: tuple[str, ...], on: date, rules: Rules
) -> tuple[SuppliersByArea, SuppliersByArea]:
    """The suppliers that answer these segments in each area, and those near it whose trade is not known."""
    kept, subject = answer_cache_of(live), Subject(segments, ())
    find, find_nearby = (kept.select, kept.nearby) if kept else (select, nearby)
    answering = {}
    for number, area in enumerate(areas if segments else ()):
        found = find(live, area, subject)
        for segment, best in zip(segments, found.best, strict=True):
            answering[segment, number] = found.ordinals[best != NO_OFFER]
    unknown = {
        (UNKNOWN_TRADE, number): find_nearby(live, area, on, rules).ordinals for number, area in enumerate(areas)
    }
    return SuppliersByArea(live, areas, answering, on, rules), SuppliersByArea(live, areas, unknown, on, rules)


Chosen = Literal["kept", "proposed", "forbidden", "too_few", "none"]
"""Why a lot has its reservation, the buyer's own or another; or none, where the law or the supply forbids the own."""


class ChosenReservation(NamedTuple):
    """The reservation chosen for a possible lot, the number of eligible candidates under it, and the reason."""

    types: tuple[Reserved, ...]
    eligible: int
    chosen: Chosen


@dataclass(frozen=True)
class LotValuer:
    """Computes once the figures and reservation of each possible lot of a need. `law_on`: the law day.

    `unknown`: the suppliers nearby whose trade is not known.
    """

    given: GivenLots
    suppliers: SuppliersByArea
    unknown: SuppliersByArea
    law_on: date
    _valued: dict[PossibleLot, tuple[LotFigures, ChosenReservation]] = field(default_factory=dict)
    _unknown_counts: dict[tuple[Cap | None, tuple[int, ...]], dict[tuple[Reserved, ...], int]] = field(
        default_factory=dict
    )
    _reviews: dict[tuple[tuple[int, ...], tuple[str, ...]], LotReview] = field(default_factory=dict)

    def __call__(self, lot: PossibleLot) -> LotFigures:
        """The figures of a lot as it would be proposed, reserved where those who do the part asked for are enough."""
        if lot not in self._valued:
            answering = [self.suppliers.answering(segment, lot.areas) for segment in lot.segments]
            within = self.suppliers.within_cap(self._cap(lot), lot.areas)
            parts = {self.given.part_asked(lot, segment) for segment in lot.segments}
            of_parts = reduce(or_, [self.suppliers.answering(part, lot.areas) for part in parts])
            reservation = self._choose_reservation(lot, of_parts & within)
            admitted, _ = self.suppliers.admitted_and_eligible(frozenset(reservation.types))
            figures = LotFigures(
                has_supply=bool(reduce(or_, answering) & within & admitted),
                has_competition=reservation.eligible >= self.given.need.allotment.min_candidates,
                is_reserved=bool(reservation.types),
                eligible=reservation.eligible,
                alone=reduce(and_, answering) & within & admitted,
            )
            self._valued[lot] = figures, reservation
        return self._valued[lot][0]

    def reservation(self, lot: PossibleLot) -> ChosenReservation:
        """The reservation that a possible lot would have."""
        self(lot)
        return self._valued[lot][1]

    def is_answered(self, lot: PossibleLot) -> bool:
        """Whether some supplier answers a whole possible lot by itself, under the reservation that it would have."""
        return self(lot).alone != 0

    def _cap(self, lot: PossibleLot) -> Cap | None:
        """The cap on the distance of a possible lot; None where it has none."""
        first = lot.lots[0]
        most_km = self.given.need.lots[first].max_distance_km
        return None if most_km is None else (self.given.queries[first].site, most_km)

    def unknown_count(self, lot: PossibleLot, reserved: tuple[Reserved, ...]) -> int:
        """The number of suppliers near a possible lot, eligible under a reservation, whose trade is not known."""
        cap = self._cap(lot)
        counts = self._unknown_counts.setdefault((cap, lot.areas), {})
        if reserved not in counts:
            near = self.unknown.answering(UNKNOWN_TRADE, lot.areas) & self.unknown.within_cap(cap, lot.areas)
            counts[reserved] = (near & self.unknown.admitted_and_eligible(frozenset(reserved))[1]).bit_count()
        return counts[reserved]

    def _choose_reservation(self, lot: PossibleLot, candidates: Suppliers) -> ChosenReservation:
        """The buyer's own reservation, else a lawful one with the most eligible candidates; none if too few.

        Of equal ones, the one that admits the most suppliers of unknown trade. Where these might be enough for the
        buyer's own, it is only widened.
        """
        options, own = self.given.need.allotment, self.given.own_reservation(lot)
        unreserved = candidates.bit_count()
        refused: Chosen = "too_few" if own else "none"
        if not (own or options.reserve) or NO_SEGMENT in lot.segments:
            return ChosenReservation((), unreserved, refused)
        # of the places and the value of a lot, the law on reserving it reads nothing
        key = lot.lots, lot.segments
        review = self._reviews.get(key)
        if review is None:
            need = self.given.need_of((self.given.match_lot(lot, own, id="1"),))
            reviewed = review_need(need, self.law_on, self.given.reference.rules, {"1": Understood(lot.segments)})
            review = self._reviews[key] = reviewed.lots["1"]
        wanted: tuple[Reserved, ...] = ()
        if own and review.outcome == "INELIGIBLE":
            refused = "forbidden"
        elif own:
            left = self._count_eligible(candidates, frozenset(own))
            if left >= options.min_candidates:
                return ChosenReservation(own, left, "kept")
            if left + self.unknown_count(lot, own) >= options.min_candidates:
                wanted = own
        # that the law allows, surely rather than perhaps, with the most eligible candidates
        possible = [
            ((name in review.doubtful, -eligible), types)
            for name, types in _TYPES.items()
            if options.reserve
            and review.forbidden.get(name) is None
            and set(types).issuperset(wanted)
            and (eligible := self._count_eligible(candidates, frozenset(types))) >= options.min_candidates
        ]
        if possible:
            best = min(key for key, _ in possible)
            equal = [types for key, types in possible if key == best]
            types = min(equal, key=lambda each: (-self.unknown_count(lot, each), len(each)))
            return ChosenReservation(types, -best[1], "proposed")
        return ChosenReservation((), unreserved, refused)

    def _count_eligible(self, candidates: Suppliers, reserved: frozenset[Reserved]) -> int:
        return (candidates & self.suppliers.admitted_and_eligible(reserved)[1]).bit_count()


_TYPES: Mapping[str, tuple[Reserved, ...]] = {
    name: tuple(kind for kind in RESERVED_TYPES if kind in types) for name, types in OPTIONS.items()
}
"""The reservations that may be proposed, each with its types in order."""
