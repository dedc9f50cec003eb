"""`vivier pool`: build the suppliers of France from the bulk files of the State, and import what was built."""

import argparse
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from datetime import datetime
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from uuid import UUID

import msgspec

from api.commands.command import USAGE, CommandFailed, run_in_transaction
from api.commands.console import Col, Command, Headline, Part, Rows, console, show_answer, step_bars, write_parts
from api.commands.imports import Importer, import_and_report, importer
from api.settings import Settings
from db.core.engine import Connection
from db.suppliers.sources import last_imports, say_once
from domain.reference import taxonomy, territory
from domain.suppliers.source import Source
from domain.text.bilingual import PARIS
from sources.file_reader import CHECKED, cache_key_of, cache_path_of, has_cached_rows, reader_versions
from sources.pool.csv_pipe import UnusableFile
from sources.pool.download import FetchedFile, NotFetched, fetch
from sources.pool.manifest import (
    Choices,
    FileReport,
    GivenFile,
    MadeFile,
    PublishedFile,
    UnusableManifest,
    published_files,
    read_manifest,
    sha256_of,
)
from sources.pool.trade_counts import PoolTrades, count_trades_in

NOT_INSTALLED = 'reading the bulk files needs DuckDB: pip install "duckdb>=2"'
NOT_ALLOWED = "files are not fetched unless the operator allows it: set VIVIER_POOL_FETCH=true"
CREDITS = "Credit where these data are shown: "
IMPORTED = "imported.json"
CHECKS = {"checksum": "its checksum is right", "size": "of the right size", "nothing": "nothing to check it by"}


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Show where the pool's files are published, fetch them, build the pool or import it, as `options.action` says."""
    actions = {"sources": _list_sources, "fetch": _fetch_named, "build": _build_pool, "update": _import_changed_files}
    return actions[options.action](options, settings)


def _list_sources(options: argparse.Namespace, _: Settings) -> int:
    """Print where the published files are, and how they may be used."""
    parts: list[Part] = []
    for file in published_files():
        parts.append(Headline(f"{file.option:<17} {file.name}"))
        lines = [file.publisher, file.address, f"{file.licence}; {file.rhythm}", f"Credit: {file.credit}"]
        lines += [f"vivier pool fetch {file.id}"] if file.catalogue else []
        parts += [Command(f"{'':<17} {line}") for line in lines]
    show_answer(published_files(), parts, as_json=options.json)
    return 0


def _build_pool(options: argparse.Namespace, settings: Settings) -> int:
    """Build the pool, and print a report."""
    if find_spec("duckdb") is None:
        raise CommandFailed(NOT_INSTALLED)
    from sources.pool.build import build  # noqa: PLC0415 - an extra: other commands go without it

    choices = Choices(
        departements=_departement_codes(options.region, options.departement),
        with_staff=options.with_staff,
        memory=options.memory,
    )
    given: dict[str, Sequence[Path]] = {}
    for file in published_files():
        paths: list[Path] = getattr(options, file.option.removeprefix("--"))
        if file.option == "--directory":
            paths = paths[:1] if file.id == "directory_units" else paths[1:]
        if paths:
            given[file.id] = paths
    if options.fetch is not None:
        missing = [file for file in published_files() if file.catalogue and file.id not in given]
        given |= {file.id: (file.path,) for file in _fetch_all(missing, options.fetch, settings)}
    if not {"units", "establishments"} <= given.keys():
        raise CommandFailed("--units and --establishments are needed (or --fetch)", USAGE)
    try:
        with step_bars() as observe:
            files, manifest = build(given, options.out, choices, observe)
            trades = count_trades_in(options.out, manifest.files, datetime.now(PARIS).date(), observe)
    except UnusableFile as unusable:
        raise CommandFailed(str(unusable)) from None
    except OSError as error:
        raise CommandFailed(f"cannot write {options.out}: {error.strerror}") from None
    report = PoolReport(files, trades, manifest.sources)
    show_answer(report, _report_parts(report, options.out), as_json=options.json)
    return 0


