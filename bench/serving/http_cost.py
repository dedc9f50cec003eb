"""Measure what the server spends around a match: `POST /match` with a ready answer, so that nothing is matched, in a
place that was asked for before.

    python -m bench.serving.http_cost [ROUNDS]        (default: 5)

One worker as `vivier serve` runs it, without a database; 16 connections of another process, each of which sends its
next request once it is answered. The ways are asked in turns, and of their rounds the median is printed: CPU
microseconds of the server for each request (all, and what the kernel took of it), and requests a second.
"""

import gc
import json
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import msgspec
from litestar import Litestar

from api.app import create_app
from api.commands.serving.server_process import serve_requests
from api.runtime.observability import configure_logging
from api.settings import read_settings
from bench.suppliers import ON
from domain.needs.need import Need
from matching.engine import match_json
from matching.index.live_index import Index, LiveIndex
from matching.reference import load_reference

KEY = "the-administrators-key"
CONNECTIONS, SECONDS = 16, 2.0
LARGE, SMALL = 94_561, 1_000
TICKS = os.sysconf("SC_CLK_TCK")
CORPUS = Path(__file__).parents[2] / "openapi" / "openapi.json"
LOTS = [{"id": name, "segments": ["pr-locaux", "ev-entretien"], "max_distance_km": 40} for name in "123"]
NEED = json.dumps({"reference": "1", "territory": {"codes": ["departement:56"]}, "lots": LOTS}).encode()


@dataclass(frozen=True)
class RequestKind:
    """A kind of request that is measured: for an answer of `size` bytes. `environment`: settings of the server."""

    name: str
    size: int
    path: str = "/match"
    headers: str = ""
    environment: tuple[tuple[str, str], ...] = ()
    application: bool = True


KINDS = (
    RequestKind("94 kB", LARGE),
    RequestKind("94 kB, routed by the framework", LARGE, path="/match/"),
    RequestKind("94 kB, no access line", LARGE, environment=(("VIVIER_LOG_LEVEL", "warning"),)),
    RequestKind("94 kB, gzip", LARGE, headers="Accept-Encoding: gzip\r\n"),
    RequestKind("94 kB, bare server", LARGE, application=False),
    RequestKind("1 kB", SMALL),
    RequestKind("1 kB, routed by the framework", SMALL, path="/match/"),
    RequestKind("1 kB, bare server", SMALL, application=False),
)


def ready_answer(size: int) -> bytes:
    """JSON of `size` bytes, that compresses about as well as a shortlist does."""
    return json.dumps(CORPUS.read_text()[: size * 2])[: size - 1].rstrip("\\").encode().ljust(size - 1) + b'"'


def application(kind: RequestKind) -> Litestar:
    """The application, patched so that all matches are answered by the same bytes."""
    body = ready_answer(kind.size)
    patch("api.match.match_json", lambda *_: body).start()
    settings = read_settings({"VIVIER_ADMIN_KEY": KEY, **dict(kind.environment)})
    configure_logging(settings)
    reference = load_reference()
    index = LiveIndex(Index.build((), reference.taxonomy, reference.cpv, reference.geography), data_version=1)
    match_json(msgspec.json.decode(NEED, type=Need), index, reference, ON, "fr")
    app = create_app(settings, reference, parts=())
    app.state.services.live = SimpleNamespace(index=index, index_for=lambda _: index)
    return app


def bare_server(size: int) -> Callable[[Any, Any, Any], Any]:
    """An ASGI application that does the least: it reads the request and sends `size` bytes."""
    body = ready_answer(size)
    start = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(size).encode())]}

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for _ in ("startup", "shutdown"):
                await send({"type": f"{(await receive())['type']}.complete"})
            return
        await receive()
        await send(start)
        await send({"type": "http.response.body", "body": body, "more_body": False})

    return answer


@contextmanager
def serving(kind: RequestKind) -> Iterator[tuple[int, int]]:
    """The id of a forked process that serves this kind of request, and its port; its log goes to a file."""
    bound = socket.create_server(("127.0.0.1", 0))
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        log = os.open(f"/tmp/vivier-http-cost-{os.getpid()}.log", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
        os.dup2(log, 2)
        app: Any = application(kind) if kind.application else bare_server(kind.size)
        gc.collect()
        gc.freeze()
        serve_requests(app, bound, lambda: os.write(writing, b"1"))
        os._exit(0)
    try:
        os.read(reading, 1)
        yield pid, bound.getsockname()[1]
    finally:
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)
        Path(f"/tmp/vivier-http-cost-{pid}.log").unlink()
        for descriptor in (reading, writing):
            os.close(descriptor)
        bound.close()


def ask(port: int, kind: RequestKind, seconds: float) -> int:
    """The number of requests answered in `seconds`. Raises RuntimeError where one is refused."""
    head = f"POST {kind.path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {KEY}\r\n{kind.headers}"
    request = f"{head}Content-Type: application/json\r\nContent-Length: {len(NEED)}\r\n\r\n".encode() + NEED
    answered, selector = 0, selectors.DefaultSelector()
    connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS)]
    answers = [bytearray() for _ in connections]
    for number, connection in enumerate(connections):
        connection.sendall(request)
        selector.register(connection, selectors.EVENT_READ, number)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for key, _ in selector.select():
            asked, received = connections[key.data], answers[key.data]
            received += asked.recv(1 << 18)
            if _is_whole(received):
                received.clear()
                answered += 1
                asked.sendall(request)
    for connection in connections:
        connection.close()
    return answered


def _is_whole(received: bytearray) -> bool:
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return False
    if not received.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(received[:500].decode())
    at = received.find(b"content-length: ") + 16
    return len(received) >= end + 4 + int(received[at : received.find(b"\r", at)])


def cpu_seconds(pid: int) -> tuple[float, float]:
    """CPU seconds of a process: all, and those of the kernel."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, kernel = int(fields[11]), int(fields[12])
    return (user + kernel) / TICKS, kernel / TICKS


def measure(pid: int, port: int, kind: RequestKind) -> tuple[float, float, float]:
    """CPU microseconds per request, those of the kernel among them, and requests per second."""
    before = cpu_seconds(pid)
    count = ask(port, kind, SECONDS)
    after = cpu_seconds(pid)
    return (after[0] - before[0]) / count * 1e6, (after[1] - before[1]) / count * 1e6, count / SECONDS


def main(rounds: int) -> None:
    """Measure all kinds of requests in turns, and print the medians."""
    figures: dict[RequestKind, list[tuple[float, float, float]]] = {kind: [] for kind in KINDS}
    for _ in range(rounds):
        for kind, results in figures.items():
            with serving(kind) as (pid, port):
                ask(port, kind, SECONDS / 4)
                results.append(measure(pid, port, kind))
    for kind, results in figures.items():
        spent, kernel, rate = (median(column) for column in zip(*results, strict=True))
        print(f"{kind.name:32s} {spent:5.0f} µs a request, of which kernel {kernel:3.0f}   {rate:6.0f} requests/s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 5)
