"""POST /allotment over HTTP, on a small directory held in memory."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from api.settings import Settings
from domain.allotment.allotment import Allotment
from matching.reference import Reference
from tests.api.conftest import portal
from tests.api.refusals import assert_refused
from tests.factories import RENNES, VANNES, approved, offer, supplier

JSON = "application/json"
NEED: dict[str, Any] = {
    "on": "2026-11-24",
    "buyer": {"kind": "local", "contracting_authority": True},
    "territory": {"codes": ["departement:35", "departement:56"]},
    "lots": [{"id": "1", "segments": ["de-bio", "de-5flux"], "values_eur": {"de-bio": 40000, "de-5flux": 260000}}],
}
POOL = (
    *(supplier(f"bio {n}", offer("de-bio"), at=RENNES, approvals=approved("ESAT")) for n in range(3)),
    *(supplier(f"flux {n}", offer("de-5flux"), at=VANNES, approvals=approved("ACI")) for n in range(3)),
)


@pytest.fixture(scope="module")
async def client(settings: Settings, reference: Reference) -> AsyncIterator[AsyncTestClient[Litestar]]:
    """A portal with a key, on a directory of six suppliers."""
    async with portal(settings, reference, *POOL) as client:
        yield client


async def post(
    client: AsyncTestClient[Litestar], body: Any, path: str = "/allotment", **headers: str
) -> httpx.Response:
    return await client.post(path, content=json.dumps(body).encode(), headers={"Content-Type": JSON} | headers)


def with_options(**options: Any) -> dict[str, Any]:
    return NEED | {"allotment": options}


def with_lot(**fields: Any) -> dict[str, Any]:
    return NEED | {"lots": [NEED["lots"][0] | fields]}


async def test_the_answer_is_an_allotment(client: AsyncTestClient[Litestar]) -> None:
    """By default lots are divided by segment and departement, and reserved where law and supply allow."""
    answer = await post(client, NEED)
    assert answer.status_code == 200
    found = msgspec.json.decode(answer.content, type=Allotment)
    assert (found.as_given.suppliers_alone, found.as_given.suppliers_reached) == (0, 6)
    best = found.proposals[0]
    assert {(lot.segments, lot.reserved) for lot in best.lots} == {
        (("de-bio",), ("handicap",)),
        (("de-5flux",), ("iae",)),
    }
    assert (best.summary.suppliers_alone, best.summary.reserved) == (6, len(best.lots))
    assert found.complete
    assert "left_out" not in answer.json()


async def test_values_are_divided_where_the_buyer_gave_them_by_segment(client: AsyncTestClient[Litestar]) -> None:
    """By departement nobody said them; the procedure is that of the sum, whatever the lots."""
    by_segment = (await post(client, with_options(divide=["segment"]))).json()["proposals"][0]
    assert {lot["segments"][0]: lot["value_eur"] for lot in by_segment["lots"]} == {"de-bio": 40000, "de-5flux": 260000}
    by_area = (await post(client, with_options(divide=["departement"]))).json()["proposals"]
    assert {lot["value_eur"] for each in by_area for lot in each["lots"] if len(each["lots"]) > 1} == {None}
    parts = [lot for each in by_area for lot in each["lots"] if len(each["lots"]) == 2]
    assert {round(sum(lot["estimated_value_eur"] for lot in parts)) % 300_000} == {0}
    assert {reason["code"] for lot in parts for reason in lot["reasons"]} & {"value_shared", "value_small"} == {
        "value_shared"
    }
    little = with_options(divide=["departement"]) | {"lots": [{"id": "1", "segments": ["de-bio"], "value_eur": 9000}]}
    assert "value_small" in (await post(client, little)).text
    codes = {advice["code"]: advice for advice in by_segment["advice"]}
    assert (codes["PROCEDURE_OF_SUM"]["article"], codes["PROC_FORMALISEE"]["message"][:3]) == ("R2121-1", "300")


async def test_the_answer_is_the_same_each_time_but_for_the_words(client: AsyncTestClient[Litestar]) -> None:
    """Also where other rows are asked for, of which an allotment has none; words are in the language asked for."""
    english = (await post(client, NEED, **{"Accept-Language": "en"})).json()
    french = (await post(client, NEED)).json()
    assert (await post(client, NEED | {"limit": 3, "near_misses": 0})).json() == french
    assert "supplier" in english["proposals"][0]["reasons"][2]["message"]
    assert "fournisseur" in french["proposals"][0]["reasons"][2]["message"]
    codes = [[reason["code"] for reason in each["proposals"][0]["reasons"]] for each in (english, french)]
    assert codes[0] == codes[1] == ["without_supply", "with_competition", "suppliers_alone", "reserved", "lots"]


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        (with_options(divide=["departement", "epci"]), "/allotment/divide", "both_areas"),
        (with_lot(value_eur=1_000.0), "/lots/0/values_eur", "values_differ"),
        (with_lot(segments=["de-biot"]), "/lots/0/segments/0", "unknown_code"),
        (with_options(divide=[], join=False, max_lots=1) | {"lots": [{"id": "1", "segments": ["de-bio"]}, {"id": "2", "segments": ["pr-locaux"]}]}, "/allotment/max_lots", "too_few_lots"),  # noqa: E501
        (NEED | {"territory": {"codes": ["country:FR"]}, "allotment": {"divide": ["epci"]}}, "/allotment/divide", "too_many_parts"),  # noqa: E501
    ],
)  # fmt: skip
async def test_a_mistake_is_told_at_its_place(
    client: AsyncTestClient[Litestar], body: dict[str, Any], pointer: str, code: str
) -> None:
    problem = (await post(client, body)).json()
    assert problem["status"] == 422
    assert (pointer, code) in {(error["pointer"], error["code"]) for error in problem["errors"]}


async def test_options_are_read_strictly(client: AsyncTestClient[Litestar]) -> None:
    """Values by segment are for this route alone."""
    for wrong in ({"max_lot": 3}, {"min_candidates": 0}, {"max_lots": "3"}, {"divide": ["commune"]}, {"max_lots": 201}):
        assert_refused(await post(client, with_options(**wrong)), 422, "invalid-content")
    assert_refused(await post(client, NEED, "/match"), 422, "invalid-content")
