"""Bodies are read strictly, whatever is sent; the tests of needs tell what a merge patch leaves and refuses."""

import asyncio
import gc
import gzip
import threading
import zlib
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from typing import Annotated, Any

import msgspec
import pytest
from litestar.testing import AsyncTestClient
from structlog.testing import capture_logs

from api.app import create_app
from api.runtime import services
from api.runtime.endpoint import Call, endpoint
from api.settings import MIB, Settings
from api.sync.imports import spooled_body
from api.web import request_body
from api.web.problems import Refusal
from api.web.request_body import (
    BYTES_OF_MEMBER,
    FEW_MEMBERS,
    LARGE,
    PIECE,
    WINDOW,
    Gunzip,
    JsonBody,
    Patch,
    apply_patch,
)
from matching.reference import Reference
from tests.api.commands.serving.test_http_protocol import Connect, serving

SMALL = 4_096
NDJSON = {"content-type": "application/x-ndjson"}


class Lamp(msgspec.Struct, forbid_unknown_fields=True):
    """Something to send."""

    name: Annotated[str, msgspec.Meta(min_length=1)]
    watts: int | msgspec.UnsetType | None = msgspec.UNSET
    tags: list[str] = []


class Size(msgspec.Struct):
    """How many bytes came."""

    length: int


@endpoint("POST", "/lamps", tag="Test", scope=None, answers=Lamp)
async def post_lamp(_: Call, body: Lamp) -> Lamp:
    """Answer what was sent."""
    return body


@endpoint("GET", "/lamps/first", tag="Test", scope=None, answers=Lamp)
async def first_lamp(_: Call) -> Lamp:
    """Answer without being sent anything."""
    return Lamp("first")


@endpoint("POST", "/lamps/first/lighting", tag="Test", scope=None, answers=Lamp)
async def light_first_lamp(_: Call) -> Lamp:
    """Do something without being told anything."""
    return Lamp("first", 5)


@endpoint("PATCH", "/lamps", tag="Test", scope=None, answers=Lamp, patch=Lamp)
async def patch_lamp(_: Call, body: Patch) -> Lamp:
    """Change the lamp that there is."""
    return apply_patch(Lamp("old", 5, ["a"]), body, Lamp)


@endpoint("POST", "/stream", tag="Test", scope=None, answers=Size, takes={"application/x-ndjson": bytes})
async def stream(call: Call) -> Size:
    """Count what is sent."""
    async with spooled_body(call, SMALL) as (body, _):
        return Size(len(body.read()))


ROUTES = (post_lamp, first_lamp, light_first_lamp, patch_lamp, stream)


