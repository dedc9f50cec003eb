"""Routes of reference data, without a key: the taxonomy, the territories, the rules of law; from memory, cacheable."""

import asyncio
from bisect import bisect_right
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Annotated, NamedTuple

import msgspec
from litestar import Response

from api.runtime.endpoint import Call, endpoint
from api.runtime.etag import DAY, HOUR, IF_NONE_MATCH, conditional_get
from api.runtime.services import Services
from api.web.content_negotiation import GEOJSON, JSON
from api.web.pagination import Cursor, Limit, Page, Paging, answer_page, page_response, read_cursor
from db.core.engine import transaction
from db.needs.shortlists import select_law_file
from domain.errors import InvalidContent, NotFound, Problem
from domain.law import documents
from domain.law.law_files import BrokenLaw
from domain.law.rules import Rules, parse
from domain.reference.taxonomy import Family
from domain.reference.territory import KINDS, Area, Territories, TerritoryKind, UnknownTerritory
from domain.shortlists.shortlist import LegalScope
from domain.suppliers.supplier import Point
from domain.text.bilingual import Text
from domain.text.labels import MATCH_WORDS
from matching.words.title_reader import Reading

TAG = "Reference"


class FamilyList(msgspec.Struct, frozen=True):
    """The families of the taxonomy, each with its segments."""

    items: tuple[Family, ...]
    """In the order of the taxonomy"""


class SegmentSearch(msgspec.Struct, frozen=True):
    """Words to search segments by."""

    q: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    """Words, or the beginning of one"""
    limit: Annotated[int, msgspec.Meta(ge=1, le=50)] = 10
    """At most so many"""


class SegmentSearchResult(msgspec.Struct, frozen=True):
    """A segment that the words may mean."""

    id: str
    """The id of a segment or of a family"""
    label: str
    """In French"""
    family: str | None
    """The id of its family; null for a family"""
    confidence: float
    """How sure it is that the words mean this segment, from 0 to 1"""


class SegmentSearchResults(msgspec.Struct, frozen=True):
    """Segments that the words may mean."""

    items: tuple[SegmentSearchResult, ...]
    """The likeliest first"""


class TerritorySearch(msgspec.Struct, frozen=True):
    """Words or a code (`q`), and a `kind` of territory; without either, all territories."""

    q: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | None = None
    """A name, its beginning, or a code"""
    kind: TerritoryKind | None = None
    """Only territories of this kind"""
    limit: Limit = 20
    cursor: Cursor | None = None


class TerritoryLabel(msgspec.Struct, frozen=True):
    """A territory by its code and its name."""

    id: str
    """The code to use in a need, as `departement:56`"""
    label: str
    """Its name"""


class TerritorySummary(msgspec.Struct, frozen=True):
    """A territory."""

    id: str
    """The code to use in a need, as `departement:56`"""
    kind: TerritoryKind
    """The part of `id` before the colon"""
    code: str
    """The part of `id` after the colon, such as the INSEE code"""
    label: str
    """Its name"""
    population: int
    """The number of inhabitants"""
    parents: tuple[TerritoryLabel, ...]
    """The larger ones around it, the nearest first"""


class TerritoryDetail(TerritorySummary, frozen=True):
    """A territory with its place."""

    communes: int
    """The number it has"""
    postal_codes: tuple[str, ...]
    """The postal codes of its communes, 5 digits each"""
    bbox: tuple[float, float, float, float] | None
    """West, south, east, north, in degrees; null where no outline is known"""
    centroid: Point | None
    """A point inside it; null where no outline is known"""


class TerritoryFeature(msgspec.Struct, frozen=True, tag_field="type", tag="Feature"):
    """A GeoJSON feature: the outline of a territory."""

    id: str
    """The code to use in a need, as `departement:56`"""
    geometry: Annotated[msgspec.Raw, msgspec.Meta(description="A MultiPolygon, or null where no outline is known")]
    properties: TerritoryDetail
    """The territory as it is answered in JSON"""
    bbox: tuple[float, float, float, float] | None
    """West, south, east, north, in degrees; null where no outline is known"""


class RulesQuery(msgspec.Struct, frozen=True):
    """The day on which the rules are in force, and their version; those of today by default."""

    on: date | None = None
    """Rules in force on this day; today by default"""
    version: str | None = None
    """As this version of the law had them, which the `stamp.rules` of a frozen shortlist names; today's by default"""


class RuleList(msgspec.Struct, frozen=True):
    """The rules in force on one day."""

    on: date
    """The day on which they are in force"""
    version: str
    """The version of all rules"""
    items: tuple[documents.RuleDocument, ...]
    """Rules, by theme"""
    scope: LegalScope
    """The limits of these rules, and who decides"""


class RuleHistory(msgspec.Struct, frozen=True):
    """One rule through time."""

    id: str
    """That of the rule"""
    items: tuple[documents.RuleDocument, ...]
    """Oldest period first"""


@endpoint("GET", "/segments", tag=TAG, scope=None, answers=FamilyList, status=(200, 304), headers=IF_NONE_MATCH)
async def list_segments(call: Call) -> Response[bytes]:
    """The taxonomy: families and their segments.

    The id of a family may be requested or offered like that of a segment. `related` segments are neighbours worth
    showing; they never answer in place of the one requested.
    """
    return conditional_get(call, FamilyList(call.services.reference.taxonomy.families), max_age=HOUR)


