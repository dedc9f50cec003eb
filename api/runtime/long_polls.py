"""Requests that wait for something to happen: few for each key, and none once the server is to stop."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

from api.runtime.rate_limits import require_within

MOST_OF_ONE_KEY = 20
RETRY_AFTER_SECONDS = 5.0


class LongPolls:
    """The requests of this process that wait, counted by key; `most`: those of one key."""

    def __init__(self, most: int = MOST_OF_ONE_KEY) -> None:
        self._most = most
        self._places: Counter[UUID] = Counter()
        self.waits: set[asyncio.Timeout] = set()
        self._ended = False

    @contextmanager
    def place(self, key: UUID) -> Iterator[None]:
        """Take one of the places of a key during the block. Raises Refusal (429) where it has no more."""
        require_within(0.0 if self._places[key] < self._most else RETRY_AFTER_SECONDS)
        self._places[key] += 1
        try:
            yield
        finally:
            self._places[key] -= 1
            if not self._places[key]:
                del self._places[key]

    async def wait(self, happened: Awaitable[object]) -> None:
        """Wait until `happened` ends, or until the server is to stop."""
        with suppress(TimeoutError):
            async with asyncio.timeout(0 if self._ended else None) as wait:
                self.waits.add(wait)
                try:
                    await happened
                finally:
                    self.waits.discard(wait)

    def end(self) -> None:
        """Let nobody wait any longer, because the server is to stop."""
        self._ended = True
        for wait in self.waits:
            wait.reschedule(0)
