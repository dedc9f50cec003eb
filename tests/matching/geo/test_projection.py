"""Distances on the local plane agree with the WGS 84 geodesic; metres of the French registers become points."""

import csv
from pathlib import Path

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.geo.projection import (
    CHILDREN,
    MOST_ON_TOP,
    Floats,
    NearestEdge,
    Numbers,
    Plane,
    earth_centred,
    register_point,
)
from tests.conftest import examples
from tests.factories import REDON, comb

GEODESIC = pyproj.Geod(ellps="WGS84")
LATITUDES = st.floats(-25, 52)
LONGITUDES = st.floats(-65, 60)


def positions(*degrees: tuple[float, float]) -> np.ndarray:
    lat, lon = np.array(degrees).T
    return earth_centred(lat, lon)


@given(LATITUDES, LONGITUDES, st.floats(0, 360), st.floats(0, 1_000))
def test_distance_from_the_centre_is_geodesic(lat: float, lon: float, azimuth: float, distance_km: float) -> None:
    there_lon, there_lat, _ = GEODESIC.fwd(lon, lat, azimuth, distance_km * 1_000)
    measured = Plane(lat, lon).from_centre(positions((there_lat, there_lon)))[0]
    assert abs(measured - distance_km) <= max(0.0005 * distance_km, 0.001)


@given(
    LATITUDES,
    LONGITUDES,
    st.tuples(st.floats(0, 360), st.floats(0, 400)),
    st.tuples(st.floats(0, 360), st.floats(0, 900)),
)
def test_distance_between_two_points_within_reach_is_geodesic(
    lat: float, lon: float, one: tuple[float, float], other: tuple[float, float]
) -> None:
    places = [GEODESIC.fwd(lon, lat, azimuth, distance_km * 1_000) for azimuth, distance_km in (one, other)]
    expected = GEODESIC.inv(*places[0][:2], *places[1][:2])[2] / 1_000
    flat = Plane(lat, lon).project(positions(*((place[1], place[0]) for place in places)))
    measured = float(np.hypot(*(flat[0] - flat[1])))
    assert abs(measured - expected) <= max(0.005 * expected, 0.05)


def test_an_unknown_position_stays_unknown() -> None:
    unknown = positions((np.nan, np.nan))
    assert np.isnan(Plane(48.0, -3.0).from_centre(unknown)).all()


def test_pairs_of_communes_measured_elsewhere(shared_data: Path) -> None:
    """600 pairs with their geodesic distance, from 1 to 17,000 km; beyond the plane's reach 0.5 % still holds."""
    with (shared_data / "geo/geodesic_km_pairs.csv").open() as file:
        for row in csv.DictReader(file):
            expected = float(row["geodesic_km"])
            plane = Plane(float(row["lat_a"]), float(row["lon_a"]))
            measured = plane.from_centre(positions((float(row["lat_b"]), float(row["lon_b"]))))[0]
            assert abs(measured - expected) <= max(0.005 * expected, 0.05), row


@pytest.mark.parametrize(
    ("departement", "x", "y", "lat", "lon"),
    [
        ("35", 351_000, 6_789_000, 48.11, -1.68),
        ("2A", 1_177_000, 6_106_000, 41.90, 8.74),
        ("971", 655_000, 1_769_000, 16.0, -61.55),
        ("973", 353_000, 545_000, 4.93, -52.33),
        ("974", 338_000, 7_692_000, -20.87, 55.44),
        ("976", 523_000, 8_587_000, -12.79, 45.21),
    ],
)
def test_each_territory_has_its_projection(departement: str, x: float, y: float, lat: float, lon: float) -> None:
    point = register_point(x, y, departement)
    assert point is not None
    assert point.lat == pytest.approx(lat, abs=0.02)
    assert point.lon == pytest.approx(lon, abs=0.02)


def test_what_is_nowhere_is_no_point() -> None:
    assert register_point(float("inf"), 0, "35") is None
    assert register_point(float("nan"), 0, "35") is None


# as far apart as on a plane in kilometres, and no nearer than a metre, but for those in one place
numbers = st.integers(-1_000_000, 1_000_000).map(lambda metres: metres / 1_000)
points = st.tuples(numbers, numbers)


def assert_nearest(begins: np.ndarray, ends: np.ndarray, asked: np.ndarray) -> None:
    edges = shapely.linestrings(np.stack((begins, ends), axis=1))
    expected = shapely.distance(shapely.points(asked)[:, None], edges).min(axis=1)
    np.testing.assert_allclose(NearestEdge(begins, ends).distance(asked), expected, rtol=1e-9, atol=1e-9)


@settings(max_examples=examples(200))
@given(st.lists(points, min_size=2, max_size=40), st.lists(points, min_size=1, max_size=10))
def test_of_a_line_that_goes_anywhere(line: list[tuple[float, float]], asked: list[tuple[float, float]]) -> None:
    """Also where an edge has no length."""
    through = np.array(line)
    assert_nearest(through[:-1], through[1:], np.array(asked))


@pytest.mark.parametrize("teeth", [100, 1_000])
def test_of_teeth_side_by_side(teeth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A comb has long edges close to each other: each point is held against few of them."""
    (ring,) = comb(REDON, 1, teeth, pieces=5).coordinates
    line, middle = np.array(ring), np.array([REDON.lon, REDON.lat])
    asked = middle + np.random.default_rng(1).uniform(-3, 3, (200, 2))
    assert_nearest(line[:-1], line[1:], asked)
    looked_at: list[int] = []
    away = NearestEdge._edge_distance

    def counted(own: NearestEdge, x: Floats, y: Floats, edge: Numbers) -> Floats:
        looked_at.append(len(edge))
        return away(own, x, y, edge)

    monkeypatch.setattr(NearestEdge, "_edge_distance", counted)
    NearestEdge(line[:-1], line[1:]).distance(asked)
    assert sum(looked_at) < len(line) * len(asked) / 10


def test_of_outlines_of_every_length() -> None:
    """Levels that are full, and runs at the end that are not."""
    draw = np.random.default_rng(1)
    for count in (1, CHILDREN, CHILDREN * MOST_ON_TOP, CHILDREN * MOST_ON_TOP + 1, 777):
        angles = np.linspace(0, 2 * np.pi, count + 1)
        ring = np.column_stack((np.cos(angles), np.sin(angles))) * draw.uniform(20, 40, count + 1)[:, None]
        assert_nearest(ring[:-1], ring[1:], draw.uniform(-100, 100, (50, 2)))
