"""Needs, matches and proposals of lots by the law of the day on which their publication is planned."""

from typing import Any

import pytest

from tests.api.needs.steps import Buyer, new_buyer
from tests.api.refusals import assert_refused
from tests.api.sync.factories import Client

LOCAL = {"kind": "local", "contracting_authority": True}
LAW = "LAW_CHANGES"
WORKS = {"segments": ["bt-peinture"], "nature": "works", "value_eur": 120_000}


@pytest.fixture
async def buyer(served: Client) -> Buyer:
    return await new_buyer(served)


def need(on: str, planned: str | None, **lot: Any) -> dict[str, Any]:
    return {"on": on, "planned_publication_on": planned, "buyer": LOCAL, "lots": [{"id": "1"} | lot]}


def by_code(shortlist: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {advice["code"]: advice for advice in shortlist["advice"]}


async def of_new_need(buyer: Buyer, *days: str | None, **lot: Any) -> dict[str, dict[str, Any]]:
    """The advice in the first shortlist of a new need, evaluated and published on these days."""
    return by_code((await buyer.keep(**need(*days, **lot)))["shortlist"])  # type: ignore[arg-type]


async def test_duties_that_begin_before_publication_are_said(buyer: Buyer) -> None:
    cleaning = {"segments": ["pr-locaux"], "nature": "services", "value_eur": 240_000}
    advice = await of_new_need(buyer, "2026-08-15", "2026-09-15", **cleaning)
    assert "obligatoire sauf exception motivée" in advice["SOCIAL_CONSIDERATION"]["message"]
    assert "obligatoires quel que soit le montant" in advice["ENVIRONMENTAL_CONSIDERATION"]["message"]
    assert advice[LAW]["severity"] == "warning"
    assert "Les règles du 15/09/2026, jour prévu de publication" in advice[LAW]["message"]
    same = await of_new_need(buyer, "2026-08-15", "2026-08-20", **cleaning)
    assert "pas obligatoire à cette date" in same["SOCIAL_CONSIDERATION"]["message"]
    assert LAW not in same


async def test_thresholds_are_those_of_the_day_of_publication(buyer: Buyer) -> None:
    """To the day, and to the cent."""
    goods = {"cpv": ["30200000"], "nature": "supplies"}
    for planned, value, procedure in (
        ("2026-01-15", 218_000, "PROC_FORMALISEE"),
        ("2026-01-01", 216_000, "PROC_FORMALISEE"),
        ("2026-01-01", 215_999.99, "MAPA"),
        ("2025-12-31", 218_000, "MAPA"),
        (None, 218_000, "MAPA"),
    ):
        advice = await of_new_need(buyer, "2025-12-01", planned, **goods, value_eur=value)
        assert procedure in advice
        assert (LAW in advice) is (procedure == "PROC_FORMALISEE")
        assert {"MAPA", "PROC_FORMALISEE"} & advice.keys() == {procedure}


async def test_works_of_next_year(buyer: Buyer) -> None:
    advice = await of_new_need(buyer, "2026-11-29", "2027-02-15", **WORKS)
    assert "moins de 140 000 €" in advice["GRE_A_GRE"]["message"]
    assert "moins de 140 000 €" in advice[LAW]["message"]
    assert advice[LAW]["confidence"] == advice["GRE_A_GRE"]["confidence"] == "medium"
    assert LAW not in await of_new_need(buyer, "2026-11-29", "2026-12-31", **WORKS)


async def test_a_day_planned_later_is_applied_from_the_next_version_on(buyer: Buyer) -> None:
    kept = await buyer.keep(**need("2026-11-29", None, **WORKS))
    path = f"/needs/{kept['need']['id']}"
    assert (kept["shortlist"]["stamp"]["law_on"], LAW in by_code(kept["shortlist"])) == (None, False)
    assert (await buyer.patch(path, {"planned_publication_on": "2027-01-01"})).status_code == 200
    assert (await buyer.get(f"{path}/shortlists/latest")).json()["stamp"]["law_on"] is None
    second = await buyer.frozen(kept["need"]["id"])
    assert (second["stamp"]["on"], second["stamp"]["law_on"]) == ("2026-11-29", "2027-01-01")
    assert {"GRE_A_GRE", LAW} <= by_code(second).keys()
    difference = (await buyer.get(f"{path}/shortlists/1/diff/2")).json()
    assert difference["changed_stamp"] == ["law_on"]
    assert difference["changed_fields"] == ["planned_publication_on"]


async def test_a_submission_with_another_day_is_another(buyer: Buyer) -> None:
    key = {"Idempotency-Key": "besoin-du-jour"}
    first, again, other = [
        await buyer.post("/needs", buyer.need(**need("2026-11-29", planned, **WORKS)), **key)
        for planned in ("2027-01-01", "2027-01-01", "2026-12-31")
    ]
    assert again.content == first.content
    assert_refused(other, 422, "invalid-content")


async def test_a_match_and_proposals_of_lots_take_the_day_too(buyer: Buyer) -> None:
    """Asked again with another day they are answered for that one."""
    for planned, procedure, changes in (("2027-01-01", "GRE_A_GRE", True), ("2026-12-31", "MAPA", False)):
        asked = buyer.need(**need("2026-11-29", planned, **WORKS))
        found = (await buyer.post("/match", asked)).json()
        proposals = (await buyer.post("/allotment", asked)).json()
        for each in (found, *proposals["proposals"]):
            assert (procedure in by_code(each), LAW in by_code(each)) == (True, changes)
        assert found["stamp"]["law_on"] == proposals["stamp"]["law_on"] == planned
    faulty = buyer.need(**need("2026-11-29", "1er mars", **WORKS))
    assert_refused(await buyer.post("/match", faulty), 422, "invalid-content")


async def test_no_reservation_is_proposed_that_the_planned_day_does_not_know(buyer: Buyer, source: str) -> None:
    """The prison reservation begins on 2022-10-21."""
    lot = {"id": "1", "segments": ["ev-entretien"], "reserved": ["penitentiary"]}
    asked = buyer.need(on="2022-11-15", planned_publication_on="2022-10-20", lots=[lot])
    (found,) = (await buyer.post("/match", asked)).json()["lots"]
    assert found["reservation"]["outcome"] == "INELIGIBLE"
    assert found["alternatives"]["forbidden"]["penitentiary"]["code"] == "TYPE_NOT_IN_FORCE"
    proposals = (await buyer.post("/allotment", asked)).json()["proposals"]
    assert all(each["reserved"] == [] for proposal in proposals for each in proposal["lots"])


async def test_needs_are_added_up_by_the_thresholds_of_the_planned_day(buyer: Buyer) -> None:
    """40 000 € until 2026-03-31, 60 000 € from the day after."""
    gardens = {"segments": ["ev-entretien"], "value_eur": 25_000}
    await of_new_need(buyer, "2026-01-10", "2026-02-01", **gardens)
    assert "NO_SPLIT_TO_EVADE" in await of_new_need(
        buyer, "2026-01-10", "2026-03-31", **gardens | {"value_eur": 15_000}
    )
    advice = await of_new_need(buyer, "2026-01-10", "2026-04-01", **gardens | {"value_eur": 15_000})
    assert "NO_SPLIT_TO_EVADE" not in advice
