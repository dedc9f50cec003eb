"""POST /match, answered without the framework's routing and with it: the same for every odd request.

`/match` to the letter goes the first way; `/match/` means the same route and goes the second.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from asyncpg.exceptions import TooManyConnectionsError
from litestar import Litestar

from api.app import create_app
from api.settings import Settings
from api.web.problems import Refusal
from domain.organisation import Client
from matching.reference import Reference
from tests.api.conftest import ADMIN_KEY, alive
from tests.factories import PARIS, RENNES, approved, live, supplier

LIMIT = 4_000
LOT = {"id": "1", "segments": ["pr-locaux"]}
NEED = {"territory": {"codes": ["departement:35"]}, "lots": [LOT]}
BODY = json.dumps(NEED).encode()
HEADERS = {
    "host": "127.0.0.1:8000",
    "authorization": f"Bearer {ADMIN_KEY}",
    "content-type": "application/json",
    "x-request-id": "r1",
}


@dataclass(frozen=True)
class Sent:
    """One request: what is sent besides or instead of a plain one; a header that is None is left out."""

    headers: dict[str, str | None] = field(default_factory=dict)
    pieces: tuple[bytes, ...] = (BODY,)
    more: tuple[tuple[bytes, bytes], ...] = ()
    method: str = "POST"
    query: bytes = b""
    root: str = ""
    failure: BaseException | None = None
    broken_off: bool = False

    def scope(self, path: str) -> dict[str, Any]:
        """The ASGI scope of this request to `path`."""
        headers = {name: value for name, value in (HEADERS | self.headers).items() if value is not None}
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "http",
            "server": ("127.0.0.1", 8000),
            "client": ("127.0.0.1", 50_000),
            "method": self.method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": self.query,
            "root_path": self.root,
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers.items()] + [*self.more],
        }

    def messages(self) -> list[dict[str, Any]]:
        """The messages that carry the body, and where it breaks off the end of the connection."""
        last = len(self.pieces) - 1
        parts: list[dict[str, Any]] = [
            {"type": "http.request", "body": piece, "more_body": self.broken_off or number < last}
            for number, piece in enumerate(self.pieces)
        ]
        return [*parts, {"type": "http.disconnect"}] if self.broken_off else parts


class Answered(NamedTuple):
    """What the client got, the line logged, and whether the framework routed the request."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    line: dict[str, Any]
    by_framework: bool


class Both:
    """The application, its directory and its logged lines."""

    def __init__(self, app: Litestar, lines: Callable[[], str]) -> None:
        self._app, self._lines = app, lines
        self._index = live(supplier("rennais", at=RENNES, approvals=approved("ESAT")), supplier("parisien", at=PARIS))

    async def ask(self, path: str, request: Sent) -> Answered:
        """The answer to `request` at `path`."""
        working = SimpleNamespace(index=self._index)
        self._app.state.services.live = Directory(request.failure) if request.failure else working
        scope, waiting, sent = request.scope(path), request.messages(), list[Any]()

        async def receive() -> Any:
            return waiting.pop(0) if waiting else await asyncio.Event().wait()  # a client that waits for its answer

        async def send(message: Any) -> None:
            sent.append(message)

        await self._app(scope, receive, send)  # type: ignore[arg-type]
        start, *rest = sent
        logged = json.loads(self._lines().splitlines()[-1])
        assert logged.pop("ms") >= 0
        assert logged.pop("timestamp")
        body = b"".join(message["body"] for message in rest)
        by_framework = "route_handler" not in scope or "path_template" in scope
        return Answered(start["status"], sorted(start["headers"]), body, logged, by_framework)

    def counts(self) -> dict[str, float]:
        """How many requests and matches the metrics counted."""
        lines = self._app.state.services.metrics.exposition().decode().splitlines()
        counted = (line.rpartition(" ") for line in lines if "_count" in line and not line.startswith("#"))
        return {name: float(count) for name, _, count in counted}


class Directory:
    """A directory that fails when its index is asked for."""

    def __init__(self, failure: BaseException) -> None:
        self._failure = failure

    @property
    def index(self) -> Any:
        raise self._failure


