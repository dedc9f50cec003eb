"""Webhooks are set, shown, changed and removed by their organisation alone."""

import asyncio
from dataclasses import replace
from typing import Any

import httpx
import pytest

from db.core.engine import Connection
from db.delivery.outbox import ClaimedRow
from domain.organisation import Scope
from domain.webhooks import Result
from tests.api.organisations import member
from tests.api.refusals import assert_refused
from tests.api.sync.factories import key, lines, put_record, rows, send
from tests.api.webhooks.conftest import SECRET, World, deliverers
from tests.db.suppliers.samples import lock_is_awaited

URL = "https://annuaire.example/vivier"
NEW = {"url": URL, "events": ["suppliers.changed"]}


async def post(world: World, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
    return await world.client.post("/webhooks", json=NEW | fields, headers=headers)


async def test_a_secret_is_made_and_shown_once_and_one_that_is_given_is_not_repeated(world: World) -> None:
    created = await post(world)
    assert created.status_code == 201
    document = created.json()
    assert len(document["secret"]) >= 24
    assert created.headers["location"] == f"/webhooks/{document['id']}"
    assert (await post(world)).json()["secret"] != document["secret"]
    shown = await world.client.get(created.headers["location"])
    assert shown.headers["etag"] == created.headers["etag"]
    assert shown.json() == {name: value for name, value in document.items() if name != "secret"}
    assert (document["status"], document["active"], document["events"]) == ("ok", True, ["suppliers.changed"])
    given = await post(world, secret=SECRET)
    assert given.json()["secret"] is None
    assert SECRET not in given.text


REFUSED: tuple[tuple[dict[str, Any], str], ...] = (
    ({"url": "ftp://a.example"}, "/url"),
    ({"url": "http://"}, "/url"),
    ({"url": "http:///path"}, "/url"),
    ({"url": "http://user:password@a.example"}, "/url"),
    ({"url": "http://a.example/#part"}, "/url"),
    ({"url": "http://a.example:99999"}, "/url"),
    ({"url": "http://a.example:port"}, "/url"),
    ({"url": "http://[::1"}, "/url"),
    ({"url": "http://a b.example"}, "/url"),
    ({"events": []}, "/events"),
    ({"events": ["suppliers.change"]}, "/events/0"),
    ({"events": ["ping"]}, "/events/0"),
    ({"url": "nowhere"}, "/url"),
    ({"secret": "too short"}, "/secret"),
    ({"secret": "é" * 30}, "/secret"),
    ({"colour": "red"}, "/colour"),
)


async def test_what_cannot_be_is_refused(world: World) -> None:
    """Also as a change, which is checked as a whole."""
    for fields, pointer in REFUSED:
        answer = await post(world, **fields)
        assert_refused(answer, 422, "invalid-content")
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer], fields
    assert (await world.client.get("/webhooks")).json()["items"] == []
    path = (await post(world)).headers["location"]
    fixed: dict[str, Any] = {"url": None, "secret": SECRET, "status": "ok"}
    for patch, pointer in (*REFUSED, *(({name: text}, f"/{name}") for name, text in fixed.items())):
        answer = await world.patch(path, patch)
        assert_refused(answer, 422, "invalid-content")
        assert [error["pointer"].split("/")[1] for error in answer.json()["errors"]] == [pointer.split("/")[1]], patch
    assert (await world.client.get(path)).json()["url"] == URL


