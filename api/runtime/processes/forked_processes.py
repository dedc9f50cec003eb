"""Processes for heavy work: one for each import, to read, place and encode its rows, one to build an index, and those
that match dear needs.

They are forked on demand from one that was itself forked while this one was young, and so has the reference data and no
threads; `ProcessPoolExecutor` would fork from a threaded server or load the data anew, and outlive a killed one.
"""

import asyncio
import ctypes
import gc
import multiprocessing
import os
import pickle
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO

import msgspec
import structlog

from db.imports.prepare_rows import Prepare, Prepared, Terms, prepare
from domain.suppliers.rows import Batch
from domain.text.bilingual import Text
from matching.reference import Reference
from sources.file_reader import Reading, batches
from sources.rows import unreadable

READ_AT_ONCE = 1 << 20
START_SECONDS = 10.0
AHEAD = 2
"""The number of batches asked for before the first of them is stored."""
BATCH_SECONDS = 60.0
"""Time of a core that some 2,000 rows may take to be read: a hundred times what they do, while others wait for a
place."""
GARBAGE_AFTER = 200_000
"""Rows hold no cycles: looking for garbage among them as often as usual takes a twentieth of the time."""
TOO_SLOW = Text(
    "Des lignes de ce fichier demandent plus d'une minute de calcul : elles ne sont pas ce que ce format attend",
    "Rows of this file take more than a minute to be read: they are not what this format expects",
)
_READY, _IMPORT, _CALL, _SERVE = b"!", b"i", b"c", b"s"
_LENGTH_BYTES = 8
PR_SET_PDEATHSIG = 1
_STOPPING = (signal.SIGINT, signal.SIGTERM)

# A batch is encoded in a quarter of the time that pickle takes.
_encode, _decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(Prepared).decode

Channel = tuple[asyncio.StreamReader, asyncio.StreamWriter]

_context = multiprocessing.get_context("fork")

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class ProcessEnded(Exception):
    """The process ended before its work did."""


class ForkedProcesses:
    """Starts a process for each piece of work; servers forked from here on may use it too."""

    def __init__(self, forker: socket.socket) -> None:
        self._forker = forker

    def prepare(self, reading: Reading, file: BinaryIO, otherwise: Prepare) -> Prepare:
        """The rows of the file, from where it stands, encoded in another process; by `otherwise` where there is none.

        Raises what went wrong there, such as UnreadableFile, and ProcessEnded.
        """

        def prepared(terms: Terms, expects_new: Callable[[], bool]) -> Generator[Prepared, None, None]:
            channel, theirs = socket.socketpair()
            # a small buffer would take the interpreter's lock a thousand times a batch, and keep the other one waiting
            with channel, channel.makefile("rb", READ_AT_ONCE) as answers:
                # a process that could not be had closes its end; nothing of the file is read before it says it is there
                with theirs, suppress(OSError):
                    socket.send_fds(self._forker, [_IMPORT], [theirs.fileno(), file.fileno()])
                if _is_ready(channel):
                    yield from _received(channel, answers, (reading, terms), expects_new)
                    return
            log.warning("no process to prepare an import in: it is prepared here, more slowly")
            yield from otherwise(terms, expects_new)

        return prepared

    async def run(self, work: Callable[..., None], *arguments: object) -> bool:
        """Call a function of a module, with the reference data and the arguments, in another process.

        False where there is none. Raises what the function raised, and ProcessEnded.
        """
        started = await self._started(_CALL, (work, arguments))
        if started is None:
            return False
        reader, writer = started
        try:
            failure = pickle.loads(await reader.read())  # noqa: S301 - our own child's
        except (EOFError, OSError):
            raise ProcessEnded from None
        finally:
            writer.close()
        if failure is not None:
            raise failure
        return True

    async def serve(self, work: Callable[[Reference, socket.socket, BinaryIO], None]) -> Channel | None:
        """The channel to another process, in which a function of a module is called with its other end, also as a file
        to read from.

        None where there is none. The process ends with the function, which is to end with the channel.
        """
        return await self._started(_SERVE, work)

    async def _started(self, kind: bytes, first: object) -> Channel | None:
        """The channel to a process of that kind, which was sent its first message; None where there is none."""
        channel, theirs = socket.socketpair()
        with theirs, suppress(OSError):
            socket.send_fds(self._forker, [kind], [theirs.fileno()])
        reader, writer = await asyncio.open_connection(sock=channel)
        try:
            async with asyncio.timeout(START_SECONDS):
                if await reader.read(len(_READY)) == _READY:
                    writer.write(pickle.dumps(first))
                    return reader, writer
        except (TimeoutError, OSError):
            pass
        except BaseException:
            writer.close()
            raise
        writer.close()
        return None


@contextmanager
def forked_processes(reference: Reference) -> Iterator[ForkedProcesses]:
    """Processes that have this reference data, until the block ends. To be entered before any thread is started."""
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
        gc.unfreeze()


def _is_ready(channel: socket.socket) -> bool:
    """Whether the process at the other end says that it is there, within `START_SECONDS`."""
    channel.settimeout(START_SECONDS)
    try:
        return channel.recv(len(_READY)) == _READY
    except OSError:
        return False
    finally:
        channel.settimeout(None)


