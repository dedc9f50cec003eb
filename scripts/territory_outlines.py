"""Repairs the outlines of communes, puts them on one grid, dissolves them, and writes them compactly.

All geometry here is in whole units of 1e-5 degrees, so that neighbours that share a border keep sharing it.
"""

import lzma
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from scripts.territory_sources import OutlineRow

UNITS_PER_DEGREE = 100_000
FORMER = ("COMD", "COMA")

SPLIT = {"15141": ("15031", "15035", "15047", "15171")}
"""Neussargues en Pinatelle, which four communes have left: the source still gives it their ground."""

SLIVER = 10_000.0
"""Holes below this many square units (about 1 hectare) are seams between the two vintages, not enclaves."""

Outlines = dict[str, BaseGeometry]


def commune_outlines(
    current: Sequence[OutlineRow], previous: Sequence[OutlineRow], successors: Mapping[str, str]
) -> Outlines:
    """The outline of each commune by code.

    A commune made by a recent merger covers only its chef-lieu in `current`, so the communes it absorbed are added to
    it; what `current` no longer outlines is taken from `previous`, an older vintage. `successors` gives the commune
    that each retired code now belongs to.
    """
    older, newer = _best_outlines(previous), _best_outlines(current)
    known = older | newer
    own = {row.code: row.outline for row in current if row.kind == "COM"}
    absorbed = _absorbed_communes(known, successors)
    missing = {code for code, outline in own.items() if outline is None}
    incomplete = missing | {successors[code] for code in set(successors) & (set(older) - set(newer))}
    outlines = {code: _snap(wkb) for code, wkb in own.items() if wkb is not None}
    for code in sorted(incomplete):
        outlines[code] = _union(_snap(known[part]) for part in dict.fromkeys([code, *absorbed[code]]))
    for whole, leavers in SPLIT.items():
        outlines[whole] = _polygonal(
            shapely.difference(outlines[whole], _union(outlines[code] for code in leavers), grid_size=1.0)
        )
    return outlines


def _absorbed_communes(known: Mapping[str, bytes], successors: Mapping[str, str]) -> dict[str, list[str]]:
    """By commune, the codes of former communes with an outline that were merged into it."""
    absorbed: dict[str, list[str]] = defaultdict(list)
    for code, successor in successors.items():
        if code in known:
            absorbed[successor].append(code)
    return absorbed


def _best_outlines(rows: Iterable[OutlineRow]) -> dict[str, bytes]:
    """The outline of each code (WKB); where a commune and a former commune share a code, the former commune's.

    The former commune's is the smaller: the union with the others that merged then adds nothing that left since.
    """
    best: dict[str, bytes] = {}
    for row in sorted(rows, key=lambda row: row.kind in FORMER):
        if row.outline is not None and row.kind in ("COM", *FORMER):
            best[row.code] = row.outline
    return best


def _snap(wkb: bytes) -> BaseGeometry:
    """The polygons of an outline in degrees (WKB), their vertices put on the grid."""
    degrees = shapely.from_wkb(wkb)
    exact = shapely.transform(degrees, lambda xy: xy * UNITS_PER_DEGREE)
    rounded = shapely.transform(exact, np.round)
    return rounded if shapely.is_valid(rounded) else _polygonal(shapely.set_precision(exact, 1.0))


def _union(parts: Iterable[BaseGeometry]) -> BaseGeometry:
    return _without_slivers(_polygonal(shapely.union_all(list(parts), grid_size=1.0)))


def _polygonal(geometry: BaseGeometry) -> BaseGeometry:
    """The polygons in a geometry, without its points, its lines and what has no area."""
    polygons = [part for part in shapely.get_parts(geometry) if part.geom_type == "Polygon" and part.area > 0]
    return shapely.multipolygons(polygons)


