"""Distances to points and polygons agree with a slow geodesic search along densified edges.

What is decided in degrees is what the slow comparison decides; points within a radius agree with the geodesic.
"""

import lzma
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st
from shapely.geometry.base import BaseGeometry

from domain.suppliers.supplier import Point
from matching.geo.geojson_validation import checked_geometry
from matching.geo.projection import Geometries, earth_centred
from matching.geo.shape import (
    Pairs,
    PointShape,
    PolygonShape,
    Shape,
    are_near,
    box_around,
    bridges,
    decode_pairs,
    meets_circle,
    neighbouring_groups,
    shares_ground,
)
from scripts.territory_outlines import write_neighbours
from tests.conftest import examples
from tests.factories import REDON, comb, reference

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


RADII = st.lists(st.floats(0.05, 1.5), min_size=3, max_size=12)
PLACES_OF_FRANCE = st.tuples(st.floats(45, 49), st.floats(-3, 2))


def array(*regions: shapely.Geometry) -> Geometries:
    return np.array(regions, dtype=object)


@settings(max_examples=examples(60))
@given(PLACES_OF_FRANCE, RADII, st.lists(st.tuples(PLACES_OF_FRANCE, RADII), min_size=1, max_size=6))
def test_ground_is_shared_where_interiors_meet(
    middle: tuple[float, float], radii: list[float], others: list[tuple[tuple[float, float], list[float]]]
) -> None:
    region, regions = star(*middle, radii), array(*(star(*where, each) for where, each in others))
    expected = shapely.relate_pattern(regions, region, "T********")
    assert shares_ground(region, regions).tolist() == expected.tolist()


def test_borders_and_slivers() -> None:
    """A common border or corner is no ground, a common millimetre is, and so is a region inside or around."""
    region = shapely.box(0, 0, 1, 1)
    others = {
        shapely.box(1, 0, 2, 1): False,
        shapely.box(1, 1, 2, 2): False,
        shapely.box(3, 3, 4, 4): False,
        shapely.box(1 - 1e-8, 0, 2, 1): True,
        shapely.box(0.4, 0.4, 0.6, 0.6): True,
        shapely.box(-1, -1, 2, 2): True,
        region: True,
        shapely.box(-1, -1, 2, 2).difference(region): False,
        shapely.Polygon([(0.5, 1), (0, 2), (1, 2)]): False,
    }
    assert shares_ground(region, array(*others)).tolist() == [*others.values()]
    thin = shapely.box(0, 0, 1, 1e-9)  # without a core of its own
    assert shares_ground(thin, array(region, shapely.box(2, 0, 3, 1))).tolist() == [True, False]


def test_what_is_compared_stays_unprepared() -> None:
    """Threads that compare a prepared geometry at once end the process."""
    region, others = shapely.box(0, 0, 1, 1), array(shapely.box(0.5, 0.5, 2, 2))
    shares_ground(region, others)
    PointShape(0.2, 0.2).are_within(50, others)
    assert not shapely.is_prepared(region)
    assert not shapely.is_prepared(others).any()


@settings(max_examples=examples(60))
@given(PLACES_OF_FRANCE, PLACES_OF_FRANCE, RADII, st.floats(1, 400))
def test_what_comes_near_a_point(
    point: tuple[float, float], middle: tuple[float, float], radii: list[float], radius_km: float
) -> None:
    """As the geodesic says, but for half a percent."""
    region = star(*middle, radii)
    away = slow_distance([region], *point)
    (near,) = PointShape(*point).are_within(radius_km, array(region))
    assert near == (away <= radius_km) or abs(away - radius_km) <= max(0.005 * away, 0.06)


@settings(max_examples=examples(30))
@given(PLACES_OF_FRANCE, RADII, PLACES_OF_FRANCE, RADII, st.floats(1, 400))
def test_what_comes_near_polygons(
    middle: tuple[float, float], radii: list[float], place: tuple[float, float], around: list[float], radius_km: float
) -> None:
    """The same, from an outline, such as a commune's."""
    shape, region = star(*place, [0.1 * radius for radius in around]), star(*middle, radii)
    steps = shapely.get_coordinates(shapely.segmentize(shape, 0.02))
    away = 0.0 if shape.intersects(region) else min(slow_distance([region], lat, lon) for lon, lat in steps)
    (near,) = PolygonShape(array(shape)).are_within(radius_km, array(region))
    assert near == (away <= radius_km) or abs(away - radius_km) <= max(0.01 * away, 1.0)


@pytest.mark.parametrize(("lat", "lon", "radius_km"), [(48, 2, 1_001), (80, 2, 10), (-16.8, 179.95, 50), (48, 2, 0.0)])
def test_circles_that_are_not_round_in_degrees_are_not_used(lat: float, lon: float, radius_km: float) -> None:
    """What comes near is found all the same."""
    around = array(shapely.box(lon - 0.01, lat - 0.01, lon + 0.01, lat + 0.01), shapely.box(20, 20, 21, 21))
    assert meets_circle(lat, lon, radius_km, around) is None
    assert PointShape(lat, lon).are_within(radius_km, around).tolist() == [True, False]


