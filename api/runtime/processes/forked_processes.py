"""Processes for heavy work: those that read imports, put suppliers together, build indexes and match dear needs.

Each holds one object and calls functions of modules with it, one after another. A message is the pickle of a function
and its arguments; the answer is that of what it returned or raised.

They are forked on demand from one that was itself forked while this one was young, and so has the reference data and no
threads. The `forkserver` of the standard library, on which pebble's pool would rest too, loads that data anew: a server
with three such processes then takes 474 MB instead of 251 and 2.4 s more of a core to start, and the next process is
there after 45 to 90 ms instead of 27 to 40. Nor does it hand on open files, or end the processes of a killed server.
"""

import asyncio
import ctypes
import gc
import multiprocessing
import os
import pickle
import queue
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, Concatenate, Generic, TypeVar, TypeVarTuple

import structlog

from matching.reference import Reference

READ_AT_ONCE = 1 << 20
"""A smaller buffer would take the interpreter's lock a thousand times for a large answer, while other threads wait."""
START_SECONDS = 10.0
CALLS_AT_ONCE = 64
GARBAGE_AFTER = 200_000
"""Such work makes hardly any cycles: looking for garbage as often as usual takes a twentieth of the time."""
PR_SET_PDEATHSIG = 1
_STOPPING = (signal.SIGINT, signal.SIGTERM)

State = TypeVar("State")
Arguments = TypeVarTuple("Arguments")
T = TypeVar("T")

_context = multiprocessing.get_context("fork")

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class NoProcess(Exception):
    """Raised where no process could be started."""


class ProcessEnded(Exception):
    """Raised where a process ended before its work was done."""


class ForkedProcesses:
    """Starts processes that already have the reference data; to be used here, and in servers forked from here."""

    def __init__(self, forker: socket.socket) -> None:
        self._forker = forker
        # of its own: the threads that all others share may all be taken for long
        self._threads = ThreadPoolExecutor(CALLS_AT_ONCE, "processes")

    def start(self, make: Callable[Concatenate[Reference, ...], State], *files: BinaryIO) -> "ForkedProcess[State]":
        """Start a process, whose state is what `make(reference, *files)` returns there.

        Raises NoProcess; nothing is read of the files then.
        """
        channel, theirs = socket.socketpair()
        process: ForkedProcess[State] = ForkedProcess(channel, self._threads)
        try:
            # a process that could not be had closes its end
            with theirs:
                socket.send_fds(self._forker, [b"!"], [theirs.fileno(), *(file.fileno() for file in files)])
            channel.settimeout(START_SECONDS)
            process.pid = process.answer()
            channel.settimeout(None)
        except (OSError, ProcessEnded):
            process.end()
            raise NoProcess from None
        process.send(make)
        return process

    async def start_in_thread(self, make: Callable[Concatenate[Reference, ...], State]) -> "ForkedProcess[State]":
        """Start a process (see `start`) in a thread, so that the event loop goes on. Raises NoProcess."""

        def end_unwanted_process(start: "Future[ForkedProcess[State]]") -> None:
            if not start.cancelled() and start.exception() is None:
                start.result().end()

        starting = self._threads.submit(self.start, make)
        try:
            return await asyncio.wrap_future(starting)
        except asyncio.CancelledError:
            starting.add_done_callback(end_unwanted_process)
            raise

    async def call(self, work: Callable[[Reference, *Arguments], T], *arguments: *Arguments) -> T:
        """The result of `work(reference, *arguments)`, called in a process of its own; `work`: a function of a module.

        Raises what the function raised, NoProcess, and ProcessEnded.
        """
        process = await self.start_in_thread(reference_alone)
        try:
            return await process.call(work, *arguments)
        finally:
            process.end()


