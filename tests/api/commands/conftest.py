"""Commands run as people run them: as processes, each on a home of its own or beside a running server."""

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from functools import cached_property
from http.client import HTTPConnection, HTTPMessage
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import text

from api.cli import main
from api.commands.command import attached_database
from api.runtime.processes.forked_processes import ForkedProcesses, forked_processes
from api.settings import read_settings
from db.core.engine import engine, transaction
from tests import conftest
from tests.conftest import ROOT, open_folder
from tests.factories import reference

database_url = conftest.database_url  # processes may still be at it when their test ends
VIVIER = Path(sys.executable).with_name("vivier")
ADMIN_KEY = "the-administrators-key"
PATIENCE_SECONDS = 120.0
KEPT = ("PATH", "HOME", "PG_BIN", "LANG")


class Answer(NamedTuple):
    """What a server answered."""

    status: int
    body: bytes
    headers: HTTPMessage


def environment(home: Path, **more: str) -> dict[str, str]:
    """The environment of a command: the home, and nothing else that Vivier reads."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return {**kept, "VIVIER_HOME": str(home), **more}


def vivier(home: Path, *arguments: str, stdin: str | None = None, **more: str) -> "subprocess.CompletedProcess[str]":
    """Run one command to its end."""
    return subprocess.run(
        [VIVIER, *arguments],
        cwd=ROOT,
        env=environment(home, **more),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


class Done(NamedTuple):
    """How a command ended and what it wrote."""

    status: int
    out: str
    err: str


Within = Callable[..., Done]
"""Runs a command inside the test's own process, which spares it its start; `stdin`: what it is given there."""


class Running:
    """A command that goes on until it is told to stop."""

    def __init__(self, home: Path, *arguments: str, **more: str) -> None:
        self.home = home
        self._log = (home / "stderr.log").open("w+b")
        self._process = subprocess.Popen(
            [VIVIER, *arguments],
            cwd=ROOT,
            env=environment(home, **more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,
        )
        self.said = ""

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log(self) -> str:
        return (self.home / "stderr.log").read_text()

    def wait_for(self, words: str) -> str:
        """Everything the command wrote, once it wrote the line with `words`."""
        assert self._process.stdout is not None
        limit = time.monotonic() + PATIENCE_SECONDS
        while words not in self.said:
            ready, _, _ = select.select([self._process.stdout], [], [], limit - time.monotonic())
            assert ready, f"{words!r} did not come: {self.said}{self.log}"
            piece = os.read(self._process.stdout.fileno(), 65_536)
            assert piece, f"it ended without {words!r}: {self.said}{self.log}"
            self.said += piece.decode()
        return self.said

    def signal(self, number: signal.Signals) -> None:
        """As a terminal sends it: to every process of the command's group."""
        os.killpg(self.pid, number)

    def kill(self) -> None:
        """End the command itself, with no chance to put anything in order."""
        self._process.kill()
        self._process.wait()

    def ended(self) -> int:
        """The exit status, once the command has ended."""
        return self._process.wait(PATIENCE_SECONDS)

    def close(self) -> None:
        """Leave nothing behind, whatever a test did."""
        if self._process.poll() is None:
            self.signal(signal.SIGTERM)
            try:
                self._process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                self.signal(signal.SIGKILL)
                self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
        self._log.close()


class Server(Running):
    """`vivier serve` on a free port, with the administrator's key."""

    def __init__(self, home: Path, *arguments: str, **more: str) -> None:
        usual = {"VIVIER_ADMIN_KEY": ADMIN_KEY, "VIVIER_KEY_CACHE_SECONDS": "0"}
        super().__init__(home, "serve", "--port", "0", *arguments, **usual, **more)
        self.given = more

    @cached_property
    def database_url(self) -> str:
        """The address of its database, as a command beside it finds it: that is asked of another user's process."""
        if url := self.given.get("DATABASE_URL"):
            return url
        with attached_database(read_settings(environment(self.home))) as url:
            return url

    @property
    def netloc(self) -> str:
        self.wait_for("\n")
        return self.said.split("http://")[1].split()[0]

    def ask(self, method: str, path: str, body: bytes | None = None, key: str = ADMIN_KEY, **headers: str) -> Answer:
        """One request on a connection of its own."""
        connection = HTTPConnection(self.netloc, timeout=PATIENCE_SECONDS)
        usual = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, body, usual | headers)
            response = connection.getresponse()
            return Answer(response.status, response.read(), response.headers)
        finally:
            connection.close()

    def ready(self) -> "Server":
        """The server, once it can match."""
        until(lambda: self.ask("GET", "/health/ready").status == 200)
        return self


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition; fail where it does not come true."""
    limit = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < limit, "the condition did not come true"
        time.sleep(0.02)


def processes(home: Path) -> Mapping[int, str]:
    """The processes that have to do with a home: started for it, named after it, or working in it."""
    if not Path("/proc/self/environ").exists():
        pytest.skip("without /proc it cannot be seen what runs")
    return {int(entry.name): said for entry in Path("/proc").glob("[0-9]*") if (said := _concerns(entry, home))}


def _concerns(process: Path, home: Path) -> str:
    try:
        command = process.joinpath("cmdline").read_bytes()
        started_for = f"VIVIER_HOME={home}".encode() in process.joinpath("environ").read_bytes().split(b"\0")
        works_in = str(process.joinpath("cwd").readlink()).startswith(str(home))
    except OSError:  # ended meanwhile, or somebody else's
        return ""
    return (
        command.replace(b"\0", b" ").decode() if command and (started_for or works_in or bytes(home) in command) else ""
    )


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A home of the module's own, without a database at first; its tests start on what the one before left."""
    with open_folder() as folder:
        yield folder


