"""The index that needs are matched against: mapped from a file, then updated with every change of the database.

One connection of the process hears what changed, and whether the database answers at all. A notification is only a
hint: each round reads the changes after the version in memory. Failures in background loops are logged, and the loop
goes on.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import structlog

from api.runtime.index.index_files import IndexFiles, WrittenIndex, build_index, index_in_memory
from api.runtime.index.organisation_notes import OrganisationNotes
from api.runtime.metrics import Metrics
from api.runtime.processes.forked_processes import ForkedProcesses
from api.web.problems import RETRY_AFTER_LOADING, Refusal
from db.core.connect import FormerPrimary, NoAnswer, is_unreachable, log_fields
from db.core.engine import Engine, end_connections
from db.core.listen_notify import rows_on_notify
from db.delivery.outbox import CHANNEL
from db.suppliers.feed import POLL_SECONDS, DirectoryVersion, changes_since, database_id, listen
from matching.index.live_index import LiveIndex

T = TypeVar("T")

SMALL_TAIL = 2_000
TAIL_SHARE = 0.02
"""A tail longer than both is merged into a new base, since it is in no spatial order and is looked at as a whole."""
LONGEST_TAIL = 4
"""Times as many changes are followed meanwhile, and not more: they would take longer than a new base."""
LONGEST_AGE_SECONDS = 24 * 3600.0
"""A base is replaced after a day in which anything changed: its file may hold what was erased since."""
MOST_BUILDS = 3
"""Times in a row that an index is built and yet cannot be used, before that is a failure."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 5.0, 60.0
"""The pause after an index could not be built, such as for want of room, twice as long each time, and the longest."""
STUCK_SECONDS = 10.0
"""An index that has not followed the directory for so long, though the database answers, is not ready."""
THREADS = 2
"""One follows the changes while another may build."""
CLAIM_SECONDS = 0.1
"""The pause before it is seen again whether another process has built what this one needs."""

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


@contextmanager
def log_failures(message: str) -> Iterator[None]:
    """Log an exception of the block and swallow it; without a traceback where the database is unreachable."""
    try:
        yield
    except Exception as failure:
        if is_unreachable(failure):
            log.warning(message, failure=type(failure).__name__)
        else:
            log.exception(message, **log_fields(failure))


