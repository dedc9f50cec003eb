"""Processes that read, place and prepare the rows of imports, one for each import: more than half of its work.

They are forked on demand from one that was itself forked while this one was young: it has the reference data, and no
threads. All of them end when nobody is left at the other end of their sockets, however that came about.
"""

import asyncio
import gc
import io
import os
import pickle
import signal
import socket
import sys
import traceback
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, aclosing, contextmanager, suppress
from typing import Any, BinaryIO, Literal, NoReturn

import structlog

from db.imports.prepare_rows import Prepared, Preparing, Terms, prepare
from matching.reference import Reference
from sources.file_reader import Reading, batches
from sources.rows import UnreadableFile

READ_AT_ONCE = 1 << 20
START_SECONDS = 10.0
AHEAD = 2
"""How many batches are asked for before the first of them is stored."""
GARBAGE_AFTER = 200_000
"""Rows hold no cycles: looking for garbage among them as often as usual takes a twentieth of the time."""
_LENGTH_BYTES = 8
_LIKELY_NEW, _LIKELY_KNOWN = b"n", b"k"
_THERE = b"!"
_IGNORED = (signal.SIGINT, signal.SIGTERM)

Message = tuple[Literal["batch", "unreadable", "failed", "end"], Any]

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class PreparerEnded(Exception):
    """The process that prepared the rows ended before they did; it may have said of what."""


class Preparers:
    """The way to have rows prepared in other processes; workers forked from here on may use it too."""

    def __init__(self, door: socket.socket) -> None:
        self._door = door

    def preparing(self, reading: Reading, stream: BinaryIO, otherwise: Preparing) -> Preparing:
        """The file's rows, prepared in a process of their own; as `otherwise` does where none can be had.

        Raises UnreadableFile as `reading.batches` does, what `stream` raises when it is read, and PreparerEnded.
        """

        async def preparing(terms: Terms, likely_new: Callable[[], bool]) -> AsyncGenerator[Prepared, None]:
            link = await self._begun()
            if link is None:
                log.warning("no process to prepare an import in: it is prepared here, more slowly")
            prepared = (
                otherwise(terms, likely_new) if link is None else _prepared(*link, stream, (reading, terms), likely_new)
            )
            async with aclosing(prepared):
                async for batch in prepared:
                    yield batch

        return preparing

    async def _begun(self) -> tuple[socket.socket, socket.socket] | None:
        """The ways to a new process, for words and for the file's content; None where it does not say that it is there.

        Nothing of the file is read before.
        """
        words, their_words = socket.socketpair()
        content, their_content = socket.socketpair()
        words.settimeout(START_SECONDS)
        there = b""
        try:
            with their_words, their_content:
                socket.send_fds(self._door, [b"."], [their_words.fileno(), their_content.fileno()])
            with suppress(OSError):
                there = await asyncio.to_thread(words.recv, len(_THERE))
        except OSError:
            return None
        finally:
            words.settimeout(None)
            if there != _THERE:
                _shut(words, content)
        return (words, content) if there == _THERE else None


@contextmanager
def forked_preparers(reference: Reference) -> Iterator[Preparers]:
    """Preparers that have this reference data, until the block ends. To be entered before any thread is started."""
    door, entrance = socket.socketpair()
    # what is loaded by now stays: the collector need not look at it again, nor touch memory that is shared
    gc.collect()
    gc.freeze()
    # a signal between the fork and the child's own handlers must not be taken for one to the parent
    signal.pthread_sigmask(signal.SIG_BLOCK, _IGNORED)
    try:
        child = os.fork()
        if not child:
            _live(lambda: _wait_at(entrance, reference), entrance)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _IGNORED)
    entrance.close()
    try:
        with door:
            yield Preparers(door)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        gc.unfreeze()


def _live(work: Callable[[], None], *kept: socket.socket) -> NoReturn:
    """The life of a forked process; of what its parent holds open, it has the standard streams and what it needs."""
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in _IGNORED:
            signal.signal(number, signal.SIG_IGN)
        # those that have ended need not be waited for
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _IGNORED)
        _close_all_but(*(each.fileno() for each in kept))
        work()
        status = 0
    except ConnectionError:
        pass  # whoever asked is gone
    except BaseException:  # noqa: BLE001 - nothing above this process may be unwound by it
        traceback.print_exc()
    finally:
        with suppress(BaseException):
            sys.stderr.flush()
        os._exit(status)


def _close_all_but(*kept: int) -> None:
    first = 3
    for descriptor in (*sorted(kept), os.sysconf("SC_OPEN_MAX")):
        os.closerange(first, descriptor)
        first = descriptor + 1


