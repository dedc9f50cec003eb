"""Rows per second of bulk imports, on an embedded PostgreSQL that is thrown away, beside a raw COPY of the same lines.

A generated file is imported, imported again unchanged, then sent by a second source: each of its records joins the
supplier of the first one's. CPU is that of the importing process; the server's own comes on top, on another core.
"""

import asyncio
import resource
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg

from api.runtime.processes.forked_processes import ForkedProcesses, forked_processes
from api.sync.pipeline import SourceFile, import_file
from bench.server import home
from db import migrate
from db.core.connect import dsn
from db.core.engine import Engine, engine
from db.core.uuid7 import new_id
from db.embedded import serve as embedded
from db.imports.run import Order
from matching.reference import Reference
from sources.file_reader import NDJSON

IMPORTS = {"new": "first", "unchanged": "first", "of_known_suppliers": "second"}
"""The source of each import, by what its rows are."""
AS_ONE_COLUMN = {"format": "csv", "delimiter": "\x01", "quote": "\x02"}
"""COPY that takes a line as it is: JSON holds none of these two characters."""


def now() -> datetime:
    return datetime.now(UTC)


def measure(file: Path, reference: Reference) -> dict[str, Any]:
    """Rows per second of a raw COPY and of three imports, with the peak memory of the importing process."""
    with home() as folder, forked_processes(reference) as processes, embedded.serve(folder) as url:
        migrate.upgrade(url)
        return asyncio.run(_measure(url, file, reference, processes))


async def _measure(url: str, file: Path, reference: Reference, processes: ForkedProcesses) -> dict[str, Any]:
    found: dict[str, Any] = {"raw_copy": await _raw_copy(url, file)}
    database = engine(url)
    for rows, source in IMPORTS.items():
        found[rows] = await _import(database, reference, processes, source, file)
    await database.dispose()
    return {**found, "share_of_raw_copy": found["new"]["per_second"] / found["raw_copy"]["per_second"]}


async def _import(
    database: Engine, reference: Reference, processes: ForkedProcesses, source: str, file: Path
) -> dict[str, Any]:
    wall, cpu = time.perf_counter(), time.process_time()
    order = Order(id=new_id(now()), source=source)
    with file.open("rb") as rows:
        done = await import_file(database, reference, order, SourceFile(rows, NDJSON), now, processes=processes)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {
        "rows": done.received,
        "added": done.added,
        "per_second": done.received / wall,
        "cpu_s": cpu,
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


async def _raw_copy(url: str, file: Path) -> dict[str, Any]:
    """Rows per second of copying the lines into a `jsonb` column: the time that PostgreSQL alone takes."""
    connection = await asyncpg.connect(dsn(url))
    try:
        await connection.execute("CREATE TABLE raw_copy (document jsonb NOT NULL)")
        wall = time.perf_counter()
        done = await connection.copy_to_table("raw_copy", source=file, **AS_ONE_COLUMN)
        wall = time.perf_counter() - wall
        await connection.execute("DROP TABLE raw_copy")
    finally:
        await connection.close()
    rows = int(done.split()[-1])
    return {"rows": rows, "per_second": rows / wall}
