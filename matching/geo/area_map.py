"""Small maps of many areas side by side, such as the EPCI of a departement, on sheets of paper."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import shapely

from domain.reference.territory import Area
from matching.geo.map_frame import Frame, Spot, frame_around, laid_thin, near_frame, path_data, rounded
from matching.geo.outlines import outlines
from matching.geo.projection import Geometries, Plane
from matching.geo.report_map import OVERSEAS
from matching.geo.territory import Geography


class AreaShape(NamedTuple):
    """An area on a sheet: its position in the list that was given, its rings as path data, the middle and its breadth.

    `room`: about how many units a text in its middle may be wide.
    """

    position: int
    path: str
    middle: Spot
    room: float


class AreaSheet(NamedTuple):
    """One sheet; `name`: of an overseas region. `context`: the departements around, as path data."""

    name: str | None
    frame: Frame
    context: str
    areas: tuple[AreaShape, ...]


def area_sheets(geography: Geography, area_ids: Sequence[str]) -> tuple[AreaSheet, ...]:
    """The main sheet, then those of overseas regions. Areas of no known outline are left out."""
    areas = [geography.territories.area(each) for each in area_ids]
    groups: dict[str | None, list[int]] = {}
    named = {area.code: area.label for area in geography.territories.areas("region")}
    for position, area in enumerate(areas):
        region = geography.territories.communes[area.communes[0]].region
        groups.setdefault(named[region] if region in OVERSEAS else None, []).append(position)
    sheets = [_sheet(geography, name, areas, groups[name]) for name in sorted(groups, key=lambda name: name or "")]
    return tuple(sheet for sheet in sheets if sheet is not None)


def _sheet(geography: Geography, name: str | None, areas: Sequence[Area], some: Sequence[int]) -> AreaSheet | None:
    known = [position for position in some if len(geography.outlines_of(areas[position]))]
    if not known:
        return None
    shapes = np.array([_whole(geography.outlines_of(areas[position])) for position in known], dtype=object)
    west, south, east, north = shapely.total_bounds(shapes)
    plane = Plane((south + north) / 2, (west + east) / 2)
    flat = plane.project_degrees(shapely.get_coordinates(shapes))
    frame = frame_around(plane, flat.min(axis=0), flat.max(axis=0))
    around = laid_thin(frame, shapely.get_parts(near_frame(frame, outlines("departement"))))
    drawn = [
        _shape(frame, position, shape) for position, shape in zip(known, laid_thin(frame, shapes), strict=True) if shape
    ]
    return AreaSheet(name, frame, path_data(frame, around), tuple(drawn))


def _whole(pieces: Geometries) -> shapely.Geometry:
    return pieces[0] if len(pieces) == 1 else shapely.union_all(pieces)


def _shape(frame: Frame, position: int, shape: shapely.Geometry) -> AreaShape:
    circle = shapely.maximum_inscribed_circle(shape, tolerance=2.0)
    middle = shapely.get_coordinates(circle)[0]
    return AreaShape(position, path_data(frame, [shape]), rounded(middle), round(2 * float(shapely.length(circle)), 1))
