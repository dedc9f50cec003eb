"""The route `POST /programme`: a table of planned purchases answered line by line, with a plain proposal for each."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from datetime import date
from typing import Annotated, Any, NamedTuple

import msgspec
from litestar import Response
from litestar.response import Stream

from api.runtime.actor import wait_for_ever
from api.runtime.endpoint import Call, endpoint
from api.runtime.processes.match_work import FunctionTask, MatchTask
from api.web.content_negotiation import CSV, JSON, NDJSON, CsvDialect, content_disposition
from api.web.query_string import invalid_query
from api.web.request_body import JsonBody, missing_body, require_coding, require_media, whole_body
from domain.errors import InvalidContent, Problem, pointer
from domain.needs.need import Buyer, BuyerKind, Siret
from domain.programme.programme import (
    LineReach,
    PlannedLine,
    Programme,
    ProgrammeError,
    ProgrammeItem,
    ProgrammeRequest,
    item_of,
    sheet_order,
    summary_of,
    worth,
)
from domain.reference.territory import UnknownTerritory
from domain.text.bilingual import Language, Text
from matching.engine import stamp_of
from matching.index.live_index import LiveIndex
from matching.inspection.programme_lines import LINES_AT_ONCE, MatchedLine, match_lines, need_of_lines
from matching.reference import Reference
from sources.file_types.csv_cells import Cell, Dialect, csv_of
from sources.file_types.workbook import ODS, XLSX
from sources.programmes.programme_file import PlannedProgramme, read_programme_file, read_programme_request

IN_A_THREAD_BYTES = 8 << 10
"""A larger file is read in another process: the places of many lines take seconds."""
MOST_TERRITORIES = 100
CODES_ONLY = Text("Un territoire en codes est attendu ici", "A territory of codes is expected here")
TABLES = (CSV, XLSX, ODS)
BODY: JsonBody[ProgrammeRequest] = JsonBody(ProgrammeRequest)
Wait = Callable[[], Awaitable[None]]


class ProgrammeQuery(msgspec.Struct, frozen=True):
    """The buyer, the territory and the day, which a table does not say."""

    territory: Annotated[tuple[str, ...], msgspec.Meta(max_length=MOST_TERRITORIES)] = ()
    """Codes of the territory of lines that name no place, such as `departement:35`; their union"""
    siret: Siret | None = None
    """The buyer's, which tells the territory too; of JSON the body's buyer goes before it"""
    kind: BuyerKind | None = None
    """The buyer's kind, which chooses the thresholds"""
    on: date | None = None
    """The day of evaluation; today by default"""
    csv: CsvDialect | None = None
    """`excel`: a table as French spreadsheets open it by a double click"""

    @property
    def buyer(self) -> Buyer | None:
        """The buyer that the query names; None where it names none."""
        return Buyer(siret=self.siret, kind=self.kind) if self.siret or self.kind else None


class AnsweredLines(NamedTuple):
    """Lines of a programme that were matched, and those of them that are at fault."""

    items: tuple[ProgrammeItem, ...]
    errors: tuple[ProgrammeError, ...]


@endpoint(
    "POST",
    "/programme",
    tag="Match",
    scope="match",
    answers={JSON: Programme, CSV: str, NDJSON: str},
    takes={JSON: ProgrammeRequest, CSV: str, XLSX: bytes, ODS: bytes},
    problems=("unknown-territory", "too-many-requests", "match-not-finished", "not-ready"),
    example="programme",
)
async def match_programme(call: Call, query: ProgrammeQuery) -> Response[bytes] | Stream | Programme:
    """Answer a programme of purchases.

    Takes a table of planned purchases (CSV, `.xlsx`, `.ods`) whose columns are found by their French or English heads,
    or the same as JSON; rows above the header, merged heads, French amounts, quarters and several sheets are read. Each
    line is matched as a need of one lot, with the counts of `POST /match`. Answers what was read of it, who could
    answer, what is not known, which procedure, and a proposal: to reserve it where the law allows it and enough are
    eligible, to divide it, to ask those of unknown trade first, or to leave it. Nothing is stored.

    As JSON the lines stand in the order of what is worth doing. As CSV the table comes back in its own order with these
    columns behind its own. As NDJSON each line is sent as soon as it is answered (`{"item"}`, `{"error"}`), after
    `{"lines"}`, their number, and before `{"summary"}`.

    At most 2,000 lines. A faulty line is among `errors`, and the others are answered. 422 for a table without a column
    of objects or amounts, with the columns that it has.
    """
    media = require_media(call.headers, (JSON, *TABLES))
    require_coding(call.headers, ("identity",))
    services = call.services
    raw = await whole_body(call, services.settings.body_limit, call.share_of_body)
    if not raw.strip():
        raise missing_body()
    on, wait = query.on, call.wait_for_disconnect
    if media == JSON:
        request = BODY.decode(raw)
        on = request.on or on
        planned = await read_request(call, request, query)
    else:
        planned = await read_table(call, raw, query, wait)
    day = on or services.today()
    if call.media_type == NDJSON:
        return Stream(ndjson_lines(call, planned, day), media_type=NDJSON)
    programme = await whole_programme(call, planned, day, wait)
    if call.media_type == CSV:
        table = table_of(planned, programme, query.csv or "plain")
        headers = {"content-disposition": content_disposition("programme", CSV, services.now())}
        return Response(table, media_type=f"{CSV}; charset=utf-8", headers=headers)
    return programme


