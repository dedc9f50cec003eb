"""Frozen shortlists over HTTP: read back as they were, compared, and decided on."""

import asyncio
from typing import Any
from uuid import UUID

import msgspec

from db.core.engine import transaction
from db.needs.needs import select_need
from db.needs.shortlists import insert_shortlist, select_shortlist
from domain.needs.need import Lot
from tests.api.needs.steps import Buyer, shown
from tests.api.refusals import assert_refused
from tests.api.sync.factories import NOBODY, path_of


async def kept(buyer: Buyer, **fields: Any) -> str:
    """A new need; its path."""
    return f"/needs/{(await buyer.keep(**fields))['need']['id']}"


async def difference(buyer: Buyer, need: str, n: Any, m: Any, **headers: str) -> dict[str, Any]:
    """The first lot of the diff of two versions."""
    answer = await buyer.get(f"{need}/shortlists/{n}/diff/{m}", **headers)
    assert answer.status_code == 200, answer.text
    lot: dict[str, Any] = answer.json()["lots"][0]
    return lot


async def test_the_first_version_is_the_one_the_need_was_answered_with(buyer: Buyer, source: str) -> None:
    await buyer.supplier(source, "1")
    answer = await buyer.post("/needs", buyer.need())
    path = f"{answer.headers['location']}/shortlists"
    first = await buyer.get(f"{path}/1")
    assert answer.content.endswith(b'"shortlist":' + first.content + b"}")
    assert (await buyer.get(f"{path}/latest")).content == first.content


async def test_a_version_reads_back_byte_for_byte_whatever_happened_since(buyer: Buyer, source: str) -> None:
    """Suppliers changed, were withdrawn and merged; the need changed; another version was frozen."""
    ids = [await buyer.supplier(source, number) for number in "123"]
    need = await kept(buyer)
    frozen = await buyer.post(f"{need}/shortlists")
    assert (frozen.status_code, frozen.headers["location"]) == (201, f"{need}/shortlists/2")
    assert set(shown(frozen.json()["lots"][0])) == set(ids)

    await buyer.supplier(source, "1", name="Autre nom", approvals=[])
    assert (await buyer.client.delete(path_of(source, "2"))).status_code == 204
    assert (await buyer.client.post("/suppliers/merge", json={"ids": [ids[0], ids[2]]})).status_code == 200
    await buyer.matched()
    await buyer.patch(need, {"title": "Autre", "lots": [{"id": "9", "segments": ["pr-locaux"]}]})
    last = await buyer.post(f"{need}/shortlists")

    read = await buyer.get(f"{need}/shortlists/2", **{"Accept-Encoding": "identity"})
    assert read.content == frozen.content
    assert read.headers["etag"] == frozen.headers["etag"]
    assert (await buyer.get(f"{need}/shortlists/latest")).content == last.content != frozen.content
    assert (await buyer.get(f"{need}/shortlists/2", **{"If-None-Match": frozen.headers["etag"]})).status_code == 304


async def test_a_version_and_its_report_keep_the_groupings_that_the_need_asks_for(buyer: Buyer, source: str) -> None:
    """With names as they were; they are candidates that the version need not list."""
    trades = ("de-bio", "de-5flux")
    offers = {code: [{"segments": [code], "service_area": {"radius_km": 5}}] for code in trades}
    ids = {await buyer.supplier(source, code, name=f"Atelier {code}", offers=offers[code]) for code in trades}
    need = await kept(buyer, lots=[{"id": "1", "segments": [*trades]}], groupings=3, limit=1)
    (grouping,) = (await buyer.get(f"{need}/shortlists/latest")).json()["lots"][0]["groupings"]
    assert {each["id"] for each in grouping["suppliers"]} == ids
    assert (await buyer.get(need)).json()["groupings"] == 3
    report = (await buyer.get(f"{need}/report", Accept="application/json")).json()
    ((told,),) = [lot["groupings"] for lot in report["lots"]]
    assert {each["supplier"]["name"] for each in told["suppliers"]} == {"Atelier de-bio", "Atelier de-5flux"}
    none = await kept(buyer, lots=[{"id": "1", "segments": [*trades]}])
    assert (await buyer.get(f"{none}/shortlists/latest")).json()["lots"][0]["groupings"] == []


