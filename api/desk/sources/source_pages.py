"""The pages for integrators: sources with their quality and freshness, and a file tried, imported and reported on."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from contextlib import nullcontext
from tempfile import TemporaryFile
from typing import NamedTuple, TypeVar, get_args
from urllib.parse import quote

from litestar import Response

from api.desk.directory.directory_page import MOST_OF_A_SOURCE, table_file
from api.desk.frame.page import page
from api.desk.frame.visit import Visit
from api.desk.frame.words import CODE_WORDS, SAID
from api.desk.frame.written_once import id_in
from api.desk.sources.source_file import (
    ReadAs,
    column_words,
    is_large,
    read_as,
    shown_rejects,
)
from api.sync.imports import NO_IMPORT, ImportQuery, imported, own_import
from api.sync.sources import LONGEST_NAME, NO_SOURCE, all_sources, one_source, require_own_source, require_source_name
from api.web.pagination import read_cursor, write_cursor
from api.web.problems import Refusal
from db.core.engine import transaction
from db.imports import run as stored_imports
from domain.errors import Conflict, InvalidContent, NotFound, Problem
from domain.suppliers.source import Import, ImportMode, SourceDocument, SourceMapping
from domain.text.bilingual import Text
from domain.text.typography import PARIS
from sources.file_types.csv_cells import csv_of
from sources.formats.registry import CSV, FORMATS
from sources.formats.spreadsheet import TITLES, model, rejected_rows

T = TypeVar("T")

REJECTS_SHOWN, IMPORTS_SHOWN = 100, 10
MODES: tuple[ImportMode, ...] = get_args(ImportMode)
TRY, CORRECT, IMPORT = "essayer", "corriger", "importer"
"""Buttons of the form: to try a file, to have its rejected rows as a table, to import it."""


class Trial(NamedTuple):
    """A file that was tried. `flags`: the records that it would make with each flag."""

    file_name: str
    layout: ReadAs
    report: Import
    flags: Mapping[str, int]


@page("GET", "/sources", scope=("read", "sync", "admin"))
async def show_sources(visit: Visit) -> Response[bytes]:
    """The sources, how fresh and how good each is; a redirect to one that is named."""
    name = visit.text("nom")
    if name:
        require_source_name(name)
        return visit.redirect(f"/sources/{quote(name, safe='')}")
    client = visit.call.bearer
    known = await all_sources(visit.services)
    names = {each.name for each in known}
    return visit.page(
        "sources/sources.html",
        sources=known,
        unknown=[each for each in client.sources if each not in names],
        may_name=client.may("platform"),
        longest=LONGEST_NAME,
    )


@page("GET", "/sources/{source}", scope=("read", "sync", "admin"))
async def show_source(visit: Visit, source: str) -> Response[bytes]:
    """A source: what its records lack, its latest imports, and the form to import a file."""
    require_source_name(source)
    found = await one_source(visit.services, source)
    if found is None and not visit.call.bearer.may_write(source):
        raise NotFound(NO_SOURCE)
    return await _source_page(visit, source, found)


@page("POST", "/sources/{source}/envois", scope=("sync", "admin"), files=True)
async def send_file(visit: Visit, source: str) -> Response[bytes]:
    """The report of a file that was tried or imported; the form again where the file cannot be read.

    Or the rows that a trial rejects, to be corrected.
    """
    require_own_source(visit.call, source)
    file, wish = visit.files.get("fichier"), visit.text("faire")
    mode = next((each for each in MODES if each == visit.text("mode")), MODES[0])
    found = await one_source(visit.services, source)
    mapping = found.mapping if found else SourceMapping()
    flags: Counter[str] = Counter()
    try:
        if file is None:
            raise InvalidContent((Problem("", "missing", SAID["no_source_file"]),))
        # in another process: what takes long to read keeps nobody else waiting
        is_long = await visit.work_out(is_large, file.content, is_much=True)
        # large files are read one at a time, whoever sends them, and leave a place for the small ones
        line = visit.services.large_files.place_of(str(visit.organisation_id)) if is_long else nullcontext()
        async with line, visit.services.place_to_import(source, visit.call.bearer):
            read = read_as, file.name, file.content, visit.text("format"), mapping, visit.language
            layout = await visit.work_out(*read, is_much=True)
            query = ImportQuery(layout.format, mode, wish != IMPORT, bool(visit.text("forcer")))
            # on the disk, where the process that reads its rows finds it
            with TemporaryFile(prefix="vivier-") as stream:
                await asyncio.to_thread(stream.write, layout.content)
                stream.seek(0)
                report = await imported(
                    visit.call,
                    source,
                    query,
                    layout.media_type,
                    stream,
                    observe=lambda batch: flags.update(batch.flags),
                )
    except (InvalidContent, Conflict, Refusal) as refused:
        if isinstance(refused, Refusal) and not refused.errors:
            raise
        return await _source_page(visit, source, found, 422, refused=_reasons(refused))
    if wish == IMPORT:
        return visit.redirect(f"/sources/{quote(source, safe='')}/envois/{report.id}")
    if wish == CORRECT:
        return await asyncio.to_thread(_to_correct, layout, mapping, report)
    return await _source_page(visit, source, found, trial=Trial(file.name, layout, report, flags))


@page("GET", "/sources/{source}/modele", scope=("sync", "admin"))
async def get_model(visit: Visit, source: str) -> Response[bytes]:
    """A table to fill in: the titles of its columns, and a supplier as an example."""
    require_own_source(visit.call, source)
    header, *rows = model()
    return table_file(csv_of(header, rows, "excel"), "vivier-modele")


@page("GET", "/sources/{source}/envois/{import_id}", scope=("sync", "admin"))
async def show_import(visit: Visit, source: str, import_id: str) -> Response[bytes]:
    """The report of an import, or how far it has come, with its rejected rows page by page."""
    report = await _import_of(visit, source, import_id)
    after = read_cursor(f"errors/{report.id}", visit.text("suite") or None, int) or 0
    async with transaction(visit.services.database) as connection:
        found = await stored_imports.list_errors(connection, report.id, after, REJECTS_SHOWN + 1)
    onwards = write_cursor(f"errors/{report.id}", after + REJECTS_SHOWN) if len(found) > REJECTS_SHOWN else None
    rejects = shown_rejects(found[:REJECTS_SHOWN], column_words(report.format))
    return visit.page("sources/import.html", source=source, report=report, rejects=rejects, onwards=onwards)


@page("GET", "/sources/{source}/envois/{import_id}/rejets", scope=("sync", "admin"))
async def get_rejects(visit: Visit, source: str, import_id: str) -> Response[bytes]:
    """The rejected rows of an import that are stored, as a table: where each is in its file, and what is wrong."""
    report = await _import_of(visit, source, import_id)
    async with transaction(visit.services.database) as connection:
        found = await stored_imports.list_errors(connection, report.id, 0, report.rejected)
    # there may be 100,000 of them, and others are not to wait meanwhile
    rejects = await asyncio.to_thread(shown_rejects, found, column_words(report.format))
    header = [each.to(visit.language) for each in REJECT_COLUMNS]
    table = await asyncio.to_thread(csv_of, header, rejects, "excel")
    return table_file(table, f"vivier-rejets-{report.started_at.astimezone(PARIS):%Y-%m-%d}")


async def _import_of(visit: Visit, source: str, import_id: str) -> Import:
    """The import of that source. Raises NotFound, Refusal (403)."""
    async with transaction(visit.services.database) as connection:
        report = await own_import(visit.call, connection, id_in(import_id, NO_IMPORT))
    if report.source != source:
        raise NotFound(NO_IMPORT)
    return report


async def _source_page(
    visit: Visit,
    source: str,
    found: SourceDocument | None,
    status: int = 200,
    *,
    trial: Trial | None = None,
    refused: tuple[Text, ...] = (),
) -> Response[bytes]:
    may_write = visit.call.bearer.may("sync", "admin") and visit.call.bearer.may_write(source)
    imports, rejects = [], []
    if trial is not None:
        rejects = shown_rejects(trial.report.errors[:REJECTS_SHOWN], trial.layout.columns)
    if may_write:
        async with transaction(visit.services.database) as connection:
            await stored_imports.close_interrupted(connection, visit.services.now())
            imports = list(await stored_imports.list_imports(connection, source, None, IMPORTS_SHOWN))
    return visit.page(
        "sources/source.html",
        status,
        source=source,
        found=found,
        may_write=may_write,
        imports=imports,
        trial=trial,
        rejects=rejects,
        can_correct=trial is not None and trial.layout.media_type == CSV,
        refused=refused,
        formats=[each for each in CODE_WORDS["format_words"] if each in FORMATS],
        titles=TITLES.values(),
        most_in_table=MOST_OF_A_SOURCE,
        largest=visit.services.settings.body_limit >> 20,
    )


def _to_correct(layout: ReadAs, mapping: SourceMapping, report: Import) -> Response[bytes]:
    """The rejected rows of a file that was tried, as a table to correct and send again."""
    said = {each.line: f"{each.column} : {each.detail}" for each in shown_rejects(report.errors, layout.columns)}
    return table_file(rejected_rows(layout.content, layout.format, mapping.fields, said), "vivier-a-corriger")


def _reasons(refused: InvalidContent | Conflict | Refusal) -> tuple[Text, ...]:
    if isinstance(refused, InvalidContent):
        return tuple(problem.detail for problem in refused.problems)
    if isinstance(refused, Refusal):
        return tuple(problem.detail for problem in refused.errors)
    return (SAID["too_many_removed"] if refused.code == "too_many_removed" else refused.detail,)


REJECT_COLUMNS = (
    Text("Ligne", "Line"),
    Text("Fiche", "Record"),
    Text("Colonne", "Column"),
    Text("Ce qui ne va pas, et ce qui irait", "The fault, and what would be right"),
)

PAGES = (show_sources, show_source, send_file, get_model, show_import, get_rejects)
