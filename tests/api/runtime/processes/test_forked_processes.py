"""Work done in processes of their own: what it returns and raises comes back, and none outlives whom it works for."""

import asyncio
import os
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from api.runtime.processes import forked_processes as tested
from api.runtime.processes.forked_processes import (
    ForkedProcesses,
    NoProcess,
    ProcessEnded,
    forked_processes,
    reference_alone,
)
from matching.reference import Reference
from tests.factories import reference


@pytest.fixture(scope="module")
def processes() -> Iterator[ForkedProcesses]:
    with forked_processes(reference()) as processes:
        yield processes


class Reader:
    """Holds a file, and what was read of it."""

    def __init__(self, _: Reference, file: BinaryIO) -> None:
        self._file, self._lines = file, list[bytes]()

    def read_line(self, mark: bytes) -> list[bytes]:
        """All lines read so far."""
        self._lines.append(mark + self._file.readline())
        return self._lines


def segments_and_process(ours: Reference, more: int) -> tuple[int, int]:
    return len(ours.taxonomy.segments) + more, os.getpid()


def fail(_: Reference) -> None:
    raise LookupError("not there")


def never_end(_: Reference, file: Path) -> None:
    file.write_text(str(os.getpid()))
    while True:
        time.sleep(60)


def is_running(process: int) -> bool:
    """Whether a process is there and has not ended, though nobody may have noticed yet."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_each_call_alone_is_in_a_process_of_its_own_that_has_the_reference_data(
    processes: ForkedProcesses,
) -> None:
    found = await asyncio.gather(*(processes.call(segments_and_process, 1) for _ in range(2)))
    counts, others = zip(*found, strict=True)
    assert counts == (len(reference().taxonomy.segments) + 1,) * 2
    assert len({*others, os.getpid()}) == 3
    while any(map(is_running, others)):
        await asyncio.sleep(0.001)


def test_calls_are_answered_in_their_order_with_what_the_process_holds(processes: ForkedProcesses) -> None:
    """Several may be asked for before the first is answered."""
    with tempfile.TemporaryFile() as file:
        file.write(b"one\ntwo\nthree\n")
        file.seek(4)
        process = processes.start(Reader, file)
    for mark in (b"a ", b"b "):
        process.ask(Reader.read_line, mark)
    assert [process.answer() for _ in range(2)] == [[b"a two\n"], [b"a two\n", b"b three\n"]]
    process.end()


async def test_what_a_function_raises_is_raised_here_and_the_process_goes_on(processes: ForkedProcesses) -> None:
    """With the place where it failed."""
    process = await processes.start_in_thread(reference_alone)
    with pytest.raises(LookupError, match="not there") as failed:
        await process.call(fail)
    assert "in fail" in "".join(failed.value.__notes__)
    assert await process.call(segments_and_process, 0) == (len(reference().taxonomy.segments), process.pid)
    process.end()


async def test_a_process_ends_with_the_one_that_forks_them_all(tmp_path: Path) -> None:
    """As where the server, and all else of it, is killed."""
    file = tmp_path / "process"
    with forked_processes(reference()) as processes:
        waiting = asyncio.create_task(processes.call(never_end, file))
        while not (file.exists() and file.read_text()):
            await asyncio.sleep(0.001)
    with pytest.raises(ProcessEnded):
        await waiting
    while is_running(int(file.read_text())):
        await asyncio.sleep(0.001)


async def test_a_process_that_is_no_longer_wanted_while_it_starts_is_ended(
    processes: ForkedProcesses, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, start = list[Any](), processes.start
    begun, cancelled = threading.Event(), threading.Event()

    def noted(*arguments: Any) -> Any:
        begun.set()
        cancelled.wait(30)
        started.append(start(*arguments))
        return started[-1]

    monkeypatch.setattr(processes, "start", noted)
    waiting = asyncio.create_task(processes.start_in_thread(reference_alone))
    while not begun.is_set():
        await asyncio.sleep(0.001)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    cancelled.set()
    while not started or is_running(started[0].pid):
        await asyncio.sleep(0.001)


def silent(_: socket.socket, __: Reference, channel: int, *___: int) -> None:
    with socket.socket(fileno=channel) as parent:
        parent.recv(1)  # until nobody listens any more


@pytest.mark.parametrize("instead", [lambda *_: None, silent], ids=["ends at once", "says nothing"])
async def test_a_process_that_does_not_come_up_is_not_waited_for(instead: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tested, "answer_calls", instead)
    monkeypatch.setattr(tested, "START_SECONDS", 0.1)
    with forked_processes(reference()) as processes, pytest.raises(NoProcess):
        await processes.call(segments_and_process, 0)


async def test_where_nobody_is_left_to_fork_one_there_is_none() -> None:
    forker, requests = socket.socketpair()
    requests.close()
    with forker, pytest.raises(NoProcess):
        await ForkedProcesses(forker).call(segments_and_process, 0)


@pytest.mark.parametrize("sent", [b"", b"\x80\x05"])
async def test_whoever_asks_and_goes_away_is_no_failure(
    sent: bytes, processes: ForkedProcesses, capfd: pytest.CaptureFixture[str]
) -> None:
    """Before the first message is whole there is nothing to do, and nothing to complain of."""
    process = await processes.start_in_thread(reference_alone)
    pid = process.pid
    assert pid is not None
    process._channel.sendall(sent)
    process._channel.shutdown(socket.SHUT_WR)
    with pytest.raises(ProcessEnded):
        process.answer()
    process.end()
    while is_running(pid):
        await asyncio.sleep(0.001)
    assert capfd.readouterr() == ("", "")
