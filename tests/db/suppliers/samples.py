"""Small records, and short ways to store them."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Executable, text

from db.core.engine import Engine, transaction
from db.core.uuid7 import uuid7
from db.imports.prepare_rows import prepare_here
from db.imports.run import Order, run_import
from db.suppliers.read import Filters, get_supplier, page_of_suppliers
from db.suppliers.records import WrittenRecord, delete_record, get_record, put_record
from db.suppliers.write import current_version
from domain.suppliers.deduplication import Name
from domain.suppliers.source import Batch, CheckedRecord, Import, Row, RowError
from domain.suppliers.supplier import SIRET_DIGITS, Offer, Placement, Point, Supplier, SupplierRecord, name_by_number

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
MUCH_LATER = LATER + timedelta(hours=1)
PONTIVY = Placement(Point(48.07, -2.97), "56178")
FAR = Placement(Point(48.2, -2.97), "56178")

T = TypeVar("T")

_serial = count()


def same_name(one: Name, other: Name) -> float:
    """1 for the same words, else 0."""
    return float(one.words == other.words)


def record(name: str = "Les Jardins du Blavet", **fields: Any) -> SupplierRecord:
    return SupplierRecord(name=name, **({"offers": (Offer(segments=("ev-entretien",)),)} | fields))


def row(line: int, external_id: str, name: str | None = None, **fields: Any) -> Row:
    return Row(line, external_id, record(name or f"Atelier {external_id}", **fields))


def addition(line: int, external_id: str, number: str, **fields: Any) -> Row:
    """A row that makes no supplier: it adds to those with the SIRET or SIREN."""
    siret = number if len(number) == SIRET_DIGITS else None
    return Row(line, external_id, SupplierRecord(name_by_number(number), siret=siret, **fields), joins=number)


def rows(*external_ids: str) -> list[Row | RowError]:
    """Rows of these ids, from line 1; the list can take rejects too."""
    return [row(line, external_id) for line, external_id in enumerate(external_ids, 1)]


def new_id() -> UUID:
    return uuid7(NOW + timedelta(milliseconds=next(_serial)), bytes(10))


async def put(
    engine: Engine,
    external_id: str = "1",
    what: SupplierRecord | None = None,
    *,
    source: str = "reseau",
    placement: Placement = PONTIVY,
    now: datetime = NOW,
) -> WrittenRecord:
    async with transaction(engine) as connection:
        return await put_record(
            connection, source, external_id, what or record(), placement, now=now, similarity=same_name
        )


async def delete(engine: Engine, external_id: str = "1", *, source: str = "reseau") -> int | None:
    async with transaction(engine) as connection:
        return await delete_record(connection, source, external_id, LATER, same_name)


def batches(content: Iterable[Row | RowError], size: int = 2) -> Iterator[Batch]:
    content = list(content)
    for start in range(0, len(content), size):
        part = content[start : start + size]
        records = [
            CheckedRecord(*item[:3], PONTIVY if item.joins is None else Placement(), item.joins)
            for item in part
            if isinstance(item, Row)
        ]
        yield Batch(records, [item for item in part if isinstance(item, RowError)])


async def load(
    engine: Engine, content: Iterable[Row | RowError], *, source: str = "reseau", now: datetime = NOW, **order: Any
) -> Import:
    """Import the rows, two by two."""
    asked: dict[str, Any] = {"id": new_id(), "source": source} | order
    return await run_import(engine, Order(**asked), prepare_here(batches(content)), lambda: now, same_name)


def counts(done: Import) -> dict[str, int]:
    """The counts that are not zero."""
    fields = ("received", "added", "changed", "unchanged", "waiting", "removed", "kept_absent", "rejected")
    return {name: value for name in fields if (value := getattr(done, name))}


async def ask(engine: Engine, function: Callable[..., Awaitable[T]], *given: Any, **named: Any) -> T:
    """The answer of a function to a connection, in a transaction of its own."""
    async with transaction(engine) as connection:
        return await function(connection, *given, **named)


async def execute(engine: Engine, statement: str | Executable) -> Sequence[Any]:
    """The rows of a statement, in a transaction of its own; none where it gives none."""
    async with transaction(engine) as connection:
        done = await connection.execute(text(statement) if isinstance(statement, str) else statement)
        return done.all() if done.returns_rows else ()


async def names(engine: Engine) -> list[str]:
    return sorted(entry.supplier.name for entry in await ask(engine, page_of_suppliers, Filters(), None, 200))


async def supplier(engine: Engine, supplier_id: UUID) -> Supplier:
    entry = await ask(engine, get_supplier, supplier_id)
    assert entry is not None
    return entry.supplier


async def the_only_one(engine: Engine, **filters: Any) -> Supplier:
    (entry,) = await ask(engine, page_of_suppliers, Filters(**filters), None, 10)
    return entry.supplier


async def described(engine: Engine, external_id: str = "1", source: str = "reseau") -> UUID | None:
    """The supplier that the record describes."""
    stored = await ask(engine, get_record, source, external_id)
    assert stored is not None
    return stored.supplier_id


class Gate:
    """A stream of rows that stops once the first are staged, until it is opened."""

    def __init__(self, first: Iterable[Row | RowError], rest: Iterable[Row | RowError] = ()) -> None:
        self._first, self._rest = first, rest
        self._reached, self._opened = threading.Event(), threading.Event()

    def _batches(self) -> Iterator[Batch]:
        yield from batches(self._first)
        yield Batch(())  # it is asked for while the rows are being staged, what follows it afterwards
        self._reached.set()
        self._opened.wait(10)
        yield from batches(self._rest)

    async def begin(self, engine: Engine, order: Order, now: datetime = NOW) -> "asyncio.Task[Import]":
        """The import of the rows, once it waits."""
        importing = run_import(engine, order, prepare_here(self._batches()), lambda: now, same_name)
        running = asyncio.create_task(importing)
        await asyncio.to_thread(self._reached.wait, 10)
        return running

    def open(self) -> None:
        self._opened.set()


async def version(engine: Engine) -> int:
    return await ask(engine, current_version)


def broken(line: int, external_id: str | None) -> RowError:
    return RowError(line, external_id, "/siret", "invalid_siret", "Un SIRET compte 14 chiffres")


async def lock_is_awaited(engine: Engine, kind: str = "advisory", number: int = 1) -> None:
    """Wait until so many transactions wait for a lock of this kind, as `pg_locks` calls it."""
    query = text(f"SELECT count(*) FROM pg_locks WHERE locktype = '{kind}' AND NOT granted")
    async with asyncio.timeout(60):
        while await ask(engine, lambda connection: connection.scalar(query)) < number:
            pass
