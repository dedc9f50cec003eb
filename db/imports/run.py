"""Bulk imports: the rows of a file become the records of a source, wholly or not at all.

The log of imports has their counts, outcome and rejected rows, while they run and after.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, RowMapping, Uuid, bindparam, insert, select, text, update
from sqlalchemy.exc import TimeoutError as PoolTimeout

from db.core.engine import Connection, Engine, LockKind, is_below, lock, lock_if_free, read_all, transaction
from db.delivery.webhooks import queue_import_finished
from db.imports.apply_staged import MANY, apply_staged, count_unnamed, note_received, refresh_statistics
from db.imports.prepare_rows import Assemble, Prepare, PreparedBatch, Terms, assemble_in_thread
from db.imports.stage import MOST_ERRORS, REJECT_COLUMNS, Counts, ImportContext, open_staging, stage
from db.journal.entries import write_entry
from db.schema.supplier_tables import import_errors, imports, suppliers
from db.suppliers.sources import count_vertices, ensure_source
from db.suppliers.suppression_list import suppressions_of
from db.suppliers.write import begin_change, current_version, publish
from domain.errors import Conflict, DomainError, InvalidContent, Problem
from domain.journal import Actor, Detail
from domain.suppliers.deduplication import NameSimilarity
from domain.suppliers.record_check import MOST_VERTICES, require_vertices_left
from domain.suppliers.source import Import, ImportMode, ImportStatus, RowError
from domain.text.bilingual import Language, said_by

_SAID = said_by(__name__)

# A snapshot that would remove more than one record in five is more likely to be cut short than meant.
REMOVABLE_SHARE = 0.2
PROGRESS_SECONDS = 0.2
# Errors that an answer lists; the rest are read page by page.
ERRORS_LISTED, FLAGGED_LISTED = 10_000, 100
MOST_ERRORS_OF_SOURCE = 1_000_000
"""Rejected rows that are stored of all the imports of a source: those of the earliest go first."""
MOST_REJECTED = 500_000
"""Rejected rows beyond which an import is given up: each takes time, and gzip makes next to nothing of them."""

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
    """The options of a bulk import. `force`: remove any number of records; `language`: that of the rejects.

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


async def run_import(
    engine: Engine,
    order: Order,
    prepare: Prepare,
    clock: Callable[[], datetime],
    similarity: NameSimilarity,
    assemble: Assemble = assemble_in_thread,
) -> Import:
    """Store the batches of `prepare` as records of `order.source`, in one transaction; returns a report on the rows.

    Records that are one supplier (`domain.suppliers.deduplication`) are brought together at the end, those of other
    sources too. Records whose content and place are as before are `unchanged`; if all are, the version stays. A
    snapshot also removes the records that no row names, except where as many rejected rows could be theirs for want of
    a readable `external_id` (`kept_absent`). In either mode a row that is rejected because nothing of it may be kept
    (`WITHDRAWN`) removes the record that was stored of it. A dry run answers what the import would answer now, and
    leaves nothing behind.

    Suppliers that several records describe are made by `assemble`.

    Imports of one source wait for each other. Takes a connection for the whole import, and a second one now and then.
    Raises Conflict (`too_many_removed`) for a snapshot that removes more than a fifth of the source without `force`,
    Conflict (`too_many_vertices`) where the areas that the source draws would have more than `order.most_vertices`, and
    whatever `prepare` raises; nothing is then stored, and unless it was a dry run the import is kept as failed.
    """
    started = clock()
    if order.dry_run:
        async with engine.connect() as connection:
            context = await _begin_import(connection, order, started, similarity, assemble)
            return await _stage_and_store(engine, context, order, prepare)
    async with transaction(engine) as connection:
        # before others see it: an import whose lock is free counts as interrupted
        await lock(connection, LockKind.IMPORT, str(order.id))
        await _open_import(engine, order, started)
        async with _logging_failure(engine, order, clock):
            context = await _begin_import(connection, order, started, similarity, assemble)
            done = await _stage_and_store(engine, context, order, prepare)
        done = msgspec.structs.replace(done, finished_at=clock())
        end = {name: each for name, each in msgspec.structs.asdict(done).items() if name in imports.columns}
        await _close_import(connection, done.id, end)
        if order.actor is not None:
            await write_import_entry(connection, order.actor, done)
    # where many were added, the last step has refreshed them; the import is stored by now: no failure is its own
    if done.added < MANY <= done.added + done.changed + done.waiting + done.removed:
        with suppress(Exception):
            async with transaction(engine) as connection:
                # another import may be at its last step, which refreshes them too
                await connection.execute(text("SET LOCAL lock_timeout TO '2s'"))
                await refresh_statistics(connection)
    return done


