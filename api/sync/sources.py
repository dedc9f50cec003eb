"""Routes of the sources that records come from: their settings, and figures about what they sent."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from itertools import chain, repeat
from typing import Annotated, TypeVar

import msgspec
from litestar import Response

from api.runtime.actor import actor_of
from api.runtime.auth import require_scope, require_source
from api.runtime.endpoint import Call, endpoint
from api.runtime.etag import IF_NONE_MATCH, conditional_get, etag_response
from api.runtime.services import Services
from api.web.problems import Refusal
from db.core.engine import Connection, transaction
from db.journal.entries import write_entry
from db.suppliers import sources as stored_sources
from db.suppliers.sources import directory_history
from domain.decoding.requests import hint_of_nearest
from domain.errors import InvalidContent, NotFound, Problem, pointer, require_found
from domain.journal import Detail
from domain.reference.taxonomy import Taxonomy
from domain.suppliers.known_trades import TradeCounts, count_trades
from domain.suppliers.record_check import MOST_SUGGESTIONS, unknown_segment
from domain.suppliers.source import Source, SourceDocument, SourceMapping, SourceSummary
from domain.suppliers.supplier import DECLARATIONS
from domain.supply import TradesOnDay
from domain.text.bilingual import Text, WebAddress, said_by
from domain.text.labels import KINDS
from domain.text.normalise import fold
from matching.index.trade_groups import counts_by_source, counts_of_all
from matching.reference import Reference
from sources.formats.vivier_columns import COLUMNS
from sources.rows import mapped_segments, parts_of_category

Described = TypeVar("Described", bound=SourceSummary)

TAG = "Sources"
LONGEST_NAME = 100
HISTORY = timedelta(days=731)
MOST_SEGMENTS, LIKELY = 3, 0.5
"""Segments suggested for a category, and the least confidence of those that its words may mean."""

KINDS_OF_SUPPLIERS = {"association", "scic", "scop", "siae", *map(fold, KINDS), *(fold(s.fr) for s in KINDS.values())}
NO_SOURCE = Text("Aucune source de ce nom", "No source of this name")

sources_endpoint = partial(endpoint, tag=TAG, scope=("read", "sync", "admin"))

Rank = Annotated[
    int,
    msgspec.Meta(
        ge=-1_000,
        le=1_000,
        description="Of sources that describe one supplier, the word of the one that ranks higher goes first; "
        "0 where it was never set. Needs scope `platform` to change",
    ),
]


Licence = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=r"^\S(.*\S)?$")]


class SourceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of a source. A setting that is left out is removed, except the rank, which stays."""

    label: Annotated[str, msgspec.Meta(min_length=1, max_length=400)] | None = None
    """A name to read"""
    url: WebAddress | None = None
    """The address of a page about it"""
    mapping: SourceMapping = SourceMapping()
    """The meaning of its categories and fields"""
    licence: Licence | None = None
    """Under which its records may be used again: an SPDX identifier, or `Licence Ouverte 2.0`. Only sources with a \
licence that is known to be open are in `GET /exports/pool.zip`"""
    rank: Rank | None = None
    """The higher goes first where sources say different things of one supplier; set with scope `platform`"""


class SourceList(msgspec.Struct, frozen=True):
    """All sources, by name."""

    items: tuple[SourceSummary, ...]
    """All sources, by name"""
    directory: TradeCounts | None = None
    """Suppliers of all sources together, by trade, counted in memory; null until they are loaded"""
    history: tuple[TradesOnDay, ...] = ()
    """The same on the days of the last two years on which it was counted as other than before; the earliest first"""


class CategorySegment(msgspec.Struct, frozen=True):
    """A segment that the words of a category suggest."""

    segment: str
    """The id of a segment of the taxonomy"""
    label: str
    """In French"""
    confidence: Annotated[float, msgspec.Meta(ge=0, le=1)]
    """The chance that the words mean it, from 0 to 1"""


class UnmappedCategory(msgspec.Struct, frozen=True):
    """A category of the source that its mapping does not know, and what its words suggest."""

    category: str
    """Its id, its name or both, as it is flagged on records; a key that `mapping.categories` takes"""
    rows: Annotated[int, msgspec.Meta(ge=1)]
    """Records of the source that are in it"""
    segments: tuple[CategorySegment, ...]
    """The likeliest first, at most three; none where its words say no trade"""


