"""A server to measure: `vivier serve` on a temporary home, and the CPU time it spends."""

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

ADMIN_KEY = "the-administrators-key"
START_SECONDS = 60.0
ANSWER_SECONDS = 600.0
INHERITED = ("PATH", "HOME", "PG_BIN", "LANG")
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """A server that answers at `port`."""

    pid: int
    port: int

    def connect(self) -> HTTPConnection:
        """A connection to reuse: whichever worker accepts it answers all its requests."""
        return HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS)

    def ask(self, method: str, path: str, body: Any = None, connection: HTTPConnection | None = None) -> Any:
        """The JSON answer to one request; raises RuntimeError on a refusal."""
        content = None if body is None else json.dumps(body).encode()
        return _answer(connection or self.connect(), method, path, content, "application/json")

    def send(self, path: str, file: Path) -> Any:
        """The answer to an NDJSON file."""
        with file.open("rb") as rows:
            return _answer(self.connect(), "POST", path, rows, "application/x-ndjson")

    def cpu_seconds(self) -> float:
        """CPU time spent so far, without PostgreSQL's; processes that ended count with the parent that reaped them."""
        stats = [_read(pid, "stat") for pid in _family(self.pid)]
        fields = [stat.rpartition(")")[2].split() for stat in stats if stat and "(postgres)" not in stat]
        return sum(int(ticks) for each in fields for ticks in each[11:15]) / TICKS


@contextmanager
def serving(*arguments: str) -> Iterator[Server]:
    """A server with an empty database, once it can match; both are removed after the block."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="vivier-bench-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
        environment |= {"VIVIER_HOME": str(home), "VIVIER_ADMIN_KEY": ADMIN_KEY}
        command = [str(Path(sys.executable).with_name("vivier")), "serve", "--port", "0", *arguments]
        with (home / "log").open("wb") as log:
            process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log)
            try:
                server = Server(process.pid, _port(process))
                _await_ready(server)
                yield server
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait()


def _answer(connection: HTTPConnection, method: str, path: str, body: Any, media_type: str) -> Any:
    connection.request(method, path, body, {"Authorization": f"Bearer {ADMIN_KEY}", "Content-Type": media_type})
    response = connection.getresponse()
    content = response.read()
    if response.status >= 400:
        raise RuntimeError(f"{method} {path}: {response.status} {content[:500]!r}")
    return json.loads(content) if content else None


def _port(process: "subprocess.Popen[bytes]") -> int:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], START_SECONDS)
    line = os.read(process.stdout.fileno(), 4096).decode() if ready else ""
    if "http://" not in line:
        raise RuntimeError(f"the server did not start: {line}")
    return int(line.split("http://")[1].split()[0].rpartition(":")[2])


def _await_ready(server: Server) -> None:
    limit = time.monotonic() + START_SECONDS
    while True:
        try:
            server.ask("GET", "/health/ready")
            return
        except RuntimeError:
            if time.monotonic() > limit:
                raise
            time.sleep(0.05)


def _family(pid: int) -> Iterator[int]:
    """The process and all its descendants."""
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*"):
        for child in _read(pid, f"task/{task.name}/children").split():
            yield from _family(int(child))


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text()
    except OSError:  # ended meanwhile
        return ""
