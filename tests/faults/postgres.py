"""A primary and a standby of PostgreSQL that tests stop, kill and promote; the processes of a running server."""

import os
import secrets
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from db.embedded.home import Home
from tests.api.commands.conftest import Server, until


def program_folder() -> Path | None:
    """The folder of the programs that PG_BIN chooses."""
    chosen = os.environ.get("PG_BIN")
    return Path(chosen) if chosen else None


def free_port() -> int:
    """A port of this machine that nobody listens on, nor is given meanwhile: the system gives higher ones."""
    while True:
        port = 12_000 + secrets.randbelow(20_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


class Node(NamedTuple):
    """One running server, all of whose processes work in its data folder, each in a group of its own."""

    data: Path
    port: int
    process: "subprocess.Popen[bytes]"

    @property
    def netloc(self) -> str:
        return f"127.0.0.1:{self.port}"

    def signal(self, number: signal.Signals) -> None:
        """Signal all of its processes, the first one first."""
        for pid in sorted(self._processes(), key=lambda pid: pid != self.process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _processes(self) -> Iterator[int]:
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # ended meanwhile, or somebody else's
                if entry.joinpath("cwd").readlink() == self.data:
                    yield int(entry.name)


class Cluster:
    """A primary and, once asked for, a standby that every commit waits for; both end with `end`."""

    def __init__(self, home: Home, programs: Path) -> None:
        self._home, self._programs = home, programs
        self.nodes: list[Node] = []

    def start_primary(self) -> None:
        data = self._folder("primary")
        self._run("initdb", "-D", str(data), "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8")
        self._start(data)

    @property
    def primary(self) -> Node:
        return self.nodes[0]

    @property
    def standby(self) -> Node:
        return self.nodes[1]

    def url(self, *nodes: Node) -> str:
        """The address of the database on these, else on all."""
        return f"postgresql://postgres@{','.join(node.netloc for node in nodes or self.nodes)}/postgres"

    def start_standby(self, *, every_commit_waits: bool = True) -> None:
        """Copy the primary, and have every commit wait for the copy from then on."""
        data = self._folder("standby")
        where = ("-h", "127.0.0.1", "-p", str(self.primary.port), "-U", "postgres")
        self._run("pg_basebackup", "-D", str(data), "-R", "-c", "fast", *where)
        self._start(data)
        if not every_commit_waits:
            return
        self.sql(self.primary, "ALTER SYSTEM SET synchronous_standby_names TO '*'")
        self.sql(self.primary, "SELECT pg_reload_conf()")
        until(
            lambda: self.sql(self.primary, "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") == "1"
        )

    def promote(self) -> None:
        """Make the standby a primary that waits for nobody."""
        self.sql(self.standby, "ALTER SYSTEM SET synchronous_standby_names TO ''")
        self.sql(self.standby, "SELECT pg_promote()")

    def sql(self, node: Node, statement: str) -> str:
        """What psql prints of the only value."""
        where = ("-h", "127.0.0.1", "-p", str(node.port), "-U", "postgres")
        return self._run("psql", "-qAtX", *where, "-c", statement, "postgres").strip()

    def end(self) -> None:
        """End all processes and wait for them."""
        for node in self.nodes:
            node.signal(signal.SIGKILL)
            node.process.wait()

    def start_again(self, node: Node) -> None:
        """Start a node that was killed, where it was."""
        node.process.wait()
        self.nodes.remove(node)
        self._start(node.data, node.port)

    def _start(self, data: Path, port: int = 0) -> None:
        port = port or free_port()
        settings = (f"port={port}", "unix_socket_directories=", "listen_addresses=127.0.0.1", "wal_level=replica")
        command = [str(self._programs / "postgres"), "-D", str(data)]
        for each in settings:
            command += ["-c", each]
        with (self._home.folder / f"{data.name}.log").open("wb") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", process_group=0, **self._user()
            )
        node = Node(data, port, process)
        self.nodes.append(node)
        until(lambda: self._is_ready(node))

    def _is_ready(self, node: Node) -> bool:
        asked = (self._programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(node.port))
        return self._home.account.run(*asked).returncode == 0

    def _folder(self, name: str) -> Path:
        data = self._home.folder / name
        data.mkdir(mode=0o700)
        self._home.account.give_ownership(data)
        return data

    def _user(self) -> dict[str, Any]:
        uid, gid = self._home.account
        return {"user": uid, "group": gid, "extra_groups": []} if os.geteuid() == 0 else {}

    def _run(self, program: str, *arguments: str) -> str:
        done = self._home.account.run(self._programs / program, *arguments)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()


def children(pid: int) -> list[int]:
    """The Python processes that a process started, in the order of their start."""

    def found() -> Iterator[tuple[int, int]]:
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                name, _, rest = (entry / "stat").read_text().rpartition(")")
                fields = rest.split()
                if int(fields[1]) == pid and name.endswith("(vivier"):
                    yield int(fields[19]), int(entry.name)

    return [child for _, child in sorted(found())]


def forker_of(server: Server) -> int:
    """The process that starts those which read imports and build indexes: the first that the server started."""
    return children(_main(server))[0]


def workers_of(server: Server) -> list[int]:
    """Those that answer requests: started after the forker, or the server's own where it has one worker."""
    main = _main(server)
    return children(main)[1:] or [main]


def _main(server: Server) -> int:
    """The process below that which only starts the server again where it crashes."""
    (main,) = children(server.pid)
    return main
