"""The processes of a running server, told apart by who started them."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tests.api.commands.conftest import Server


def children(pid: int) -> Iterator[int]:
    """The Python processes that a process started."""
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid and b"vivier" in (entry / "cmdline").read_bytes():
                yield int(entry.name)


def forker_of(server: Server) -> int:
    """The process that starts those which read imports and build indexes: the first that the server started."""
    return min(children(server.pid))


def workers_of(server: Server) -> list[int]:
    """Those that answer requests."""
    return sorted(children(server.pid))[1:]
