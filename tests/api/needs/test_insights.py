"""Insights over HTTP: what an organisation's needs tell together, narrowed, and nobody else's."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from api.runtime.processes.match_work import MatchTask
from domain.needs.need import Need
from domain.text.bilingual import PARIS
from tests.api.needs.steps import Buyer, new_buyer
from tests.api.refusals import assert_refused
from tests.api.sync.factories import Client


async def insights(buyer: Buyer, query: str = "") -> dict[str, Any]:
    answer = await buyer.get(f"/insights{query}")
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_without_any_need_nothing_is_known(buyer: Buyer) -> None:
    told = await insights(buyer)
    assert told["needs"] == {"total": 0, "lots": 0, "by_status": {}}
    assert told["replies"]["rate"] is None
    assert told["replies"]["first_answer_hours"] == {"median": None, "p90": None}
    assert told["provisions"]["environmental"] == {"target": 1.0, "with": 0, "without": 0, "unknown": 0, "share": None}


async def test_what_suppliers_said_is_counted(buyer: Buyer, source: str) -> None:
    one, two = await buyer.supplier(source, "1"), await buyer.supplier(source, "2")
    need = (await buyer.keep())["need"]
    opening = {"subject": "Sourcing", "body": "Bonjour", "channel": "letter", "recipients": [one, two]}
    exchange = (await buyer.post(f"/needs/{need['id']}/exchanges", opening)).json()
    said = {"author": "supplier", "supplier_id": one, "body": "Trop loin", "barriers": ["distance", "other"]}
    noted = said | {"barriers_note": "Le pont est fermé", "confidential": True}
    assert (await buyer.post(f"/exchanges/{exchange['id']}/messages", noted)).status_code == 201
    told = (await insights(buyer))["replies"]
    assert (told["contacted"], told["pending"], told["answered"], told["rate"]) == (1, 1, 1, 1.0)
    path = f"/exchanges/{exchange['id']}/messages/{exchange['messages'][0]['id']}/deliveries"
    assert (await buyer.post(path, {"recipients": "waiting", "way": "phone"})).status_code == 200
    told = await insights(buyer)
    assert (told["replies"]["contacted"], told["replies"]["answered"], told["replies"]["rate"]) == (2, 1, 0.5)
    assert told["replies"]["first_answer_hours"]["median"] >= 0
    assert {each["barrier"]: each["replies"] for each in told["barriers"]} == {"distance": 1, "other": 1}
    assert told["barrier_notes"] == {"items": [], "total": 1, "confidential": 1}
    elsewhere = await insights(buyer, "?segment=pr-locaux")
    assert (elsewhere["replies"]["contacted"], elsewhere["barriers"]) == (0, [])


async def test_segments_without_supply_and_tension_are_those_of_the_shortlists(buyer: Buyer, source: str) -> None:
    empty = await buyer.keep()
    assert empty["shortlist"]["lots"][0]["coverage"][0]["candidates"] == 0
    told = await insights(buyer)
    lacking = {"segment": "ev-entretien", "label": "Entretien d'espaces verts", "lots": 1}
    assert told["segments_without_supply"] == [lacking | {"need_ids": [empty["need"]["id"]]}]
    assert told["tension"] == {"none": 1, "critical": 0, "unknown": 0, "low": 0, "good": 0}
    await buyer.supplier(source, "1", approvals=[{"kind": "ACI"}])
    assert (await buyer.post(f"/needs/{empty['need']['id']}/shortlists")).status_code == 201
    told = await insights(buyer)
    assert (told["segments_without_supply"], told["tension"]["critical"]) == ([], 1)


async def test_needs_are_narrowed_by_segment_territory_and_day(buyer: Buyer) -> None:
    await buyer.keep(territory={"codes": ["departement:56"]})
    await buyer.keep(territory={"codes": ["commune:35238"]}, lots=[{"id": "1", "segments": ["pr-locaux"]}])
    await buyer.keep(territory={"near": {"commune": "56260"}, "radius_km": 5}, lots=[{"id": "1", "segments": ["ev"]}])
    today = buyer.client.services.now().astimezone(PARIS).date()
    expected = {
        "": 3,
        "?segment=ev-entretien": 2,
        "?segment=ev": 2,
        "?segment=pr-locaux&segment=ev": 3,
        "?territory=departement:56": 2,
        "?territory=region:53": 3,
        "?territory=epci:243500139&segment=pr-locaux": 1,
        "?territory=departement:35&segment=ev": 0,
        f"?from={today}&to={today}": 3,
        f"?from={today + timedelta(days=1)}": 0,
        f"?to={today - timedelta(days=1)}": 0,
        "?from=0001-01-01&to=9999-12-31": 3,
    }
    assert {query: (await insights(buyer, query))["needs"]["total"] for query in expected} == expected


@pytest.mark.parametrize(
    ("query", "slug", "where", "hint"),
    [
        ("segment=ev-entretein", "unknown-segment", "/segment/0", "ev-entretien"),
        ("territory=departement:999", "unknown-territory", "/territory/0", ""),
        ("from=2026-02-01&to=2026-01-31", "invalid-query", "/from", "to"),
        ("segment=zz&from=2026-02-01&to=2026-01-31", "invalid-query", "/segment/0", ""),
        ("from=hier", "invalid-query", "/from", ""),
    ],
)
async def test_what_cannot_be_asked_is_refused_at_its_place(
    buyer: Buyer, query: str, slug: str, where: str, hint: str
) -> None:
    answer = await buyer.get(f"/insights?{query}")
    assert_refused(answer, 422, slug)
    first = answer.json()["errors"][0]
    assert first["pointer"] == where
    assert hint in first["detail"]


async def test_territories_that_were_drawn_wait_their_turn(buyer: Buyer, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a match: in the organisation's line, with the price of the outline, and not where codes say enough."""
    work, asked = buyer.client.services.match_work, list[Need]()
    real = work.run

    async def run(task: MatchTask[Any], key: str, left: Callable[[], Awaitable[None]]) -> Any:
        assert key == str(buyer.organisation_id)
        asked.append(task.need)
        return await real(task, key, left)

    around_vannes = {"near": {"commune": "56260"}, "radius_km": 5}
    await buyer.keep(territory={"codes": ["departement:56"]})
    lots = [{"id": "1", "segments": ["ev"]}, {"id": "2", "segments": ["ev"], "territory": {"codes": ["country:FR"]}}]
    await buyer.keep(territory=around_vannes, lots=lots)
    monkeypatch.setattr(work, "run", run)
    assert (await insights(buyer))["needs"]["lots"] == 3
    assert not asked
    assert (await insights(buyer, "?territory=departement:56"))["needs"]["lots"] == 3
    assert (await insights(buyer, "?territory=departement:35"))["needs"]["lots"] == 1
    assert [len(each.lots) for each in asked] == [2, 2]
    turns, organisation = buyer.client.services.matches, str(buyer.organisation_id)
    async with turns.slot_of(organisation):
        waiting = asyncio.create_task(insights(buyer, "?territory=departement:56"))
        while turns.present[organisation] < 2:
            await asyncio.sleep(0)
        assert (await insights(buyer))["needs"]["lots"] == 3
        assert not waiting.done()
    assert (await waiting)["needs"]["lots"] == 3


async def test_needs_of_others_are_not_looked_at(buyer: Buyer, served: Client) -> None:
    await buyer.keep()
    assert (await insights(await new_buyer(served)))["needs"]["total"] == 0
    assert_refused(await served.get("/insights", headers={"Authorization": "Bearer unknown"}), 401, "no-valid-key")
