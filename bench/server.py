"""A real server to measure: `vivier serve` on a home that is thrown away, and what it and its database consume."""

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
KEPT = ("PATH", "HOME", "PG_BIN", "LANG")
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Usage:
    """What the processes of a server have consumed: CPU seconds of ours and of PostgreSQL's, and our peak of memory."""

    ours: float
    database: float
    peak_mb: float

    def __sub__(self, before: "Usage") -> "Usage":
        return Usage(self.ours - before.ours, self.database - before.database, self.peak_mb)


@dataclass(frozen=True)
class Server:
    """A server that answers at `port`."""

    pid: int
    port: int

    def connect(self) -> HTTPConnection:
        """A connection to keep: whichever worker takes it answers all its requests."""
        return HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS)

    def ask(self, method: str, path: str, body: Any = None, connection: HTTPConnection | None = None) -> Any:
        """The JSON answer to one request; raises RuntimeError on a refusal."""
        made = connection or self.connect()
        headers = {"Authorization": f"Bearer {ADMIN_KEY}", "Content-Type": "application/json"}
        made.request(method, path, None if body is None else json.dumps(body), headers)
        response = made.getresponse()
        content = response.read()
        if connection is None:
            made.close()
        if response.status >= 400:
            raise RuntimeError(f"{method} {path}: {response.status} {content[:500]!r}")
        return json.loads(content) if content else None

    def send(self, path: str, file: Path) -> Any:
        """The answer to an NDJSON file, sent by a process of its own."""
        command = ["curl", "-sS", "--fail-with-body", "-T", str(file), "-X", "POST", "-H", "Expect:"]
        command += ["-H", f"Authorization: Bearer {ADMIN_KEY}", "-H", "Content-Type: application/x-ndjson"]
        done = subprocess.run([*command, f"http://127.0.0.1:{self.port}{path}"], capture_output=True, check=False)
        if done.returncode:
            raise RuntimeError(f"POST {path}: {done.stdout[:500]!r} {done.stderr!r}")
        return json.loads(done.stdout)

    def usage(self) -> Usage:
        """So far. Processes that ended are counted by the parent that waited for them."""
        ours = database = peak = 0.0
        for process in _family(self.pid):
            status = dict(line.split(":", 1) for line in _read(process, "status").splitlines())
            if "Name" not in status:
                continue
            fields = _read(process, "stat").rpartition(")")[2].split()
            spent = sum(map(int, fields[11:15])) / TICKS
            if status["Name"].strip() == "postgres":
                database += spent
            else:
                ours += spent
                peak = max(peak, int(status["VmHWM"].split()[0]) / 1024)
        return Usage(ours, database, peak)


@contextmanager
def serving(*arguments: str) -> Iterator[Server]:
    """A server with an empty database, once it can match; both are gone after the block."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="vivier-bench-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        environment = {name: os.environ[name] for name in KEPT if name in os.environ}
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


def _port(process: "subprocess.Popen[bytes]") -> int:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], START_SECONDS)
    said = os.read(process.stdout.fileno(), 4096).decode() if ready else ""
    if "http://" not in said:
        raise RuntimeError(f"the server did not start: {said}")
    return int(said.split("http://")[1].split()[0].rpartition(":")[2])


def _await_ready(server: Server) -> None:
    limit = time.monotonic() + START_SECONDS
    while True:
        try:
            server.ask("GET", "/health/ready")
        except RuntimeError:
            if time.monotonic() > limit:
                raise
            time.sleep(0.05)
        else:
            return


def _family(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:
            continue
        for child in children:
            yield from _family(int(child))


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text()
    except OSError:
        return ""
