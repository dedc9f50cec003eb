"""A selection under one reservation, within one cap on the distance to one place: who passes every gate, in order."""

import numpy as np

from matching.distances import BYTES_PER_OBJECT, NearDistances
from matching.geo.projection import Positions
from matching.geo.territory import Bools
from matching.ranked_lot import DrawnOrder
from matching.reserved_selection import ReservedSelection
from matching.supplier_columns import CERTAIN_KM


class CappedSelection:
    """Rows are those of the selection; `in_reach`: which of them the cap allows, None where there is none.

    `order`: the rows that pass every gate, by class. `within`: their number by radius.
    """

    def __init__(self, reserved: ReservedSelection, distances: NearDistances, cap_km: float | None) -> None:
        self.reserved, self.distances = reserved, distances
        self.in_reach: Bools | None = None
        self.order, self.ends, self.counts = reserved.order, reserved.ends, reserved.counts
        if cap_km is not None:
            every = np.arange(len(distances.known))
            away = distances.known if cap_km <= CERTAIN_KM else distances.at(every)
            self.in_reach = away <= cap_km
            self.order = reserved.order[self.in_reach.take(reserved.order)]
            self.ends = reserved.class_ends(self.order)
            self.counts = reserved.counted(reserved.of_day.tally(self.in_reach))
        self.within = reserved.counted_within(distances)

    @property
    def weight(self) -> int:
        """Its bytes, but for those of the selection under the reservation."""
        return BYTES_PER_OBJECT + (0 if self.in_reach is None else self.in_reach.nbytes + self.order.nbytes)

    def nearest(self, rows: Positions, count: int) -> DrawnOrder:
        """The ordinals of the `count` nearest of some rows."""
        rows = self.distances.nearest(rows, count)
        ordinals = self.distances.ordinals.take(rows)
        return DrawnOrder(ordinals, (self.distances.at(rows),), self.distances.draws(ordinals), count)

    def first(self, count: int) -> DrawnOrder:
        """The rows of the first `count` candidates."""
        start = end = 0
        for end in self.ends:  # whole classes; of the last one, only the nearest are needed
            if end >= count:
                break
            start = end
        last = self.distances.nearest(self.order[start:end], count - start)
        rows = np.concatenate((self.order[:start], last))
        keys = self.distances.at(rows), self.reserved.classes.take(rows)
        return DrawnOrder(rows, keys, self.distances.draws(self.distances.ordinals.take(rows)), count)
