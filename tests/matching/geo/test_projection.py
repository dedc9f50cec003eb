"""Distances on the local plane agree with the WGS 84 geodesic."""

import csv
from pathlib import Path

import numpy as np
import pyproj
from hypothesis import given
from hypothesis import strategies as st

from matching.geo.projection import Plane, earth_centred

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