class UnmappedCategories(msgspec.Struct, frozen=True):
    """Categories of the source that its mapping does not know."""

    items: tuple[UnmappedCategory, ...]
    """Those of the most records first"""


@sources_endpoint("GET", "/sources", answers=SourceList, example="sources")
async def list_sources(call: Call) -> SourceList:
    """Every source with its last import and the quality of its records: their number, missing fields and flags.

    `trades`: of the suppliers that it describes, how many are known to have a trade beyond lending staff. `directory`:
    of those of all sources together; `history`: how that changed, counted once a day.
    """
    return await all_sources(call.services)


@sources_endpoint("GET", "/sources/{source}", answers=SourceDocument, status=(200, 304), headers=IF_NONE_MATCH)
async def get_source(call: Call, source: str) -> Response[bytes]:
    """A source: its settings, how fresh it is and how good."""
    require_source_name(source)
    found = require_found(await find_source(call.services, source), NO_SOURCE)
    return conditional_get(call, found)


@sources_endpoint(
    "PUT",
    "/sources/{source}",
    scope=("sync", "admin"),
    answers=SourceDocument,
    status=(200, 201),
    problems=("source-not-on-key",),
    example="source",
)
async def put_source(call: Call, source: str, body: SourceSettings, connection: Connection) -> Response[bytes]:
    """Say what a source is called, where it is found, and what its own categories and fields mean.

    `mapping.categories`: a category of the source → our segments or families. `mapping.fields`: a field of the source →
    the field of our record, named as in CSV. Imports from now on use it; a source is also known once it sent a record.

    Where several sources describe one supplier, offers, approvals and labels are united, and every other field comes
    from the source of the highest `rank` that knows it; of equal ranks, from the more specific record (with declared
    offers, with a point of its own), then the more recent one.
    """
    require_own_source(call, source)
    before = await stored_sources.get_source(connection, source) or Source(source)
    rank = before.rank if body.rank is None else body.rank
    if rank != before.rank:
        require_scope(call.bearer, "platform")
    settings = Source(source, body.label, body.url, body.mapping, rank, body.licence)
    added = await _write_settings(call, connection, before, settings)
    found = await stored_sources.describe_source(connection, source, call.services.today())
    assert found is not None  # noqa: S101 - it was just written
    return etag_response(_add_trade_counts(call.services, [found])[0], status=201 if added else 200)


@sources_endpoint(
    "GET", "/sources/{source}/mapping-suggestions", answers=UnmappedCategories, example="mapping-suggestions"
)
async def get_mapping_suggestions(call: Call, source: str) -> UnmappedCategories:
    """The categories of the source that its mapping does not know, with the segments that their words suggest.

    Those of the records as they came last. Confirm a category by `PUT /sources/{source}`: its `category` is a key of
    `mapping.categories`, whose value are the segments it means, `[]` where it means none. Imports from then on use it.
    """
    require_own_source(call, source)
    return UnmappedCategories(await unmapped_categories(call.services, source))


async def unmapped_categories(services: Services, source: str) -> tuple[UnmappedCategory, ...]:
    """The categories on the source's records that its mapping does not know, those of the most records first.

    Raises NotFound for an unknown source.
    """
    async with transaction(services.database) as connection:
        found = require_found(await stored_sources.get_source(connection, source), NO_SOURCE)
        counts = await stored_sources.count_unmapped(connection, source)
    left = {
        each: rows for each, rows in counts.items() if mapped_segments(found.mapping, *parts_of_category(each)) is None
    }
    return await asyncio.to_thread(_suggest_segments, left, services.reference)


async def confirm_categories(
    call: Call, connection: Connection, source: str, confirmed: dict[str, tuple[str, ...]]
) -> None:
    """Add the segments of some categories to the source's mapping; the caller has checked the right to write.

    Raises InvalidContent for an unknown segment.
    """
    before = await stored_sources.get_source(connection, source) or Source(source)
    mapping = msgspec.structs.replace(before.mapping, categories=before.mapping.categories | confirmed)
    await _write_settings(call, connection, before, msgspec.structs.replace(before, mapping=mapping))