@asynccontextmanager
async def running(work: Coroutine[Any, Any, object]) -> AsyncIterator[None]:
    """Do some work beside the block, and end it with the block."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class DatabaseWatch:
    """Listens for new versions of the directory and queued deliveries, and checks that the database answers.

    Where that is silent for `patience` seconds, all connections of the `engine` are cut: a server that hangs takes
    requests and never answers them, while those who wait can be told to come back. So they are where another host was
    promoted beside the one that answers. The same holds for a pooler at `pooler_url`, where the connections of the
    engine lead to one.
    """

    def __init__(self, url: str, engine: Engine, patience: float, pooler_url: str | None = None) -> None:
        self._url, self._engine, self._patience, self._pooler_url = url, engine, patience, pooler_url
        self._heard = asyncio.Event()
        self._away = {url, *([pooler_url] if pooler_url else [])}
        self.version: DirectoryVersion | None = None

    @property
    def is_answering(self) -> bool:
        """Whether the database answered when it was last asked, within a second or so."""
        return not self._away

    async def run(self) -> None:
        """Listen to the database, and ask the pooler whether it answers, for ever."""

        async def listen_to_database() -> None:
            lost = partial(self._note_loss, self._url)
            async with aclosing(listen(self._url, also=(CHANNEL,), lost=lost, patience=self._patience)) as versions:
                async for version in versions:
                    self._away.discard(self._url)
                    self.version = version
                    heard, self._heard = self._heard, asyncio.Event()
                    heard.set()

        async def ask_pooler(url: str) -> None:
            patience = {"poll_seconds": POLL_SECONDS, "patience": self._patience}
            rows = rows_on_notify(url, (), "SELECT true", lost=partial(self._note_loss, url), **patience)
            async with aclosing(rows):
                async for _ in rows:
                    self._away.discard(url)

        async with asyncio.TaskGroup() as both:
            both.create_task(listen_to_database())
            if self._pooler_url is not None:
                both.create_task(ask_pooler(self._pooler_url))

    async def versions(self) -> AsyncGenerator[DirectoryVersion, None]:
        """Yields the latest version of the directory: at once, then after each answer of the database, for ever."""
        while True:
            heard = self._heard
            if self.version is not None:
                yield self.version
            await heard.wait()

    def _note_loss(self, url: str, failure: Exception) -> None:
        """Note that a database does not answer; cut the connections to one that is silent or was replaced."""
        self._away.add(url)
        if isinstance(failure, NoAnswer):
            log.warning("the database is silent: its connections are cut", seconds=self._patience)
            end_connections(self._engine)
        elif isinstance(failure, FormerPrimary):
            log.warning("another host of the database was promoted: the connections to this one are cut")
            end_connections(self._engine)


class UnusableIndex(Exception):
    """Raised where indexes that were just built cannot be read, or the changes since are too many to follow."""


class IndexLoader:
    """Loads indexes of the directory at `url` from files, and has the files built where there are none.

    They are built in another process, without `processes` in a thread of this one; from the copy of the directory at
    `read_url`, where there is one that has come as far as is wanted. What changed since is always read from `url`.
    """

    def __init__(
        self,
        url: str,
        engine: Engine,
        files: IndexFiles,
        processes: ForkedProcesses | None = None,
        read_url: str | None = None,
    ) -> None:
        self.files = files
        self._url, self.engine, self._processes, self._read_url = url, engine, processes, read_url
        # of its own: the threads that all others share may all be taken for long
        self._threads = ThreadPoolExecutor(THREADS, "index")
        self._written: WrittenIndex | None = None

    async def load_first(self) -> LiveIndex:
        """The newest index; one built in memory where no file of it can be written, such as on a full disk."""
        try:
            return await self.load_newest()
        except OSError as failure:
            if is_unreachable(failure):
                raise
            log.exception(
                "the index cannot be written to its folder: it is kept in the memory of this process, which takes more",
                folder=str(self.files.folder),
            )
        index = await index_in_memory(self.files.reference, self._url)
        return await self.update(index) or index

    async def load_newest(self, beyond: int = -1) -> LiveIndex:
        """The present index, loaded or built: its tail short, its base later than the directory version `beyond`."""
        longest, refused, builds = 1, set[WrittenIndex](), 0
        database = await database_id(self.engine)  # each time: another may have taken its address
        while True:
            for written in self.files.newest_first(database):
                if written.version > beyond and written not in refused:
                    if (found := await self._map_and_follow(written, longest)) is not None:
                        return found
                    refused.add(written)
            with self.files.claim_build() as is_ours:
                if is_ours:
                    if builds == MOST_BUILDS:
                        raise UnusableIndex
                    builds += 1
                    await self._build(database, beyond if builds == 1 else None)
                    # of what changed while it was built; and where an earlier version was restored, there is no later
                    longest, beyond = LONGEST_TAIL, -1
                else:
                    await asyncio.sleep(CLAIM_SECONDS)

    async def update(self, index: LiveIndex) -> LiveIndex | None:
        """The index with all later changes; None if they are too many, or the directory never had its version."""
        most = int(LONGEST_TAIL * longest_tail(index)) - index.tail.rows
        found = await changes_since(self.engine, index.data_version, index.version_uid, max(most, 0))
        if found is None:
            return None
        return await self.run_in_thread(index.with_changes, *found)

    def needs_new_base(self, index: LiveIndex) -> bool:
        """Whether an index needs a new base: its tail is too long, or the file it was mapped from too old."""
        if index.tail.rows > longest_tail(index):
            return True
        written = self._written
        is_old = written is not None and written.age_seconds() > LONGEST_AGE_SECONDS
        return written is not None and is_old and index.data_version != written.version

    async def _map_and_follow(self, written: WrittenIndex, longest: int) -> LiveIndex | None:
        """Map an index and add all later changes; None where its tail would be over `longest` times the usual one."""
        try:
            base = await self.run_in_thread(self.files.load, written)
        except (OSError, EOFError, KeyError, ValueError) as failure:
            log.warning("an index in its folder cannot be read", path=str(written.path), failure=str(failure))
            return None
        if base.base.unknown_codes:
            codes = sorted(base.base.unknown_codes)[:20]
            log.warning("service areas hold codes that are no longer known", codes=codes)
        found = await self.update(base)
        if found is None or found.tail.rows > longest * longest_tail(found):
            return None
        self._written = written
        return found

    async def _build(self, database: str, beyond: int | None) -> None:
        """Build an index, from a standby if it is beyond version `beyond` (not None), else from the database itself."""
        reference, folder = self.files.reference, self.files.folder
        if self._read_url is not None and beyond is not None:
            with log_failures("the copy of the directory cannot be read: the index is built from the database"):
                await build_index(reference, self._read_url, folder, self._processes)
                if any(written.version > beyond for written in self.files.newest_first(database)):
                    return
        await build_index(reference, self._url, folder, self._processes)

    async def run_in_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        """The result of `work`, called with the arguments in a thread that is kept for indexes."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)


def longest_tail(index: LiveIndex) -> float:
    """The number of rows beyond which the tail is to be merged into a new base."""
    return max(SMALL_TAIL, TAIL_SHARE * len(index))


