"""The pages for integrators: sources with their quality and freshness, and a file tried, imported and reported on."""

import asyncio
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from io import BytesIO
from itertools import islice
from pathlib import Path
from tempfile import TemporaryFile
from typing import NamedTuple, get_args
from urllib.parse import quote

from litestar import Response

from api.desk.directory.directory_page import MOST_OF_A_SOURCE, flag_detail, table_file
from api.desk.frame.form import Mistake
from api.desk.frame.layout import CODE_WORDS, SAID
from api.desk.frame.page import page
from api.desk.frame.visit import Visit, id_in
from api.desk.sources.category_form import MOST_CATEGORIES, CategoryChoice, choices_in, confirmed_segments
from api.sync.imports import NO_IMPORT, ImportQuery, import_source_file, own_import
from api.sync.sources import (
    LONGEST_NAME,
    NO_SOURCE,
    all_sources,
    confirm_categories,
    find_source,
    require_own_source,
    require_source_name,
    unmapped_categories,
)
from api.web.pagination import read_cursor, write_cursor
from api.web.problems import Refusal
from db.core.engine import transaction
from db.imports import run as stored_imports
from domain.errors import Conflict, InvalidContent, NotFound, Problem
from domain.suppliers.source import Import, ImportMode, Row, RowError, SourceDocument, SourceMapping
from domain.text.bilingual import PARIS, Language, Text
from matching.reference import Reference
from sources.file_reader import CSV, FORMATS, JSON, NDJSON, read_rows
from sources.file_types.csv_cells import csv_of
from sources.file_types.workbook import NOT_CSV, SIGNATURE, first_sheet, uncompressed_size
from sources.formats.registers import ESS_COLUMN, FAMILY_COLUMNS, LABEL_COLUMNS, LICENCE_COLUMNS
from sources.formats.spreadsheet import ACTIVITIES, TITLES, Titles, rejected_rows, template_rows, titles_in
from sources.formats.vivier_columns import COLUMNS
from sources.rows import Context, UnreadableFile, unreadable

_OWN_COLUMNS: dict[str, dict[str, str]] = tomllib.loads(Path(__file__).with_name("columns.toml").read_text("utf-8"))
ShownReject = tuple[int, str | None, str, str]
"""A rejected row as a table shows it: its line, its record, the column of the first fault, empty for the whole row;
and what is wrong."""
_POINTER = re.compile(r"(?:(?<=et aussi )|(?<=also )|(?<=; ))/[a-z0-9_/]+(?=( :|:) )")
"""A place in a record that stands within the words on a fault, before those on another one."""


def column_title_function(format_: str, titles: Mapping[str, str] | None = None) -> Callable[[str], str]:
    """A function from a pointer into a record to the title of the table column that the value stands in.

    `titles`: of the table's own columns, where they are known; else the usual ones.
    """

    def title_at_pointer(pointer: str) -> str:
        path = tuple(int(step) if step.isdecimal() else step for step in pointer.split("/")[1:])
        inner = ("offers", 0, *path[2:]) if path[:1] == ("offers",) else path
        found = next((name for name, each in COLUMNS.items() if inner[: len(each.path)] == each.path), None)
        name = found or ".".join(map(str, path))
        if format_ != SPREADSHEET:
            return _OWN_COLUMNS.get(format_, {}).get(name, name)
        name = ACTIVITIES if found == "segments" else name
        usual = TITLES[name].title if name in TITLES else name
        return (titles or {}).get(name, usual)

    return title_at_pointer


def shown_rejects(rejects: Sequence[RowError], column_title: Callable[[str], str]) -> list[ShownReject]:
    """Rejected rows as rows of a table; in their sentences, column titles stand in place of pointers."""

    def with_column_titles(detail: str) -> str:
        return _POINTER.sub(lambda found: f"« {column_title(found[0])} »", detail)

    return [
        (each.line, each.external_id, column_title(each.pointer), with_column_titles(each.detail)) for each in rejects
    ]


ROWS_TRIED = 20
LARGE = 1 << 20
MEDIA_TYPES = {".csv": CSV, ".tsv": CSV, ".txt": CSV, ".ndjson": NDJSON, ".jsonl": NDJSON, ".geojson": JSON}
SPREADSHEET = "spreadsheet"
TELLING = {"ess-france": FAMILY_COLUMNS, "directory": (ESS_COLUMN, *LICENCE_COLUMNS, *LABEL_COLUMNS)}
"""Columns of which such a list has one: any table with a SIREN could be read as it, and would make no supplier."""


