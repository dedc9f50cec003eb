"""Rows per second of bulk imports, on an embedded PostgreSQL that is thrown away.

    python -m bench.imports [ROWS]        (default: 220000)

A generated file is imported, imported again unchanged, then sent by a second source: each of its records joins the
supplier of the first one's. CPU is that of the importing process; the server's own comes on top, on another core.
"""

import asyncio
import resource
import sys
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import BinaryIO

import msgspec

from api.runtime.import_processes import ImportProcesses, import_processes
from api.sample.generate import generate
from api.sync.pipeline import SourceFile, import_file
from db import migrate
from db.core.engine import Engine, engine
from db.core.uuid7 import new_id
from db.embedded import serve as embedded
from db.imports.log import Order
from domain.suppliers.source import Import
from matching.reference import Reference, load_reference
from sources.formats.registry import NDJSON

ON = date(2026, 11, 24)


def now() -> datetime:
    return datetime.now(UTC)


def write(path: Path, count: int, reference: Reference) -> None:
    """A file of generated records in our own format."""
    with path.open("wb") as file:
        for made in generate(count, 1, reference, ON):
            row = {"external_id": made.external_id, **msgspec.structs.asdict(made.record)}
            file.write(msgspec.json.encode(row) + b"\n")


async def timed(
    database: Engine, reference: Reference, processes: ImportProcesses, source: str, file: BinaryIO
) -> Import:
    """Import the file as the source's, and print what it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    order = Order(id=new_id(now()), source=source)
    done = await import_file(database, reference, order, SourceFile(file, NDJSON), now, processes=processes)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    what = f"added {done.added}, unchanged {done.unchanged}"
    print(
        f"{source}: {done.received / wall:,.0f} rows/s ({wall:.1f} s, CPU {cpu:.1f} s, {memory:.0f} MB at most), {what}"
    )
    return done


async def measure(url: str, path: Path, reference: Reference, processes: ImportProcesses) -> None:
    """The three imports."""
    database = engine(url)
    for source in ("first", "first", "second"):
        with path.open("rb") as file:
            await timed(database, reference, processes, source, file)
    await database.dispose()


def main(count: int) -> None:
    """Make the file and the database, and measure."""
    reference = load_reference()
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        home = Path(folder)
        home.chmod(0o755)
        write(home / "rows.ndjson", count, reference)
        with import_processes(reference) as processes, embedded.serve(home / "home") as url:
            migrate.upgrade(url)
            asyncio.run(measure(url, home / "rows.ndjson", reference, processes))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 220_000)
