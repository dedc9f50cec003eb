"""Awards over HTTP: noted, withdrawn, and what they change in the shortlists of the same organisation."""

from typing import Any

import pytest

from tests.api.needs.steps import Buyer, new_buyer, shown
from tests.api.refusals import assert_refused
from tests.api.sync.factories import NOBODY, path_of, siret

ESS = [{"id": "1", "segments": ["ev-entretien"], "reserved": ["ess"]}]
OPEN = [{"id": "1", "segments": ["ev-entretien"]}]


def award(supplier: str, on: str = "2023-11-24", **fields: Any) -> dict[str, Any]:
    return {"lot_id": "1", "supplier_id": supplier, "awarded_on": on} | fields


async def gardener(buyer: Buyer, source: str, external_id: str = "1", **fields: Any) -> str:
    return await buyer.supplier(source, external_id, **({"legal_form": "association", "ess": True} | fields))


async def need_of(buyer: Buyer, **fields: Any) -> str:
    return str((await buyer.keep(**({"lots": ESS} | fields)))["need"]["id"])


async def noted(buyer: Buyer, need: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await buyer.post(f"/needs/{need}/awards", body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def lot_of(buyer: Buyer, **fields: Any) -> dict[str, Any]:
    """The first lot of a new need's shortlist."""
    lot: dict[str, Any] = (await buyer.keep(**fields))["shortlist"]["lots"][0]
    return lot


def codes(lot: dict[str, Any]) -> list[str]:
    return [advice["code"] for advice in lot["advice"]]


async def test_an_award_has_the_trade_of_its_own_lot(buyer: Buyer, source: str) -> None:
    """Not that of another lot which the need's title names too."""
    supplier = await gardener(buyer, source)
    lots = [{"id": "1", "title": "Nettoyage des locaux"}, {"id": "2", "title": "Espaces verts"}]
    need = await need_of(buyer, title="Nettoyage des locaux et entretien des espaces verts", lots=lots)
    assert (await noted(buyer, need, award(supplier)))["segments"] == ["pr-locaux"]


async def test_an_award_is_kept_as_it_was_noted(buyer: Buyer, source: str) -> None:
    """With what the lot asked for, read as a match reads it, and how it was made."""
    supplier = await gardener(buyer, source, name="Jardin d'Ys")
    lots = [
        {"id": "A", "keywords": ["nettoyage de bureaux"], "segments": ["ev-entretien"], "support_segments": ["de-bio"]}
    ]
    need = await need_of(buyer, lots=lots, procedure="direct_award")
    body = award(supplier, lot_id="A", value_eur=58_400, reserved=["ess", "ess"], duration_months=24)
    answer = await buyer.post(f"/needs/{need}/awards", body)
    made = answer.json()
    assert (made["supplier_name"], made["segments"]) == ("Jardin d'Ys", ["ev-entretien", "pr-locaux"])
    assert (made["reserved"], made["direct"], made["value_eur"]) == (["ess"], True, 58_400)
    assert (await buyer.get(answer.headers["location"])).json() == made
    assert (await buyer.get(f"/needs/{need}/awards")).json() == {"items": [made], "next_cursor": None}
    (entry,) = [entry for entry in await buyer.journal(need) if entry.action == "award.noted"]
    assert entry.detail == {"award_id": made["id"], "lot_id": "A", "supplier_id": supplier}


async def test_without_a_reservation_of_its_own_an_award_has_that_of_the_lot(buyer: Buyer, source: str) -> None:
    """Empty is an answer too: it was reserved to nobody."""
    need, supplier = await need_of(buyer), await gardener(buyer, source)
    assert (await noted(buyer, need, award(supplier)))["reserved"] == ["ess"]
    assert (await noted(buyer, need, award(supplier, reserved=[])))["reserved"] == []


async def test_every_status_takes_awards(buyer: Buyer, source: str) -> None:
    supplier = await gardener(buyer, source)
    for statuses in (("draft", "sourcing", "published", "closed"), ("abandoned",)):
        need = await need_of(buyer)
        for status in statuses:
            await buyer.patch(f"/needs/{need}", {"status": status})
            await noted(buyer, need, award(supplier))


async def test_a_draft_that_was_awarded_is_not_discarded(buyer: Buyer, source: str) -> None:
    need, supplier = await need_of(buyer), await gardener(buyer, source)
    await noted(buyer, need, award(supplier))
    assert_refused(await buyer.delete(f"/needs/{need}"), 409, "conflict")


FAULTY: tuple[tuple[dict[str, Any], set[tuple[str, str]]], ...] = (
    ({"lot_id": "2", "supplier_id": str(NOBODY)}, {("/lot_id", "unknown_lot"), ("/supplier_id", "unknown_supplier")}),
    ({"value_eur": -1}, {("/value_eur", "out_of_range")}),
    ({"reserved": ["esat"]}, {("/reserved/0", "unknown_value")}),
    ({"duration_months": 0}, {("/duration_months", "out_of_range")}),
    ({"id": str(NOBODY)}, {("/id", "unknown_field")}),
)


async def test_a_faulty_award_is_refused_at_its_place(buyer: Buyer, source: str) -> None:
    """With the lots that there are."""
    need, supplier = await need_of(buyer), await gardener(buyer, source)
    for fields, errors in FAULTY:
        answer = await buyer.post(f"/needs/{need}/awards", award(supplier) | fields)
        assert_refused(answer, 422, "invalid-content")
        assert {(error["pointer"], error["code"]) for error in answer.json()["errors"]} == errors
    answer = await buyer.post(f"/needs/{need}/awards", award(supplier, lot_id="zz"))
    assert "admis : 1" in answer.json()["errors"][0]["detail"]
    assert (await buyer.get(f"/needs/{need}/awards")).json()["items"] == []


async def test_a_supplier_that_left_the_directory_is_known_from_the_shortlists(buyer: Buyer, source: str) -> None:
    """By the name it had there; another need does not know it."""
    supplier = await gardener(buyer, source, name="Les Anciens")
    need = await need_of(buyer)
    assert (await buyer.client.delete(path_of(source))).status_code == 204
    await buyer.matched()
    assert (await noted(buyer, need, award(supplier)))["supplier_name"] == "Les Anciens"
    other = await need_of(buyer)
    assert_refused(await buyer.post(f"/needs/{other}/awards", award(supplier)), 422, "invalid-content")


async def test_the_same_submission_is_carried_out_once(buyer: Buyer, source: str) -> None:
    need, supplier = await need_of(buyer), await gardener(buyer, source)
    path, key = f"/needs/{need}/awards", {"Idempotency-Key": "attribution"}
    first, again = [await buyer.post(path, award(supplier), **key) for _ in range(2)]
    assert (first.status_code, first.content) == (201, again.content)
    assert (await buyer.get(path)).json()["items"] == [first.json()]


async def test_the_bar_shows_in_the_diff_of_the_awarded_need_too(buyer: Buyer, source: str) -> None:
    """A version frozen after the award says who could be awarded the lot again; that before stays as it was."""
    barred, other = await gardener(buyer, source), await gardener(buyer, source, "2")
    need = await need_of(buyer)
    await noted(buyer, need, award(barred, "2026-11-20", reserved=["ess"]))
    assert shown((await buyer.frozen(need))["lots"][0]) == [other]
    lot = (await buyer.get(f"/needs/{need}/shortlists/1/diff/2")).json()["lots"][0]
    (left,) = lot["left"]
    assert (left["supplier_id"], left["why"]["excluded_by"]) == (barred, "reservation")
    assert "20/11/2026" in left["why"]["message"]


async def test_nobody_else_is_concerned(buyer: Buyer, source: str) -> None:
    """Neither another organisation's shortlists nor matches of the same one, which store nothing and know nothing."""
    supplier = await gardener(buyer, source)
    for _ in range(3):
        await noted(buyer, await need_of(buyer), award(supplier, "2026-01-01", reserved=["ess"]))
    other = await new_buyer(buyer.client)
    other.spot = buyer.spot
    lot = await lot_of(other, lots=ESS)
    assert (shown(lot), "SAME_SUPPLIER" in codes(lot)) == ([supplier], False)
    matched = (await buyer.post("/match", buyer.need(lots=ESS))).json()["lots"][0]
    assert (shown(matched), "SAME_SUPPLIER" in codes(matched)) == ([supplier], False)
    assert shown(await lot_of(buyer, lots=ESS)) == []


async def test_what_was_withdrawn_counts_no_more(buyer: Buyer, source: str) -> None:
    supplier = await gardener(buyer, source)
    need = await need_of(buyer)
    made = await noted(buyer, need, award(supplier, reserved=["ess"]))
    assert shown(await lot_of(buyer, lots=ESS)) == []
    path = f"/needs/{need}/awards/{made['id']}"
    assert_refused(await buyer.delete(f"/needs/{await need_of(buyer)}/awards/{made['id']}"), 404, "not-found")
    assert (await buyer.delete(path)).status_code == 204
    assert_refused(await buyer.delete(path), 404, "not-found")
    assert_refused(await buyer.get(path), 404, "not-found")
    assert (await buyer.get(f"/needs/{need}/awards")).json()["items"] == []
    assert shown(await lot_of(buyer, lots=ESS)) == [supplier]
    assert (await buyer.noted(need))[-2:] == ["award.noted", "award.withdrawn"]


async def test_an_award_follows_its_supplier_into_the_one_it_was_merged_into(buyer: Buyer, source: str) -> None:
    """Be it awarded before the merge, or noted afterwards under the old id."""
    heir, lost = await gardener(buyer, source), await gardener(buyer, source, "2")
    need = await need_of(buyer)
    await noted(buyer, need, award(lost, reserved=["ess"]))
    assert shown(await lot_of(buyer, lots=ESS)) == [heir]
    assert (await buyer.client.post("/suppliers/merge", json={"ids": [heir, lost]})).json()["id"] == heir
    await buyer.matched()
    assert shown(await lot_of(buyer, lots=ESS)) == []
    assert (await noted(buyer, need, award(lost)))["supplier_id"] == heir


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
async def test_the_first_and_the_last_day_there_are(buyer: Buyer, source: str, day: str) -> None:
    """Years and months before the one and after the other do not exist."""
    supplier = await gardener(buyer, source, turnover_eur=1_000)
    fields = {"value_eur": 1e12, "duration_months": 1_200}
    need = await need_of(buyer, on=day, lots=[ESS[0] | fields])
    for _ in range(3):
        await noted(buyer, need, award(supplier, day, reserved=["ess"], **fields))
    assert "SAME_SUPPLIER" in codes((await buyer.frozen(need))["lots"][0])


async def test_an_award_finds_its_supplier_again_by_its_siret(buyer: Buyer, source: str) -> None:
    """One that its source withdrew and sent again has another id; the bar holds for the same establishment."""
    first = await gardener(buyer, source)
    await noted(buyer, await need_of(buyer), award(first, reserved=["ess"]))
    assert (await buyer.client.delete(path_of(source))).status_code == 204
    again = await gardener(buyer, source)
    assert again != first
    assert shown(await lot_of(buyer, lots=ESS)) == []
    other = await gardener(buyer, source, "2")
    assert shown(await lot_of(buyer, lots=ESS)) == [other]


async def test_workshops_of_one_siret_are_not_taken_for_each_other(buyer: Buyer, source: str) -> None:
    """Nobody can tell which of them was awarded the contract: neither is barred."""
    place = {"in_prison": True, "siret": siret(source)}
    first = await gardener(buyer, source, "1", **place)
    await noted(buyer, await need_of(buyer), award(first, reserved=["ess"]))
    assert (await buyer.client.delete(path_of(source))).status_code == 204
    near = {"lat": buyer.here["lat"] + 0.02, "lon": buyer.here["lon"]}
    both = {await gardener(buyer, source, "1", **place), await gardener(buyer, source, "2", location=near, **place)}
    assert len(both) == 2
    assert set(shown(await lot_of(buyer, lots=ESS))) == both
