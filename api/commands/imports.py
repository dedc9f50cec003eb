"""`vivier import`: import a file of suppliers as the records of a source, as the API does; and a table of networks."""

import argparse
import asyncio
import gzip
import os
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

import msgspec
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from api.commands.command import (
    USAGE,
    CommandFailed,
    attached_database,
    command_line_actor,
    run_in_transaction,
    signing_engine,
)
from api.commands.console import Col, Headline, Part, Rows, console, show_answer, write_told
from api.runtime.processes.forked_processes import ForkedProcesses, forked_processes
from api.settings import Settings
from api.sync.pipeline import SourceFile, import_file
from db.api_keys import ensure_organisation
from db.core.engine import Connection, Engine, transaction
from db.core.uuid7 import new_id
from db.imports.prepare_rows import PreparedBatch
from db.imports.run import Order
from db.suppliers.sources import get_source
from domain.errors import InvalidContent
from domain.journal import Actor
from domain.organisation import DEFAULT_ORGANISATION
from domain.reference import territory
from domain.suppliers.source import Import
from matching.reference import Reference, load_reference
from sources.file_reader import CSV, FORMATS, JSON, NDJSON, ZIP
from sources.file_types.workbook import ODS, XLSX, first_sheet
from sources.formats.spreadsheet import titles_in

REJECTS_SHOWN = 10
FLAGS: dict[str, str] = tomllib.loads((files("api.commands") / "flags.toml").read_text("utf-8"))
MEDIA_TYPES = {".csv": CSV, ".xlsx": XLSX, ".ods": ODS, ".ndjson": NDJSON, ".jsonl": NDJSON, ".json": JSON, ".zip": ZIP}


