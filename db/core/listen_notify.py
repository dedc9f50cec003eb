"""LISTEN on a connection of its own, which is opened again whenever it is lost."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any

import asyncpg

from db.core.connect import PATIENCE_SECONDS, Connector, FormerPrimary, NoAnswer, result_within

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
LOOK_SECONDS = 10.0
"""The time after which the other hosts are looked at again: one of them may have been promoted beside this one."""

_CONNECTION_ERRORS = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # such as where there is a standby only, which may be promoted
)

logger = logging.getLogger(__name__)


async def rows_on_notify(
    url: str,
    channels: Sequence[str],
    query: str,
    *,
    poll_seconds: float,
    lost: Callable[[Exception], object] = lambda _: None,
    patience: float = PATIENCE_SECONDS,
) -> AsyncGenerator["asyncpg.Record", None]:
    """Yield the row of `query` now, at each notification and each `poll_seconds`; call `lost` with each failure.

    Nothing comes while the database is away: `lost` is then called with each failure, NoAnswer where it was silent for
    `patience` seconds, FormerPrimary where another host was promoted meanwhile. Holds one connection outside any pool,
    and opens another, after growing pauses, whenever it is lost. Ends only with its task, or when it is closed
    (`contextlib.aclosing`).
    """
    pause = FIRST_PAUSE_SECONDS
    connect = Connector(url, patience)
    while True:
        try:
            connection = await connect()
            try:
                rows = _rows_of_connection(connection, channels, query, poll_seconds, patience)
                async with _comparing_hosts(connect), aclosing(rows) as given:
                    async for answer in given:
                        pause = FIRST_PAUSE_SECONDS
                        yield answer
                        if connect.is_outdone(connection):
                            raise FormerPrimary("another host was promoted since")
            except NoAnswer:
                connection.terminate()
                raise
            finally:
                await connection.close(timeout=patience)
        except _CONNECTION_ERRORS as failure:
            logger.warning("lost the database's notifications, trying again in %.1f s: %s", pause, failure)
            lost(failure)
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


@asynccontextmanager
async def _comparing_hosts(connect: Connector) -> AsyncGenerator[None, None]:
    """Have the connector compare its hosts, if it has several, every `LOOK_SECONDS` during the block."""

    async def compare_hosts() -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await connect.compare_hosts()

    looking = asyncio.create_task(compare_hosts()) if connect.compares else None
    try:
        yield
    finally:
        if looking is not None:
            looking.cancel()


async def _rows_of_connection(
    connection: "asyncpg.Connection[Any]", channels: Sequence[str], query: str, poll_seconds: float, patience: float
) -> AsyncGenerator["asyncpg.Record", None]:
    """Yield the row of `query` now, at each notification and each `poll_seconds`. Raises NoAnswer after `patience`."""
    called = asyncio.Event()
    connection.add_termination_listener(lambda _: called.set())
    for channel in channels:
        await result_within(patience, connection.add_listener(channel, lambda *_: called.set()))
    while True:
        called.clear()
        row = await result_within(patience, connection.fetchrow(query))
        if row is not None:
            yield row
        with suppress(TimeoutError):
            async with asyncio.timeout(poll_seconds):
                await called.wait()
