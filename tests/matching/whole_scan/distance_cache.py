"""Distances from the suppliers of an index to one shape, each measured once.

Portals ask for the same territories again and again: what was measured for one request serves the next.
"""

from collections.abc import Callable

import numpy as np

from matching.geo.projection import Floats, Positions
from matching.geo.shape import Shape


class DistanceCache:
    """Distances to `shape` known so far, by ordinal. Threads may share it: they would write the same."""

    def __init__(self, positions: Floats, shape: Shape) -> None:
        self.positions, self.shape = positions, shape
        self._distance = np.full(len(positions), np.nan)
        self._bound = np.full(len(positions), np.nan)

    def distance(self, ordinals: Positions) -> Floats:
        """Kilometres to the shape, 0 inside; infinite for a supplier without a location."""
        return self._filled(self._distance, ordinals, self.shape.distance)

    def lower_bound(self, ordinals: Positions) -> Floats:
        """Kilometres that `distance` is certain not to be under; infinite for a supplier without a location."""
        return self._filled(self._bound, ordinals, self.shape.lower_bound)

    def _filled(self, known: Floats, ordinals: Positions, measure: Callable[[Floats], Floats]) -> Floats:
        found = known[ordinals]
        missing = np.flatnonzero(np.isnan(found))
        if len(missing):
            found[missing] = np.nan_to_num(measure(self.positions[ordinals[missing]]), nan=np.inf, posinf=np.inf)
            known[ordinals] = found
        return found
