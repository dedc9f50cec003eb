"""All that is kept of a lot once it was answered: its counts, and the first of its suppliers in order.

It grows with the answer and not with the number of suppliers, so that thousands of lots are kept of any directory.
"""

from datetime import date
from typing import Any, NamedTuple
from weakref import ref

import numpy as np
from numpy.typing import NDArray

from domain.law.rules import Rules
from matching.distances import BYTES_PER_OBJECT
from matching.geo.projection import Floats, Positions
from matching.geo.shape import Shape
from matching.legal_columns import Days
from matching.ranking import mixed
from matching.reserved_selection import Counts, ReservedTypes
from matching.supplier_columns import Ordinals

LARGEST_CACHED, MOST_CACHED = 100, 16

BYTES_AHEAD = 4_000
"""Of itself, and of the orders that the requests after it was weighed will ask for."""

Draws = NDArray[np.uint64]


class LotKey(NamedTuple):
    """All that decides on a lot besides the territory and the subject."""

    on: date
    rules: Rules
    reserved: ReservedTypes
    site: ref[Shape] | None
    cap_km: float | None


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
            in_order = key.take(order)
            differs[1:] |= in_order[1:] != in_order[:-1]
        groups = differs.cumsum()
        end = int(groups.searchsorted(groups[min(count, len(order)) - 1], "right")) if len(order) else 0
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

    def places(self, seed: int) -> Positions:
        """The places in `numbers` of the first, in order."""
        if self.is_settled:
            return np.arange(len(self.numbers))
        return np.lexsort((mixed(self._draws, seed), self._groups))[: self._count]

    def first(self, seed: int) -> tuple[NDArray[Any], Floats]:
        """Their numbers and distances in kilometres."""
        places = self.places(seed)
        return self.numbers[places], self.distance[places]


class FirstCandidates(NamedTuple):
    """The first candidates in order, by their rows of the selection, and all that is written of their offers.

    `ordinals` and `best`, as of the selection, are of the suppliers of `order`, one after the other.
    """

    order: DrawnOrder
    ordinals: Ordinals
    best: NDArray[np.int16]

    @property
    def weight(self) -> int:
        """Its bytes."""
        return self.order.weight + self.ordinals.nbytes + self.best.nbytes


class FoundAt(NamedTuple):
    """Refused suppliers in order, the change of the index for which they are known to hold, and its end of rows."""

    order: DrawnOrder
    change: int
    rows_end: int


class ApprovalEnds:
    """The days on which the approvals of some candidates end, each day once, and how many end until then."""

    def __init__(self, ends: Days) -> None:
        self.days, many = np.unique(ends, return_counts=True)
        self._many = np.cumsum(many)

    @property
    def weight(self) -> int:
        """Its bytes."""
        return self.days.nbytes + self._many.nbytes

    def before(self, day: int) -> int:
        """The number that end before a day."""
        place = int(np.searchsorted(self.days, day))
        return int(self._many[place - 1]) if place else 0


class RankedLot:
    """The counts of a lot, and by number its first candidates and the nearest refused.

    `within`: the candidates by radius. `refused`: those of one gate by gate and number; `nearest_refused`: those of all
    gates (`matching.near_misses`). `approval_ends`: of the candidates, once they were asked for.
    """

    def __init__(self, counts: Counts, within: dict[str, int]) -> None:
        self.counts, self.within = counts, within
        self.first: dict[int, FirstCandidates] = {}
        self.refused: dict[tuple[int, int], FoundAt] = {}
        self.nearest_refused: dict[int, Any] = {}
        self.approval_ends: ApprovalEnds | None = None
        self._orders = -1

    def has_grown(self) -> bool:
        """Whether orders were added since this was asked last; at first it has."""
        orders, before = len(self.first) + len(self.refused), self._orders
        self._orders = orders
        return orders != before

    @property
    def weight(self) -> int:
        """Its bytes, but for rows in JSON."""
        # copied at once: another thread may add to them
        first, refused = list(self.first.values()), list(self.refused.values())
        ends = 0 if self.approval_ends is None else self.approval_ends.weight
        return ends + sum(each.weight for each in first) + sum(each.order.weight for each in refused) + BYTES_AHEAD

    def keep_first(self, count: int, found: FirstCandidates) -> None:
        """Keep the first candidates, where they are not too many."""
        if count <= LARGEST_CACHED:
            if len(self.first) > MOST_CACHED:
                self.first.clear()
            self.first[count] = found
