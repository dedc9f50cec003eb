"""The socket a server listens on, bound before anything slow is done, so that a port in use is reported at once."""

import errno
import os
import socket

from api.commands.errors import CommandFailed

BACKLOG = 2_048
PORTS_TRIED = 20


def listen(host: str, port: int, *, or_next: bool = False) -> socket.socket:
    """A listening socket (port 0: any free one); connections wait in it until a server takes them.

    `or_next`: where the port is in use, the next free one will do. Raises CommandFailed.
    """
    last = min(port + PORTS_TRIED, 65_535) if or_next and port else port
    for candidate in range(port, last + 1):
        try:
            family, _, _, _, place = socket.getaddrinfo(
                host, candidate, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            both = family is socket.AF_INET6 and socket.has_dualstack_ipv6()
            return socket.create_server(place, family=family, backlog=BACKLOG, dualstack_ipv6=both)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or candidate == last:
                raise CommandFailed(_reason(host, port, last, error)) from None
    raise AssertionError("there is at least one port to try")


def address(bound: socket.socket) -> str:
    """The web address of a listening socket, as it can be opened on this machine."""
    host, port = bound.getsockname()[:2]
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not listened on
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def _reason(host: str, first: int, last: int, error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return f"{host} is not an address of this machine ({error.strerror})"
    if error.errno == errno.EADDRINUSE:
        tried = f"port {first}" if first == last else f"every port from {first} to {last}"
        return f"{tried} of {host} is already in use; choose another with --port"
    if error.errno == errno.EACCES:
        return f"port {first} needs more rights than this user has; choose one above 1023 with --port"
    return f"cannot listen on {host}, port {first}: {os.strerror(error.errno or 0)}"