@pytest.fixture(scope="module")
async def lamps(settings: Settings, reference: Reference) -> AsyncIterator[AsyncTestClient[Any]]:
    """A client of routes that take bodies, with the smallest limit that can be set."""
    app = create_app(replace(settings, body_limit=MIB), reference, routes=ROUTES, parts=())
    async with AsyncTestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        *((body, 200, None) for body in (b'{"name":"x"}', b' {"name" : "x"} \n', b'\xef\xbb\xbf{"name":"x"}')),
        (b'{"name":"\\\\u0000"}', 200, None),
        *((body, 422, "missing_body") for body in (b"", b" \n")),
        *((body, 400, None) for body in (b"{", b"lamp", b'{"name":"x"},', b'{"name":"x"} // lamp')),
        *((body, 400, None) for body in (b'{"name":"x","watts":NaN}', b'{"name":"\xff"}', b'{"name":"\\ud800')),
        *((body, 400, None) for body in (b'{"name":"a\nb"}', '{"name":"x"}'.encode("utf-16"))),
        *((body, 422, "wrong_type") for body in (b'{"name":"x","tags":' + b"[" * 100_000, b"[" * 100_000)),
        *((body, 422, "wrong_type") for body in (b"null", b"[]", b'{"name":"x","watts":"1"}')),
        (b'{"name":"x","watts":"1","watts":1}', 422, "wrong_type"),
        (b"{}", 422, "missing_field"),
        (b'{"name":""}', 422, "wrong_length"),
        (b'{"name":"x","wats":1}', 422, "unknown_field"),
        *(
            (body, 422, "null_character")
            for body in (b'{"name":"x","tags":["a","b\\u0000"]}', b'{"name":"x","watts":"\\u0000"}')
        ),
        (b'{"name":"\\ud800"}', 422, "lone_surrogate"),
        (b'{"name":"x","name":"y"}', 422, "duplicate_key"),
        (b'{"name":"\\u003a","tags":["\\u0000"],"tags":["b"]}', 422, "duplicate_key"),
    ],
)
async def test_content(body: bytes, status: int, code: str | None, lamps: AsyncTestClient[Any]) -> None:
    """Malformed is 400, well-formed but wrong is 422; an empty body could be either, so it is 422."""
    answer = await lamps.post("/lamps", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status, answer.text
    if status != 200:
        assert answer.headers["content-type"] == "application/problem+json"
        assert [error["code"] for error in answer.json().get("errors", [])] == ([code] if code else [])
    if code == "null_character":
        assert answer.json()["errors"][0]["pointer"] in {"/tags/1", "/watts"}


@pytest.mark.parametrize(
    ("body", "media", "status"),
    [
        *((b"", media, 200) for media in ("", "text/plain")),
        *((body, "application/json", 200) for body in (b"\n", b"{}", b"null")),
        *((body, "application/json", 422) for body in (b'{"watts":9}', b"[]")),
        (b"{", "application/json", 400),
        (b"watts=9", "application/x-www-form-urlencoded", 415),
        (b" " * (MIB + 1), "application/json", 413),
    ],
)
async def test_what_asks_for_nothing_ignores_nothing(
    body: bytes, media: str, status: int, lamps: AsyncTestClient[Any]
) -> None:
    """Whoever sends something expects it to count."""
    answer = await lamps.post("/lamps/first/lighting", content=body, headers={"content-type": media} if media else {})
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        *((media, 200) for media in ("application/json", "Application/JSON", "application/vnd.lamp+json")),
        *((f"application/json; charset={charset}", 200) for charset in ("utf-8", '"UTF-8"')),
        *((f"application/json; charset={charset}", 415) for charset in ("utf-16", "iso-8859-1")),
        *((f"application/{kind}", 415) for kind in ("xml", "x-www-form-urlencoded", "x-msgpack", "merge-patch+json")),
        *((media, 415) for media in ("text/json", "text/plain", "json", "")),
    ],
)
async def test_media_types_of_a_post(content_type: str, status: int, lamps: AsyncTestClient[Any]) -> None:
    """JSON in UTF-8, and nothing that only happens to parse as it."""
    answer = await lamps.post("/lamps", content=b'{"name":"x"}', headers={"content-type": content_type})
    assert answer.status_code == status
    assert status == 200 or answer.headers["accept-post"] == "application/json"


async def test_media_types_of_a_patch(lamps: AsyncTestClient[Any]) -> None:
    """A PATCH is a merge patch and says so."""
    for media, status in (("application/merge-patch+json", 200), ("application/json", 415), ("text/plain", 415)):
        answer = await lamps.patch("/lamps", content=b'{"name":"x"}', headers={"content-type": media})
        assert answer.status_code == status
        assert status == 200 or answer.headers["accept-patch"] == "application/merge-patch+json"


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "gzip, gzip"])
async def test_ordinary_bodies_are_not_compressed(coding: str, lamps: AsyncTestClient[Any]) -> None:
    """415 names what is accepted instead."""
    headers = {"content-type": "application/json", "content-encoding": coding}
    answer = await lamps.post("/lamps", content=gzip.compress(b'{"name":"x"}'), headers=headers)
    assert (answer.status_code, answer.headers["accept-encoding"]) == (415, "identity")


async def test_too_large(lamps: AsyncTestClient[Any]) -> None:
    """One byte over the limit is too much; the limit itself is not."""
    padding = MIB - len('{"name":""}')
    fits = await lamps.post("/lamps", json={"name": "x" * padding})
    over = await lamps.post("/lamps", json={"name": "x" * (padding + 1)})
    assert (fits.status_code, over.status_code) == (200, 413)
    assert over.headers["connection"] == "close"