def _departement_codes(regions: Sequence[str], departements: Sequence[str]) -> tuple[str, ...]:
    """The codes of these departements and of those in these regions. Raises CommandFailed for an unknown code."""
    if not (regions or departements):
        return ()
    territories = territory.load()
    found = set()
    for code in (*(f"region:{code}" for code in regions), *(f"departement:{code}" for code in departements)):
        try:
            area = territories.area(code, suggest=False)
        except territory.UnknownTerritory:
            raise CommandFailed(f"there is no {code.replace(':', ' ')}", USAGE) from None
        found |= {territories.communes[ordinal].departement for ordinal in area.communes}
    return tuple(sorted(filter(None, found)))


def _fetch_named(options: argparse.Namespace, settings: Settings) -> int:
    """Fetch the named files, and print the option of `vivier pool build` that takes each."""
    by_id = {file.id: file for file in published_files()}
    fetchable = ", ".join(file.id for file in published_files() if file.catalogue)
    names = dict.fromkeys(options.names)
    for name in names:
        if name not in by_id:
            raise CommandFailed(f"there is no file {name}; those that can be fetched: {fetchable}", USAGE)
        if by_id[name].catalogue is None:
            raise CommandFailed(f"{name} is not fetched: see {by_id[name].address}; those that are: {fetchable}", USAGE)
    for file in _fetch_all([by_id[name] for name in names], options.into, settings):
        news = "fetched" if file.is_new else "did not change"
        said = f"{file.bytes / 1e6:,.1f} MB, {news}, {CHECKS[file.checked]}"
        write_parts([Command(f"{by_id[file.id].option} {file.path}  ({said})")], console())
    return 0


def _fetch_all(wanted: Iterable[PublishedFile], into: Path, settings: Settings) -> Iterator[FetchedFile]:
    """Yield files fetched one by one. Raises CommandFailed where a setting forbids it, or one cannot be fetched."""
    if not settings.pool_fetch:
        raise CommandFailed(NOT_ALLOWED, USAGE)
    for published in wanted:
        try:
            with step_bars() as observe:
                fetched = fetch(published, into, observe)
        except NotFetched as failure:
            raise CommandFailed(str(failure)) from None
        yield fetched


class PoolReport(msgspec.Struct, frozen=True):
    """A pool that was built: its files, the trades of its suppliers, and the published files with their dates."""

    files: Sequence[FileReport]
    trades: PoolTrades
    sources: Sequence[GivenFile]


def _report_parts(report: PoolReport, out: Path) -> Iterator[Part]:
    """A pool as printed parts: its files, the trades of suppliers, the command that imports it, whom to credit."""

    def as_percent(part: int, whole: int) -> str:
        return f"{part / whole:.1%}" if whole else "–"

    def table_of(words: Sequence[str], figures: Sequence[str], rows: Iterable[Sequence[str | int | None]]) -> Rows:
        """A table with `words` as the headings of columns of text, then `figures` as those of columns of numbers."""
        cells = ([f"{each:,}" if isinstance(each, int) else each or "–" for each in row] for row in rows)
        return Rows((*map(Col, words), *(Col(name, is_number=True) for name in figures)), cells)

    files = ((f.id, f.made, f.read, f.unreadable, f.kept, f.suppliers) for f in report.files)
    yield table_of(("file", "made"), ("read", "unreadable", "kept", "legal units"), files)
    trades = report.trades
    columns = "offers with a trade", "suppliers", "by it alone", "rejected", "waiting"
    yield table_of(("made",), columns, ((t.file, *msgspec.structs.astuple(t)[1:]) for t in trades.by_file))
    found = as_percent(trades.with_trade, trades.suppliers)
    yield f"With a trade (more than staff lent): {trades.with_trade:,} of {trades.suppliers:,} suppliers, {found}"
    kinds = ((k.kind, k.suppliers, k.with_trade, as_percent(k.with_trade, k.suppliers)) for k in trades.by_kind)
    yield table_of(("kind",), ("suppliers", "with a trade", "share"), kinds)
    rests = (
        (each.evidence, each.suppliers, as_percent(each.suppliers, trades.suppliers)) for each in trades.by_evidence
    )
    yield table_of(("strongest evidence",), ("suppliers", "share of all"), rests)
    yield Command(f"Import all that was made with: vivier pool update {out}")
    days: dict[str, str] = {}  # by publisher, that of its newest file
    for file in published_files():
        for source in report.sources:
            if source.id == file.id:
                days[file.credit] = max(days.get(file.credit, ""), source.date.isoformat())
    yield f"{CREDITS}{'; '.join(f'{credit} ({day})' for credit, day in days.items())}."


