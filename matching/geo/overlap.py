"""Which polygons share ground with a region, or come near a point: most are decided at little cost, in degrees.

What is decided so is what the exact comparison, which is left to the few in doubt, would answer.
"""

from typing import Any

import numpy as np
import pyproj
import shapely

from matching.geo.projection import Bools, Geometries

SHARES_GROUND = "T********"
"""The pattern of DE-9IM for two interiors that meet; a common border is not ground."""
SLIVER_DEGREES = 1e-7
"""About a centimetre: what reaches so far into a region shares ground with it."""
GEODESIC = pyproj.Geod(ellps="WGS84")
CIRCLE_POINTS = 128
"""Points of a circle; its chords come to 0.03 % of the radius within it."""
WIDEST_KM, FARTHEST_DEGREES = 1_000.0, 75.0
"""Circles no wider and no nearer to a pole are round enough in degrees."""


def shares_ground(region: shapely.Geometry, others: Geometries) -> Bools:
    """Which of some polygons share ground with a region, all in degrees.

    `region` and `others` may be shared by threads, which a prepared geometry does not bear: only copies are prepared.
    """
    found = np.zeros(len(others), dtype=bool)
    near = np.flatnonzero(_have_boxes_that_meet(region, others))
    core = shapely.buffer(region, -SLIVER_DEGREES, quad_segs=1, join_style="mitre")
    found[near] = _meets(core, others[near])
    doubtful = near[~found[near]]
    doubtful = doubtful[_meets(shapely.transform(region, np.copy), others[doubtful])]
    found[doubtful] = shapely.relate_pattern(others[doubtful], region, SHARES_GROUND)
    return found


def meets_circle(lat: float, lon: float, radius_km: float, others: Geometries) -> Bools | None:
    """Which of some polygons in degrees meet the polygon inscribed in a circle on the ellipsoid.

    None where degrees do not go evenly around the circle: it is too wide, near a pole or across the antimeridian.
    """
    if not 0 < radius_km <= WIDEST_KM or abs(lat) > FARTHEST_DEGREES:
        return None
    around = np.linspace(0, 360, CIRCLE_POINTS, endpoint=False)
    every = np.full(CIRCLE_POINTS, 1.0)
    west_east, south_north, _ = GEODESIC.fwd(every * lon, every * lat, around, every * radius_km * 1_000)
    if np.abs(west_east - lon).max() > 90:
        return None
    return _meets(shapely.polygons(np.column_stack((west_east, south_north))), others)


def _meets(own: shapely.Geometry, others: Geometries) -> Bools:
    """Which geometries have a point in common with one that nobody else uses."""
    shapely.prepare(own)
    found: Bools = shapely.intersects(own, others)
    return found


def _have_boxes_that_meet(region: shapely.Geometry, others: Geometries) -> Bools:
    box: Any = shapely.bounds(region)
    boxes = shapely.bounds(others)
    meets: Bools = ((boxes[:, :2] <= box[2:]) & (boxes[:, 2:] >= box[:2])).all(axis=1)
    return meets