def test_a_circle_is_inscribed() -> None:
    """Whatever meets it is at most the radius away, and nearly all that is so meets it."""
    for bearing in range(0, 360, 7):
        for part, meets in ((0.999, True), (1.0001, False)):
            lon, lat, _ = GEODESIC.fwd(-2.1, 47.6, bearing, part * 300_000)
            away = array(shapely.Point(lon, lat).buffer(1e-7))
            assert meets_circle(47.6, -2.1, 300.0, away) == meets


@pytest.mark.parametrize("shape", [PointShape(48, 1), PolygonShape(array(star(48, 1, [0.05] * 8)))])
def test_few_areas_are_compared_exactly(shape: Shape, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many that are drawn around a place or far from it none has to be laid on a plane."""
    laid: list[int] = []

    def counted(geometries: Geometries, transformation: Callable[..., object]) -> Geometries:
        laid.append(len(geometries))
        return geometries

    monkeypatch.setattr(shapely, "transform", counted)
    around, far = checked_geometry(comb(REDON, 4)), shapely.box(20, 40, 21, 41)
    assert shape.are_within(30, array(*[around] * 100, *[far] * 100)).tolist() == [True] * 100 + [False] * 100
    assert sum(laid) == 0


CENTRES = st.builds(Point, lat=st.floats(-85, 85), lon=st.floats(-180, 180))


def reached(centre: Point, azimuth: float, distance_km: float) -> Point:
    lon, lat, _ = GEODESIC.fwd(centre.lon, centre.lat, azimuth, distance_km * 1000)
    return Point(lat, lon)


def test_what_stands_nowhere_is_near_nothing() -> None:
    assert are_near([None, Point(48, -2)], Point(48, -2), 1) == [False, True]
    assert are_near([], Point(48, -2), 1) == []


@given(CENTRES, st.floats(0, 360), st.floats(0.1, 15_000), st.floats(0, 1))
@example(Point(48.1, -1.7), 90.0, 30.0, 1.0)
@example(Point(-17.5, 179.9), 90.0, 300.0, 1.0)
def test_the_box_leaves_nothing_within_the_radius_out(
    centre: Point, azimuth: float, radius_km: float, share: float
) -> None:
    point = reached(centre, azimuth, radius_km * share)
    west, south, east, north = box_around(centre, radius_km)

    assert south <= point.lat <= north
    assert west <= point.lon <= east if west <= east else point.lon >= west or point.lon <= east


def test_the_box_is_not_much_larger_than_it_must() -> None:
    west, south, east, north = box_around(Point(48.1, -1.7), 30)
    assert (east - west, north - south) == pytest.approx((0.82, 0.55), abs=0.03)


GEOGRAPHY = reference().geography
ORDINALS = {commune.name: n for n, commune in enumerate(GEOGRAPHY.territories.communes) if commune.departement == "56"}


def bordering_pairs(outlines: Sequence[BaseGeometry | None]) -> Pairs:
    return decode_pairs(lzma.decompress(write_neighbours(outlines)))


def squares(*corners: tuple[int, int]) -> list[BaseGeometry | None]:
    return [None, *(shapely.box(x, y, x + 1, y + 1) for x, y in corners)]


def test_a_border_is_shared_and_a_corner_is_not() -> None:
    """Positions count what has no outline."""
    assert bordering_pairs(squares((0, 0), (1, 0), (2, 1), (5, 5))).tolist() == [[1, 2]]


def test_the_kept_pairs_are_those_of_the_kept_outlines() -> None:
    units = shapely.transform(GEOGRAPHY.outlines, lambda degrees: np.rint(degrees * 100_000))
    assert np.array_equal(GEOGRAPHY.borders, bordering_pairs(units))
    touching = GEOGRAPHY.tree.query(GEOGRAPHY.outlines[[ORDINALS["Vannes"]]], predicate="touches")[1]
    beside = {other for pair in GEOGRAPHY.borders.tolist() if ORDINALS["Vannes"] in pair for other in pair}
    assert beside - {ORDINALS["Vannes"]} <= {*touching.tolist()}
    assert ORDINALS["Séné"] in beside
    assert not beside & {ORDINALS["Le Palais"], ORDINALS["Pontivy"]} - {ORDINALS["Vannes"]}


def test_groups_are_neighbours_by_their_members_and_an_island_by_the_nearest() -> None:
    pairs = bordering_pairs(squares((0, 0), (1, 0), (2, 0), (5, 0), (9, 0)))
    groups = np.zeros((4, 6), dtype=bool)
    for number, members in enumerate(([1, 2], [3], [4], [5])):
        groups[number, members] = True
    found = neighbouring_groups(groups, pairs)
    assert np.argwhere(found).tolist() == [[0, 1], [1, 0]]
    middles = np.array([[np.nan, 0, 0], *([x, 0.0, 0.0] for x in (0, 1, 2, 5, 9))])
    assert {frozenset(pair) for pair in bridges(groups, found, middles)} == {frozenset({1, 2}), frozenset({2, 3})}
    overlapping = np.array([[False, True, True], [False, True, False]])
    assert neighbouring_groups(overlapping, np.empty((0, 2), dtype=np.int64))[0, 1]