def _suggest_segments(counts: Mapping[str, int], reference: Reference) -> tuple[UnmappedCategory, ...]:
    """Each category with its number of records and the segments that its words suggest."""

    def read_words(category: str) -> Iterator[CategorySegment]:
        words = parts_of_category(category)[1] or category
        found = () if fold(words) in KINDS_OF_SUPPLIERS else reference.interpreter.search(words, MOST_SEGMENTS)
        likely = (each for each in found if each.confidence >= LIKELY)
        for each in reference.interpreter.read(words)[:MOST_SEGMENTS] or likely:
            yield CategorySegment(each.segment, reference.taxonomy.label(each.segment), each.confidence)

    return tuple(UnmappedCategory(each, rows, tuple(read_words(each))) for each, rows in counts.items())


async def _write_settings(call: Call, connection: Connection, before: Source, settings: Source) -> bool:
    """Store the settings of a source in place of those `before`, with journal entries; True if the source is new.

    Raises InvalidContent for a mapping to what is no segment or no column.
    """
    if problems := tuple(_problems_of_mapping(settings.mapping, call.services.reference.taxonomy)):
        raise InvalidContent(problems)
    added = await stored_sources.put_source(connection, settings, call.services.now())
    fields = [
        name for name in ("label", "url", "mapping", "licence") if getattr(settings, name) != getattr(before, name)
    ]
    details: dict[str, Detail] = {}
    if fields or added:
        details["source.created" if added else "source.changed"] = {"fields": fields}
    if settings.rank != before.rank:
        details["source.ranked"] = {"rank": settings.rank, "before": before.rank}
    for action, detail in details.items():
        now = call.services.now()
        await write_entry(connection, actor_of(call.bearer), action, f"source:{settings.name}", now, detail=detail)
    return added


async def all_sources(services: Services) -> SourceList:
    """All sources in the order of their names, with figures on the age and quality of their records."""
    today = services.today()
    async with transaction(services.database) as connection:
        found = await stored_sources.list_sources(connection, today)
        history = await directory_history(connection, today - HISTORY)
    is_loaded = services.live is not None and services.live.is_ready
    counted = counts_of_all(services.directory.index.trade_groups()) if is_loaded else None
    return SourceList(tuple(_add_trade_counts(services, found)), counted, history)


async def find_source(services: Services, source: str) -> SourceDocument | None:
    """A source with its settings; None where no source has the name."""
    async with transaction(services.database) as connection:
        found = await stored_sources.describe_source(connection, source, services.today())
    return None if found is None else _add_trade_counts(services, [found])[0]


def require_source_name(source: str) -> None:
    """Raises NotFound for what cannot be the name of a source."""
    if not (source.isprintable() and "\N{REPLACEMENT CHARACTER}" not in source and len(source) <= LONGEST_NAME):
        raise NotFound(NO_SOURCE)


def require_own_source(call: Call, source: str) -> None:
    """Raises NotFound for what cannot be the name of a source, Refusal (403) for a source that is not on the key."""
    require_source_name(source)
    if source == DECLARATIONS:
        raise Refusal("source-not-on-key", said_by(__name__)["own_words"])
    require_source(call.bearer, source)


def _add_trade_counts(services: Services, sources: Sequence[Described]) -> list[Described]:
    """The sources with counts of their suppliers' trades, from the index; unchanged until the index is loaded."""
    if (live := services.live) is None or not live.is_ready:
        return list(sources)
    counts = counts_by_source(live.index.trade_groups())
    return [msgspec.structs.replace(each, trades=counts.get(each.name, count_trades(()))) for each in sources]


def _problems_of_mapping(mapping: SourceMapping, taxonomy: Taxonomy) -> Iterator[Problem]:
    suggest = chain(repeat(True, MOST_SUGGESTIONS), repeat(False))
    for category, segments in mapping.categories.items():
        for place, segment in enumerate(segments):
            if not taxonomy.known(segment):
                where = pointer("mapping", "categories", category, place)
                yield Problem(where, "unknown_code", unknown_segment(segment, taxonomy, suggest=next(suggest)))
    for name, field in mapping.fields.items():
        if field not in COLUMNS:
            hint = hint_of_nearest(field, tuple(COLUMNS)) if next(suggest) else Text("", "")
            detail = Text(f"Champ inconnu : « {field} »{hint.fr}", f"Unknown field: “{field}”{hint.en}")
            yield Problem(pointer("mapping", "fields", name), "unknown_field", detail)