def _without_slivers(geometry: BaseGeometry) -> BaseGeometry:
    """The polygons without their holes smaller than SLIVER."""
    polygons = []
    for part in shapely.get_parts(geometry):
        holes = [ring for ring in part.interiors if shapely.Polygon(ring).area >= SLIVER]
        polygons.append(shapely.Polygon(part.exterior, holes))
    return shapely.multipolygons(polygons)


def dissolve(outlines: Mapping[str, BaseGeometry], members: Mapping[str, Sequence[str]]) -> Outlines:
    """The outline of each area in `members` (area code → commune codes): the union of its communes' outlines."""
    found = {area: [outlines[code] for code in codes if code in outlines] for area, codes in members.items()}
    return {area: _union(parts) for area, parts in found.items() if parts}


def interior_point(outline: BaseGeometry, mairie: bytes | None) -> tuple[float, float]:
    """Longitude and latitude of a point inside the outline: of the town hall if inside, else of a computed point."""
    for place in shapely.get_coordinates(shapely.from_wkb(mairie)):
        hall = np.round(place * UNITS_PER_DEGREE)
        if shapely.contains_xy(outline, hall[0], hall[1]):
            return _degrees(hall)
    computed = shapely.get_coordinates(shapely.point_on_surface(outline))[0]
    rounded = np.round(computed)
    return _degrees(rounded if shapely.contains_xy(outline, rounded[0], rounded[1]) else computed)


def _degrees(units: NDArray[np.float64]) -> tuple[float, float]:
    return float(units[0]) / UNITS_PER_DEGREE, float(units[1]) / UNITS_PER_DEGREE


def write(outlines: Sequence[BaseGeometry | None]) -> bytes:
    """Encode outlines in the format that `matching.geo.territory` decodes; None stands for an empty outline.

    Outer rings run counterclockwise and holes clockwise, as GeoJSON asks.
    """
    empty = shapely.MultiPolygon()
    whole = shapely.orient_polygons([empty if outline is None else outline for outline in outlines])
    _, coordinates, (rings, polygons, areas) = shapely.to_ragged_array(whole)
    units = coordinates.astype(np.int32)
    if not (units == coordinates).all():
        raise ValueError("an outline is off the grid")
    steps = np.diff(units, axis=0, prepend=np.zeros((1, 2), np.int32))
    header = np.array([len(areas) - 1, len(polygons) - 1, len(rings) - 1, len(units)])
    lengths = [np.diff(offsets) for offsets in (areas, polygons, rings)]
    return _packed(header, *lengths, steps[:, 0], steps[:, 1])


def write_neighbours(outlines: Sequence[BaseGeometry | None]) -> bytes:
    """Encode which outlines share a piece of border, as `matching.geo.shape` decodes it; none may overlap."""
    parts, of_parts = shapely.get_parts(np.array(outlines), return_index=True)
    rings, of_rings = shapely.get_rings(parts, return_index=True)
    vertices, ring = shapely.get_coordinates(rings, return_index=True)
    is_edge = ring[1:] == ring[:-1]
    # where outlines do not overlap, two edges with the same middle are the same edge
    middles = np.rint(vertices[1:] + vertices[:-1]).astype(np.int64)[is_edge]
    edges, owners = (middles[:, 0] << 32) + middles[:, 1], of_parts[of_rings[ring[1:][is_edge]]]
    order = edges.argsort()
    shared = np.flatnonzero(np.diff(edges[order]) == 0)
    pairs = np.sort(np.column_stack([owners[order][shared], owners[order][shared + 1]]))
    first, second = np.unique(pairs[pairs[:, 0] < pairs[:, 1]], axis=0).T
    return _packed(np.diff(first, prepend=0), second - first)


def _packed(*numbers: NDArray[np.int64]) -> bytes:
    """Arrays one after the other as compressed little-endian 32-bit integers."""
    return lzma.compress(np.concatenate(numbers).astype("<i4").tobytes(), preset=9 | lzma.PRESET_EXTREME)
