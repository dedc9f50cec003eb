"""Processes that match dear needs against the index of this one, and can be ended in the midst of it.

Each maps the same file as this process, is told of the changes since, and caches what it found, as this one does. It is
started when it is first needed, by the one that starts all others: a fork of a server that has threads might find their
locks held for ever.
"""

import asyncio
import os
import pickle
import queue
import signal
import socket
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO, Generic, NamedTuple, TypeVar
from uuid import UUID

from api.runtime.processes.forked_processes import Channel, ForkedProcesses, ProcessEnded
from domain.needs.need import Need
from domain.text.bilingual import Language
from matching.index.indexed_supplier import IndexedSupplier
from matching.index.live_index import Index, LiveIndex
from matching.index.tables import load_tables
from matching.reference import Reference

NICENESS = 5
"""Requests in the event loop come first where there are too few cores."""
IDLE_SECONDS = 600.0
"""A process without work ends after so long, with what it has cached."""
_LENGTH_BYTES = 8

T = TypeVar("T")

Message = tuple[str, tuple[Any, ...]]


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


class MatchProcesses:
    """As many processes as there are tasks at once; those that are idle wait for the next."""

    def __init__(self, processes: ForkedProcesses) -> None:
        self._processes = processes
        self._idle: list[_MatchProcess] = []
        self.running: set[_MatchProcess] = set()

    async def run(self, task: MatchTask[Any]) -> "Outcome | None":
        """The outcome of a task; None where no process can be had. Raises ProcessEnded.

        Where the wait for it is cancelled, its process ends.
        """
        return await self._outcome(task.live, "match", task.work, task.need, task.on, task.language, task.others)

    async def call(self, work: Callable[..., Any], *arguments: Any) -> "Outcome | None":
        """The outcome of a function of a module, called with the reference data and the arguments; else as `run`."""
        return await self._outcome(None, "call", work, arguments)

    async def _outcome(self, live: LiveIndex | None, name: str, *arguments: Any) -> "Outcome | None":
        process = self._waiting() or await self._started()
        if process is None:
            return None
        self.running.add(process)
        try:
            await process.identify()
            if live is not None:
                await process.update(live)
            outcome = await process.ask(name, *arguments)
        except BaseException:
            process.end()
            raise
        finally:
            self.running.discard(process)
        self._idle.append(process)
        process.ends_after(IDLE_SECONDS, self._idle.remove)
        return outcome

    def end(self) -> None:
        """End all of them."""
        for each in (*self._idle, *self.running):
            each.end()
        self._idle.clear()

    def _waiting(self) -> "_MatchProcess | None":
        """One that is idle, and no longer among those that are; None where there is none."""
        while self._idle:
            process = self._idle.pop()
            if process.is_there:
                process.stays()
                return process
            process.end()
        return None

    async def _started(self) -> "_MatchProcess | None":
        channel = await self._processes.serve(serve_tasks)
        return None if channel is None else _MatchProcess(channel)


class Outcome(NamedTuple):
    """The value that a function returned, or the failure that it raised."""

    value: Any
    failure: Exception | None