def _received(
    channel: socket.socket, answers: Any, job: tuple[Reading, Terms], expects_new: Callable[[], bool]
) -> Generator[Prepared, None, None]:
    def send(*messages: Any) -> None:
        with suppress(OSError):  # that nobody listens is seen when no answer comes
            channel.sendall(b"".join(map(pickle.dumps, messages)))

    send(job, *(expects_new() for _ in range(AHEAD)))
    while True:
        try:
            # whole before it is decoded: until then the other process cannot go on
            answer = pickle.loads(answers.read(int.from_bytes(answers.read(_LENGTH_BYTES))))  # noqa: S301 - our own child's
        except (EOFError, OSError, pickle.UnpicklingError):
            raise ProcessEnded from None
        if isinstance(answer, Exception):
            raise answer
        if answer is None:
            return
        send(expects_new())
        yield _decode(answer)


def _fork_for_each(requests: socket.socket, reference: Reference) -> None:
    """Fork a process for each pair of descriptors that is sent, until nobody is left to send any."""
    # nothing else of the server, such as the socket it listens on, may be held open by what outlives it for a moment
    os.closerange(3, requests.fileno())
    os.closerange(requests.fileno() + 1, os.sysconf("SC_OPEN_MAX"))
    while True:
        message, descriptors, _, _ = socket.recv_fds(requests, 1, 2)
        if not message:
            return
        works: dict[bytes, Callable[..., None]] = {_IMPORT: _prepare_file, _CALL: _call, _SERVE: _serve}
        with suppress(OSError):  # where no process can be had, whoever asked sees the socket closed
            _context.Process(
                target=_until_parent_ends, args=(works[message], *descriptors, requests, reference)
            ).start()
        for each in descriptors:
            os.close(each)


def _until_parent_ends(work: Callable[..., None], *arguments: object) -> None:
    """Work, and end with the process that forked this one: it is killed when the server has ended its answers."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    work(*arguments)


def _prepare_file(channel: int, file: int, requests: socket.socket, reference: Reference) -> None:
    """Encode one file: a batch for each message that says whether new records are expected."""
    requests.close()
    gc.set_threshold(GARBAGE_AFTER)
    with (
        suppress(ConnectionError),  # whoever asked is gone
        socket.socket(fileno=channel) as parent,
        parent.makefile("rb") as questions,
        open(file, "rb", READ_AT_ONCE) as stream,
    ):
        parent.sendall(_READY)
        try:
            reading, terms = pickle.load(questions)  # noqa: S301 - our own parent's
            for batch in _in_time(batches(reading, stream, reference)):
                prepared = prepare(terms, batch, expects_new=pickle.load(questions))  # noqa: S301
                _answer(parent, _encode(prepared))
            _answer(parent, None)
        except Exception as failure:  # noqa: BLE001 - told to whoever asked
            failure.add_note(traceback.format_exc())
            _answer(parent, failure)
        questions.read()  # to end with questions unread would take the last answer back


def _in_time(some: Iterator[Batch]) -> Iterator[Batch]:
    """The batches. Raises UnreadableFile where one takes longer than `BATCH_SECONDS`, wherever its rows are read."""

    def give_up(*_: object) -> None:
        raise unreadable("too_slow", TOO_SLOW)

    signal.signal(signal.SIGVTALRM, give_up)
    signal.setitimer(signal.ITIMER_VIRTUAL, BATCH_SECONDS)
    for batch in some:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        yield batch
        signal.setitimer(signal.ITIMER_VIRTUAL, BATCH_SECONDS)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def _answer(parent: socket.socket, message: Any) -> None:
    content = pickle.dumps(message)
    parent.sendall(len(content).to_bytes(_LENGTH_BYTES))
    parent.sendall(content)


def _call(channel: int, requests: socket.socket, reference: Reference) -> None:
    """Call the function that is sent, unless who sent it goes away meanwhile."""
    requests.close()
    gc.set_threshold(GARBAGE_AFTER)
    with socket.socket(fileno=channel) as parent, parent.makefile("rb") as questions, suppress(ConnectionError):
        parent.sendall(_READY)
        first = _first_message(questions)
        if first is None:
            return
        work, arguments = first
        threading.Thread(target=_end_without, args=(questions,), daemon=True).start()
        failure = None
        try:
            work(reference, *arguments)
        except Exception as raised:  # noqa: BLE001 - told to whoever asked
            raised.add_note(traceback.format_exc())
            failure = raised
        parent.sendall(pickle.dumps(failure))
        os._exit(0)  # the thread waits for the other end, which waits for this one


def _serve(channel: int, requests: socket.socket, reference: Reference) -> None:
    """Call the function that is sent with this end of the channel."""
    requests.close()
    gc.set_threshold(GARBAGE_AFTER)
    with socket.socket(fileno=channel) as parent, parent.makefile("rb") as questions, suppress(ConnectionError):
        parent.sendall(_READY)
        work = _first_message(questions)
        if work is not None:
            work(reference, parent, questions)


def _first_message(questions: BinaryIO) -> Any:
    """The first message of whoever asked for a process; None where they are gone before it is whole."""
    try:
        return pickle.load(questions)  # noqa: S301 - our own parent's
    except (EOFError, pickle.UnpicklingError):
        return None


def _end_without(questions: BinaryIO) -> None:
    """End this process once nobody waits for it."""
    questions.read()
    os._exit(1)
