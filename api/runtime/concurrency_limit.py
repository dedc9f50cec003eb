"""Per-process limits of concurrent work and of the disk it takes.

Those who must wait do so without a database connection, and before anything of theirs is read.
"""

from asyncio import Semaphore
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from weakref import WeakValueDictionary

from api.runtime.rate_limits import require_within

RETRY_AFTER_SECONDS = 30.0


class ConcurrencyLimit:
    """Admits `at_once` requests at a time overall, and `of_one` for each source or other key.

    Locks in the database already keep apart what must not run at once; but whoever waits for one holds a connection,
    and a busy source would use up those of everybody else. `most`: of one key, those admitted and those that wait;
    `most_of_all`: of all keys together. Of each key no more than `of_one` wait for a place overall, so that those of
    several keys take turns.
    """

    def __init__(self, at_once: int, of_one: int, most: int | None = None, most_of_all: int | None = None) -> None:
        self._all = Semaphore(at_once)
        self._of_one = of_one
        self._most, self._most_of_all = most, most_of_all
        self._each: WeakValueDictionary[str, Semaphore] = WeakValueDictionary()
        self.present: Counter[str] = Counter()

    def require_room(self, key: str) -> None:
        """Raise Refusal (429) where too many of `key`, or in all, are admitted or wait."""
        if self._most is not None and self.present[key] >= self._most:
            require_within(RETRY_AFTER_SECONDS)
        if self._most_of_all is not None and self.present.total() >= self._most_of_all:
            require_within(RETRY_AFTER_SECONDS)

    @asynccontextmanager
    async def of(self, key: str) -> AsyncIterator[None]:
        """Wait until `key` has a free place, and take it during the block. Raises Refusal (429) where too many wait."""
        async with self.turn_of(key), self.place():
            yield

    @asynccontextmanager
    async def turn_of(self, key: str) -> AsyncIterator[None]:
        """Wait for the turn among those of `key`, and have it during the block, in which a `place` is taken at times.

        Raises Refusal (429) where too many wait.
        """
        with self.line_of(key) as turn:
            async with turn:
                yield

    @contextmanager
    def line_of(self, key: str) -> Iterator[Semaphore]:
        """Stand in the line of `key` during the block, in which the turn that is given is waited for.

        Raises Refusal (429) where too many wait.
        """
        self.require_room(key)
        one = self._each.get(key)
        if one is None:
            one = self._each[key] = Semaphore(self._of_one)
        self.present[key] += 1
        try:
            yield one
        finally:
            self.present[key] -= 1
            if not self.present[key]:
                del self.present[key]

    def place(self) -> AbstractAsyncContextManager[None]:
        """Wait for one of the places of all keys, and take it during the block; only whoever has its turn may."""
        return self._all


class ByteQuota:
    """Counts the bytes that requests of this process hold together, in temporary files or in memory."""

    def __init__(self) -> None:
        self._taken = 0
        self._taken_of: Counter[str] = Counter()

    @contextmanager
    def share(self, limit: int, key: str = "", of_one: int | None = None) -> Iterator[Callable[[int], None]]:
        """A function that takes so many bytes more until the end of the block.

        It raises Refusal (429) where all requests together would have more than `limit`, or those of `key` more than
        `of_one`.
        """
        own = 0

        def take(count: int) -> None:
            nonlocal own
            if self._taken + count > limit or (of_one is not None and self._taken_of[key] + count > of_one):
                require_within(RETRY_AFTER_SECONDS)
            self._taken += count
            self._taken_of[key] += count
            own += count

        try:
            yield take
        finally:
            self._taken -= own
            self._taken_of[key] -= own
            if not self._taken_of[key]:
                del self._taken_of[key]