@endpoint("GET", "/segments/search", tag=TAG, scope=None, answers=SegmentSearchResults)
async def search_segments(call: Call, query: SegmentSearch) -> SegmentSearchResults:
    """Segments that a few French words may mean, the likeliest first; slips of the pen are forgiven."""
    taxonomy = call.services.reference.taxonomy

    def segment_result(found: Reading) -> SegmentSearchResult:
        segment = taxonomy.segments.get(found.segment)
        family = segment.family if segment else None
        return SegmentSearchResult(found.segment, taxonomy.label(found.segment), family, round(found.confidence, 3))

    return SegmentSearchResults(
        tuple(map(segment_result, call.services.reference.interpreter.search(query.q, query.limit)))
    )


@endpoint("GET", "/territories", tag=TAG, scope=None, answers=Page[TerritorySummary])
async def search_territories(call: Call, query: TerritorySearch) -> Response[bytes]:
    """Territories by name, code or postal code, the likeliest first; without words, all in the order of their codes.

    Names are matched without accents, from their beginning, and with a few slips where
    nothing else is found. Retired codes give their successor.
    """
    territories = call.services.reference.territories

    def summary_of_area(area: Area) -> TerritorySummary:
        return _territory_summary(area, territories)

    if query.q is not None:
        read_cursor("territories by relevance", query.cursor, str)  # a ranked answer has one page, so gives no cursor
        found = call.services.reference.gazetteer.search(query.q, query.kind, query.limit)
        return page_response(call, list(map(summary_of_area, found)), None)
    areas = territories.areas(query.kind) if query.kind else _areas_of_all_kinds(territories)

    async def fetch_areas(after: _ListPosition | None, count: int) -> Sequence[Area]:
        start = 0 if after is None else bisect_right(areas, after, key=_position_of)
        return areas[start : start + count]

    paging = Paging(limit=query.limit, cursor=query.cursor)
    return await answer_page(
        call, paging, f"territories/{query.kind}", _ListPosition, fetch_areas, key=_position_of, show=summary_of_area
    )


@endpoint(
    "GET",
    "/territories/{territory}",
    tag=TAG,
    scope=None,
    answers={JSON: TerritoryDetail, GEOJSON: TerritoryFeature},
    file="territoire",
    status=(200, 304),
    headers=IF_NONE_MATCH,
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
    outline = call.services.reference.geography.outline(area)
    territories = reference.territories
    detail = TerritoryDetail(
        **msgspec.structs.asdict(_territory_summary(area, territories)),
        communes=len(area.communes),
        postal_codes=territories.communes[area.communes[0]].postal_codes if area.kind == "commune" else (),
        bbox=outline.bbox if outline else None,
        centroid=Point(lat=outline.centroid[1], lon=outline.centroid[0]) if outline else None,
    )
    if call.media_type == JSON:
        return conditional_get(call, detail, max_age=DAY)
    geometry = msgspec.Raw(outline.geometry if outline else b"null")
    feature = TerritoryFeature(area.id, geometry, detail, detail.bbox)
    return conditional_get(call, feature, GEOJSON, max_age=DAY)


@endpoint("GET", "/rules", tag=TAG, scope=None, answers=RuleList, status=(200, 304), headers=IF_NONE_MATCH)
async def list_rules(call: Call, query: RulesQuery) -> Response[bytes]:
    """Every dated rule in force on a day: thresholds, shares, articles, each with its source and how sure it is.

    `confidence` says how sure the reading is; `explanation`, in English, how the rule is applied. The rules by which a
    frozen shortlist was judged are read again by their `version`, whatever they are today.
    """
    rules = await rules_of_version(call.services, query.version)
    on, scope = query.on or call.services.today(), LegalScope(MATCH_WORDS["law_scope"].to(call.language))
    listed = RuleList(on, rules.version, documents.documents_in_force(rules, on, call.language), scope)
    return conditional_get(call, listed, max_age=HOUR)


async def rules_of_version(services: Services, version: str | None) -> Rules:
    """The rules of a version, as `kept_rules`; those of today where it is None. Raises InvalidContent."""
    found = services.reference.rules if version is None else await kept_rules(services, version)
    if found is None:
        detail = Text(f"Aucune règle gardée de la version {version}", f"No rules kept of version {version}")
        raise InvalidContent((Problem("/version", "unknown_version", detail),))
    return found


async def kept_rules(services: Services, version: str) -> Rules | None:
    """The law of a version whose files were kept with a frozen shortlist; None where they were not, or are not read."""
    if version == services.reference.rules.version:
        return services.reference.rules
    async with transaction(services.database) as connection:
        content = await select_law_file(connection, version)
    try:
        return None if content is None else await asyncio.to_thread(parse, content, version)
    except (BrokenLaw, msgspec.DecodeError):
        return None


@endpoint("GET", "/rules/{rule}", tag=TAG, scope=None, answers=RuleHistory, status=(200, 304), headers=IF_NONE_MATCH)
async def get_rule(call: Call, rule: str) -> Response[bytes]:
    """One rule through time: every period that is known, also when the law had no such rule yet."""
    history = RuleHistory(rule, documents.documents_of_rule(call.services.reference.rules, rule, call.language))
    return conditional_get(call, history, max_age=HOUR)


class _ListPosition(NamedTuple):
    """The position of an area in the list of all areas: its kind, then its code."""

    kind: int
    code: str


def _position_of(area: Area) -> _ListPosition:
    return _ListPosition(KINDS.index(area.kind), area.code)


@lru_cache(maxsize=2)
def _areas_of_all_kinds(territories: Territories) -> tuple[Area, ...]:
    return tuple(area for kind in KINDS for area in territories.areas(kind))


def _territory_summary(area: Area, territories: Territories) -> TerritorySummary:
    return TerritorySummary(
        id=area.id,
        kind=area.kind,
        code=area.code,
        label=area.label,
        population=sum(territories.communes[ordinal].population for ordinal in area.communes),
        parents=tuple(TerritoryLabel(parent.id, parent.label) for parent in territories.parents(area)),
    )
