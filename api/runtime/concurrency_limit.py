"""Whose turn it is to work on a source: those who must wait do so here, without holding a database connection."""

from asyncio import Semaphore
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary


class Turns:
    """Lets `at_once` requests work at a time, of which `of_one` on the same source.

    The database itself makes those wait that must not work at once, in this process or another; but they would wait
    with a connection in their hands, and a busy source would use up those of everybody else.
    """

    def __init__(self, at_once: int, of_one: int) -> None:
        self._all = Semaphore(at_once)
        self._of_one = of_one
        self._each: WeakValueDictionary[str, Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def of(self, source: str) -> AsyncIterator[None]:
        """Wait for a turn on the source, and hold it during the block."""
        one = self._each.get(source)
        if one is None:
            one = self._each[source] = Semaphore(self._of_one)
        async with one, self._all:
            yield
