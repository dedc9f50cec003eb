"""The route `GET /supply`: which suppliers could answer in a territory, segment by segment, and who stands there."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import date
from functools import partial
from operator import attrgetter
from typing import Annotated, NamedTuple
from uuid import UUID

import msgspec
from litestar import Response

from api.runtime.auth import secret_in
from api.runtime.endpoint import Call, endpoint
from api.runtime.etag import IF_NONE_MATCH, conditional_get
from api.runtime.index.live_index import log_failures, running
from api.runtime.rate_limits import SUPPLY_ANSWERS, caller_of
from api.runtime.services import Services
from api.web.content_negotiation import CSV, GEOJSON, JSON, KEPT_AS_FILES
from api.web.problems import Refusal
from api.web.query_string import invalid_query
from db.core.engine import LockKind, lock_if_free, transaction
from db.suppliers.sources import is_counted, trades_since, write_trade_counts
from domain.errors import Problem, pointer
from domain.needs.need import TerritoryRequest
from domain.reference.territory import Area, UnknownTerritory
from domain.suppliers.record_check import unknown_segment
from domain.supply import AreaFeatureCollection, SegmentSupply, Supply, TradesOnDay
from domain.text.bilingual import Language, Text, said_by
from matching.index.live_index import LiveIndex
from matching.inspection.supply import Level, SupplySearch, supply_map, trades_by_commune
from matching.reference import Reference
from sources.file_types.csv_cells import Dialect, csv_of

_SAID = said_by(__name__)

MOST_TERRITORIES, MOST_SEGMENTS, MOST_AREAS = 100, 200, 2_000
"""The areas of a map are drawn: a departement has up to 890 communes, a region 5,100."""
MOST_SUGGESTIONS = 10
"""A suggestion takes up to 2 ms of the event loop, and nobody who asks needs a key."""
MINUTE = 60
LONGEST_NAME = 60
TOO_MANY_SEGMENTS = Text(f"Au plus {MOST_SEGMENTS} segments", f"At most {MOST_SEGMENTS} segments")


class SupplyQuery(msgspec.Struct, frozen=True):
    """The territory, segments, day and map areas that an answer on supply is about."""

    territory: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=MOST_TERRITORIES)]
    """Codes of territories: their union"""
    segments: Annotated[tuple[str, ...], msgspec.Meta(max_length=MOST_SEGMENTS)] | None = None
    """Segments or families, separated by commas; all segments without"""
    on: date | None = None
    """The day of the law that is applied; today by default"""
    level: Level | None = None
    """Areas of the map (GeoJSON only); EPCI by default"""
    since: date | None = None
    """The day whose known trades `trades_before` tells (JSON only)"""


class SupplyQuestion(NamedTuple):
    """A question on supply, with all that decides its answer: the suppliers' version, language, territory, day.

    `organisation_id`: of who asks, where it noted something of suppliers.
    """

    version: tuple[object, ...]
    organisation_id: UUID | None
    media_type: str
    language: Language
    codes: tuple[str, ...]
    segments: tuple[str, ...]
    on: date
    level: Level
    dialect: Dialect
    before: TradesOnDay | None = None


@endpoint(
    "GET",
    "/supply",
    tag="Reference",
    scope=None,
    answers={JSON: Supply, CSV: str, GEOJSON: AreaFeatureCollection},
    status=(200, 304),
    problems=("unknown-territory", "unknown-segment", "too-many-requests", "not-ready"),
    headers=IF_NONE_MATCH,
)
async def get_supply(call: Call, query: SupplyQuery) -> Response[bytes]:
    """The supply of a territory.

    For each segment how many suppliers could answer there, how many of them stand there, on what their trade rests, how
    many a reservation would leave, and how scarce they are: what `POST /match` counts for a lot of that segment and
    territory. Beside them the suppliers nearby of which no trade is known, and the totals of those that stand in the
    territory, by legal form and kind. As CSV a row per segment, with the dotted paths of `items` as columns; as GeoJSON
    the communes or EPCI (`level`) of the territory, with those of its suppliers that stand in each.

    `trades`: of those that stand there, how many have a known trade now; with `since`, `trades_before`: as it was
    counted on that day, for what was learnt meanwhile. The directory is counted once a day.

    Anybody may ask; answers are made one at a time and cached until the data changes. 429 where too many wait.

    With the key of an organisation, what it noted of suppliers counts too, as in its matches.
    """
    if authorization := call.headers.get("authorization"):
        with suppress(Refusal):  # a key that is none is as no key
            call.scope["user"] = await call.services.keys.client(secret_in(authorization), call.scope)
    question, body = await answer_to_query(call, query, call.media_type)
    media_type = f"{CSV}; charset=utf-8" if call.media_type == CSV else call.media_type
    response = conditional_get(call, body, media_type, max_age=None if question.organisation_id else MINUTE)
    if extension := KEPT_AS_FILES.get(call.media_type):
        codes = "-".join(code.replace(":", "-") for code in question.codes)
        name = f"offre-{codes if len(codes) <= LONGEST_NAME else 'territoires'}-{question.on}"
        response.headers["content-disposition"] = f'attachment; filename="{name}.{extension}"'
    return response


async def answer_to_query(call: Call, query: SupplyQuery, media_type: str) -> tuple[SupplyQuestion, bytes]:
    """The question that a query asks, and its answer in the media type, newly made or cached.

    Raises Refusal: 422 for what is unknown in the query, 429 where too many wait, 503.
    """
    services = call.services
    question, live = question_of(call, query, media_type)
    if query.since is not None:
        question = question._replace(before=await _trades_since(call, query.since, question.codes))
    make = partial(make_answer, question, live, services.reference)
    return question, await services.supply_answers.answer(question, caller_of(call.scope), make)


async def _trades_since(call: Call, since: date, codes: tuple[str, ...]) -> TradesOnDay | None:
    """The suppliers of a territory as they were counted on a day; None where nobody ever counted. Raises as Limits."""
    services = call.services
    services.limits.take(SUPPLY_ANSWERS, caller_of(call.scope))
    territories = services.reference.territories
    communes = {ordinal for code in codes for ordinal in territories.area(code).communes}
    async with transaction(services.database) as connection:
        return await trades_since(connection, since, [territories.communes[each].code for each in communes])


def question_of(call: Call, query: SupplyQuery, media_type: str) -> tuple[SupplyQuestion, LiveIndex]:
    """The question that a query asks, and the index that answers it. Raises Refusal (422) for what is unknown in it."""
    services = call.services
    reference, directory, client = services.reference, services.directory, call.scope.get("user")
    live = directory.index if client is None else directory.index_for(client.organisation_id)
    asking: UUID | None = None if client is None or live.noted is None else client.organisation_id
    taxonomy, problems = reference.taxonomy, list[Problem]()
    areas: dict[str, Area] = {}
    for place, code in enumerate(query.territory):
        try:
            area = reference.territories.area(code, suggest=len(problems) < MOST_SUGGESTIONS)
            areas[area.id] = area
        except UnknownTerritory as unknown:
            problems.append(Problem(pointer("territory", place), unknown.code, unknown.detail))
    named = [each for some in query.segments or () for each in some.split(",")]
    if len(named) > MOST_SEGMENTS:
        problems.append(Problem("/segments", "wrong_length", TOO_MANY_SEGMENTS))
    for place, segment in enumerate(named[:MOST_SEGMENTS]):
        if not taxonomy.known(segment):
            detail = unknown_segment(segment, taxonomy, suggest=len(problems) < MOST_SUGGESTIONS)
            problems.append(Problem(pointer("segments", place), "unknown_code", detail))
    if problems:
        raise invalid_query(*problems)
    _require_media(query, media_type)
    if media_type == GEOJSON and query.level == "commune":  # there are fewer EPCI in all of France
        count = int(reference.geography.ground_of_areas(tuple(areas.values())).sum())
        if count > MOST_AREAS:
            detail = _SAID["too_many_outlines"].filled(count=count, most_areas=MOST_AREAS)
            raise invalid_query(Problem("/territory", "too_many_areas", detail))
    notes = None if asking is None else directory.noted.versions.get(asking)
    version, on = (live.data_version, live.version_uid, notes), query.on or services.today()
    segments = tuple(dict.fromkeys(taxonomy.segments if query.segments is None else named))
    question = SupplyQuestion(
        version, asking, media_type, call.language, tuple(areas), segments, on, query.level or "epci", call.csv
    )
    return question, live


def _require_media(query: SupplyQuery, media_type: str) -> None:
    """Raises Refusal (422) for a parameter that has no meaning in an answer of this media type."""
    if query.level is not None and media_type != GEOJSON:
        raise invalid_query(Problem("/level", "map_only", _SAID["map_only"]))
    if query.since is not None and media_type != JSON:
        raise invalid_query(Problem("/since", "json_only", _SAID["json_only"]))


def search_of(question: SupplyQuestion, live: LiveIndex, reference: Reference) -> SupplySearch:
    """The search that answers a question on supply."""
    territory = reference.geography.territory(TerritoryRequest(codes=question.codes))
    return SupplySearch(live, territory, question.on, reference.rules)


def make_answer(question: SupplyQuestion, live: LiveIndex, reference: Reference) -> bytes:
    """The answer to a question on supply, in its media type."""
    search = search_of(question, live, reference)
    if question.media_type == GEOJSON:
        return msgspec.json.encode(supply_map(search, question.segments, question.level, reference.geography))
    found = search.supply(question.segments, reference.taxonomy, question.language)
    found = msgspec.structs.replace(found, trades_before=question.before)
    if question.media_type == CSV:
        return csv_of(COLUMNS, map(attrgetter(*COLUMNS), found.items), question.dialect)
    return msgspec.json.encode(found)


def _column_names(struct: type) -> Iterator[str]:
    """The dotted paths of the values in a struct of type `struct`."""
    for field in msgspec.structs.fields(struct):
        nested = isinstance(field.type, type) and issubclass(field.type, msgspec.Struct)
        yield from (f"{field.name}.{name}" for name in _column_names(field.type)) if nested else (field.name,)


COLUMNS = tuple(_column_names(SegmentSupply))


@asynccontextmanager
async def daily_trade_counts(services: Services) -> AsyncIterator[None]:
    """The background part of the application that counts suppliers of known trade once a day; needs the directory."""

    async def count_every_day() -> None:
        while True:
            await asyncio.sleep(5 * MINUTE)  # not while the server starts
            with log_failures("suppliers of known trade could not be counted"):
                await count_trades_today(services)

    async with running(count_every_day()):
        yield


async def count_trades_today(services: Services) -> bool:
    """Store today's counts of suppliers of known trade; False where they are stored, or there is nobody to count."""
    if not services.directory.is_ready or not len(services.directory.index):
        return False
    async with transaction(services.database) as connection:
        if await is_counted(connection, services.today()):
            return False
        if not await lock_if_free(connection, LockKind.IMPORT, "trade counts"):
            return False
        live, geography = services.directory.index, services.reference.geography
        await write_trade_counts(
            connection, services.today(), await asyncio.to_thread(trades_by_commune, live, geography)
        )
        return True
