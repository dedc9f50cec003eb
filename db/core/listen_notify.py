"""LISTEN on a connection of its own, which is opened again whenever it is lost."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from typing import Any

import asyncpg

from db.core.engine import CONNECT_SECONDS, dsn

ANSWER_SECONDS = 5.0
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0

_CONNECTION_ERRORS = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)

logger = logging.getLogger(__name__)


async def answers(
    url: str, channels: Sequence[str], question: str, *, poll_seconds: float
) -> AsyncGenerator[Any, None]:
    """The value of the query `question`, at once, after every notification on `channels`, and every `poll_seconds`.

    Nothing comes while the database is away. Holds one connection outside any pool, and opens another, after growing
    pauses, whenever it is lost. Ends only with its task, or when it is closed (`contextlib.aclosing`).
    """
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            connection = await asyncpg.connect(dsn(url), timeout=CONNECT_SECONDS)
            try:
                async with aclosing(_answers(connection, channels, question, poll_seconds)) as given:
                    async for answer in given:
                        pause = FIRST_PAUSE_SECONDS
                        yield answer
            finally:
                await connection.close(timeout=ANSWER_SECONDS)
        except _CONNECTION_ERRORS as failure:
            logger.warning("lost the database's notifications, trying again in %.1f s: %s", pause, failure)
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


async def _answers(
    connection: "asyncpg.Connection[Any]", channels: Sequence[str], question: str, poll_seconds: float
) -> AsyncGenerator[Any, None]:
    called = asyncio.Event()
    connection.add_termination_listener(lambda _: called.set())
    for channel in channels:
        await connection.add_listener(channel, lambda *_: called.set())
    while True:
        called.clear()
        yield await connection.fetchval(question, timeout=ANSWER_SECONDS)
        with suppress(TimeoutError):
            async with asyncio.timeout(poll_seconds):
                await called.wait()
