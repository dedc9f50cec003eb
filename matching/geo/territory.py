"""Prepares requested territories and places for matching: communes inside, and a shape to measure distances to.

The outlines of communes, EPCI, departements and regions come with the product.
"""

import lzma
from collections.abc import Hashable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from hashlib import blake2b
from itertools import pairwise
from random import Random
from typing import Literal, NamedTuple, cast

import msgspec
import numpy as np
import shapely
from numpy.typing import NDArray

from domain.errors import InvalidContent, Problem, pointer
from domain.needs.need import Place, TerritoryRequest
from domain.reference.territory import DATA, Area, Commune, Geometry, Territories, UnknownTerritory
from domain.text.bilingual import Text, kilometres, place_after_de, said_by
from matching.geo.geojson_validation import checked_geometry, require_few_vertices, simplified
from matching.geo.projection import Floats, Geometries, earth_centred
from matching.geo.shape import Pairs, PointShape, PolygonShape, Shape, decode_pairs, shares_ground
from matching.weighted_cache import WeightBoundCache, WeightedCache

_SAID = said_by(__name__)

Bools = NDArray[np.bool_]
CACHED_BYTES = 40 << 20
"""Memory for cached territories, and as much for places; all departements take 30 MB."""
LIGHTEST = 50_000
"""Bytes of a territory besides its shape: one per commune, and what is cached by it elsewhere."""
BYTES_PER_CODE = 200
"""Bytes of a code, as it was asked for and as it is echoed."""
MAX_SUGGESTIONS = 20
"""A suggestion costs more than finding the code wrong: a list of thousands of wrong codes gets no more than these."""
CACHED_OUTLINES = 256
DIGEST_BYTES = 16
OUTLINE_DIGITS = 5
"""Decimals of a degree that the outlines have (about a metre)."""

Outlined = Literal["commune", "epci", "departement", "region"]

FILES: dict[Outlined, str] = {
    "commune": "outlines.communes.bin.xz",
    "epci": "outlines.epci.bin.xz",
    "departement": "outlines.departements.bin.xz",
    "region": "outlines.regions.bin.xz",
}
NEIGHBOURS = "neighbours.communes.bin.xz"
UNITS_PER_DEGREE = 100_000
"""The outlines are drawn to this part of a degree."""

HEADER = 4
DRAWS = 60


@cache
def outlines(kind: Outlined) -> Geometries:
    """The outlines of all areas of a kind, in the order of `Territories.areas(kind)`: MultiPolygons in WGS 84 degrees.

    None where there is no outline: overseas collectivities. The array is shared and cannot be written to.
    """
    shapes = decode(lzma.decompress((DATA / FILES[kind]).read_bytes()))
    shapes.flags.writeable = False
    return shapes


def decode(packed: bytes) -> Geometries:
    """Decode outlines from little-endian 32-bit integers.

    First how many areas, polygons, rings and vertices there are; then the polygons of each area, the rings of each
    polygon (the outer first) and the vertices of each ring (the last repeats the first); then for every vertex the step
    in longitude from the vertex before, then the steps in latitude, in 1e-5 degrees, the first from zero.
    """
    numbers = np.frombuffer(packed, dtype="<i4")
    areas, polygons, rings, vertices = (int(count) for count in numbers[:HEADER])
    bounds = np.cumsum([HEADER, areas, polygons, rings, vertices, vertices])
    per_area, per_polygon, per_ring, longitudes, latitudes = (numbers[start:end] for start, end in pairwise(bounds))
    coordinates = np.column_stack([np.cumsum(longitudes), np.cumsum(latitudes)]) / UNITS_PER_DEGREE
    offsets = tuple(np.concatenate([[0], np.cumsum(counts)]) for counts in (per_ring, per_polygon, per_area))
    shapes: Geometries = shapely.from_ragged_array(shapely.GeometryType.MULTIPOLYGON, coordinates, offsets)
    shapes[per_area == 0] = None
    return shapes


def random_point_inside(outline: shapely.Geometry, draw: Random) -> tuple[float, float]:
    """Latitude and longitude of a point drawn inside an outline, to a tenth of a metre."""
    west, south, east, north = outline.bounds
    for _ in range(DRAWS):
        lon, lat = round(draw.uniform(west, east), 6), round(draw.uniform(south, north), 6)
        if shapely.contains_xy(outline, lon, lat):
            return lat, lon
    inside = shapely.point_on_surface(outline)
    return round(inside.y, 6), round(inside.x, 6)