def _wait_at(entrance: socket.socket, reference: Reference) -> None:
    """Fork a process for each pair of sockets that is handed in, until nobody is left to do so."""
    while True:
        message, descriptors, _, _ = socket.recv_fds(entrance, 1, 2)
        if not message:
            return
        handed = [socket.socket(fileno=each) for each in descriptors]
        # where no process can be had, whoever asked sees the sockets closed, and does without
        with ExitStack() as held, suppress(OSError):
            words, content = map(held.enter_context, handed)
            if not os.fork():
                _live(lambda: _answer(words, content, reference), words, content)  # noqa: B023 - called at once


def _answer(words: socket.socket, content: socket.socket, reference: Reference) -> None:
    """Prepare one file: a batch for each byte that asks for one."""
    gc.set_threshold(GARBAGE_AFTER)
    words.sendall(_THERE)
    with words.makefile("rb") as asked, io.BufferedReader(socket.SocketIO(content, "r"), READ_AT_ONCE) as stream:
        length = int.from_bytes(asked.read(_LENGTH_BYTES))
        reading, terms = pickle.loads(asked.read(length))  # noqa: S301 - our own parent's
        try:
            for batch in batches(reading, stream, reference):
                question = asked.read(1)
                if not question:
                    return
                prepared = prepare(terms, batch, likely_new=question == _LIKELY_NEW)
                _send(words, ("batch", (prepared.arrivals, prepared.rejects, prepared.flags)))
        except UnreadableFile as unreadable:
            _send(words, ("unreadable", unreadable.problems))
        except ConnectionError:
            raise
        except Exception as failure:
            _send(words, ("failed", type(failure).__name__))
            raise
        else:
            _send(words, ("end", None))
        asked.read()  # to end with questions unread would take the last answer back


def _send(words: socket.socket, message: Any) -> None:
    content = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    words.sendall(len(content).to_bytes(_LENGTH_BYTES))
    words.sendall(content)


async def _prepared(
    words: socket.socket, content: socket.socket, stream: BinaryIO, job: Any, likely_new: Callable[[], bool]
) -> AsyncGenerator[Prepared, None]:
    run = asyncio.get_running_loop().run_in_executor

    def ask() -> None:
        with suppress(ConnectionError):  # that no answer comes is seen soon enough
            words.sendall(_LIKELY_NEW if likely_new() else _LIKELY_KNOWN)

    # threads, so that the other process need not wait for this one's loop to have time for it
    with ThreadPoolExecutor(2) as threads:
        running: list[asyncio.Future[Any]] = [run(threads, _send_all, stream, content)]
        try:
            running.append(run(threads, _first_received, words, job, ask))
            while (message := await running[-1])[0] == "batch":
                ask()
                running[1:] = [run(threads, _received, words)]
                yield Prepared(*message[1])
            if message[0] == "failed":
                raise PreparerEnded(message[1])
            with suppress(OSError):
                content.shutdown(socket.SHUT_RDWR)
            # the file may have ended for the preparer because it could not be read any further here
            await running[0]
            if message[0] == "unreadable":
                raise UnreadableFile(message[1])
        finally:
            _shut(words, content)
            await asyncio.gather(*running, return_exceptions=True)


def _first_received(words: socket.socket, job: Any, ask: Callable[[], None]) -> Message:
    with suppress(ConnectionError):
        _send(words, job)
    for _ in range(AHEAD):
        ask()
    return _received(words)


def _received(words: socket.socket) -> Message:
    """What the preparer says next. Raises PreparerEnded."""
    length = int.from_bytes(_exactly(words, _LENGTH_BYTES))
    message: Message = pickle.loads(_exactly(words, length))  # noqa: S301 - our own child's
    return message


def _exactly(words: socket.socket, count: int) -> bytearray:
    read, content = 0, bytearray(count)
    while read < count:
        try:
            more = words.recv_into(memoryview(content)[read:])
        except ConnectionError:
            more = 0
        if not more:
            raise PreparerEnded
        read += more
    return content


def _send_all(stream: BinaryIO, content: socket.socket) -> None:
    """Raises what `stream` raises; a preparer that reads no more, or is gone, is no failure here."""
    try:
        while piece := stream.read(READ_AT_ONCE):
            try:
                content.sendall(piece)
            except OSError:
                return
    finally:
        with suppress(OSError):
            content.shutdown(socket.SHUT_WR)


def _shut(*sockets: socket.socket) -> None:
    """Close sockets that other threads may be waiting at."""
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()
