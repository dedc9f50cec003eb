"""The socket a server listens on, opened before anything slow is done: a port in use is said at once."""

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from api.commands.errors import CommandFailed

BACKLOG = 2_048
PORTS_TRIED = 20


@contextmanager
def listening(host: str, port: int, *, or_next: bool = False) -> Iterator[socket.socket]:
    """A listening socket (port 0: any free one); connections wait in it until a server takes them.

    `or_next`: where the port is in use, the next free one will do. Raises CommandFailed.
    """
    last = min(port + PORTS_TRIED, 65_535) if or_next and port else port
    with _first_free(host, range(port, last + 1)) as bound:
        yield bound


def address(bound: socket.socket) -> str:
    """The web address of a listening socket, as it can be opened on this machine."""
    host, port = bound.getsockname()[:2]
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not listened on
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def _first_free(host: str, ports: range) -> socket.socket:
    for port in ports:
        try:
            return _open(host, port)
        except OSError as error:
            if error.errno == errno.EADDRINUSE and port != ports[-1]:
                continue
            raise CommandFailed(_told(host, ports, error)) from None
    raise AssertionError("there is at least one port to try")


def _open(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[
        0
    ]
    opened = socket.socket(family, kind, protocol)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(place)
        opened.listen(BACKLOG)
    except BaseException:
        opened.close()
        raise
    return opened


def _told(host: str, ports: range, error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return f"{host} is not an address of this machine ({error.strerror})"
    if error.errno == errno.EADDRINUSE:
        tried = f"port {ports[0]}" if len(ports) == 1 else f"every port from {ports[0]} to {ports[-1]}"
        return f"{tried} of {host} is already in use; choose another with --port"
    if error.errno == errno.EACCES:
        return f"port {ports[0]} needs more rights than this user has; choose one above 1023 with --port"
    return f"cannot listen on {host}, port {ports[0]}: {error.strerror}"
