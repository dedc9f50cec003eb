"""Small maps to print and to show: territories, the areas around them, sites and suppliers, on sheets of paper.

They are drawn from the outlines that come with the product, simplified to what is visible at that size. What depends on
the territories alone is drawn once, and the latest of it is cached. Maps of many areas, such as the EPCI of a
departement, lie side by side on sheets.
"""

from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec
import numpy as np
import shapely

from domain.needs.need import Place, TerritoryRequest
from domain.reference.territory import Territories
from domain.suppliers.supplier import Point
from matching.geo.geojson_validation import checked_geometry
from matching.geo.map_frame import (
    WIDTH,
    Frame,
    Spot,
    areas_on_sheet,
    degrees_of,
    frame_around,
    path_data,
    project_thinned,
    rounded_spot,
    unite_thinned,
    unproject,
)
from matching.geo.projection import Floats, Geometries, Plane
from matching.geo.territory import Geography, Outlined, largest_areas, outlines
from matching.weighted_cache import WeightBoundCache

MARGIN_KM = 60.0
MARGIN_STEP, LEAST_STEP_KM = 0.25, 5.0
"""Margins grow by this share of the territory, so that a few frames serve for all that is near it."""
TOWNS = 7
TOWNS_TRIED = 40
TOWN_SPACING = 130.0
LETTER = 11.0
"""The width of a letter of a name, in units."""
DISC_STEPS = 16
NICE_KM = (1, 2, 5, 10, 20, 50, 100, 200, 500)
OVERSEAS = frozenset(("01", "02", "03", "04", "06"))
"""Regions that get a sheet of their own."""
CACHED_BYTES = 16 << 20
BYTES_PER_CORNER, BYTES_BESIDES = 16, 8_000
"""What a corner of a shape takes, and what each ground takes for its towns and the rest."""


class Town(NamedTuple):
    """A commune named on a map for orientation, with its name to the left or to the right."""

    name: str
    at: Spot
    left: bool


class Sheet(NamedTuple):
    """A map sheet: areas around (`context`), territory, ground within the radius (`reach`) as path data; its points.

    `points`: index in the list that was given, and position. `name`: of an overseas region. `frame`: how
    positions on the sheet, where y goes down, follow from those on the ground.
    """

    name: str | None
    frame: Frame
    context: str
    territory: str
    reach: str
    towns: tuple[Town, ...]
    sites: tuple[Spot, ...]
    points: tuple[tuple[int, Spot], ...]

    @property
    def height(self) -> float:
        return round(self.frame.height, 1)

    @property
    def scale_km(self) -> int:
        """The kilometres that the scale bar shows: a round number, at most a quarter of the width."""
        return max((km for km in NICE_KM if km <= WIDTH / self.frame.per_km / 4), default=1)

    @property
    def scale(self) -> float:
        """The length of the scale bar in units of the sheet."""
        return round(float(self.scale_km * self.frame.per_km), 1)


class MapSheets(NamedTuple):
    """The main map sheet, then one per overseas region; `beyond`: how many points are on none of them."""

    sheets: tuple[Sheet, ...]
    beyond: int


class _Background(NamedTuple):
    """The parts of a sheet that depend on no sites or points. `whole`: the territory; `largest`: communes to name."""

    context: str
    territory: str
    whole: shapely.Geometry
    largest: tuple[tuple[str, Spot], ...]

    @property
    def weight(self) -> int:
        """Bytes in memory, estimated."""
        corners = int(shapely.get_num_coordinates(self.whole))
        return len(self.context) + len(self.territory) + BYTES_PER_CORNER * corners + BYTES_BESIDES


_grounds: WeightBoundCache[Hashable, _Background] = WeightBoundCache(CACHED_BYTES)


NOWHERE = degrees_of(())


class _MapContent(NamedTuple):
    """The points and sites that maps show, in degrees, and the disc around each site where a radius is given."""

    geography: Geography
    points: Floats
    sites: Floats
    discs: list[shapely.Geometry]
    radius_km: float