class ImportedFile(msgspec.Struct, frozen=True):
    """A file of the folder as it was last imported. `reader`: the version of the code and taxonomy that read it."""

    name: str
    sha256: str
    reader: str
    import_id: UUID
    at: datetime


def _import_changed_files(options: argparse.Namespace, settings: Settings) -> int:
    """Import each file in the pool's list that changed since it was last imported from this folder.

    A source that an earlier pool of this folder filled, and that the list does not name any more, is only told of.
    """
    folder: Path = options.folder
    try:
        files = read_manifest(folder).files
    except UnusableManifest as unusable:
        raise CommandFailed(str(unusable), USAGE) from None
    for file in files:
        path = folder / file.name
        try:
            is_same = sha256_of(path) == file.sha256
        except OSError as error:
            raise CommandFailed(f"cannot read {path}: {error.strerror}") from None
        if not is_same:
            raise CommandFailed(f"{path} is not what vivier pool build made: build the pool again")
    known: dict[str, ImportedFile] = {}
    with suppress(FileNotFoundError, msgspec.DecodeError):  # where it cannot be read, all is imported again
        known = msgspec.json.decode((folder / IMPORTED).read_bytes(), type=dict[str, ImportedFile])
    reader, changed = reader_versions(taxonomy.load()), list[MadeFile]()
    latest = partial(last_imports, names=tuple(known))
    current: Mapping[str, UUID] = run_in_transaction(settings, latest) if known else {}
    for file in files:
        before, now = known.get(file.format), (file.sha256, reader, current.get(file.format))
        # the database holds just this file where its import is still the last one of the source there
        if before and not options.again and (before.sha256, before.reader, before.import_id) == now:
            _print_skipped(
                options, file.format, f"{file.name} did not change since it was imported on {before.at:%Y-%m-%d}"
            )
        else:
            changed.append(file)
    if changed:
        with importer(settings) as ready:
            for file in changed:
                _import_pool_file(options, ready, file, known, reader)
        run_in_transaction(settings, partial(_name_sources, {file.format for file in changed}))
    for source in sorted(known.keys() - {file.format for file in files}):
        message = f"{known[source].name} is no part of this pool any more: the records of the source stay as they are"
        _print_skipped(options, source, message)
    return 0


def _import_pool_file(
    options: argparse.Namespace, ready: Importer, file: MadeFile, imported: dict[str, ImportedFile], reader: str
) -> None:
    """Import a file of the folder, and note it and the `reader` (see `ImportedFile`) in `imported` and on disk."""
    folder: Path = options.folder
    path, today = folder / file.name, datetime.now(PARIS).date()
    origin = cache_key_of(file.format, file.sha256, reader, today)
    # the rows that the build kept of the file, else the file
    has_rows = origin is not None and has_cached_rows(path, origin)
    read = str(cache_path_of(path) if has_rows else path)
    order = {"source": file.format, "file": read, "format": file.format, "mode": "snapshot"}
    chosen = argparse.Namespace(**vars(options) | order)
    done = import_and_report(chosen, nullcontext(ready), CHECKED if has_rows else None)
    if options.dry_run:
        return
    imported[file.format] = ImportedFile(file.name, file.sha256, reader, done.id, done.finished_at or done.started_at)
    part = folder / f".{IMPORTED}"
    try:
        part.write_bytes(msgspec.json.format(msgspec.json.encode(imported)) + b"\n")
        part.replace(folder / IMPORTED)
    except OSError as error:
        raise CommandFailed(f"imported, but cannot note it in {folder / IMPORTED}: {error.strerror}") from None


async def _name_sources(names: Collection[str], connection: Connection) -> None:
    """Set whom to credit for these sources of the pool, and their licence, where they are known and have none."""
    for file in published_files():
        if file.format is not None and file.format in names:
            await say_once(connection, Source(file.format, file.credit, file.address, licence=file.licence))


def _print_skipped(options: argparse.Namespace, source: str, message: str) -> None:
    show_answer({"source": source, "skipped": message}, [Command(f"{source}: {message}")], as_json=options.json)