def gzipped(content: bytes) -> bytes:
    """The same bytes at any time, so that every process gives the tests the same names."""
    return gzip.compress(content, mtime=0)


@pytest.mark.parametrize(
    ("body", "coding", "status", "length"),
    [
        *((b"a\n" * count, "identity", 200, 2 * count) for count in (100, 0)),
        *((gzipped(b"a\n" * 100), coding, 200, 200) for coding in ("gzip", "X-GZIP")),
        (gzipped(b"a\n") + gzipped(b"b\n"), "gzip", 200, 4),
        (gzipped(b"x" * SMALL), "gzip", 200, SMALL),
        *((gzipped(b"x" * size), "gzip", 413, None) for size in (SMALL + 1, 5_000_000)),
        (b"x" * (SMALL + 1), "identity", 413, None),
        *((body, "gzip", 400, None) for body in (b"not gzip", gzipped(b"a\n") + b"tail")),
        *((gzipped(b"a\n" * 100)[:-size] + end, "gzip", 400, None) for size, end in ((9, b""), (8, b"\0" * 8))),
        (b"a\n", "br", 415, None),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_compressed_streams(
    body: bytes, coding: str, status: int, length: int | None, lamps: AsyncTestClient[Any]
) -> None:
    """Where gzip is taken, broken and cut short is 400, and what it swells to counts against the limit."""
    answer = await lamps.post("/stream", content=body, headers={**NDJSON, "content-encoding": coding})
    assert answer.status_code == status
    assert length is None or answer.json()["length"] == length


class Inflated:
    """Counts the members that are begun, and the bytes that are handed over to be undone."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.members, self.handed_over, self.threads = 0, 0, set[int]()
        made, counted = zlib.decompressobj, self

        class Member:
            def __init__(self, wbits: int) -> None:
                self._member = made(wbits)
                counted.members += 1

            def decompress(self, window: bytes, most: int) -> bytes:
                counted.handed_over += len(window)
                counted.threads.add(threading.get_ident())
                return self._member.decompress(window, most)

            def __getattr__(self, name: str) -> Any:
                return getattr(self._member, name)

        monkeypatch.setattr(zlib, "decompressobj", Member)


async def test_members_that_hold_nothing_are_few(lamps: AsyncTestClient[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each costs as much as a thousand bytes; what is undone is undone beside the event loop."""
    inflated = Inflated(monkeypatch)
    headers = {**NDJSON, "content-encoding": "gzip"}
    answer = await lamps.post("/stream", content=gzipped(b"") * 150, headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"length": 0})
    assert threading.get_ident() not in inflated.threads


@pytest.mark.parametrize(("content", "at_once"), [(b"", 1 << 16), (b"", 1 << 20), (b"x", 1 << 20)])
def test_members_that_hold_next_to_nothing_are_few(
    content: bytes, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each costs as much as a thousand bytes."""
    inflated, body, gunzip = Inflated(monkeypatch), gzipped(content) * 50_000, Gunzip(PIECE)
    pieces = (gunzip.pieces(body[at : at + at_once]) for at in range(0, len(body), at_once))
    with pytest.raises(Refusal, match="compress the file as one"):
        deque(chain.from_iterable(pieces), maxlen=0)
    assert inflated.members <= FEW_MEMBERS + 1
    assert inflated.handed_over <= inflated.members * WINDOW


@pytest.mark.parametrize("at_once", [1, 100, 1 << 20])
def test_members_that_hold_something_are_as_many_as_they_like(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `bgzip` writes them, with an empty one at the end, in whatever blocks they come, and in linear time."""
    monkeypatch.setattr(request_body, "FEW_MEMBERS", 50)
    inflated = Inflated(monkeypatch)
    contents = [bytes([each]) * BYTES_OF_MEMBER for each in range(150)] + [b"y" * (2 * PIECE), b""]
    body, gunzip = b"".join(map(gzipped, contents)), Gunzip(10 * PIECE)
    blocks = [body[at : at + at_once] for at in range(0, len(body), at_once)]
    pieces = [piece for block in blocks for piece in gunzip.pieces(block)]
    gunzip.end()
    assert b"".join(pieces) == b"".join(contents)
    assert max(map(len, pieces)) <= 2 * PIECE
    assert inflated.members == len(contents)
    assert inflated.handed_over <= len(body) + inflated.members * WINDOW


@pytest.fixture(scope="module")
async def connect(settings: Settings, reference: Reference) -> AsyncIterator[Connect]:
    """Connects to a real server, for what a test client does not do: chunks, lost connections."""
    app = create_app(replace(settings, body_limit=MIB), reference, routes=ROUTES, parts=())
    async with serving(app) as (_, connect):
        yield connect


JSON_HEAD = b"POST /lamps HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


async def test_head_leaves_the_connection_open(connect: Connect) -> None:
    """Headers only, also of a refusal; what comes next on the same connection is answered."""
    reader, writer = await connect()
    with capture_logs() as logs:
        for path, status in ((b"/lamps/first", b"200"), (b"/lamps", b"405"), (b"/nothing", b"404")):
            writer.write(b"HEAD " + path + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 " + status)
    assert logs == []


async def test_chunks_are_joined(connect: Connect) -> None:
    one = await connect()
    head = JSON_HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    for piece in (head, b'3\r\n{"n\r\n', b'8\r\name":"x"\r\n', b"1\r\n}\r\n0\r\n\r\n"):
        one.writer.write(piece)
        await one.writer.drain()
    assert (await one.answer())[0] == 200


async def test_bodies_that_are_being_received_share_the_room_for_them(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever sends halves of large ones cannot fill the memory; once they are gone there is room again."""
    monkeypatch.setattr(services, "BODIES_LIMIT", MIB)
    body = b'{"name":"' + b"x" * 700_000 + b'"}'
    most = JSON_HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body[:-2]
    held = [await connect() for _ in range(2)]
    for each in held:
        each.writer.write(most)
    first = [asyncio.create_task(each.reader.readuntil(b"\r\n")) for each in held]
    async with asyncio.timeout(60):
        (refused,), (waiting,) = await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        assert refused.result().startswith(b"HTTP/1.1 429 ")
        held[first.index(waiting)].writer.write(body[-2:])
        assert (await waiting).startswith(b"HTTP/1.1 200 ")
    for each in held:
        each.writer.close()
    one = await connect()
    one.writer.write(most + body[-2:])
    assert (await one.answer())[0] == 200


@pytest.mark.parametrize("end", [b"[1,2]]", b"[1,2],"])
def test_nothing_is_collected_while_a_large_body_is_decode_or_refuse(end: bytes) -> None:
    """Each collection would look at all that is decoded so far; afterwards it goes on, also where it was refused."""
    collects: list[bool] = []

    class Watched(JsonBody[Any]):
        def _decode_or_refuse(self, raw: bytes) -> Any:
            collects.append(gc.isenabled())
            return super()._decode_or_refuse(raw)

    with suppress(Refusal):
        Watched(list[tuple[float, ...]]).decode(b"[" + b"[1,2]," * (LARGE // 6) + end)
    assert collects == [False]
    assert gc.isenabled()


async def test_a_client_that_leaves_harms_nobody(connect: Connect) -> None:
    """A connection closed in the middle of a body is not an error of ours, and the next request is served."""
    gone, one = await connect(), await connect()
    with capture_logs() as logs:
        gone.writer.write(JSON_HEAD + b"Content-Length: 100\r\n\r\n{")
        await gone.writer.drain()
        gone.writer.close()
        await gone.writer.wait_closed()
        one.writer.write(JSON_HEAD + b'Content-Length: 12\r\n\r\n{"name":"x"}')
        assert (await one.answer())[0] == 200
    assert logs == []


@pytest.mark.parametrize("length", [b"-1", b"+5", b"1e3", b"five"])
async def test_absurd_lengths_are_refused(length: bytes, connect: Connect) -> None:
    """By the server or by us, but as 400."""
    reader, writer = await connect()
    writer.write(JSON_HEAD + b"Content-Length: " + length + b"\r\n\r\n")
    assert (await reader.read(100)).startswith(b"HTTP/1.1 400 ")
