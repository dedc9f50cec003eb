"""Distances from the suppliers of an index to one shape, each measured once.

Portals ask for the same territories again and again: what was measured for one request serves the next.
"""

import numpy as np

from matching.geo.projection import Floats, Positions
from matching.geo.shape import Shape


class Measured:
    """Distances to `shape` known so far, by ordinal. Threads may share it: they would write the same."""

    def __init__(self, positions: Floats, shape: Shape) -> None:
        self.positions, self.shape = positions, shape
        self._distance = np.full(len(positions), np.nan)
        self._bound = np.full(len(positions), np.nan)

    def distance(self, ordinals: Positions) -> Floats:
        """Kilometres to the shape, 0 inside; infinite for a supplier without a location."""
        found = self._distance[ordinals]
        missing = np.flatnonzero(np.isnan(found))
        if len(missing):
            found[missing] = self.shape.distance(self.positions[ordinals[missing]])
            self._distance[ordinals] = found
        return found

    def lower_bound(self, ordinals: Positions) -> Floats:
        """Kilometres that `distance` is certain not to be under; infinite for a supplier without a location."""
        found = self._bound[ordinals]
        missing = np.flatnonzero(np.isnan(found))
        if len(missing):
            bound = self.shape.lower_bound(self.positions[ordinals[missing]])
            found[missing] = np.where(np.isnan(bound), np.inf, bound)
            self._bound[ordinals] = found
        return found
