"""Per-process limits of concurrent work; those who must wait do so without holding a database connection."""

from asyncio import Semaphore
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary


class ConcurrencyLimit:
    """Admits `at_once` requests at a time overall, and `of_one` for each source or other key.

    Locks in the database already keep apart what must not run at once; but whoever waits for one holds a connection,
    and a busy source would use up those of everybody else.
    """

    def __init__(self, at_once: int, of_one: int) -> None:
        self._all = Semaphore(at_once)
        self._of_one = of_one
        self._each: WeakValueDictionary[str, Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def of(self, key: str) -> AsyncIterator[None]:
        """Wait until `key` has a free place, and take it during the block."""
        one = self._each.get(key)
        if one is None:
            one = self._each[key] = Semaphore(self._of_one)
        async with one, self._all:
            yield
