"""`vivier pool`: build the suppliers of France from the bulk files of the State, import them, and list these files."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import msgspec
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from api.commands import imports
from api.commands.console import console
from api.commands.errors import USAGE, CommandFailed
from api.settings import Settings
from domain.reference import territory
from sources.pool.csv_pipe import UnusableFile
from sources.pool.published_files import FileReport, PublishedFile, published_files

PERCENT = 100
NOT_INSTALLED = 'reading the bulk files needs DuckDB: pip install "vivier[pool]"'
CREDITS = "Credit where these data are shown: "


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Do the action of the command."""
    match options.action:
        case "sources":
            return _list_sources(options)
        case "build":
            return _build(options)
        case _:
            return _update(options, settings)


def _list_sources(options: argparse.Namespace) -> int:
    """Print where the files are published, and how they may be used."""
    if options.json:
        sys.stdout.buffer.write(msgspec.json.encode(published_files()) + b"\n")
        return 0
    to = console()
    for file in published_files():
        to.print(f"{file.option:<17} {file.name}", style="bold")
        lines = (file.publisher, file.address, f"{file.licence}; {file.rhythm}", f"Credit: {file.credit}")
        for line in lines:
            to.print(f"{'':<17} {line}", soft_wrap=True)
    return 0


def _build(options: argparse.Namespace) -> int:
    """Build the pool and report."""
    if find_spec("duckdb") is None:
        raise CommandFailed(NOT_INSTALLED)
    from sources.pool.build import Choices, build  # noqa: PLC0415 - an extra: other commands go without it

    choices = Choices(
        departements=_departements(options.region, options.departement),
        with_staff=options.with_staff,
        memory=options.memory,
    )
    given = {file.id: paths for file in published_files() if (paths := _paths(options, file))}
    try:
        with _progress() as observe:
            reports = build(given, options.out, choices, observe)
    except UnusableFile as unusable:
        raise CommandFailed(str(unusable)) from None
    except OSError as error:
        raise CommandFailed(f"cannot write {options.out}: {error.strerror}") from None
    if options.json:
        sys.stdout.buffer.write(msgspec.json.encode(reports) + b"\n")
        return 0
    _write_report(reports, given, options.out, console())
    return 0


def _update(options: argparse.Namespace, settings: Settings) -> int:
    """Import each file that was made in the folder, as a snapshot of the source that is called as its format."""
    made = {file.made: file.format for file in published_files() if file.made}
    found = [(path, kind) for name, kind in made.items() if (path := options.folder / name).is_file()]
    if not found:
        raise CommandFailed(f"{options.folder} holds no file that vivier pool build makes", USAGE)
    for path, kind in found:
        order = {"source": kind, "file": str(path), "format": kind, "mode": "snapshot"}
        imports.run(argparse.Namespace(**vars(options) | order), settings)
    return 0


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


@contextmanager
def _progress() -> Iterator[Callable[[str, float | None], None]]:
    """A bar for each step, where somebody watches; the function moves the bar of a step."""
    columns = (TextColumn("{task.description:<15}"), BarColumn(), TimeElapsedColumn())
    screen = console(stderr=True)
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as progress:
        tasks = {}

        def observe(step: str, share: float | None) -> None:
            if step not in tasks:
                tasks[step] = progress.add_task(step, total=None)
            if share is not None:
                progress.update(tasks[step], total=PERCENT, completed=share * PERCENT)

        yield observe


def _write_report(reports: Sequence[FileReport], given: dict[str, Sequence[Path]], out: Path, to: Console) -> None:
    """Print what was read and made, the commands that import it, and whom to credit."""
    table = Table(
        *("file", Column("made", overflow="fold")),
        *(Column(name, justify="right") for name in ("read", "unreadable", "kept", "legal units")),
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for report in reports:
        counts = (report.read, report.unreadable, report.kept, report.suppliers)
        table.add_row(report.id, report.made or "–", *("–" if count is None else f"{count:,}" for count in counts))
    to.print(table)
    files = [file for file in published_files() if file.id in given]
    paths: dict[Path, str] = {}
    for file in files:
        if file.format is not None:
            paths |= dict.fromkeys((out / file.made,) if file.made else given[file.id], file.format)
    to.print(f"Import all that was made with: vivier pool update {out}", soft_wrap=True)
    to.print("or one by one:")
    for path, kind in paths.items():
        to.print(f"  vivier import {kind} {path} --format {kind} --mode snapshot", soft_wrap=True)
    to.print(CREDITS + "; ".join(dict.fromkeys(file.credit for file in files)) + ".")
