"""The index that needs are matched against: loaded from the database once, then updated with every change.

A notification is only a hint: each round reads the changes after the version in memory.
"""

import asyncio
from contextlib import aclosing, suppress
from uuid import UUID

import structlog

from api.runtime.log_failures import logged_failures
from api.runtime.metrics import Metrics
from api.web.problems import Refusal
from db.core.engine import Engine
from db.suppliers.read import snapshot
from db.suppliers.version_feed import listen
from domain.suppliers.supplier import Supplier
from matching.index import Index, LiveIndex
from matching.reference import Reference

SMALL_TAIL = 2_000
TAIL_SHARE = 0.02
"""A tail longer than both is merged into a new base, since it is in no spatial order and is looked at as a whole."""

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class LiveDirectory:
    """The directory of suppliers in memory."""

    def __init__(self, url: str, engine: Engine, reference: Reference, metrics: Metrics) -> None:
        self.url, self.engine, self.reference, self.metrics = url, engine, reference, metrics
        self._index: LiveIndex | None = None
        self._replaced = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self.rebuilding: asyncio.Task[None] | None = None

    @property
    def is_ready(self) -> bool:
        return self._index is not None

    @property
    def index(self) -> LiveIndex:
        """The latest index. Raises Refusal (503) until the first one is loaded."""
        if self._index is None:
            raise Refusal("not-ready", headers={"Retry-After": "2"})
        return self._index

    async def wait_beyond(self, version: int, seconds: float) -> None:
        """Wait until the index is newer than `version`, at most so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._index is None or self._index.data_version <= version:
                    await self._replaced.wait()

    async def follow(self) -> None:
        """Load the index, then update it at every change, for ever."""
        async with aclosing(listen(self.url)) as versions:
            async for version in versions:
                if self._index is not None and self._index.data_version == version:
                    continue
                with logged_failures("the index cannot follow the directory and stays as it is"):
                    await self.catch_up()

    async def catch_up(self) -> None:
        """Bring the index to the present version of the directory; a long tail is then merged in the background."""
        async with self._one_at_a_time:
            if self._index is None:
                self.replace(await load_index(self.engine, self.reference))
                return
            index = await self._with_changes(self._index)
            self.replace(index)
        large = index.tail.rows > max(SMALL_TAIL, TAIL_SHARE * len(index))
        if large and (self.rebuilding is None or self.rebuilding.done()):
            self.rebuilding = asyncio.create_task(self._rebuild(index))

    async def _rebuild(self, index: LiveIndex) -> None:
        """Merge the tail of `index` into a new base.

        Meanwhile the old index is updated; the changes since are read again for the new one. Where it fails, the next
        change attempts it again.
        """
        with logged_failures("the index cannot follow the directory and stays as it is"):
            rebased = await asyncio.to_thread(index.rebased)
            async with self._one_at_a_time:
                self.replace(await self._with_changes(rebased))

    async def _with_changes(self, index: LiveIndex) -> LiveIndex:
        changed: list[Supplier] = []
        removed: list[UUID] = []
        async with snapshot(self.engine) as directory:
            if directory.version < index.data_version:  # a backup was restored
                return await load_index(self.engine, self.reference)
            async for batch in directory.changes(index.data_version):
                for change in batch:
                    if change.supplier is not None and change.supplier.active:
                        changed.append(change.supplier)
                    else:
                        removed.append(change.id)
            version = directory.version
        return await asyncio.to_thread(index.after, changed, removed, version)

    def replace(self, index: LiveIndex) -> None:
        """Match against this index from now on."""
        self._index = index
        self._replaced.set()
        self._replaced = asyncio.Event()
        self.metrics.data_version(index.data_version)


async def load_index(engine: Engine, reference: Reference) -> LiveIndex:
    """An index of the present directory."""
    suppliers: list[Supplier] = []
    async with snapshot(engine) as directory:
        async for batch in directory.suppliers():
            suppliers.extend(batch)
        version = directory.version
    base = await asyncio.to_thread(Index, suppliers, reference.taxonomy, reference.cpv, reference.geography)
    if base.unknown_codes:
        log.warning("service areas hold codes that are no longer known", codes=sorted(base.unknown_codes)[:20])
    return LiveIndex(base, version)