class ForkedProcess(Generic[State]):
    """A running process, for one task at a time, and the channel to it."""

    def __init__(self, channel: socket.socket, threads: ThreadPoolExecutor) -> None:
        self._channel, self._answers, self._threads = channel, channel.makefile("rb", READ_AT_ONCE), threads
        self._answering, self._is_ended = threading.Lock(), False
        self.pid: int | None = None

    @property
    def is_running(self) -> bool:
        """Whether the process has not ended, as far as is known."""
        # its socket stays open where somebody still waits for an answer
        return not self._is_ended and self._is_channel_open()

    def _is_channel_open(self) -> bool:
        try:
            return self._channel.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False

    async def call(self, work: Callable[[State, *Arguments], T], *arguments: *Arguments) -> T:
        """The result of `work(state, *arguments)`, called in the process; `work` is a function of a module.

        Where the wait for it is cancelled, the process is ended. Raises what the function raised, and ProcessEnded.
        """

        def ask_and_wait() -> T:
            self.ask(work, *arguments)
            result: T = self.answer()
            return result

        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, ask_and_wait)
        except asyncio.CancelledError:
            self.end()
            raise

    def ask(self, work: Callable[[State, *Arguments], Any], *arguments: *Arguments) -> None:
        """Send the process a call of `work(state, *arguments)`, whose result `answer` returns later."""
        self.send((work, arguments))

    def send(self, message: Any) -> None:
        """Send the process a message; a failure to send shows when no answer comes."""
        with suppress(OSError):
            self._channel.sendall(pickle.dumps(message))

    def answer(self) -> Any:
        """Wait for the result of the earliest call sent by `ask` and not yet answered.

        Raises what the function raised, and ProcessEnded.
        """
        try:
            with self._answering:
                value, failure = pickle.load(self._answers)  # noqa: S301 - our own child's
        except (EOFError, OSError, ValueError, pickle.UnpicklingError):
            raise ProcessEnded from None
        finally:
            if self._is_ended:
                self._answers.close()
        if failure is not None:
            raise failure
        return value

    def end(self) -> None:
        """End the process, even in the midst of its work."""
        if self.pid is not None and self._is_channel_open():
            # it ends with the channel too, but not while it is in the midst of a long call of a library
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        self._is_ended = True
        self._channel.close()
        if not self._answering.locked():  # else whoever waits for an answer learns of the end first
            self._answers.close()


def reference_alone(reference: Reference) -> Reference:
    """Return the reference data as they are: the whole state of a process that keeps nothing else."""
    return reference


@contextmanager
def forked_processes(reference: Reference) -> Iterator[ForkedProcesses]:
    """Yields a starter of processes that have this reference data. Enter it before any thread is started."""
    forker, requests = socket.socketpair()
    # what is loaded by now stays: the collector need not look at it again, nor touch memory that is shared
    gc.collect()
    gc.freeze()
    process = _context.Process(target=_fork_for_each, args=(requests, reference))
    # they end with their sockets, not by a signal to the whole group: it stays blocked in them
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
    requests.close()
    try:
        with forker:
            yield ForkedProcesses(forker)
    finally:
        process.kill()
        process.join()


def _fork_for_each(requests: socket.socket, reference: Reference) -> None:
    """For each request, fork a process that answers calls over the descriptors in it; ends once all senders closed."""
    # nothing else of the server, such as the socket it listens on, may be held open by what outlives it for a moment
    os.closerange(3, requests.fileno())
    os.closerange(requests.fileno() + 1, os.sysconf("SC_OPEN_MAX"))
    while True:
        message, descriptors, _, _ = socket.recv_fds(requests, 1, 2)
        if not message:
            return
        with suppress(OSError):  # where no process can be had, whoever asked sees the socket closed
            _context.Process(target=answer_calls, args=(requests, reference, *descriptors)).start()
        for each in descriptors:
            os.close(each)


def answer_calls(requests: socket.socket, reference: Reference, channel: int, *files: int) -> None:
    """Run, in the forked process, the calls that arrive on `channel` on a state made from `files`; send their results.

    The process ends with the channel and with the one that forked it: that is killed when the server ended its answers.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    requests.close()
    gc.set_threshold(GARBAGE_AFTER)
    messages: queue.SimpleQueue[Any] = queue.SimpleQueue()
    with socket.socket(fileno=channel) as parent, suppress(ConnectionError):
        parent.sendall(pickle.dumps((os.getpid(), None)))

        def queue_messages() -> None:
            """Queue arriving messages; end the process, even at work, once the channel's other end is closed."""
            with suppress(EOFError, OSError, pickle.UnpicklingError), parent.makefile("rb", READ_AT_ONCE) as arriving:
                while True:
                    messages.put(pickle.load(arriving))  # noqa: S301 - our own parent's
            os._exit(0)

        threading.Thread(target=queue_messages, daemon=True).start()
        make = messages.get()
        state = make(reference, *(os.fdopen(file, "rb", READ_AT_ONCE) for file in files))
        while True:
            work, arguments = messages.get()
            value, failure = None, None
            try:
                value = work(state, *arguments)
            except Exception as raised:  # noqa: BLE001 - told to whoever asked
                raised.add_note(traceback.format_exc())
                failure = raised
            parent.sendall(pickle.dumps((value, failure)))
