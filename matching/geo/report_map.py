"""Small maps to print: territories, the areas around them, sites and suppliers, on sheets of paper.

They are drawn from the outlines that come with the product, simplified to what is visible at that size.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import shapely

from domain.needs.need import Place, TerritoryRequest
from domain.reference.territory import Area
from domain.suppliers.supplier import Point
from matching.geo.geojson_validation import checked_geometry
from matching.geo.outlines import Outlined, outlines
from matching.geo.projection import ECCENTRICITY2, Floats, Geometries, Plane, earth_centred
from matching.geo.shape import LONGEST_EDGE_DEGREES
from matching.geo.territory import Geography, largest_areas

WIDTH = 1_000.0
"""Units across a sheet; heights follow from what is shown."""
LOWEST, TALLEST = 0.62, 1.05
"""The least and the greatest height of a sheet, as a share of its width."""
MARGIN_KM = 60.0
LEAST_KM = 12.0
THINNED = 1.2
SMALLEST = 6.0
"""Units: tolerance of the simplification, and the smallest area (in square units) that is drawn."""
INSET = 5
"""The factor by which an inset, which is printed small, is drawn coarser."""
TOWNS = 7
TOWNS_TRIED = 40
TOWN_SPACING = 130.0
LETTER = 11.0
"""The width of a letter of a name, in units."""
DISC_STEPS = 16
OVERSEAS = frozenset(("01", "02", "03", "04", "06"))
"""Regions that get a sheet of their own."""
NICE_KM = (1, 2, 5, 10, 20, 50, 100, 200, 500)

Spot = tuple[float, float]
Line = tuple[Spot, ...]


class Town(NamedTuple):
    """A commune that is named for orientation; its name stands to the left or to the right of it."""

    name: str
    at: Spot
    left: bool


class Sheet(NamedTuple):
    """One sheet: rings of the areas around (`context`) and of the territory, towns, sites and points; y goes down.

    `points`: index in the list that was given, and position. `scale_km`: a round length, of `scale` units. `name`: of
    an overseas region.
    """

    name: str | None
    height: float
    context: tuple[Line, ...]
    territory: tuple[Line, ...]
    towns: tuple[Town, ...]
    sites: tuple[Spot, ...]
    points: tuple[tuple[int, Spot], ...]
    scale_km: int
    scale: float


class MapSheets(NamedTuple):
    """The main sheet, then those of overseas regions; `beyond`: how many points are on none of them."""

    sheets: tuple[Sheet, ...]
    beyond: int


def map_sheets(
    geography: Geography,
    territories: Sequence[TerritoryRequest],
    sites: Sequence[Place],
    points: Sequence[Point],
) -> MapSheets:
    """The sheets that show these territories; raises InvalidContent for a territory that is not well formed."""
    return _Mapper(geography, sites, points).sheets(territories)


class _Frame(NamedTuple):
    """The mapping of kilometres on a plane to units on a sheet."""

    plane: Plane
    west: float
    north: float
    per_km: float
    height: float

    def laid(self, degrees: Floats) -> Floats:
        """The positions on the sheet of longitudes and latitudes."""
        flat = self.plane.project_degrees(degrees)
        return np.column_stack([(flat[:, 0] - self.west) * self.per_km, (self.north - flat[:, 1]) * self.per_km])

    @property
    def box(self) -> shapely.Geometry:
        """A little more than the sheet, so that cut edges are not seen."""
        return shapely.box(-20, -20, WIDTH + 20, self.height + 20)

    def shows(self, spot: Floats) -> bool:
        return bool(0 <= spot[0] <= WIDTH and 0 <= spot[1] <= self.height)


class _Mapper:
    def __init__(self, geography: Geography, sites: Sequence[Place], points: Sequence[Point]) -> None:
        self._geography = geography
        self._points = _degrees((point.lon, point.lat) for point in points)
        self._sites = _degrees(spot for site in sites if (spot := self._spot(site)) is not None)

    def sheets(self, territories: Sequence[TerritoryRequest]) -> MapSheets:
        pieces = self._pieces(territories)
        if not len(pieces):
            return MapSheets((), len(self._points))
        regions = self._regions_of(pieces)
        home = pieces[~np.isin(regions, sorted(OVERSEAS))]
        groups: list[tuple[str | None, Geometries]] = [(None, home)] if len(home) else []
        named = {area.code: area.label for area in self._geography.territories.areas("region")}
        groups += [(named[code], pieces[regions == code]) for code in sorted(OVERSEAS) if (regions == code).any()]
        made = [
            self._sheet(name, group, whole=len(groups) > 1, inset=position > 0)
            for position, (name, group) in enumerate(groups)
        ]
        shown = {position for sheet in made for position, _ in sheet.points}
        return MapSheets(tuple(made), len(self._points) - len(shown))

    def _pieces(self, territories: Sequence[TerritoryRequest]) -> Geometries:
        """The polygons, in degrees, of all that was requested."""
        areas: dict[str, Area] = {}
        drawn: list[shapely.Geometry] = []
        for request in territories:
            for code in request.codes or ():
                area = self._geography.territories.area(code)
                areas[area.id] = area
            if request.geometry is not None:
                drawn.append(checked_geometry(request.geometry))
            if request.near is not None and request.radius_km is not None:
                drawn.append(self._disc(request.near, request.radius_km))
        largest = largest_areas(areas.values(), len(self._geography.outlines))
        outlined = [self._geography.outlines_of(area) for area in largest]
        return shapely.get_parts(np.concatenate([np.array(drawn, dtype=object), *outlined]))

    def _disc(self, near: Place, radius_km: float) -> shapely.Geometry:
        """All that lies within a radius of a point or of a commune's outline, in degrees."""
        if near.commune is not None:
            area = self._geography.territories.area(f"commune:{near.commune}")
            anchor = shapely.multipolygons(shapely.get_parts(self._geography.outlines_of(area)))
        else:
            anchor = shapely.Point(near.lon or 0.0, near.lat or 0.0)
        middle = anchor.centroid
        plane = Plane(middle.y, middle.x)
        flat = shapely.transform(anchor, plane.project_degrees)
        return shapely.transform(flat.buffer(radius_km, quad_segs=DISC_STEPS), lambda at: _unprojected(plane, at))

    def _spot(self, site: Place) -> Spot | None:
        if site.lat is not None and site.lon is not None:
            return site.lon, site.lat
        ordinal = self._geography.territories.commune_ordinal(site.commune or "")
        if ordinal is None:
            return None
        commune = self._geography.territories.communes[ordinal]
        return None if commune.lat is None or commune.lon is None else (commune.lon, commune.lat)

    def _regions_of(self, pieces: Geometries) -> "np.ndarray[tuple[int, ...], np.dtype[np.str_]]":
        """The code of the region that each polygon lies in; empty where it lies in none."""
        inside = shapely.get_coordinates(shapely.point_on_surface(pieces)).reshape(-1, 2)
        ordinals = self._geography.commune_at(inside[:, 1], inside[:, 0])
        communes = self._geography.territories.communes
        return np.array([(communes[o].region or "") if o >= 0 else "" for o in ordinals], dtype=np.str_)

    def _sheet(self, name: str | None, pieces: Geometries, *, whole: bool, inset: bool) -> Sheet:
        """`whole`: of several sheets, each shows its ground and no more; `inset`: it is printed small."""
        frame = self._frame(pieces, whole=whole)
        wide_km = WIDTH / frame.per_km
        scale_km: int = max((km for km in NICE_KM if km <= wide_km / 4), default=1)
        context: Outlined = "region" if wide_km > 600 else "departement" if wide_km > 70 else "epci"
        return Sheet(
            name=name,
            height=round(frame.height, 1),
            context=tuple(_lines(frame, shapely.get_parts(_near(frame, outlines(context))), inset=inset)),
            territory=tuple(_lines(frame, pieces, inset=inset, united=True)),
            towns=() if inset else self._towns(frame),
            sites=tuple(_rounded(at) for at in frame.laid(self._sites) if frame.shows(at)),
            points=tuple((i, _rounded(at)) for i, at in enumerate(frame.laid(self._points)) if frame.shows(at)),
            scale_km=scale_km,
            scale=round(float(scale_km * frame.per_km), 1),
        )

    def _frame(self, pieces: Geometries, *, whole: bool) -> _Frame:
        """The frame around the territory and the points and sites near it."""
        west, south, east, north = shapely.total_bounds(pieces)
        plane = Plane((south + north) / 2, (west + east) / 2)
        flat = plane.project_degrees(shapely.get_coordinates(pieces))
        low, high = flat.min(axis=0), flat.max(axis=0)
        if not whole:
            reach = max(MARGIN_KM, float((high - low).max()) / 2)
            others = np.concatenate([plane.project_degrees(self._points), plane.project_degrees(self._sites)])
            near = others[((others >= low - reach) & (others <= high + reach)).all(axis=1)]
            both = np.concatenate([near, [low, high]])
            low, high = both.min(axis=0), both.max(axis=0)
        size = np.maximum(high - low, LEAST_KM) * 1.1
        size[1] = max(size[1], size[0] * LOWEST)
        size[0] = max(size[0], size[1] / TALLEST)
        middle = (low + high) / 2
        per_km = float(WIDTH / size[0])
        return _Frame(plane, middle[0] - size[0] / 2, middle[1] + size[1] / 2, per_km, float(size[1] * per_km))

    def _towns(self, frame: _Frame) -> tuple[Town, ...]:
        """The largest communes on the sheet whose names find a place between the points."""
        named = [c for c in self._geography.territories.communes if c.lat is not None]
        spots = frame.laid(_degrees((c.lon or 0.0, c.lat or 0.0) for c in named))
        taken = np.concatenate([frame.laid(self._points), frame.laid(self._sites)])
        inner = np.flatnonzero(((spots > 25) & (spots < (WIDTH - 25, frame.height - 25))).all(axis=1))
        largest = sorted(inner.tolist(), key=lambda i: (-named[i].population, named[i].code))[:TOWNS_TRIED]
        towns: list[Town] = []
        for position in largest:
            spot, name = spots[position], named[position].name
            if len(towns) == TOWNS or any(np.hypot(*(spot - other.at)) < TOWN_SPACING for other in towns):
                continue
            sides = (left for left in (False, True) if _is_free(spot, name, taken, frame.height, left=left))
            if (left := next(sides, None)) is not None:
                towns.append(Town(name, _rounded(spot), left))
        return tuple(towns)


