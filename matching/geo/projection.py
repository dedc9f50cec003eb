"""Positions on the WGS 84 ellipsoid, and a local plane on which distances can be measured.

Positions are kept as earth-centred coordinates in kilometres: from them a plane around any point is a few
multiplications away, without trigonometry on the request path and without a projection chosen per region.
Coordinates of the French registers, metres of each territory's official projection, become WGS 84 points. On a plane,
the nearest of many edges is found for many points at once.
"""

import math
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from domain.suppliers.supplier import Point

Floats = NDArray[np.float64]
Positions = NDArray[np.signedinteger[Any]]
Geometries = NDArray[np.object_]
Bools = NDArray[np.bool_]

EQUATOR_KM = 6378.137
FLATTENING = 1 / 298.257223563
ECCENTRICITY2 = FLATTENING * (2 - FLATTENING)


def earth_centred(lat: Floats, lon: Floats) -> Floats:
    """Earth-centred coordinates in kilometres, shape (n, 3), of WGS 84 degrees; NaN stays NaN."""
    phi, lam = np.radians(lat), np.radians(lon)
    sin_phi, cos_phi = np.sin(phi), np.cos(phi)
    normal = EQUATOR_KM / np.sqrt(1 - ECCENTRICITY2 * sin_phi**2)
    return np.stack(
        (normal * cos_phi * np.cos(lam), normal * cos_phi * np.sin(lam), normal * (1 - ECCENTRICITY2) * sin_phi),
        axis=-1,
    )


class Plane:
    """An azimuthal equidistant plane around one point, in kilometres.

    Distances from the centre are exact to some 1e-5; between two points that both lie within `REACH_KM` of the
    centre they are within 0.5 % of the geodesic (at most c²/6 for an angular distance c; Snyder 1987, §25).
    """

    REACH_KM = 1_000.0

    def __init__(self, lat: float, lon: float) -> None:
        self.lat, self.lon = lat, lon
        phi, lam = math.radians(lat), math.radians(lon)
        sin_phi, cos_phi, sin_lam, cos_lam = math.sin(phi), math.cos(phi), math.sin(lam), math.cos(lam)
        self.centre = earth_centred(np.array([lat]), np.array([lon]))[0]
        self.axes = np.array([[-sin_lam, cos_lam, 0.0], [-sin_phi * cos_lam, -sin_phi * sin_lam, cos_phi]])
        curvature = 1 - ECCENTRICITY2 * sin_phi**2
        self.radius = EQUATOR_KM * math.sqrt(1 - ECCENTRICITY2) / curvature  # Gaussian radius √(MN)

    def from_centre(self, positions: Floats) -> Floats:
        """Distance in kilometres from the centre to each earth-centred position."""
        return self._arc(self.chords(positions))

    def chords(self, positions: Floats) -> Floats:
        """Straight distance in kilometres, through the earth, from the centre to each earth-centred position."""
        return _lengths(self._offsets(positions))

    def project(self, positions: Floats) -> Floats:
        """Coordinates east and north of the centre in kilometres, shape (n, 2), of earth-centred positions."""
        x, y, z = self._offsets(positions)
        flat = [x * axes[0] + y * axes[1] + z * axes[2] for axes in self.axes.tolist()]
        across, arc = _lengths(flat), self._arc(_lengths((x, y, z)))
        scale = np.divide(arc, across, out=np.ones_like(arc), where=across > 1e-9)
        return np.stack([each * scale for each in flat], axis=1)

    def project_degrees(self, degrees: Floats) -> Floats:
        """Coordinates on the plane, shape (n, 2), of points given by longitude and latitude."""
        return self.project(earth_centred(degrees[:, 1], degrees[:, 0]))

    def _offsets(self, positions: Floats) -> list[Floats]:
        """The vectors from the centre, one array per axis: rows of three would be slower to go through."""
        return [positions[:, axis] - middle for axis, middle in enumerate(self.centre.tolist())]

    def _arc(self, chord: Floats) -> Floats:
        """Kilometres along the surface between the ends of a straight `chord` through the earth."""
        arc = chord / (2 * self.radius)
        np.arcsin(np.minimum(arc, 1.0, out=arc), out=arc)
        arc *= 2 * self.radius
        return arc


def _lengths(parts: Sequence[Floats]) -> Floats:
    """The length of each vector; `parts`: the coordinates by axis."""
    squared: Floats = parts[0] * parts[0]
    for part in parts[1:]:
        squared += part * part
    return np.sqrt(squared, out=squared)


def to_metre(distance: float) -> float | None:
    """A distance in kilometres, rounded to the metre; None where it is infinite (not known)."""
    return round(distance, 3) if distance < np.inf else None


# RGF93 / Lambert-93 (EPSG:2154), and the UTM zones of RGAF09, RGFG95, RGR92, RGSPM06 and RGM04 (EPSG:5490, 2972, 2975,
# 4467, 4471). Written out: by number they would be looked up in a database file, which processes that are forked lose.
MAINLAND = "+proj=lcc +lat_0=46.5 +lon_0=3 +lat_1=49 +lat_2=44 +x_0=700000 +y_0=6600000"
_PROJECTIONS = {
    **dict.fromkeys(("971", "972", "977", "978"), "+proj=utm +zone=20"),
    "973": "+proj=utm +zone=22",
    "974": "+proj=utm +zone=40 +south",
    "975": "+proj=utm +zone=21",
    "976": "+proj=utm +zone=38 +south",
}


