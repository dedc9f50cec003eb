"""Shapes on the ground that distances are measured to, a point or polygons, and what lies on them or meets them.

Which polygons share ground with a region, or come near a point, is mostly decided at little cost, in degrees: what is
decided so is what the exact comparison, which is left to the few in doubt, would answer. Which points lie within a
radius or on a shape is answered exactly, and roughly, as boxes that a database can search.

And which groups of outlines are neighbours, from the pairs of outlines that border on each other.
"""

import math
from collections.abc import Hashable, Iterable, Sequence
from threading import Lock
from typing import Any, Protocol

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from domain.suppliers.supplier import Point
from matching.geo.projection import Bools, Floats, Geometries, NearestEdge, Plane, Positions, earth_centred

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
    """Whether each of the polygons (`others`) shares ground with a region, all in degrees.

    `region` and `others` may be shared by threads, which a prepared geometry does not bear: only copies are prepared.
    """
    found = np.zeros(len(others), dtype=bool)
    box, boxes = np.asarray(shapely.bounds(region)), shapely.bounds(others)
    near = np.flatnonzero(((boxes[:, :2] <= box[2:]) & (boxes[:, 2:] >= box[:2])).all(axis=1))
    near = near[_intersect(shapely.transform(region, np.copy), others[near])]
    core = shapely.buffer(region, -SLIVER_DEGREES, quad_segs=1, join_style="mitre")
    found[near] = _intersect(core, others[near])
    doubtful = near[~found[near]]
    found[doubtful] = shapely.relate_pattern(others[doubtful], region, SHARES_GROUND)
    return found


def meets_circle(lat: float, lon: float, radius_km: float, others: Geometries) -> Bools | None:
    """Whether each polygon (`others`, in degrees) meets a circle; None for a circle too wide or near a pole.

    None where degrees do not go evenly around the circle: it is too wide, near a pole or across the antimeridian.
    """
    if not 0 < radius_km <= WIDEST_KM or abs(lat) > FARTHEST_DEGREES:
        return None
    around = np.linspace(0, 360, CIRCLE_POINTS, endpoint=False)
    every = np.full(CIRCLE_POINTS, 1.0)
    west_east, south_north, _ = GEODESIC.fwd(every * lon, every * lat, around, every * radius_km * 1_000)
    if np.abs(west_east - lon).max() > 90:
        return None
    return _intersect(shapely.polygons(np.column_stack((west_east, south_north))), others)


def _intersect(own: shapely.Geometry, others: Geometries) -> Bools:
    """Whether each of `others` has a point in common with `own`; `own` is prepared, so no other thread may use it."""
    shapely.prepare(own)
    found: Bools = shapely.intersects(own, others)
    return found


LONGEST_EDGE_DEGREES, LONGEST_EDGE_OF_MANY = 0.05, 0.25
"""An edge is straight in longitude and latitude (RFC 7946 §3.1.1); cut this short it is also straight on a plane: to a
metre, to 20 m where there would be too many pieces."""
MOST_PIECES = 50_000
SURE_LESS, SURE_MORE = 0.99, 1.01
"""The parts of a distance within which, and beyond which, a plane cannot be wrong about it."""

METRES = 3
"""Decimals of a kilometre that are measured; more would be noise of the arithmetic."""
ROUNDED_KM = 0.001
"""Rounding to the metre takes less away."""
CLUSTER_KM = 500.0
FAR_GRID_DEGREES = 0.02
FAR_AT_ONCE = 1_000_000
"""The number of pairs of a far position and a vertex compared at a time (8 MB)."""
BYTES_PER_CLUSTER, BYTES_PER_VERTEX = 4_000, 120
"""Measured: 90 bytes a vertex once a position was tested for being inside, some more where others are far away."""


class Shape(Hashable, Protocol):
    """A point or polygons that distances are measured to; `weight`: bytes in memory, estimated."""

    weight: int

    def distance(self, positions: Floats, cap: Floats | float = np.inf) -> Floats:
        """Kilometres from each earth-centred position to the shape, 0 inside; infinite if surely more than `cap`.

        Within 0.5 % of the WGS 84 geodesic, and to the metre: two suppliers in one place are equally far, whatever else
        is measured with them. Infinite also where the position is NaN (not known).
        """

    def lower_bound(self, positions: Floats) -> Floats:
        """A lower bound of `distance` in kilometres (less 1 % for rounding); NaN stays NaN."""

    def are_within(self, distance_km: float, geometries: Geometries) -> Bools:
        """Whether any part of each geometry (in degrees) is at most `distance_km` from the shape."""


