"""`vivier pool`: build the suppliers of France from the bulk files of the State; see also its other actions beside."""

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path

import msgspec

from api.commands import pool_fetch, pool_update
from api.commands.console import console, step_bars
from api.commands.errors import USAGE, CommandFailed
from api.commands.pool_report import PoolReport, write_report
from api.settings import Settings
from domain.reference import territory
from domain.text.typography import PARIS
from sources.pool.csv_pipe import UnusableFile
from sources.pool.manifest import Choices
from sources.pool.published_files import PublishedFile, published_files
from sources.pool.trade_counts import count_trades_in

NOT_INSTALLED = 'reading the bulk files needs DuckDB: pip install "vivier[pool]"'


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Do the action of the command."""
    match options.action:
        case "sources":
            return _list_sources(options)
        case "fetch":
            return pool_fetch.run(options, settings)
        case "build":
            return _build(options, settings)
        case _:
            return pool_update.run(options, settings)


def _list_sources(options: argparse.Namespace) -> int:
    """Print where the files are published, and how they may be used."""
    if options.json:
        sys.stdout.buffer.write(msgspec.json.encode(published_files()) + b"\n")
        return 0
    to = console()
    for file in published_files():
        to.print(f"{file.option:<17} {file.name}", style="bold")
        lines = [file.publisher, file.address, f"{file.licence}; {file.rhythm}", f"Credit: {file.credit}"]
        lines += [f"vivier pool fetch {file.id}"] if file.catalogue else []
        for line in lines:
            to.print(f"{'':<17} {line}", soft_wrap=True)
    return 0


def _build(options: argparse.Namespace, settings: Settings) -> int:
    """Build the pool and report."""
    if find_spec("duckdb") is None:
        raise CommandFailed(NOT_INSTALLED)
    from sources.pool.build import build  # noqa: PLC0415 - an extra: other commands go without it

    choices = Choices(
        departements=_departements(options.region, options.departement),
        with_staff=options.with_staff,
        memory=options.memory,
    )
    given = _files_to_read(options, settings)
    try:
        with step_bars() as observe:
            files, manifest = build(given, options.out, choices, observe)
            trades = count_trades_in(options.out, manifest.files, datetime.now(PARIS).date(), observe)
    except UnusableFile as unusable:
        raise CommandFailed(str(unusable)) from None
    except OSError as error:
        raise CommandFailed(f"cannot write {options.out}: {error.strerror}") from None
    report = PoolReport(files, trades, manifest.sources)
    if options.json:
        sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
    else:
        write_report(report, options.out, console())
    return 0


def _files_to_read(options: argparse.Namespace, settings: Settings) -> dict[str, Sequence[Path]]:
    """The paths of the files given, by id; with `--fetch` also of those that can be fetched, which then are."""
    given = {file.id: paths for file in published_files() if (paths := _paths(options, file))}
    if options.fetch is not None:
        missing = [file for file in published_files() if file.catalogue and file.id not in given]
        given |= {file.id: (file.path,) for file in pool_fetch.fetch_all(missing, options.fetch, settings)}
    if not {"units", "establishments"} <= given.keys():
        raise CommandFailed("--units and --establishments are needed (or --fetch)", USAGE)
    return given


def _paths(options: argparse.Namespace, file: PublishedFile) -> Sequence[Path]:
    """The paths given for a file."""
    if file.option == "--directory":
        pair: list[Path] = options.directory
        return pair[:1] if file.id == "directory_units" else pair[1:]
    paths: list[Path] = getattr(options, file.option.removeprefix("--"))
    return paths


def _departements(regions: Sequence[str], departements: Sequence[str]) -> tuple[str, ...]:
    """The codes of the departements asked for, of regions too; none for all of France. Raises CommandFailed."""
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
