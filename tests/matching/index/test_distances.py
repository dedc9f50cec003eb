"""Distances from the suppliers of an index: measured once, bounded first, and those near found by runs."""

from collections.abc import Callable, Iterable

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from domain.suppliers.supplier import Point
from matching.geo.projection import Floats
from matching.geo.shape import PointShape, PolygonShape, Shape
from matching.index.distances import DistanceCache, Distances, NearDistances, distances_to, nearest_of
from matching.index.supplier_columns import CERTAIN_KM, SupplierColumns
from matching.weighted_cache import WeightedCache
from tests.factories import index, supplier

SQUARE = PolygonShape(np.array([shapely.box(-2, 47, -1, 48)]))
PLACES = (Point(47.5, -1.5), Point(48.5, -1.5), Point(47.0, 3.0), None)
latitudes, longitudes = st.floats(-89.9, 89.9), st.floats(-180, 180)


def columns(places: Iterable[Point | None] = PLACES) -> SupplierColumns:
    return index(*(supplier(str(number), at=at) for number, at in enumerate(places))).columns


class Counting(PolygonShape):
    """A shape that notes how many positions it was asked about."""

    def __init__(self) -> None:
        super().__init__(np.array([shapely.box(-2, 47, -1, 48)]))
        self.asked = 0

    def distance(self, positions: Floats, cap: Floats | float = np.inf) -> Floats:
        self.asked += len(positions)
        return super().distance(positions, cap)


def every(of: SupplierColumns) -> np.ndarray:
    return np.arange(len(of), dtype=np.int32)


def test_a_distance_is_measured_once() -> None:
    """Of those near, and of those without a place."""
    ours, shape = columns((*PLACES[:2], None)), Counting()
    distances = Distances(ours, shape)
    first = distances.distance(every(ours)[:2])
    assert distances.distance(every(ours)[::-1])[1:].tolist() == first[::-1].tolist()
    assert distances.distance(every(ours))[:2].tolist() == first.tolist()
    assert shape.asked == len(ours) + 1


def test_whoever_is_certainly_too_far_is_not_measured() -> None:
    ours, shape = columns(), Counting()
    found = Distances(ours, shape).distance_within(every(ours), np.full(len(ours), 60.0))
    expected = shape.distance(ours.positions[: len(ours)])
    assert found.tolist() == np.where(expected <= 60, expected, np.inf).tolist()
    assert shape.asked == 2 + len(ours)


class Interrupted(PolygonShape):
    """A shape that lets another thread go on, as it were, while it is asked what distances are not under."""

    def __init__(self) -> None:
        super().__init__(np.array([shapely.box(-2, 47, -1, 48)]))
        self.meanwhile: Callable[[], object] = dict

    def lower_bound(self, positions: Floats) -> Floats:
        meanwhile, self.meanwhile = self.meanwhile, dict
        meanwhile()
        return super().lower_bound(positions)


def test_what_another_thread_measures_is_not_written_over_by_what_only_bounds_it() -> None:
    ours, shape = columns(PLACES[:2]), Interrupted()
    distances = Distances(ours, shape)
    shape.meanwhile = lambda: distances.distance(every(ours))
    distances.spans(every(ours), CERTAIN_KM)
    distances.lower_bound(every(ours))
    assert (distances._metres[: len(ours)] > 0).all()


@pytest.mark.parametrize("shape", [SQUARE, PointShape(48, -2), None], ids=["polygon", "point", "unknown"])
def test_without_a_place_everything_is_infinitely_far(shape: Shape | None) -> None:
    ours = columns((None,))
    assert np.isinf(Distances(ours, shape).distance(every(ours))).all()
    assert np.isinf(Distances(ours, shape).lower_bound(every(ours))).all()


def test_those_added_are_measured_too_though_there_was_no_room() -> None:
    ours = columns()
    distances = Distances(ours, SQUARE)
    distances.distance(every(ours))
    added = ours.add([supplier(f"later {number}", at=Point(47.5, 3.0)) for number in range(1_000)])
    assert len(set(distances.distance(np.array(added, dtype=np.int32)).tolist())) == 1
    assert set(added) <= set(distances.rows_near(every(ours), 0.0).tolist())


@given(
    st.lists(st.builds(Point, latitudes, longitudes), max_size=40),
    latitudes,
    longitudes,
    st.sampled_from((0.0, 12.5, 400.0, 20_000.0)),
)
def test_who_is_in_no_run_is_certainly_far(places: list[Point], lat: float, lon: float, radius_km: float) -> None:
    """Also near the poles and across the antimeridian."""
    ours, shape = columns(places), PointShape(lat, lon)
    cache: DistanceCache = WeightedCache(lambda shape: Distances(ours, shape), lambda _: 1, 1)
    near = NearDistances(cache, shape, every(ours), radius_km)
    far = np.flatnonzero(np.isnan(near.known))
    assert (shape.distance(ours.positions[far]) > radius_km + CERTAIN_KM).all()
    expected = np.maximum(shape.distance(ours.positions[: len(ours)]) - radius_km, 0)
    assert near.measure_rows(np.arange(len(ours))).tolist() == expected.tolist()


@given(st.lists(st.builds(Point, latitudes, longitudes) | st.none(), max_size=40), latitudes, longitudes)
def test_to_a_point_none_is_kept_and_all_are_the_same(places: list[Point | None], lat: float, lon: float) -> None:
    """As those that are kept; a point weighs as much among many suppliers as among few."""
    ours, shape = columns(places), PointShape(lat, lon)
    kept, measured = Distances(ours, shape), distances_to(ours, shape)
    assert measured.distance(every(ours)).tolist() == kept.distance(every(ours)).tolist()
    assert (measured.lower_bound(every(ours)) <= measured.distance(every(ours))).all()
    reach = np.full(len(ours), 50.0)
    within, expected = (each.distance_within(every(ours), reach) <= reach for each in (measured, kept))
    assert within.tolist() == expected.tolist()
    assert not len(measured._metres)
    assert measured.weight == distances_to(columns(), shape).weight


def test_whoever_is_far_takes_no_memory_and_is_asked_for_again() -> None:
    ours = columns([Point(47.5, -1.5 + number / 100) for number in range(3_000)])
    distances = Distances(ours, PointShape(47.5, -1.5))
    before = distances.distance(every(ours)).tolist()
    kept = np.flatnonzero(distances._metres)
    assert set(distances.rows_near(every(ours), 0.0).tolist()) == set(kept.tolist())
    assert len(kept) < len(ours) / 2
    assert distances.distance(every(ours)).tolist() == before


def test_a_radius_around_a_shape_weighs_too() -> None:
    ours = columns([Point(47.5, -5 + number / 1_000) for number in range(12_000)])
    distances = Distances(ours, PointShape(47.5, -1.5))
    narrow = distances.weight
    distances.spans(every(ours), CERTAIN_KM)
    assert distances.weight > narrow + 4 * 1_000


@given(st.lists(st.integers(0, 30), min_size=1, max_size=300), st.integers(1, 20), st.data())
def test_the_nearest_are_found_by_bounds(distance: list[int], count: int, data: st.DataObject) -> None:
    away = np.array(distance, dtype=np.float64)
    bound = away - data.draw(st.lists(st.integers(0, 9), min_size=len(away), max_size=len(away)))
    places, found = nearest_of(bound, lambda some: away[some], count)
    least = np.sort(away)[min(count, len(away)) - 1]
    assert places.tolist() == np.flatnonzero(away <= least).tolist()
    assert found.tolist() == away[places].tolist()
