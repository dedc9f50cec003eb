"""The database is heard of, and so is its silence."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, suppress

import pytest
from sqlalchemy import text

from api.runtime.index.database_watch import DatabaseWatch
from db.core.engine import Engine, transaction
from db.delivery.outbox import wake
from db.suppliers import write
from tests.db.suppliers.samples import put


@pytest.fixture
async def watch(engine: Engine, database_url: str) -> AsyncIterator[DatabaseWatch]:
    """A watch of the test's database that runs."""
    watch = DatabaseWatch(database_url, engine, patience=0.5)
    watching = asyncio.create_task(watch.run())
    yield watch
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching


async def heard(watch: DatabaseWatch, is_enough: Callable[[], bool]) -> None:
    """Wait for what is to be heard."""
    async with asyncio.timeout(20), aclosing(watch.versions()) as versions:
        async for _ in versions:
            if is_enough():
                return


async def test_versions_and_deliveries_are_heard_of(
    engine: Engine, watch: DatabaseWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write, "POLL_SECONDS", 3600.0)
    await heard(watch, lambda: watch.version is not None and watch.version.number == 0)
    assert watch.is_answering
    await put(engine)
    await heard(watch, lambda: watch.version is not None and watch.version.number == 1)
    assert watch.version is not None
    assert watch.version.uid is not None
    times = 0

    def again() -> bool:
        nonlocal times
        times += 1
        return times == 2

    hearing = asyncio.create_task(heard(watch, again))
    await asyncio.sleep(0)
    async with transaction(engine) as connection:
        await wake(connection)
    await hearing


@pytest.mark.parametrize("is_pooler", [False, True])
async def test_a_silent_database_is_away_and_those_who_wait_are_told(
    database_url: str, engine: Engine, is_pooler: bool
) -> None:
    """It, or the pooler before it, takes connections and says nothing: whoever asks something would wait for ever."""
    taken: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: taken.append(writer), "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    silent = f"postgresql://me@{host}:{port}/base"
    waits = asyncio.Event()

    async def wait() -> None:
        async with transaction(engine) as connection:
            await connection.execute(text("SELECT 1"))
            waits.set()
            await connection.execute(text("SELECT pg_sleep(3600)"))

    waiting = asyncio.create_task(wait())
    await waits.wait()
    url, pooler_url = (database_url, silent) if is_pooler else (silent, None)
    watch = DatabaseWatch(url, engine, patience=0.5, pooler_url=pooler_url)
    watching = asyncio.create_task(watch.run())
    try:
        async with asyncio.timeout(20):
            with pytest.raises(Exception, match="connection was closed"):
                await waiting
        assert not watch.is_answering
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        for each in taken:
            each.close()
        server.close()
