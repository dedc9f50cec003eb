"""Reference data, open to all: the taxonomy, the territories, the rules of law. Served from memory, cacheable."""

from bisect import bisect_right
from datetime import date
from functools import lru_cache
from typing import Annotated, NamedTuple

import msgspec
from litestar import Response

from api.runtime.endpoint import Call, endpoint
from api.runtime.etag import etag_of, unless_known
from api.web.content_negotiation import GEOJSON, JSON
from api.web.pagination import Cursor, Limit, Page, next_link, read_cursor, write_cursor
from domain.errors import NotFound
from domain.law import rule_documents
from domain.reference.taxonomy import Family, Taxonomy
from domain.reference.territory import KINDS, Area, Territories, TerritoryKind, UnknownTerritory
from domain.suppliers.supplier import Point
from matching.reference import Reference

TAG = "Reference"
CACHED = {"if-none-match": "The `ETag` of the answer already held: 304 where it still stands"}
DAY = 86_400


class Taxonomies(msgspec.Struct, frozen=True):
    """The families of the taxonomy, each with its segments."""

    items: tuple[Family, ...]


class SegmentSearch(msgspec.Struct, frozen=True):
    """What is being looked for."""

    q: Annotated[str, msgspec.Meta(min_length=1, max_length=200, description="Words, or the beginning of one")]
    limit: Annotated[int, msgspec.Meta(ge=1, le=50, description="At most so many")] = 10


class SegmentHit(msgspec.Struct, frozen=True):
    """A segment that the words may mean; `confidence` from 0 to 1."""

    id: str
    label: str
    family: str | None
    confidence: float


class SegmentHits(msgspec.Struct, frozen=True):
    """Segments, the likeliest first."""

    items: tuple[SegmentHit, ...]


class TerritorySearch(msgspec.Struct, frozen=True):
    """Words or a code (`q`), and what `kind` of territory; all of them without."""

    q: (
        Annotated[str, msgspec.Meta(min_length=1, max_length=100, description="A name, its beginning, or a code")]
        | None
    ) = None
    kind: TerritoryKind | None = None
    limit: Limit = 20
    cursor: Cursor | None = None


class TerritoryLabel(msgspec.Struct, frozen=True):
    """A territory by its code and its name."""

    id: str
    label: str


class TerritorySummary(msgspec.Struct, frozen=True):
    """A territory: `id` is the code to use in a need; `parents` are the larger ones around it, the nearest first."""

    id: str
    kind: TerritoryKind
    code: str
    label: str
    population: int
    parents: tuple[TerritoryLabel, ...]


class TerritoryDetail(TerritorySummary, frozen=True):
    """A territory with its place: `bbox` is west, south, east, north; null where no outline is known."""

    communes: int
    postal_codes: tuple[str, ...]
    bbox: tuple[float, float, float, float] | None
    centroid: Point | None


class TerritoryOutline(msgspec.Struct, frozen=True, tag_field="type", tag="Feature"):
    """A GeoJSON feature: the outline of a territory."""

    id: str
    geometry: Annotated[msgspec.Raw, msgspec.Meta(description="A MultiPolygon, or null where no outline is known")]
    properties: TerritoryDetail
    bbox: tuple[float, float, float, float] | None


class RulesQuery(msgspec.Struct, frozen=True):
    """The day that matters; today by default."""

    on: Annotated[date, msgspec.Meta(description="Rules in force on this day; today by default")] | None = None


class RuleList(msgspec.Struct, frozen=True):
    """The rules in force on the day `on`, and the `version` of all rules."""

    on: date
    version: str
    items: tuple[rule_documents.RuleDocument, ...]


class RuleHistory(msgspec.Struct, frozen=True):
    """One rule through time, oldest period first."""

    id: str
    items: tuple[rule_documents.RuleDocument, ...]


@endpoint("GET", "/segments", tag=TAG, scope=None, answers=Taxonomies, status=(200, 304), headers=CACHED)
async def list_segments(call: Call) -> Response[bytes]:
    """The taxonomy: families and their segments.

    The id of a family may be requested or offered like that of a segment. `related` segments are neighbours worth
    showing; they never answer in place of the one requested.
    """
    body, etag = _segments(call.services.reference.taxonomy)
    return unless_known(call, body, JSON, etag)


@endpoint("GET", "/segments/search", tag=TAG, scope=None, answers=SegmentHits)
async def search_segments(call: Call, query: SegmentSearch) -> SegmentHits:
    """Segments that a few French words may mean, the likeliest first; slips of the pen are forgiven."""
    reference = call.services.reference
    found = reference.interpreter.search(query.q, query.limit)
    return SegmentHits(
        tuple(
            SegmentHit(
                r.segment, reference.taxonomy.label(r.segment), _family(reference, r.segment), round(r.confidence, 3)
            )
            for r in found
        )
    )


@endpoint("GET", "/territories", tag=TAG, scope=None, answers=Page[TerritorySummary])
async def search_territories(call: Call, query: TerritorySearch) -> Response[bytes]:
    """Territories by name, code or postal code, the likeliest first; without words, all in the order of their codes.

    Names are matched without accents, from their beginning, and with a few slips where
    nothing else is found. Retired codes give their successor.
    """
    territories = call.services.reference.territories
    next_cursor = None
    if query.q is None:
        areas, next_cursor = _in_order(territories, query.kind, query.limit, query.cursor)
    else:
        read_cursor("territories by relevance", query.cursor, str)  # a ranked answer has one page, so gives no cursor
        areas = call.services.gazetteer.search(query.q, query.kind, query.limit)
    body = Page(tuple(_summary(area, territories) for area in areas), next_cursor)
    return Response(msgspec.json.encode(body), media_type=JSON, headers=next_link(call, next_cursor))