class Importer(NamedTuple):
    """The resources of an import: settings, database address, reference data, processes that prepare rows."""

    settings: Settings
    url: str
    reference: Reference
    processes: ForkedProcesses


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Import the file and report: 0 also where rows were rejected, 1 where the import as a whole was refused."""
    import_and_report(options, importer(settings))
    return 0


@contextmanager
def importer(settings: Settings) -> Iterator[Importer]:
    """An `Importer` for one import or several, with the database attached and the reference data loaded."""
    with ExitStack() as held:
        with ThreadPoolExecutor(1) as background:
            loading = background.submit(load_reference)
            url = held.enter_context(attached_database(settings))
        reference = loading.result()
        yield Importer(settings, url, reference, held.enter_context(forked_processes(reference)))


def import_and_report(
    options: argparse.Namespace, importer_context: AbstractContextManager[Importer], media_type: str | None = None
) -> Import:
    """Import the file, print the report and return it. `media_type`: of the file; None: as its name tells.

    Raises CommandFailed, and as `import_file`.
    """
    path = Path(options.file)
    if media_type is None:
        suffix = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
        media_type = MEDIA_TYPES.get(suffix.lower(), "")
        if media_type not in FORMATS[options.format]:
            usual = " or ".join(ending for ending, media in MEDIA_TYPES.items() if media in FORMATS[options.format])
            raise CommandFailed(f"the name of a {options.format} file ends in {usual} (or that and .gz): {path}", USAGE)
    now = datetime.now(UTC)
    order = Order(
        id=new_id(now),
        source=options.source,
        format=options.format,
        mode=options.mode,
        dry_run=options.dry_run,
        force=options.force,
        language="en",
    )
    flags: Counter[str] = Counter()
    try:
        stream = path.open("rb")
    except OSError as error:
        raise CommandFailed(f"cannot read {path}: {error.strerror}") from None
    try:
        with stream, importer_context as ready, _progress_bar(stream, path) as show_progress:

            def note_batch(batch: PreparedBatch) -> None:
                flags.update(batch.flags)
                show_progress()

            file = SourceFile(stream, media_type, path.suffix == ".gz")
            report, unread = asyncio.run(_run_import(file, order, ready, note_batch))
    except InvalidContent as unreadable:
        raise CommandFailed("; ".join(f"{path}: {problem.detail.en}" for problem in unreadable.problems)) from None
    show_answer(report, _report_parts(report, flags, unread), as_json=options.json)
    return report


async def _run_import(
    file: SourceFile, order: Order, ready: Importer, observe: Callable[[PreparedBatch], None]
) -> tuple[Import, tuple[str, ...]]:
    """The report of the import, and the titles of columns that it did not read."""
    database = signing_engine(ready.settings, ready.url, pool_size=2)
    try:
        actor = await command_line_actor(database, datetime.now(UTC))
        signed = msgspec.structs.replace(order, actor=actor, most_vertices=ready.settings.source_vertices)
        clock, processes = (lambda: datetime.now(UTC)), ready.processes
        report = await import_file(database, ready.reference, signed, file, clock, processes=processes, observe=observe)
        return report, await _unread_titles(database, file, order)
    finally:
        await database.dispose()


async def _unread_titles(database: Engine, file: SourceFile, order: Order) -> tuple[str, ...]:
    """The titles of a network's table that stand for no column, by its source's mapping; () for another format."""
    if order.format != "spreadsheet":
        return ()
    async with transaction(database) as connection:
        source = await get_source(connection, order.source)
    file.stream.seek(0)
    content = cast("BinaryIO", gzip.GzipFile(fileobj=file.stream)) if file.is_gzipped else file.stream
    table = content if file.media_type == CSV else BytesIO(first_sheet(content.read()).content)
    return titles_in(table, source.mapping.fields if source else {}).others


def _report_parts(report: Import, flags: Counter[str], unread: tuple[str, ...]) -> Iterator[Part]:
    """The report of an import as printed parts: counts, unread columns, flags of accepted rows, first rejected rows."""
    yield Headline(f"Import into {report.source}" + (" (dry run: nothing is stored)" if report.dry_run else ""))
    names = ("received", "added", "changed", "unchanged", "waiting", "removed", "rejected")
    yield Rows([Col(name, is_number=True) for name in names], [[str(getattr(report, name)) for name in names]])
    if unread:
        yield f"Columns that were not read: {', '.join(unread)}"
    if flags:
        yield f"Of the {report.received - report.rejected} accepted rows:"
        yield from (f"  {count:>8}  {FLAGS.get(code, code)}" for code, count in flags.most_common())
    if shown := report.errors[:REJECTS_SHOWN]:
        some = f", the first {len(shown)} of {report.rejected}" if report.rejected > len(shown) else ""
        yield Headline(f"Rejected{some}:")
        columns = Col("line", is_number=True), *map(Col, ("external_id", "at", "code", "what is wrong"))
        yield Rows(columns, ((str(e.line), e.external_id or "", e.pointer, e.code, e.detail) for e in shown))


@contextmanager
def _progress_bar(file: BinaryIO, path: Path) -> Iterator[Callable[[], None]]:
    """Yields a function that moves a progress bar to the bytes read of the file; it is shown on a terminal only."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TextColumn("{task.percentage:>3.0f} %"))
    screen = console(stderr=True)
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as progress:
        task = progress.add_task(path.name, total=path.stat().st_size)
        # whoever reads the file shares its descriptor, and with it the place where reading has come to
        yield lambda: progress.update(task, completed=os.lseek(file.fileno(), 0, os.SEEK_CUR))


def replace_networks(options: argparse.Namespace, settings: Settings) -> int:
    """Replace the table of networks and facilitators by that of a file, CSV or workbook."""
    from api.admin.networks import keep_networks, networks_in_table  # noqa: PLC0415 - much of a server, as the next
    from api.commands.match import faults_as_failure, file_bytes  # noqa: PLC0415

    now = datetime.now(UTC)
    with faults_as_failure(str(options.file)):
        networks = networks_in_table(file_bytes(str(options.file)))

        async def keep_table(connection: Connection) -> None:
            home = await ensure_organisation(connection, DEFAULT_ORGANISATION, now)
            await keep_networks(connection, territory.load(), networks, Actor(home, "command"), now)

        run_in_transaction(settings, keep_table)
    return write_told(f"{len(networks)} networks are kept.\n")
