"""An order in which suppliers that are near each other are together, and which runs of it a shape lies near."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from matching.geo.projection import Floats
from matching.geo.shape import PointShape, PolygonShape, Shape

BAND_DEGREES = 0.25
PER_BAND = 1 << 14
UNPLACED = np.iinfo(np.int64).max
CERTAIN_KM = 100.0
"""Whoever is in none of the runs near a shape is certainly farther away than that."""
MARGIN_KM = 110.0
KM_PER_DEGREE = 110.5

SpatialKeys = NDArray[np.int64]


def spatial_keys(lat: Floats, lon: Floats) -> SpatialKeys:
    """Positions by bands of latitude from south to north, in each from west to east; NaN last."""
    keys = np.full(len(lat), UNPLACED)
    placed = np.flatnonzero(np.isfinite(lat))
    band = np.floor((lat[placed] + 90) / BAND_DEGREES).astype(np.int64)
    column = np.clip((lon[placed] + 180) / 360 * PER_BAND, 0, PER_BAND - 1).astype(np.int64)
    keys[placed] = band * PER_BAND + column
    return keys


def runs_near(keys: SpatialKeys, shape: Shape, radius_km: float) -> list[tuple[int, int]]:
    """The runs of sorted keys that hold all within `radius_km` and CERTAIN_KM of a shape, in order and apart."""
    found: list[tuple[int, int]] = []
    for run in sorted(run for box in _boxes(shape, radius_km + MARGIN_KM) for run in _runs(keys, *box)):
        if found and run[0] <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], run[1])
        else:
            found.append(run)
    return found


def _boxes(shape: Shape, distance_km: float) -> Iterator[tuple[float, float, float, float]]:
    """South, west, north and east of boxes that hold all so near to a shape."""
    if isinstance(shape, PolygonShape):
        parts = [cluster.degrees for cluster in shape.clusters]
    elif isinstance(shape, PointShape):
        parts = [np.array([[shape.lon, shape.lat]])]
    else:
        raise TypeError(f"no box is known around a {type(shape).__name__}")
    reach = distance_km / KM_PER_DEGREE
    for degrees in parts:
        (west, south), (east, north) = degrees.min(axis=0), degrees.max(axis=0)
        south, north = max(south - reach, -90.0), min(north + reach, 90.0)
        # near a pole all meridians are near, and a box across the antimeridian goes around the earth
        widest = math.cos(math.radians(max(abs(south), abs(north))))
        across = reach / widest if widest > reach / 360 else 360.0
        if west - across < -180 or east + across > 180:
            west, east, across = -180.0, 180.0, 0.0
        yield south, west - across, north, east + across


def _runs(keys: SpatialKeys, south: float, west: float, north: float, east: float) -> list[tuple[int, int]]:
    bands = np.arange(math.floor((south + 90) / BAND_DEGREES), math.floor((north + 90) / BAND_DEGREES) + 1)
    first, last = (min(int((degrees + 180) / 360 * PER_BAND), PER_BAND - 1) for degrees in (west, east))
    low = np.searchsorted(keys, bands * PER_BAND + first, "left")
    high = np.searchsorted(keys, bands * PER_BAND + last, "right")
    return [(a, b) for a, b in zip(low.tolist(), high.tolist(), strict=True) if b > a]
