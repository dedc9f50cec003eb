"""Database engines and transactions.

Whoever wants to time the statements that an engine runs is told of them. Advisory locks on sources, records and
suppliers are held until the transaction ends. A document is written in the place of a stored one with what a later
release may have added to it.
"""

from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any, TypeAlias, TypeVar, cast
from weakref import WeakKeyDictionary, WeakSet

import asyncpg
import msgspec
from sqlalchemy import Column, ColumnElement, Executable, Text, event, func, select, true
from sqlalchemy import cast as sql_cast
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from db.core.connect import PATIENCE_SECONDS, Connector
from domain.decoding.stored import with_later_members

# Named here so that a caller can write the types down without importing SQLAlchemy.
Engine: TypeAlias = AsyncEngine
Connection: TypeAlias = AsyncConnection

POOL_SECONDS = 10


def engine(
    url: str, pool_size: int = 10, signer: Callable[[bytes], bytes] | None = None, patience: float = PATIENCE_SECONDS
) -> Engine:
    """Make an engine for the database at `url`; connects at first use, and again after a restart or a failover.

    `pool_size` connections are kept and half as many more lent at a peak; after ten seconds without a free one, callers
    get sqlalchemy.exc.TimeoutError. 0: no pool, every transaction opens a connection (migrations, one-off commands).

    `signer`: signs the hashes of the journal's entries that are written through it. `patience`: see `Connector`.

    json and jsonb are read and written as text: what is stored has a type, and its owner decodes straight into that.
    """
    opened: WeakSet[asyncpg.Connection[Any]] = WeakSet()
    connector = Connector(url, patience)

    async def connect() -> "asyncpg.Connection[Any]":
        connection = await connector()
        opened.add(connection)
        return connection

    sizes = {"pool_size": pool_size, "max_overflow": pool_size // 2, "pool_timeout": POOL_SECONDS}
    pool: dict[str, Any] = (
        {**sizes, "pool_pre_ping": True, "pool_use_lifo": True} if pool_size else {"poolclass": NullPool}
    )
    # The address goes to the driver itself: SQLAlchemy would refuse what it does not know, such as `sslmode`.
    made = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
        json_deserializer=str,
        # what was asked may hold a secret or a person's address, and errors are logged
        hide_parameters=True,
        execution_options={"signer": signer, "opened": opened, "connector": connector},
        **pool,
    )

    def note_lost_connection(context: ExceptionContext) -> None:
        # a server that has become read-only is left: another takes the writes
        if getattr(context.original_exception, "sqlstate", None) == asyncpg.ReadOnlySQLTransactionError.sqlstate:
            context.is_disconnect = True
        # nobody waits behind a commit that is never answered, as where the synchronous standby is gone
        if isinstance(context.original_exception, TimeoutError):
            end_connections(made)

    event.listen(made.sync_engine, "handle_error", note_lost_connection)
    return made


def end_connections(some: Engine) -> None:
    """End all connections of an engine at once, also those in use: statements that wait for an answer fail.

    Before the next one, all hosts of its address are looked at.
    """
    options = some.get_execution_options()
    cast("Connector", options["connector"]).forget_comparison()
    for connection in tuple(cast("WeakSet[asyncpg.Connection[Any]]", options["opened"])):
        connection.terminate()


transaction = AsyncEngine.begin
"""A connection in a transaction: leaving the block commits, raising inside it rolls back."""


_to_bind = WeakKeyDictionary[Any, dict[str, None]]()


def bind(connection: Connection, *names: str) -> None:
    """Have the next journal entry of this transaction bind these stored objects, which were just changed or removed."""
    _names_to_bind(connection).update(dict.fromkeys(names))


def take_names_to_bind(connection: Connection) -> list[str]:
    """The names given to `bind` in this transaction since they were last taken, in their order."""
    names = list(_names_to_bind(connection))
    _names_to_bind(connection).clear()
    return names


def _names_to_bind(connection: Connection) -> dict[str, None]:
    transaction = connection.sync_connection and connection.sync_connection.get_transaction()
    return {} if transaction is None else _to_bind.setdefault(transaction, {})