class _MatchProcess:
    """One process, and the index it was told of."""

    def __init__(self, channel: Channel) -> None:
        self._reader, self._writer = channel
        self._known: LiveIndex | None = None
        self._id: int | None = None
        self._ending: asyncio.TimerHandle | None = None

    @property
    def is_there(self) -> bool:
        """Whether it has not ended, as far as is known."""
        return not self._reader.at_eof()

    async def identify(self) -> None:
        """Learn which process it is, so that it can be ended in the midst of its work. Raises ProcessEnded."""
        if self._id is None:
            self._id = await self._have("process_id")

    async def update(self, live: LiveIndex) -> None:
        """Have it match against this index. Raises ProcessEnded."""
        if self._known is live:
            return
        folder, known = live.base.folder, self._known
        if known is None or known.base is not live.base:
            # another index may have taken the place of the one in the folder meanwhile
            if folder is None or not await self._have("map_folder", folder):
                suppliers = await asyncio.to_thread(list, live.suppliers())
                await self._have("build", suppliers, live.data_version, live.version_uid)
                self._known = live
                return
            known = None
        changes = await asyncio.to_thread(live.changes_since, known)
        await self._have("follow", *changes, live.data_version, live.version_uid)
        self._known = live

    async def _have(self, name: str, *arguments: Any) -> Any:
        outcome = await self.ask(name, *arguments)
        if outcome.failure is not None:
            raise outcome.failure
        return outcome.value

    async def ask(self, name: str, *arguments: Any) -> Outcome:
        """The outcome of a method of its `_TaskServer`. Raises ProcessEnded."""
        try:
            self._writer.write(await asyncio.to_thread(pickle.dumps, (name, arguments)))
            await self._writer.drain()
            length = int.from_bytes(await self._reader.readexactly(_LENGTH_BYTES))
            return Outcome(*pickle.loads(await self._reader.readexactly(length)))  # noqa: S301 - our own child's
        except (EOFError, OSError):
            raise ProcessEnded from None

    def ends_after(self, seconds: float, leave: Callable[["_MatchProcess"], None]) -> None:
        """Have it end after so many seconds, unless it `stays`; `leave` is called with it then."""

        def end() -> None:
            leave(self)
            self.end()

        self._ending = asyncio.get_running_loop().call_later(seconds, end)

    def stays(self) -> None:
        """Have it not end by itself any more."""
        if self._ending is not None:
            self._ending.cancel()

    def end(self) -> None:
        """End it, whatever it does."""
        self.stays()
        if self._id is not None and self.is_there:
            # it ends with the channel too, but not while it is in the midst of a long call of a library
            with suppress(ProcessLookupError):
                os.kill(self._id, signal.SIGKILL)
        self._writer.transport.abort()


def serve_tasks(reference: Reference, parent: socket.socket, messages: BinaryIO) -> None:
    """Carry out what is asked for, until nobody is left to ask; in a process of its own."""
    os.nice(NICENESS)
    waiting: queue.SimpleQueue[Message] = queue.SimpleQueue()
    # read beside the work: it is ended where whoever asked is gone
    threading.Thread(target=_receive, args=(messages, waiting), daemon=True).start()
    server = _TaskServer(reference)
    for name, arguments in _arriving(waiting):
        value, failure = None, None
        try:
            value = getattr(server, name)(*arguments)
        except Exception as raised:  # noqa: BLE001 - told to whoever asked
            raised.add_note(traceback.format_exc())
            failure = raised
        content = pickle.dumps((value, failure))
        parent.sendall(len(content).to_bytes(_LENGTH_BYTES) + content)


def _arriving(waiting: "queue.SimpleQueue[Message]") -> Iterator[Message]:
    while True:
        yield waiting.get()


def _receive(messages: BinaryIO, waiting: "queue.SimpleQueue[Message]") -> None:
    with suppress(EOFError, OSError):
        while True:
            waiting.put(pickle.load(messages))  # noqa: S301 - our own parent's
    os._exit(0)


class _TaskServer:
    """The index of such a process, and what is done with it."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        self._live: LiveIndex | None = None

    def process_id(self) -> int:
        """The id of this process."""
        return os.getpid()

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
        self._live = LiveIndex(Index.of(suppliers, ours.taxonomy, ours.cpv, ours.geography), version, uid)

    def follow(self, written: list[IndexedSupplier], removed: list[UUID], version: int, uid: UUID | None) -> None:
        """Bring the index to a later version."""
        self._live = self._index.after(written, removed, version, uid)

    def match(self, work: Callable[..., Any], need: Need, on: date, language: Language, others: Any) -> Any:
        """Run a task against the index."""
        return MatchTask(work, need, self._index, on, language, others).run(self._reference)

    def call(self, work: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """Call a function that needs no index."""
        return work(self._reference, *arguments)

    @property
    def _index(self) -> LiveIndex:
        if self._live is None:
            raise RuntimeError("nothing is matched before there is an index")
        return self._live
