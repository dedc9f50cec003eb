"""`vivier serve` as a process tree: what it answers, and that it leaves nothing running."""

import json
import os
import re
import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from api.runtime.places import MOST_OF_ONE_KEY
from tests.api.commands.conftest import ADMIN_KEY, Answer, Server, decoded, processes, until, vivier

Start = Callable[..., Server]
IMPORTS, NDJSON = "/sources/reseau/imports", {"Content-Type": "application/x-ndjson"}
ROWS = [b'{"external_id":"%d","name":"Atelier %d"}\n' % (number, number) for number in range(20_000)]
NEED = b'{"territory":{"codes":["departement:56"]},"lots":[{"id":"1","keywords":["tonte"]}]}'


TAKEN_APART = """
import atexit, sys
atexit.register(lambda: "litestar" in sys.modules and sys.stderr.write("taken apart"))
"""
LONG = json.dumps({"lots": [json.loads(NEED)["lots"][0] | {"id": str(number)} for number in range(100)],
                   "territory": {"codes": ["country:FR"]}}).encode()  # fmt: skip


def _request(line: str, body: bytes = b"") -> bytes:
    head = f"{line} HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {ADMIN_KEY}\r\nConnection: close\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


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


def children(pid: int) -> list[int]:
    return [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]


def serving(server: Server) -> int:
    """The process that serves, which the one that was started has above it."""
    (child,) = children(server.pid)
    return child


def workers(server: Server) -> set[int]:
    """The processes that answer for a server of several workers: those of its command that wait for many things."""
    return {pid for pid, said in processes(server.home).items() if " serve " in said and _waits_for_many(pid)}


