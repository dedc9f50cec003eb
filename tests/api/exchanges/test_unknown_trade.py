"""Suppliers of unknown trade are asked what they do; what they answer becomes an offer, and they become candidates."""

from typing import Any

import msgspec
import pytest

from db.api_keys import create_key
from db.core.engine import transaction
from tests.api.exchanges.steps import opening
from tests.api.needs.steps import create
from tests.api.refusals import assert_refused
from tests.api.sync.factories import Client, path_of, put, put_record, record, siret

# Where no other test has suppliers.
AT_CORTE: dict[str, Any] = {
    "address": {"city": "Corte", "commune": "2B096"},
    "location": {"lat": 42.3061, "lon": 9.1497},
}
AROUND_CORTE: dict[str, Any] = {
    "territory": {"near": {"commune": "2B096"}, "radius_km": 1},
    "lots": [{"id": "1", "segments": ["ev-entretien"], "reserved": ["iae"]}],
}


@pytest.fixture
async def silent(served: Client, source: str) -> list[str]:
    """Three insertion structures at Corte of which no trade is known, once those of other tests are gone."""
    for each in (await served.get("/suppliers", params={"territory": "commune:2B096"})).json()["items"]:
        for one in (await served.get(f"/suppliers/{each['id']}")).json()["sources"]:
            await served.delete(path_of(one["source"], one["external_id"]))
    stored = [await put_record(served, source, str(n), name=f"ACI {n}", offers=[], **AT_CORTE) for n in range(3)]
    await served.services.directory.catch_up()
    return [each["supplier_id"] for each in stored]


async def lot_of(client: Client, need: str) -> dict[str, Any]:
    answer = await client.post(f"{need}/shortlists")
    assert answer.status_code == 201, answer.text
    lot: dict[str, Any] = answer.json()["lots"][0]
    return lot


async def test_they_are_recipients_where_the_buyer_chooses(served: Client, silent: list[str]) -> None:
    need = f"/needs/{(await create(served, **AROUND_CORTE))['id']}"
    lot = (await served.get(f"{need}/shortlists/latest")).json()["lots"][0]
    assert (lot["tension"]["level"], lot["unknown_trade"]["eligible"]) == ("unknown", 3)
    refused = await opening(served, need, "shortlist")
    assert_refused(refused, 409, "conflict")
    assert "activité inconnue" in refused.json()["detail"]
    answer = await opening(served, need, "shortlist", include_unknown_trade=True, lot_ids=["1"])
    assert answer.status_code == 201, answer.text
    assert {each["supplier_id"]: each["why"] for each in answer.json()["recipients"]} == dict.fromkeys(
        silent, "unknown_trade"
    )
    assert (await opening(served, need, silent[:1])).status_code == 201


async def test_one_that_is_set_aside_is_no_recipient(served: Client, silent: list[str]) -> None:
    """It has said that it does other things: the buyer notes that, and need not name all the others."""
    need = f"/needs/{(await create(served, **AROUND_CORTE))['id']}"
    decided = await served.patch(
        f"{need}/shortlists/1/suppliers/{silent[0]}",
        content=msgspec.json.encode({"lot_id": "1", "decision": "set_aside", "reason": "Ne fait que du textile"}),
        headers={"content-type": "application/merge-patch+json"},
    )
    assert decided.status_code == 200, decided.text
    answer = await opening(served, need, "shortlist", include_unknown_trade=True)
    assert {each["supplier_id"] for each in answer.json()["recipients"]} == set(silent[1:])
    unknown = (await served.get(f"{need}/report")).json()["lots"][0]["unknown_trade"]["nearest"]
    assert [row["decision"]["reason"] for row in unknown if row["decision"]] == ["Ne fait que du textile"]
    page = (await served.get(f"{need}/report", headers={"accept": "text/html"})).text
    assert "Ne fait que du textile" in page


async def test_the_choice_means_nothing_beside_named_recipients(served: Client, silent: list[str]) -> None:
    need = f"/needs/{(await create(served, **AROUND_CORTE))['id']}"
    answer = await opening(served, need, silent, include_unknown_trade=True)
    assert_refused(answer, 422, "invalid-content")
    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [
        ("/include_unknown_trade", "only_with_shortlist")
    ]


async def test_who_was_not_asked_misses_nothing(served: Client, source: str, silent: list[str]) -> None:
    """Equal treatment is owed to recipients, and to candidates, not to all who might have been asked."""
    candidate = (await put_record(served, source, "gardener", name="Jardin", **AT_CORTE))["supplier_id"]
    await served.services.directory.catch_up()
    need = f"/needs/{(await create(served, **AROUND_CORTE))['id']}"
    assert (await opening(served, need, [candidate, silent[0]])).status_code == 201
    matrix = (await served.get(f"{need}/equal-treatment")).json()
    assert {each["supplier_id"]: each["on_shortlist"] for each in matrix["suppliers"]} == {
        candidate: True,
        silent[0]: False,
    }
    assert matrix["gaps"] == []


async def test_an_answer_is_recorded_as_a_declared_offer(served: Client, source: str, silent: list[str]) -> None:
    """By a source of the buyer's own: the record has the SIRET, the two are one supplier, now a candidate."""
    need = f"/needs/{(await create(served, **AROUND_CORTE))['id']}"
    await opening(served, need, "shortlist", include_unknown_trade=True)
    answers = f"{source}-reponses"
    async with transaction(served.services.database) as connection:
        key, _ = await create_key(
            connection,
            name="réponses",
            organisation="default",
            scopes=["sync"],
            sources=[answers],
            now=served.services.now(),
        )
    declared = record(
        path_of(answers),
        name="ACI 0",
        siret=siret(path_of(source, "0")),
        offers=[{"segments": ["ev-entretien"], "service_area": {"radius_km": 30}, "basis": "declared"}],
    )
    stored = await put(served, path_of(answers), {**declared, "location": None}, Authorization=f"Bearer {key}")
    assert (stored.status_code, stored.json()["supplier_id"]) == (201, silent[0]), stored.text
    await served.services.directory.catch_up()
    lot = await lot_of(served, need)
    assert [(each["supplier"]["id"], each["segments"][0]["basis"]) for each in lot["candidates"]] == [
        (silent[0], "declared")
    ]
    assert {each["supplier"]["id"] for each in lot["unknown_trade"]["nearest"]} == set(silent[1:])
    matrix = (await served.get(f"{need}/equal-treatment")).json()
    assert {each["supplier_id"]: each["on_shortlist"] for each in matrix["suppliers"]} == {
        each: each == silent[0] for each in silent
    }
    assert matrix["gaps"] == []