async def read_request(call: Call, request: ProgrammeRequest, query: ProgrammeQuery) -> PlannedProgramme:
    """The programme in a document, read outside the event loop. Raises InvalidContent and Refusal (422, 429, 503)."""
    asked = require_territory(call, query)
    if request.territory is not None:
        call.services.reference.geography.territory(request.territory, "territory")
        asked = request.territory.codes or ()
        if not asked:
            raise InvalidContent((Problem("/territory", "codes_only", CODES_ONLY),))
    request = msgspec.structs.replace(request, buyer=request.buyer or query.buyer)
    task = FunctionTask(
        read_programme_request, (request, asked, call.language), is_much=len(request.lines) > LINES_AT_ONCE
    )
    return await call.services.match_work.run(task, str(call.bearer.organisation_id), call.wait_for_disconnect)


async def read_table(call: Call, content: bytes, query: ProgrammeQuery, wait: Wait) -> PlannedProgramme:
    """The programme in a file, read outside the event loop. Raises InvalidContent and Refusal (422, 429, 503)."""
    arguments = content, require_territory(call, query), query.buyer, call.language
    task = FunctionTask(read_programme_file, arguments, is_much=len(content) > IN_A_THREAD_BYTES)
    return await call.services.match_work.run(task, str(call.bearer.organisation_id), wait)


def require_territory(call: Call, query: ProgrammeQuery) -> tuple[str, ...]:
    """The codes of the territory that a query names. Raises Refusal (422) for one that does not exist."""
    problems = list[Problem]()
    for place, code in enumerate(query.territory):
        try:
            call.services.reference.territories.area(code)
        except UnknownTerritory as unknown:
            problems.append(Problem(pointer("territory", place), unknown.code, unknown.detail))
    if problems:
        raise invalid_query(*problems)
    return query.territory


async def matched_lines(
    call: Call, planned: PlannedProgramme, on: date, wait: Wait
) -> AsyncGenerator[AnsweredLines, None]:
    """Yield the lines of a programme as they are answered, some at a time, each lot of them a task of its own.

    Raises Refusal: 429 where too many wait, 503.
    """
    services, key = call.services, str(call.bearer.organisation_id)
    index = services.directory.index_for(call.bearer.organisation_id)
    for start in range(0, len(planned.lines), LINES_AT_ONCE):
        lines = planned.lines[start : start + LINES_AT_ONCE]
        days = tuple(each.planned_publication_on for each in lines)
        need = need_of_lines(lines, planned.buyer, on)
        task = MatchTask(match_lines, need, index, on, call.language, {"planned": days})
        yield answered_lines(lines, await services.match_work.run(task, key, wait), call.language)


def answered_lines(
    lines: tuple[PlannedLine, ...], matched: tuple[MatchedLine, ...], language: Language
) -> AnsweredLines:
    """Lines with what was found for each; those that could not be matched as errors."""
    items, errors = list[ProgrammeItem](), list[ProgrammeError]()
    for line, each in zip(lines, matched, strict=True):
        if each.found is not None:
            items.append(item_of(line, each.label, each.found))
        for problem in each.problems[:1]:
            where = problem.pointer.removeprefix("/lots/0")
            errors.append(ProgrammeError(line.line, line.sheet, where, problem.code, problem.detail.to(language)))
    return AnsweredLines(tuple(items), tuple(errors))


