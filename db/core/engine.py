"""Database engines and transactions."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias, cast
from weakref import WeakSet

import asyncpg
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from db.core.connect import PATIENCE_SECONDS, Connector

# Named here so that a caller can write the types down without importing SQLAlchemy.
Engine: TypeAlias = AsyncEngine
Connection: TypeAlias = AsyncConnection

POOL_SECONDS = 10


def engine(
    url: str,
    pool_size: int = 10,
    signer: Callable[[bytes], bytes] | None = None,
    patience: float = PATIENCE_SECONDS,
) -> Engine:
    """An engine for the database at `url` (see `db.core.connect`); connects at first use, and again after the server
    was restarted, or another took its place.

    `pool_size` connections are kept and half as many more lent at a peak; after ten seconds without a free one, callers
    get sqlalchemy.exc.TimeoutError. 0: no pool, every transaction opens a connection (migrations, one-off commands).

    `signer`: signs the hashes of the journal's entries that are written through it.

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
    event.listen(made.sync_engine, "handle_error", _leave_read_only)
    event.listen(made.sync_engine, "handle_error", partial(_cut_where_silent, made))
    return made


def cut(some: Engine) -> None:
    """End all connections of an engine at once, those in use too: whoever waits for an answer is told there is none.

    Before the next one, all hosts of its address are looked at.
    """
    options = some.get_execution_options()
    cast("Connector", options["connector"]).look_again()
    for connection in tuple(cast("WeakSet[asyncpg.Connection[Any]]", options["opened"])):
        connection.terminate()


def _leave_read_only(context: ExceptionContext) -> None:
    """Keep no connection to a server that has become read-only: another takes the writes."""
    if getattr(context.original_exception, "sqlstate", None) == asyncpg.ReadOnlySQLTransactionError.sqlstate:
        context.is_disconnect = True


def _cut_where_silent(some: Engine, context: ExceptionContext) -> None:
    """Keep nobody waiting behind a commit that is never answered, as where the synchronous standby is gone."""
    if isinstance(context.original_exception, TimeoutError):
        cut(some)


transaction = AsyncEngine.begin
"""A connection in a transaction: leaving the block commits, raising inside it rolls back."""
