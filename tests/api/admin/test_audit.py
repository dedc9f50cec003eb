"""The journal over HTTP: who did what, when, by which key, on which version; and nobody else's."""

from typing import Any

import pytest

from domain.journal import BEFORE_THE_FIRST
from domain.organisation import Scope
from tests.api.needs.steps import NEED
from tests.api.organisations import Member, member
from tests.api.refusals import assert_refused
from tests.api.sync.factories import Client, lines, path_of, put_record, record, rows, send

GARDEN: dict[str, Any] = {"contact": {"email": "jeanne.martin@jardins.example", "person": "Jeanne Martin"}}


@pytest.fixture
async def buyer(served: Client) -> Member:
    """A buyer of an organisation whose journal no other test writes to."""
    return await member(served, "needs", name="Achats")


async def keep(buyer: Member, **fields: Any) -> dict[str, Any]:
    """Keep a need; the answer, with its shortlist."""
    answer = await buyer.post("/needs", NEED | fields)
    assert answer.status_code == 201, answer.text
    kept: dict[str, Any] = answer.json()
    return kept


async def journal(buyer: Member, query: str = "") -> list[dict[str, Any]]:
    answer = await buyer.get(f"/audit?{query}")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_a_need_has_its_own_writes_and_those_of_its_shortlists_and_decisions(buyer: Member, source: str) -> None:
    """In the order in which they were done; the need of another leaves nothing there."""
    await put_record(buyer.client, source, **GARDEN)
    before = buyer.client.services.now()
    kept = await keep(buyer)
    need, path = kept["need"]["id"], f"/needs/{kept['need']['id']}"
    await keep(buyer)
    await buyer.patch(path, {"title": "Tonte"})
    await buyer.patch(path, {"status": "sourcing"})
    (lot,) = (await buyer.post(f"{path}/shortlists")).json()["lots"]
    supplier = lot["candidates"][0]["supplier"]["id"]
    decision = {"lot_id": "1", "decision": "set_aside", "reason": "Jeanne Martin est débordée"}
    assert (await buyer.patch(f"{path}/shortlists/2/suppliers/{supplier}", decision)).status_code == 200

    found = await journal(buyer, f"object=need:{need}")
    assert [(entry["action"], entry["version"]) for entry in found] == [
        ("need.created", 1),
        ("shortlist.frozen", 1),
        ("need.changed", 2),
        ("need.sourcing", 3),
        ("shortlist.frozen", 3),
        ("decision.made", None),
    ]
    assert {(entry["means"], entry["actor_id"], entry["key_name"]) for entry in found} == {
        ("key", str(buyer.key.id), "Achats")
    }
    assert {(entry["object"], entry["key_prefix"]) for entry in found} == {(f"need:{need}", buyer.key.prefix)}
    moments = [entry["at"] for entry in found]
    assert before.isoformat() <= moments[0].replace("Z", "+00:00")
    assert moments == sorted(moments)
    assert found[2]["detail"] == {"fields": ["title"]}
    assert (found[3]["detail"], found[4]["detail"]["number"]) == ({"from": "draft"}, 2)
    assert (found[5]["detail"]["decision"], found[5]["detail"]["before"]) == ("set_aside", None)


async def test_it_is_read_with_the_scopes_that_are_named(served: Client) -> None:
    expected: dict[Scope, int] = {"needs": 200, "admin": 200, "read": 403, "match": 403}
    for scope, status in expected.items():
        assert (await (await member(served, scope)).get("/audit")).status_code == status
    assert_refused(await served.get("/audit", headers={"Authorization": "Bearer x"}), 401, "no-valid-key")


async def test_it_comes_in_pages_without_a_gap(buyer: Member) -> None:
    for _ in range(3):
        await keep(buyer)
    numbers, following = [], "limit=4"
    while following:
        answer = await buyer.get(f"/audit?{following}")
        page = answer.json()
        numbers += [entry["number"] for entry in page["items"]]
        following = page["next_cursor"] and f"limit=4&cursor={page['next_cursor']}"
        assert ('rel="next"' in answer.headers.get("link", "")) == bool(following)
    assert numbers == [1, 2, 3, 4, 5, 6]
    assert_refused(await buyer.get("/audit?cursor=x"), 400, "bad-cursor")


async def test_entries_are_chosen_by_action_and_time(buyer: Member) -> None:
    need = (await keep(buyer))["need"]["id"]
    assert len(await journal(buyer, f"object=need:{need}&action=shortlist.frozen")) == 1
    assert await journal(buyer, "from=2999-01-01T00:00:00Z") == []
    assert len(await journal(buyer, "to=2999-01-01T00:00:00Z")) == 2
    # instants that UTC has no year for
    assert len(await journal(buyer, "from=0001-01-01T00:00:00%2B14:00&to=9999-12-31T23:59:59-12:00")) == 2


