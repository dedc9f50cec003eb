"""Classification of errors.

The database is away (`is_away`), refuses (`refusal`) or ended a statement (`is_ended`); something is full (`is_full`).
"""

import errno
from collections.abc import Iterator
from traceback import walk_tb

import asyncpg
from sqlalchemy import exc

from db.core.connect import FormerPrimary, NoAnswer

# asyncpg reports these as errors of the server, yet they only mean that it is stopping, starting, full or read-only
_TEMPORARY = (
    asyncpg.exceptions.CannotConnectNowError,
    asyncpg.exceptions.AdminShutdownError,
    asyncpg.exceptions.CrashShutdownError,
    asyncpg.exceptions.PostgresConnectionError,
    asyncpg.exceptions.TooManyConnectionsError,
    asyncpg.exceptions.TargetServerAttributeNotMatched,  # a standby, or a primary that takes no writes for now
    asyncpg.exceptions.ReadOnlySQLTransactionError,
    FormerPrimary,
    NoAnswer,
    exc.TimeoutError,  # the pool had no connection to lend
)

_FULL = (asyncpg.exceptions.InsufficientResourcesError, MemoryError)
_FULL_DISK = frozenset({errno.ENOSPC, errno.EDQUOT})

_REFUSED = (
    asyncpg.exceptions.InvalidAuthorizationSpecificationError,
    asyncpg.exceptions.InvalidCatalogNameError,
    asyncpg.exceptions.InsufficientPrivilegeError,
)


def is_away(failure: BaseException) -> bool:
    """Whether `failure`, or what caused it, says that the database cannot be reached for now."""
    return any(
        isinstance(seen, _TEMPORARY)
        or (isinstance(seen, exc.DBAPIError) and seen.connection_invalidated)
        or (isinstance(seen, asyncpg.InterfaceError) and "closed" in str(seen))
        or (isinstance(seen, OSError) and _raised_by_driver(seen))
        for seen in _with_causes(failure)
    )


def is_full(failure: BaseException) -> bool:
    """Whether `failure`, or what caused it, says that a disk or memory is full: of the database, or of this machine."""
    return any(
        isinstance(seen, _FULL) or (isinstance(seen, OSError) and seen.errno in _FULL_DISK)
        for seen in _with_causes(failure)
    )


def is_ended(failure: BaseException) -> bool:
    """Whether `failure`, or what caused it, says that the database ended a statement: it took too long."""
    return any(isinstance(seen, asyncpg.exceptions.QueryCanceledError) for seen in _with_causes(failure))


def _with_causes(failure: BaseException | None) -> Iterator[BaseException]:
    while failure is not None:
        yield failure
        failure = failure.__cause__ or (None if failure.__suppress_context__ else failure.__context__)


def _raised_by_driver(failure: OSError) -> bool:
    """Whether the driver raised it: a refused connection, a missing socket, an unknown host, a time-out."""
    return any(
        frame.f_globals.get("__name__", "").startswith("asyncpg.") for frame, _ in walk_tb(failure.__traceback__)
    )


def refusal(failure: BaseException) -> str | None:
    """The server's message where it refused the connection (password, database or user); else None."""
    return next((str(seen) for seen in _with_causes(failure) if isinstance(seen, _REFUSED)), None)
