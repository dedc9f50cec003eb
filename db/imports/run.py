"""Bulk imports: the rows of a file become the records of a source, wholly or not at all."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import datetime

import msgspec
from sqlalchemy import text

from db.core.engine import Connection, Engine, Subject, lock, share, transaction
from db.imports.log import (
    ERRORS_LISTED,
    Order,
    abandon_import,
    close_import,
    note_progress,
    open_import,
    store_rejects,
    write_import_entry,
)
from db.imports.merge import (
    MANY,
    changes_suppliers,
    count_absent,
    count_removed_vertices,
    count_stored,
    count_withdrawn,
    merge,
    note_received,
    refresh_statistics,
)
from db.imports.prepare_rows import Assemble, Prepare, Prepared, Terms, assemble_here
from db.imports.stage import Counts, ImportContext, Staged, analyze_staging, first_rejects, open_staging, stage
from db.suppliers.sources import count_vertices
from db.suppliers.suppression_list import suppressions_of
from db.suppliers.write import begin_change, current_version, publish
from domain.errors import Conflict, DomainError
from domain.suppliers.deduplication import NameSimilarity
from domain.suppliers.record_check import require_vertices_left
from domain.suppliers.source import Import, ImportStatus
from domain.text.bilingual import Text

# A snapshot that would remove more than one record in five is more likely to be cut short than meant.
REMOVABLE_SHARE = 0.2
PROGRESS_SECONDS = 0.2


async def run_import(
    engine: Engine,
    order: Order,
    prepare: Prepare,
    clock: Callable[[], datetime],
    similarity: NameSimilarity,
    assemble: Assemble = assemble_here,
) -> Import:
    """Store the batches of `prepare` as records of `order.source`, in one transaction, and report what became of each.

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
            context = await _begin(connection, order, started, similarity, assemble)
            return await _import(engine, context, order, prepare)
    async with transaction(engine) as connection:
        # before others see it: an import whose lock is free counts as interrupted
        await lock(connection, Subject.IMPORT, str(order.id))
        await open_import(engine, order, started)
        async with _failure_noted(engine, order, clock):
            context = await _begin(connection, order, started, similarity, assemble)
            done = await _import(engine, context, order, prepare)
        done = msgspec.structs.replace(done, finished_at=clock())
        await close_import(connection, done)
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


@asynccontextmanager
async def _failure_noted(engine: Engine, order: Order, clock: Callable[[], datetime]) -> AsyncIterator[None]:
    """Log why the block failed, while the import still holds its lock."""
    try:
        yield
    except BaseException as failure:
        # If even this fails, whoever looks next finds that nobody is working on this import any more.
        with suppress(Exception):
            status, told = _outcome(failure, order)
            await abandon_import(engine, order.id, status, told, clock())
        raise


async def _import(engine: Engine, context: ImportContext, order: Order, prepare: Prepare) -> Import:
    connection = context.connection
    staged = await _stage_all(engine, context, order, prepare)
    counts = staged.counts
    await analyze_staging(connection)
    is_snapshot = order.mode != "upsert" and context.stored > 0
    unnamed = await count_absent(connection, order.source) if is_snapshot else 0
    # as many rejected rows could be theirs: then they stay
    absent, kept = (unnamed, 0) if unnamed > staged.unreadable else (0, unnamed)
    if absent > context.stored * REMOVABLE_SHARE and not order.force:
        raise _too_many_removed(absent, context.stored)
    if (more := staged.vertices) > 0:
        less = await count_removed_vertices(connection, order.source, absent=absent > 0)
        require_vertices_left(context.drawn, context.drawn + more - less, order.most_vertices)
    withdrawn = await count_withdrawn(connection, order.source) if counts.rejected else 0
    errors = await first_rejects(connection, ERRORS_LISTED)
    version = await _store(context, order, counts, absent, withdrawn)
    return Import(
        id=order.id,
        source=order.source,
        format=order.format,
        mode=order.mode,
        dry_run=order.dry_run,
        status="done",
        received=counts.received,
        **msgspec.structs.asdict(counts),
        removed=absent + withdrawn,
        kept_absent=kept,
        errors=errors,
        data_version=version,
        started_at=context.terms.now,
    )