async def test_a_request_sent_twice_makes_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An organisation has only so many."""
    named = {"Idempotency-Key": "annuaire-1"}
    first, again = await post(world, named), await post(world, named)
    assert first.content == again.content
    assert first.headers["location"] == again.headers["location"]
    assert len((await world.client.get("/webhooks")).json()["items"]) == 1
    assert (await post(world, named, active=False)).status_code == 422
    monkeypatch.setattr("db.delivery.webhooks.MOST_OF_ONE_ORGANISATION", 2)
    await post(world)
    assert_refused(await post(world), 409, "conflict")
    assert (await post(world, (await member(world.client, "read")).headers)).status_code == 201


async def test_who_may_follow_the_directory_may_be_told(world: World) -> None:
    """Of imports those who may see them, also when it is changed.

    Within an organisation a key that may only read does not redirect the reports of imports to itself.
    """
    imports: dict[str, Any] = {"events": ["import.finished"]}
    reader, sender = await key(world.client, "read"), await key(world.client, "sync", sources=("a", "b"))
    others: tuple[Scope, ...] = ("match", "needs")
    for scope in others:
        assert_refused(await post(world, await key(world.client, scope)), 403, "missing-scope")
    plain = (await post(world, reader)).headers["location"]
    assert_refused(await post(world, reader, **imports), 403, "missing-scope")
    assert_refused(await post(world, sender, **imports, sources=["a", "c"]), 403, "source-not-on-key")
    administrator, operator = await key(world.client, "admin"), await key(world.client, "platform")
    assert (await post(world, administrator, **imports)).json()["sources"] == []
    assert (await post(world, operator, **imports)).json()["sources"] is None
    assert (await post(world, sender, **imports, sources=["a"])).json()["sources"] == ["a"]
    assert (await post(world, **imports)).json()["sources"] is None
    created = await post(world, sender, **imports)
    assert created.json()["sources"] == ["a", "b"]
    path = created.headers["location"]
    assert_refused(await world.patch(path, {"url": "http://other.example"}, **reader), 403, "missing-scope")
    assert_refused(await world.patch(plain, imports, **reader), 403, "missing-scope")
    assert_refused(await world.patch(path, {"sources": ["c"]}, **sender), 403, "source-not-on-key")
    assert (await world.patch(path, {"sources": None}, **sender)).json()["sources"] == ["a", "b"]
    assert (await world.patch(path, {"active": False}, **reader)).json()["active"] is False


async def test_a_change_is_made_on_what_was_read(world: World, source: str) -> None:
    """What happens to it does not make a change fail."""
    created = await world.hook()
    path = f"/webhooks/{created['id']}"
    etag = (await world.client.get(path)).headers["etag"]
    await put_record(world.client, source)
    await world.deliver()
    world.later(seconds=1)
    changed = await world.patch(path, {"url": "http://other.example/"}, **{"If-Match": etag})
    assert changed.status_code == 200
    assert (changed.json()["url"], changed.json()["events"]) == ("http://other.example/", ["suppliers.changed"])
    stale = {"If-Match": etag}
    assert_refused(await world.patch(path, {"active": False}, **stale), 412, "stale-version")
    assert_refused(await world.client.delete(path, headers=stale), 412, "stale-version")
    assert (await world.client.get(path)).headers["etag"] == changed.headers["etag"]


async def test_an_inactive_one_is_sent_nothing_and_makes_up_for_it(world: World, source: str) -> None:
    hook = await world.hook("suppliers.changed", "import.finished")
    path = f"/webhooks/{hook['id']}"
    await put_record(world.client, source, "1")
    await world.deliver()
    world.later(seconds=1)  # deliveries of one instant are in no order
    await send(world.client, source, lines(rows(source, "2")))
    await world.patch(path, {"active": False})
    await put_record(world.client, source, "3")
    await world.deliver()
    assert len(world.receiver.received) == 1
    assert [one["status"] for one in await world.deliveries(hook)] == ["delivered", "cancelled"]
    assert_refused(await world.client.post(f"{path}/ping"), 409, "conflict")

    await world.patch(path, {"active": True})
    await world.deliver()
    told = world.receiver.received[1].message["data"]
    assert (told["since_version"], told["data_version"]) == (1, 3)


async def test_a_change_holds_for_what_waits_and_an_event_from_then_on(world: World, source: str) -> None:
    hook = await world.hook("import.finished", url="http://127.0.0.1:1/")
    path = f"/webhooks/{hook['id']}"
    await put_record(world.client, source, "1")
    await send(world.client, source, lines(rows(source, "2")))
    await world.deliver()
    await world.patch(path, {"url": world.receiver.url})
    await world.deliver()
    assert [one.message["event"] for one in world.receiver.received] == ["import.finished"]
    await world.patch(path, {"events": ["suppliers.changed"]})
    await put_record(world.client, source, "3")
    await send(world.client, source, lines(rows(source, "4")))
    await world.deliver()
    assert [one.message["data"]["since_version"] for one in world.receiver.received[1:]] == [2]


async def test_a_removed_one_is_told_nothing_more(world: World, source: str) -> None:
    """The journal tells who made, changed and removed it, without its address."""
    hook = await world.hook("import.finished")
    await send(world.client, source, lines(rows(source, "1")))
    path = f"/webhooks/{hook['id']}"
    await world.patch(path, {"sources": None})
    assert (await world.client.delete(path)).status_code == 204
    assert_refused(await world.client.delete(path), 404, "not-found")
    await world.deliver()
    assert world.receiver.received == []
    journal = await world.client.get(f"/audit?object=webhook:{hook['id']}")
    actions = ["webhook.created", "webhook.changed", "webhook.deleted"]
    assert [each["action"] for each in journal.json()["items"]] == actions
    assert world.receiver.url not in journal.text


async def test_it_can_be_deleted_while_a_delivery_is_written(world: World) -> None:
    """Both lock the webhook first: neither waits for the other for ever."""
    hook = await world.hook()
    await world.client.post(f"/webhooks/{hook['id']}/ping")
    engine, deleted = world.client.services.database, asyncio.Event()

    async with deliverers(world.client.services) as (worker,):
        note = worker.kind.also_note
        assert note is not None

        async def note_while_deleting(connection: Connection, claimed: ClaimedRow, result: Result) -> None:
            deleted.set()
            await lock_is_awaited(engine, "transactionid")
            await note(connection, claimed, result)

        worker.kind = replace(worker.kind, also_note=note_while_deleting)
        assert await worker.begin() == 1
        await deleted.wait()
        answer = await world.client.delete(f"/webhooks/{hook['id']}")
        await asyncio.gather(*worker.under_way)
    assert answer.status_code == 204, answer.text
    assert len(world.receiver.received) == 1


async def test_they_are_listed_page_by_page_and_their_deliveries_the_latest_first(world: World) -> None:
    hooks, sent = [], []
    for _ in range(5):
        hooks.append((await world.hook())["id"])
        sent.append((await world.client.post(f"/webhooks/{hooks[0]}/ping")).json()["id"])
        world.later(seconds=1)
    for path, ids in (("/webhooks", hooks), (f"/webhooks/{hooks[0]}/deliveries", sent[::-1])):
        first = await world.client.get(f"{path}?limit=3")
        second = await world.client.get(first.links["next"]["url"])
        assert [item["id"] for page in (first, second) for item in page.json()["items"]] == ids
        assert second.json()["next_cursor"] is None
    first = await world.client.get(f"/webhooks/{hooks[0]}/deliveries?limit=3")
    foreign = first.links["next"]["url"].replace(hooks[0], hooks[1])
    assert_refused(await world.client.get(foreign), 400, "bad-cursor")


async def test_a_ping_tries_it_out_and_can_be_attempted_again_by_hand(world: World) -> None:
    """Given up or arrived; under the same id."""
    hook = await world.hook()
    world.receiver.answers = [(410, {})]
    named = {"Idempotency-Key": "once"}
    sent = await world.client.post(f"/webhooks/{hook['id']}/ping", headers=named)
    assert (sent.status_code, sent.json()["event"], sent.json()["status"]) == (202, "ping", "waiting")
    assert (await world.client.post(f"/webhooks/{hook['id']}/ping", headers=named)).content == sent.content
    await world.deliver()
    path = f"/webhooks/{hook['id']}/deliveries/{sent.json()['id']}/retry"
    for attempts in (2, 3):
        again = await world.client.post(path)
        assert (again.status_code, again.json()["status"]) == (200, "waiting")
        await world.deliver()
        (delivery,) = await world.deliveries(hook)
        assert (delivery["status"], len(delivery["attempts"])) == ("delivered", attempts)
    assert {(one.headers["vivier-event"], one.message["event"]) for one in world.receiver.received} == {
        ("ping", "ping")
    }
    assert len({one.headers["vivier-delivery"] for one in world.receiver.received}) == 1
    other = await world.hook()
    assert_refused(await world.client.post(path.replace(hook["id"], other["id"])), 404, "not-found")


async def test_of_those_that_ended_the_latest_are_stored(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a month."""
    monkeypatch.setattr("db.delivery.webhooks.MOST_ENDED", 2)
    hook, sent = await world.hook(), []
    for _ in range(4):
        sent.append((await world.client.post(f"/webhooks/{hook['id']}/ping")).json()["id"])
        await world.deliver()
        world.later(seconds=1)
    assert [one["id"] for one in await world.deliveries(hook)] == sent[1:]  # two that had ended before the last came
    world.later(days=31)
    await world.client.post(f"/webhooks/{hook['id']}/ping")
    await world.deliver()
    assert len(await world.deliveries(hook)) == 1


