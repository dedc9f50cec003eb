"""Bulk imports while others watch, wait, and break."""

import asyncio
import threading
from collections.abc import Iterator

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from db.core.connect import dsn
from db.core.engine import Engine, transaction
from db.imports.log import Order, close_interrupted, get_import
from db.imports.prepare_rows import prepare_here
from db.imports.run import run_import
from db.suppliers.read import Filters, page_of_suppliers
from domain.suppliers.rows import Batch
from domain.suppliers.source import Import
from tests.db.suppliers.samples import (
    LATER,
    NOW,
    batches,
    counts,
    load,
    lock_is_awaited,
    names,
    new_id,
    put,
    row,
    rows,
    same_name,
)


def failing() -> Iterator[Batch]:
    yield from batches(rows("a", "b", "c"))
    raise EOFError


async def test_a_stream_that_breaks_imports_nothing(engine: Engine) -> None:
    order = Order(id=new_id(), source="reseau")
    with pytest.raises(EOFError):
        await run_import(engine, order, prepare_here(failing()), lambda: NOW, same_name)

    assert await names(engine) == []
    async with transaction(engine) as connection:
        kept = await get_import(connection, order.id)
    assert kept is not None
    assert (kept.status, kept.added, kept.finished_at, kept.failure) == ("failed", 0, NOW, "EOFError")


class Gate:
    """A stream that stops in the middle until it is opened."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()

    def batches(self) -> Iterator[Batch]:
        for batch in batches(rows("a", "b", "c", "d")):
            yield batch
            if not self.reached.is_set():
                self.reached.set()
                self.opened.wait(10)


@pytest.fixture
async def gate() -> Gate:
    return Gate()


def begin(engine: Engine, gate: Gate, source: str = "reseau") -> tuple[Order, "asyncio.Task[Import]"]:
    order = Order(id=new_id(), source=source)
    return order, asyncio.create_task(run_import(engine, order, prepare_here(gate.batches()), lambda: NOW, same_name))


async def progress(engine: Engine, order: Order, received: int) -> Import:
    """The import as another connection sees it, once it has received so many rows."""
    async with asyncio.timeout(10):
        while True:
            async with transaction(engine) as connection:
                seen = await get_import(connection, order.id)
            if seen is not None and seen.received >= received:
                return seen


async def test_progress_is_seen_from_outside_while_rows_are_not(engine: Engine, gate: Gate) -> None:
    order, running = begin(engine, gate)
    seen = await progress(engine, order, 2)

    assert (seen.status, seen.received, seen.added, seen.data_version) == ("running", 2, 2, None)
    assert await names(engine) == []
    gate.opened.set()
    assert counts(await running) == {"received": 4, "added": 4}


async def test_a_cancelled_import_leaves_nothing(engine: Engine, gate: Gate) -> None:
    order, running = begin(engine, gate)
    await progress(engine, order, 2)
    running.cancel()
    gate.opened.set()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert await names(engine) == []
    async with transaction(engine) as connection:
        kept = await get_import(connection, order.id)
    assert kept is not None
    assert (kept.status, kept.added) == ("interrupted", 0)


async def test_imports_of_other_sources_do_not_wait(engine: Engine, gate: Gate) -> None:
    order, running = begin(engine, gate)
    await progress(engine, order, 2)

    assert counts(await load(engine, rows("a"), source="ville")) == {"received": 1, "added": 1}
    assert (await put(engine, source="ville")).status == "created"
    gate.opened.set()
    await running


async def test_imports_of_one_source_wait_for_each_other(engine: Engine, gate: Gate) -> None:
    """The second one finds all that the first one stored."""
    order, first = begin(engine, gate)
    await progress(engine, order, 2)
    second = asyncio.create_task(load(engine, rows("a", "b", "c", "d")))
    await lock_is_awaited(engine)
    gate.opened.set()

    assert counts(await first) == {"received": 4, "added": 4}
    assert counts(await second) == {"received": 4, "unchanged": 4}


async def test_a_put_waits_for_an_import_of_its_source(engine: Engine, gate: Gate) -> None:
    order, running = begin(engine, gate)
    await progress(engine, order, 2)
    waiting = asyncio.create_task(put(engine, "a", row(1, "a").record))
    await lock_is_awaited(engine)
    gate.opened.set()
    await running

    assert (await waiting).status == "unchanged"


async def test_an_import_whose_server_died_is_closed(engine: Engine, gate: Gate) -> None:
    """One that still runs is left alone."""
    order, running = begin(engine, gate)
    await progress(engine, order, 2)
    dead = new_id()
    async with transaction(engine) as connection:
        await connection.execute(
            text(
                "INSERT INTO imports (id, source, format, mode, status, started_at) "
                "SELECT :id, source, format, mode, status, started_at FROM imports"
            ),
            {"id": dead},
        )
        await close_interrupted(connection, LATER)
        found = [await get_import(connection, each) for each in (dead, order.id)]
    gate.opened.set()
    await running

    assert [each and (each.status, each.finished_at) for each in found] == [("interrupted", LATER), ("running", None)]


async def test_a_killed_connection_leaves_the_source_as_it_was(engine: Engine, database_url: str, gate: Gate) -> None:
    order, running = begin(engine, gate)
    await progress(engine, order, 2)
    killer = await asyncpg.connect(dsn(database_url))
    await killer.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
    )
    await killer.close()
    gate.opened.set()
    with pytest.raises(DBAPIError):
        await running

    assert await names(engine) == []
    assert counts(await load(engine, rows("a"))) == {"received": 1, "added": 1}


async def test_a_supplier_of_two_records_is_assembled_from_both(engine: Engine) -> None:
    """An import keeps what the other source says, when its own record changes and when it goes."""
    siret = "22560001400016"
    ours = await put(engine, "a", row(1, "a", siret=siret).record)
    await put(engine, "z", row(1, "z", siret=siret, labels=("RSEi",)).record, source="ville")

    await load(engine, [row(1, "a", "Atelier neuf", siret=siret)], now=LATER)
    async with transaction(engine) as connection:
        merged = await page_of_suppliers(connection, Filters(), None, 10)
    assert [(entry.supplier.name, entry.supplier.labels) for entry in merged] == [("Atelier neuf", ("RSEi",))]

    await load(engine, rows("b"), mode="snapshot", force=True)
    async with transaction(engine) as connection:
        left = await page_of_suppliers(connection, Filters(source="ville"), None, 10)
    assert [entry.supplier.name for entry in left] == ["Atelier z"]
    assert left[0].supplier.id == ours.stored.supplier_id
