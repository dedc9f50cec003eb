"""Suppliers that are near each other stand together, and those near a shape are few runs of the order."""

from itertools import pairwise

import numpy as np

from matching.geo.shape import PointShape
from matching.index.supplier_columns import UNPLACED, runs_near, spatial_keys
from tests.factories import LYON, NANTES, RENNES


def test_from_south_to_north_then_from_west_to_east_and_unplaced_last() -> None:
    lat, lon = (np.array(column) for column in zip(*_degrees(), strict=True))
    keys = spatial_keys(lat, lon)
    assert np.argsort(keys, kind="stable").tolist() == [2, 1, 0, 3, 4]
    assert keys[4] == UNPLACED


def test_runs_are_in_order_and_apart() -> None:
    lat, lon = np.meshgrid(np.arange(42, 51, 0.1), np.arange(-4, 8, 0.1))
    keys = np.sort(spatial_keys(lat.ravel(), lon.ravel()))
    runs = runs_near(keys, PointShape(RENNES.lat, RENNES.lon), 10.0)
    assert all(low < high for low, high in runs)
    assert all(before[1] < after[0] for before, after in pairwise(runs))
    assert 0 < sum(high - low for low, high in runs) < len(keys) / 5


def _degrees() -> list[tuple[float, float]]:
    return [
        (RENNES.lat, RENNES.lon),
        (NANTES.lat, NANTES.lon),
        (LYON.lat, LYON.lon),
        (RENNES.lat, RENNES.lon + 1),
        (np.nan, np.nan),
    ]
