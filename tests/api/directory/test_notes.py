"""What a buyer's organisation notes of suppliers: found by its own matches within a second, by nobody else's, ever."""

import asyncio
from typing import Any

import httpx

from db.core.engine import transaction
from db.journal.entries import entries
from domain.suppliers.note import MOST_NOTES
from tests.api.needs.steps import Buyer, new_buyer, shown
from tests.api.refusals import assert_refused
from tests.api.sync.factories import Client

TOLD = {"segments": ["ev-entretien"], "words": "tonte", "service_area": {"radius_km": 40}}
NOTE = {"offers": [TOLD], "told_on": "2026-11-18", "how": "au téléphone"}


async def put(buyer: Buyer, supplier: str, note: Any = NOTE, **headers: str) -> httpx.Response:
    return await buyer.client.put(f"/suppliers/{supplier}/notes", json=note, headers=buyer.headers | headers)


async def matched(buyer: Buyer, **fields: Any) -> dict[str, Any]:
    """The only lot of a need of this buyer, at once."""
    need = buyer.need(on="2026-11-24", lots=[{"id": "1", "segments": ["ev-entretien"]}]) | fields
    answer = await buyer.post("/match", need)
    assert answer.status_code == 200, answer.text
    lot: dict[str, Any] = answer.json()["lots"][0]
    return lot


async def neighbour(client: Client, buyer: Buyer) -> Buyer:
    """Another organisation that buys at the same spot."""
    other = await new_buyer(client)
    other.spot = buyer.spot
    return other


async def test_a_note_is_stored_read_and_deleted(served: Client, buyer: Buyer, source: str) -> None:
    supplier = await buyer.supplier(source, "1", offers=[])
    stored = await put(buyer, supplier)
    assert stored.status_code == 200, stored.text
    note = stored.json()
    (offer,) = note["offers"]
    assert (offer["basis"], offer["declared_by"], offer["declared_on"]) == ("declared", "buyer", "2026-11-18")
    assert (offer["label"], note["how"], note["noted_by"]) == ("tonte", "au téléphone", "test")
    read = await buyer.get(f"/suppliers/{supplier}/notes")
    assert (read.json(), read.headers["etag"]) == (note, stored.headers["etag"])
    # as it is read it can be written again
    assert (await put(buyer, supplier, {name: note[name] for name in NOTE})).status_code == 200
    assert (await buyer.delete(f"/suppliers/{supplier}/notes")).status_code == 204
    assert_refused(await buyer.get(f"/suppliers/{supplier}/notes"), 404, "not-found")
    assert_refused(await buyer.delete(f"/suppliers/{supplier}/notes"), 404, "not-found")
    async with transaction(served.services.database) as connection:
        told = await entries(connection, buyer.organisation_id, f"supplier:{supplier}", 0, 9)
    assert [each.action for each in told] == ["note.written", "note.written", "note.deleted"]
    assert "tonte" not in str(told)


async def test_only_who_noted_it_finds_it(served: Client, buyer: Buyer, source: str) -> None:
    """In matches, shortlists, lots and supply; the other's answers are the same bytes, and so is the directory."""
    other, supplier = await neighbour(served, buyer), await buyer.supplier(source, "1", offers=[])
    before = [await matched(other), (await served.get(f"/suppliers/{supplier}")).json()]
    assert (await put(buyer, supplier)).status_code == 200
    await buyer.matched()
    lot = await matched(buyer)
    (found,) = lot["candidates"]
    (answer,) = found["segments"]
    assert (answer["declared_by"], answer["evidence"]) == ("buyer", [])
    assert "Noté par votre organisation le 18 novembre 2026" in [each["message"] for each in found["reasons"]]
    assert (lot["total"], lot["unknown_trade"]["total"]) == (1, before[0]["unknown_trade"]["total"] - 1)
    assert shown((await buyer.keep(lots=[{"id": "1", "segments": ["ev-entretien"]}]))["shortlist"]["lots"][0]) == [
        supplier
    ]
    lots = {"lots": [{"id": "1", "segments": ["ev-entretien"]}], "allotment": {"divide": []}}
    assert (await buyer.post("/allotment", buyer.need(**lots))).json()["as_given"]["lots"] == 1
    assert [await matched(other), (await served.get(f"/suppliers/{supplier}")).json()] == before
    kept = await other.keep(lots=[{"id": "1", "segments": ["ev-entretien"]}])
    assert shown(kept["shortlist"]["lots"][0]) == []
    for reader in (other, buyer):
        assert_refused(await reader.client.get(f"/suppliers/{supplier}/notes", headers=other.headers), 404, "not-found")
    assert_refused(await other.delete(f"/suppliers/{supplier}/notes"), 404, "not-found")
    assert shown(await matched(buyer)) == [supplier]


