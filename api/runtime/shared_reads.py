"""Reads that many requests want at once, made once for all of them."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")
AT_ONCE = 2


class SharedReads:
    """Reads by what they read, a few at a time; the rest wait their turn without a database connection.

    A request joins a read that has not begun yet, never one that has: it sees all that was stored before it came.
    """

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._to_come: dict[Hashable, asyncio.Task[Any]] = {}
        self._all: set[asyncio.Task[Any]] = set()

    async def read(self, what: Hashable, read: Callable[[], Awaitable[T]]) -> T:
        """The result of `read`, or of the read of the same that another request asked for; raises what it raised."""
        task: asyncio.Task[T] | None = self._to_come.get(what)
        if task is None:
            task = self._to_come[what] = asyncio.create_task(self._in_turn(what, read))
            self._all.add(task)
            task.add_done_callback(self._done)
        # others may want what a request that is cancelled asked for
        return await asyncio.shield(task)

    async def _in_turn(self, what: Hashable, read: Callable[[], Awaitable[T]]) -> T:
        try:
            await self._turns.acquire()
        finally:
            del self._to_come[what]
        try:
            return await read()
        finally:
            self._turns.release()

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._all.discard(task)
        if not task.cancelled():
            task.exception()  # seen, also where nobody waits for it any more
