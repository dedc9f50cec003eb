"""Distances to points and polygons agree with a slow geodesic search along densified edges."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyproj
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.geo.projection import earth_centred
from matching.geo.shape import PointShape, PolygonShape
from tests.conftest import examples

GEODESIC = pyproj.Geod(ellps="WGS84")
PLACES = st.tuples(st.floats(42, 51), st.floats(-5, 8))


def star(lat: float, lon: float, radii: list[float]) -> shapely.Polygon:
    """A polygon around a centre, one vertex per radius (in degrees)."""
    angles = np.linspace(0, 2 * np.pi, len(radii), endpoint=False)
    return shapely.Polygon(np.column_stack((lon + np.cos(angles) * radii, lat + np.sin(angles) * radii)))


def slow_distance(polygons: list[shapely.Polygon], lat: float, lon: float) -> float:
    """Geodesic kilometres from a point to the nearest of many points along the edges; 0 inside."""
    if any(polygon.contains(shapely.Point(lon, lat)) for polygon in polygons):
        return 0.0
    edges = np.concatenate([shapely.get_coordinates(shapely.segmentize(polygon, 0.001)) for polygon in polygons])
    _, _, metres = GEODESIC.inv(np.full(len(edges), lon), np.full(len(edges), lat), edges[:, 0], edges[:, 1])
    return float(np.min(metres)) / 1_000


def measured(shape: PolygonShape | PointShape, lat: float, lon: float) -> float:
    return float(shape.distance(earth_centred(np.array([lat]), np.array([lon])))[0])


@settings(max_examples=examples(60))
@given(PLACES, st.lists(st.floats(0.05, 1.5), min_size=3, max_size=12), PLACES)
def test_distance_to_a_polygon(centre: tuple[float, float], radii: list[float], point: tuple[float, float]) -> None:
    polygon = star(*centre, radii)
    expected = slow_distance([polygon], *point)
    assert abs(measured(PolygonShape(np.array([polygon])), *point) - expected) <= max(0.005 * expected, 0.06)


@settings(max_examples=examples(20))
@given(st.floats(0.05, 0.6), PLACES)
def test_nearest_of_polygons_on_both_sides_of_the_world(radius: float, point: tuple[float, float]) -> None:
    """A territory may hold an overseas departement and a mainland one; each is measured where it is."""
    polygons = [star(48.2, -3.0, [radius] * 8), star(-21.1, 55.5, [0.25] * 8)]
    expected = slow_distance(polygons, *point)
    assert abs(measured(PolygonShape(np.array(polygons)), *point) - expected) <= max(0.005 * expected, 0.06)


def test_far_overseas_supplier() -> None:
    """From La Réunion to a mainland polygon: some 9,300 km, within 0.5 %."""
    polygon = star(48.2, -3.0, [0.6] * 8)
    expected = slow_distance([polygon], -21.1, 55.5)
    assert abs(measured(PolygonShape(np.array([polygon])), -21.1, 55.5) - expected) <= 0.005 * expected


def test_a_hole_is_outside() -> None:
    ring = shapely.Polygon(star(48, 0, [1.0] * 12).exterior.coords, [star(48, 0, [0.5] * 12).exterior.coords])
    assert measured(PolygonShape(np.array([ring])), 48, 0) > 30
    assert measured(PolygonShape(np.array([ring])), 48, 0.75) == 0


@settings(max_examples=examples(60))
@given(
    PLACES, st.lists(st.floats(0.05, 1.5), min_size=3, max_size=12), st.tuples(st.floats(-22, 51), st.floats(-62, 56))
)
def test_lower_bound_never_exceeds_the_distance(
    centre: tuple[float, float], radii: list[float], point: tuple[float, float]
) -> None:
    shape = PolygonShape(np.array([star(*centre, radii)]))
    position = earth_centred(np.array([point[0]]), np.array([point[1]]))
    assert shape.lower_bound(position)[0] <= shape.distance(position)[0] + 1e-9


def test_an_unknown_position_is_infinitely_far() -> None:
    unknown = np.full((1, 3), np.nan)
    assert np.isinf(PolygonShape(np.array([star(48, 0, [1.0] * 8)])).distance(unknown)).all()
    assert np.isinf(PointShape(48, 0).distance(unknown)).all()


def test_beyond_the_cap_nothing_is_measured() -> None:
    position = earth_centred(np.array([48.0]), np.array([4.0]))
    assert np.isinf(PolygonShape(np.array([star(48, 0, [1.0] * 8)])).distance(position, 50.0)).all()


def test_threads_may_measure_to_one_shape_at_once() -> None:
    """Even where each is the first: a prepared geometry that two threads read at once ended the process."""
    radii = list(1 + np.arange(100_000) % 7 / 1_000)
    lat, lon = np.meshgrid(np.linspace(45.8, 46.2, 100), np.linspace(1.8, 2.2, 100))
    positions = earth_centred(lat.ravel(), lon.ravel())
    with ThreadPoolExecutor(4) as threads:
        for _ in range(4):
            shape = PolygonShape(np.array([star(46.0, 2.0, radii)]))
            found = list(threads.map(shape.distance, [positions] * 4))
            assert all(np.array_equal(each, shape.distance(positions)) for each in found)
