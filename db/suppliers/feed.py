"""The directory as a feed of changes: those after a cursor, those since a version, and copies of all of it.

All active suppliers are copied as PostgreSQL sends them at its quickest: the text of their documents, undecoded.
Several connections may share the work: each copies some pages of what one of them sees.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager
from struct import Struct
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import BigInteger, any_, bindparam, case, select, text, true
from sqlalchemy.dialects.postgresql import ARRAY

from db.core.connect import PATIENCE_SECONDS, connect
from db.core.engine import Connection, Engine
from db.core.listen_notify import rows_on_notify
from db.schema.supplier_tables import change_sets, directory_version, suppliers
from db.suppliers.read import with_last_receipts
from db.suppliers.write import CHANNEL
from domain.suppliers.supplier import Supplier

# Decoding a batch holds the event loop for a few milliseconds, not more.
READ_AT_ONCE = 500
_NEWEST = select(directory_version.c.version, change_sets.c.uid).select_from(
    directory_version.outerjoin(change_sets, change_sets.c.version == directory_version.c.version)
)


class Position(NamedTuple):
    """A cursor in the change feed: behind this supplier in this directory version. `START` is before all changes.

    `uid`: of that version, as another history of the directory may have one of the same number; None where it is not
    known.
    """

    version: int
    supplier_id: UUID
    uid: UUID | None = None


START = Position(0, UUID(int=0))
LAST_ID = UUID(int=(1 << 128) - 1)


class Change(msgspec.Struct, frozen=True):
    """The latest change of one supplier, and its directory version; `supplier` is None where it was deleted.

    `uid`: of that version.
    """

    version: int
    id: UUID
    supplier: Supplier | None
    uid: UUID | None = None

    @property
    def position(self) -> Position:
        return Position(self.version, self.id, self.uid)


async def end_of_directory(connection: Connection) -> Position:
    """The cursor after all changes so far."""
    newest = (await connection.execute(_NEWEST)).first()
    return START if newest is None else Position(newest.version, LAST_ID, newest.uid)


async def end_of_version(connection: Connection, version: int) -> Position:
    """The cursor behind the last change of a directory version; its `uid` is None if there never was such a version."""
    uid: UUID | None = await connection.scalar(select(change_sets.c.uid).where(change_sets.c.version == version))
    return Position(version, LAST_ID, uid)


async def is_in_history(connection: Connection, position: Position, end: Position) -> bool:
    """Whether a cursor is of this directory's history, which ends at `end`: by its `uid`, else by its version alone."""
    if position.uid is None or position.version == 0:
        return position.version <= end.version
    if position.version == end.version:
        return position.uid == end.uid
    return position.uid == (await end_of_version(connection, position.version)).uid


async def changes_after(connection: Connection, position: Position, limit: int) -> Sequence[Change]:
    """Up to `limit` changes of suppliers after a cursor, in the order of commits; the last one has the next cursor.

    A supplier that changes again moves to its new place, so a reader that follows the feed sees its last state.
    """
    # along an index: one version may hold every supplier, and is not sorted for each page
    from_id = case((change_sets.c.version == position.version, position.supplier_id), else_=START.supplier_id)
    changed = (
        select(suppliers.c.id, suppliers.c.document)
        .where(suppliers.c.change_set == change_sets.c.id, suppliers.c.id > from_id)
        .order_by(suppliers.c.id)
        .limit(limit)
        .lateral("changed")
    )
    query = (
        select(change_sets.c.version, change_sets.c.uid, changed.c.id, changed.c.document)
        .select_from(change_sets.join(changed, true()))
        .where(change_sets.c.version >= position.version)
        .order_by(change_sets.c.version, changed.c.id)
        .limit(limit)
    )
    rows = (await connection.execute(query)).all()
    received = await with_last_receipts(connection, [row.document for row in rows if row.document is not None])
    return [Change(row.version, row.id, received.get(row.id), row.uid) for row in rows]


class RecentChanges(NamedTuple):
    """The active suppliers changed since a directory version, the ids deleted or inactive, and the present version.

    In no order. `uid`: of the present version.
    """

    changed: list[Supplier]
    gone: list[UUID]
    version: int
    uid: UUID | None


async def changes_since(engine: Engine, version: int, uid: UUID | None, most: int) -> RecentChanges | None:
    """The changes since a directory version; None where they are over `most`, or its `uid` is of another history."""
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        end = await end_of_directory(connection)
        if not await is_in_history(connection, Position(version, LAST_ID, uid), end):
            return None
        # asked for by themselves: the planner takes a third of all change sets for later ones, and would read all
        # suppliers to join them
        later = (await connection.execute(select(change_sets.c.id).where(change_sets.c.version > version))).scalars()
        is_later = suppliers.c.change_set == any_(bindparam(None, list(later), ARRAY(BigInteger)))
        if await connection.scalar(select(suppliers.c.id).where(is_later).offset(most).limit(1)) is not None:
            return None
        found = RecentChanges([], [], end.version, end.uid)
        query = select(suppliers.c.id, suppliers.c.active, suppliers.c.document).where(is_later)
        async for row in await connection.stream(query, execution_options={"yield_per": READ_AT_ONCE}):
            if row.active:
                found.changed.append(row.document)
            else:
                found.gone.append(row.id)
        return found