def _is_free(spot: Floats, name: str, taken: Floats, height: float, *, left: bool) -> bool:
    """Whether a name can be written beside a spot: on the sheet, over no point, nor the scale."""
    width = LETTER * len(name) + 20
    west, east = (spot[0] - width, spot[0] - 4) if left else (spot[0] + 4, spot[0] + width)
    hidden = (taken[:, 0] > west - 8) & (taken[:, 0] < east + 8) & (np.abs(taken[:, 1] - spot[1]) < 22)
    at_scale = height - spot[1] < 80 and east > WIDTH * 0.7
    return bool(west > 0 and east < WIDTH and not at_scale and not hidden.any())


def _degrees(spots: Iterable[Spot]) -> Floats:
    return np.array(list(spots), dtype=np.float64).reshape(-1, 2)


def _unprojected(plane: Plane, flat: Floats) -> Floats:
    """Longitude and latitude of kilometres east and north; exact enough to draw with."""
    away = np.hypot(flat[:, 0], flat[:, 1])
    arc = np.maximum(away / plane.radius, 1e-12)
    up = plane.centre / np.linalg.norm(plane.centre)
    east, north = plane.axes
    along = (flat[:, :1] * east + flat[:, 1:] * north) / np.maximum(away, 1e-9)[:, None]
    on_sphere = np.cos(arc)[:, None] * up + np.sin(arc)[:, None] * along
    lon = np.degrees(np.arctan2(on_sphere[:, 1], on_sphere[:, 0]))
    lat = np.degrees(np.arctan2(on_sphere[:, 2] / (1 - ECCENTRICITY2), np.hypot(on_sphere[:, 0], on_sphere[:, 1])))
    return np.column_stack([lon, lat])


