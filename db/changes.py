"""Hears of new versions of the directory."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import asyncpg

from db.connect import CONNECT_SECONDS, dsn
from db.suppliers import CHANNEL

# A notification that was lost, or that a connection pooler swallowed, costs at most this.
POLL_SECONDS = 1.0
ANSWER_SECONDS = 5.0
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0

_VERSION = "SELECT version FROM directory_version"
_AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)

logger = logging.getLogger(__name__)


async def listen(url: str, *, poll_seconds: float = POLL_SECONDS) -> AsyncGenerator[int, None]:
    """The stored version of the directory: at once, after every notification, and every `poll_seconds` at the latest.

    A version comes again while nothing changes, as a sign of life; none comes while the database is away. Versions in
    between may be skipped. Holds one connection outside any pool, and opens another, after growing pauses, whenever it
    is lost. Ends only with its task, or when it is closed (`contextlib.aclosing`).
    """
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            connection = await asyncpg.connect(dsn(url), timeout=CONNECT_SECONDS)
            try:
                async with aclosing(_versions(connection, poll_seconds)) as versions:
                    async for version in versions:
                        pause = FIRST_PAUSE_SECONDS
                        yield version
            finally:
                await connection.close(timeout=ANSWER_SECONDS)
        except _AWAY as failure:
            logger.warning("lost the database's notifications, trying again in %.1f s: %s", pause, failure)
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


async def _versions(connection: "asyncpg.Connection[Any]", poll_seconds: float) -> AsyncGenerator[int, None]:
    called = asyncio.Event()
    connection.add_termination_listener(lambda _: called.set())
    await connection.add_listener(CHANNEL, lambda *_: called.set())
    while True:
        called.clear()
        yield await connection.fetchval(_VERSION, timeout=ANSWER_SECONDS)
        await _until(called, poll_seconds)


async def _until(called: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await called.wait()
    except TimeoutError:
        return
