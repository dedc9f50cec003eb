"""The whole list as a file: whoever is slow to receive it."""

import asyncio
from contextlib import nullcontext
from datetime import date
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest
from litestar import Request

from api.directory import search as module
from api.directory.search import WholeListResponse
from api.runtime.slots import ConcurrencyLimit
from api.web.content_negotiation import GEOJSON
from api.web.problems import Refusal
from domain.errors import NotFound
from domain.text.bilingual import Text

ORGANISATION = UUID(int=1)


@pytest.fixture
def exports(monkeypatch: pytest.MonkeyPatch) -> ConcurrencyLimit:
    monkeypatch.setattr(module, "supplier_feature", lambda supplier: supplier)
    return ConcurrencyLimit(at_once=1, of_one=1, most=5)


async def asked(exports: ConcurrencyLimit, find: Any = None) -> WholeListResponse:
    """The list of two suppliers, each in a part of its own, whose first is read while others ask too."""

    async def found(after: UUID | None, _: int) -> Any:
        await asyncio.sleep(0)
        return ([1], UUID(int=2) if after is None else None)

    services = SimpleNamespace(exports=exports, today=lambda: date(2026, 11, 24))
    bearer = SimpleNamespace(organisation_id=ORGANISATION)
    call = cast("Any", SimpleNamespace(services=services, bearer=bearer, media_type=GEOJSON, csv=None))
    return await module.stream_suppliers(call, find or found, None)


async def sent(answer: WholeListResponse, receive: Any, send: Any) -> None:
    scope: Any = {"type": "http", "headers": []}
    await answer.to_asgi_response(None, Request(scope))(scope, receive, send)


async def received(answer: WholeListResponse) -> bytes:
    """The body, whose client hangs up once it has all of it."""
    ended, body = asyncio.Event(), bytearray()

    async def receive() -> Any:
        await ended.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        body.extend(message.get("body", b""))
        if message.get("more_body") is False:
            ended.set()

    await sent(answer, receive, send)
    return bytes(body)


async def test_who_is_slow_to_receive_a_file_takes_a_place_of_nobody(exports: ConcurrencyLimit) -> None:
    answer = await asked(exports)
    parts = cast("Any", answer.iterator)
    assert await anext(parts) == b'{"type":"FeatureCollection","features":[1'
    assert (exports._all.locked(), exports.present) == (False, {str(ORGANISATION): 1})
    assert [part async for part in parts] == [b",1", b"]}"]


async def test_of_many_at_once_each_is_refused_before_its_head_or_answered_whole(exports: ConcurrencyLimit) -> None:
    """Room that is there at first may be taken while the first part is read."""

    async def asked_and_received() -> bytes:
        return await received(await asked(exports))

    bodies = await asyncio.gather(*(asked_and_received() for _ in range(10)), return_exceptions=True)
    assert bodies[:5] == [b'{"type":"FeatureCollection","features":[1,1]}'] * 5
    assert [type(each) for each in bodies[5:]] == [Refusal] * 5
    assert exports.present == {}


@pytest.mark.parametrize("breaks", ["before the head", "in its body", "while it waits", "unsent", "at its first part"])
async def test_a_place_is_left_wherever_the_client_hangs_up(exports: ConcurrencyLimit, breaks: str) -> None:
    gone, waits = asyncio.Event(), exports.turn_of(str(ORGANISATION))

    async def receive() -> Any:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if breaks == "before the head":
            raise OSError
        if message["type"] == "http.response.body" or breaks == "while it waits":
            gone.set()
            await asyncio.Event().wait()

    async def fails(*_: Any) -> Any:
        raise NotFound(Text("", ""))

    if breaks == "at its first part":
        with pytest.raises(NotFound):
            await asked(exports, fails)
    elif breaks == "unsent":
        await asked(exports)
    elif breaks == "while it waits":
        async with waits:
            waiting = asyncio.create_task(asked(exports))
            await asyncio.sleep(0)
            assert exports.present == {str(ORGANISATION): 2}
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
    else:
        with pytest.raises(OSError) if breaks == "before the head" else nullcontext():  # noqa: PT011
            await sent(await asked(exports), receive, send)
    assert exports.present == {}
    async with exports.turn_of(str(ORGANISATION)), exports.slot():
        pass
