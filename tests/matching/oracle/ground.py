"""Where things are, measured the slow way: one supplier, one outline, one edge at a time.

Nothing here is shared with the code under test but the outlines themselves. A distance is the length of a geodesic of
the WGS 84 ellipsoid; containment is decided in longitude and latitude, where RFC 7946 says that edges are straight.
A comparison answers None where it is too close to call: within 50 m or 0.5 %, which the contract leaves free.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import shapely
from pyproj import Geod

from domain.needs.need import Place, TerritoryRequest
from domain.reference.territory import Geometry, Polygon, Territories
from domain.suppliers.supplier import Point

Answer = bool | None
GEOD = Geod(ellps="WGS84")
MEAN_RADIUS_KM = 6371.0088
EDGE_KM = 0.05
KM_A_DEGREE = 111.2
STEP_DEGREES = 0.009


def tolerance_km(distance_km: float) -> float:
    """By how much two right answers may differ: 0.5 % or 50 m, whichever is more."""
    return max(EDGE_KM, 0.005 * distance_km)


def at_most(distance_km: float | None, limit_km: float) -> Answer:
    """Is it within the limit? Never, where there is no distance."""
    if distance_km is None:
        return False
    if abs(distance_km - limit_km) <= tolerance_km(distance_km):
        return None
    return distance_km < limit_km


def any_of(answers: Iterable[Answer]) -> Answer:
    """Is one of them true, for certain (True), perhaps (None), or none (False)?"""
    close = False
    for answer in answers:
        if answer:
            return True
        close |= answer is None
    return None if close else False


def siren_part(code: str) -> str:
    """The six digits that stand for a commune in the SIREN of the commune: Corsica as before it was divided."""
    departement, number = ("20", code[2:]) if code[1] in "AB" else (code[:2], code[2:])
    return f"{departement}0{number}"


def point_to_point_km(a: Point, b: Point) -> float:
    return float(GEOD.inv(a.lon, a.lat, b.lon, b.lat)[2]) / 1000


def as_shape(geometry: Geometry) -> Any:
    """The shapely form of a GeoJSON geometry."""
    polygons = [geometry.coordinates] if isinstance(geometry, Polygon) else geometry.coordinates
    return shapely.MultiPolygon(
        [
            shapely.Polygon([p[:2] for p in rings[0]], [[p[:2] for p in hole] for hole in rings[1:]])
            for rings in polygons
        ]
    )


def around(center: Point, lonlat: Any) -> Any:
    """Positions as kilometres (east, north) along the geodesics from `center`: distances from it are exact."""
    size = len(lonlat)
    azimuth, _, metres = GEOD.inv(np.full(size, center.lon), np.full(size, center.lat), lonlat[:, 0], lonlat[:, 1])
    angle = np.radians(azimuth)
    return np.column_stack([metres * np.sin(angle), metres * np.cos(angle)]) / 1000


def _on_sphere(lonlat: Any) -> Any:
    lon, lat = np.radians(lonlat[:, 0]), np.radians(lonlat[:, 1])
    return np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])


@dataclass(frozen=True)
class Edges:
    """The borders of some outlines as straight edges of a kilometre at most."""

    start: Any
    end: Any
    middle: Any

    @classmethod
    def of(cls, shapes: Iterable[Any]) -> "Edges":
        polygons = shapely.get_parts(shapely.segmentize(list(shapes), STEP_DEGREES))
        rings = shapely.get_rings(polygons)
        positions, ring = shapely.get_coordinates(rings, return_index=True)
        along = ring[:-1] == ring[1:]
        start, end = positions[:-1][along], positions[1:][along]
        return cls(start, end, _on_sphere((start + end) / 2))

    def distance_km(self, point: Point) -> float:
        """To the nearest edge: a sphere tells which edges can be the nearest, geodesics measure those."""
        chord = np.sqrt(np.maximum(2 - 2 * (self.middle @ _on_sphere(np.array([[point.lon, point.lat]]))[0]), 0))
        rough = 2 * MEAN_RADIUS_KM * np.arcsin(np.minimum(chord / 2, 1))
        near = rough <= rough.min() * 1.012 + 1.2
        a, b = around(point, self.start[near]), around(point, self.end[near])
        step = b - a
        share = np.clip(-(a * step).sum(1) / np.maximum((step * step).sum(1), 1e-18), 0, 1)
        return float(np.linalg.norm(a + share[:, None] * step, axis=1).min())


def grown(shape: Any, km: float) -> Any:
    """`shape` widened by about `km` on every side, or narrowed where negative."""
    low, high = shapely.bounds(shape)[1::2]
    squeeze = np.cos(np.radians((low + high) / 2))
    flat = shapely.transform(shape, lambda xy: xy * [squeeze, 1])
    return shapely.transform(shapely.buffer(flat, km / KM_A_DEGREE), lambda xy: xy / [squeeze, 1])


def span_km(shapes: Any) -> Any:
    """An upper bound of how far apart two points of a shape are, for each."""
    west, south, east, north = shapely.bounds(shapes).T
    return np.hypot(east - west, north - south) * KM_A_DEGREE


def overlap(one: Any, other: Any) -> Answer:
    """Do the insides of two outlines meet? Touching borders share nothing."""
    if not shapely.intersects(grown(one, EDGE_KM), other):
        return False
    return True if shapely.intersects(grown(one, -EDGE_KM), other) else None


@dataclass(frozen=True, eq=False)
class Spot:
    """Where a supplier stands, sixteen points 50 m around it, and the communes each of these lies in."""

    point: Point
    ring: tuple[Point, ...]
    communes: frozenset[int]
    ring_communes: tuple[frozenset[int], ...]


class Ground(Protocol):
    """Some part of the earth, as a territory or a site names it."""

    @property
    def communes(self) -> Mapping[int, Answer]:
        """The communes that share ground with it; those that do not are absent."""

    def distance_km(self, spot: Spot) -> float | None: ...
    def holds(self, spot: Spot) -> Answer: ...

    def meets(self, shape: Any) -> Answer:
        """Do the insides of the two meet, at sea or on land?"""


@dataclass(eq=False)
class France:
    """The communes and their outlines."""

    territories: Territories
    outlines: Any
    _overlaps: dict[int, tuple[Any, dict[int, Answer]]] = field(default_factory=dict)

    @cached_property
    def tree(self) -> shapely.STRtree:
        return shapely.STRtree(self.outlines)

    def spot(self, point: Point) -> Spot:
        azimuths = np.arange(16) * 22.5
        size = len(azimuths)
        lons, lats, _ = GEOD.fwd(
            np.full(size, point.lon), np.full(size, point.lat), azimuths, np.full(size, EDGE_KM * 1e3)
        )
        ring = tuple(Point(float(lat), float(lon)) for lon, lat in zip(lons, lats, strict=True))
        return Spot(point, ring, self._at(point), tuple(self._at(p) for p in ring))

    def _at(self, point: Point) -> frozenset[int]:
        return frozenset(int(c) for c in self.tree.query(shapely.Point(point.lon, point.lat), predicate="intersects"))

    def outlines_of(self, ordinals: Iterable[int]) -> list[Any]:
        return [self.outlines[ordinal] for ordinal in sorted(ordinals) if self.outlines[ordinal] is not None]

    def overlapping(self, shape: Any) -> dict[int, Answer]:
        """The communes that share ground with a drawn outline."""
        if id(shape) not in self._overlaps:
            may = self.tree.query(grown(shape, EDGE_KM), predicate="intersects")
            must = set(self.tree.query(grown(shape, -EDGE_KM), predicate="intersects"))
            self._overlaps[id(shape)] = (shape, {int(c): True if c in must else None for c in may})
        return self._overlaps[id(shape)][1]

    @cached_property
    def _insides(self) -> Any:
        """A point inside each outline, and the outline's span."""
        outlines = self.outlines[self.outlined]
        return shapely.get_coordinates(shapely.point_on_surface(outlines)), span_km(outlines)

    @cached_property
    def outlined(self) -> Any:
        """The communes that have an outline."""
        return np.array([ordinal for ordinal, outline in enumerate(self.outlines) if outline])

    def inside(self, ordinal: int) -> Point:
        """Some point inside a commune's outline."""
        inside = shapely.point_on_surface(self.outlines[ordinal])
        return Point(inside.y, inside.x)

    def within(self, radius_km: float, center: Point, reach_km: float, to: Callable[[Any], float]) -> dict[int, Answer]:
        """The communes nearer than the radius to what reaches so far from `center`; a point inside decides for most."""
        points, spans = self._insides
        rough = np.linalg.norm(around(center, points), axis=1)
        answers = {}
        for place in np.flatnonzero(rough - spans < radius_km * 1.01 + reach_km + 1):
            ordinal = int(self.outlined[place])
            answers[ordinal] = rough[place] < radius_km - 1 or at_most(to(self.outlines[ordinal]), radius_km)
        return {ordinal: answer for ordinal, answer in answers.items() if answer is not False}

    def territory(self, request: TerritoryRequest) -> Ground:
        """The ground that a territory names."""
        if request.codes is not None:
            communes = (ordinal for code in request.codes for ordinal in self.territories.area(code).communes)
            return Communes(self, frozenset(communes))
        if request.geometry is not None:
            return Drawn(self, as_shape(request.geometry))
        assert request.near is not None
        assert request.radius_km is not None
        return self.disc(request.near, request.radius_km)

    def disc(self, place: Place, radius_km: float) -> Ground:
        """What lies within `radius_km` of a point or of a commune's outline; nowhere if that commune has no outline."""
        if place.commune is None:
            assert place.lat is not None
            assert place.lon is not None
            return AroundPoint(self, Point(place.lat, place.lon), radius_km)
        ordinal = self.territories.commune_ordinal(place.commune)
        assert ordinal is not None
        if self.outlines[ordinal] is None:
            return Communes(self, frozenset())
        return AroundCommune(self, ordinal, radius_km)