async def test_a_version_stays_in_the_language_it_was_asked_for_in(buyer: Buyer, source: str) -> None:
    await buyer.supplier(source, "1")
    need = await kept(buyer)
    english = await buyer.post(f"{need}/shortlists", **{"Accept-Language": "en"})
    read = await buyer.get(f"{need}/shortlists/2", **{"Accept-Language": "fr"})
    assert read.content == english.content
    assert "Offers: " in read.text
    languages = [item["language"] for item in (await buyer.get(f"{need}/shortlists")).json()["items"]]
    assert languages == ["en", "fr"]


async def test_a_version_can_be_drawn(buyer: Buyer, source: str) -> None:
    supplier = await buyer.supplier(source, "1")
    answer = await buyer.get(f"{await kept(buyer)}/shortlists/1", Accept="application/geo+json")
    assert answer.headers["content-type"] == "application/geo+json"
    assert [feature["properties"]["supplier"] for feature in answer.json()["features"]] == [supplier]


async def test_versions_that_are_not_there(buyer: Buyer) -> None:
    need = await kept(buyer)
    for number in ("0", "2", "01", "x", "-1", "LATEST", "99999999999999999999"):
        for path in (number, f"{number}/diff/1", f"1/diff/{number}"):
            assert_refused(await buyer.get(f"{need}/shortlists/{path}"), 404, "not-found")
    for need in (f"/needs/{NOBODY}", "/needs/x"):
        assert_refused(await buyer.post(f"{need}/shortlists"), 404, "not-found")
        assert_refused(await buyer.get(f"{need}/shortlists"), 404, "not-found")
        assert_refused(await buyer.get(f"{need}/shortlists/latest"), 404, "not-found")


async def test_versions_are_listed_the_latest_first(buyer: Buyer, source: str) -> None:
    await buyer.supplier(source, "1")
    need = await kept(buyer)
    await buyer.patch(need, {"limit": 1})
    await buyer.supplier(source, "2")
    for _ in range(2):
        await buyer.post(f"{need}/shortlists")
    first = await buyer.get(f"{need}/shortlists?limit=2")
    rest = await buyer.get(f"{need}/shortlists?limit=2&cursor={first.json()['next_cursor']}")
    items = [*first.json()["items"], *rest.json()["items"]]
    assert [(item["number"], item["need_version"]) for item in items] == [(3, 2), (2, 2), (1, 1)]
    assert items[0]["totals"] == [{"id": "1", "total": 2, "shown": 1}]
    assert items[0]["stamp"]["on"] == "2026-11-24"
    assert rest.json()["next_cursor"] is None


async def test_what_has_ended_gets_no_new_version(buyer: Buyer) -> None:
    need = await kept(buyer)
    await buyer.patch(need, {"status": "abandoned"})
    assert_refused(await buyer.post(f"{need}/shortlists"), 409, "conflict")
    assert (await buyer.get(f"{need}/shortlists/latest")).status_code == 200


async def test_the_same_submission_freezes_once(buyer: Buyer) -> None:
    """At once under one key: one version; without a key, each its own number."""
    need = await kept(buyer)
    key = {"Idempotency-Key": "figer"}
    answers = await asyncio.gather(*(buyer.post(f"{need}/shortlists", **key) for _ in range(4)))
    assert {answer.headers["location"] for answer in answers} == {f"{need}/shortlists/2"}
    assert_refused(await buyer.post(f"{need}/shortlists?x=1", **key), 400, "unknown-query-parameter")
    others = await asyncio.gather(*(buyer.post(f"{need}/shortlists") for _ in range(3)))
    assert {answer.headers["location"][-1] for answer in others} == {"3", "4", "5"}
    assert (await buyer.noted(need[7:])).count("shortlist.frozen") == 5


async def decide(
    buyer: Buyer, need: str, supplier: str, number: int = 1, lot: str = "1", seen: str | None = None, **fields: Any
) -> Any:
    """PATCH a decision; `seen`: the ETag it is made on."""
    path = f"{need}/shortlists/{number}/suppliers/{supplier}"
    return await buyer.patch(path, {"lot_id": lot} | fields, **({"If-Match": seen} if seen else {}))