def _near(frame: _Frame, areas: Geometries) -> Geometries:
    """Those of the areas whose bounds meet the sheet."""
    present = areas[~shapely.is_missing(areas)]
    west, south, east, north = shapely.bounds(present).T
    middle = earth_centred((south + north) / 2, (west + east) / 2)
    close = frame.plane.from_centre(middle) < Plane.REACH_KM * 2
    candidates = present[close]
    bounds = shapely.bounds(candidates)
    first, last = frame.laid(bounds[:, :2]), frame.laid(bounds[:, 2:])
    meets = (np.maximum(first, last) > 0) & (np.minimum(first, last) < (WIDTH, frame.height))
    return candidates[meets.all(axis=1)]


def _lines(frame: _Frame, polygons: Geometries, *, inset: bool, united: bool = False) -> Iterator[Line]:
    """The rings of polygons in degrees as they lie on the sheet: cut at its edge, and thinned."""
    coarse = INSET if inset else 1
    laid = shapely.transform(shapely.segmentize(polygons, LONGEST_EDGE_DEGREES * 4), frame.laid)
    thin = shapely.make_valid(shapely.simplify(laid, THINNED * coarse, preserve_topology=False))
    whole = [_joined(thin, 2 * THINNED * coarse)] if united else thin
    for part in shapely.get_parts(shapely.get_parts(shapely.intersection(whole, frame.box))):
        if part.geom_type == "Polygon" and part.area >= SMALLEST * coarse:
            for ring in (part.exterior, *part.interiors):
                yield tuple(_rounded(at) for at in shapely.get_coordinates(ring)[:-1])


def _joined(parts: Geometries, gap: float) -> shapely.Geometry:
    """One shape of parts that thinning has moved a little from each other."""
    grown = shapely.union_all(shapely.buffer(parts, gap, join_style="mitre"))
    return shapely.buffer(grown, -gap, join_style="mitre")


def _rounded(at: Floats) -> Spot:
    return round(float(at[0]), 1), round(float(at[1]), 1)