async def whole_programme(call: Call, planned: PlannedProgramme, on: date, wait: Wait) -> Programme:
    """The answer to a programme, once all lines are matched. Raises Refusal: 429, 503."""
    answered = [each async for each in matched_lines(call, planned, on, wait)]
    index = call.services.directory.index_for(call.bearer.organisation_id)
    return programme_of(planned, answered, index, call.services.reference, on)


def programme_of(
    planned: PlannedProgramme, answered: list[AnsweredLines], index: LiveIndex, reference: Reference, on: date
) -> Programme:
    """The answer to a programme of which all lines were matched, in the order of what is worth doing."""
    items = tuple(sorted((item for each in answered for item in each.items), key=worth))
    errors = [*planned.errors, *(error for each in answered for error in each.errors)]
    told = tuple(sorted(errors, key=sheet_order(planned.sheets)))
    return Programme(items, told, summary_of(items, told, planned.sheets, stamp_of(index, reference, on)))


async def ndjson_lines(call: Call, planned: PlannedProgramme, on: date) -> AsyncGenerator[bytes, None]:
    """The answer to a programme as lines of JSON, each as soon as it is known."""
    total, answered = len(planned.lines) + len(planned.errors), list[AnsweredLines]()
    yield _ndjson({"lines": total}) + b"".join(_ndjson({"error": each}) for each in planned.errors)
    async with aclosing(matched_lines(call, planned, on, wait_for_ever)) as parts:
        async for part in parts:
            answered.append(part)
            told = [{"item": each} for each in part.items] + [{"error": each} for each in part.errors]
            yield b"".join(map(_ndjson, told))
    index = call.services.directory.index_for(call.bearer.organisation_id)
    yield _ndjson({"summary": programme_of(planned, answered, index, call.services.reference, on).summary})


def _ndjson(value: object) -> bytes:
    return msgspec.json.encode(value) + b"\n"


_READ = ("value_eur", "duration_months", "renewal_months", "planned_publication_on", "nature", "cpv", "reserved")
COLUMNS = (
    *("line", "title", *(f"read.{name}" for name in _READ), "read.territory", "read.notes", "requested", "suggested"),
    *("total", "eligible", "unknown", *(f"reach.{name}" for name in LineReach.__struct_fields__), "tension"),
    *(f"reserved.{option}" for option in ("handicap", "iae", "handicap_iae", "penitentiary", "ess")),
    *("procedure", "action.code", "action.reserved", "action.message"),
)
"""The columns that a table comes back with: the ways to the values of an item."""


def _cell_of(item: ProgrammeItem, name: str) -> Cell:
    """The value of an item in a column."""
    value: Any = item
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else getattr(value, part)
    value = getattr(value, "level", getattr(value, "label", value))  # a tension, a territory
    if isinstance(value, tuple):
        return "|".join(str(getattr(each, "label", each)) for each in value)
    return str(value) if isinstance(value, date) else value


def table_of(planned: PlannedProgramme, programme: Programme, dialect: Dialect) -> bytes:
    """The table of a programme as CSV, in its own order, with the answer behind its own columns."""
    return csv_of(table_header(planned), table_rows(planned, programme), dialect)


def table_header(planned: PlannedProgramme) -> tuple[str, ...]:
    """The names of the columns: those of the table, then the answer's."""
    return (*planned.heads, *(("sheet",) if len(planned.sheets) > 1 else ()), *COLUMNS, "error")


def table_rows(planned: PlannedProgramme, programme: Programme) -> Iterator[list[Cell]]:
    """The rows of the table, faulty ones without an answer."""
    items = {(each.sheet, each.line): each for each in programme.items}
    lines = {(each.sheet, each.line): each for each in planned.lines}
    faults = {(each.sheet, each.line): each for each in reversed(programme.errors)}
    order = sheet_order(planned.sheets)
    rows: list[ProgrammeItem | ProgrammeError] = [*items.values(), *faults.values()]
    for each in sorted(rows, key=order):
        place = each.sheet, each.line
        item, fault = items.get(place), faults.get(place)
        cells = lines[place].cells if place in lines else planned.faulty_cells.get(place, {})
        row: list[Cell] = [cells.get(head, "") for head in planned.heads]
        row += [each.sheet] if len(planned.sheets) > 1 else []
        row += [_cell_of(item, name) for name in COLUMNS] if item else [each.line, *[None] * (len(COLUMNS) - 1)]
        yield [*row, fault.detail if fault else None]
