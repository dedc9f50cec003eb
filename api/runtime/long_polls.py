"""Requests that wait for something to happen: few for each key, and none once the server is to stop."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress

from api.runtime.key_places import KeyPlaces

MOST_OF_ONE_KEY = 20
RETRY_AFTER_SECONDS = 5.0


class LongPolls(KeyPlaces):
    """The requests of this process that wait, counted by key; `most`: those of one key."""

    def __init__(self, most: int = MOST_OF_ONE_KEY) -> None:
        super().__init__(most, RETRY_AFTER_SECONDS)
        self.waits: set[asyncio.Timeout] = set()
        self._ended = False

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
