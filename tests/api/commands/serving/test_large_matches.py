"""Large matches over HTTP: nobody waits for those of others, and nothing is done for who is gone."""

import json
import re
import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench.matching.match_cost import circle, placed
from tests.api.commands.conftest import ADMIN_KEY, Server, decoded, until, vivier

LOT = {"id": "1", "segments": ["pr-locaux"]}


def drawn(*outlines: Any) -> bytes:
    """A need of a lot for each outline."""
    lots = [
        LOT | {"id": str(number), "territory": {"geometry": {"type": "Polygon", "coordinates": [outline]}}}
        for number, outline in enumerate(outlines)
    ]
    return json.dumps({"lots": lots}).encode()


def star(vertices: int, width: float = 7.0) -> Any:
    """A star on France, which takes seconds to be laid over its communes where it has thousands of vertices."""
    return placed(circle(vertices, 0.5), width, 5.0)


ENDLESS = drawn(*(star(9_900, 7.0 + number / 10) for number in range(8)))
SMALL = json.dumps({"territory": {"codes": ["departement:35"]}, "lots": [LOT]}).encode()
LARGE = drawn(star(1_000))


@contextmanager
def asking(server: Server, body: bytes, key: str = ADMIN_KEY, path: str = "/match") -> Iterator[socket.socket]:
    """A connection on which a need was sent; it is closed after the block."""
    host, port = server.netloc.split(":")
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head.encode() + body)
        yield connection


def is_answered(connection: socket.socket) -> bool:
    return bool(select.select([connection], [], [], 0)[0])


def answer_on(connection: socket.socket) -> tuple[bytes, dict[str, Any]]:
    """The head and the document of an answer."""
    head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
    return head, json.loads(body)


def under_way(server: Server) -> int:
    """The number of large matches that are under way or wait for their turn."""
    (line,) = re.findall(rb"^vivier_large_matches ([0-9.]+)$", server.ask("GET", "/metrics").body, re.MULTILINE)
    return int(float(line))


def test_no_other_request_waits_for_large_matches(server: Server) -> None:
    """Nor is more done for who hangs up, and the next large match is answered."""
    with asking(server, ENDLESS) as first, asking(server, ENDLESS) as second, asking(server, ENDLESS) as third:
        until(lambda: under_way(server) == 3)
        assert server.ask("GET", "/health/live").status == 200
        assert server.ask("POST", "/match", SMALL).status == 200
        assert not any(map(is_answered, (first, second, third)))
    until(lambda: under_way(server) == 0)
    answered = server.ask("POST", "/match", LARGE)
    assert answered.status == 200
    assert len(decoded(answered)["lots"]) == 1


def test_the_needs_of_several_keys_take_turns(server: Server) -> None:
    """Whoever asks for much does not keep others waiting who ask for as much."""
    key = vivier(server.home, "keys", "create", "--name", "autre", "--organisation", "Réseau", "--scope", "match")
    other = key.stdout.splitlines()[-1]
    with asking(server, ENDLESS) as one, asking(server, ENDLESS) as two, asking(server, ENDLESS) as three:
        until(lambda: under_way(server) == 3)
        assert server.ask("POST", "/match", LARGE, key=other).status == 200
        assert not any(map(is_answered, (one, two, three)))
