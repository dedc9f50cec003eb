"""Which points lie within a radius or on a shape: exactly, and roughly, as boxes that a database can search."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
import shapely

from domain.suppliers.supplier import Point
from matching.geo.projection import Floats, Geometries, earth_centred
from matching.geo.shape import ROUNDED_KM, PointShape, Shape

Box = tuple[float, float, float, float]

LEAST_CURVATURE_KM = 6335.0
"""No radius of curvature of the ellipsoid is smaller, so no distance spans more degrees than it does at this one."""
MARGIN = 1.02
METRES_IN_DEGREES = 0.0001
"""A point that is half a metre off a shape is still on it: distances are to the metre."""


def within(points: Sequence[Point | None], centre: Point, radius_km: float) -> list[bool]:
    """Whether each point is at most `radius_km` from the centre, along the WGS 84 ellipsoid; no point never is."""
    found: list[bool] = (PointShape(centre.lat, centre.lon).distance(_positions(points)) <= radius_km).tolist()
    return found


def are_on(shape: Shape | None, points: Sequence[Point | None]) -> list[bool]:
    """Whether each point is on the ground of a shape, as distances have it; no point is, nor any on no known ground."""
    if shape is None:
        return [False] * len(points)
    found: list[bool] = (shape.distance(_positions(points), ROUNDED_KM) == 0).tolist()
    return found


def boxes_of(outlines: Iterable[Geometries]) -> tuple[Box, ...]:
    """West, south, east, north of a box around each outline, in degrees."""
    around = [shapely.bounds(pieces) + np.array([-1, -1, 1, 1]) * METRES_IN_DEGREES for pieces in outlines]
    return tuple((west, south, east, north) for bounds in around for west, south, east, north in bounds.tolist())


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


def _positions(points: Sequence[Point | None]) -> Floats:
    """Earth-centred positions; NaN for no point."""
    degrees = np.array([(p.lat, p.lon) if p else (np.nan, np.nan) for p in points], dtype=np.float64).reshape(-1, 2)
    return earth_centred(degrees[:, 0], degrees[:, 1])


def _wrapped(lon: float) -> float:
    return (lon + 180) % 360 - 180