async def test_a_decision_is_kept_changed_and_taken_back(buyer: Buyer, source: str) -> None:
    """For one lot of one version; the journal has what it was, without the reasons."""
    supplier = await buyer.supplier(source, "1")
    need = await kept(buyer, lots=[{"id": lot, "segments": ["ev-entretien"]} for lot in ("1", "2")])
    first = await decide(buyer, need, supplier, decision="kept", reason="Sur place")
    assert (first.status_code, first.json()["decision"], first.json()["reason"]) == (200, "kept", "Sur place")
    again = await decide(buyer, need, supplier, decision="kept")
    assert (again.json(), again.headers["etag"]) == (first.json(), first.headers["etag"])
    # whoever is decided on is so since it was, however it is put afterwards
    reworded = await decide(buyer, need, supplier, decision="kept", reason="À côté")
    assert reworded.json() == first.json() | {"reason": "À côté"}
    aside = await decide(buyer, need, supplier, decision="set_aside")
    assert (aside.json()["decision"], aside.json()["reason"]) == ("set_aside", None)
    assert aside.json()["decided_at"] > first.json()["decided_at"]
    await decide(buyer, need, supplier, lot="2", decision="kept")
    listed = (await buyer.get(f"{need}/shortlists/latest/decisions")).json()["items"]
    assert [(item["lot_id"], item["decision"]) for item in listed] == [("1", "set_aside"), ("2", "kept")]
    gone = await decide(buyer, need, supplier, decision=None)
    assert (gone.json()["decision"], gone.json()["decided_at"]) == (None, None)
    assert len((await buyer.get(f"{need}/shortlists/1/decisions")).json()["items"]) == 1
    assert len((await buyer.get(f"{need}/shortlists/1/decisions?limit=1")).json()["items"]) == 1

    made = [entry.detail for entry in await buyer.journal(need[7:]) if entry.action == "decision.made"]
    assert [(entry["lot_id"], entry["before"], entry["decision"]) for entry in made] == [
        ("1", None, "kept"),
        ("1", "kept", "kept"),
        ("1", "kept", "set_aside"),
        ("2", None, "kept"),
        ("1", "set_aside", None),
    ]
    assert "Sur place" not in str(made)


async def test_decisions_stay_with_their_version(buyer: Buyer, source: str) -> None:
    supplier = await buyer.supplier(source, "1")
    need = await kept(buyer)
    await decide(buyer, need, supplier, decision="kept")
    await buyer.post(f"{need}/shortlists")
    assert (await buyer.get(f"{need}/shortlists/2/decisions")).json()["items"] == []
    (told,) = (await difference(buyer, need, 1, 2))["decisions"]
    assert (told["supplier_id"], told["before"]["decision"], told["after"]) == (supplier, "kept", None)


async def test_decisions_come_page_by_page(buyer: Buyer, source: str) -> None:
    ids = [await buyer.supplier(source, number) for number in "123"]
    need = await kept(buyer)
    for supplier in ids:
        await decide(buyer, need, supplier, decision="kept")
    first = (await buyer.get(f"{need}/shortlists/1/decisions?limit=2")).json()
    rest = (await buyer.get(f"{need}/shortlists/1/decisions?cursor={first['next_cursor']}")).json()
    assert [item["supplier_id"] for item in first["items"] + rest["items"]] == sorted(ids)


async def test_a_decision_is_not_overwritten_unseen(buyer: Buyer, source: str) -> None:
    supplier = await buyer.supplier(source, "1")
    need = await kept(buyer)
    assert_refused(await decide(buyer, need, supplier, seen='"x"', decision="kept"), 412, "stale-version")
    etag = (await decide(buyer, need, supplier, decision="kept")).headers["etag"]
    assert_refused(await decide(buyer, need, supplier, seen='"x"', decision="set_aside"), 412, "stale-version")
    assert (await decide(buyer, need, supplier, seen=etag, decision="set_aside")).status_code == 200
    assert_refused(await decide(buyer, need, supplier, seen=etag, decision="kept"), 412, "stale-version")