async def only_a_reader(key: str) -> Client | None:
    """The bearer of a key without the scope; there is no other key."""
    return Client(UUID(int=1), UUID(int=2), "reader", ("read",)) if key == "reader" else None


async def organisation() -> UUID:
    """The organisation of the administrator's key."""
    return UUID(int=3)


@pytest.fixture(scope="module")
async def application(settings: Settings, reference: Reference) -> AsyncIterator[Litestar]:
    """The application with a small limit on bodies."""
    app = create_app(replace(settings, body_limit=LIMIT), reference, parts=())
    app.state.services.keys.attach(only_a_reader, organisation)
    async with alive(app):
        yield app


@pytest.fixture
def both(application: Litestar, capsys: pytest.CaptureFixture[str]) -> Both:
    return Both(application, lambda: capsys.readouterr().err)


def header(name: str, value: str | None) -> Sent:
    return Sent({name: value})


def body(*pieces: bytes) -> Sent:
    return Sent(pieces=pieces)


def lots(count: int) -> bytes:
    return json.dumps(NEED | {"lots": [LOT | {"id": str(number)} for number in range(count)]}).encode()


REQUESTS = {
    "plain": (Sent(), 200),
    "map": (header("accept", "application/geo+json"), 200),
    "map preferred": (header("accept", "application/json;q=0.1, application/geo+json"), 200),
    "any json": (header("accept", "application/*"), 200),
    "html": (header("accept", "text/html"), 406),
    "no json": (header("accept", "application/json;q=0"), 406),
    "rubbish accept": (header("accept", ";;,="), 406),
    "two accepts": (Sent({"accept": "text/html"}, more=((b"accept", b"*/*"),)), 406),
    "english": (header("accept-language", "en"), 200),
    "refused in english": (Sent({"accept-language": "en", "accept": "text/html"}), 406),
    "gzip": (header("accept-encoding", "gzip, deflate"), 200),
    "no gzip": (header("accept-encoding", "gzip;q=0, *"), 200),
    "no key": (header("authorization", None), 401),
    "empty key": (header("authorization", "Bearer "), 401),
    "wrong key": (header("authorization", "Bearer nobody"), 401),
    "basic": (header("authorization", "Basic abc"), 401),
    "key with spaces": (header("authorization", "Bearer a b"), 401),
    "long key": (header("authorization", "Bearer " + "a" * 600), 401),
    "key in latin-1": (header("authorization", "Bearer \xe9"), 401),
    "lower-case bearer": (header("authorization", f"bearer {ADMIN_KEY}"), 200),
    "missing scope": (header("authorization", "Bearer reader"), 403),
    "missing scope, wrong body": (Sent({"authorization": "Bearer reader", "content-type": "text/plain"}), 403),
    "no media type": (header("content-type", None), 415),
    "text": (header("content-type", "text/plain"), 415),
    "charset": (header("content-type", "application/json; charset=latin-1"), 415),
    "utf-8": (header("content-type", "Application/JSON; Charset=UTF-8"), 200),
    "merge patch": (header("content-type", "application/merge-patch+json"), 415),
    "other json": (header("content-type", "application/ld+json"), 200),
    "compressed body": (header("content-encoding", "gzip"), 415),
    "identity": (header("content-encoding", "identity"), 200),
    "announced too long": (header("content-length", str(LIMIT + 1)), 413),
    "announced huge": (header("content-length", "9" * 50), 413),
    "length no number": (header("content-length", "-1"), 400),
    "too long": (body(*[b" " * 1_000] * 5), 413),
    "in pieces": (body(BODY[:10], b"", BODY[10:]), 200),
    "broken off": (Sent(broken_off=True), 400),
    "empty": (body(b""), 422),
    "blank": (body(b" \n"), 422),
    "byte order mark": (body(b"\xef\xbb\xbf" + BODY), 200),
    "cut short": (body(BODY[:-1]), 400),
    "not json": (body(b"lots=1"), 400),
    "not utf-8": (body(BODY.replace(b"pr-locaux", b"\xff")), 400),
    "null character": (body(BODY.replace(b"pr-locaux", b"\\u0000")), 422),
    "half a character": (body(BODY.replace(b"pr-locaux", b"\\ud800")), 422),
    "nested": (body(b"[" * 3_000), 422),
    "repeated key": (body(BODY[:-1] + b',"lots":[]}'), 422),
    "not an object": (body(b"[]"), 422),
    "unknown field": (body(BODY[:-1] + b',"x":1}'), 422),
    "unknown segment": (body(BODY.replace(b"pr-locaux", b"pr-loco")), 422),
    "unknown territory": (body(BODY.replace(b":35", b":350")), 422),
    "much wrong": (body(BODY.replace(b":35", b":350").replace(b"pr-locaux", b"pr-loco")), 422),
    "in a thread": (body(lots(20)), 200),
    "wrong in a thread": (body(lots(20).replace(b"pr-locaux", b"pr-loco", 1)), 422),
    "query": (Sent(query=b"limit=3"), 400),
    "empty query": (Sent(query=b"&"), 200),
    "own id": (header("x-request-id", "portal-7"), 200),
    "two ids": (Sent({"x-request-id": "a b"}, more=((b"x-request-id", b"second"),)), 200),
    "no host": (header("host", None), 200),
    "odd host": (header("host", "a b"), 400),
    "slash in host": (header("host", "a/b"), 400),
    "host in capitals": (header("host", "VIVIER.example:443"), 200),
    "two hosts": (Sent({"host": "a/b"}, more=((b"host", b"b"),)), 400),
    "two hosts, the first in order": (Sent(more=((b"host", b"a/b"),)), 200),
    "underscored host": (header("host", "my_host"), 200),
    "a tilde in the host": (header("host", "a~b"), 200),
    "get": (Sent(method="GET"), 405),
    "head": (Sent(method="HEAD"), 405),
    "put": (Sent(method="PUT"), 405),
    "options": (Sent(method="OPTIONS"), 204),
    "unheard of": (Sent(method="FETCH"), 405),
    "not ready": (Sent(failure=Refusal("not-ready")), 503),
    "too many": (Sent(failure=Refusal("too-many-requests", headers={"retry-after": "7"})), 429),
    "database away": (Sent(failure=TooManyConnectionsError()), 503),
    "our fault": (Sent(failure=RuntimeError("secret")), 500),
    "recursion": (Sent(failure=RecursionError()), 400),
}


