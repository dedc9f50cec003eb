"""Limits on what this process does at once: requests under way, queued work, bytes of bodies, long polls, reads.

Each key, or each organisation, has so many slots. Those who must wait do so without a database connection, and before
anything of theirs is read. Requests that wait for something to happen are few for each key, and none once the server is
to stop. Reads that many requests want at once are made once for all of them. The
bytes that organisations store are known from memory between two readings of the database.
"""

import asyncio
import time
from asyncio import Semaphore
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID
from weakref import WeakValueDictionary

from api.web.problems import RETRY_AFTER_IN_TURN, RETRY_AFTER_USUAL, require_no_wait


class KeySlots:
    """Counts the requests under way of each key, or organisation, and refuses one more than `most`."""

    def __init__(self, most: int) -> None:
        self._most = most
        # by number: a UUID computes its hash in Python, and each request asks
        self._taken: dict[int, int] = {}

    @contextmanager
    def slot(self, key: UUID) -> Iterator[None]:
        """Take a slot of a key during the block. Raises Refusal (429) where the key has none free."""
        taken = self._taken.get(key.int, 0)
        if taken >= self._most:
            require_no_wait(RETRY_AFTER_USUAL)
        self._taken[key.int] = taken + 1
        try:
            yield
        finally:
            remaining = self._taken.pop(key.int) - 1
            if remaining:
                self._taken[key.int] = remaining


class ConcurrencyLimit:
    """Admits `at_once` requests at a time overall, and `of_one` at a time for each source or other key.

    Locks in the database already keep apart what must not run at once; but whoever waits for one holds a connection,
    and a busy source would use up those of everybody else. `most`: of one key, those admitted and those that wait;
    `most_of_all`: of all keys together. Of each key no more than `of_one` wait for a slot overall, so that those of
    several keys take turns.
    """

    def __init__(self, at_once: int, of_one: int, most: int | None = None, most_of_all: int | None = None) -> None:
        self._all = Semaphore(at_once)
        self._of_one = of_one
        self._most, self._most_of_all = most, most_of_all
        self._each: WeakValueDictionary[str, Semaphore] = WeakValueDictionary()
        self.present: Counter[str] = Counter()

    @asynccontextmanager
    async def slot_of(self, key: str) -> AsyncIterator[None]:
        """Wait until `key` has a free slot, and take it during the block. Raises Refusal (429) where too many wait."""
        async with self.turn_of(key), self.slot():
            yield

    @asynccontextmanager
    async def turn_of(self, key: str) -> AsyncIterator[None]:
        """Wait until fewer than `of_one` requests of `key` have a turn, and take a turn during the block.

        A `slot` is to be taken within the block. Raises Refusal (429) where too many wait.
        """
        with self.queue_of(key) as turn:
            async with turn:
                yield

    @contextmanager
    def queue_of(self, key: str) -> Iterator[Semaphore]:
        """Count a request as present for `key` during the block; yields the key's semaphore, to be acquired for a turn.

        Raises Refusal (429) where too many wait.
        """
        is_full = self._most is not None and self.present[key] >= self._most
        if is_full or (self._most_of_all is not None and self.present.total() >= self._most_of_all):
            require_no_wait(RETRY_AFTER_IN_TURN)
        turns = self._each.get(key)
        if turns is None:
            turns = self._each[key] = Semaphore(self._of_one)
        self.present[key] += 1
        try:
            yield turns
        finally:
            self.present[key] -= 1
            if not self.present[key]:
                del self.present[key]

    def slot(self) -> AbstractAsyncContextManager[None]:
        """Wait for one of the `at_once` slots, and take it during the block; to be called within a turn of a key."""
        return self._all


