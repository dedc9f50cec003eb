"""The index that needs are matched against: loaded from the database at the start, then kept up with every change.

A notification is only a hint: each round asks the database what changed after the version in memory.
"""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing, contextmanager, suppress
from uuid import UUID

import structlog

from api.runtime.metrics import Metrics
from api.web.problems import Refusal
from db.core.engine import Engine
from db.core.outage import is_away
from db.suppliers.read import snapshot
from db.suppliers.version_feed import listen
from domain.suppliers.supplier import Supplier
from matching.index import Index, LiveIndex
from matching.reference import Reference

SMALL_OVERLAY = 1_000
OVERLAY_SHARE = 0.02
"""An overlay larger than both is worked into a new base: matching it twice would cost more than the rebuilding."""

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class LiveDirectory:
    """Follows the directory of suppliers in memory."""

    def __init__(self, url: str, engine: Engine, reference: Reference, metrics: Metrics) -> None:
        self.url, self.engine, self.reference, self.metrics = url, engine, reference, metrics
        self._index: LiveIndex | None = None
        self._swapped = asyncio.Event()
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

    async def beyond(self, version: int, seconds: float) -> None:
        """Wait until the index is newer than `version`, at most so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._index is None or self._index.data_version <= version:
                    await self._swapped.wait()

    async def follow(self) -> None:
        """Load, then catch up at every change, for ever. While the database is away the index stays as it is."""
        async with aclosing(listen(self.url)) as versions:
            async for version in versions:
                if self._index is not None and self._index.data_version == version:
                    continue
                with _survived():
                    await self.catch_up()

    async def catch_up(self) -> None:
        """Bring the index to the present version of the directory; a large overlay is then worked in by itself."""
        async with self._one_at_a_time:
            if self._index is None:
                self.hold(await load_index(self.engine, self.reference))
                return
            index = await self._with_changes(self._index)
            self.hold(index)
        large = index.overlay and len(index.overlay.suppliers) > max(SMALL_OVERLAY, OVERLAY_SHARE * len(index))
        if large and (self.rebuilding is None or self.rebuilding.done()):
            self.rebuilding = asyncio.create_task(self._rebuild(index))

    async def _rebuild(self, index: LiveIndex) -> None:
        """Hold the suppliers of `index` in a single base.

        While that is made, changes go on being followed on the old one; they are asked for once more afterwards. Where
        it fails, the next change attempts it again.
        """
        with _survived():
            rebased = await asyncio.to_thread(index.rebased)
            async with self._one_at_a_time:
                self.hold(await self._with_changes(rebased))

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

    def hold(self, index: LiveIndex) -> None:
        """Match against this index from now on."""
        self._index = index
        self._swapped.set()
        self._swapped = asyncio.Event()
        self.metrics.data_version(index.data_version)


@contextmanager
def _survived() -> Iterator[None]:
    """Say why the directory cannot be followed now, and go on with the index as it is."""
    try:
        yield
    except Exception as failure:
        if is_away(failure):
            log.warning("the directory is out of reach", failure=type(failure).__name__)
        else:
            log.exception("the directory could not be followed; the index stays as it is")


async def load_index(engine: Engine, reference: Reference) -> LiveIndex:
    """The index of the directory as it stands."""
    suppliers: list[Supplier] = []
    async with snapshot(engine) as directory:
        async for batch in directory.suppliers():
            suppliers.extend(batch)
        version = directory.version
    base = await asyncio.to_thread(Index, suppliers, reference.taxonomy, reference.cpv, reference.geography)
    if base.unread:
        log.warning("service areas hold codes that are no longer known", codes=sorted(base.unread)[:20])
    return LiveIndex(base, version)