@pytest.fixture
def start(home: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers on the test's home."""
    started: list[Server] = []

    def start(*arguments: str, **more: str) -> Server:
        started.append(Server(home, *arguments, **more))
        return started[-1]

    yield start
    for server in started:
        server.close()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A server that is up for all tests that only need one to be there."""
    with open_folder() as folder:
        server = Server(folder)
        try:
            yield server.ready()
        finally:
            server.close()


@pytest.fixture(scope="session")
def processes_of_imports() -> Iterator[ForkedProcesses]:
    """The processes that prepare the rows of all imports."""
    with forked_processes(reference()) as forked:
        yield forked


def load_once(patched: pytest.MonkeyPatch) -> None:
    """Have commands in this process use the reference data that is loaded once for all."""
    for module in ("api.commands.campaigns", "api.commands.imports", "api.commands.match", "sources.pool.trade_counts"):
        patched.setattr(f"{module}.load_reference", lambda *_: reference())


@pytest.fixture
def within(
    server: Server,
    processes_of_imports: ForkedProcesses,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Within:
    """Runs commands beside the server that is up."""
    monkeypatch.setenv("DATABASE_URL", server.database_url)
    monkeypatch.setenv("VIVIER_HOME", str(server.home))
    load_once(monkeypatch)
    monkeypatch.setattr("api.commands.imports.forked_processes", lambda _: nullcontext(processes_of_imports))

    def run(*arguments: str, stdin: str = "") -> Done:
        capsys.readouterr()
        monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(stdin.encode())))
        status = main(arguments)
        return Done(status, *capsys.readouterr())

    return run


def in_database(server: Server, *statements: str, **values: Any) -> None:
    """Do it as the owner of the tables may, in one transaction."""

    async def work(url: str) -> None:
        async with transaction(engine(url, pool_size=0)) as connection:
            for statement in statements:
                await connection.execute(text(statement), values)

    asyncio.run(work(server.database_url))


def decoded(answer: Answer) -> Any:
    """An answer's JSON."""
    return json.loads(answer.body)
