"""The suppliers that answer some part of a need, by segment and area, as the engine finds them."""

from collections.abc import Iterable, Sequence
from datetime import date
from functools import reduce
from operator import or_

import numpy as np

from domain.allotment.search import Suppliers
from domain.law.rules import Rules
from domain.needs.need import Reserved
from matching.distances import NearDistances
from matching.eligibility_cache import INELIGIBLE, WORST_ELIGIBLE, best_outcome
from matching.geo.shape import Shape
from matching.geo.territory import Bools, Territory
from matching.index import LiveIndex
from matching.lot_query import Subject
from matching.offer_worth import NO_OFFER
from matching.selection import SelectionArrays, arrays_of, selected
from matching.spatial_order import CERTAIN_KM

Cap = tuple[Shape | None, float]
"""The place that a lot's distances are measured to, its territory where there is none, and the most kilometres."""


class Pool:
    """Sets of suppliers, by the number of their areas; what holds for several areas holds for one of them at least."""

    def __init__(
        self, live: LiveIndex, areas: Sequence[Territory], segments: tuple[str, ...], on: date, rules: Rules
    ) -> None:
        self._live, self._areas = live, areas
        found = [_arrays(live, area, segments) for area in areas] if segments else []
        self._ordinals = np.unique(np.concatenate([np.empty(0, np.int32), *(each.ordinals for each in found)]))
        self._codes = live.base.eligibility.codes(self._ordinals, on, rules)
        self._answering: dict[tuple[str, int], Suppliers] = {}
        for number, each in enumerate(found):
            rows = np.searchsorted(self._ordinals, each.ordinals)
            for segment, best in zip(segments, each.best, strict=True):
                self._answering[segment, number] = self._set(rows[best != NO_OFFER])
        self._near: dict[tuple[Shape | None, float, int], Suppliers] = {}
        self._under: dict[frozenset[Reserved], tuple[Suppliers, Suppliers]] = {}
        self.everybody = self._set(np.arange(len(self._ordinals)))

    def answering(self, segment: str, areas: Iterable[int]) -> Suppliers:
        """Those with an offer for a segment whose area meets one of these."""
        return reduce(or_, [self._answering.get((segment, area), 0) for area in areas])

    def within(self, cap: Cap | None, areas: Sequence[int]) -> Suppliers:
        """Those that a cap on distance allows; everybody where there is none."""
        if cap is None:
            return self.everybody
        measured = areas if cap[0] is None else areas[:1]
        return reduce(or_, [self._within(cap, area) for area in measured])

    def under(self, reserved: frozenset[Reserved]) -> tuple[Suppliers, Suppliers]:
        """Those that may answer under a reservation, and of these the eligible, surely or on proof."""
        if reserved not in self._under:
            outcome = best_outcome(reserved)[self._codes]
            self._under[reserved] = self._where(outcome != INELIGIBLE), self._where(outcome <= WORST_ELIGIBLE)
        return self._under[reserved]

    def _within(self, cap: Cap, area: int) -> Suppliers:
        site, most_km = cap
        key = site, most_km, -1 if site else area
        if key not in self._near:
            territory = self._areas[area]
            shape, radius = (territory.shape, territory.radius_km or 0.0) if site is None else (site, 0.0)
            distances = NearDistances(self._live.base.distances, shape, self._ordinals, radius)
            every = np.arange(len(self._ordinals))
            away = distances.known if most_km <= CERTAIN_KM else distances.at(every)
            self._near[key] = self._where(away <= most_km)
        return self._near[key]

    def _set(self, rows: np.ndarray[tuple[int, ...], np.dtype[np.integer]]) -> Suppliers:
        chosen = np.zeros(len(self._ordinals), dtype=bool)
        chosen[rows] = True
        return self._where(chosen)

    @staticmethod
    def _where(chosen: Bools) -> Suppliers:
        return int.from_bytes(np.packbits(chosen, bitorder="little").tobytes(), "little")


def _arrays(live: LiveIndex, area: Territory, segments: tuple[str, ...]) -> SelectionArrays:
    return arrays_of(live, area, selected(live, area, Subject(segments, ())))
