"""Database engines and transactions."""

from collections.abc import Callable
from typing import Any, TypeAlias

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from domain.errors import DomainError
from domain.text.bilingual import Text

# Named here so that a caller can write the types down without importing SQLAlchemy.
Engine: TypeAlias = AsyncEngine
Connection: TypeAlias = AsyncConnection

CONNECT_SECONDS = 10
# Just-in-time compilation costs more than the one big query here, loading every supplier, could gain from it.
# A date that PostgreSQL derives from an instant must not depend on where the server stands.
SESSION = {"jit": "off", "timezone": "UTC"}


class InvalidDatabaseUrl(DomainError):
    """The address is not that of a PostgreSQL database."""


def dsn(url: str) -> str:
    """`url` as asyncpg takes it, from any of the schemes postgres, postgresql and postgresql+asyncpg.

    Everything after the scheme is kept: a socket directory as `?host=/dir`, `sslmode`, several hosts, `options`.
    Raises InvalidDatabaseUrl on any other scheme; the message holds the scheme alone: the rest may hold a password.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in {"postgres", "postgresql", "postgresql+asyncpg"}:
        seen = f"{scheme}://" if separator else "…"
        raise InvalidDatabaseUrl(
            Text(
                f"L'adresse d'une base PostgreSQL commence par postgresql:// ; celle-ci commence par {seen}",
                f"The address of a PostgreSQL database begins with postgresql://; this one begins with {seen}",
            )
        )
    return f"postgresql://{rest}"


def engine(url: str, pool_size: int = 10, signer: Callable[[bytes], bytes] | None = None) -> Engine:
    """An engine for the database at `url` (see `dsn`); connects at first use, and again after the server was restarted.

    `pool_size` connections are kept and half as many more lent at a peak; after ten seconds without a free one, callers
    get sqlalchemy.exc.TimeoutError. 0: no pool, every transaction opens a connection (migrations, one-off commands).

    `signer`: signs the hashes of the journal's entries that are written through it.

    json and jsonb are read and written as text: what is stored has a type, and its owner decodes straight into that.
    """
    address = dsn(url)

    async def connect() -> "asyncpg.Connection[Any]":
        return await asyncpg.connect(address, timeout=CONNECT_SECONDS, server_settings=SESSION)

    sizes = {"pool_size": pool_size, "max_overflow": pool_size // 2, "pool_timeout": CONNECT_SECONDS}
    pool: dict[str, Any] = (
        {**sizes, "pool_pre_ping": True, "pool_use_lifo": True} if pool_size else {"poolclass": NullPool}
    )
    # The address goes to the driver itself: SQLAlchemy would refuse what it does not know, such as `sslmode`.
    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
        json_deserializer=str,
        # what was asked may hold a secret or a person's address, and errors are logged
        hide_parameters=True,
        execution_options={"signer": signer},
        **pool,
    )


transaction = AsyncEngine.begin
"""A connection in a transaction: leaving the block commits, raising inside it rolls back."""
