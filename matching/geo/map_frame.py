"""The frame of a small map: where places lie on a sheet, and outlines as they are drawn on it or on a screen."""

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

import numpy as np
import shapely

from domain.reference.territory import Area, Territories
from matching.geo.projection import ECCENTRICITY2, Floats, Geometries, Plane, earth_centred
from matching.geo.shape import LONGEST_EDGE_DEGREES
from matching.geo.territory import Geography

WIDTH = 1_000.0
"""Units across a sheet; heights follow from what is shown."""
LOWEST, TALLEST = 0.62, 1.05
"""The least and the greatest height of a sheet, as a share of its width."""
LEAST_KM = 12.0
THINNED = 1.2
SMALLEST = 6.0
"""Units: tolerance of the simplification, and the smallest area (in square units) that is drawn."""
INSET = 5
"""The factor by which an inset, which is printed small, is drawn coarser."""
TENTHS = 10
"""Steps of a path in one unit of the sheet."""

Spot = tuple[float, float]


class Frame(NamedTuple):
    """The mapping of kilometres on a plane to units on a sheet; y goes down."""

    plane: Plane
    west: float
    north: float
    per_km: float
    height: float

    def to_sheet(self, degrees: Floats) -> Floats:
        """The positions on the sheet of points given by longitude and latitude."""
        flat = self.plane.project_degrees(degrees)
        return np.column_stack([(flat[:, 0] - self.west) * self.per_km, (self.north - flat[:, 1]) * self.per_km])

    @property
    def box(self) -> shapely.Geometry:
        """The sheet with a margin around it, beyond which shapes are cut."""
        return shapely.box(-20, -20, WIDTH + 20, self.height + 20)

    def shows(self, spot: Floats) -> bool:
        return bool(0 <= spot[0] <= WIDTH and 0 <= spot[1] <= self.height)


def frame_around(plane: Plane, low: Floats, high: Floats) -> Frame:
    """The frame that shows the rectangle between two corners, in kilometres east and north on the plane."""
    size = np.maximum(high - low, LEAST_KM) * 1.1
    size[1] = max(size[1], size[0] * LOWEST)
    size[0] = max(size[0], size[1] / TALLEST)
    middle = (low + high) / 2
    per_km = float(WIDTH / size[0])
    west, north = float(middle[0] - size[0] / 2), float(middle[1] + size[1] / 2)
    return Frame(plane, west, north, per_km, float(size[1] * per_km))


def degrees_of(spots: Iterable[Spot]) -> Floats:
    """Pairs of longitude and latitude as an array of shape (n, 2)."""
    return np.array(list(spots), dtype=np.float64).reshape(-1, 2)


def rounded_spot(spot: Floats) -> Spot:
    return round(float(spot[0]), 1), round(float(spot[1]), 1)


def areas_on_sheet(frame: Frame, areas: Geometries) -> Geometries:
    """The areas (in degrees) whose bounding box overlaps the sheet."""
    present = areas[~shapely.is_missing(areas)]
    west, south, east, north = shapely.bounds(present).T
    middle = earth_centred((south + north) / 2, (west + east) / 2)
    close = frame.plane.from_centre(middle) < Plane.REACH_KM * 2
    candidates = present[close]
    bounds = shapely.bounds(candidates)
    first, last = frame.to_sheet(bounds[:, :2]), frame.to_sheet(bounds[:, 2:])
    meets = (np.maximum(first, last) > 0) & (np.minimum(first, last) < (WIDTH, frame.height))
    return candidates[meets.all(axis=1)]


def project_thinned(frame: Frame, polygons: Geometries, *, inset: bool = False) -> Geometries:
    """Project polygons in degrees onto the sheet (printed small if `inset`), without vertices too close to be seen."""
    coarse = INSET if inset else 1
    to_sheet = shapely.transform(shapely.segmentize(polygons, LONGEST_EDGE_DEGREES * 4), frame.to_sheet)
    return shapely.make_valid(shapely.simplify(to_sheet, THINNED * coarse, preserve_topology=False))