@pytest.mark.parametrize(("request_", "status"), REQUESTS.values(), ids=REQUESTS.keys())
async def test_both_ways_answer_the_same(both: Both, request_: Sent, status: int) -> None:
    """Status, every header, body, and the line in the log."""
    direct, routed = await both.ask("/match", request_), await both.ask("/match/", request_)
    assert routed.by_framework
    assert direct[:-1] == routed[:-1]
    assert direct.status == status
    assert direct.line["route"] in {"/match", "(no route)"}


async def test_the_letter_of_the_path_decides(both: Both) -> None:
    """What is unusual is left to the framework: a prefix, a host to be judged, another method."""
    ways = {
        name: (await both.ask("/match", REQUESTS[name][0])).by_framework
        for name in ("plain", "text", "our fault", "no host", "odd host", "a tilde in the host", "get")
    }
    assert {name for name, by_framework in ways.items() if not by_framework} == {
        "plain",
        "text",
        "our fault",
        "no host",
    }
    assert (await both.ask("/api/match", Sent(root="/api"))).status == 200


async def test_both_ways_count_alike(both: Both) -> None:
    """In the metrics they are one route."""
    before = both.counts()
    for path in ("/match", "/match/", "/match"):
        await both.ask(path, Sent())
        await both.ask(path, header("accept", "text/html"))
    more = {name: count - before.get(name, 0.0) for name, count in both.counts().items()}
    assert {name: count for name, count in more.items() if count} == {
        'vivier_http_request_seconds_count{method="POST",route="/match",status="200"}': 3.0,
        'vivier_http_request_seconds_count{method="POST",route="/match",status="406"}': 3.0,
        "vivier_match_seconds_count": 3.0,
    }