async def _open_import(engine: Engine, order: Order, now: datetime) -> None:
    """Insert the import's entry as running, and close entries of imports that a stopped server left behind."""
    async with transaction(engine) as connection:
        await close_interrupted(connection, now)
        await ensure_source(connection, order.source, now)
        row = {"id": order.id, "source": order.source, "format": order.format, "mode": order.mode}
        await connection.execute(insert(imports).values(**row, status="running", started_at=now))


@asynccontextmanager
async def _logging_failure(engine: Engine, order: Order, clock: Callable[[], datetime]) -> AsyncIterator[None]:
    """Write into the import's entry why the block fails, if it does, while the import's lock is still held."""
    try:
        yield
    except BaseException as failure:
        status: ImportStatus = "interrupted" if isinstance(failure, asyncio.CancelledError) else "failed"
        told = "" if status == "interrupted" else type(failure).__name__
        if isinstance(failure, DomainError):
            status = "refused" if isinstance(failure, Conflict) else "failed"
            told = failure.detail.to(order.language)
        # If even this fails, whoever looks next finds that nobody is working on this import any more.
        with suppress(Exception):
            now = clock()
            end = {"status": status, "failure": told, "finished_at": now, **dict.fromkeys(_EFFECTS, 0)}
            async with transaction(engine) as connection:
                await _close_import(connection, order.id, end)
        raise


async def _stage_and_store(engine: Engine, context: ImportContext, order: Order, prepare: Prepare) -> Import:
    """Stage all batches, refuse too many rejects, removals or vertices of areas, then store unless it is a dry run."""
    connection = context.connection
    counts, more, unreadable = Counts(), 0, 0
    flags, flagged = Counter[str](), list[RowError]()
    # most rows of the first batch are new where nothing is stored; later batches are as those before
    expects_new = context.stored == 0
    prepared = prepare(context.terms, lambda: expects_new and not order.dry_run)
    async with aclosing(_read_ahead(prepared)) as batches, _progress_writer(engine, order) as note_counts:
        async for batch in batches:
            done, vertices, nameless = await stage(context, batch, counts.rejected)
            expects_new = done.added > done.received / 2
            counts, more, unreadable = counts + done, more + vertices, unreadable + nameless
            note_counts(counts)
            flags.update(batch.flags)
            flagged += batch.flagged[: FLAGGED_LISTED - len(flagged)]
            if counts.rejected > MOST_REJECTED:
                raise InvalidContent((Problem("", "too_many_rejected", _SAID["too_many_rejected"]),))
    await connection.execute(text("ANALYZE seen, staged_records, staged_suppliers, to_rewrite, rejects"))
    is_snapshot = order.mode != "upsert" and context.stored > 0
    unnamed = await count_unnamed(connection, order.source, "absent") if is_snapshot else 0
    # as many rejected rows could be theirs: then they stay
    absent, kept = (unnamed, 0) if unnamed > unreadable else (0, unnamed)
    if absent > context.stored * REMOVABLE_SHARE and not order.force:
        detail = _SAID["too_many_removed"].filled(removed=absent, stored=context.stored)
        raise Conflict("too_many_removed", detail)
    if more > 0:
        less = await count_unnamed(connection, order.source, "withdrawn", vertices=True)
        if absent > 0:
            less += await count_unnamed(connection, order.source, "absent", vertices=True)
        require_vertices_left(context.drawn, context.drawn + more - less, order.most_vertices)
    withdrawn = await count_unnamed(connection, order.source, "withdrawn") if counts.rejected else 0
    columns = ", ".join(REJECT_COLUMNS)
    rejected = text(f"SELECT {columns} FROM rejects ORDER BY line LIMIT {ERRORS_LISTED}")  # noqa: S608 - names of fields
    errors = tuple(RowError(*row) for row in await connection.execute(rejected))
    version = await _store_staged(context, order, counts, absent, withdrawn)
    return Import(
        **{name: getattr(order, name) for name in ("id", "source", "format", "mode", "dry_run")},
        status="done",
        received=counts.received,
        **msgspec.structs.asdict(counts),
        removed=absent + withdrawn,
        kept_absent=kept,
        errors=errors,
        flags=flags or None,
        flagged=tuple(flagged),
        data_version=version,
        started_at=context.terms.now,
    )


