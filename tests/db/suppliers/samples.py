"""Small records, and short ways to store them."""

import asyncio
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from sqlalchemy import text

from db.core.engine import Engine, transaction
from db.core.uuid7 import uuid7
from db.imports.prepare_rows import prepare_here
from db.imports.run import Order, run_import
from db.suppliers.read import Filters, page_of_suppliers
from db.suppliers.records import Written, delete_record, put_record
from db.suppliers.write import current_version
from domain.suppliers.deduplication import Name
from domain.suppliers.source import Batch, CheckedRecord, Import, Row, RowError
from domain.suppliers.supplier import SIRET_DIGITS, Offer, Placement, Point, SupplierRecord, nameless

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
PONTIVY = Placement(Point(48.07, -2.97), "56178")

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
    return Row(line, external_id, SupplierRecord(nameless(number), siret=siret, **fields), joins=number)


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
) -> Written:
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


async def names(engine: Engine) -> list[str]:
    async with transaction(engine) as connection:
        return sorted(entry.supplier.name for entry in await page_of_suppliers(connection, Filters(), None, 200))


async def version(engine: Engine) -> int:
    async with transaction(engine) as connection:
        return await current_version(connection)


def broken(line: int, external_id: str | None) -> RowError:
    return RowError(line, external_id, "/siret", "invalid_siret", "Un SIRET compte 14 chiffres")


async def lock_is_awaited(engine: Engine, kind: str = "advisory") -> None:
    """Wait until some transaction waits for a lock of this kind, as `pg_locks` calls it."""
    query = text(f"SELECT count(*) FROM pg_locks WHERE locktype = '{kind}' AND NOT granted")
    async with asyncio.timeout(10):
        while True:
            async with transaction(engine) as connection:
                if (await connection.execute(query)).scalar_one():
                    return