async def _begin(
    connection: Connection, order: Order, now: datetime, similarity: NameSimilarity, assemble: Assemble
) -> ImportContext:
    """Lock the source against other imports and single writes, a dry run against writers only; open the staging."""
    await (share if order.dry_run else lock)(connection, Subject.SOURCE, order.source)
    await open_staging(connection)
    change_set = 0 if order.dry_run else await begin_change(connection)
    suppressions = await suppressions_of(connection, order.source)
    terms = Terms(order.source, change_set, now, order.language, suppressions)
    stored, drawn = await count_stored(connection, order.source), await count_vertices(connection, order.source)
    return ImportContext(connection, terms, order.dry_run, similarity, assemble, stored, drawn)


async def _stage_all(engine: Engine, context: ImportContext, order: Order, prepare: Prepare) -> Staged:
    """Stage every batch. Most rows of the first are new where nothing is stored; later batches are as those before."""
    staged, expects_new = Staged(), context.stored == 0
    prepared = prepare(context.terms, lambda: expects_new and not order.dry_run)
    async with aclosing(_one_ahead(prepared)) as batches, _progress(engine, order) as show:
        async for batch in batches:
            done = await stage(context, batch, staged.counts.rejected)
            expects_new = done.counts.added > done.counts.received / 2
            staged += done
            show(staged.counts)
    return staged


async def _one_ahead(prepared: Generator[Prepared, None, None]) -> AsyncGenerator[Prepared, None]:
    """The batches, each waited for in a thread while its predecessor is being written."""
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
async def _progress(engine: Engine, order: Order) -> AsyncIterator[Callable[[Counts], None]]:
    """A function that stores counts for others to see, now and then, without keeping the import waiting."""
    shown = latest = Counts()
    under_way: asyncio.Task[None] | None = None
    time = asyncio.get_running_loop().time
    next_at = time()

    def show(counts: Counts) -> None:
        nonlocal shown, latest, under_way, next_at
        latest = counts
        if not order.dry_run and time() >= next_at and (under_way is None or under_way.done()):
            shown, next_at = counts, time() + PROGRESS_SECONDS
            under_way = asyncio.create_task(note_progress(engine, order.id, counts))

    try:
        yield show
    finally:
        if under_way is not None:
            await under_way
        if latest != shown and not order.dry_run:
            await note_progress(engine, order.id, latest)


async def _store(context: ImportContext, order: Order, counts: Counts, absent: int, withdrawn: int) -> int:
    connection = context.connection
    if not order.dry_run:
        if counts.rejected:
            await store_rejects(connection, order.id, order.source)
        if is_merged := counts.added or counts.changed or counts.waiting or absent or withdrawn:
            await merge(context, added=counts.added, remove_absent=absent > 0, remove_withdrawn=withdrawn > 0)
        if context.stored:
            await note_received(context)
        if is_merged and await changes_suppliers(context):
            return await publish(connection, context.terms.change_set)
    return await current_version(connection)


def _too_many_removed(removed: int, stored: int) -> Conflict:
    detail = Text(
        f"Cet envoi retirerait {removed} des {stored} fiches de la source, plus d'une sur cinq : s'il est bien tout ce "
        "qu'elle a, le confirmer (« force »).",
        f"This would remove {removed} of the source's {stored} records, more than one in five: if that is all "
        "it has, confirm it (“force”).",
    )
    return Conflict("too_many_removed", detail)


def _outcome(failure: BaseException, order: Order) -> tuple[ImportStatus, str]:
    if isinstance(failure, DomainError):
        return "refused" if isinstance(failure, Conflict) else "failed", failure.detail.to(order.language)
    if isinstance(failure, asyncio.CancelledError):
        return "interrupted", ""
    return "failed", type(failure).__name__