@endpoint(
    "GET",
    "/territories/{territory}",
    tag=TAG,
    scope=None,
    answers={JSON: TerritoryDetail, GEOJSON: TerritoryOutline},
    status=(200, 304),
    headers=CACHED,
)
async def get_territory(call: Call, territory: str) -> Response[bytes]:
    """One territory by its full code, such as epci:243500741; as GeoJSON, with its outline.

    Kinds: `country`, `region`, `departement`, `epci`, `commune` (INSEE code), `nuts`. A retired code answers with its
    successor.
    """
    reference = call.services.reference
    try:
        area = reference.territories.area(territory)
    except UnknownTerritory as unknown:
        raise NotFound(unknown.detail) from None
    portrait = call.services.portraits.of(area)
    detail = _detail(
        area, reference.territories, portrait.bbox if portrait else None, portrait.centroid if portrait else None
    )
    if call.media_type == JSON:
        return unless_known(call, msgspec.json.encode(detail), JSON, max_age=DAY)
    outline = msgspec.Raw(portrait.outline if portrait else b"null")
    feature = TerritoryOutline(area.id, outline, detail, detail.bbox)
    return unless_known(call, msgspec.json.encode(feature), GEOJSON, max_age=DAY)


@endpoint("GET", "/rules", tag=TAG, scope=None, answers=RuleList, status=(200, 304), headers=CACHED)
async def list_rules(call: Call, query: RulesQuery) -> Response[bytes]:
    """Every dated rule in force on a day: thresholds, shares, articles, each with its source and how sure it is.

    `confidence` says how sure the reading is; `explanation`, in English, what the function that applies the rule does.
    """
    rules = call.services.reference.rules
    on = query.on or call.services.today()
    listed = RuleList(on, rules.version, rule_documents.in_force(rules, on, call.language))
    return unless_known(call, msgspec.json.encode(listed), JSON)


@endpoint("GET", "/rules/{rule}", tag=TAG, scope=None, answers=RuleHistory, status=(200, 304), headers=CACHED)
async def get_rule(call: Call, rule: str) -> Response[bytes]:
    """One rule through time: every period that is known, also when the law had no such rule yet."""
    history = RuleHistory(rule, rule_documents.history(call.services.reference.rules, rule, call.language))
    return unless_known(call, msgspec.json.encode(history), JSON)


ROUTES = (list_segments, search_segments, search_territories, get_territory, list_rules, get_rule)


@lru_cache(maxsize=2)
def _segments(taxonomy: Taxonomy) -> tuple[bytes, str]:
    body = msgspec.json.encode(Taxonomies(taxonomy.families))
    return body, etag_of(body)


def _family(reference: Reference, segment: str) -> str | None:
    found = reference.taxonomy.segments.get(segment)
    return found.family if found else None


def _in_order(
    territories: Territories, kind: TerritoryKind | None, limit: int, cursor: str | None
) -> tuple[tuple[Area, ...], str | None]:
    """One page of all areas, of a kind or of all kinds one after the other, and the cursor to the next."""
    areas = territories.areas(kind) if kind else _of_all_kinds(territories)
    name = f"territories/{kind}"
    after = read_cursor(name, cursor, _Place)
    start = 0 if after is None else bisect_right(areas, after, key=_place)
    found = areas[start : start + limit]
    more = start + limit < len(areas)
    return found, write_cursor(name, _place(found[-1])) if more else None


class _Place(NamedTuple):
    """Where an area stands in the list of all."""

    kind: int
    code: str


def _place(area: Area) -> _Place:
    return _Place(KINDS.index(area.kind), area.code)


@lru_cache(maxsize=2)
def _of_all_kinds(territories: Territories) -> tuple[Area, ...]:
    return tuple(area for kind in KINDS for area in territories.areas(kind))


def _summary(area: Area, territories: Territories) -> TerritorySummary:
    return TerritorySummary(
        area.id, area.kind, area.code, area.label, _population(area, territories), _parents(area, territories)
    )


def _detail(
    area: Area,
    territories: Territories,
    bbox: tuple[float, float, float, float] | None,
    centroid: tuple[float, float] | None,
) -> TerritoryDetail:
    communes = [territories.communes[ordinal] for ordinal in area.communes]
    return TerritoryDetail(
        id=area.id,
        kind=area.kind,
        code=area.code,
        label=area.label,
        population=_population(area, territories),
        parents=_parents(area, territories),
        communes=len(communes),
        postal_codes=communes[0].postal_codes if area.kind == "commune" else (),
        bbox=bbox,
        centroid=Point(lat=centroid[1], lon=centroid[0]) if centroid else None,
    )


def _parents(area: Area, territories: Territories) -> tuple[TerritoryLabel, ...]:
    return tuple(TerritoryLabel(parent.id, parent.label) for parent in territories.parents(area))


def _population(area: Area, territories: Territories) -> int:
    return sum(territories.communes[ordinal].population for ordinal in area.communes)