class LiveDirectory:
    """The index of all suppliers in memory, kept up to date with the database."""

    def __init__(self, loader: IndexLoader, metrics: Metrics) -> None:
        self.loader, self.metrics = loader, metrics
        self._index: LiveIndex | None = None
        self.noted = OrganisationNotes()
        self._current_at = time.monotonic()
        self._replaced = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self.rebuilding: asyncio.Task[None] | None = None
        self._pause, self._not_before = FIRST_PAUSE_SECONDS, 0.0
        self._stuck_at: float | None = None

    @property
    def is_ready(self) -> bool:
        return self._index is not None

    @property
    def index(self) -> LiveIndex:
        """The latest index. Raises Refusal (503) until the first one is loaded."""
        if self._index is None:
            raise Refusal("not-ready", headers={"Retry-After": str(RETRY_AFTER_LOADING)})
        return self._index

    def index_for(self, organisation_id: UUID) -> LiveIndex:
        """The latest index with what this organisation noted. Raises Refusal (503) until the first one is loaded."""
        return self.noted.views.get(organisation_id, self.index)

    async def wait_beyond(self, version: int, seconds: float) -> None:
        """Wait until the index has a later directory version than `version`, at most `seconds`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._index is None or self._index.data_version <= version:
                    await self._replaced.wait()

    def is_of(self, version: DirectoryVersion) -> bool:
        """Whether the index has exactly this version of the directory, by number and `uid`."""
        index = self._index
        return index is not None and (index.data_version, index.version_uid) == version[:2]

    async def follow(self, versions: AsyncGenerator[DirectoryVersion, None]) -> None:
        """Load the index, then update it whenever `versions` yields a newer version, for ever."""
        async with aclosing(versions):
            async for version in versions:
                with log_failures("the index cannot follow the directory and stays as it is"), self._note_failures():
                    if not self.is_of(version) or self.loader.needs_new_base(self.index):
                        await self.catch_up()
                    if self._index is not None and self.noted.version != version.notes:
                        async with self._one_at_a_time:
                            await self._match_against(self._index)
                if self.is_of(version):
                    self._current_at = time.monotonic()
                    self._note_success()

    def lag_seconds(self) -> float:
        """Seconds since the index last had the directory's latest version; less than two in normal running."""
        return time.monotonic() - self._current_at

    def stuck_seconds(self) -> float:
        """Seconds for which updates of the index have failed though the database answers; 0 while they succeed."""
        return 0.0 if self._stuck_at is None else time.monotonic() - self._stuck_at

    @property
    def is_stuck(self) -> bool:
        """Whether updates of the index have failed for more than `STUCK_SECONDS`."""
        return self.stuck_seconds() > STUCK_SECONDS

    @contextmanager
    def _note_failures(self) -> Iterator[None]:
        """Note since when updates of the index fail, where the block raises and the database answers."""
        try:
            yield
        except Exception as failure:
            if self._stuck_at is None and not is_unreachable(failure):
                self._stuck_at = time.monotonic()
                self.metrics.index_follows.set(0)
            raise

    def _note_success(self) -> None:
        """Note that an update of the index succeeded."""
        if self._stuck_at is not None:
            log.warning("the index follows the directory again", seconds=round(self.stuck_seconds(), 1))
        self._stuck_at = None
        self.metrics.index_follows.set(1)

    async def catch_up(self) -> None:
        """Bring the index to the present version of the directory.

        After many changes a new base takes their place, or that of the tail, in the background.
        """
        async with self._one_at_a_time:
            if self._index is None:
                if time.monotonic() >= self._not_before:
                    with self._pause_after_failure():
                        await self._match_against(await self.loader.load_first())
                return
            index = await self.loader.update(self._index)
            if index is not None:
                await self._match_against(index)
                self._note_success()
                if not self.loader.needs_new_base(index):
                    return
        is_building = self.rebuilding is not None and not self.rebuilding.done()
        if time.monotonic() >= self._not_before and not is_building:
            self.rebuilding = asyncio.create_task(self._rebuild(None if index is None else index.data_version))

    async def _rebuild(self, version: int | None) -> None:
        """Replace the index by one with a new base, of the directory `version` or a later one (None: of any).

        Meanwhile the old index is updated. A failed replacement is attempted again after a pause.
        """
        with (
            log_failures("no new base of the index can be built; the old one is used"),
            self._note_failures(),
            self._pause_after_failure(),
        ):
            found = await self.loader.load_newest(-1 if version is None else version - 1)
            async with self._one_at_a_time:
                followed = await self.loader.update(found)
                if followed is not None:
                    await self._match_against(followed)

    @contextmanager
    def _pause_after_failure(self) -> Iterator[None]:
        """Let no index be built for a while after the block failed: each attempt reads the whole directory."""
        try:
            yield
        except Exception as failure:
            if not is_unreachable(failure):  # a database that is away costs nothing to ask
                self._not_before = time.monotonic() + self._pause
                self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)
            raise
        self._pause, self._not_before = FIRST_PAUSE_SECONDS, 0.0

    async def _match_against(self, index: LiveIndex) -> None:
        """Match against this index from now on, and with what organisations noted of its suppliers."""
        loader = self.loader
        self.replace(index, await self.noted.over(index, loader.engine, loader.run_in_thread))

    def replace(self, index: LiveIndex, noted: OrganisationNotes | None = None) -> None:
        """Match against this index from now on; `noted`: and with what organisations noted over it."""
        self._index = index
        self.noted = noted or OrganisationNotes()
        self._replaced.set()
        self._replaced = asyncio.Event()
        self.metrics.data_version.set(index.data_version)
