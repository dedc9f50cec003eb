"""Work on needs, by its estimated cost: small at once in the event loop, more in a thread, much in a process.

Whoever asks waits in a line of its own, and the lines take turns. What lasts too long is given up, and so is work for a
client that has hung up. A match process can be ended in the midst of its work. It maps the same file as this process,
is told of the changes since, and caches what it found, as this one does; it is started when it is first needed.

Answers on the supply of territories, which anybody may ask for, are made one at a time, in a thread, and cached.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Hashable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar
from uuid import UUID
from weakref import WeakKeyDictionary

from api.runtime.metrics import Metrics
from api.runtime.processes.forked_processes import ForkedProcess, ForkedProcesses, NoProcess, ProcessEnded
from api.runtime.rate_limits import SUPPLY_ANSWERS, Limits
from api.runtime.slots import ConcurrencyLimit
from api.settings import MIB, Settings
from api.web.problems import RETRY_AFTER_IN_TURN, Refusal
from domain.computations import cancellable
from domain.errors import InvalidContent, Problem
from domain.needs.need import Need
from domain.suppliers.note import NotedSupplier
from domain.text.bilingual import Language, Text, said_by
from matching.index.live_index import Index, LiveIndex
from matching.index.supplier_columns import IndexedSupplier
from matching.index.tables import load_tables
from matching.inspection.match_cost import AT_ONCE_MS, estimated_bytes, estimated_ms
from matching.reference import Reference
from matching.weighted_cache import WeightBoundCache

_SAID = said_by(__name__)

T = TypeVar("T")

IN_A_THREAD_MS = 250.0
"""What takes more is done in another process: beside a thread, requests in the event loop wait for the interpreter."""
THREADS = 2
MOST_OF_ONE, MOST_OF_ALL = 16, 200
"""Tasks of an organisation, and of all, that are carried out or wait: each holds a need, and may hold a connection."""
MOST_SECONDS = 30
"""The time that much may take, its wait included: half of what most proxies wait, ten times that of a large need."""
ANSWER_LIMIT = 32 * MIB
"""The largest answer: 200 lots of two segments still pass, with 100 candidates and 50 near misses each."""


@dataclass(frozen=True)
class MatchTask(Generic[T]):
    """A call of a module's function that matches a need: `work(need, live, reference, on, language, **others)`.

    `besides_ms`: about the milliseconds that it takes besides those of a match.
    """

    work: Callable[..., T]
    need: Need
    live: LiveIndex
    on: date
    language: Language
    others: Mapping[str, Any] = field(default_factory=dict)
    besides_ms: float = 0.0

    def run(self, reference: Reference) -> T:
        """The result of the function; raises what it raises."""
        return self.work(self.need, self.live, reference, self.on, self.language, **self.others)


@dataclass(frozen=True)
class FunctionTask(Generic[T]):
    """A task that is not a match: calls `work(reference, *arguments)`. `is_much`: run it in a match process."""

    work: Callable[..., T]
    arguments: tuple[Any, ...]
    is_much: bool

    def run(self, reference: Reference) -> T:
        """The result of the function; raises what it raises."""
        return self.work(reference, *self.arguments)


class MatchWork:
    """Carries out tasks on needs for one server process. `processes`: None where there are no match processes."""

    def __init__(self, reference: Reference, settings: Settings, metrics: Metrics) -> None:
        self._reference, self._metrics = reference, metrics
        count = settings.match_processes
        self.much = ConcurrencyLimit(count, max(1, count - 1), MOST_OF_ONE, MOST_OF_ALL)
        self.some = ConcurrencyLimit(THREADS, THREADS, MOST_OF_ONE * THREADS, MOST_OF_ALL)
        self._threads = ThreadPoolExecutor(THREADS + count, "match")
        self.processes: MatchProcesses | None = None

    def is_small(self, need: Need, live: LiveIndex) -> bool:
        """Whether a match is small enough to be done at once in the event loop."""
        return estimated_ms(need, live, self._reference, AT_ONCE_MS) <= AT_ONCE_MS

    def is_quick(self, need: Need, live: LiveIndex) -> bool:
        """Whether a match is quick enough to be done in a thread for a page that is about something else."""
        return estimated_ms(need, live, self._reference, IN_A_THREAD_MS) <= IN_A_THREAD_MS

    async def run(
        self, task: MatchTask[T] | FunctionTask[T], key: str, wait_for_disconnect: Callable[[], Awaitable[None]]
    ) -> T:
        """The result of a task, run outside the event loop. `key`: the queue it waits in, such as an organisation's id.

        Raises what the task raises, InvalidContent where the answer to a need would be too large, and Refusal: 429
        where too many wait, 503 where it takes too long, 400 (to nobody) where the client hangs up.
        """
        if isinstance(task, FunctionTask):
            is_much = task.is_much
        else:
            require_short_answer(task.need, estimated_bytes(task.need, task.live))
            room_ms = IN_A_THREAD_MS - task.besides_ms
            is_much = room_ms < 0 or estimated_ms(task.need, task.live, self._reference, room_ms) > room_ms
        working = asyncio.ensure_future(self._run_in_turn(task, key, is_much=is_much))
        leaving = asyncio.ensure_future(wait_for_disconnect())
        try:
            await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                raise Refusal("bad-request", Text("Le client a raccroché", "The client hung up"))
            result = await working
        finally:
            for each in (working, leaving):
                each.cancel()
            await asyncio.gather(working, leaving, return_exceptions=True)
        if isinstance(task, MatchTask) and isinstance(result, bytes):
            require_short_answer(task.need, len(result))
        return result

    async def _run_in_turn(self, task: MatchTask[T] | FunctionTask[T], key: str, *, is_much: bool) -> T:
        """The result of a task, once it has a slot: run in a thread or, where `is_much`, a process if one can be had.

        Raises Refusal (503) where much takes more than MOST_SECONDS, and where its process ended.
        """
        if not is_much:
            async with self.some.slot_of(key):
                return await run_in_thread(self._threads, partial(task.run, self._reference))
        with self._metrics.large_matches.track_inprogress():
            try:
                async with asyncio.timeout(MOST_SECONDS), self.much.slot_of(key):
                    if self.processes is not None:
                        with suppress(NoProcess):
                            return await self.processes.run(task)
                    return await run_in_thread(self._threads, partial(task.run, self._reference))
            except (TimeoutError, ProcessEnded):
                headers = {"retry-after": str(RETRY_AFTER_IN_TURN)}
                raise Refusal("match-not-finished", headers=headers) from None

    def end(self) -> None:
        """End the threads and the match processes; tasks under way are given up."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self.processes is not None:
            self.processes.end()


