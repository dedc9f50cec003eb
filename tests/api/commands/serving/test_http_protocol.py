"""Limits on connections, over sockets: the tests say how many seconds pass."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, NamedTuple, cast

import pytest
import uvicorn
from litestar import Litestar
from uvicorn.server import ServerState

from api.app import create_app
from api.commands.serving import http_protocol
from api.commands.serving.http_protocol import (
    LINGER_SECONDS,
    MOST_DROPPED,
    MOST_PIPELINED,
    MOST_SMALL_PIECES,
    SLOWEST_BYTES_PER_SECOND,
    SMALL_PIECE_BYTES,
    HttpProtocol,
)
from api.runtime.observability import HUNG_UP
from api.settings import read_settings
from matching.reference import Reference
from tests.api.conftest import ADMIN_KEY

LIMIT = 16 << 10
GET = b"GET /health/live HTTP/1.1\r\nHost: here\r\n\r\n"
KEY = f"Authorization: Bearer {ADMIN_KEY}\r\n".encode()
POST = b"POST /match HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n" + KEY


class Watched(HttpProtocol):
    """A server's end of a connection that counts what it has received."""

    received = 0

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self.received += len(data)


class Edge(NamedTuple):
    """A server's ends of its connections."""

    state: ServerState

    def pass_by(self, seconds: float) -> None:
        """Let so much time pass since the clients did what they have done."""
        for connection in list(self.state.connections):
            cast("Watched", connection).sweep(0)
        for connection in list(self.state.connections):
            cast("Watched", connection).sweep(seconds)

    async def has(self, connections: int, received: int = 0) -> None:
        """Wait until so many connections are there, and they have received so many bytes."""
        there = cast("set[Watched]", self.state.connections)
        await until(lambda: len(there) == connections and sum(each.received for each in there) >= received)


class Connection(NamedTuple):
    """A client's end of a connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the next answer."""
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        return int(lines[0].split()[1]), headers, await self.reader.readexactly(int(headers["content-length"]))

    async def refusal(self, language: str = "fr") -> tuple[int, str]:
        """Status and type of a problem document in this language, after which the connection ends."""
        status, headers, body = await self.answer()
        assert headers["content-type"] == "application/problem+json"
        assert (headers["connection"], headers["content-language"]) == ("close", language)
        assert "x-request-id" in headers
        assert await self.reader.read() == b""
        assert (status in {429, 503}) == ("retry-after" in headers)
        return status, json.loads(body)["type"].removeprefix("/problems/")

    async def ends(self) -> bool:
        """Whether nothing more comes, once the connection has ended."""
        try:
            return not await self.reader.read()
        except ConnectionError:
            return True


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0)


Connect = Callable[[], Awaitable[Connection]]


@asynccontextmanager
async def serving(app: Any, **given: str) -> AsyncIterator[tuple[Edge, Connect]]:
    """A server of `app` under settings, and a function that opens a connection to it."""
    settings = read_settings({f"VIVIER_{name}": text for name, text in given.items()})
    config, state = uvicorn.Config(app, ws="none", log_config=None, access_log=False), ServerState()
    config.load()
    make = partial(Watched, settings, config=config, server_state=state, app_state={})
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    opened: list[Connection] = []

    async def connect() -> Connection:
        connection = Connection(*await asyncio.open_connection("127.0.0.1", port))
        opened.append(connection)
        return connection

    try:
        yield Edge(state), connect
    finally:
        server.close()
        for connection in opened:
            connection.writer.close()
        for each in list(state.connections):
            each.transport.abort()
        await until(lambda: not (state.connections or state.tasks))