class PointShape:
    """The shape of a single point."""

    weight = 1_000

    def __init__(self, lat: float, lon: float) -> None:
        self.plane = Plane(lat, lon)
        self.lat, self.lon = lat, lon

    def distance(self, positions: Floats, cap: Floats | float = np.inf) -> Floats:
        """Kilometres from each position to the point; infinite where unknown or more than `cap`."""
        distance = self.lower_bound(positions)
        return np.where(distance <= cap, distance, np.inf)

    def lower_bound(self, positions: Floats) -> Floats:
        return np.round(self.plane.from_centre(positions), METRES)

    def straight_lower_bound(self, positions: Floats) -> Floats:
        """A cheaper lower bound of `distance` in kilometres: the straight line through the earth."""
        return self.plane.chords(positions) - ROUNDED_KM

    def are_within(self, distance_km: float, geometries: Geometries) -> Bools:
        found, doubtful = _sure_and_doubtful(distance_km, (self.lat, self.lon), self.plane, 0.0, geometries)
        flat = _projected(self.plane, geometries[doubtful])
        found[doubtful] = shapely.dwithin(flat, shapely.Point(0, 0), distance_km)
        return found


class PolygonShape:
    """The shape of polygons, in clusters that are each small enough for one plane."""

    def __init__(self, geometries: Geometries) -> None:
        self.clusters = [_Cluster(parts) for parts in _group_in_clusters(shapely.get_parts(geometries))]
        self.weight = sum(BYTES_PER_CLUSTER + BYTES_PER_VERTEX * len(cluster.degrees) for cluster in self.clusters)

    def distance(self, positions: Floats, cap: Floats | float = np.inf) -> Floats:
        """Kilometres from each position to the nearest polygon; infinite if unknown or surely more than `cap`."""
        nearest = np.full(len(positions), np.inf)
        bounds = np.array([cluster.lower_bound(positions) for cluster in self.clusters])
        bounds[~(bounds <= cap)] = np.inf
        # each position's likeliest cluster first: the others are then mostly certain to be farther
        for turn in np.argsort(bounds, axis=0):
            for number, cluster in enumerate(self.clusters):
                left = np.flatnonzero((turn == number) & (bounds[number] < nearest))
                if len(left):
                    nearest[left] = np.minimum(nearest[left], cluster.distance(positions[left]))
        return np.round(nearest, METRES)

    def lower_bound(self, positions: Floats) -> Floats:
        bounds = [cluster.lower_bound(positions) for cluster in self.clusters]
        return bounds[0] if len(bounds) == 1 else np.minimum.reduce(bounds)

    def are_within(self, distance_km: float, geometries: Geometries) -> Bools:
        return np.logical_or.reduce([cluster.are_within(distance_km, geometries) for cluster in self.clusters])


