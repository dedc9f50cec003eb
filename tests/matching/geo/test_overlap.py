"""What is decided in degrees is what the slow comparison decides."""

from collections.abc import Callable

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.geo.geojson_validation import checked_geometry
from matching.geo.overlap import GEODESIC, meets_circle, shares_ground
from matching.geo.projection import Geometries
from matching.geo.shape import PointShape, PolygonShape, Shape
from tests.conftest import examples
from tests.factories import REDON, comb
from tests.matching.geo.test_shape import slow_distance, star

RADII = st.lists(st.floats(0.05, 1.5), min_size=3, max_size=12)
PLACES = st.tuples(st.floats(45, 49), st.floats(-3, 2))


def array(*regions: shapely.Geometry) -> Geometries:
    return np.array(regions, dtype=object)


@settings(max_examples=examples(60))
@given(PLACES, RADII, st.lists(st.tuples(PLACES, RADII), min_size=1, max_size=6))
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
    PointShape(0.2, 0.2).within(50, others)
    assert not shapely.is_prepared(region)
    assert not shapely.is_prepared(others).any()


@settings(max_examples=examples(60))
@given(PLACES, PLACES, RADII, st.floats(1, 400))
def test_what_comes_near_a_point(
    point: tuple[float, float], middle: tuple[float, float], radii: list[float], radius_km: float
) -> None:
    """As the geodesic says, but for half a percent."""
    region = star(*middle, radii)
    away = slow_distance([region], *point)
    (near,) = PointShape(*point).within(radius_km, array(region))
    assert near == (away <= radius_km) or abs(away - radius_km) <= max(0.005 * away, 0.06)


@settings(max_examples=examples(30))
@given(PLACES, RADII, PLACES, RADII, st.floats(1, 400))
def test_what_comes_near_polygons(
    middle: tuple[float, float], radii: list[float], place: tuple[float, float], around: list[float], radius_km: float
) -> None:
    """The same, from an outline, such as a commune's."""
    shape, region = star(*place, [0.1 * radius for radius in around]), star(*middle, radii)
    steps = shapely.get_coordinates(shapely.segmentize(shape, 0.02))
    away = 0.0 if shape.intersects(region) else min(slow_distance([region], lat, lon) for lon, lat in steps)
    (near,) = PolygonShape(array(shape)).within(radius_km, array(region))
    assert near == (away <= radius_km) or abs(away - radius_km) <= max(0.01 * away, 1.0)


@pytest.mark.parametrize(("lat", "lon", "radius_km"), [(48, 2, 1_001), (80, 2, 10), (-16.8, 179.95, 50), (48, 2, 0.0)])
def test_circles_that_are_not_round_in_degrees_are_not_used(lat: float, lon: float, radius_km: float) -> None:
    """What comes near is found all the same."""
    around = array(shapely.box(lon - 0.01, lat - 0.01, lon + 0.01, lat + 0.01), shapely.box(20, 20, 21, 21))
    assert meets_circle(lat, lon, radius_km, around) is None
    assert PointShape(lat, lon).within(radius_km, around).tolist() == [True, False]


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
    assert shape.within(30, array(*[around] * 100, *[far] * 100)).tolist() == [True] * 100 + [False] * 100
    assert sum(laid) == 0