def unite_thinned(parts: Geometries, *, inset: bool = False) -> shapely.Geometry:
    """Unite parts to one shape, closing the gaps that thinning has left between them."""
    gap = 2 * THINNED * (INSET if inset else 1)
    grown = shapely.union_all(shapely.buffer(parts, gap, join_style="mitre"))
    return shapely.buffer(grown, -gap, join_style="mitre")


def path_data(frame: Frame, shapes: "Geometries | list[shapely.Geometry]", *, inset: bool = False) -> str:
    """The rings of shapes, cut at the edge of the sheet, as the data of an SVG path in tenths of a unit."""
    least = SMALLEST * (INSET if inset else 1)
    cut = shapely.get_parts(shapely.get_parts(shapely.intersection(shapes, frame.box)))
    polygons = cut[(shapely.get_type_id(cut) == shapely.GeometryType.POLYGON) & (shapely.area(cut) >= least)]
    rings, owners = shapely.get_coordinates(shapely.get_rings(polygons), return_index=True)
    tenths = np.rint(rings * TENTHS).astype(np.int64)
    starts = np.flatnonzero(np.diff(owners, prepend=-1))
    data = ""
    for ring in np.split(tenths, starts[1:]) if len(tenths) else ():
        steps = np.diff(ring[:-1], axis=0)  # of a closed ring, from each corner to the next
        moved = steps[steps.any(axis=1)].ravel().tolist()
        data += f"M{ring[0][0]} {ring[0][1]}l{' '.join(map(str, moved))}z" if moved else ""
    return data


def unproject(plane: Plane, flat: Floats) -> Floats:
    """Longitudes and latitudes of positions on a plane, to some decimetres within `Plane.REACH_KM`."""
    east, north = plane.axes
    arc = np.hypot(flat[:, 0], flat[:, 1]) / plane.radius
    across = (flat @ plane.axes) * np.sinc(arc / np.pi)[:, None]
    at = plane.centre + across - plane.radius * (1 - np.cos(arc))[:, None] * np.cross(east, north)
    lat = np.arctan2(at[:, 2] / (1 - ECCENTRICITY2), np.hypot(at[:, 0], at[:, 1]))
    return np.degrees(np.column_stack([np.arctan2(at[:, 1], at[:, 0]), lat]))


# on a screen, outlines that come with the product are thinned together, so that neighbours stay so
Drawn = Literal["departement", "epci", "commune"]

TOLERANCES: dict[Drawn, float] = {"departement": 0.04, "epci": 0.008, "commune": 0.006}
"""Degrees by which an outline is thinned: the side of the triangles that are cut off (0.01: a kilometre)."""
WIDE_DEGREES = 1.5
DECIMALS = 3


def areas_within(area: Area, kind: Drawn, territories: Territories) -> Iterator[Area]:
    """The areas of a kind that share communes with the given area."""
    if kind == "commune":
        communes = territories.areas("commune")
        return (communes[ordinal] for ordinal in area.communes)
    inside = {*area.communes}
    return (each for each in territories.areas(kind) if not inside.isdisjoint(each.communes))


def outlines_within(geography: Geography, area: Area, kind: Drawn) -> Iterator[tuple[Area, str]]:
    """The areas of a kind within an area, each with its outline as GeoJSON; areas without outline are left out."""
    return _thinned_outlines(geography, areas_within(area, kind, geography.territories), TOLERANCES[kind])


def outline_of(geography: Geography, area: Area) -> Iterator[tuple[Area, str]]:
    """The area with its own outline as GeoJSON, finer for a small area; empty where no outline is known."""
    whole = geography.united_outline(area)
    if whole is None:
        return iter(())
    west, south, east, north = whole.bounds
    share = max(east - west, north - south) / WIDE_DEGREES
    return _thinned_outlines(geography, (area,), min(1.0, share) * TOLERANCES["departement"])


def _thinned_outlines(geography: Geography, areas: Iterable[Area], tolerance: float) -> Iterator[tuple[Area, str]]:
    known = [(area, whole) for area in areas if (whole := geography.united_outline(area)) is not None]
    outlines = [whole for _, whole in known]
    fewer = shapely.coverage_simplify(outlines, tolerance)
    thinned = shapely.set_precision(fewer, 10.0**-DECIMALS, mode="pointwise")
    for (area, _), outline in zip(known, thinned, strict=True):
        yield area, shapely.to_geojson(outline)
