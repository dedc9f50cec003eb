"""An absent database is told from a mistake."""

import errno

import asyncpg
import pytest
from sqlalchemy import text

from db.core.engine import Engine, engine, transaction
from db.core.outage import is_away, is_ended, is_full


async def failure_of(attached: Engine, *statements: str) -> Exception:
    """What running `statements` in one transaction raises."""
    try:
        async with transaction(attached) as connection:
            for statement in statements:
                await connection.execute(text(statement))
    except Exception as failure:  # noqa: BLE001 - whatever it is, is what is asked
        return failure
    pytest.fail("nothing was raised")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://localhost:1/nothing",
        "postgresql:///nothing?host=/no/such/folder",
        "postgresql://no-such-host.invalid/nothing",
    ],
)
async def test_nobody_listens(url: str) -> None:
    """A refused connection, a missing socket, an unknown host."""
    nowhere = engine(url, pool_size=0)
    assert is_away(await failure_of(nowhere, "SELECT 1"))
    await nowhere.dispose()


@pytest.mark.parametrize("pooled", [True, False])
async def test_the_connection_is_cut(database_url: str, pooled: bool) -> None:
    """The server ends a session in the middle of a transaction, as it does when it is stopped."""
    attached = engine(database_url, pool_size=1 if pooled else 0)
    assert is_away(await failure_of(attached, "SELECT pg_terminate_backend(pg_backend_pid())", "SELECT 1"))
    await attached.dispose()


async def test_no_connection_is_free(database_url: str) -> None:
    """More callers than connections: who waited too long is told to come back."""
    attached = engine(database_url, pool_size=1)
    attached.pool._timeout = 0.01  # type: ignore[attr-defined]
    async with transaction(attached):
        assert is_away(await failure_of(attached, "SELECT 1"))
    await attached.dispose()


@pytest.mark.parametrize("statement", ["nonsense", "SELECT * FROM no_such_table", "SELECT 1 / 0"])
async def test_mistakes_are_not_absence(engine: Engine, statement: str) -> None:
    """Wrong SQL stays a fault of ours."""
    assert not is_away(await failure_of(engine, statement))


@pytest.mark.parametrize("failure", [OSError("disk full"), FileNotFoundError("upload"), TimeoutError(), ValueError()])
def test_other_failures_are_not_absence(failure: Exception) -> None:
    """The same kinds of error, but not from the driver."""
    assert not is_away(failure)


@pytest.mark.parametrize(
    "failure",
    [
        asyncpg.exceptions.DiskFullError("could not extend file"),
        asyncpg.exceptions.OutOfMemoryError("out of memory"),
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
    ],
    ids=repr,
)
def test_a_full_disk_is_neither_absence_nor_a_mistake(failure: Exception) -> None:
    assert is_full(failure)
    assert not is_away(failure)


async def test_a_mistake_is_not_for_want_of_room(engine: Engine) -> None:
    assert not is_full(await failure_of(engine, "SELECT 1 / 0"))
    assert not is_full(OSError(errno.EACCES, "Permission denied"))


async def test_a_statement_that_took_too_long_was_ended(engine: Engine) -> None:
    """The database is there, and nothing is full."""
    failure = await failure_of(engine, "SET LOCAL statement_timeout = '1ms'", "SELECT pg_sleep(60)")
    assert is_ended(failure)
    assert not is_away(failure)
    assert not is_full(failure)
    assert not is_ended(await failure_of(engine, "SELECT 1 / 0"))
