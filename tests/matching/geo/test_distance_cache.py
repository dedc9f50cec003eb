"""Distances are measured once, and are then what they were."""

from collections.abc import Callable

import numpy as np
import shapely

from matching.geo.distance_cache import DistanceCache
from matching.geo.projection import Floats, earth_centred
from matching.geo.shape import PointShape, PolygonShape, Shape

SQUARE = PolygonShape(np.array([shapely.box(-2, 47, -1, 48)]))
POSITIONS = earth_centred(np.array([47.5, 48.5, 47.0, np.nan]), np.array([-1.5, -1.5, 3.0, np.nan]))
ALL = np.arange(4)


class Counting:
    """A shape that notes how many positions it was asked about."""

    def __init__(self, shape: Shape) -> None:
        self.shape, self.asked, self.vertices = shape, 0, shape.vertices

    def distance(self, positions: Floats, cap: Floats | float = np.inf) -> Floats:
        self.asked += len(positions)
        return self.shape.distance(positions, cap)

    def lower_bound(self, positions: Floats) -> Floats:
        self.asked += len(positions)
        return self.shape.lower_bound(positions)

    def within(self, distance_km: float, geometries: np.ndarray) -> np.ndarray:
        return self.shape.within(distance_km, geometries)


def assert_each_measured_once(ask: Callable[[DistanceCache], Callable[[np.ndarray], Floats]]) -> None:
    counting = Counting(SQUARE)
    measured = DistanceCache(POSITIONS, counting)
    ask(measured)(ALL[:2])
    assert ask(measured)(ALL[::-1]).tolist() == ask(DistanceCache(POSITIONS, SQUARE))(ALL).tolist()[::-1]
    assert counting.asked == len(POSITIONS)


def test_a_distance_is_measured_once() -> None:
    assert_each_measured_once(lambda measured: measured.distance)


def test_a_bound_is_taken_once() -> None:
    assert_each_measured_once(lambda measured: measured.lower_bound)


def test_without_a_location_everything_is_infinitely_far() -> None:
    for shape in (SQUARE, PointShape(48, -2)):
        measured = DistanceCache(POSITIONS, shape)
        assert np.isinf(measured.distance(ALL[3:])).all()
        assert np.isinf(measured.lower_bound(ALL[3:])).all()