async def test_where_too_many_wait_the_earliest_are_given_up(
    world: World, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But not the change of suppliers, which tells of all others; each can be asked for again, as one that failed."""
    monkeypatch.setattr("db.delivery.webhooks.MOST_WAITING", 2)
    hook = await world.hook("suppliers.changed", "import.finished")
    world.receiver.answers = [(503, {})]
    await put_record(world.client, source)
    await world.deliver()
    for name in "abc":
        world.later(milliseconds=10)
        await send(world.client, source, lines(rows(source, name)))
    changed, first, *latest = await world.deliveries(hook)
    assert (changed["event"], changed["status"]) == ("suppliers.changed", "waiting")
    assert (first["status"], first["attempts"], first["next_attempt_at"]) == ("given_up", [], None)
    assert [one["status"] for one in latest] == ["waiting"] * 2
    assert (await world.shown(hook))["status"] == "failing"
    again = await world.client.post(f"/webhooks/{hook['id']}/deliveries/{first['id']}/retry")
    assert again.json()["status"] == "waiting"
    await world.deliver()
    assert (await world.shown(hook))["status"] == "ok"


async def test_what_is_under_way_is_not_given_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless its server died: nobody holds that one any more."""
    monkeypatch.setattr("db.delivery.webhooks.MOST_WAITING", 1)
    hook = await world.hook()
    path = f"/webhooks/{hook['id']}/ping"
    await world.client.post(path)
    world.receiver.silent = True
    async with deliverers(world.client.services) as (dying,):
        await dying.begin()
        await world.receiver.wait_for(1)
        for seconds, statuses in ((1, ["waiting"] * 2), (3_600, ["given_up", "given_up", "waiting"])):
            world.later(seconds=seconds)
            await world.client.post(path)
            assert [one["status"] for one in await world.deliveries(hook)] == statuses
        for task in dying.under_way:
            task.cancel()
        await asyncio.gather(*dying.under_way, return_exceptions=True)
    assert [one["status"] for one in await world.deliveries(hook)] == statuses
