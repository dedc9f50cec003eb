"""The outlines of communes, EPCI, departements and regions, as they come with the product."""

import lzma
from functools import cache
from itertools import pairwise
from random import Random
from typing import Literal

import numpy as np
import shapely
from numpy.typing import NDArray

from domain.reference.territory import DATA
from matching.geo.projection import Geometries

Outlined = Literal["commune", "epci", "departement", "region"]

FILES: dict[Outlined, str] = {
    "commune": "outlines.communes.bin.xz",
    "epci": "outlines.epci.bin.xz",
    "departement": "outlines.departements.bin.xz",
    "region": "outlines.regions.bin.xz",
}
UNITS_PER_DEGREE = 100_000
HEADER = 4
DRAWS = 60


@cache
def outlines(kind: Outlined) -> Geometries:
    """One MultiPolygon (longitude and latitude in degrees, WGS 84) per area of `Territories.areas(kind)`, same order.

    None where there is no outline: overseas collectivities. The array is shared and cannot be written to.
    """
    shapes = decode(lzma.decompress((DATA / FILES[kind]).read_bytes()))
    shapes.flags.writeable = False
    return shapes


def decode(packed: bytes) -> Geometries:
    """Outlines from little-endian 32-bit integers.

    First how many areas, polygons, rings and vertices there are; then the polygons of each area, the rings of each
    polygon (the outer first) and the vertices of each ring (the last repeats the first); then for every vertex the step
    in longitude from the vertex before, then the steps in latitude, in 1e-5 degrees, the first from zero.
    """
    numbers = np.frombuffer(packed, dtype="<i4")
    areas, polygons, rings, vertices = (int(count) for count in numbers[:HEADER])
    bounds = np.cumsum([HEADER, areas, polygons, rings, vertices, vertices])
    per_area, per_polygon, per_ring, longitudes, latitudes = (numbers[start:end] for start, end in pairwise(bounds))
    coordinates = np.column_stack([np.cumsum(longitudes), np.cumsum(latitudes)]) / UNITS_PER_DEGREE
    offsets = (_offsets(per_ring), _offsets(per_polygon), _offsets(per_area))
    shapes: Geometries = shapely.from_ragged_array(shapely.GeometryType.MULTIPOLYGON, coordinates, offsets)
    shapes[per_area == 0] = None
    return shapes


def _offsets(lengths: NDArray[np.int32]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])


def random_point_inside(outline: shapely.Geometry, draw: Random) -> tuple[float, float]:
    """Latitude and longitude of a point drawn inside an outline, to a tenth of a metre."""
    west, south, east, north = outline.bounds
    for _ in range(DRAWS):
        lon, lat = round(draw.uniform(west, east), 6), round(draw.uniform(south, north), 6)
        if shapely.contains_xy(outline, lon, lat):
            return lat, lon
    inside = shapely.point_on_surface(outline)
    return round(inside.y, 6), round(inside.x, 6)
