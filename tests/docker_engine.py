"""A stand-in for Docker's engine: its API on a Unix socket, as much of it as testcontainers asks for a PostgreSQL.

A “container” is a PostgreSQL of this machine with the user, password and database that its environment names; what is
to be executed in it is run here, with the port at which it listens.
"""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from threading import Thread
from typing import Any

from db.embedded.home import find_binaries, prepare_home
from tests.faults.postgres import Cluster, program_folder

ID, EXECUTION = "c" * 64, "e" * 64
UP = {"Status": "running", "Running": True, "ExitCode": 0}


class Engine(ThreadingMixIn, UnixStreamServer):
    """The engine; `asked`: the methods and paths of its requests, `cluster`: the PostgreSQL that runs in it."""

    daemon_threads = True

    def __init__(self, socket: Path, folder: Path) -> None:
        super().__init__(str(socket), Answers)
        home = prepare_home(folder)
        self.asked = list[str]()
        self.programs = find_binaries(program_folder(), home.account).folder
        self.cluster = Cluster(home, self.programs)
        self._environment: dict[str, str] = {}
        self._exit_code = 0
        # by method, kind, and the last word of the path, or "" for any
        self._acts: dict[tuple[str, str, str], Callable[[Any], tuple[int, Any]]] = {
            ("GET", "_ping", ""): lambda _: (200, b"OK"),
            ("GET", "version", ""): lambda _: (200, {"ApiVersion": "1.44", "Version": "27.0.0"}),
            ("GET", "images", ""): lambda _: (200, {"Id": "sha256:1", "RepoTags": ["postgres"]}),
            ("POST", "containers", "create"): self._create,
            ("POST", "containers", "start"): self._start,
            ("POST", "containers", "exec"): self._execute,
            ("POST", "exec", "start"): lambda _: (200, b""),
            ("GET", "exec", "json"): lambda _: (200, {"ExitCode": self._exit_code}),
            ("GET", "containers", "json"): lambda _: (200, self._container()),
            ("DELETE", "containers", ""): self._remove,
        }

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """The status and the content of an answer, whose path has no version."""
        self.asked.append(f"{method} {path}")
        kind, _, rest = path.lstrip("/").partition("/")
        act = self._acts.get((method, kind, rest.rpartition("/")[2])) or self._acts.get((method, kind, ""))
        return act(body) if act else (404, {"message": f"no such route: {method} {path}"})

    def _create(self, body: Any) -> tuple[int, Any]:
        self._environment = dict(each.split("=", 1) for each in body["Env"])
        return 201, {"Id": ID, "Warnings": []}

    def _execute(self, body: Any) -> tuple[int, Any]:
        given = {"PATH": f"{self.programs}{os.pathsep}{os.environ['PATH']}", "PGPORT": str(self.cluster.primary.port)}
        done = subprocess.run(body["Cmd"], env=os.environ | given, capture_output=True, check=False)
        self._exit_code = done.returncode
        return 201, {"Id": EXECUTION}

    def _remove(self, _: Any) -> tuple[int, Any]:
        self.cluster.end()
        return 204, b""

    def _start(self, _: Any) -> tuple[int, Any]:
        self.cluster.start_primary()
        user, name = self._environment["POSTGRES_USER"], self._environment["POSTGRES_DB"]
        password = self._environment["POSTGRES_PASSWORD"]
        for statement in (
            f"CREATE ROLE {user} SUPERUSER LOGIN PASSWORD '{password}'",
            f"CREATE DATABASE {name} OWNER {user}",
        ):
            self.cluster.sql(self.cluster.primary, statement)
        return 204, b""

    def _container(self) -> dict[str, Any]:
        port = [{"HostIp": "127.0.0.1", "HostPort": str(node.port)} for node in self.cluster.nodes]
        return {
            "Id": ID,
            "Name": "/postgres",
            "State": UP,
            "Config": {"Labels": {}},
            "NetworkSettings": {"Ports": {"5432/tcp": port}, "Networks": {}},
        }


class Answers(BaseHTTPRequestHandler):
    """Gives the engine's answers to the requests of one connection."""

    server: Engine

    def address_string(self) -> str:
        return "a Unix socket"

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = re.sub(r"^/v[\d.]+", "", self.path.partition("?")[0])
        status, content = self.server.answer(self.command, path, json.loads(body) if body else None)
        written = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if isinstance(content, bytes) else "application/json")
        if status != 204:
            self.send_header("Content-Length", str(len(written)))
        self.end_headers()
        self.wfile.write(written)

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815 - names of the library


@contextmanager
def docker_engine(folder: Path) -> Iterator[Engine]:
    """The engine, on the socket `docker.sock` of a folder."""
    engine = Engine(folder / "docker.sock", folder)
    Thread(target=engine.serve_forever, daemon=True).start()
    try:
        yield engine
    finally:
        engine.shutdown()
        engine.server_close()
        engine.cluster.end()
