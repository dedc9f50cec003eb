"""Points within a radius, against the geodesic."""

import pyproj
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.suppliers.supplier import Point
from matching.geo.radius_search import box_around, within

GEODESIC = pyproj.Geod(ellps="WGS84")
CENTRES = st.builds(Point, lat=st.floats(-85, 85), lon=st.floats(-180, 180))


def reached(centre: Point, azimuth: float, distance_km: float) -> Point:
    lon, lat, _ = GEODESIC.fwd(centre.lon, centre.lat, azimuth, distance_km * 1000)
    return Point(lat, lon)


@given(CENTRES, st.floats(0, 360), st.floats(1, 1_000))
def test_a_radius_is_that_of_the_geodesic(centre: Point, azimuth: float, radius_km: float) -> None:
    """Half a percent inside it counts, half a percent outside does not."""
    points = [reached(centre, azimuth, radius_km * share) for share in (0.995, 1.005)]
    assert within(points, centre, radius_km) == [True, False]


def test_what_stands_nowhere_is_near_nothing() -> None:
    assert within([None, Point(48, -2)], Point(48, -2), 1) == [False, True]
    assert within([], Point(48, -2), 1) == []


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
