"""POST /notices over HTTP: a notice in, a need out that POST /match takes."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from api.app import create_app
from api.match import IN_A_THREAD_BYTES, IN_A_THREAD_TAGS
from api.runtime.processes.match_work import FunctionTask
from api.settings import Settings, read_settings
from domain.needs.need import PlannedNeed
from matching.reference import Reference
from tests.api.conftest import ADMIN_KEY, portal
from tests.api.refusals import assert_refused
from tests.conftest import ROOT
from tests.factories import VANNES, supplier
from tests.sources.notices.conftest import (
    FNSIMPLE,
    boamp,
    eforms,
    eforms_lot,
    object_descr,
    project,
    reserved,
    ted,
    ted_object,
)

XML, JSON = "application/xml", "application/json"
NOTICE = eforms(eforms_lot("LOT-0001", reserved("res-ws") + project()))
TED_NOTICE = ted(ted_object(object_descr(1, "<TITLE><P>Vitres</P></TITLE>")))
RECORD = json.dumps(boamp(FNSIMPLE)).encode()


@pytest.fixture(scope="module")
async def client(settings: Settings, reference: Reference) -> AsyncIterator[AsyncTestClient[Litestar]]:
    """A portal with a key, on a directory of one supplier."""
    async with portal(settings, reference, supplier("vannetais", at=VANNES)) as client:
        yield client


async def post(client: AsyncTestClient[Litestar], body: bytes, media: str = XML, **headers: str) -> httpx.Response:
    return await client.post("/notices", content=body, headers={"Content-Type": media} | headers)


@pytest.mark.parametrize(
    ("body", "media"), [(NOTICE, XML), (NOTICE, "text/xml; charset=utf-8"), (TED_NOTICE, XML), (RECORD, JSON)]
)
async def test_the_need_of_a_notice_is_matched_and_kept_as_it_is(
    client: AsyncTestClient[Litestar], body: bytes, media: str
) -> None:
    answer = await post(client, body, media)
    assert answer.status_code == 200, answer.text
    read = answer.json()
    assert set(read) == {"need", "unread"}
    assert read["need"]["lots"]
    assert all(set(part) == {"path", "detail"} for part in read["unread"])
    assert msgspec.convert(read["need"], PlannedNeed).procedure in {"open", "adapted"}
    matched = await client.post("/match", json=read["need"])
    assert matched.status_code == 200, matched.text
    assert [lot["id"] for lot in matched.json()["lots"]] == [lot["id"] for lot in read["need"]["lots"]]


async def test_the_example_is_the_real_answer(client: AsyncTestClient[Litestar]) -> None:
    """It is shown in the OpenAPI document and in docs/formats.md."""
    examples = ROOT / "openapi" / "examples"
    answer = await post(client, (examples / "notice.request.xml").read_bytes())
    assert answer.json() == json.loads((examples / "notice.response.json").read_bytes())


async def test_nothing_of_a_match_depends_on_the_procedure(client: AsyncTestClient[Litestar]) -> None:
    need: dict[str, Any] = {"territory": {"codes": ["departement:56"]}, "lots": [{"id": "1", "cpv": ["90919200"]}]}
    bare, named = [(await client.post("/match", json=need | more)).json() for more in ({}, {"procedure": "restricted"})]
    assert named == bare


async def test_the_need_has_what_the_notice_says(client: AsyncTestClient[Litestar]) -> None:
    """What was not read is told in the caller's language."""
    read: dict[str, Any] = {}
    for language, words in (("fr", "le lot est lu comme ouvert aux deux"), ("en", "the lot is read as open to both")):
        read = (await post(client, NOTICE, **{"Accept-Language": language})).json()
        path, detail = next((part["path"], part["detail"]) for part in read["unread"] if words in part["detail"])
        assert path.startswith("/ContractNotice/ProcurementProjectLot/TenderingTerms/"), detail
    need = read["need"]
    assert (need["procedure"], need["territory"]) == ("open", {"codes": ["nuts:FRH04"]})
    (lot,) = need["lots"]
    assert (lot["cpv"], lot["reserved"], lot["renewal_months"]) == (["90919200"], ["handicap", "iae"], 36)


@pytest.mark.parametrize(
    ("body", "media", "status", "slug"),
    [
        *((body, XML, 422, "invalid-content") for body in (b"<!DOCTYPE a><a/>", b"<a/>")),
        *((body, JSON, 422, "invalid-content") for body in (b"", b'{"donnees": "{}"}')),
        *((body, media, 400, "malformed-body") for body, media in ((NOTICE[:-20], XML), (b'{"donnees": ', JSON))),
        *((NOTICE, media, 415, "unsupported-media-type") for media in ("text/plain", f"{XML}; charset=iso-8859-1")),
    ],
)
async def test_what_is_no_notice_is_refused(
    client: AsyncTestClient[Litestar], body: bytes, media: str, status: int, slug: str
) -> None:
    assert_refused(await post(client, body, media), status, slug)


async def test_malformed_xml_says_where_and_a_declared_entity_opens_nothing(client: AsyncTestClient[Litestar]) -> None:
    answer = await post(client, b"<a>\n<b></a>", **{"Accept-Language": "en"})
    assert answer.json()["detail"] == "The body is not XML: line 2, column 6"
    body = b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><ContractNotice>&b;</ContractNotice>'
    answer = await post(client, body)
    assert_refused(answer, 422, "invalid-content")
    assert [error["code"] for error in answer.json()["errors"]] == ["document_type"]


async def test_notices_are_read_without_suppliers(reference: Reference) -> None:
    """The route needs neither a database nor an index, and reads several at once; a body has its limit."""
    small = read_settings({"VIVIER_ADMIN_KEY": ADMIN_KEY, "VIVIER_BODY_LIMIT_MIB": "1"})
    own = {"Authorization": f"Bearer {ADMIN_KEY}"}
    async with AsyncTestClient(create_app(small, reference, parts=())) as client:
        answers = await asyncio.gather(*(post(client, NOTICE, **own) for _ in range(4)))
        assert_refused(await post(client, b"<a>" + b" " * (1 << 20), **own), 413, "body-too-large")
    assert {answer.status_code for answer in answers} == {200}


async def test_a_large_notice_is_read_in_another_process(
    client: AsyncTestClient[Litestar], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a thread, where none can be had."""
    asked = []
    work = client.app.state.services.match_work
    run = work.run

    async def noted(task: FunctionTask[Any], *others: Any) -> Any:
        asked.append(task.is_much)
        return await run(task, *others)

    monkeypatch.setattr(work, "run", noted)
    small = await post(client, NOTICE)
    large = await post(client, NOTICE + b" " * IN_A_THREAD_BYTES)
    of_many = await post(client, NOTICE + b"<?a?>" * IN_A_THREAD_TAGS)
    assert large.json() == of_many.json() == small.json()
    assert asked == [False, True, True]