@dataclass(eq=False)
class Communes:
    """A union of communes; overseas collectivities are in it by their codes but have no outline to measure to."""

    france: France
    ordinals: frozenset[int]

    @cached_property
    def communes(self) -> Mapping[int, Answer]:
        return dict.fromkeys(self.ordinals, True)

    @cached_property
    def _edges(self) -> Edges | None:
        outlines = self.france.outlines_of(self.ordinals)
        return Edges.of(outlines) if outlines else None

    def distance_km(self, spot: Spot) -> float | None:
        if spot.communes & self.ordinals:
            return 0.0
        return self._edges.distance_km(spot.point) if self._edges else None

    def holds(self, spot: Spot) -> Answer:
        inside = {bool(communes & self.ordinals) for communes in (spot.communes, *spot.ring_communes)}
        return inside.pop() if len(inside) == 1 else None

    def meets(self, shape: Any) -> Answer:
        return any_of(answer for c, answer in self.france.overlapping(shape).items() if c in self.ordinals)


@dataclass(eq=False)
class Drawn:
    """A polygon that the client drew."""

    france: France
    shape: Any

    @cached_property
    def communes(self) -> Mapping[int, Answer]:
        return self.france.overlapping(self.shape)

    @cached_property
    def _edges(self) -> Edges:
        return Edges.of([self.shape])

    def _covers(self, point: Point) -> bool:
        return bool(shapely.intersects_xy(self.shape, point.lon, point.lat))

    def distance_km(self, spot: Spot) -> float | None:
        return 0.0 if self._covers(spot.point) else self._edges.distance_km(spot.point)

    def holds(self, spot: Spot) -> Answer:
        inside = {self._covers(point) for point in (spot.point, *spot.ring)}
        return inside.pop() if len(inside) == 1 else None

    def meets(self, shape: Any) -> Answer:
        return overlap(shape, self.shape)


