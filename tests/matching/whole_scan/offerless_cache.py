"""Suppliers of an index of which no offer is known, by the territory that they stand in or near."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple
from weakref import ref

import numpy as np
from numpy.typing import NDArray

from domain.law.rules import Rules
from domain.needs.need import Reserved
from domain.suppliers.supplier import Supplier
from matching.geo.projection import Floats, Positions
from matching.geo.shape import Shape
from matching.geo.territory import Territory
from matching.weighted_cache import WeightedCache
from tests.matching.whole_scan.distance_cache import DistanceCache
from tests.matching.whole_scan.eligibility_cache import INELIGIBLE, EligibilityCache, FactPositions, best_outcome

NEARBY_KM = 50.0
"""The distance from the territory allowed to a supplier without a declared area (the contract's second gate)."""
CELL_KM = 25.0
"""Suppliers within a cube of this edge are looked at together: the territory is far from all of them, or from none."""
ACROSS_CELL_KM = CELL_KM * 3**0.5 * 1.01
LIGHTEST = 100
CACHED_NEARBY = 2_000_000
"""Suppliers in the answers that are cached, each of 29 bytes: some 58 MB."""


class Nearby(NamedTuple):
    """Suppliers near a territory as parallel arrays, the nearest first.

    `facts`: where their legal facts stand; `draw`: 64 bits from their ids; `distance`: kilometres to the territory, 0
    inside; `outcome`: the best over the reserved types (a position in OUTCOMES), 0 where nothing is reserved.
    """

    ordinal: Positions
    facts: FactPositions
    draw: NDArray[np.uint64]
    distance: Floats
    outcome: NDArray[np.int8]

    def at(self, rows: Positions | NDArray[np.bool_] | slice) -> "Nearby":
        """Some of them, by their rows."""
        ordinal, facts, draw, distance, outcome = self
        return Nearby(ordinal[rows], facts[rows], draw[rows], distance[rows], outcome[rows])


NOBODY = Nearby(np.empty(0, np.intp), np.empty(0, np.int32), np.empty(0, np.uint64), np.empty(0), np.empty(0, np.int8))


class OfferlessCache:
    """The suppliers without offers, and those of them near the territories asked about last.

    The rules are the same each time. Threads may share it.
    """

    def __init__(
        self,
        suppliers: Sequence[Supplier],
        positions: Floats,
        draw: NDArray[np.uint64],
        eligibility: EligibilityCache,
        distances: WeightedCache[Shape, DistanceCache],
    ) -> None:
        without = np.array([not supplier.offers for supplier in suppliers], dtype=bool)
        self._ordinals: Positions = np.flatnonzero(without & ~np.isnan(positions[:, 0]))
        cubes = np.floor(positions[self._ordinals] / CELL_KM).astype(np.int64)
        _, first, self._cell = np.unique(cubes, axis=0, return_index=True, return_inverse=True)
        self._one_of_cell = positions[self._ordinals[first]]
        self._draw, self._eligibility, self._distances = draw, eligibility, distances
        self._nearby = WeightedCache(self._find, lambda found: LIGHTEST + len(found.ordinal), CACHED_NEARBY)

    def nearby(self, territory: Territory, reserved: frozenset[Reserved], on: date, rules: Rules) -> Nearby:
        """Those in the territory or at most 50 km from it, but for those INELIGIBLE for all of the reserved types."""
        return self._nearby((ref(territory), reserved, on, rules))

    def _find(self, key: tuple[ref[Territory], frozenset[Reserved], date, Rules]) -> Nearby:
        weakly, reserved, on, rules = key
        territory = weakly()
        if territory is None or territory.shape is None or not len(self._ordinals):
            return NOBODY
        away = territory.less_radius(territory.shape.lower_bound(self._one_of_cell))
        ordinals = self._ordinals[(away <= NEARBY_KM + ACROSS_CELL_KM)[self._cell]]
        measured = self._distances(territory.shape)
        ordinals = ordinals[territory.less_radius(measured.lower_bound(ordinals)) <= NEARBY_KM]
        distance = territory.less_radius(measured.distance(ordinals))
        facts, outcome = self._eligibility.facts[ordinals], np.zeros(len(ordinals), dtype=np.int8)
        if reserved:
            outcome = best_outcome(self._eligibility.outcomes(facts, on, rules), reserved)
        takes = np.flatnonzero((distance <= NEARBY_KM) & (outcome != INELIGIBLE))
        takes = takes[np.argsort(distance[takes], kind="stable")]
        return Nearby(ordinals, facts, self._draw[ordinals], distance, outcome).at(takes)