class ByteQuota:
    """Counts and limits the bytes that all requests of this process store in temporary files or in memory."""

    def __init__(self) -> None:
        self._taken = 0
        self._taken_of: Counter[str] = Counter()

    @contextmanager
    def share(self, limit: int, key: str = "", of_one: int | None = None) -> Iterator[Callable[[int], None]]:
        """Yields a function that reserves so many more bytes, until the end of the block.

        The function raises Refusal (429) where all requests together would have more than `limit`, or those of `key`
        more than `of_one`.
        """
        own = 0

        def reserve_bytes(count: int) -> None:
            nonlocal own
            if self._taken + count > limit or (of_one is not None and self._taken_of[key] + count > of_one):
                require_no_wait(RETRY_AFTER_IN_TURN)
            self._taken += count
            self._taken_of[key] += count
            own += count

        try:
            yield reserve_bytes
        finally:
            self._taken -= own
            self._taken_of[key] -= own
            if not self._taken_of[key]:
                del self._taken_of[key]


READ_EVERY_SECONDS = 60.0
MOST_UNREAD = 64 << 20
ORGANISATIONS_REMEMBERED = 10_000


@dataclass(slots=True)
class _CachedByteCount:
    read: int
    added: int
    until: float


class StorageUse:
    """The bytes that each organisation stores in the database, cached.

    Read again after a minute, or once this process added 64 MiB of an organisation's. What other processes
    add shows at the next reading.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._uses: OrderedDict[UUID, _CachedByteCount] = OrderedDict()

    async def bytes_of(self, organisation_id: UUID, read: Callable[[], Awaitable[int]]) -> int:
        """The bytes that the organisation stores; `read` sums them in the database."""
        use = self._uses.get(organisation_id)
        if use is None or self._monotonic() >= use.until or use.added > MOST_UNREAD:
            use = self._uses[organisation_id] = _CachedByteCount(
                await read(), 0, self._monotonic() + READ_EVERY_SECONDS
            )
            self._uses.move_to_end(organisation_id)
            if len(self._uses) > ORGANISATIONS_REMEMBERED:
                self._uses.popitem(last=False)
        return use.read + use.added

    def add(self, organisation_id: UUID, count: int) -> None:
        """Note that the organisation stores `count` bytes more."""
        if use := self._uses.get(organisation_id):
            use.added += count


MOST_OF_ONE_KEY = 20


class LongPolls(KeySlots):
    """The requests of this process that wait for an event, at most `most` of one key."""

    def __init__(self, most: int = MOST_OF_ONE_KEY) -> None:
        super().__init__(most)
        self.waits: set[asyncio.Timeout] = set()
        self._ended = False

    async def wait(self, happened: Awaitable[object]) -> None:
        """Wait until the awaitable `happened` ends, or the server shuts down."""
        with suppress(TimeoutError):
            async with asyncio.timeout(0 if self._ended else None) as wait:
                self.waits.add(wait)
                try:
                    await happened
                finally:
                    self.waits.discard(wait)

    def end(self) -> None:
        """End all waits, and later ones at once, because the server shuts down."""
        self._ended = True
        for wait in self.waits:
            wait.reschedule(0)


T = TypeVar("T")
READS_AT_ONCE = 2


class SharedReads:
    """Shares one database read among all requests for the same data; few reads run, and take a connection, at once.

    A request joins a read that has not begun yet, never one that has: it sees all that was stored before it came.
    """

    def __init__(self, at_once: int = READS_AT_ONCE) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._to_come: dict[Hashable, asyncio.Task[Any]] = {}
        self._all: set[asyncio.Task[Any]] = set()

    async def read(self, key: Hashable, read: Callable[[], Awaitable[T]]) -> T:
        """The result of `read`, shared with other requests for the same `key`; raises what `read` raised."""
        task: asyncio.Task[T] | None = self._to_come.get(key)
        if task is None:
            task = self._to_come[key] = asyncio.create_task(self._read_in_turn(key, read))
            self._all.add(task)
            task.add_done_callback(self._all.discard)
            task.add_done_callback(lambda done: done.cancelled() or done.exception())  # seen, though nobody may wait
        # others may want what a request that is cancelled asked for
        return await asyncio.shield(task)

    async def _read_in_turn(self, key: Hashable, read: Callable[[], Awaitable[T]]) -> T:
        try:
            await self._turns.acquire()
        finally:
            del self._to_come[key]
        try:
            return await read()
        finally:
            self._turns.release()