@dataclass(frozen=True, eq=False)
class Territory:
    """A requested territory, prepared for matching.

    `ground` says for each commune (by ordinal) whether it shares ground with the territory; `shape` is what distances
    are measured to, less `radius_km`, and is None where no outline is known (overseas collectivities). `drawn` is the
    geometry that was sent, in degrees.
    """

    label: Text
    codes: tuple[str, ...] | None
    radius_km: float | None
    ground: Bools
    shape: Shape | None
    drawn: shapely.Geometry | None = None

    @property
    def weight(self) -> int:
        """Bytes in memory, estimated."""
        shape = self.shape.weight if self.shape else 0
        return LIGHTEST + shape + BYTES_PER_CODE * len(self.codes or ())

    def less_radius(self, to_shape: Floats) -> Floats:
        """Distances to the territory from distances to its shape: less the radius, and at least 0."""
        return np.maximum(to_shape - (self.radius_km or 0.0), 0.0)


class AreaOutline(NamedTuple):
    """An area in degrees: `bbox` west, south, east, north; `centroid` longitude, latitude; `geometry` as GeoJSON."""

    bbox: tuple[float, float, float, float]
    centroid: tuple[float, float]
    geometry: bytes


@contextmanager
def problems_under(*at: str | int) -> Iterator[None]:
    """A context that puts `at`, the pointer of the part being read, before the pointers of problems raised inside."""
    try:
        yield
    except InvalidContent as invalid:
        raise InvalidContent(
            tuple(Problem(pointer(*at) + found.pointer, found.code, found.detail) for found in invalid.problems)
        ) from invalid


