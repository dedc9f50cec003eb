"""`vivier import`: a file of suppliers becomes the records of a source, as the API would import it."""

import argparse
import asyncio
import gzip
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, cast

import msgspec
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from api.commands.console import console
from api.commands.database import attached
from api.commands.errors import USAGE, CommandFailed
from api.commands.import_report import write_report
from api.runtime.import_processes import Preparers, forked_preparers
from api.settings import Settings
from api.sync.pipeline import take_in
from db.core.engine import engine
from db.core.uuid7 import new_id
from db.imports.log import Order
from db.imports.prepare_rows import Prepared
from domain.errors import InvalidContent
from domain.suppliers.source import Import
from matching.reference import Reference, load_reference
from sources.formats.registry import CSV, FORMATS, JSON, NDJSON

MEDIA_TYPES = {".csv": CSV, ".ndjson": NDJSON, ".jsonl": NDJSON, ".json": JSON}


class Tally:
    """What the rows of an import are like: how many carry each flag."""

    def __init__(self) -> None:
        self.flags: Counter[str] = Counter()

    def observe(self, batch: Prepared) -> None:
        """Count one batch."""
        self.flags.update(batch.flags)


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Import the file and report: 0 also where rows were rejected, 1 where the import as a whole was refused."""
    path = Path(options.file)
    media_type = _media_type(path, options.format)
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
    tally = Tally()
    try:
        with ExitStack() as held:
            with ThreadPoolExecutor(1) as background:
                loading = background.submit(load_reference)
                source = held.enter_context(_opened(path))
                url = held.enter_context(attached(settings))
            reference = loading.result()
            preparers = held.enter_context(forked_preparers(reference))
            stream = held.enter_context(_content(source, path))
            report = asyncio.run(_import(url, reference, preparers, order, stream, media_type, tally))
    except InvalidContent as unreadable:
        raise CommandFailed("; ".join(f"{path}: {problem.detail.en}" for problem in unreadable.problems)) from None
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise CommandFailed(f"{path} is not a whole gzip file") from None
    if options.json:
        sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
    else:
        write_report(report, tally.flags, console())
    return 0


async def _import(
    url: str,
    reference: Reference,
    preparers: Preparers,
    order: Order,
    stream: BinaryIO,
    media_type: str,
    tally: Tally,
) -> Import:
    attached_engine = engine(url, pool_size=2)
    try:
        return await take_in(
            attached_engine,
            reference,
            order,
            stream,
            media_type,
            lambda: datetime.now(UTC),
            preparers=preparers,
            observe=tally.observe,
        )
    finally:
        await attached_engine.dispose()


def _media_type(path: Path, kind: str) -> str:
    """How the file is written, by its name. Raises CommandFailed."""
    suffix = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    media_type = MEDIA_TYPES.get(suffix.lower())
    if media_type not in FORMATS[kind].readers:
        usual = [ending for ending, media in MEDIA_TYPES.items() if media in FORMATS[kind].readers]
        raise CommandFailed(f"the name of a {kind} file ends in {' or '.join(usual)} (or that and .gz): {path}", USAGE)
    return cast("str", media_type)


def _opened(path: Path) -> BinaryIO:
    """Raises CommandFailed for a file that cannot be read."""
    try:
        return path.open("rb")
    except OSError as error:
        raise CommandFailed(f"cannot read {path}: {error.strerror}") from None


@contextmanager
def _content(source: BinaryIO, path: Path) -> Iterator[BinaryIO]:
    """The file's content, decompressed, with a progress bar of the bytes read of it where somebody watches."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TextColumn("{task.percentage:>3.0f} %"))
    screen = console(stderr=True)
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as progress:
        watched = progress.wrap_file(source, path.stat().st_size, description=path.name)
        yield cast("BinaryIO", gzip.GzipFile(fileobj=watched) if path.suffix == ".gz" else watched)
