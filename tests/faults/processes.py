"""The processes of a running server, told apart by who started them, and when."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tests.api.commands.conftest import Server


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