async def test_decisions_that_cannot_be_made(buyer: Buyer, source: str) -> None:
    """On whom the version does not list, for another lot, without a verdict, or once the need has ended."""
    supplier = await buyer.supplier(source, "1")
    need = await kept(buyer, lots=[{"id": "1", "segments": ["ev-entretien"]}, {"id": "2", "segments": ["bt-peinture"]}])
    assert_refused(await decide(buyer, need, str(NOBODY), decision="kept"), 404, "not-found")
    assert_refused(await decide(buyer, need, supplier, number=2, decision="kept"), 404, "not-found")
    faulty: list[tuple[dict[str, Any], str, str]] = [
        ({"lot": "2", "decision": "kept"}, "/lot_id", "not_in_lot"),
        ({"lot": "3", "decision": "kept"}, "/lot_id", "unknown_lot"),
        ({"decision": "maybe"}, "/decision", "unknown_value"),
        ({"reason": "x"}, "/decision", "missing_field"),
        ({"decision": "kept", "reason": "x" * 4_001}, "/reason", "wrong_length"),
        ({"decision": "kept", "because": "x"}, "/because", "unknown_field"),
    ]
    for fields, where, code in faulty:
        answer = await decide(buyer, need, supplier, **fields)
        assert_refused(answer, 422, "invalid-content")
        assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [(where, code)]
    path = f"{need}/shortlists/1/suppliers/{supplier}"
    plain = await buyer.client.patch(path, json={"lot_id": "1", "decision": "kept"}, headers=buyer.headers)
    assert_refused(plain, 415, "unsupported-media-type")
    await buyer.patch(need, {"status": "abandoned"})
    assert_refused(await decide(buyer, need, supplier, decision="kept"), 409, "conflict")


def told(rows: list[dict[str, Any]]) -> dict[str, str]:
    """By supplier, the code of why it came or left."""
    return {row["supplier_id"]: row["why"]["code"] for row in rows}


async def test_the_diff_says_who_came_who_left_and_why(buyer: Buyer, source: str) -> None:
    """One supplier for each reason; the same the other way round, and nothing between a version and itself."""
    names = ("stays", "withdrawn", "lapsed", "retrained", "resting", "silent")
    ids = {name: await buyer.supplier(source, name) for name in names}
    need = await kept(buyer)
    assert (await buyer.client.delete(path_of(source, "withdrawn"))).status_code == 204
    await buyer.supplier(source, "lapsed", approvals=[])
    await buyer.supplier(source, "retrained", offers=[{"segments": ["bt-peinture"]}])
    await buyer.supplier(source, "resting", active=False)
    await buyer.supplier(source, "silent", offers=[])
    new = await buyer.supplier(source, "new")
    await buyer.frozen(need[7:])

    lot = await difference(buyer, need, 1, 2)
    assert told(lot["left"]) == {
        ids["withdrawn"]: "gone",
        ids["lapsed"]: "refused",
        ids["retrained"]: "no_offer",
        ids["resting"]: "inactive",
        ids["silent"]: "trade_unknown",
    }
    assert told(lot["came"]) == {new: "not_yet"}
    refusal = next(row["why"] for row in lot["left"] if row["supplier_id"] == ids["lapsed"])
    assert refusal["excluded_by"] == "reservation"
    assert refusal["message"].startswith("Version 2 : Ne peut pas répondre à ce lot réservé ; ")
    english = await difference(buyer, need, 1, 2, **{"Accept-Language": "en"})
    assert {row["why"]["message"] for row in english["left"] if row["why"]["code"] == "gone"} == {
        "Version 2: withdrawn from the directory by its source"
    }

    back = await difference(buyer, need, 2, 1)
    assert told(back["came"]).keys() == told(lot["left"]).keys()
    assert {row["supplier_id"]: (row["rank_before"], row["rank_after"]) for row in back["left"]} == {
        row["supplier_id"]: (row["rank_after"], row["rank_before"]) for row in lot["came"]
    }
    same = (await buyer.get(f"{need}/shortlists/latest/diff/2")).json()
    assert (same["changed_stamp"], same["changed_fields"]) == ([], [])
    assert [same["lots"][0][name] for name in ("came", "left", "moved", "near_misses", "decisions")] == [[]] * 5