class RecognisedFile(NamedTuple):
    """An uploaded file as recognised: its format, the media type it is read as, and its bytes as that type.

    `sheet`: the one read of a workbook; `others`: its other sheets. `titles`: the column titles of a network's table,
    with those that are not read.
    """

    format: str
    media_type: str
    content: bytes
    sheet: str | None = None
    others: tuple[str, ...] = ()
    titles: Titles | None = None

    @property
    def column_title(self) -> Callable[[str], str]:
        """A function from a pointer into a record to a column title, in the file's own words where it has titles."""
        return column_title_function(self.format, self.titles.read if self.titles else None)


def is_large(_: Reference, content: bytes) -> bool:
    """Whether a file, uncompressed, is so large that reading it takes seconds."""
    return (uncompressed_size(content) if content.startswith(SIGNATURE) else len(content)) > LARGE


def recognise_file(
    reference: Reference, name: str, content: bytes, wanted: str, mapping: SourceMapping, language: Language
) -> RecognisedFile:
    """The file read in the wanted format; without one, in the format that reads most of the first rows.

    `vivier` where other formats do no better, and `spreadsheet` where no other can read it. Raises InvalidContent for a
    file that no format can read, or that the wanted one cannot.
    """
    sheet, others = None, tuple[str, ...]()
    if content.startswith(NOT_CSV):
        content, sheet, others = first_sheet(content)
    media_type = CSV if sheet is not None else media_type_of_file(name, content)
    candidates = [wanted] if wanted in FORMATS else list(FORMATS)
    fitting = [each for each in candidates if media_type in FORMATS[each]]
    if not fitting:
        raise unreadable("wrong_media_type", SAID["not_so_encoded"])
    context = Context(reference.territories, reference.taxonomy, reference.cpv, mapping, language)
    found = fitting[0] if len(fitting) == 1 else _best_format(fitting, content, media_type, context)
    titles = titles_in(BytesIO(content), mapping.fields) if found == SPREADSHEET else None
    return RecognisedFile(found, media_type, content, sheet, others, titles)


def _best_format(fitting: list[str], content: bytes, media_type: str, context: Context) -> str:
    """The one of the `fitting` formats that reads most of the first rows; `vivier` for a CSV file with its titles."""
    titles = re.split('["\r,;\t]+', content.partition(b"\n")[0].decode(errors="replace"))
    likely = [each for each in fitting if each not in TELLING or not set(titles).isdisjoint(TELLING[each])]
    read = {each: _count_readable_rows(each, content, media_type, context) for each in likely if each != SPREADSHEET}
    if media_type == CSV and read.get("vivier", -1) >= 0:
        return "vivier"  # no other has its titles, however few of its rows are without faults
    best = max(read, key=lambda each: read[each])
    if read[best] >= 0 or SPREADSHEET not in fitting:
        return best
    # of a table that none reads, our own format says the most if it has a title of it, else people's
    is_own = not {"external_id", "name"}.isdisjoint(titles)
    return best if is_own and _count_readable_rows(SPREADSHEET, content, media_type, context) < 0 else SPREADSHEET


def _count_readable_rows(format_: str, content: bytes, media_type: str, context: Context) -> int:
    """The number of the first rows that a format reads as records; -1 where it cannot read the file."""
    try:
        rows = islice(read_rows(format_, BytesIO(content), media_type, context), ROWS_TRIED)
        return sum(isinstance(row, Row) for row in rows)
    except UnreadableFile:
        return -1


def media_type_of_file(name: str, content: bytes) -> str:
    """The media type of a file, by its name or else its first bytes. Raises InvalidContent if it is empty."""
    if not content.strip():
        raise unreadable("empty", SAID["empty"])
    suffix = name[name.rfind(".") :].lower() if "." in name else ""
    if suffix in MEDIA_TYPES:
        return MEDIA_TYPES[suffix]
    beginning = content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    return JSON if beginning == b"[" or suffix == ".json" else NDJSON if beginning == b"{" else CSV


REJECTS_SHOWN, IMPORTS_SHOWN, DAYS_SHOWN = 100, 10, 12
MODES: tuple[ImportMode, ...] = get_args(ImportMode)
CORRECT, IMPORT = "corriger", "importer"
"""Buttons of the form: to have the rejected rows of a file as a table, to import it; another one tries it."""