def _waits_for_many(pid: int) -> bool:
    try:
        return any("eventpoll" in str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:  # ended meanwhile
        return False


@contextmanager
def importing(server: Server) -> Iterator[tuple[int, "Future[Answer]"]]:
    """An import under way: the process that prepares its rows, and the answer to come."""
    before = processes(server.home).keys()

    def others() -> list[int]:
        return [pid for pid, said in processes(server.home).items() if " serve " in said and pid not in before]

    with ThreadPoolExecutor(1) as other:
        answer = other.submit(server.ask, "POST", IMPORTS, b"".join(ROWS), **NDJSON)
        until(lambda: len(others()) == 1)
        yield others()[0], answer


def test_ctrl_c_leaves_nothing_running(home: Path, start: Start) -> None:
    """From an empty folder: one line says where, the administrator's key is taken, Ctrl-C ends it all."""
    server = start().ready()
    assert server.ask("POST", "/match", NEED).status == 200
    assert server.ask("POST", "/match", NEED, key="another").status == 401
    server.signal(signal.SIGINT)
    assert server.ended() == 0
    assert processes(home) == {}
    assert re.fullmatch(r"Vivier listens on http://127\.0\.0\.1:\d+ \(documentation: .*/docs\)\. .*\n", server.said)


def test_what_is_no_http_is_refused_by_a_problem(start: Start) -> None:
    """A client that speaks TLS to a plain port, a method or version nobody knows; others are served as before."""
    server = start().ready()
    host, port = server.netloc.split(":")
    for sent in (b"\x16\x03\x01\x02\r\n\r\n", b"FETCH / HTTP/1.1\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"):
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(sent)
            head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 ")
        assert b"content-type: application/problem+json" in head
        assert b"x-request-id: " in head
        assert json.loads(body)["type"] == "/problems/bad-request"
    assert server.ask("GET", "/health/live").status == 200


def test_a_wish_for_another_protocol_is_ignored(start: Start) -> None:
    """The body after it is read, in one piece with the head or later; so is the next request."""
    server = start().ready()
    host, port = server.netloc.split(":")
    headers = f"Host: {host}\r\nAuthorization: Bearer {ADMIN_KEY}\r\nContent-Type: application/json\r\n"
    wish = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
    head = f"POST /match HTTP/1.1\r\n{headers}{wish}Content-Length: {len(NEED)}\r\n\r\n".encode()
    with socket.create_connection((host, int(port))) as connection, connection.makefile("rb") as answers:
        for pieces in ([head + NEED], [head[:50], head[50:], NEED], [head + NEED[:9], NEED[9:]]):
            for piece in pieces:
                connection.sendall(piece)
            assert answers.readline() == b"HTTP/1.1 200 OK\r\n"
            lines = iter(answers.readline, b"\r\n")
            length = next(line for line in [*lines] if line.startswith(b"content-length: ")).partition(b" ")[2]
            assert "lots" in json.loads(answers.read(int(length)))


def test_who_asks_nothing_is_not_waited_for(start: Start) -> None:
    """Who does not end what it sends; the settings say for how long."""
    server = start(VIVIER_BODY_SECONDS="0.2").ready()
    host, port = server.netloc.split(":")
    head = f"POST /match HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {ADMIN_KEY}\r\nContent-Length: 9\r\n"
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(f"{head}\r\n".encode())
        assert connection.makefile("rb").read().startswith(b"HTTP/1.1 4")
    assert server.ask("GET", "/health/live").status == 200


def test_a_running_request_is_finished(home: Path, start: Start) -> None:
    """A request whose body is still arriving when the wish to stop comes is answered before the end."""
    server = start().ready()
    host, port = server.netloc.split(":")
    with socket.create_connection((host, int(port))) as connection:
        headers = f"Host: {host}\r\nAuthorization: Bearer {ADMIN_KEY}\r\nContent-Type: application/json\r\n"
        expected = f"Content-Length: {len(NEED)}\r\nExpect: 100-continue\r\n\r\n"
        connection.sendall(f"POST /match HTTP/1.1\r\n{headers}{expected}".encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 100")
        os.kill(server.pid, signal.SIGTERM)
        until(lambda: not accepts(host, int(port)))
        connection.sendall(NEED)
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
    assert server.ended() == 0
    assert processes(home) == {}


def test_a_request_that_lasts_too_long_is_refused_for_now(start: Start) -> None:
    """Whoever sends it again, to the next server, is answered there."""
    server = start(VIVIER_GRACE_SECONDS="0").ready()
    host, port = server.netloc.split(":")
    with socket.create_connection((host, int(port))) as connection:
        headers = f"Host: {host}\r\nAuthorization: Bearer {ADMIN_KEY}\r\nContent-Type: application/x-ndjson\r\n"
        expected = "Content-Length: 100\r\nExpect: 100-continue\r\n\r\n"
        connection.sendall(f"POST {IMPORTS} HTTP/1.1\r\n{headers}{expected}".encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 100")
        os.kill(server.pid, signal.SIGTERM)
        head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: " in head
    assert json.loads(body)["type"] == "/problems/stopping"
    assert server.ended() == 0


def test_a_stop_is_not_held_by_those_who_wait_for_a_change(start: Start) -> None:
    """They are told that there is none so far, and ask the next server."""
    server = start(VIVIER_GRACE_SECONDS="3600").ready()
    host, port = server.netloc.split(":")
    path = f"/suppliers/changes?cursor={decoded(server.ask('GET', '/suppliers/changes?limit=200'))['next_cursor']}"
    waiting = [socket.create_connection((host, int(port))) for _ in range(MOST_OF_ONE_KEY)]
    for each in waiting:
        each.sendall(
            f"GET {path}&wait=60 HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {ADMIN_KEY}\r\n\r\n".encode()
        )
    until(lambda: server.ask("GET", f"{path}&wait=0.01").status == 429)
    os.kill(server.pid, signal.SIGTERM)
    for each in waiting:
        with each:
            assert each.recv(100).startswith(b"HTTP/1.1 200")
    assert server.ended() == 0


def accepts(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port)).close()
    except ConnectionRefusedError:
        return False
    return True


def test_workers_share_socket_and_metrics_and_are_replaced(home: Path, start: Start) -> None:
    """Two workers answer and count together; one that is killed is followed by another."""
    server = start("--workers", "2").ready()
    until(lambda: len(workers(server)) == 2)
    for _ in range(10):
        assert server.ask("POST", "/match", NEED).status in {200, 503}
    until(lambda: matches_counted(server) == 10)  # a worker counts once it has answered
    victim = min(workers(server))
    os.kill(victim, signal.SIGKILL)
    until(lambda: len(workers(server) - {victim}) == 2)
    assert server.ask("GET", "/health/live").status == 200
    assert matches_counted(server) == 10
    server.signal(signal.SIGINT)
    assert server.ended() == 0
    assert processes(home) == {}


def test_a_crash_of_a_library_says_where(start: Start) -> None:
    """Of a worker too, which another one replaces."""
    server = start("--workers", "2").ready()
    until(lambda: len(workers(server)) == 2)
    victim = min(workers(server))
    os.kill(victim, signal.SIGSEGV)
    until(lambda: len(workers(server) - {victim}) == 2)
    assert "Fatal Python error: Segmentation fault" in server.log
    assert "most recent call first" in server.log


def matches_counted(server: Server) -> int:
    """The POST requests that the workers counted together."""
    counts = re.findall(rb'request_seconds_count\{[^}]*"POST"[^}]*\} (\d+)', server.ask("GET", "/metrics").body)
    return sum(map(int, counts))


def test_nothing_outlives_a_parent_that_is_killed(home: Path, start: Start) -> None:
    """Neither workers nor PostgreSQL stay when the parent has no chance to end them."""
    server = start("--workers", "2").ready()
    until(lambda: len(workers(server)) == 2)
    server.kill()
    until(lambda: processes(home) == {})


def test_a_database_that_hangs_does_not_keep_a_server_from_stopping(home: Path, start: Start) -> None:
    """Not its connections, nor its own end."""
    server = start().ready()
    hanging = [pid for pid, said in processes(home).items() if "postgres" in said]
    for pid in hanging:
        os.kill(pid, signal.SIGSTOP)
    try:
        server.signal(signal.SIGTERM)
        assert server.ended() == 0
    finally:
        for pid in hanging:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
    until(lambda: processes(home) == {})


def test_an_import_fails_with_the_process_that_prepares_its_rows(home: Path, start: Start) -> None:
    """Nothing of it is stored, and the next one is taken."""
    server = start().ready()
    with importing(server) as (preparer, answer):
        os.kill(preparer, signal.SIGKILL)
        assert answer.result().status == 500
    assert [each["status"] for each in decoded(server.ask("GET", IMPORTS))["items"]] == ["failed"]
    assert decoded(server.ask("POST", IMPORTS, b"".join(ROWS[:10]), **NDJSON))["added"] == 10


def test_what_prepares_rows_ends_with_a_server_that_is_killed(home: Path, start: Start) -> None:
    """Another one takes its place, at the same address."""
    server = start().ready()
    before = processes(home).keys()
    with importing(server) as (_, answer):
        os.kill(serving(server), signal.SIGKILL)
        with pytest.raises(ConnectionError):
            answer.result()
    until(lambda: not before & (processes(home).keys() - {server.pid}))
    assert server.ready().ask("POST", "/match", NEED).status == 200
    assert "was ended by signal 9 (Killed); another starts in " in server.log


def test_a_crash_while_starting_is_tried_again(home: Path, start: Start) -> None:
    """And said where it was, and what ended it."""
    server = start()
    until(lambda: bool(children(server.pid)))
    os.kill(serving(server), signal.SIGSEGV)
    assert server.ready().ask("POST", "/match", NEED).status == 200
    assert "Fatal Python error: Segmentation fault" in server.log
    assert "was ended by signal 11 (Segmentation fault); another starts in " in server.log
    server.signal(signal.SIGTERM)
    assert server.ended() == 0
    assert processes(home) == {}


@pytest.mark.parametrize("count", ["1", "2", "4"])
def test_a_busy_server_ends_with_every_answer_whole(home: Path, start: Start, count: str, tmp_path: Path) -> None:
    """However often it is told, whoever told it; nothing had to be killed, and no interpreter was taken apart."""
    (tmp_path / "sitecustomize.py").write_text(TAKEN_APART)
    server = start("--workers", count, PYTHONPATH=str(tmp_path)).ready()
    host, port = server.netloc.split(":")
    asked = [socket.create_connection((host, int(port))) for _ in range(8)]
    for number, each in enumerate(asked):
        each.sendall(REQUESTS[number % len(REQUESTS)])
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
        server.signal(number)
    for each in asked:
        with each:
            assert is_whole(received(each))
    assert server.ended() == 0
    assert processes(home) == {}
    assert "is killed" not in server.log
    assert "taken apart" not in server.log


def test_a_port_in_use_is_said_at_once(tmp_path: Path) -> None:
    """Before any database is made."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = vivier(tmp_path, "serve", "--port", str(port))
    assert done.returncode == 1
    assert done.stderr == f"vivier: port {port} of 127.0.0.1 is already in use; choose another with --port\n"
    assert list(tmp_path.iterdir()) == []