def require_short_answer(need: Need, size: int) -> None:
    """Raises InvalidContent where an answer to a need, of `size` bytes, is larger than ANSWER_LIMIT."""
    if size <= ANSWER_LIMIT:
        return
    expected, most = round(size / MIB), ANSWER_LIMIT // MIB
    at_once = max(1, ANSWER_LIMIT * len(need.lots) // size)
    detail = _SAID["long_answer"].filled(expected=expected, most=most, at_once=at_once)
    raise InvalidContent((Problem("/lots", "answer_too_large", detail),))


async def run_in_thread(threads: Executor | None, work: Callable[[], T]) -> T:
    """The result of `work`, run in a thread of `threads` (None: default ones); given up if the wait is cancelled."""
    carried_out, give_up = cancellable(work)
    try:
        return await asyncio.get_running_loop().run_in_executor(threads, carried_out)
    finally:
        give_up()


NICENESS = 5
"""Requests in the event loop come first where there are too few cores."""
IDLE_SECONDS = 600.0
"""A process without work ends after so long, with what it has cached."""


class MatchProcesses:
    """Match processes: one for each task under way, and idle ones that wait for the next task."""

    def __init__(self, processes: ForkedProcesses) -> None:
        self._processes = processes
        self._idle: dict[ForkedProcess[TaskServer], asyncio.TimerHandle] = {}
        self._known: WeakKeyDictionary[ForkedProcess[TaskServer], LiveIndex] = WeakKeyDictionary()
        self.running: set[ForkedProcess[TaskServer]] = set()

    async def run(self, task: MatchTask[T] | FunctionTask[T]) -> T:
        """The result of a task, run in a match process, which ends where the wait is cancelled.

        Raises what the task raises, NoProcess, and ProcessEnded.
        """
        process = self._take_idle() or await self._processes.start_in_thread(TaskServer)
        self.running.add(process)
        try:
            if isinstance(task, FunctionTask):
                return await process.call(TaskServer.call, task.work, task.arguments)
            noted, live = task.live.noted, task.live.without_notes
            if self._known.get(process) is not live:
                await self._update(process, live)
            notes = None if noted is None else noted.notes
            return await process.call(
                TaskServer.match, task.work, task.need, task.on, task.language, task.others, notes
            )
        finally:
            self.running.discard(process)
            if process.is_running:
                loop = asyncio.get_running_loop()
                self._idle[process] = loop.call_later(IDLE_SECONDS, self._end_idle, process)
            else:
                process.end()

    def end(self) -> None:
        """End all match processes."""
        for each in (*self._idle, *self.running):
            each.end()
        self._idle.clear()

    def _take_idle(self) -> "ForkedProcess[TaskServer] | None":
        """A process that has no task and has not ended; None where there is none."""
        while self._idle:
            process, ending = self._idle.popitem()
            ending.cancel()
            if process.is_running:
                return process
            process.end()
        return None

    def _end_idle(self, process: "ForkedProcess[TaskServer]") -> None:
        del self._idle[process]
        process.end()

    async def _update(self, process: "ForkedProcess[TaskServer]", live: LiveIndex) -> None:
        """Bring the index in a match process to the state of `live`."""
        known = self._known.pop(process, None)
        if known is None or known.base is not live.base:
            known, folder = None, live.base.folder
            # another index may have taken the place of the one in the folder meanwhile
            if folder is None or not await process.call(TaskServer.map_folder, folder):
                suppliers = await asyncio.to_thread(list, live.suppliers())
                await process.call(TaskServer.build, suppliers, live.data_version, live.version_uid)
                known = live
        if known is not live:
            written, removed = await asyncio.to_thread(live.changes_since, known)
            await process.call(TaskServer.follow, written, removed, live.data_version, live.version_uid)
        self._known[process] = live


class TaskServer:
    """The state of a match process: its own index, kept up to date with the server's, on which tasks are run."""

    def __init__(self, reference: Reference) -> None:
        os.nice(NICENESS)
        self._reference = reference
        self._live: LiveIndex  # mapped, or built, before anything is matched

    def map_folder(self, folder: Path) -> bool:
        """Map the index in a folder and use it from now on; False where it cannot be read."""
        ours = self._reference
        try:
            base = Index(load_tables(folder), ours.taxonomy, ours.cpv, ours.geography, folder)
        except (OSError, EOFError, KeyError, ValueError):
            return False
        self._live = LiveIndex(base, data_version=-1)
        return True

    def build(self, suppliers: list[IndexedSupplier], version: int, uid: UUID | None) -> None:
        """Build an index of these suppliers and use it from now on."""
        ours = self._reference
        self._live = LiveIndex(Index.build(suppliers, ours.taxonomy, ours.cpv, ours.geography), version, uid)

    def follow(self, written: list[IndexedSupplier], removed: list[UUID], version: int, uid: UUID | None) -> None:
        """Bring the index to a later directory version, with the suppliers written and removed since."""
        self._live = self._live.with_changes(written, removed, version, uid)

    def match(
        self,
        work: Callable[..., T],
        need: Need,
        on: date,
        language: Language,
        others: Mapping[str, Any],
        notes: tuple[NotedSupplier, ...] | None = None,
    ) -> T:
        """The result of a `MatchTask` of these fields, run on the index; `notes`: those of who asked, if any."""
        live = self._live if notes is None else self._live.with_notes(notes)
        return work(need, live, self._reference, on, language, **others)

    def call(self, work: Callable[..., T], arguments: tuple[Any, ...]) -> T:
        """The result of a `FunctionTask`, which needs no index."""
        return work(self._reference, *arguments)


CACHED_BYTES, BYTES_PER_ANSWER = 32 << 20, 500
MOST_OF_ONE_ADDRESS, MOST_OF_ALL_ADDRESSES = 4, 40
"""Questions of one address, and of all, that are answered or wait: matches, which need a key, go before them."""


class SupplyAnswers:
    """Makes and caches the answers on supply (`GET /supply`) of one server process, one at a time."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._limit = ConcurrencyLimit(at_once=1, of_one=1, most=MOST_OF_ONE_ADDRESS, most_of_all=MOST_OF_ALL_ADDRESSES)
        self._answers: WeightBoundCache[Hashable, bytes] = WeightBoundCache(CACHED_BYTES)
        # of its own: of what is given up, no more than one goes on to its end
        self._thread = ThreadPoolExecutor(1, "supply")

    async def answer(self, question: Hashable, address: str, make: Callable[[], bytes]) -> bytes:
        """The cached answer to a question, else that of `make`. Raises Refusal (429) where `address` asks too much."""
        found = self._answers.find(question)
        if found is not None:
            return found
        self._limits.take(SUPPLY_ANSWERS, address)
        async with self._limit.slot_of(address):
            found = self._answers.find(question)
            if found is None:
                found = await run_in_thread(self._thread, make)
                self._answers.put(question, found, BYTES_PER_ANSWER + len(found))
        return found
