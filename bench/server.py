"""A server to measure: `vivier serve` on a temporary home, the CPU time it spends and the memory it takes."""

import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

ADMIN_KEY = "the-administrators-key"
START_SECONDS = 600.0
"""A million suppliers are read and indexed before the first answer."""
ANSWER_SECONDS = 600.0
ALL_WORKERS = 8
"""Connections at once of which each of two workers accepts one at least."""
ANYTHING = {
    "on": "2026-11-24",
    "territory": {"codes": ["commune:56178"]},
    "lots": [{"id": "1", "segments": ["pr-locaux"]}],
    "limit": 1,
}
CPU_OF_PROCESS = 2  # of the identifiers of Linux's clocks, which hold a process: CPUCLOCK_SCHED
INHERITED = ("PATH", "HOME", "PG_BIN", "LANG")


@dataclass(frozen=True)
class Server:
    """A server that answers at `port`."""

    pid: int
    port: int
    start_seconds: float = 0.0
    """From its command to the first answer that it is ready."""

    def connect(self) -> HTTPConnection:
        """A connection to reuse: whichever worker accepts it answers all its requests."""
        return HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS)

    def ask(self, method: str, path: str, body: Any = None, connection: HTTPConnection | None = None) -> Any:
        """The JSON answer to one request; raises RuntimeError on a refusal."""
        content = None if body is None else json.dumps(body).encode()
        if connection is not None:
            return _answer(connection, method, path, content, "application/json")
        with closing(self.connect()) as alone:
            return _answer(alone, method, path, content, "application/json")

    def send(self, path: str, file: Path, media_type: str = "application/x-ndjson") -> Any:
        """Post a file; returns the JSON answer."""
        with file.open("rb") as rows, closing(self.connect()) as connection:
            return _answer(connection, "POST", path, rows, media_type)

    def data_version(self, connection: HTTPConnection | None = None) -> int:
        """The data version that a worker matches with: the worker of the connection if one is given, else any."""
        return int(self.ask("POST", "/match", ANYTHING, connection)["stamp"]["data_version"])

    def seconds_until(self, wanted: int) -> float:
        """The seconds until every worker matches with the `wanted` data version.

        New connections all ask at once: while one worker matches, the other accepts.
        """
        began = time.perf_counter()
        while True:
            with ExitStack() as stack:
                asked = [stack.enter_context(closing(self.connect())) for _ in range(ALL_WORKERS)]
                for each in asked:
                    _send(each, "POST", "/match", json.dumps(ANYTHING).encode(), "application/json")
                if min(_received_json(each)["stamp"]["data_version"] for each in asked) >= wanted:
                    return time.perf_counter() - began
            time.sleep(0.05)

    def cpu_seconds(self) -> float:
        """CPU seconds spent so far by the living processes of the server, without PostgreSQL's."""
        return sum(map(cpu_seconds, self._processes(of_postgres=False)))

    def memory_mb(self) -> dict[str, float]:
        """Megabytes of the server's processes and of PostgreSQL's; shared pages count once (PSS)."""
        return {
            "server": sum(map(_pss_mb, self._processes(of_postgres=False))),
            "postgresql": sum(map(_pss_mb, self._processes(of_postgres=True))),
        }

    def _processes(self, *, of_postgres: bool) -> list[int]:
        return [pid for pid in family(self.pid) if (_read(pid, "comm") == "postgres\n") == of_postgres]


@contextmanager
def home() -> Iterator[Path]:
    """A temporary folder, readable by PostgreSQL's user, for the data of servers; removed after the block."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="vivier-bench-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@contextmanager
def serving(folder: Path, workers: int = 1) -> Iterator[Server]:
    """A running `vivier serve` on the database in the folder, once it can match; stopped after the block."""
    command = [str(Path(sys.executable).with_name("vivier")), "serve", "--port", "0", "--workers", str(workers)]
    with started_server(command, folder) as server:
        yield server


@contextmanager
def started_server(command: list[str], folder: Path) -> Iterator[Server]:
    """A running server, started by a command that prints its address, once it is ready; stopped after the block."""
    environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
    environment |= {"VIVIER_HOME": str(folder), "VIVIER_ADMIN_KEY": ADMIN_KEY}
    environment |= {"VIVIER_IMPORT_LIMIT_MIB": "4096"}  # a million suppliers are 1.3 GB
    began = time.perf_counter()
    with (
        (folder / "log").open("ab") as log,
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log) as process,
    ):
        try:
            server = Server(process.pid, _port(process))
            _await_ready(server)
            yield replace(server, start_seconds=time.perf_counter() - began)
        finally:
            process.send_signal(signal.SIGTERM)


def _answer(connection: HTTPConnection, method: str, path: str, body: Any, media_type: str) -> Any:
    _send(connection, method, path, body, media_type)
    return _received_json(connection)


def _send(connection: HTTPConnection, method: str, path: str, body: Any, media_type: str) -> None:
    connection.request(method, path, body, {"Authorization": f"Bearer {ADMIN_KEY}", "Content-Type": media_type})


def _received_json(connection: HTTPConnection) -> Any:
    response = connection.getresponse()
    content = response.read()
    if response.status >= 400:
        raise RuntimeError(f"{response.status} {content[:500]!r}")
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
        except RuntimeError:
            if time.monotonic() > limit:
                raise
            time.sleep(0.02)
        else:
            return


def family(pid: int) -> Iterator[int]:
    """The process and all its descendants."""
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*"):
        for child in _read(pid, f"task/{task.name}/children").split():
            yield from family(int(child))


def cpu_seconds(pid: int) -> float:
    """CPU time that a process has spent so far; 0 where it has ended."""
    try:
        return time.clock_gettime((~pid << 3) | CPU_OF_PROCESS)
    except OSError:  # ended meanwhile
        return 0.0


def _pss_mb(pid: int) -> float:
    found = re.search(r"^Pss: +(\d+) kB", _read(pid, "smaps_rollup"), re.MULTILINE)
    return int(found[1]) / 1000 if found else 0.0


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text()
    except OSError:  # ended meanwhile
        return ""
