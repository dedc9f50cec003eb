"""`vivier serve` as a process tree: what it answers, and that it leaves nothing running."""

import json
import os
import re
import select
import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from api.runtime.slots import MOST_OF_ONE_KEY
from bench.matching.match_cost import circle, ring_in_france
from tests.api.commands.conftest import ADMIN_KEY, Server, Within, decoded, processes, until, vivier

Start = Callable[..., Server]
IMPORTS, NDJSON = "/sources/served/imports", {"Content-Type": "application/x-ndjson"}
ROWS = [b'{"external_id":"%d","name":"Atelier %d"}\n' % (number, number) for number in range(20_000)]
NEED = b'{"territory":{"codes":["departement:56"]},"lots":[{"id":"1","keywords":["tonte"]}]}'


TAKEN_APART = """
import atexit, sys
atexit.register(lambda: "litestar" in sys.modules and sys.stderr.write("taken apart"))
"""
LONG = json.dumps({"lots": [json.loads(NEED)["lots"][0] | {"id": str(number)} for number in range(100)],
                   "territory": {"codes": ["country:FR"]}}).encode()  # fmt: skip


def _request(line: str, body: bytes = b"") -> bytes:
    return _head(line, "Connection: close", f"Content-Length: {len(body)}") + body


def _head(line: str, *headers: str, media_type: str = "application/json") -> bytes:
    usual = "Host: here", f"Authorization: Bearer {ADMIN_KEY}", f"Content-Type: {media_type}"
    return "\r\n".join((f"{line} HTTP/1.1", *usual, *headers, "", "")).encode()


def connected(server: Server) -> socket.socket:
    host, port = server.netloc.split(":")
    return socket.create_connection((host, int(port)))


LOT = {"id": "1", "segments": ["pr-locaux"]}


def drawn(*outlines: Any) -> bytes:
    """A need of a lot for each outline."""
    lots = [
        LOT | {"id": str(number), "territory": {"geometry": {"type": "Polygon", "coordinates": [outline]}}}
        for number, outline in enumerate(outlines)
    ]
    return json.dumps({"lots": lots}).encode()


def star(vertices: int, width: float = 7.0) -> Any:
    """A star on France, which takes seconds to be laid over its communes where it has thousands of vertices."""
    return ring_in_france(circle(vertices, 0.5), width, 5.0)


ENDLESS = drawn(*(star(9_900, 7.0 + number / 10) for number in range(8)))
LARGE = drawn(star(1_000))


@contextmanager
def asking(server: Server, body: bytes) -> Iterator[socket.socket]:
    """A connection on which a need was sent; it is closed after the block."""
    with connected(server) as connection:
        connection.sendall(_request("POST /match", body))
        yield connection


def under_way(server: Server) -> int:
    """The number of large matches that are under way or wait for their turn."""
    (line,) = re.findall(rb"^vivier_large_matches ([0-9.]+)$", server.ask("GET", "/metrics").body, re.MULTILINE)
    return int(float(line))


def takes_no_connection(server: Server) -> bool:
    try:
        connected(server).close()
    except ConnectionRefusedError:
        return True
    return False


REQUESTS = (
    _request("POST /match", LONG),
    _request("GET /suppliers?format=csv"),
    _request("GET /suppliers/changes?wait=20&limit=1"),
    _request("POST /needs", LONG),
)


def received(connection: socket.socket) -> bytes:
    """All that comes, until the connection ends or, where nobody had accepted it, is reset."""
    pieces = []
    with suppress(ConnectionResetError):
        while piece := connection.recv(1 << 20):
            pieces.append(piece)
    return b"".join(pieces)


def is_whole(answer: bytes) -> bool:
    """Whether there is no answer, as to what had not been read, or all of one."""
    head, _, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    return len(body) == int(length[1]) if length else not answer or body.endswith(b"0\r\n\r\n")