async def test_a_supplier_merged_away_is_followed_to_what_it_became(buyer: Buyer, source: str) -> None:
    """The older id survives; the younger one leaves, and its heir comes in its place."""
    heir = await buyer.supplier(source, "heir", offers=[{"segments": ["bt-peinture"]}])
    lost = await buyer.supplier(source, "lost")
    need = await kept(buyer)
    assert (await buyer.client.post("/suppliers/merge", json={"ids": [lost, heir]})).json()["id"] == heir
    await buyer.matched()
    await buyer.frozen(need[7:])
    lot = await difference(buyer, need, 1, 2)
    assert [(row["supplier_id"], row["why"]["code"], row["why"]["other"]) for row in lot["left"]] == [
        (lost, "merged", heir)
    ]
    assert [(row["supplier_id"], row["why"]["code"], row["why"]["other"]) for row in lot["came"]] == [
        (heir, "listed_as", lost)
    ]


async def test_the_diff_says_what_was_asked_differently(buyer: Buyer, source: str) -> None:
    """Fewer rows; with the version of the need."""
    for number in "123":
        await buyer.supplier(source, number)
    need = await kept(buyer)
    await buyer.patch(need, {"limit": 1})
    await buyer.frozen(need[7:])
    fewer = await difference(buyer, need, 1, 2)
    assert (fewer["stayed"], fewer["total_before"], fewer["total_after"]) == (1, 3, 3)
    assert [(row["why"]["code"], row["why"]["rank"], row["why"]["changed"]) for row in fewer["left"]] == [
        ("beyond_limit", rank, ["limit"]) for rank in (2, 3)
    ]
    diff = (await buyer.get(f"{need}/shortlists/1/diff/2")).json()
    assert (diff["before"]["need_version"], diff["after"]["need_version"]) == (1, 2)
    assert (diff["changed_fields"], diff["changed_stamp"]) == (["limit"], [])


async def test_a_diff_asked_later_says_that_it_goes_by_the_data_of_today(buyer: Buyer, source: str) -> None:
    """Resting, then back: what kept it off the second version is not known any more."""
    lost = await buyer.supplier(source, "lost")
    need = await kept(buyer)
    await buyer.supplier(source, "lost", active=False)
    await buyer.frozen(need[7:])
    await buyer.supplier(source, "other")
    (resting,) = (await difference(buyer, need, 1, 2))["left"]
    assert resting["why"]["message"] == (
        "Version 2 : a cessé son activité, d'après l'annuaire (d'après les données d'aujourd'hui)"
    )
    assert await buyer.supplier(source, "lost") == lost
    (back,) = (await difference(buyer, need, 1, 2))["left"]
    assert (back["supplier_id"], back["why"]["code"]) == (lost, "not_kept")


async def test_versions_of_a_need_that_can_no_longer_be_read_are_compared(buyer: Buyer, source: str) -> None:
    """Its segment is not in the taxonomy of today."""
    await buyer.supplier(source, "1")
    need = await kept(buyer)
    async with transaction(buyer.client.services.database) as connection:
        stored = await select_need(connection, buyer.organisation_id, UUID(need[7:]))
        first = await select_shortlist(connection, buyer.organisation_id, UUID(need[7:]), 1)
        assert stored is not None
        assert first is not None
        content = msgspec.structs.replace(stored.content, lots=(Lot("1", segments=("xx-ancien",)),))
        version = msgspec.structs.replace(first, number=2)
        old = msgspec.structs.replace(stored, content=content)
        lots = [{"id": "1", "total": 0, "candidates": [], "near_misses": []}]
        body = msgspec.json.encode({"stamp": first.stamp, "lots": lots})
        await insert_shortlist(connection, buyer.organisation_id, old, version, body)
    (left,) = (await difference(buyer, need, 1, 2))["left"]
    assert left["why"]["code"] == "not_kept"