def register_point(x: float, y: float, departement: str) -> Point | None:
    """The WGS 84 point of projected metres (Lambert-93, overseas the departement's own); None where off the earth."""
    lon, lat = _transformer(_PROJECTIONS.get(departement, MAINLAND)).transform(x, y)
    return Point(round(lat, 6), round(lon, 6)) if abs(lat) <= 90 and abs(lon) <= 180 else None


@cache
def _transformer(projection: str) -> Transformer:
    return Transformer.from_pipeline(
        f"+proj=pipeline +step +inv {projection} +ellps=GRS80 +step +proj=unitconvert +xy_in=rad +xy_out=deg"
    )


CHILDREN = 4
MOST_ON_TOP = 24
MANY = 6
"""Runs left for each point, of which outlines of territories seldom leave more."""
ROUNDING = 1e-6
"""Kilometres by which a box may be too far in the arithmetic alone."""

Numbers = NDArray[np.int32]


class Edges(NamedTuple):
    """Edges in parallel arrays: the beginning, the vector to the end, and 1 / squared length (0 for no length)."""

    x: Floats
    y: Floats
    dx: Floats
    dy: Floats
    inverse: Floats


class Runs(NamedTuple):
    """Runs of edges, each with a point near its middle, the distance from there to its farthest end, and its box."""

    x: Floats
    y: Floats
    radius: Floats
    middle_x: Floats
    middle_y: Floats
    half_x: Floats
    half_y: Floats


class NearestEdge:
    """Finds the nearest edge of an outline by a tree: runs of CHILDREN edges, then of CHILDREN runs, and so on.

    A point is as near to a run as to its middle, or nearer: runs that are farther than that are left aside. Circles
    around long edges that lie close to each other overlap: where many are left, boxes tell them apart.
    """

    def __init__(self, begins: Floats, ends: Floats) -> None:
        """Of edges from `begins` to `ends`, both of shape (n, 2)."""
        (x, y), (dx, dy) = begins.T.copy(), (ends - begins).T.copy()
        squared = dx * dx + dy * dy
        self._edges = Edges(x, y, dx, dy, np.divide(1.0, squared, out=np.zeros_like(squared), where=squared > 0))
        self._levels: list[Runs] = []
        length = CHILDREN
        while not self._levels or len(self._levels[0].x) > MOST_ON_TOP:
            first = np.arange(0, len(begins), length)
            middle = begins[np.minimum(first + length // 2, len(begins) - 1)]
            around = np.repeat(middle, np.diff(first, append=len(begins)), axis=0)
            farther = np.maximum(*(_hypotenuse(*(some - around).T) for some in (begins, ends)))
            low = np.minimum.reduceat(np.minimum(begins, ends), first)
            high = np.maximum.reduceat(np.maximum(begins, ends), first)
            radius, boxes = np.maximum.reduceat(farther, first), np.hstack(((low + high) / 2, (high - low) / 2))
            self._levels.insert(0, Runs(*np.column_stack((middle, radius, boxes)).T.copy()))
            length *= CHILDREN

    def distance(self, points: Floats) -> Floats:
        """The distance from each point, shape (n, 2), to the nearest edge."""
        px, py = points.T.copy()
        every = np.arange(len(points), dtype=np.int32)
        top, *others = self._levels
        away = np.hypot(px[:, None] - top.x, py[:, None] - top.y)
        bound = away.min(axis=1)
        row, run = (found.astype(np.int32) for found in np.nonzero(away - top.radius <= bound[:, None]))
        for level in others:
            row, run = _children(row, run, len(level.x))
            away = _hypotenuse(px[row] - level.x[run], py[row] - level.y[run])
            bound = np.minimum(bound, np.minimum.reduceat(away, np.searchsorted(row, every)))
            near = np.flatnonzero(away - level.radius[run] <= bound[row])
            row, run = row[near], run[near]
            if len(row) > MANY * len(points):
                across = np.maximum(np.abs(px[row] - level.middle_x[run]) - level.half_x[run], 0.0)
                along = np.maximum(np.abs(py[row] - level.middle_y[run]) - level.half_y[run], 0.0)
                near = np.flatnonzero(_hypotenuse(across, along) <= bound[row] + ROUNDING)
                row, run = row[near], run[near]
        row, edge = _children(row, run, len(self._edges.x))
        away = self._edge_distance(px[row], py[row], edge)
        return np.minimum.reduceat(away, np.searchsorted(row, every))

    def _edge_distance(self, x: Floats, y: Floats, edge: Numbers) -> Floats:
        """The distance of each point from its edge: to the foot of the perpendicular, else to the nearer end."""
        x, y = x - self._edges.x[edge], y - self._edges.y[edge]
        dx, dy = self._edges.dx[edge], self._edges.dy[edge]
        part = np.clip((x * dx + y * dy) * self._edges.inverse[edge], 0.0, 1.0)
        return _hypotenuse(x - part * dx, y - part * dy)


def _children(row: Numbers, run: Numbers, count: int) -> tuple[Numbers, Numbers]:
    """The children of the given runs in the next level, each with its parent's row; `count`: the size of that level."""
    row, inside = np.repeat(row, CHILDREN), np.repeat(run * CHILDREN, CHILDREN)
    inside.reshape(-1, CHILDREN)[:] += np.arange(CHILDREN, dtype=np.int32)
    if count % CHILDREN:  # the last run is shorter
        are_there = np.flatnonzero(inside < count)
        row, inside = row[are_there], inside[are_there]
    return row, inside


def _hypotenuse(x: Floats, y: Floats) -> Floats:
    squared: Floats = x * x + y * y
    return np.sqrt(squared, out=squared)