class _Cluster:
    """Polygons that lie near enough to each other to be measured on one plane."""

    def __init__(self, parts: Geometries) -> None:
        west, south, east, north = shapely.total_bounds(parts)
        self.plane = Plane((south + north) / 2, (west + east) / 2)
        cut = _cut_edges(parts)
        self.degrees = shapely.get_coordinates(cut)
        projected = shapely.transform(cut, self.plane.project_degrees)
        flat = shapely.get_coordinates(projected)
        self.extent = float(np.sqrt(np.einsum("ij,ij->i", flat, flat)).max())
        self.low, self.high = flat.min(axis=0), flat.max(axis=0)
        self.surface: Any = shapely.multipolygons(projected) if len(parts) > 1 else projected[0]
        shapely.prepare(self.surface)
        self._one_at_a_time = Lock()
        corners, ring = shapely.get_coordinates(shapely.get_rings(projected), return_index=True)
        is_edge = ring[1:] == ring[:-1]
        self.edges = NearestEdge(corners[:-1][is_edge], corners[1:][is_edge])
        self._far: tuple[Floats, Floats] | None = None

    def are_within(self, distance_km: float, geometries: Geometries) -> Bools:
        """Whether each of the geometries (in degrees) comes within the distance of the polygons."""
        lon, lat = self.degrees[0]
        found, doubtful = _sure_and_doubtful(distance_km, (lat, lon), self.plane, self.extent, geometries)
        found[doubtful] = shapely.dwithin(_projected(self.plane, geometries[doubtful]), self.surface, distance_km)
        return found

    def lower_bound(self, positions: Floats) -> Floats:
        """A lower bound of each distance: by the circle around the polygons and, in the plane's reach, by their box."""
        away = self.plane.from_centre(positions)
        bound = np.maximum(away - self.extent, 0.0)
        near = np.flatnonzero(away <= Plane.REACH_KM)
        flat = self.plane.project(positions[near])
        gap = np.maximum(np.maximum(self.low - flat, flat - self.high), 0.0)
        bound[near] = np.maximum(bound[near], np.hypot(gap[:, 0], gap[:, 1]))
        return bound * 0.99

    def distance(self, positions: Floats) -> Floats:
        far = self.plane.from_centre(positions) > Plane.REACH_KM
        distance = np.empty(len(positions))
        distance[far] = self._distance_far(positions[far])
        flat = self.plane.project(positions[~far])
        with self._one_at_a_time:  # GEOS changes a prepared geometry while it reads it: two threads end the process
            near = np.where(shapely.contains_xy(self.surface, flat), 0.0, np.inf)
        outside = np.flatnonzero(near)
        if len(outside):
            near[outside] = self.edges.distance(flat[outside])
        distance[~far] = near
        return distance

    def _distance_far(self, positions: Floats) -> Floats:
        """Kilometres to the polygons from positions far from them, by a thinned outline (error under 0.5 %)."""
        if not len(positions):
            return np.empty(0)
        if self._far is None:
            cells = np.unique(np.round(self.degrees / FAR_GRID_DEGREES).astype(np.int64), axis=0, return_index=True)[1]
            thinned = self.degrees[cells]
            self._far = thinned, earth_centred(thinned[:, 1], thinned[:, 0])
        thinned, vertices = self._far
        squares = (vertices**2).sum(axis=1)[:, None]  # nearest in a straight line is where |v|² - 2 v·p is least
        parts = np.array_split(positions, 1 + len(positions) * len(vertices) // FAR_AT_ONCE)
        nearest = np.concatenate([np.argmin(squares - 2 * vertices @ part.T, axis=0) for part in parts])
        # latitude and longitude on the ellipsoid's surface
        across = np.hypot(positions[:, 0], positions[:, 1])
        lat = np.degrees(np.arctan2(positions[:, 2], across * (GEODESIC.b / GEODESIC.a) ** 2))
        lon = np.degrees(np.arctan2(positions[:, 1], positions[:, 0]))
        _, _, metres = GEODESIC.inv(lon, lat, thinned[nearest, 0], thinned[nearest, 1])
        return np.asarray(metres) / 1_000


def _projected(plane: Plane, geometries: Geometries) -> Geometries:
    """Geometries in degrees, projected onto a plane."""
    return shapely.transform(_cut_edges(geometries), plane.project_degrees)


def _cut_edges(geometries: Geometries) -> Geometries:
    """Geometries in degrees with their edges cut short enough to be projected onto a plane."""
    each = shapely.length(geometries) / MOST_PIECES
    return shapely.segmentize(geometries, np.clip(each, LONGEST_EDGE_DEGREES, LONGEST_EDGE_OF_MANY))


def _sure_and_doubtful(
    distance_km: float, place: tuple[float, float], plane: Plane, extent_km: float, geometries: Geometries
) -> tuple[Bools, Positions]:
    """Whether each geometry certainly comes within the distance of a shape, and the indices of the doubtful ones.

    `place`: latitude and longitude of a point of the shape; all of it lies within `extent_km` of the plane's middle.
    """
    sure = meets_circle(*place, distance_km * SURE_LESS, geometries)
    perhaps = meets_circle(plane.lat, plane.lon, (distance_km + extent_km) * SURE_MORE, geometries)
    if sure is None:
        sure = np.zeros(len(geometries), dtype=bool)
    doubtful = ~sure if perhaps is None else perhaps & ~sure
    return sure, np.flatnonzero(doubtful)


def _group_in_clusters(parts: Geometries) -> list[Geometries]:
    """The polygons in groups, the middle of each within `CLUSTER_KM` of the middle of the first of its group."""
    west, south, east, north = shapely.bounds(parts).T
    middles = earth_centred((south + north) / 2, (west + east) / 2)
    groups, left = [], np.arange(len(parts))
    while len(left):
        offset = middles[left] - middles[left[0]]
        near = (offset**2).sum(axis=1) <= CLUSTER_KM**2
        groups.append(parts[left[near]])
        left = left[~near]
    return groups


Box = tuple[float, float, float, float]

LEAST_CURVATURE_KM = 6335.0
"""No radius of curvature of the ellipsoid is smaller, so no distance spans more degrees than it does at this one."""
MARGIN = 1.02
METRES_IN_DEGREES = 0.0001
"""A point that is half a metre off a shape is still on it: distances are to the metre."""


def are_near(points: Sequence[Point | None], centre: Point, radius_km: float) -> list[bool]:
    """Whether each point is at most `radius_km` from the centre, along the WGS 84 ellipsoid; False for None."""
    found: list[bool] = (PointShape(centre.lat, centre.lon).distance(_positions(points)) <= radius_km).tolist()
    return found


def are_on(shape: Shape | None, points: Sequence[Point | None]) -> list[bool]:
    """Whether each point is on the ground of a shape, at distance 0; False for None, and for a shape of None."""
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
    return _wrap_longitude(centre.lon - across), south, _wrap_longitude(centre.lon + across), north


def _positions(points: Sequence[Point | None]) -> Floats:
    """Earth-centred positions; NaN for no point."""
    degrees = np.array([(p.lat, p.lon) if p else (np.nan, np.nan) for p in points], dtype=np.float64).reshape(-1, 2)
    return earth_centred(degrees[:, 0], degrees[:, 1])


def _wrap_longitude(lon: float) -> float:
    return (lon + 180) % 360 - 180


Pairs = NDArray[np.int64]


def decode_pairs(packed: bytes) -> Pairs:
    """The pairs of outlines, by position, that have a piece of border in common, from little-endian 32-bit integers.

    Of each pair its first less that of the pair before, then of each its second less its first.
    """
    first, second = np.frombuffer(packed, dtype="<i4").astype(np.int64).reshape(2, -1)
    first = np.cumsum(first)
    return np.column_stack([first, first + second])


def neighbouring_groups(groups: Bools, pairs: Pairs) -> Bools:
    """For each two groups of outlines whether they border on each other or overlap: a symmetric table.

    `groups`: for each group, of each outline whether it belongs there.
    """
    inside: Bools = np.logical_or.reduce(groups)
    within = pairs[inside[pairs].all(axis=1)]
    sides = [groups[:, within[:, side]].astype(np.float32) for side in (0, 1)]
    meet = sides[0] @ sides[1].T
    shared = groups[:, inside].astype(np.float32)
    found: Bools = (meet + meet.T + shared @ shared.T) > 0
    np.fill_diagonal(found, False)
    return found


def bridges(groups: Bools, neighbours: Bools, middles: Floats) -> list[tuple[int, int]]:
    """The pairs of groups to be called neighbours besides, so that each can be reached from each: the nearest.

    Islands and what a buyer named apart; `middles`: a point of each outline, NaN where it is not known.
    """
    found: list[tuple[int, int]] = []
    parts = _connected_parts(neighbours)
    while len(parts) > 1:
        least = min(parts, key=len)
        others = [number for part in parts if part is not least for number in part]
        here, there = (np.argwhere(groups[numbers]) for numbers in (least, others))
        away = ((middles[here[:, 1], None] - middles[None, there[:, 1]]) ** 2).sum(axis=2)
        one, other = np.unravel_index(np.argmin(np.nan_to_num(away, nan=np.inf)), away.shape)
        pair = least[here[one, 0]], others[there[other, 0]]
        found.append(pair)
        reached = next(part for part in parts if pair[1] in part)
        parts = [part for part in parts if part is not least and part is not reached] + [[*least, *reached]]
    return found


def _connected_parts(neighbours: Bools) -> list[list[int]]:
    """The numbers of a table of neighbours, in lists of those that can be reached from each other."""
    left, parts = dict.fromkeys(range(len(neighbours))), list[list[int]]()
    while left:
        part = [left.popitem()[0]]
        for number in part:
            for beside in np.flatnonzero(neighbours[number]).tolist():
                if beside in left:
                    del left[beside]
                    part.append(beside)
        parts.append(sorted(part))
    return sorted(parts)