class Geography:
    """All communes with their outlines, and the territories and places made from them (the latest are cached)."""

    def __init__(self, territories: Territories) -> None:
        self.territories = territories
        self.outlines = outlines("commune")
        self._positions = {area.id: position for kind in FILES for position, area in enumerate(territories.areas(kind))}
        self._territories = WeightBoundCache[Hashable, Territory](CACHED_BYTES)
        self._places = WeightedCache(self._shape_of_place, lambda shape: shape.weight, CACHED_BYTES)
        self._drawn = lru_cache(CACHED_OUTLINES)(self._draw_outline)

    @cached_property
    def tree(self) -> shapely.STRtree:
        """A search tree of the commune outlines, which answers with the ordinals of communes."""
        return shapely.STRtree(self.outlines)

    @cached_property
    def borders(self) -> Pairs:
        """The pairs of communes, by ordinal, that have a border in common."""
        return decode_pairs(lzma.decompress((DATA / NEIGHBOURS).read_bytes()))

    @cached_property
    def discs(self) -> tuple[Floats, Floats]:
        """The interior point of each commune, and the kilometres from it that its ground may reach; NaN: not known."""
        inside = np.array([(c.lat, c.lon) for c in self.territories.communes], dtype=np.float64)
        middle = earth_centred(inside[:, 0], inside[:, 1])
        west, south, east, north = shapely.bounds(self.outlines).T
        corners = [earth_centred(lat, lon) for lat in (south, north) for lon in (west, east)]
        reach = np.max([np.sqrt(((corner - middle) ** 2).sum(axis=1)) for corner in corners], axis=0)
        return middle, reach * 1.01

    def territory(self, request: TerritoryRequest, *at: str | int) -> Territory:
        """The territory of a request, prepared for matching; raises InvalidContent with pointers under `at`."""
        if request.geometry is not None:
            # before all of them are read for the key
            require_few_vertices(request.geometry, *at, "geometry")
        key = _cache_key(request)
        found = self._territories.find(key)
        if found is None:
            given = [name for name in ("codes", "near", "geometry") if getattr(request, name) is not None]
            with problems_under(*at):
                if len(given) != 1 or (request.radius_km is not None) != (given == ["near"]):
                    raise InvalidContent((Problem("", "territory_form", _SAID["forms"]),))
                if request.codes is not None:
                    found = self._territory_of_codes(request.codes)
                elif request.near is not None:
                    found = self._territory_of_disc(request.near, cast(float, request.radius_km))
                else:
                    found = self._territory_of_geometry(cast(Geometry, request.geometry))
            self._territories.put(key, found, found.weight)
        return found

    def cached_territory(self, request: TerritoryRequest) -> Territory | None:
        """The cached territory of a request; None where there is none."""
        return self._territories.find(_cache_key(request))

    def place(self, place: Place, *at: str | int) -> Shape:
        """The shape of a point or of a commune's outline; raises InvalidContent with pointers under `at`."""
        if (known := self._places.find(place)) is not None:
            return known
        with problems_under(*at):
            return self._places(place)

    def load(self) -> None:
        """Load the outlines and indexes that would else be loaded by the first request that needs them."""
        for kind in FILES:
            outlines(kind)
        _ = self.tree, self.discs, self.borders

    def commune_at(self, lat: Floats, lon: Floats) -> NDArray[np.int64]:
        """For each point, the ordinal of the commune whose outline holds it; -1 where none does."""
        found = np.full(len(lat), -1)
        points, communes = self.tree.query(shapely.points(lon, lat), predicate="intersects")
        found[points] = communes
        return found

    def commune_of(self, lat: float, lon: float) -> Commune | None:
        """The commune whose outline holds a point; None where none does."""
        (ordinal,) = self.commune_at(np.array([lat]), np.array([lon])).tolist()
        return self.territories.communes[ordinal] if ordinal >= 0 else None

    def ground_of(self, geometry: shapely.Geometry) -> Bools:
        """Whether each commune shares ground with a geometry in degrees; a common border is not ground."""
        ground = np.zeros(len(self.outlines), dtype=bool)
        near = self.tree.query(geometry)
        ground[near] = shares_ground(geometry, self.outlines[near])
        return ground

    def ground_of_areas(self, areas: tuple[Area, ...]) -> Bools:
        """Whether each commune belongs to at least one of the areas."""
        ground = np.zeros(len(self.outlines), dtype=bool)
        for area in areas:
            ground[list(area.communes)] = True
        return ground

    def _territory_of_codes(self, codes: tuple[str, ...]) -> Territory:
        areas: list[Area] = []
        problems: list[Problem] = []
        for position, code in enumerate(codes):
            try:
                areas.append(self.territories.area(code, suggest=len(problems) < MAX_SUGGESTIONS))
            except UnknownTerritory as unknown:
                problems.append(Problem(pointer("codes", position), unknown.code, unknown.detail))
        if problems:
            raise InvalidContent(tuple(problems))
        distinct = tuple(dict.fromkeys(areas))
        ground = self.ground_of_areas(distinct)
        largest = largest_areas(distinct, len(ground))
        pieces = np.concatenate([self.outlines_of(area) for area in largest])
        if ground.sum() < sum(len(area.communes) for area in largest):
            pieces = np.array([shapely.union_all(pieces)])  # areas that overlap
        label = ", ".join(area.label for area in distinct[:5])
        label += f" (+{len(distinct) - 5})" if len(distinct) > 5 else ""
        return Territory(
            label=Text(label, label),
            codes=tuple(area.id for area in distinct),
            radius_km=None,
            ground=ground,
            shape=PolygonShape(pieces) if len(pieces) else None,
        )

    def _territory_of_disc(self, near: Place, radius_km: float) -> Territory:
        anchor = self.place(near, "near")
        ground = self._ground_of_disc(anchor, radius_km)
        if not ground.any():
            swapped = (
                isinstance(anchor, PointShape)
                and self._ground_of_disc(PointShape(anchor.lon, anchor.lat), radius_km).any()
            )
            raise InvalidContent((Problem("/near", "outside_france", _outside_france_message(bool(swapped))),))
        if near.commune is not None:
            where = self.territories.area(f"commune:{near.commune}").label
        else:
            where = f"{near.lat:.4f}, {near.lon:.4f}"
        far = kilometres(radius_km)
        label = Text(f"{far.fr} autour {place_after_de(where)}", f"{far.en} around {where}")
        return Territory(label, None, radius_km, ground, anchor)

    def _ground_of_disc(self, anchor: Shape, radius_km: float) -> Bools:
        """Whether each commune has ground nearer than `radius_km` to the anchor."""
        inside, reach = self.discs
        distance = anchor.distance(inside, radius_km + np.nan_to_num(reach))
        ground = distance < radius_km
        # an interior point decides for most; the outline is measured only where the disc's edge may cross it
        edge = np.flatnonzero(np.isfinite(distance) & ~ground)
        ground[edge] = anchor.are_within(radius_km, self.outlines[edge])
        return ground

    def _territory_of_geometry(self, geometry: Geometry) -> Territory:
        region = simplified(checked_geometry(geometry, "geometry"))
        ground = self.ground_of(region)
        if not ground.any():
            swapped = self.ground_of(shapely.transform(region, lambda degrees: degrees[:, ::-1])).any()
            raise InvalidContent((Problem("/geometry", "outside_france", _outside_france_message(bool(swapped))),))
        label = Text("Zone dessinée", "Drawn area")
        return Territory(label, None, None, ground, PolygonShape(np.array([region])), region)

    def _shape_of_place(self, place: Place) -> Shape:
        point = place.lat is not None and place.lon is not None
        if point == (place.commune is not None) or (place.lat is None) != (place.lon is None):
            raise InvalidContent((Problem("", "place_form", _SAID["places"]),))
        if place.commune is None:
            lat, lon = cast(float, place.lat), cast(float, place.lon)
            if self.commune_of(lat, lon) is None and self.commune_of(lon, lat):
                raise InvalidContent((Problem("", "outside_france", _outside_france_message(swapped=True)),))
            return PointShape(lat, lon)
        try:
            area = self.territories.area(f"commune:{place.commune}")
        except UnknownTerritory as unknown:
            raise InvalidContent((Problem("/commune", unknown.code, unknown.detail),)) from unknown
        pieces = self.outlines_of(area)
        if not len(pieces):
            raise InvalidContent((Problem("/commune", "no_outline", _SAID["no_outline"]),))
        return PolygonShape(pieces)

    def outlines_of(self, area: Area) -> Geometries:
        """The outlines that make up an area: its own, else those of its regions or departements."""
        if area.kind == "commune":
            pieces = self.outlines[list(area.communes)]
        elif area.kind in FILES and area.id in self._positions:
            pieces = outlines(area.kind)[[self._positions[area.id]]]
        elif area.kind == "country":
            pieces = outlines("region")
        else:
            departements = self.territories.areas("departement")
            inside = [set(part.communes) <= set(area.communes) for part in departements]
            pieces = outlines("departement")[np.array(inside)]
        return pieces[~shapely.is_missing(pieces)]

    def outline(self, area: Area) -> AreaOutline | None:
        """The outline of an area, for clients to draw; None where none is known (overseas collectivities)."""
        return self._drawn(area.id)

    def united_outline(self, area: Area) -> shapely.Geometry | None:
        """The outline of an area as one geometry, in degrees; None where none is known."""
        pieces = self.outlines_of(area)
        if len(pieces) < 2:
            return pieces[0] if len(pieces) else None
        return shapely.union_all(pieces)

    def _draw_outline(self, area_id: str) -> AreaOutline | None:
        whole = self.united_outline(self.territories.area(area_id))
        if whole is None:
            return None
        west, south, east, north = (round(float(bound), OUTLINE_DIGITS) for bound in whole.bounds)
        centroid = (round(whole.centroid.x, OUTLINE_DIGITS), round(whole.centroid.y, OUTLINE_DIGITS))
        # outer rings anticlockwise, as RFC 7946 has them: what shapes are united to may be the other way round
        drawn = shapely.to_geojson(shapely.orient_polygons(whole))
        return AreaOutline((west, south, east, north), centroid, drawn.encode())


def _outside_france_message(swapped: bool) -> Text:
    """The message that a territory has no French ground; `swapped`: it has some with its axes exchanged."""
    return Text(
        "Ce lieu ne touche aucune commune française de contour connu"
        + (" : longitude et latitude semblent inversées." if swapped else "."),
        "This place touches no French commune whose outline is known"
        + ("; longitude and latitude look swapped." if swapped else "."),
    )


def _cache_key(request: TerritoryRequest) -> Hashable:
    """The key under which a territory is cached: its request, or a digest of a drawn one, which may be large."""
    if request.geometry is None:
        return request
    return blake2b(msgspec.msgpack.encode(request), digest_size=DIGEST_BYTES).digest()


def largest_areas(areas: Iterable[Area], commune_count: int) -> list[Area]:
    """The areas without those that larger ones cover, such as departements of a region that is also given."""
    covered, kept = np.zeros(commune_count, dtype=bool), []
    for area in sorted(areas, key=lambda area: -len(area.communes)):
        ordinals = list(area.communes)
        if not covered[ordinals].all():
            covered[ordinals] = True
            kept.append(area)
    return kept
