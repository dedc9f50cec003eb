"""Tells a database that cannot be reached from a mistake in what it was asked."""

from traceback import walk_tb

import asyncpg
from sqlalchemy import exc

# asyncpg reports these as errors of the server, yet they only mean that it is stopping, starting or full
_PASSING = (
    asyncpg.exceptions.CannotConnectNowError,
    asyncpg.exceptions.AdminShutdownError,
    asyncpg.exceptions.CrashShutdownError,
    asyncpg.exceptions.PostgresConnectionError,
    asyncpg.exceptions.TooManyConnectionsError,
    exc.TimeoutError,  # the pool had no connection to lend
)

_REFUSING = (
    asyncpg.exceptions.InvalidAuthorizationSpecificationError,
    asyncpg.exceptions.InvalidCatalogNameError,
    asyncpg.exceptions.InsufficientPrivilegeError,
)


def is_away(failure: BaseException) -> bool:
    """Whether `failure`, or what caused it, says that the database cannot be reached for now."""
    seen: BaseException | None = failure
    while seen is not None:
        if isinstance(seen, _PASSING) or (isinstance(seen, exc.DBAPIError) and seen.connection_invalidated):
            return True
        if isinstance(seen, asyncpg.InterfaceError) and "closed" in str(seen):
            return True
        if isinstance(seen, OSError) and _while_connecting(seen):
            return True
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return False


def _while_connecting(failure: OSError) -> bool:
    """Whether the driver raised it: a refused connection, a missing socket, an unknown host, a time-out."""
    return any(
        frame.f_globals.get("__name__", "").startswith("asyncpg.") for frame, _ in walk_tb(failure.__traceback__)
    )


def refusal(failure: BaseException) -> str | None:
    """What the server said when it would not let us in: a wrong password, no such database or user; else None."""
    seen: BaseException | None = failure
    while seen is not None:
        if isinstance(seen, _REFUSING):
            return str(seen)
        seen = seen.__cause__
    return None