async def test_a_filter_that_means_nothing_is_refused(buyer: Member) -> None:
    for query in ("object=need:1", "object=nothing:x", "object=", "action=x", "from=2026-11-24", "limit=0"):
        assert_refused(await buyer.get(f"/audit?{query}"), 422, "invalid-query")


async def test_the_head_is_where_it_ends(buyer: Member) -> None:
    empty = (await buyer.get("/audit/head")).json()
    assert (empty["number"], empty["hash"]) == (0, BEFORE_THE_FIRST.hex())
    await keep(buyer)
    head, last = (await buyer.get("/audit/head")).json(), (await journal(buyer))[-1]
    assert (head["number"], head["hash"]) == (last["number"], last["hash"])
    assert head["anchor"] == f"{buyer.organisation_id}:{last['number']}:{last['hash']}"


async def test_the_administrators_key_is_named(served: Client) -> None:
    need = (await served.post("/needs", json=NEED)).json()["need"]["id"]
    entry = (await served.get(f"/audit?object=need:{need}")).json()["items"][0]
    assert (entry["key_name"], entry["key_prefix"]) == ("VIVIER_ADMIN_KEY", None)


async def test_what_is_done_to_the_directory_is_in_the_journal_of_who_did_it(served: Client, source: str) -> None:
    administrator = await member(served, "platform", "read")
    first, second = [await put_record(served, source, each) for each in "12"]
    ids = [first["supplier_id"], second["supplier_id"]]
    await served.put(f"/sources/{source}", json={"label": "Annuaire"}, headers=administrator.headers)
    await served.put(f"/sources/{source}", json={"rank": 7}, headers=administrator.headers)
    kept = (await administrator.post("/suppliers/merge", {"ids": ids})).json()["id"]
    reference = {"record": {"source": source, "external_id": "2"}}
    assert (await administrator.post(f"/suppliers/{kept}/split", reference)).status_code == 200

    changed, unset, ranked = await journal(administrator, f"object=source:{source}")
    for entry in (changed, unset):
        assert (entry["action"], entry["detail"]) == ("source.changed", {"fields": ["label"]})
    assert (ranked["action"], ranked["detail"]) == ("source.ranked", {"rank": 7, "before": 0})
    about = await journal(administrator, f"object=supplier:{kept}")
    assert [(each["action"], each["actor_id"]) for each in about] == [
        ("supplier.merged", str(administrator.key.id)),
        ("supplier.split", str(administrator.key.id)),
    ]
    assert about[0]["detail"]["ids"] == ids


async def test_who_wrote_a_record_is_in_its_journal(served: Client, source: str) -> None:
    """Under the supplier that it describes, without the id that the source gave it; nothing of what changed nothing."""
    writer = await member(served, "sync", "needs", sources=(source,))
    path, name = path_of(source, "jean.dupont@example.org"), {"name": "Un"}
    stored = [await served.put(path, json=record("a") | more, headers=writer.headers) for more in ({}, {}, name)]
    assert [each.status_code for each in stored] == [201, 200, 200]
    supplier = stored[0].json()["supplier_id"]
    assert (await served.delete(path, headers=writer.headers)).status_code == 204
    assert (await served.delete(path, headers=writer.headers)).status_code == 404
    about = await journal(writer, f"object=supplier:{supplier}")
    assert [each["action"] for each in about] == ["record.created", "record.changed", "record.deleted"]
    assert {each["actor_id"] for each in about} == {str(writer.key.id)}
    assert all(each["detail"].keys() == {"source", "data_version"} for each in about)
    assert "dupont" not in str(about)


async def test_the_operator_reads_every_journal(buyer: Member) -> None:
    """An organisation reads its own; another's does not exist for it."""
    need = (await keep(buyer))["need"]["id"]
    query = f"organisation={buyer.organisation_id}&object=need:{need}"
    operator, stranger = await member(buyer.client, "platform"), await member(buyer.client, "admin", "needs")
    assert await journal(operator, query) == await journal(buyer, query)
    assert_refused(await operator.get(f"/audit?object=need:{need}"), 404, "not-found")
    assert_refused(await stranger.get(f"/audit?{query}"), 404, "not-found")
    assert_refused(await stranger.get(f"/audit?organisation={buyer.organisation_id}"), 404, "not-found")


async def test_an_import_is_one_entry(served: Client, source: str) -> None:
    """With its counts; a trial and one that was refused leave none."""
    writer = await member(served, "sync", "needs", sources=(source,))
    content = lines([*rows(source, "1", "2", "3"), {"name": "no id"}])
    done = (await send(served, source, content, **writer.headers)).json()
    await send(served, source, content, query="dry_run=true", **writer.headers)
    refused = await send(served, source, lines(rows(source, "9")), query="mode=snapshot", **writer.headers)
    assert refused.status_code == 409
    (entry,) = await journal(writer, f"object=source:{source}")
    assert entry["action"] == "source.imported"
    assert entry["detail"] == {
        "import": done["id"],
        "mode": "upsert",
        "data_version": done["data_version"],
        "received": 4,
        "added": 3,
        "rejected": 1,
    }