@page("GET", "/sources", scope=("read", "sync", "admin"))
async def show_sources(visit: Visit) -> Response[bytes]:
    """The sources with their freshness and quality; a redirect to the source that the query names."""
    name = visit.text("nom")
    if name:
        require_source_name(name)
        return visit.redirect(f"/sources/{quote(name, safe='')}")
    client = visit.call.bearer
    known = await all_sources(visit.services)
    names = {each.name for each in known.items}
    return visit.page(
        "sources/sources.html",
        sources=known.items,
        directory=known.directory,
        history=known.history[-DAYS_SHOWN:],
        unknown=[each for each in client.sources if each not in names],
        may_name=client.may("platform"),
        longest=LONGEST_NAME,
    )


@page("GET", "/sources/{source}", scope=("read", "sync", "admin"))
async def show_source(visit: Visit, source: str) -> Response[bytes]:
    """A source: what its records lack, its latest imports, and the form to import a file."""
    require_source_name(source)
    found = await find_source(visit.services, source)
    if found is None and not visit.call.bearer.may_write(source):
        raise NotFound(NO_SOURCE)
    return await _source_page(visit, source, found)


@page("POST", "/sources/{source}/envois", scope=("sync", "admin"), files=True)
async def send_file(visit: Visit, source: str) -> Response[bytes]:
    """Try or import the uploaded file; shows its report, the rejected rows to correct, or why it cannot be read."""
    require_own_source(visit.call, source)
    file, wish = visit.files.get("fichier"), visit.text("faire")
    mode = next((each for each in MODES if each == visit.text("mode")), MODES[0])
    found = await find_source(visit.services, source)
    mapping = found.mapping if found else SourceMapping()
    try:
        if file is None:
            raise InvalidContent((Problem("", "missing", SAID["no_source_file"]),))
        # in another process: what takes long to read keeps nobody else waiting
        is_long = await visit.run_work(is_large, file.content, is_much=True)
        # large files are read one at a time, whoever sends them, and leave a place for the small ones
        line = visit.services.large_files.slot_of(str(visit.organisation_id)) if is_long else nullcontext()
        async with line, visit.services.import_slot(source, visit.call.bearer):
            read = recognise_file, file.name, file.content, visit.text("format"), mapping, visit.language
            layout = await visit.run_work(*read, is_much=True)
            query = ImportQuery(layout.format, mode, wish != IMPORT, bool(visit.text("forcer")))
            # on the disk, where the process that reads its rows finds it
            with TemporaryFile(prefix="vivier-") as stream:
                await asyncio.to_thread(stream.write, layout.content)
                stream.seek(0)
                sent = layout.media_type, stream
                report = await import_source_file(visit.call, source, query, *sent)
    except (InvalidContent, Conflict, Refusal) as refused:
        if isinstance(refused, Refusal) and not refused.errors:
            raise
        return await _source_page(visit, source, found, 422, refused=reasons_of_refusal(refused))
    if wish == IMPORT:
        return visit.redirect(f"/sources/{quote(source, safe='')}/envois/{report.id}")
    if wish == CORRECT:
        return await asyncio.to_thread(_table_to_correct, layout, mapping, report)
    rejects = shown_rejects(report.errors[:REJECTS_SHOWN], layout.column_title)
    trial = {"file_name": file.name, "layout": layout, "report": report, "rejects": rejects}
    return await _source_page(visit, source, found, trial=trial)


@page("POST", "/sources/{source}/categories", scope=("sync", "admin"))
async def confirm_source_categories(visit: Visit, source: str) -> Response[bytes]:
    """Write what the source's categories mean, as ticked, and redirect to the page of the source."""
    require_own_source(visit.call, source)
    choices = choices_in(visit.fields)
    confirmed, mistakes = confirmed_segments(choices, visit.reference.taxonomy)
    if mistakes:
        return await _source_page(
            visit, source, await find_source(visit.services, source), choices=choices, mistakes=tuple(mistakes)
        )
    if confirmed:
        async with transaction(visit.services.database) as connection:
            await confirm_categories(visit.call, connection, source, confirmed)
    return visit.redirect(f"/sources/{quote(source, safe='')}?confirmees={len(confirmed)}")


@page("GET", "/sources/{source}/modele", scope=("sync", "admin"))
async def get_table_to_fill_in(visit: Visit, source: str) -> Response[bytes]:
    """A CSV table to fill in: the titles of its columns, and one supplier as an example."""
    require_own_source(visit.call, source)
    header, *rows = template_rows()
    return table_file(csv_of(header, rows, "excel"), "vivier-modele")