async def _begin_import(
    connection: Connection, order: Order, now: datetime, similarity: NameSimilarity, assemble: Assemble
) -> ImportContext:
    """Lock the source against all other writers (a dry run: against imports), and make the staging tables."""
    await lock(connection, LockKind.SOURCE, order.source, shared=order.dry_run)
    await open_staging(connection)
    change_set = 0 if order.dry_run else await begin_change(connection)
    suppressions = await suppressions_of(connection, order.source)
    terms = Terms(order.source, change_set, now, order.language, suppressions)
    count = text("SELECT count(*) FROM records WHERE source = :source")
    stored = await connection.scalar(count, {"source": order.source}) or 0
    drawn = await count_vertices(connection, order.source)
    return ImportContext(connection, terms, order.dry_run, similarity, assemble, stored, drawn)


async def _read_ahead(prepared: Generator[PreparedBatch, None, None]) -> AsyncGenerator[PreparedBatch, None]:
    """Yield the batches; a thread prepares the next one while the caller writes the present one."""
    run = asyncio.get_running_loop().run_in_executor
    with ThreadPoolExecutor(1) as thread:
        upcoming = run(thread, next, prepared, None)
        try:
            while (batch := await asyncio.shield(upcoming)) is not None:
                upcoming = run(thread, next, prepared, None)
                yield batch
        finally:
            await asyncio.gather(upcoming, return_exceptions=True)
            prepared.close()


@asynccontextmanager
async def _progress_writer(engine: Engine, order: Order) -> AsyncIterator[Callable[[Counts], None]]:
    """Yield a function that stores the import's counts so far, now and then, without delaying the import."""
    shown = latest = Counts()
    under_way: asyncio.Task[None] | None = None
    time = asyncio.get_running_loop().time
    next_at = time()

    def note_counts(counts: Counts) -> None:
        """Store the counts in a task, at most every `PROGRESS_SECONDS`; none for a dry run."""
        nonlocal shown, latest, under_way, next_at
        latest = counts
        if not order.dry_run and time() >= next_at and (under_way is None or under_way.done()):
            shown, next_at = counts, time() + PROGRESS_SECONDS
            under_way = asyncio.create_task(note_progress(engine, order.id, counts))

    try:
        yield note_counts
    finally:
        if under_way is not None:
            await under_way
        if latest != shown and not order.dry_run:
            await note_progress(engine, order.id, latest)


async def _store_staged(context: ImportContext, order: Order, counts: Counts, absent: int, withdrawn: int) -> int:
    """Store what was staged, unless it is a dry run; returns the version of the directory, new where it changed."""
    connection = context.connection
    if not order.dry_run:
        if counts.rejected:
            # the first of them, for which those of earlier imports make room
            most = {"id": order.id, "most": MOST_ERRORS}
            room = MOST_ERRORS_OF_SOURCE - (await connection.execute(_STORE_REJECTS, most)).rowcount
            await connection.execute(_REMOVE_EARLIER_REJECTS, most | {"source": order.source, "most_of_others": room})
        if is_merged := counts.added or counts.changed or counts.waiting or absent or withdrawn:
            await apply_staged(context, added=counts.added, remove_absent=absent > 0, remove_withdrawn=withdrawn > 0)
        if context.stored:
            await note_received(context)
        # records that wait for their suppliers change none
        changes = select(suppliers.c.id).where(suppliers.c.change_set == context.terms.change_set).exists()
        if is_merged and await connection.scalar(select(changes)):
            return await publish(connection, context.terms.change_set)
    return await current_version(connection)


