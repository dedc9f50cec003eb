"""Work that first matches would wait for, done in idle time: after a start or another index, and before midnight."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import date

from api.runtime.index.database_watch import logged_failures
from api.runtime.index.live_index import LiveDirectory
from api.runtime.metrics import Metrics
from api.runtime.services import Services
from matching.index import LiveIndex
from matching.reference import Reference, asked_lately, measuring, preparation
from matching.selection import SelectionKey

LOOK_AGAIN_SECONDS = 1.0
REST = 1.0
"""A step rests for so many times as long as it took."""
QUIET_SECONDS = 0.1
"""A step is taken once no request was answered and nothing changed for so long: whoever asks now asks again soon."""
LONGEST_WAIT_SECONDS = 1.0
"""A step waits no longer for that, so that a server that is never quiet is prepared too, slowly."""
FAILED = "the work that first matches wait for cannot be done beforehand"


class Preparation:
    """Prepares the latest index of a directory for matches of today and tomorrow."""

    def __init__(
        self, directory: LiveDirectory, reference: Reference, today: Callable[[], date], metrics: Metrics
    ) -> None:
        self._directory, self._reference, self._today, self._metrics = directory, reference, today, metrics
        self._latest: LiveIndex | None = None
        self._asked: list[SelectionKey] = []
        self._prepared_for: date | None = None

    async def run(self) -> None:
        """Prepare, and again after each change that calls for it, for ever."""
        while True:
            if self._directory.is_ready:
                with logged_failures(FAILED):
                    await self.once()
            await asyncio.sleep(LOOK_AGAIN_SECONDS)

    async def once(self) -> None:
        """Make what is lacking now; where another index comes meanwhile, the rest is left to the next time."""
        live, today = self._directory.index, self._today()
        if self._latest is None or self._latest.base is not live.base:
            self._asked = (asked_lately(self._latest) if self._latest else []) or self._asked
            self._latest, self._prepared_for = live, None
        if self._prepared_for == today:
            await self._in_idle_time(measuring(live), live)
            return
        if await self._in_idle_time(preparation(live, self._reference, today, self._asked), live):
            self._prepared_for, self._asked = today, []

    async def _in_idle_time(self, steps: Iterator[None], live: LiveIndex) -> bool:
        """Take the steps one by one in a thread; whether all were, before another index came."""
        while self._directory.index.base is live.base:
            await self._wait_for_quiet()
            began = time.perf_counter()
            if await asyncio.to_thread(self._is_over, steps):
                return True
            await asyncio.sleep(REST * (time.perf_counter() - began))
        return False

    async def _wait_for_quiet(self) -> None:
        limit = time.monotonic() + LONGEST_WAIT_SECONDS
        while self._is_busy() and time.monotonic() < limit:  # noqa: ASYNC110 - nothing tells when it has been quiet
            await asyncio.sleep(QUIET_SECONDS / 2)

    def _is_busy(self) -> bool:
        latest = max(self._metrics.latest_request, self._directory.replaced_at)
        return self._directory.is_changing or time.monotonic() - latest < QUIET_SECONDS

    def _is_over(self, steps: Iterator[None]) -> bool:
        """Take a step, and count its time; whether there was none left."""
        began = time.thread_time()
        try:
            return next(steps, True) is True
        finally:
            self._metrics.prepared(time.thread_time() - began)


@asynccontextmanager
async def prepared(services: Services) -> AsyncIterator[None]:
    """The part that prepares first matches; needs the part that keeps the directory."""
    ours = Preparation(services.directory, services.reference, services.today, services.metrics)
    preparing = asyncio.create_task(ours.run())
    try:
        yield
    finally:
        preparing.cancel()
        await asyncio.gather(preparing, return_exceptions=True)
