"""Metres of the French registers as points."""

import pytest

from matching.geo.lambert import register_point


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