@pytest.fixture(autouse=True)
def seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is waited for can be told by its time."""
    for name, each in (("HEAD_SECONDS", 3), ("BODY_SECONDS", 5), ("READING_SECONDS", 7), ("IDLE_SECONDS", 11)):
        monkeypatch.setattr(http_protocol, name, each)


@pytest.fixture(scope="module")
def app(reference: Reference) -> Litestar:
    return create_app(read_settings({"VIVIER_ADMIN_KEY": ADMIN_KEY}), reference, parts=())


def head(size: int) -> bytes:
    """A head of so many bytes, without its end, most of them in one header."""
    first = b"GET /health/live HTTP/1.1\r\nHost: here\r\nAccept-Language: en\r\nX-Long: "
    return first + b"x" * (size - len(first))


async def test_a_head_within_the_limit_is_read(app: Litestar) -> None:
    """In one piece or in several, and the next one as well; of several sent at once each has its own limit."""
    body = b" " * 40_000 + b"{}"
    request = POST + b"Content-Length: %d\r\nX-Long: " % len(body) + b"x" * 12_000
    async with serving(app) as (_, connect):
        one = await connect()
        for pieces in ((head(LIMIT - 100), b"\r\n\r\n"), (head(9_000)[:50], head(9_000)[50:], b"\r\n\r\n")):
            for piece in pieces:
                one.writer.write(piece)
                await one.writer.drain()
            assert (await one.answer())[0] == 200
        one.writer.write((request + b"\r\n\r\n" + body) * 3)
        for _ in range(3):
            assert (await one.answer())[0] == 422


ADDRESS = b"GET /segments/search?q=" + b"x" * LIMIT
TRAILERS = POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\nX-Long: "
TOO_LONG = {
    "a head that does not end": (head(LIMIT + 1), 431),
    "a head": (head(LIMIT + 1) + b"\r\n\r\n", 431),
    "many headers": (b"GET /health/live HTTP/1.1\r\nHost: here\r\n" + b"X-Short: 1\r\n" * 2_000 + b"\r\n", 431),
    "an address that does not end": (ADDRESS, 414),
    "an address": (ADDRESS + b" HTTP/1.1\r\nHost: here\r\n\r\n", 414),
    # they are read with the parser of headers
    "trailers of a chunked body": (TRAILERS + b"x" * 3 * LIMIT, 431),
}


@pytest.mark.parametrize(("sent", "status"), TOO_LONG.values(), ids=TOO_LONG)
async def test_a_head_beyond_the_limit_is_refused(app: Litestar, sent: bytes, status: int) -> None:
    """What still comes after does not cost the client its answer."""
    async with serving(app) as (edge, connect):
        one = await connect()
        one.writer.write(sent)
        language = "en" if b"Accept-Language: en" in sent else "fr"
        assert await one.refusal(language) == (status, {414: "url-too-long", 431: "headers-too-large"}[status])
        one.writer.write(b"x" * 1_000_000)
        edge.pass_by(LINGER_SECONDS)
        await edge.has(0)


async def test_who_sends_many_requests_at_once_is_answered_some(app: Litestar) -> None:
    """The others are not even kept: otherwise each answer would let more be read than it frees."""
    async with serving(app) as (edge, connect):
        one = await connect()
        one.writer.write(GET * 5_000)
        for _ in range(MOST_PIPELINED + 1):
            assert (await one.answer())[0] == 200
        assert await one.ends()
        await edge.has(0)


@pytest.mark.parametrize(("key", "status"), [(KEY, 400), (b"", 401)])
async def test_a_body_in_tiny_chunks_is_not_read_to_its_end(app: Litestar, key: bytes, status: int) -> None:
    """Whether it is waited for, or the request was answered already; chunks of some length are."""
    request = POST.replace(KEY, key) + b"Transfer-Encoding: chunked\r\n\r\n"
    async with serving(app) as (edge, connect):
        one = await connect()
        one.writer.write(request + b"1\r\n \r\n" * (MOST_SMALL_PIECES - 1))
        await edge.has(1, received=len(request))
        if not key:
            assert (await one.answer())[0] == status
        one.writer.write(b"1\r\n \r\n" * 2)
        if key:
            assert (await one.answer())[0] == status
        assert await one.ends()
        other, size = await connect(), 2 * SMALL_PIECE_BYTES
        chunk = b"%x\r\n%b\r\n" % (size, b" " * size)
        other.writer.write(request + chunk * 2 * MOST_SMALL_PIECES + b"0\r\n\r\n")
        assert (await other.answer())[0] == (422 if key else status)


async def test_who_sends_too_large_a_body_is_told_so(app: Litestar) -> None:
    """Also where all of it is sent before anything is read; the connection then ends.

    Who goes on sending is cut off after a while, or after so many bytes.
    """
    size = 12 << 20
    long = POST + b"Content-Length: %d\r\n\r\n" % size
    async with serving(app) as (edge, connect):
        for head in (POST + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % size, long):
            one = await connect()
            one.writer.write(head)
            if head == long:
                await edge.has(1, received=len(head))
            one.writer.write(b" " * size)
            await one.writer.drain()
            assert await one.refusal() == (413, "body-too-large")
            one.writer.close()
            await edge.has(0)
        silent = await connect()
        silent.writer.write(long)
        assert (await silent.answer())[0] == 413
        edge.pass_by(LINGER_SECONDS)
        await edge.has(0)
        lavish = await connect()
        lavish.writer.write(POST + b"Content-Length: 1000000000\r\n\r\n")
        with suppress(ConnectionError):
            for _ in range(2 * MOST_DROPPED >> 20):
                lavish.writer.write(bytes(1 << 20))
                await lavish.writer.drain()
        await edge.has(0)


async def test_a_head_that_does_not_end_is_refused(app: Litestar) -> None:
    """Bytes that arrive do not lengthen its time; that of the next head is its own."""
    async with serving(app) as (edge, connect):
        one = await connect()
        one.writer.write(GET)
        await one.answer()
        edge.pass_by(10)
        for count in (1, 2, 3):
            one.writer.write(GET[count - 1 : count])
            await edge.has(1, received=len(GET) + count)
            edge.pass_by(1.1)
        assert await one.refusal() == (408, "request-timeout")


async def test_a_body_that_hardly_arrives_is_refused(app: Litestar) -> None:
    """Whoever sends fast enough may take as long as it takes; the application, which waits for more, is told."""
    second = SLOWEST_BYTES_PER_SECOND
    async with serving(app) as (edge, connect):
        one = await connect()
        one.writer.write(POST + b"Content-Length: 1000000\r\n\r\n")
        await edge.has(1, received=len(POST))
        for step in range(1, 11):
            edge.pass_by(2)
            one.writer.write(b" " * 2 * second)
            await edge.has(1, received=len(POST) + 2 * second * step)
        for _ in range(3):
            edge.pass_by(2)
        assert await one.refusal() == (408, "request-timeout")
        await until(lambda: not edge.state.tasks)


async def test_nobody_is_blamed_for_what_the_application_has_to_do() -> None:
    """Neither who waits for the word to send a body, nor who has sent more than was taken, nor for the answer."""
    read, sent = asyncio.Event(), 1_000_000

    async def late(_: Any, receive: Any, send: Any) -> None:
        await read.wait()
        while (await receive())["more_body"]:
            pass
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})

    head = POST + b"Content-Length: %d\r\n" % sent
    async with serving(late) as (edge, connect):
        waiting, pushing, reading = await connect(), await connect(), await connect()
        waiting.writer.write(head + b"Expect: 100-continue\r\n\r\n")
        pushing.writer.write(head + b"\r\n" + b" " * sent)
        reading.writer.write(GET)
        await edge.has(3, received=2 * len(head) + len(GET) + 100_000)
        edge.pass_by(1_000)
        read.set()
        assert [(await each.answer())[0] for each in (pushing, reading)] == [200, 200]
        assert (await waiting.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        waiting.writer.write(b" " * sent)
        assert (await waiting.answer())[0] == 200


async def test_who_does_not_read_the_answer_is_cut_off() -> None:
    """The application, which waits to send more, is told; who reads slowly but reads is not."""
    size = 64 << 20

    async def long(_: Any, __: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % size)]})
        for more in range(64 - 1, -1, -1):
            await send({"type": "http.response.body", "body": bytes(1 << 20), "more_body": more > 0})

    async with serving(long) as (edge, connect):
        reading, deaf = await connect(), await connect()
        for each in (reading, deaf):
            each.writer.write(GET)
        await until(lambda: sum(each.owed == "reading" for each in ends(edge)) == 2)
        await reading.reader.readuntil(b"\r\n\r\n")
        for _ in range(8):
            await reading.reader.readexactly(size // 8)
            edge.pass_by(1)
        await edge.has(1)
        await until(lambda: not edge.state.tasks)


async def test_who_asks_nothing_is_closed(app: Litestar) -> None:
    """Without a word, at once or after a request; empty lines, which are allowed before a request, are none."""
    async with serving(app) as (edge, connect):
        silent = await connect()
        await edge.has(1)
        edge.pass_by(2)
        edge.pass_by(2)
        assert await silent.ends()
        await edge.has(0)
        one = await connect()
        one.writer.write(GET)
        await one.answer()
        edge.pass_by(6)
        one.writer.write(b"\r\n")
        await edge.has(1, received=len(GET) + 2)
        edge.pass_by(6)
        assert await one.ends()


async def test_a_read_ends_with_its_client_and_a_write_goes_on() -> None:
    """Nobody is there for what a read would find; what was begun to be stored is told, and for its handler to decide.

    Nothing is done for who is gone: neither what is under way nor what waits behind it.
    """
    begun, ended, go_on = [], [], asyncio.Event()

    async def slow(scope: Any, receive: Any, _: Any) -> None:
        begun.append(scope["method"])
        try:
            while (await receive())["type"] != "http.disconnect":
                pass
            await go_on.wait()
            ended.append(f"{scope['method']} finished")
        except asyncio.CancelledError as cancelled:
            ended.append(f"{scope['method']}: {cancelled}")

    async with serving(slow) as (edge, connect):
        for request in (GET * 3, POST + b"Content-Length: 0\r\n\r\n"):
            one = await connect()
            one.writer.write(request)
            await until(lambda: len(edge.state.tasks) == 1)
            one.writer.transport.abort()
            await edge.has(0)
        assert (begun, ended) == (["GET", "POST"], [f"GET: {HUNG_UP}"])
        go_on.set()
        await until(lambda: len(ended) == 2)
    assert ended[1] == "POST finished"


async def test_an_answer_that_has_begun_is_told_from_others() -> None:
    """It is let go on at the end, where others can still be refused."""
    go_on = asyncio.Event()

    async def slow(scope: Any, _: Any, send: Any) -> None:
        if scope["path"] == "/begun":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await go_on.wait()

    async with serving(slow) as (edge, connect):
        for number, path in enumerate((b"/begun", b"/other")):
            (await connect()).writer.write(GET.replace(b"/health/live", path))
            await until(lambda wanted=number + 1: len(edge.state.tasks) == wanted)  # type: ignore[misc]
        connections = cast("set[HttpProtocol]", edge.state.connections)
        await until(lambda: len({each.begun_answer for each in connections} & edge.state.tasks) == 1)
        go_on.set()


async def test_connections_in_all_are_limited(app: Litestar) -> None:
    """Whoever waits for its next request makes place; where nobody does, one more is told to come later.

    Those who linger over a refusal are bounded too: who comes in crowds is not even told.
    """
    async with serving(app, CONNECTIONS="2") as (edge, connect):
        first, second = await connect(), await connect()
        await edge.has(2)
        assert await (await connect()).refusal() == (503, "too-many-connections")
        edge.pass_by(LINGER_SECONDS)
        await edge.has(2)
        first.writer.write(GET)
        await first.answer()
        edge.pass_by(0)
        third = await connect()
        assert await first.ends()
        for each in (second, third):
            each.writer.write(GET)
            assert (await each.answer())[0] == 200
    async with serving(app, CONNECTIONS="2") as (edge, connect):
        several = [await connect() for _ in range(10)]
        await until(lambda: len(edge.state.connections) == 4)
        assert sum([not (await each.reader.read()).startswith(b"HTTP") for each in several[4:]]) == 6


async def test_those_who_linger_over_any_refusal_are_as_many_as_are_served(app: Litestar) -> None:
    """One more ends the one that has lingered longest, and is served."""
    async with serving(app, CONNECTIONS="2") as (edge, connect):
        for _ in range(10):
            one = await connect()
            one.writer.write(b"GET /health/live HTTP/2.0\r\nHost: here\r\n\r\n")
            assert (await one.answer())[0] == 400
        assert len(edge.state.connections) == 3
        honest = await connect()
        honest.writer.write(GET)
        assert (await honest.answer())[0] == 200


async def test_an_address_has_its_share_of_connections(app: Litestar, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy, whose word about its clients is taken, has not."""
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "192.0.2.1")
    async with serving(app, CONNECTIONS="4") as (edge, connect):
        await connect()
        await edge.has(1)
        assert await (await connect()).refusal() == (503, "too-many-connections")
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "127.0.0.1")
    async with serving(app, CONNECTIONS="4") as (edge, connect):
        await connect()
        await connect()
        await edge.has(2)