async def note_progress(engine: Engine, import_id: UUID, counts: Counts) -> None:
    """Store the counts so far in the import's entry: not durably, and not at all if no connection is free."""
    so_far = {**msgspec.structs.asdict(counts), "received": counts.received}
    with suppress(PoolTimeout):
        async with transaction(engine) as connection:
            await connection.execute(text("SET LOCAL synchronous_commit TO off"))
            await connection.execute(update(imports).where(imports.c.id == import_id).values(so_far))


async def write_import_entry(connection: Connection, actor: Actor, done: Import) -> None:
    """Write one entry about the import, with its counts, in the actor's journal; the caller commits."""
    detail: Detail = {"import": str(done.id), "mode": done.mode, "data_version": done.data_version}
    detail |= {name: count for name in _COUNTED if (count := getattr(done, name))}
    at = done.finished_at or done.started_at
    await write_entry(connection, actor, "source.imported", f"source:{done.source}", at, detail=detail)


async def close_interrupted(connection: Connection, now: datetime) -> None:
    """Mark as interrupted the running imports whose lock is free: their server was stopped meanwhile."""
    for import_id in (await connection.execute(select(imports.c.id).where(imports.c.status == "running"))).scalars():
        if await lock_if_free(connection, LockKind.IMPORT, str(import_id)):
            end = {"status": "interrupted", "finished_at": now, **dict.fromkeys(_EFFECTS, 0)}
            await _close_import(connection, import_id, end, imports.c.status == "running")


async def _close_import(
    connection: Connection, import_id: UUID, end: Mapping[str, Any], *only_where: ColumnElement[bool]
) -> None:
    """Store the columns `end` of an import, if it meets `only_where`, and queue the webhooks' events about its end."""
    ended = update(imports).where(imports.c.id == import_id, *only_where).values(**end)
    row = (await connection.execute(ended.returning(*imports.c))).mappings().first()
    if row is not None:
        await queue_import_finished(connection, _import_of_row(row, ()), end["finished_at"])


async def get_import(connection: Connection, import_id: UUID) -> Import | None:
    """The import with this id, its first errors and, while it runs, the counts so far; None if unknown or a dry run."""
    row = (await connection.execute(select(imports).where(imports.c.id == import_id))).mappings().first()
    if row is None:
        return None
    return _import_of_row(row, tuple(await list_errors(connection, import_id, 0, ERRORS_LISTED)))


async def list_imports(connection: Connection, source: str, before: UUID | None, limit: int) -> Sequence[Import]:
    """Up to `limit` imports of a source with ids before `before` (None: any), latest first, without errors."""
    query = select(imports).where(imports.c.source == source, is_below(imports.c.id, before))
    rows = await connection.execute(query.order_by(imports.c.id.desc()).limit(limit))
    return [_import_of_row(row, ()) for row in rows.mappings()]


async def list_errors(connection: Connection, import_id: UUID, after: int, limit: int) -> Sequence[RowError]:
    """Up to `limit` rejected rows of an import in the order of lines, without the first `after` of them."""
    columns = [import_errors.c[name] for name in RowError.__struct_fields__]
    wanted = select(*columns).where(import_errors.c.import_id == import_id, import_errors.c.position > after)
    return await read_all(connection, wanted.order_by(import_errors.c.position).limit(limit), RowError)


def _import_of_row(row: RowMapping, errors: tuple[RowError, ...]) -> Import:
    return Import(**row, dry_run=False, errors=errors)