End: TypeAlias = Callable[[bool], object]
Begin: TypeAlias = Callable[[str], End]

_UNDER_WAY = "statements_under_way"


def watch_statements(engine: Engine, begin: Begin) -> None:
    """Call `begin(sql)` before each statement, and what `begin` returned after it: with True if it succeeded.

    The SQL holds the places of its parameters, never their values. COPY and the listening connection are not seen.
    """

    def note_begin(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        connection.info.setdefault(_UNDER_WAY, []).append(begin(statement))

    def note_end(connection: Any, succeeded: bool) -> None:
        if connection is not None and (under_way := connection.info.get(_UNDER_WAY)):
            under_way.pop()(succeeded)

    event.listen(engine.sync_engine, "before_cursor_execute", note_begin)
    event.listen(engine.sync_engine, "after_cursor_execute", lambda connection, *_: note_end(connection, True))
    event.listen(engine.sync_engine, "handle_error", lambda failure: note_end(failure.connection, False))


class LockKind(IntEnum):
    """The kinds of named locks that transactions take in the database; each kind has names of its own.

    IMPORT: one import, held while it runs. SOURCE: held by its import, shared by those who write single records.
    RECORD: one record of a source. IDENTITY: which records are one supplier, one lock for all. MOVE: held by who moves
    records of others to another supplier, shared by who notes that a whole source was received, lest each wait for rows
    of the other. AUDIT: the last entry of an organisation's journal. Locks are taken in this order.
    """

    IMPORT = 1
    SOURCE = 2
    RECORD = 3
    IDENTITY = 4
    MOVE = 5
    AUDIT = 6


async def lock(connection: Connection, kind: LockKind, name: str, *, shared: bool = False) -> None:
    """Take the lock on a name until the transaction ends; waits for its holders, unless they are all `shared` too."""
    take = func.pg_advisory_xact_lock_shared if shared else func.pg_advisory_xact_lock
    await connection.execute(select(take(func.hashtextextended(name, int(kind)))))


async def lock_if_free(connection: Connection, kind: LockKind, name: str) -> bool:
    """Lock a name until the transaction ends, if it is free; False, without waiting, if it is not."""
    attempt = select(func.pg_try_advisory_xact_lock(func.hashtextextended(name, int(kind))))
    return bool((await connection.execute(attempt)).scalar_one())


T = TypeVar("T")


async def document_with_later_members(
    connection: Connection, column: Column[Any], row: ColumnElement[bool], value: T
) -> Any:
    """`value`, to replace the document in a row's column, with members of it that this release does not know.

    The caller has locked the row.
    """
    stored = None if value is None else await connection.scalar(select(sql_cast(column, Text)).where(row))
    if stored is None:
        return value
    written = msgspec.json.encode(value)
    return msgspec.Raw(with_later_members(written, stored, column.type.shape))  # type: ignore[attr-defined]


async def read_all(connection: Connection, query: Executable, kind: type[T]) -> Sequence[T]:
    """Run a query; returns each row as a `kind`, whose fields have the names of the columns."""
    rows = await connection.execute(query)
    return [msgspec.convert(row, kind, from_attributes=True) for row in rows]


async def read_first(connection: Connection, query: Executable, kind: type[T]) -> T | None:
    """Run a query; returns its first row as a `kind`, None where there is no row."""
    row = (await connection.execute(query)).first()
    return None if row is None else msgspec.convert(row, kind, from_attributes=True)


async def read_grouped(connection: Connection, query: Executable, key: str) -> dict[Any, list[Any]]:
    """Run a query; returns its rows grouped by their value in the column `key`, in the order of the query."""
    found: dict[Any, list[Any]] = {}
    for row in await connection.execute(query):
        found.setdefault(getattr(row, key), []).append(row)
    return found


def is_above(column: ColumnElement[Any], bound: object) -> ColumnElement[bool]:
    """The condition that the column is greater than the bound; true without a bound."""
    return true() if bound is None else column > bound


def is_below(column: ColumnElement[Any], bound: object) -> ColumnElement[bool]:
    """The condition that the column is less than the bound; true without a bound."""
    return true() if bound is None else column < bound