@pytest.mark.parametrize(
    "first",
    [
        b"GET /health/live\r\n",
        b"\x16\x03\x01\x02\r\n",
        b"FETCH / HTTP/1.1\r\nHost: here\r\n",
        b"GET /health/live HTTP/0.9\r\nHost: here\r\n",
        b"GET /health/live HTTP/2.0\r\nHost: here\r\n",
        b"GET /health/live HTTP/1.1\r\n",
        b"GET http://here/health/live HTTP/1.1\r\n",
        b"GET /health/live HTTP/1.1\r\nHost: here\r\nhost: here\r\n",
        b"GET /health/live HTTP/1.0\r\nHost: here\r\nHOST: there\r\n",
        b"POST /match HTTP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 2\r\n",
    ],
)
async def test_a_request_without_one_host_or_of_another_version_is_refused(app: Litestar, first: bytes) -> None:
    """Else what stands before this server may have read another one."""
    async with serving(app) as (_, connect):
        one = await connect()
        one.writer.write(first + b"\r\n" + GET)
        assert await one.refusal() == (400, "bad-request")
        one = await connect()
        one.writer.write(GET + first + b"\r\n")
        assert (await one.answer())[0] == 200
        assert (await one.reader.read())[:12] in {b"", b"HTTP/1.1 400"}