def serving(server: Server) -> list[int]:
    """The process that serves, where it is there: the child of the one that was started."""
    tasks = Path(f"/proc/{server.pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def workers(server: Server) -> set[int]:
    """The processes that answer for a server of several workers: those of its command that wait for many things."""
    return {pid for pid, said in processes(server.home).items() if " serve " in said and _waits_for_many(pid)}


def _waits_for_many(pid: int) -> bool:
    try:
        return any("eventpoll" in str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:  # ended meanwhile
        return False


def test_no_other_request_waits_for_large_matches(server: Server, within: Within) -> None:
    """Nor those of another key, which take turns; nor is more done for who hangs up."""
    key = within("keys", "create", "--name", "autre", "--organisation", "Réseau", "--scope", "match")
    other = key.out.splitlines()[-1]
    with asking(server, ENDLESS) as first, asking(server, ENDLESS) as second, asking(server, ENDLESS) as third:
        until(lambda: under_way(server) == 3)
        assert server.ask("GET", "/health/live").status == 200
        assert server.ask("POST", "/match", NEED).status == 200
        assert server.ask("POST", "/match", LARGE, key=other).status == 200
        assert select.select([first, second, third], [], [], 0)[0] == []
    until(lambda: under_way(server) == 0)
    answered = server.ask("POST", "/match", LARGE)
    assert answered.status == 200
    assert len(decoded(answered)["lots"]) == 1


def test_a_stop_waits_for_requests_and_is_not_held_by_those_who_wait_for_a_change(
    home: Path, start: Start, tmp_path: Path
) -> None:
    """However often it is told. A request whose body is still arriving is answered, as all of a busy server.

    Who waits for a change is told that there is none so far. It says where it and its data are; the administrator's key
    is taken, and no other.
    """
    (tmp_path / "sitecustomize.py").write_text(TAKEN_APART)
    server = start(VIVIER_GRACE_SECONDS="3600", PYTHONPATH=str(tmp_path)).ready()
    assert server.ask("POST", "/match", NEED, key="another").status == 401
    path = f"/suppliers/changes?cursor={decoded(server.ask('GET', '/suppliers/changes?limit=200'))['next_cursor']}"
    waiting = [connected(server) for _ in range(MOST_OF_ONE_KEY)]
    for each in waiting:
        each.sendall(_head(f"GET {path}&wait=60"))
    until(lambda: server.ask("GET", f"{path}&wait=0.01").status == 429)
    with connected(server) as arriving:
        arriving.sendall(_head("POST /match", f"Content-Length: {len(NEED)}", "Expect: 100-continue"))
        assert arriving.recv(100).startswith(b"HTTP/1.1 100")
        with ending_while_busy(server, signal.SIGINT, signal.SIGINT):
            until(lambda: takes_no_connection(server))
            for each in waiting:
                with each:
                    assert each.recv(100).startswith(b"HTTP/1.1 200")
            arriving.sendall(NEED)
            assert arriving.recv(100).startswith(b"HTTP/1.1 200")
    where, data = server.said.splitlines()
    assert re.fullmatch(r"Vivier listens on http://127\.0\.0\.1:\d+ \(documentation: .*/docs\)\. .*", where)
    assert data == f"Its data are kept in {home} (VIVIER_HOME)."


def test_neither_long_requests_nor_slow_clients_nor_a_database_that_hangs_hold_a_server(
    home: Path, start: Start
) -> None:
    """An import that arrives and a large match are refused for now: the next server answers who sends them again.

    Neither who does not end what it sends, nor connections of the database, nor its own end are waited for.
    """
    server = start(VIVIER_GRACE_SECONDS="0").ready()
    slow = connected(server)
    slow.sendall(_head("POST /match", "Content-Length: 9"))
    hanging = [pid for pid, said in processes(home).items() if "postgres" in said]
    with asking(server, ENDLESS) as matching, connected(server) as arriving:
        until(lambda: under_way(server) == 1)
        expected = "Content-Length: 100", "Expect: 100-continue"
        arriving.sendall(_head(f"POST {IMPORTS}", *expected, media_type=NDJSON["Content-Type"]))
        assert arriving.recv(100).startswith(b"HTTP/1.1 100")
        for pid in hanging:
            os.kill(pid, signal.SIGSTOP)
        try:
            os.kill(server.pid, signal.SIGTERM)
            for connection in (arriving, matching):
                head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 503 ")
                assert b"retry-after: " in head
                assert json.loads(body)["type"] == "/problems/stopping"
            assert server.ended() == 0
        finally:
            for pid in hanging:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
    slow.close()
    until(lambda: processes(home) == {})


def test_workers_share_socket_and_metrics_and_are_replaced(home: Path, start: Start, tmp_path: Path) -> None:
    """Two workers answer and count together; one that is killed, or crashes inside a library, is followed by another.

    They end with every answer whole.
    """
    (tmp_path / "sitecustomize.py").write_text(TAKEN_APART)
    server = start("--workers", "2", PYTHONPATH=str(tmp_path)).ready()
    until(lambda: len(workers(server)) == 2)
    for _ in range(10):
        assert server.ask("POST", "/match", NEED).status in {200, 503}
    until(lambda: matches_counted(server) == 10)  # a worker counts once it has answered
    for number in (signal.SIGKILL, signal.SIGSEGV):
        victim = min(workers(server))
        os.kill(victim, number)
        until(lambda victim=victim: len(workers(server) - {victim}) == 2)  # type: ignore[misc]
        assert server.ask("GET", "/health/live").status == 200
        assert matches_counted(server) == 10
    assert "Fatal Python error: Segmentation fault" in server.log
    assert "most recent call first" in server.log
    server.ready()
    with ending_while_busy(server, signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
        pass


@contextmanager
def ending_while_busy(server: Server, *signals: signal.Signals) -> Iterator[None]:
    """The server is ending under many requests; nothing has to be killed, and no interpreter is taken apart."""
    asked = [connected(server) for _ in range(8)]
    for number, each in enumerate(asked):
        each.sendall(REQUESTS[number % len(REQUESTS)])
    for each_signal in signals:
        server.signal(each_signal)
    yield
    for each in asked:
        with each:
            assert is_whole(received(each))
    assert server.ended() == 0
    assert processes(server.home) == {}
    assert "is killed" not in server.log
    assert "taken apart" not in server.log


def matches_counted(server: Server) -> int:
    """The POST requests that the workers counted together."""
    told = server.ask("GET", "/metrics")
    assert told.status == 200
    return sum(map(int, re.findall(rb'request_seconds_count\{[^}]*"POST"[^}]*\} (\d+)', told.body)))


def test_a_server_that_crashes_is_started_again(home: Path, start: Start) -> None:
    """While it starts too, at the same address; it is said where it was, and what ended it.

    What prepares rows ends with a server that is killed; nothing, not even PostgreSQL, stays where the process above it
    is killed and has no chance to end it.
    """
    server = start()
    until(lambda: bool(serving(server)))
    os.kill(serving(server)[0], signal.SIGSEGV)
    assert server.ready().ask("POST", "/match", NEED).status == 200
    assert "Fatal Python error: Segmentation fault" in server.log
    assert "was ended by signal 11 (Segmentation fault); another starts in " in server.log
    before = processes(home).keys()
    with ThreadPoolExecutor(1) as other:
        answer = other.submit(server.ask, "POST", IMPORTS, b"".join(ROWS), **NDJSON)
        until(lambda: any(" serve " in said for pid, said in processes(home).items() if pid not in before))
        os.kill(serving(server)[0], signal.SIGKILL)
        with pytest.raises(ConnectionError):
            answer.result()
    until(lambda: not before & (processes(home).keys() - {server.pid}))
    assert server.ready().ask("POST", "/match", NEED).status == 200
    assert "was ended by signal 9 (Killed); another starts in " in server.log
    server.kill()
    until(lambda: processes(home) == {})


def test_a_port_in_use_is_said_at_once(tmp_path: Path) -> None:
    """Before any database is made."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = vivier(tmp_path, "serve", "--port", str(port))
    assert done.returncode == 1
    assert done.stderr == f"vivier: port {port} of 127.0.0.1 is already in use; choose another with --port\n"
    assert list(tmp_path.iterdir()) == []