def map_sheets(
    geography: Geography,
    territories: Sequence[TerritoryRequest],
    sites: Sequence[Place],
    points: Sequence[Point],
    radius_km: float | None = None,
) -> MapSheets:
    """The sheets that show these territories; raises InvalidContent for a territory that is not well formed.

    `radius_km`: drawn around the sites, or around the territories where there are no sites.
    """
    known, communes = geography.territories, geography.territories.communes
    ordinals = [None if site.commune is None else known.commune_ordinal(site.commune) for site in sites]
    spots = [site if at is None else communes[at] for site, at in zip(sites, ordinals, strict=True)]
    shown = _MapContent(
        geography,
        degrees_of((point.lon, point.lat) for point in points),
        degrees_of((spot.lon, spot.lat) for spot in spots if spot.lon is not None and spot.lat is not None),
        [_disc(geography, site, radius_km) for site in sites] if radius_km else [],
        radius_km or 0.0,
    )
    # the polygons, in degrees, of all that was requested
    areas = {area.id: area for request in territories for area in map(known.area, request.codes or ())}
    drawn: list[shapely.Geometry] = []
    for request in territories:
        if request.geometry is not None:
            drawn.append(checked_geometry(request.geometry))
        if request.near is not None and request.radius_km is not None:
            drawn.append(_disc(geography, request.near, request.radius_km))
    largest = largest_areas(areas.values(), len(geography.outlines))
    outlined = [geography.outlines_of(area) for area in largest]
    pieces = shapely.get_parts(np.concatenate([np.array(drawn, dtype=object), *outlined]))
    if not len(pieces):
        return MapSheets((), len(points))
    # the code of the region that each polygon lies in; empty where it lies in none
    inside = shapely.get_coordinates(shapely.point_on_surface(pieces)).reshape(-1, 2)
    holders = geography.commune_at(inside[:, 1], inside[:, 0])
    regions = np.array([(communes[each].region or "") if each >= 0 else "" for each in holders], dtype=np.str_)
    home = pieces[~np.isin(regions, sorted(OVERSEAS))]
    groups: list[tuple[str | None, Geometries]] = [(None, home)] if len(home) else []
    named = {area.code: area.label for area in known.areas("region")}
    groups += [(named[code], pieces[regions == code]) for code in sorted(OVERSEAS) if (regions == code).any()]
    key = known.version, msgspec.msgpack.encode(territories)
    made = [
        _map_sheet(shown, name, group, _frame_of_sheet(shown, group, bare=len(groups) > 1), key, inset=position > 0)
        for position, (name, group) in enumerate(groups)
    ]
    on_sheets = {position for sheet in made for position, _ in sheet.points}
    return MapSheets(tuple(made), len(points) - len(on_sheets))


def _disc(geography: Geography, near: Place, radius_km: float) -> shapely.Geometry:
    """The area within a radius of a point or of a commune's outline, in degrees."""
    if near.commune is not None:
        area = geography.territories.area(f"commune:{near.commune}")
        anchor = shapely.multipolygons(shapely.get_parts(geography.outlines_of(area)))
    else:
        anchor = shapely.Point(near.lon or 0.0, near.lat or 0.0)
    middle = anchor.centroid
    plane = Plane(middle.y, middle.x)
    flat = shapely.transform(anchor, plane.project_degrees)
    return shapely.transform(flat.buffer(radius_km, quad_segs=DISC_STEPS), lambda at: unproject(plane, at))


def _map_sheet(
    shown: _MapContent, name: str | None, pieces: Geometries, frame: Frame, cache_key: Hashable, *, inset: bool
) -> Sheet:
    """The sheet of polygons (`pieces`), its background cached under `cache_key`; `inset`: it is printed small."""
    known = cache_key, name, inset, frame.west, frame.north, frame.per_km
    ground = _grounds.find(known)
    if ground is None:
        ground = _draw_background(shown.geography, frame, pieces, inset=inset)
        _grounds.put(known, ground, ground.weight)
    # all within the radius of the sites, or of the territory where there are none
    reach = ""
    if shown.radius_km:
        if shown.discs:
            within = project_thinned(frame, np.array(shown.discs, dtype=object), inset=inset)
        else:
            within = shapely.buffer([ground.whole], shown.radius_km * frame.per_km, quad_segs=DISC_STEPS)
        reach = path_data(frame, within, inset=inset)
    sites, points = frame.to_sheet(shown.sites), frame.to_sheet(shown.points)
    return Sheet(
        name=name,
        frame=frame,
        context=ground.context,
        territory=ground.territory,
        reach=reach,
        towns=() if inset else tuple(_place_towns(frame, ground, np.concatenate([points, sites]))),
        sites=tuple(rounded_spot(at) for at in sites if frame.shows(at)),
        points=tuple((number, rounded_spot(at)) for number, at in enumerate(points) if frame.shows(at)),
    )


def _frame_of_sheet(shown: _MapContent, pieces: Geometries, *, bare: bool) -> Frame:
    """The frame around a territory (`pieces`) and the points, sites and radius near it; if `bare`, without these."""
    west, south, east, north = shapely.total_bounds(pieces)
    plane = Plane((south + north) / 2, (west + east) / 2)
    flat = plane.project_degrees(shapely.get_coordinates(pieces))
    low, high = flat.min(axis=0), flat.max(axis=0)
    if bare:
        return frame_around(plane, low, high)
    reach = max(MARGIN_KM, float((high - low).max()) / 2)
    others = plane.project_degrees(np.concatenate([shown.points, shown.sites]))
    near = others[((others >= low - reach) & (others <= high + reach)).all(axis=1)]
    if shown.discs:
        within = plane.project_degrees(shapely.get_coordinates(shown.discs))
    else:
        within = np.array([low, high]) + np.array([[-1.0], [1.0]]) * shown.radius_km
    near = np.concatenate([near, np.clip(within, low - reach, high + reach)])
    step = max(LEAST_STEP_KM, MARGIN_STEP * float((high - low).max()))
    before = np.ceil(np.maximum(low - near.min(axis=0), 0) / step) * step
    after = np.ceil(np.maximum(near.max(axis=0) - high, 0) / step) * step
    return frame_around(plane, low - before, high + after)


