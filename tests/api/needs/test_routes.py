"""Needs that are kept: described, matched, changed, moved on; each organisation sees its own."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import select, text

from api.runtime.processes.match_work import MatchTask
from db.core.engine import transaction
from db.journal.entries import write_entry
from db.schema.supplier_tables import idempotency_keys
from domain.needs.status import MOVES
from tests.api.needs.steps import NEED, Buyer, shown
from tests.api.organisations import member
from tests.api.refusals import assert_refused
from tests.api.sync.factories import NOBODY, Client

PATHS_TO = {
    "draft": (),
    "sourcing": ("sourcing",),
    "published": ("sourcing", "published"),
    "closed": ("sourcing", "published", "closed"),
    "abandoned": ("abandoned",),
}


async def need_that_is(buyer: Buyer, status: str) -> str:
    """A need that was moved on to a status; its path."""
    path = f"/needs/{(await buyer.keep())['need']['id']}"
    for step in PATHS_TO[status]:
        assert (await buyer.patch(path, {"status": step})).status_code == 200
    return path


async def count_of(buyer: Buyer, table: str) -> int:
    query = text(f"SELECT count(*) FROM {table} t WHERE t.organisation_id = :own")
    async with transaction(buyer.client.services.database) as connection:
        return int((await connection.execute(query, {"own": buyer.organisation_id})).scalar_one())


async def test_a_need_is_kept_with_its_first_shortlist(buyer: Buyer, source: str) -> None:
    """The answer has the need as it is kept, and the shortlist that a match would give."""
    here = await buyer.supplier(source, "1")
    need = buyer.need()
    answer = await buyer.post("/needs", need | {"description": "Entretien", "procedure": "adapted"})
    assert answer.status_code == 201, answer.text
    kept = answer.json()
    assert answer.headers["location"] == f"/needs/{kept['need']['id']}"
    assert (kept["need"]["status"], kept["need"]["version"], kept["need"]["description"]) == ("draft", 1, "Entretien")
    matched = (await buyer.post("/match", need)).json()
    assert kept["shortlist"]["lots"] == matched["lots"]
    assert [shown(lot) for lot in matched["lots"]] == [[here]]
    told = await buyer.get(answer.headers["location"])
    assert told.json() == kept["need"]
    assert told.headers["etag"] == answer.headers["etag"]


async def test_what_is_not_given_is_as_it_would_be_for_a_match(buyer: Buyer) -> None:
    """Without `on`, the need stays without, and each shortlist is evaluated for its day."""
    answer = await buyer.post("/needs", {name: value for name, value in NEED.items() if name != "on"})
    kept = answer.json()
    assert kept["need"]["on"] is None
    assert kept["shortlist"]["stamp"]["on"] == buyer.client.services.today().isoformat()
    assert kept["need"]["published_at"] is kept["need"]["ended_at"] is None


@pytest.mark.parametrize(
    "territory",
    [
        {"codes": ["departement:56", "epci:243500741"]},
        {"near": {"commune": "56260"}, "radius_km": 12.5},
        {"near": {"lat": 47.7, "lon": -2.8}, "radius_km": 30.0},
    ],
)
async def test_a_place_is_told_in_the_form_it_was_given_in(buyer: Buyer, territory: dict[str, Any]) -> None:
    """So that it can be sent again: a place in two forms at once is none."""
    kept = (await buyer.keep(territory=territory, lots=[NEED["lots"][0] | {"site": {"commune": "56260"}}]))["need"]
    assert (kept["territory"], kept["lots"][0]["site"]) == (territory, {"commune": "56260"})


async def test_a_site_that_is_left_out_is_told_from_null(buyer: Buyer) -> None:
    """As it was sent, also in a patch; only the first may be supposed."""
    lots = [NEED["lots"][0] | {"id": "1"}, NEED["lots"][0] | {"id": "2", "site": None}]
    kept = await buyer.keep(title="Tonte à Vannes", territory={"codes": ["departement:56"]}, lots=lots)
    path = f"/needs/{kept['need']['id']}"
    assert [lot.get("site", "left out") for lot in (await buyer.get(path)).json()["lots"]] == ["left out", None]
    assert [bool(lot["supposed_site"]) for lot in kept["shortlist"]["lots"]] == [True, False]
    changed = (await buyer.patch(path, {"lots": [lots[1]]})).json()
    assert (changed["version"], changed["lots"][0]["site"]) == (2, None)


@pytest.mark.parametrize(
    ("fields", "where", "code"),
    [
        ({"lots": []}, "/lots", "wrong_length"),
        ({"status": "sourcing"}, "/status", "unknown_field"),
        ({"procedure": "adaptee"}, "/procedure", "unknown_value"),
        ({"planned_publication_on": "1er mars"}, "/planned_publication_on", "wrong_format"),
        ({"lots": [{"id": "1", "segments": ["ev-entretein"]}]}, "/lots/0/segments/0", "unknown_code"),
        ({"territory": {"codes": ["departement:999"]}}, "/territory/codes/0", "unknown_code"),
        ({"lots": [{"id": "1", "segments": ["ev-entretien"]}] * 2}, "/lots/1/id", "duplicate_id"),
    ],
)
async def test_a_faulty_need_is_refused_at_its_place_and_leaves_nothing(
    buyer: Buyer, fields: dict[str, Any], where: str, code: str
) -> None:
    answer = await buyer.post("/needs", NEED | fields)
    assert answer.status_code == 422, answer.text
    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [(where, code)]
    assert (await count_of(buyer, "needs"), await count_of(buyer, "audit_entries")) == (0, 0)


async def test_everything_wrong_in_a_change_is_told_at_once(buyer: Buyer) -> None:
    path = await need_that_is(buyer, "draft")
    lots = [{"id": "1", "segments": ["?"]}, {"id": "1", "cpv": ["00000000"]}]
    answer = await buyer.patch(path, {"lots": lots})
    assert_refused(answer, 422, "invalid-content")
    assert [error["pointer"] for error in answer.json()["errors"]] == [
        "/lots/1/id",
        "/lots/0/segments/0",
        "/lots/1/cpv/0",
    ]
    assert (await buyer.get(path)).json()["version"] == 1


async def test_a_move_that_is_not_allowed_is_refused_with_those_that_are(buyer: Buyer) -> None:
    path = await need_that_is(buyer, "sourcing")
    answer = await buyer.patch(path, {"status": "closed"})
    assert_refused(answer, 409, "conflict")
    assert all(allowed in answer.json()["detail"] for allowed in MOVES["sourcing"])
    assert (await buyer.get(path)).json()["status"] == "sourcing"


async def test_a_need_tells_when_it_was_published_and_when_it_ended(buyer: Buyer) -> None:
    path = await need_that_is(buyer, "published")
    published = (await buyer.get(path)).json()
    assert (published["version"], published["ended_at"]) == (3, None)
    closed = (await buyer.patch(path, {"status": "closed"})).json()
    assert closed["published_at"] == published["published_at"] == published["updated_at"]
    assert closed["ended_at"] == closed["updated_at"]


async def test_a_patch_is_merged(buyer: Buyer) -> None:
    """Null takes a field back to its default, objects are merged, lists replaced; what changes nothing is no change."""
    kept = (await buyer.keep(description="Tonte", buyer={"name": "CHBA", "kind": "state"}))["need"]
    path = f"/needs/{kept['id']}"
    patch = {"description": None, "buyer": {"kind": None}, "lots": [{"id": "2", "keywords": ["tonte"]}], "limit": 3}
    changed = (await buyer.patch(path, patch)).json()
    assert (changed["description"], changed["limit"], changed["version"]) == (None, 3, 2)
    assert (changed["buyer"]["name"], changed["buyer"]["kind"]) == ("CHBA", None)
    assert [(lot["id"], lot["segments"], lot["reserved"]) for lot in changed["lots"]] == [("2", [], [])]
    assert (await buyer.get(path)).json() == changed
    assert (await buyer.patch(path, {})).json() == changed
    assert (await buyer.patch(path, {"limit": 3, "status": "draft"})).json() == changed


FAULTY_PATCHES: tuple[tuple[dict[str, Any], str, str], ...] = (
    ({"id": str(NOBODY)}, "/id", "unknown_field"),
    ({"version": None}, "/version", "unknown_field"),
    ({"lots": None}, "/lots", "missing_field"),
    ({"status": None}, "/status", "missing_field"),
    ({"status": "open"}, "/status", "unknown_value"),
    ({"territory": {"codes": ["departement:56"]}}, "/territory", "territory_form"),
)


async def test_a_faulty_patch_is_refused_at_its_place(buyer: Buyer) -> None:
    path = await need_that_is(buyer, "draft")
    for patch, where, code in FAULTY_PATCHES:
        answer = await buyer.patch(path, patch)
        assert answer.status_code == 422, answer.text
        assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [(where, code)]
    answer = await buyer.client.patch(path, json={"title": "x"}, headers=buyer.headers)
    assert_refused(answer, 415, "unsupported-media-type")


async def test_once_published_only_its_names_change(buyer: Buyer) -> None:
    path = await need_that_is(buyer, "published")
    assert (await buyer.patch(path, {"title": "Autre", "description": "x", "reference": "R"})).status_code == 200
    answer = await buyer.patch(path, {"limit": 3, "title": "y"})
    assert_refused(answer, 409, "conflict")
    assert "limit" in answer.json()["detail"]
    assert (await buyer.get(path)).json()["title"] == "Autre"


async def test_nothing_is_overwritten_unseen(buyer: Buyer) -> None:
    path = await need_that_is(buyer, "draft")
    seen = (await buyer.get(path)).headers["etag"]
    first = await buyer.patch(path, {"title": "A"}, **{"If-Match": seen})
    assert first.status_code == 200
    assert_refused(await buyer.patch(path, {"title": "B"}, **{"If-Match": seen}), 412, "stale-version")
    assert_refused(await buyer.delete(path, **{"If-Match": seen}), 412, "stale-version")
    assert (await buyer.get(path, **{"If-None-Match": first.headers["etag"]})).status_code == 304
    assert (await buyer.patch(path, {"title": "B"}, **{"If-Match": first.headers["etag"]})).json()["version"] == 3


async def test_a_change_waits_its_turn_where_the_need_is_read_anew(buyer: Buyer) -> None:
    """As what is matched does: otherwise changes of large needs would take all connections to the database."""
    path, turns = await need_that_is(buyer, "draft"), buyer.client.services.matches
    async with turns.slot_of(organisation := str(buyer.organisation_id)):
        renamed = asyncio.create_task(buyer.patch(path, {"title": "Jardins"}))
        while turns.present[organisation] < 2:
            assert not renamed.done()
            await asyncio.sleep(0)
        assert (await buyer.patch(path, {"status": "sourcing"})).status_code == 200
    assert (await renamed).json()["title"] == "Jardins"


async def test_all_keys_of_an_organisation_wait_in_one_line(served: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """With whatever is matched: else whoever makes keys would have as many turns."""
    lines, work = Counter[str](), served.services.match_work
    real = work.run

    async def run(task: MatchTask[Any], key: str, left: Callable[[], Awaitable[None]]) -> Any:
        lines[key] += 1
        return await real(task, key, left)

    monkeypatch.setattr(work, "run", run)
    monkeypatch.setattr(work, "is_small", lambda *_: False)
    one = await member(served, "match", "needs")
    other = await member(served, "match", "needs", organisation=one.key.organisation)
    for each in (one, other):
        for path in ("/match", "/allotment"):
            assert (await each.post(path, NEED)).status_code == 200
        headers = each.headers | {"Content-Type": "application/xml"}
        assert (await served.post("/notices", content=b"<ContractNotice/>", headers=headers)).status_code == 422
        need = (await each.post("/needs", NEED)).json()["need"]
        assert (await each.patch(f"/needs/{need['id']}", {"title": "Jardins"})).status_code == 200
    assert lines == {str(one.organisation_id): 10}


async def test_a_draft_can_be_discarded_with_its_shortlists(buyer: Buyer) -> None:
    path = await need_that_is(buyer, "draft")
    assert (await buyer.delete(path)).status_code == 204
    for gone in (path, f"{path}/shortlists", f"{path}/shortlists/1"):
        assert_refused(await buyer.get(gone), 404, "not-found")
    assert_refused(await buyer.delete(path), 404, "not-found")
    assert (await buyer.noted(path.rpartition("/")[2]))[-1] == "need.deleted"


@pytest.mark.parametrize("status", ["sourcing", "published", "closed", "abandoned"])
async def test_what_left_draft_is_abandoned_not_discarded(buyer: Buyer, status: str) -> None:
    path = await need_that_is(buyer, status)
    answer = await buyer.delete(path)
    assert_refused(answer, 409, "conflict")
    assert "abandon" in answer.json()["detail"]
    assert (await buyer.get(path)).status_code == 200


async def test_the_list_has_the_newest_first_page_by_page(buyer: Buyer) -> None:
    made = [(await buyer.keep(reference=f"R{number}"))["need"]["id"] for number in range(5)]
    await buyer.frozen(made[0])
    found, query = [], ""
    while True:
        answer = await buyer.get(f"/needs?limit=2{query}")
        found += answer.json()["items"]
        if (cursor := answer.json()["next_cursor"]) is None:
            break
        assert f"cursor={cursor}" in answer.headers["link"]
        query = f"&cursor={cursor}"
    assert [item["id"] for item in found] == made[::-1]
    assert (found[-1]["shortlists"], found[-1]["lots"]) == (2, [{"id": "1", "title": None}])
    assert all(newer["created_at"] >= older["created_at"] for newer, older in pairwise(found))


async def test_the_list_is_narrowed_by_status_and_by_planned_publication(buyer: Buyer) -> None:
    for day in ("2027-01-31", "2027-02-01", None):
        await buyer.keep(reference=day, planned_publication_on=day)
    sourced = await need_that_is(buyer, "sourcing")

    async def listed(query: str) -> list[Any]:
        return [item["reference"] for item in (await buyer.get(f"/needs?{query}")).json()["items"]]

    assert await listed("planned_from=2027-02-01") == ["2027-02-01"]
    assert await listed("planned_to=2027-01-31") == ["2027-01-31"]
    assert await listed("planned_from=2027-01-31&planned_to=2027-02-01") == ["2027-02-01", "2027-01-31"]
    assert [item["id"] for item in (await buyer.get("/needs?status=sourcing")).json()["items"]] == [sourced[7:]]
    assert len(await listed("status=sourcing&status=draft")) == 4
    for wrong in ("status=open", "planned_from=null", "planned_to=2027"):
        assert_refused(await buyer.get(f"/needs?{wrong}"), 422, "invalid-query")
    assert_refused(await buyer.get("/needs?cursor=x"), 400, "bad-cursor")


async def test_the_same_submission_is_carried_out_once(buyer: Buyer) -> None:
    """Again with the same body: the first answer; with another: refused. At once: one need."""
    key = {"Idempotency-Key": "besoin-1"}
    answers = await asyncio.gather(*(buyer.post("/needs", buyer.need(), **key) for _ in range(4)))
    answers.append(await buyer.post("/needs", buyer.need(), **key))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert_refused(await buyer.post("/needs", buyer.need(title="Autre"), **key), 422, "invalid-content")
    assert await count_of(buyer, "needs") == 1
    assert await buyer.noted(answers[0].json()["need"]["id"]) == ["need.created", "shortlist.frozen"]


async def test_a_shortlist_is_stored_once(buyer: Buyer) -> None:
    """As its version, and not with the answer under the key besides: from there it is answered again."""
    key = {"Idempotency-Key": "besoin-garde"}
    first = await buyer.post("/needs", buyer.need(), **key)
    path = f"/needs/{first.json()['need']['id']}/shortlists"
    second = await buyer.post(path, **key)
    assert await stored_answers(buyer) == {"POST /needs": True, f"POST {path}": True}
    assert (await buyer.post("/needs", buyer.need(), **key)).content == first.content
    assert (await buyer.post(path, **key)).content == second.content
    assert second.content == (await buyer.get(f"{path}/2")).content


async def test_what_was_deleted_since_is_not_answered_again(buyer: Buyer) -> None:
    key = {"Idempotency-Key": "besoin-efface"}
    need = (await buyer.post("/needs", buyer.need(), **key)).json()["need"]["id"]
    await buyer.delete(f"/needs/{need}")
    assert_refused(await buyer.post("/needs", buyer.need(), **key), 404, "not-found")


async def stored_answers(buyer: Buyer) -> dict[str, bool]:
    """Of the answers stored for a buyer, by route, whether they are without the shortlist."""
    async with transaction(buyer.client.services.database) as connection:
        own = idempotency_keys.c.organisation_id == buyer.organisation_id
        rows = await connection.execute(select(idempotency_keys.c.route, idempotency_keys.c.body).where(own))
        return {row.route: b'"candidates"' not in row.body for row in rows}


async def test_what_cannot_be_noted_is_not_done(buyer: Buyer, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal is written in the transaction of the change: neither is there without the other."""
    supplier = await buyer.supplier(source, "1")
    need = (await buyer.keep())["need"]
    path, award = f"/needs/{need['id']}", {"lot_id": "1", "supplier_id": supplier, "awarded_on": "2026-11-24"}
    awarded = (await buyer.post(f"{path}/awards", award)).json()
    before = await buyer.noted(need["id"])

    async def fail_last(*arguments: Any, **named: Any) -> None:
        await write_entry(*arguments, **named)
        raise RuntimeError

    for module in ("routes", "freeze_shortlist", "shortlists", "awards"):
        monkeypatch.setattr(f"api.needs.{module}.write_entry", fail_last)
    for answer in (
        await buyer.post("/needs", buyer.need()),
        await buyer.patch(path, {"title": "x"}),
        await buyer.post(f"{path}/shortlists"),
        await buyer.patch(f"{path}/shortlists/1/suppliers/{supplier}", {"lot_id": "1", "decision": "kept"}),
        await buyer.post(f"{path}/awards", award),
        await buyer.delete(f"{path}/awards/{awarded['id']}"),
    ):
        assert answer.status_code == 500
    assert (await buyer.get(path)).json() == need
    assert len((await buyer.get("/needs")).json()["items"]) == 1
    assert len((await buyer.get(f"{path}/shortlists")).json()["items"]) == 1
    assert (await buyer.get(f"{path}/shortlists/1/decisions")).json()["items"] == []
    assert (await buyer.get(f"{path}/awards")).json()["items"] == [awarded]
    assert await buyer.noted(need["id"]) == before