async def test_a_request_with_one_host_is_answered(app: Litestar) -> None:
    """A checker of health may speak HTTP/1.0, which needs none."""
    async with serving(app) as (_, connect):
        for first in (
            b"GET /health/live HTTP/1.0\r\n",
            b"GET /health/live HTTP/1.0\r\nHost: here\r\n",
            b"GET http://here/health/live HTTP/1.1\r\nHost: here\r\n",
            b"GET /health/live HTTP/1.1\r\nHost:\r\n",
            b"GET /health/live HTTP/1.1\r\nHost: here\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n",
        ):
            one = await connect()
            one.writer.write(first + b"\r\n")
            assert (await one.answer())[0] == 200


async def test_the_body_after_a_wish_for_another_protocol_is_read(app: Litestar) -> None:
    """In one piece with the head or later; so is the next request."""
    wish = POST + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\n"
    async with serving(app) as (edge, connect):
        one, received = await connect(), 0
        for pieces in ((wish + b"{}",), (wish[:50], wish[50:], b"{}"), (wish + b"{", b"}")):
            for piece in pieces:
                one.writer.write(piece)
                received += len(piece)
                await edge.has(1, received=received)
            assert (await one.answer())[0] == 422


def ends(edge: Edge) -> list[Watched]:
    """The server's ends of the connections, each looked at now."""
    edge.pass_by(0)
    return cast("list[Watched]", list(edge.state.connections))