# A notification that was lost costs at most this.
POLL_SECONDS = 1.0
CURRENT_VERSION = """
    SELECT d.version, c.uid, d.notes FROM directory_version d LEFT JOIN change_sets c ON c.version = d.version
"""


class DirectoryVersion(NamedTuple):
    """A version of the directory; `uid`: an id drawn for it, to tell databases' histories apart; None for version 0.

    `notes`: one drawn when an organisation's notes on suppliers last changed; None: never.
    """

    number: int
    uid: UUID | None
    notes: UUID | None = None


async def listen(
    url: str,
    *,
    also: Sequence[str] = (),
    lost: Callable[[Exception], object] = lambda _: None,
    poll_seconds: float = POLL_SECONDS,
    patience: float = PATIENCE_SECONDS,
) -> AsyncGenerator[DirectoryVersion, None]:
    """Yield the directory's version: now, at each notification (`also`: on these channels) and each `poll_seconds`.

    A version comes again while nothing changes, and after notifications on the channels `also`, as a sign of life; none
    comes while the database is away (see `rows_on_notify` for `lost` and `patience`). Versions in between may be
    skipped. Ends only with its task, or when it is closed (`contextlib.aclosing`).
    """
    channels = (CHANNEL, *also)
    rows = rows_on_notify(url, channels, CURRENT_VERSION, poll_seconds=poll_seconds, lost=lost, patience=patience)
    async with aclosing(rows):
        async for row in rows:
            yield DirectoryVersion(*row)


_DOCUMENTS = """
    SELECT document FROM suppliers
    WHERE NOT deleted AND active AND ctid >= '({first},0)'::tid AND ctid < '({end},0)'::tid
"""
_SNAPSHOT = """
    SELECT pg_export_snapshot() AS name, d.version, c.uid,
        pg_relation_size('suppliers') / current_setting('block_size')::int AS pages
    FROM (SELECT) AS one LEFT JOIN directory_version d ON true LEFT JOIN change_sets c ON c.version = d.version
"""
# the same for a copy that follows a server, whatever its address
_DATABASE = """
    SELECT to_hex(s.system_identifier) || '.' || to_hex(b.oid::bigint)
    FROM pg_control_system() s JOIN pg_database b ON b.datname = current_database()
"""
# PostgreSQL's binary format of COPY: a header, then of each row the number of fields, and of each field its length
_HEADER_BYTES = 19
_ROW = Struct(">hi")
_END = b"\xff\xff"

Pages = tuple[int, int]
"""The first page of a table, and the one behind the last."""


class DirectorySnapshot(NamedTuple):
    """A snapshot of the directory in PostgreSQL; other transactions may read it by its `name`.

    `database`: as in `database_id`. `uid`: of its version. `pages`: how many its suppliers are on.
    """

    name: str
    database: str
    version: int
    uid: UUID | None
    pages: int


@asynccontextmanager
async def shared_snapshot(url: str) -> AsyncIterator[DirectorySnapshot]:
    """Yield a snapshot of the present directory, from which `copy_documents` may copy during the block."""
    async with _snapshot_connection(url) as connection:
        row, database = await connection.fetchrow(_SNAPSHOT), await connection.fetchval(_DATABASE)
        yield DirectorySnapshot(row["name"], database, row["version"] or 0, row["uid"], row["pages"])


async def database_id(engine: Engine) -> str:
    """The identifier of the database as digits; only a copy of the whole server has the same."""
    async with engine.connect() as connection:
        return str(await connection.scalar(text(_DATABASE)))


async def copy_documents(url: str, snapshot: str, pages: Iterable[Pages], receive: Callable[[bytes], object]) -> None:
    """Call `receive` with the JSON document of each active supplier on these pages (of the table) of a snapshot."""
    async with _snapshot_connection(url, snapshot) as connection:
        for first, end in pages:
            query = _DOCUMENTS.format(first=first, end=end)
            await connection.copy_from_query(query, output=_field_reader(receive), format="binary")


@asynccontextmanager
async def _snapshot_connection(url: str, snapshot: str | None = None) -> AsyncIterator[Any]:
    """Yield a connection in a read-only transaction of a new snapshot, or of the one with the name `snapshot`."""
    connection = await connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            if snapshot is not None:
                await connection.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
            yield connection
    finally:
        await connection.close()


def _field_reader(receive: Callable[[bytes], object]) -> Callable[[bytes], Awaitable[None]]:
    """Return a function that takes chunks of a binary COPY with one field, and calls `receive` with each field."""
    left, begins = b"", _HEADER_BYTES

    async def read_chunk(chunk: bytes) -> None:
        nonlocal left, begins
        content, at = left + chunk, begins
        while len(content) >= at + _ROW.size:
            _, length = _ROW.unpack_from(content, at)
            end = at + _ROW.size + length
            if len(content) < end:
                break
            receive(content[at + _ROW.size : end])
            at = end
        left, begins = (content[at:], 0) if at <= len(content) else (content, at)

    return read_chunk