async def test_supply_counts_it_for_who_noted_it(served: Client, buyer: Buyer, source: str) -> None:
    place = {"address": {"commune": "97502"}, "location": None}
    supplier = await buyer.supplier(source, "1", offers=[], **place)

    async def counted(**headers: str) -> int:
        answer = await served.get("/supply?territory=commune:97502&segments=cc-spectacle", headers=headers)
        suppliers: int = answer.json()["items"][0]["suppliers"]
        return suppliers

    await put(
        buyer, supplier, {"offers": [{"segments": ["cc-spectacle"], "service_area": {"codes": ["commune:97502"]}}]}
    )
    await buyer.matched()
    other = await neighbour(served, buyer)
    assert [await counted(**buyer.headers), await counted(**other.headers)] == [1, 0]
    served_key = served.headers.pop("authorization")
    assert await counted() == 0
    served.headers["authorization"] = served_key


async def test_it_is_heard_of_as_a_supplier_is(served: Client, buyer: Buyer, source: str) -> None:
    """By the same notification, without asking; and so is its deletion."""
    supplier = await buyer.supplier(source, "1", offers=[])
    directory = served.services.directory
    for change, expected in ((put(buyer, supplier), [supplier]), (buyer.delete(f"/suppliers/{supplier}/notes"), [])):
        before = directory.noted.version
        assert (await change).status_code in {200, 204}
        async with asyncio.timeout(60):
            while directory.noted.version == before or shown(await matched(buyer)) != expected:
                await asyncio.sleep(0.001)


async def test_a_note_follows_its_supplier(served: Client, buyer: Buyer, source: str) -> None:
    """Merged it is the survivor's, split it stays with its id; what a directory declares goes before it."""
    kept, merged = [await buyer.supplier(source, name, offers=[]) for name in ("1", "2")]
    await put(buyer, merged)
    assert (await served.post("/suppliers/merge", json={"ids": [kept, merged]})).json()["id"] == kept
    await buyer.matched()
    assert shown(await matched(buyer)) == [kept]
    for each in (kept, merged):
        assert (await buyer.get(f"/suppliers/{each}/notes")).json()["supplier_id"] == kept
    record = {"record": {"source": source, "external_id": "2"}}
    assert (await served.post(f"/suppliers/{kept}/split", json=record)).json()["split"]["id"] == merged
    await buyer.matched()
    assert shown(await matched(buyer)) == [merged]
    assert_refused(await buyer.get(f"/suppliers/{kept}/notes"), 404, "not-found")
    assert await buyer.supplier(source, "2", name="Jardin neuf") == merged
    (found,) = (await matched(buyer))["candidates"]
    assert found["segments"][0]["declared_by"] == "network"


async def test_everything_wrong_is_said_and_nothing_stored(buyer: Buyer, source: str) -> None:
    supplier = await buyer.supplier(source, "1", offers=[])
    wrong = {
        "offers": [
            {"segments": ["ev-entretient"], "words": "ton\u202ete"},
            {"segments": ["pr-locaux"], "basis": "inferred"},
            {"segments": ["pr-locaux"], "declared_by": "supplier"},
            {"service_area": {"codes": ["departement:999"]}},
        ],
        "told_on": "2126-01-01",
        "how": "au\ntéléphone",
    }
    refused = await put(buyer, supplier, wrong)
    assert_refused(refused, 422, "invalid-content")
    assert {each["pointer"] for each in refused.json()["errors"]} == {
        "/offers/0/segments/0",
        "/offers/0/words",
        "/offers/1/basis",
        "/offers/2/declared_by",
        "/offers/3",
        "/offers/3/service_area/codes/0",
        "/told_on",
        "/how",
    }
    assert_refused(await put(buyer, supplier, {"offers": []}), 422, "invalid-content")
    assert_refused(await buyer.get(f"/suppliers/{supplier}/notes"), 404, "not-found")
    nobody = "01a210a0-27ed-7dbf-82d0-1b166a4040ba"
    assert_refused(await put(buyer, nobody), 404, "not-found")


async def test_a_stale_match_changes_nothing(buyer: Buyer, source: str) -> None:
    supplier = await buyer.supplier(source, "1", offers=[])
    first = await put(buyer, supplier)
    assert (await put(buyer, supplier, NOTE | {"how": None}, **{"If-Match": first.headers["etag"]})).status_code == 200
    for attempt in (
        put(buyer, supplier, NOTE, **{"If-Match": first.headers["etag"]}),
        buyer.delete(f"/suppliers/{supplier}/notes", **{"If-Match": first.headers["etag"]}),
    ):
        assert_refused(await attempt, 412, "stale-version")
    assert (await buyer.get(f"/suppliers/{supplier}/notes")).json()["how"] is None


async def test_an_organisation_has_a_bound(buyer: Buyer, source: str, monkeypatch: Any) -> None:
    one, other = [await buyer.supplier(source, name, offers=[]) for name in ("1", "2")]
    assert MOST_NOTES == 2_000
    monkeypatch.setattr("db.suppliers.notes.MOST_NOTES", 1)
    assert (await put(buyer, one)).status_code == 200
    assert_refused(await put(buyer, other), 409, "conflict")
    assert (await put(buyer, one)).status_code == 200
