"""Processes that match dear needs against the index of this one, and can be ended in the midst of it.

Each maps the same file as this process, is told of the changes since, and caches what it found, as this one does. It is
started when it is first needed.
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Generic, TypeVar
from uuid import UUID
from weakref import WeakKeyDictionary

from api.runtime.processes.forked_processes import ForkedProcess, ForkedProcesses
from domain.needs.need import Need
from domain.text.bilingual import Language
from matching.index.live_index import Index, LiveIndex
from matching.index.supplier_columns import IndexedSupplier
from matching.index.tables import load_tables
from matching.reference import Reference

NICENESS = 5
"""Requests in the event loop come first where there are too few cores."""
IDLE_SECONDS = 600.0
"""A process without work ends after so long, with what it has cached."""

T = TypeVar("T")


@dataclass(frozen=True)
class MatchTask(Generic[T]):
    """A function of a module that matches a need: `work(need, live, reference, on, language, **others)`.

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
    """A task that is not a match: calls `work(reference, *arguments)` in a match process."""

    work: Callable[..., T]
    arguments: tuple[Any, ...]

    def run(self, reference: Reference) -> T:
        """The result of the function; raises what it raises."""
        return self.work(reference, *self.arguments)


class MatchProcesses:
    """Match processes: one for each task under way, and idle ones that wait for the next task."""

    def __init__(self, processes: ForkedProcesses) -> None:
        self._processes = processes
        self._idle: dict[ForkedProcess[TaskServer], asyncio.TimerHandle] = {}
        self._known: WeakKeyDictionary[ForkedProcess[TaskServer], LiveIndex] = WeakKeyDictionary()
        self.running: set[ForkedProcess[TaskServer]] = set()

    async def run(self, task: MatchTask[T] | FunctionTask[T]) -> T:
        """The result of a task; where the wait for it is cancelled, its process ends.

        Raises what the task raises, NoProcess, and ProcessEnded.
        """
        process = self._take_idle() or await self._processes.start_one(TaskServer)
        self.running.add(process)
        try:
            if isinstance(task, FunctionTask):
                return await process.call(TaskServer.call, task.work, task.arguments)
            if self._known.get(process) is not task.live:
                await self._update(process, task.live)
            return await process.call(TaskServer.match, task.work, task.need, task.on, task.language, task.others)
        finally:
            self.running.discard(process)
            if process.is_there:
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
            if process.is_there:
                return process
            process.end()
        return None

    def _end_idle(self, process: "ForkedProcess[TaskServer]") -> None:
        del self._idle[process]
        process.end()

    async def _update(self, process: "ForkedProcess[TaskServer]", live: LiveIndex) -> None:
        """Have a process match against this index."""
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
    """The state of a match process: it follows the index of the server there, and runs tasks against it."""

    def __init__(self, reference: Reference) -> None:
        os.nice(NICENESS)
        self._reference = reference
        self._live: LiveIndex | None = None

    def map_folder(self, folder: Path) -> bool:
        """Take the index in a folder, without changes since; False where it cannot be read."""
        ours = self._reference
        try:
            base = Index(load_tables(folder), ours.taxonomy, ours.cpv, ours.geography, folder)
        except (OSError, EOFError, KeyError, ValueError):
            return False
        self._live = LiveIndex(base, data_version=-1)
        return True

    def build(self, suppliers: list[IndexedSupplier], version: int, uid: UUID | None) -> None:
        """Make an index of these suppliers."""
        ours = self._reference
        self._live = LiveIndex(Index.build(suppliers, ours.taxonomy, ours.cpv, ours.geography), version, uid)

    def follow(self, written: list[IndexedSupplier], removed: list[UUID], version: int, uid: UUID | None) -> None:
        """Bring the index to a later version."""
        self._live = self._index.with_changes(written, removed, version, uid)

    def match(self, work: Callable[..., T], need: Need, on: date, language: Language, others: Mapping[str, Any]) -> T:
        """Run a task against the index."""
        return MatchTask(work, need, self._index, on, language, others).run(self._reference)

    def call(self, work: Callable[..., T], arguments: tuple[Any, ...]) -> T:
        """Call a function that needs no index."""
        return work(self._reference, *arguments)

    @property
    def _index(self) -> LiveIndex:
        if self._live is None:
            raise RuntimeError("nothing is matched before there is an index")
        return self._live
