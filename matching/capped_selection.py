"""A selection under one reservation, within one cap on the distance to one place: who passes every gate, in order."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.distances import BYTES_PER_OBJECT, NearDistances
from matching.geo.projection import Floats, Positions
from matching.geo.territory import Bools
from matching.legal_columns import Days
from matching.ranking import mixed
from matching.reserved_selection import ReservedSelection
from matching.spatial_order import CERTAIN_KM
from matching.supplier_columns import Ordinals

LARGEST_CACHED, MOST_CACHED = 100, 16

BYTES_AHEAD = 8_000
"""Of itself, and of the orders that the requests after it was weighed will ask for."""

Draws = NDArray[np.uint64]


class DrawnOrder:
    """The first `count` of some suppliers in order; those that are equal are drawn, by the seed of each need anew.

    `numbers` are rows or ordinals, whichever is put in order; with those equal to the last, they may be more than so
    many.
    """

    def __init__(self, numbers: NDArray[Any], keys: tuple[NDArray[Any], ...], draws: Draws, count: int) -> None:
        """`keys`: what decides before the draw, the most important last; the first of them is the distance."""
        order = np.lexsort(keys)
        differs = np.zeros(len(order), dtype=bool)
        for key in keys:
            in_order = key[order]
            differs[1:] |= in_order[1:] != in_order[:-1]
        groups = np.cumsum(differs)
        end = int(np.searchsorted(groups, groups[min(count, len(order)) - 1], "right")) if len(order) else 0
        order = order[:end]
        self.numbers, self.distance, self._draws = numbers[order], keys[0][order], draws[order]
        self._groups, self._count = groups[:end], count
        self.is_settled = end <= count and bool(differs[1:end].all())
        """Whether nothing is left to the draw."""

    @property
    def weight(self) -> int:
        """Its bytes."""
        arrays = self.numbers, self.distance, self._draws, self._groups
        return sum(array.nbytes for array in arrays) + BYTES_PER_OBJECT

    def first(self, seed: int) -> tuple[NDArray[Any], Floats]:
        """Their numbers and distances in kilometres."""
        if self.is_settled:
            return self.numbers, self.distance
        order = np.lexsort((mixed(self._draws, seed), self._groups))[: self._count]
        return self.numbers[order], self.distance[order]


class FoundAt(NamedTuple):
    """Refused suppliers in order, the change of the index for which they are known to hold, and its end of rows."""

    order: DrawnOrder
    change: int
    rows_end: int


class CappedSelection:
    """Rows are those of the selection; `in_reach`: which of them the cap allows, None where there is none.

    `order`: the rows that pass every gate, by class. `refused`: the nearest refused by gate and number;
    `nearest_refused`: those of all gates by number (`matching.near_misses`).
    """

    def __init__(self, reserved: ReservedSelection, distances: NearDistances, cap_km: float | None) -> None:
        self.reserved, self.distances = reserved, distances
        self.in_reach: Bools | None = None
        self.order, self.ends, self.counts = reserved.order, reserved.ends, reserved.counts
        if cap_km is not None:
            every = np.arange(len(distances.known))
            away = distances.known if cap_km <= CERTAIN_KM else distances.at(every)
            self.in_reach = away <= cap_km
            self.order = reserved.order[self.in_reach[reserved.order]]
            self.ends = reserved.class_ends(self.order)
            self.counts = reserved.counted(reserved.of_day.tally(self.in_reach))
        self.within = reserved.counted_within(reserved.of_day.tally_within(distances))
        self.refused: dict[tuple[int, int], FoundAt] = {}
        self.nearest_refused: dict[int, Any] = {}
        self._orders = -1
        self._first: dict[int, DrawnOrder] = {}
        self._approval_ends: Days | None = None

    def has_grown(self) -> bool:
        """Whether orders were added since this was asked last; at first it has."""
        orders, before = len(self._first) + len(self.refused), self._orders
        self._orders = orders
        return orders != before

    @property
    def weight(self) -> int:
        """Its bytes, but for those of the selection under the reservation, and for rows in JSON."""
        # copied at once: another thread may add to them
        orders = (*self._first.values(), *(found.order for found in list(self.refused.values())))
        own = 0 if self.in_reach is None else self.in_reach.nbytes + self.order.nbytes
        ends = 0 if self._approval_ends is None else self._approval_ends.nbytes
        return own + ends + sum(order.weight for order in orders) + BYTES_AHEAD

    def first(self, count: int) -> DrawnOrder:
        """The rows of the first `count` candidates."""
        found = self._first.get(count)
        if found is None:
            found = self._ordered(count)
            if count <= LARGEST_CACHED:
                if len(self._first) > MOST_CACHED:
                    self._first.clear()
                self._first[count] = found
        return found

    def nearest(self, rows: Positions, count: int) -> DrawnOrder:
        """The ordinals of the `count` nearest of some rows."""
        rows = self.distances.nearest(rows, count)
        return self.nearest_of(self.distances.ordinals[rows], self.distances.at(rows), count)

    def nearest_of(self, ordinals: Ordinals, distance: Floats, count: int) -> DrawnOrder:
        """The ordinals of the `count` nearest of any suppliers."""
        return DrawnOrder(ordinals, (distance,), self.distances.draws(ordinals), count)

    def approval_ends(self, find: Callable[[Positions], Days]) -> Days:
        """The days on which approvals of the candidates end, in order; found once."""
        if self._approval_ends is None:
            self._approval_ends = np.sort(find(self.order))
        return self._approval_ends

    def _ordered(self, count: int) -> DrawnOrder:
        start = end = 0
        for end in self.ends:  # whole classes; of the last one, only the nearest are needed
            if end >= count:
                break
            start = end
        last = self.distances.nearest(self.order[start:end], count - start)
        rows = np.concatenate((self.order[:start], last))
        keys = self.distances.at(rows), self.reserved.classes[rows]
        return DrawnOrder(rows, keys, self.distances.draws(self.distances.ordinals[rows]), count)