def _draw_background(geography: Geography, frame: Frame, pieces: Geometries, *, inset: bool) -> _Background:
    wide_km = WIDTH / frame.per_km
    context: Outlined = "region" if wide_km > 600 else "departement" if wide_km > 70 else "epci"
    around = project_thinned(frame, shapely.get_parts(areas_on_sheet(frame, outlines(context))), inset=inset)
    whole = unite_thinned(project_thinned(frame, pieces, inset=inset), inset=inset)
    names, degrees = _by_population(geography.territories)
    spots = frame.to_sheet(degrees)
    inner = np.flatnonzero(((spots > 25) & (spots < (WIDTH - 25, frame.height - 25))).all(axis=1))
    return _Background(
        path_data(frame, around, inset=inset),
        path_data(frame, [whole], inset=inset),
        whole,
        () if inset else tuple((names[i], rounded_spot(spots[i])) for i in inner[:TOWNS_TRIED].tolist()),
    )


def _place_towns(frame: Frame, ground: _Background, taken: Floats) -> list[Town]:
    """The largest communes on the sheet whose names fit between the points (`taken`) and the other names."""
    towns: list[Town] = []
    for name, spot in ground.largest:
        if len(towns) == TOWNS:
            break
        if any(np.hypot(spot[0] - town.at[0], spot[1] - town.at[1]) < TOWN_SPACING for town in towns):
            continue
        sides = (left for left in (False, True) if _is_free(spot, name, taken, frame.height, left=left))
        if (left := next(sides, None)) is not None:
            towns.append(Town(name, spot, left))
            # about where the letters of the name are
            along = (np.arange(len(name) + 1) * LETTER + LETTER) * (-1 if left else 1)
            taken = np.concatenate([taken, np.column_stack([spot[0] + along, np.full(len(along), spot[1])])])
    return towns


@lru_cache(1)
def _by_population(territories: Territories) -> tuple[list[str], Floats]:
    """The names, and longitudes and latitudes, of the communes of known location, the most populous first."""
    known = [commune for commune in territories.communes if commune.lat is not None]
    known.sort(key=lambda commune: (-commune.population, commune.code))
    return [each.name for each in known], degrees_of((each.lon or 0.0, each.lat or 0.0) for each in known)


def _is_free(spot: Spot, name: str, taken: Floats, height: float, *, left: bool) -> bool:
    """Whether a name fits right or `left` of a spot: on the sheet, clear of all `taken` points and of the scale bar."""
    width = LETTER * len(name) + 20
    west, east = (spot[0] - width, spot[0] - 4) if left else (spot[0] + 4, spot[0] + width)
    hidden = (taken[:, 0] > west - 8) & (taken[:, 0] < east + 8) & (np.abs(taken[:, 1] - spot[1]) < 22)
    at_scale = height - spot[1] < 80 and east > WIDTH * 0.7
    return bool(west > 0 and east < WIDTH and not at_scale and not hidden.any())


class AreaShape(NamedTuple):
    """An area on a sheet: its position in the list of areas asked for, its rings as path data, and its middle.

    `room`: about how many units a text in its middle may be wide.
    """

    position: int
    path: str
    middle: Spot
    room: float


class AreaSheet(NamedTuple):
    """A sheet of areas. `name`: the overseas region shown, if any; `context`: departements around, as path data."""

    name: str | None
    frame: Frame
    context: str
    areas: tuple[AreaShape, ...]


def area_sheets(geography: Geography, area_ids: Sequence[str]) -> tuple[AreaSheet, ...]:
    """The main sheet of areas, then sheets of overseas regions. Areas of no known outline are left out."""
    groups: dict[str | None, dict[int, shapely.Geometry]] = {}
    named = {area.code: area.label for area in geography.territories.areas("region")}
    for position, area in enumerate(map(geography.territories.area, area_ids)):
        if (whole := geography.united_outline(area)) is not None:
            region = geography.territories.communes[area.communes[0]].region
            groups.setdefault(named[region] if region in OVERSEAS else None, {})[position] = whole
    sheets = []
    for name in sorted(groups, key=lambda name: name or ""):
        shapes = np.array(list(groups[name].values()), dtype=object)
        frame = _frame_of_sheet(_MapContent(geography, NOWHERE, NOWHERE, [], 0.0), shapes, bare=True)
        around = project_thinned(frame, shapely.get_parts(areas_on_sheet(frame, outlines("departement"))))
        drawn = []
        for position, shape in zip(groups[name], project_thinned(frame, shapes), strict=True):
            if shape:
                circle = shapely.maximum_inscribed_circle(shape, tolerance=2.0)
                middle, room = shapely.get_coordinates(circle)[0], round(2 * float(shapely.length(circle)), 1)
                drawn.append(AreaShape(position, path_data(frame, [shape]), rounded_spot(middle), room))
        sheets.append(AreaSheet(name, frame, path_data(frame, around), tuple(drawn)))
    return tuple(sheets)