@dataclass(eq=False)
class AroundPoint:
    """A disc around a point; with radius 0, that point."""

    france: France
    center: Point
    radius_km: float

    def _to(self, shape: Any) -> float:
        covered = shapely.intersects_xy(shape, self.center.lon, self.center.lat)
        return 0.0 if covered else Edges.of([shape]).distance_km(self.center)

    @cached_property
    def communes(self) -> Mapping[int, Answer]:
        return self.france.within(self.radius_km, self.center, 0, self._to)

    def distance_km(self, spot: Spot) -> float | None:
        return max(0.0, point_to_point_km(spot.point, self.center) - self.radius_km)

    def holds(self, spot: Spot) -> Answer:
        return at_most(point_to_point_km(spot.point, self.center), self.radius_km)

    def meets(self, shape: Any) -> Answer:
        return at_most(self._to(shape), self.radius_km)


@dataclass(eq=False)
class AroundCommune:
    """What lies within a radius of a commune's outline; with radius 0, that commune."""

    france: France
    ordinal: int
    radius_km: float

    @cached_property
    def _commune(self) -> Communes:
        return Communes(self.france, frozenset({self.ordinal}))

    def _to(self, shape: Any) -> float:
        center = self.france.inside(self.ordinal)
        drawn = shapely.segmentize([self.france.outlines[self.ordinal], shape], STEP_DEGREES)
        ours, theirs = (shapely.transform(one, lambda lonlat: around(center, lonlat)) for one in drawn)
        return float(shapely.distance(ours, theirs))

    @cached_property
    def communes(self) -> Mapping[int, Answer]:
        reach_km = span_km(self.france.outlines[self.ordinal])
        return self.france.within(self.radius_km, self.france.inside(self.ordinal), reach_km, self._to)

    def distance_km(self, spot: Spot) -> float | None:
        distance = self._commune.distance_km(spot)
        assert distance is not None
        return max(0.0, distance - self.radius_km)

    def holds(self, spot: Spot) -> Answer:
        if self._commune.holds(spot):
            return True
        return at_most(self._commune.distance_km(spot), self.radius_km)

    def meets(self, shape: Any) -> Answer:
        return at_most(self._to(shape), self.radius_km)
