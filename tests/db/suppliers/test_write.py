"""Hearing of new versions."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from urllib.parse import urlsplit

import asyncpg
import pytest
from sqlalchemy import text

from db.core import listen_notify
from db.core.connect import dsn
from db.core.engine import Engine, transaction
from db.suppliers.write import CURRENT_VERSION, DirectoryVersion, listen
from tests.db.suppliers.samples import put

NEVER = 3600.0
LISTENERS = f"FROM pg_stat_activity WHERE datname = current_database() AND query = '{CURRENT_VERSION}'"


async def until(versions: AsyncGenerator[DirectoryVersion, None], wanted: int) -> None:
    async with asyncio.timeout(10):
        async for version in versions:
            if version.number == wanted:
                return


async def test_the_present_version_comes_first(engine: Engine, database_url: str) -> None:
    await put(engine)
    async with aclosing(listen(database_url, poll_seconds=NEVER)) as versions:
        assert (await anext(versions)).number == 1


async def test_a_change_is_heard_of_without_polling(engine: Engine, database_url: str) -> None:
    async with aclosing(listen(database_url, poll_seconds=NEVER)) as versions:
        assert (await anext(versions)).number == 0
        await put(engine)
        await until(versions, 1)


async def test_a_lost_notification_is_made_up_for_by_polling(engine: Engine, database_url: str) -> None:
    async with aclosing(listen(database_url, poll_seconds=0.01)) as versions:
        assert (await anext(versions)).number == 0
        async with transaction(engine) as connection:
            await connection.execute(text("UPDATE directory_version SET version = 7"))
        await until(versions, 7)


async def test_it_comes_back_after_its_backend_was_killed(engine: Engine, database_url: str) -> None:
    async with aclosing(listen(database_url, poll_seconds=NEVER)) as versions:
        assert (await anext(versions)).number == 0
        async with transaction(engine) as connection:
            killed = await connection.execute(text(f"SELECT pg_terminate_backend(pid) {LISTENERS}"))
            assert killed.scalars().all() == [True]
        await put(engine)
        await until(versions, 1)


async def test_it_holds_no_connection_once_it_is_cancelled(engine: Engine, database_url: str) -> None:
    heard = asyncio.Event()

    async def hear() -> None:
        async for _ in listen(database_url, poll_seconds=NEVER):
            heard.set()

    task = asyncio.create_task(hear())
    await heard.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(10):
        while await listeners(engine):
            pass


async def listeners(engine: Engine) -> int:
    async with transaction(engine) as connection:
        count: int = (await connection.execute(text(f"SELECT count(*) {LISTENERS}"))).scalar_one()
    return count


async def test_it_waits_for_a_database_that_is_not_there_yet(
    database_url: str, administrator: "asyncpg.Connection[asyncpg.Record]", monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server may start before its database: nothing is raised, and the first version comes once it is there."""
    name = urlsplit(dsn(database_url)).path.removeprefix("/")
    lost = asyncio.Event()
    monkeypatch.setattr(listen_notify.logger, "warning", lambda *_: lost.set())
    await administrator.execute(f"ALTER DATABASE {name} RENAME TO {name}_away")
    async with aclosing(listen(database_url, poll_seconds=NEVER)) as versions:
        first = asyncio.ensure_future(anext(versions))
        await lost.wait()
        await administrator.execute(f"ALTER DATABASE {name}_away RENAME TO {name}")
        async with asyncio.timeout(10):
            assert (await first).number == 0


async def test_it_waits_for_a_database_that_takes_no_writes_yet(
    database_url: str, administrator: "asyncpg.Connection[asyncpg.Record]", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as a standby that is to be promoted."""
    name = urlsplit(dsn(database_url)).path.removeprefix("/")
    lost = asyncio.Event()
    monkeypatch.setattr(listen_notify.logger, "warning", lambda *_: lost.set())
    await administrator.execute(f"ALTER DATABASE {name} SET default_transaction_read_only TO on")
    async with aclosing(listen(database_url, poll_seconds=NEVER)) as versions:
        first = asyncio.ensure_future(anext(versions))
        async with asyncio.timeout(10):
            await lost.wait()
            await administrator.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
            assert (await first).number == 0
