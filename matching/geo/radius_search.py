"""Which points lie within a radius: exactly, and roughly, as a box of degrees that a database can search."""

import math
from collections.abc import Sequence

import numpy as np

from domain.suppliers.supplier import Point
from matching.geo.projection import earth_centred
from matching.geo.shape import PointShape

Box = tuple[float, float, float, float]

LEAST_CURVATURE_KM = 6335.0
"""No radius of curvature of the ellipsoid is smaller, so no distance spans more degrees than it does at this one."""
MARGIN = 1.02


def within(points: Sequence[Point | None], centre: Point, radius_km: float) -> list[bool]:
    """Whether each point is at most `radius_km` from the centre, along the WGS 84 ellipsoid; no point never is."""
    degrees = np.array([(p.lat, p.lon) if p else (np.nan, np.nan) for p in points], dtype=np.float64).reshape(-1, 2)
    distance = PointShape(centre.lat, centre.lon).distance(earth_centred(degrees[:, 0], degrees[:, 1]))
    found: list[bool] = (distance <= radius_km).tolist()
    return found


def box_around(centre: Point, radius_km: float) -> Box:
    """West, south, east, north of a box that holds every point within the radius; west > east over the antimeridian."""
    reach = radius_km / LEAST_CURVATURE_KM * MARGIN
    phi = math.radians(centre.lat)
    south, north = math.degrees(phi - reach), math.degrees(phi + reach)
    if south <= -90 or north >= 90:
        return -180.0, max(south, -90.0), 180.0, min(north, 90.0)
    across = math.degrees(math.asin(min(math.sin(reach) / math.cos(phi), 1.0))) * MARGIN
    if across >= 180:
        return -180.0, south, 180.0, north
    return _wrapped(centre.lon - across), south, _wrapped(centre.lon + across), north


def _wrapped(lon: float) -> float:
    return (lon + 180) % 360 - 180
