"""One address holds as many connections as it gets, in each way that keeps a server waiting; another is served beside.

Both are real: the attacker's come from 127.0.0.2. Those that are refused, and wait to be told so, are no crowd either.
"""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from http.client import HTTPConnection

import pytest

from tests.api.commands.conftest import ADMIN_KEY, PATIENCE_SECONDS, Server, until
from tests.conftest import open_folder

ALLOWED, TRIED, ASKED = 80, 200, 30
ATTACKER = "127.0.0.2"
NEED = b'{"territory":{"codes":["departement:56"]},"lots":[{"id":"1","segments":["pr-locaux"]}]}'
KEY = {"Authorization": f"Bearer {ADMIN_KEY}", "Content-Type": "application/json"}
HEAD = b"POST /match HTTP/1.1\r\nHost: here\r\n" + "".join(f"{each}: {KEY[each]}\r\n" for each in KEY).encode()
ATTACKS = {
    "nothing": b"",
    "a head that does not end": HEAD,
    "a head of many headers that does not end": HEAD + b"X: 1\r\n" * 1_500,
    "a body that does not come": HEAD + b"Content-Length: 1000000\r\n\r\n",
    "a body in tiny chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 500,
}


@pytest.fixture(scope="module")
def server(lasting_database_url: str) -> Iterator[Server]:
    """A server of few connections, to which no proxy passes on anybody's."""
    with open_folder() as home:
        settings = {"DATABASE_URL": lasting_database_url, "FORWARDED_ALLOW_IPS": "192.0.2.1"}
        server = Server(home, VIVIER_CONNECTIONS=str(ALLOWED), **settings)
        try:
            yield server.ready()
        finally:
            server.close()


def held(server: Server, sent: bytes) -> Iterator[socket.socket]:
    """Connections of the attacker's, each of which was sent this."""
    host, _, port = server.netloc.partition(":")
    for _ in range(TRIED):
        each = socket.create_connection((host, int(port)), PATIENCE_SECONDS, source_address=(ATTACKER, 0))
        with suppress(ConnectionError):  # refused already
            each.sendall(sent)
        each.setblocking(False)
        yield each


def is_open(connection: socket.socket) -> bool:
    """Whether the server has neither ended it nor told it anything."""
    try:
        connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except ConnectionError:
        return False
    return False


@pytest.mark.parametrize("sent", ATTACKS.values(), ids=ATTACKS)
def test_an_honest_client_is_served_beside_a_crowd(server: Server, sent: bytes) -> None:
    """On new connections and on one that it keeps, while the crowd has its share and no more."""
    with ExitStack() as stack:
        crowd = [stack.enter_context(each) for each in held(server, sent)]
        until(lambda: sum(map(is_open, crowd)) <= ALLOWED // 4)
        kept = stack.enter_context(closing(HTTPConnection(server.netloc, timeout=PATIENCE_SECONDS)))
        beside = 0
        for _ in range(ASKED):
            assert server.ask("POST", "/match", NEED).status == 200
            kept.request("POST", "/match", NEED, KEY)
            answer = kept.getresponse()
            assert (answer.status, bool(answer.read())) == (200, True)
            beside += any(map(is_open, crowd))
        assert beside, "the crowd was there"
