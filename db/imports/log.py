"""The log of imports: their counts, outcome and rejected rows, while they run and after."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, RowMapping, Uuid, bindparam, insert, select, text, update
from sqlalchemy.exc import TimeoutError as PoolTimeout

from db.core.engine import Connection, Engine, Subject, below, lock_if_free, read_all, transaction
from db.delivery.webhooks import queue_import_finished
from db.imports.stage import MOST_ERRORS, Counts
from db.journal.entries import write_entry
from db.schema.supplier_tables import import_errors, imports
from db.suppliers.sources import ensure_source
from domain.audit import Actor, Detail
from domain.suppliers.record_check import MOST_VERTICES
from domain.suppliers.rows import RowError
from domain.suppliers.source import Import, ImportMode, ImportStatus
from domain.text.bilingual import Language

# Errors that an answer lists; the rest are read page by page.
ERRORS_LISTED = 10_000
MOST_ERRORS_OF_SOURCE = 1_000_000
"""Rejected rows that are stored of all the imports of a source: those of the earliest go first."""

_EFFECTS = ("added", "changed", "unchanged", "waiting", "removed")
_COUNTED = ("received", *_EFFECTS, "kept_absent", "rejected")
_STORE_REJECTS = text("""
    INSERT INTO import_errors (import_id, position, line, external_id, pointer, code, detail)
    SELECT :id, row_number() OVER (ORDER BY line), line, external_id, pointer, code, detail
    FROM rejects ORDER BY line LIMIT :most
""").bindparams(bindparam("id", type_=Uuid))
_REMOVE_EARLIER_REJECTS = text("""
    DELETE FROM import_errors e USING (
        SELECT id, sum(least(rejected, :most)) OVER (ORDER BY id DESC) AS stored FROM imports
        WHERE source = :source AND id <> :id AND status = 'done' AND rejected > 0
    ) i WHERE e.import_id = i.id AND i.stored > :most_of_others
""").bindparams(bindparam("id", type_=Uuid))


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A bulk import to be done. `force`: remove however many; `language`: that of the errors of rows.

    `actor`: who has it done, whose journal gets an entry with its counts; None: no entry. `most_vertices`: of all areas
    that the source draws.
    """

    id: UUID
    source: str
    format: str = "vivier"
    mode: ImportMode = "upsert"
    dry_run: bool = False
    force: bool = False
    language: Language = "fr"
    actor: Actor | None = None
    most_vertices: int = MOST_VERTICES


async def open_import(engine: Engine, order: Order, now: datetime) -> None:
    """Log that the import begins, and close the entries of those that a stopped server left behind."""
    async with transaction(engine) as connection:
        await close_interrupted(connection, now)
        await ensure_source(connection, order.source, now)
        row = {"id": order.id, "source": order.source, "format": order.format, "mode": order.mode}
        await connection.execute(insert(imports).values(**row, status="running", started_at=now))


async def note_progress(engine: Engine, import_id: UUID, counts: Counts) -> None:
    """Log how many rows were read so far. It only informs: not durable, and left out if no connection can be had."""
    so_far = {**msgspec.structs.asdict(counts), "received": counts.received}
    with suppress(PoolTimeout):
        async with transaction(engine) as connection:
            await connection.execute(text("SET LOCAL synchronous_commit TO off"))
            await connection.execute(update(imports).where(imports.c.id == import_id).values(so_far))


async def close_import(connection: Connection, done: Import) -> None:
    """Log the outcome, in the transaction that stores the rows."""
    outcome = msgspec.structs.asdict(done)
    await _close(connection, done.id, {name: value for name, value in outcome.items() if name in imports.columns})


async def store_rejects(connection: Connection, import_id: UUID, source: str) -> None:
    """Store the first rejected rows, in the transaction that stores the others, and make room for them."""
    stored = (await connection.execute(_STORE_REJECTS, {"id": import_id, "most": MOST_ERRORS})).rowcount
    room = {"most": MOST_ERRORS, "most_of_others": MOST_ERRORS_OF_SOURCE - stored}
    await connection.execute(_REMOVE_EARLIER_REJECTS, {"id": import_id, "source": source} | room)


async def write_import_entry(connection: Connection, actor: Actor, done: Import) -> None:
    """Write in the actor's journal what the import did, in its transaction: one entry, whatever its size."""
    detail: Detail = {"import": str(done.id), "mode": done.mode, "data_version": done.data_version}
    detail |= {name: count for name in _COUNTED if (count := getattr(done, name))}
    at = done.finished_at or done.started_at
    await write_entry(connection, actor, "source.imported", f"source:{done.source}", at, detail=detail)


async def abandon_import(engine: Engine, import_id: UUID, status: ImportStatus, failure: str, now: datetime) -> None:
    """Log why an import stored nothing."""
    async with transaction(engine) as connection:
        end = {"status": status, "failure": failure, "finished_at": now, **dict.fromkeys(_EFFECTS, 0)}
        await _close(connection, import_id, end)


async def close_interrupted(connection: Connection, now: datetime) -> None:
    """Log as interrupted the imports that no transaction works on any more: their server was stopped meanwhile."""
    for import_id in (await connection.execute(select(imports.c.id).where(imports.c.status == "running"))).scalars():
        if await lock_if_free(connection, Subject.IMPORT, str(import_id)):
            end = {"status": "interrupted", "finished_at": now, **dict.fromkeys(_EFFECTS, 0)}
            await _close(connection, import_id, end, imports.c.status == "running")


async def _close(
    connection: Connection, import_id: UUID, end: Mapping[str, Any], *only_where: ColumnElement[bool]
) -> None:
    """Log how an import ended, and queue the webhooks that tell so."""
    ended = update(imports).where(imports.c.id == import_id, *only_where).values(**end)
    row = (await connection.execute(ended.returning(*imports.c))).mappings().first()
    if row is not None:
        await queue_import_finished(connection, _import(row, ()), end["finished_at"])


async def get_import(connection: Connection, import_id: UUID) -> Import | None:
    """The import with its first errors (`ERRORS_LISTED`); while it runs, the rows read so far. None for a dry run."""
    row = (await connection.execute(select(imports).where(imports.c.id == import_id))).mappings().first()
    if row is None:
        return None
    return _import(row, tuple(await list_errors(connection, import_id, 0, ERRORS_LISTED)))


async def list_imports(connection: Connection, source: str, before: UUID | None, limit: int) -> Sequence[Import]:
    """The imports of a source from the one before `before` (None: from the latest), latest first, without errors."""
    query = select(imports).where(imports.c.source == source, below(imports.c.id, before))
    rows = await connection.execute(query.order_by(imports.c.id.desc()).limit(limit))
    return [_import(row, ()) for row in rows.mappings()]


async def list_errors(connection: Connection, import_id: UUID, after: int, limit: int) -> Sequence[RowError]:
    """Rejected rows of an import by line, from the one after the `after` first."""
    columns = [import_errors.c[name] for name in RowError.__struct_fields__]
    wanted = select(*columns).where(import_errors.c.import_id == import_id, import_errors.c.position > after)
    return await read_all(connection, wanted.order_by(import_errors.c.position).limit(limit), RowError)


def _import(row: RowMapping, errors: tuple[RowError, ...]) -> Import:
    return Import(**row, dry_run=False, errors=errors)