@page("GET", "/sources/{source}/envois/{import_id}", scope=("sync", "admin"))
async def show_import(visit: Visit, source: str, import_id: str) -> Response[bytes]:
    """The report of an import, or how far it has come, with its rejected rows page by page."""
    report = await _find_import(visit, source, import_id)
    after = read_cursor(f"errors/{report.id}", visit.text("suite") or None, int) or 0
    async with transaction(visit.services.database) as connection:
        found = await stored_imports.list_errors(connection, report.id, after, REJECTS_SHOWN + 1)
    onwards = write_cursor(f"errors/{report.id}", after + REJECTS_SHOWN) if len(found) > REJECTS_SHOWN else None
    rejects = shown_rejects(found[:REJECTS_SHOWN], column_title_function(report.format))
    return visit.page("sources/import.html", source=source, report=report, rejects=rejects, onwards=onwards)


@page("GET", "/sources/{source}/envois/{import_id}/rejets", scope=("sync", "admin"))
async def get_rejects(visit: Visit, source: str, import_id: str) -> Response[bytes]:
    """The stored rejected rows of an import as a CSV table: the line of each, and what is wrong with it."""
    report = await _find_import(visit, source, import_id)
    async with transaction(visit.services.database) as connection:
        found = await stored_imports.list_errors(connection, report.id, 0, report.rejected)
    # there may be 100,000 of them, and others are not to wait meanwhile
    rejects = await asyncio.to_thread(shown_rejects, found, column_title_function(report.format))
    header = SAID["columns_of_rejects"].to(visit.language).split(";")
    table = await asyncio.to_thread(csv_of, header, rejects, "excel")
    return table_file(table, f"vivier-rejets-{report.started_at.astimezone(PARIS):%Y-%m-%d}")


async def _find_import(visit: Visit, source: str, import_id: str) -> Import:
    """The import with this id, of this source. Raises NotFound, Refusal (403)."""
    async with transaction(visit.services.database) as connection:
        report = await own_import(visit.call, connection, id_in(import_id, NO_IMPORT))
    if report.source != source:
        raise NotFound(NO_IMPORT)
    return report


async def _source_page(
    visit: Visit,
    source: str,
    found: SourceDocument | None,
    status: int | None = None,
    *,
    trial: Mapping[str, object] | None = None,
    refused: tuple[Text, ...] = (),
    choices: Mapping[str, CategoryChoice] | None = None,
    mistakes: tuple[Mistake, ...] = (),
) -> Response[bytes]:
    """The page of a source. `trial`: the report on a file that was tried; `refused`: why one cannot be read.

    `choices`: those made for its categories, with `mistakes` in them.
    """
    may_write = visit.call.bearer.may("sync", "admin") and visit.call.bearer.may_write(source)
    imports = []
    if may_write:
        async with transaction(visit.services.database) as connection:
            await stored_imports.close_interrupted(connection, visit.services.now())
            imports = list(await stored_imports.list_imports(connection, source, None, IMPORTS_SHOWN))
    categories = await unmapped_categories(visit.services, source) if may_write and found else ()
    taxonomy = visit.reference.taxonomy
    return visit.page(
        "sources/source.html",
        status,
        mistakes=mistakes,
        categories=categories[:MOST_CATEGORIES],
        more_categories=len(categories) - MOST_CATEGORIES,
        choices=choices or {},
        trades=[*taxonomy.segments.values(), *taxonomy.families] if categories else [],
        source=source,
        found=found,
        may_write=may_write,
        imports=imports,
        trial=trial,
        csv=CSV,
        flag_detail=lambda flag: flag_detail(flag, visit.reference.territories),
        refused=refused,
        formats=[each for each in CODE_WORDS["format_words"] if each in FORMATS],
        titles=TITLES.values(),
        most_in_table=MOST_OF_A_SOURCE,
        largest=visit.services.settings.body_limit >> 20,
    )


def _table_to_correct(layout: RecognisedFile, mapping: SourceMapping, report: Import) -> Response[bytes]:
    """The rejected rows of a file that was tried, as a table to correct and send again."""
    rejects = shown_rejects(report.errors, layout.column_title)
    said = {line: f"{column} : {detail}" for line, _, column, detail in rejects}
    return table_file(rejected_rows(layout.content, layout.format, mapping.fields, said), "vivier-a-corriger")


def reasons_of_refusal(refused: InvalidContent | Conflict | Refusal) -> tuple[Text, ...]:
    """The sentences that say why a file is refused."""
    if isinstance(refused, Conflict):
        return (SAID["too_many_removed"] if refused.code == "too_many_removed" else refused.detail,)
    problems = refused.problems if isinstance(refused, InvalidContent) else refused.errors
    return tuple(problem.detail for problem in problems)
