"""What receivers get: when, how often, signed, and nothing that they should not."""

import asyncio
import hashlib
import hmac
import logging
import socket
import threading
import traceback
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog
from sqlalchemy import text

from api.app import create_app, database, database_watch
from api.runtime.outbox_worker import delivery_part
from api.settings import read_settings
from api.webhooks import signed_deliveries as sending
from api.webhooks.signed_deliveries import AT_ONCE, webhook_kind
from db.core.engine import transaction
from db.delivery.webhooks import OF_ONE_ORGANISATION
from domain.webhooks import SCHEDULE
from matching.reference import Reference
from tests.api.conftest import ADMIN_KEY, alive
from tests.api.organisations import member
from tests.api.sync.factories import Client, key, lines, put_record, rows, send
from tests.api.webhooks.conftest import NOW, SECRET, World, deliverers, receiving, worlds

PATHS = ("/webhooks", "/webhooks/{id}", "/webhooks/{id}/deliveries")


async def changes(world: World, cursor: str) -> list[str]:
    page = (await world.client.get(f"/suppliers/changes?cursor={cursor}")).json()
    return [item.get("name", "") for item in page["items"]]


async def test_a_change_is_told_with_the_place_from_which_to_read_it(world: World, source: str) -> None:
    """Signed, in whole seconds, and named."""
    world.later(milliseconds=900)
    await put_record(world.client, source, "before", name="Avant")
    hook = await world.hook("suppliers.changed")
    await world.deliver()
    assert world.receiver.received == []
    await put_record(world.client, source, "after", name="Après")
    await world.deliver()
    (received,) = world.receiver.received
    (delivery,) = await world.deliveries(hook)
    assert received.path == "/vivier"
    assert received.message.keys() == {"id", "event", "created_at", "webhook_id", "data"}
    assert (received.message["event"], received.message["webhook_id"]) == ("suppliers.changed", hook["id"])
    data = received.message["data"]
    assert (data["since_version"], data["data_version"]) == (1, 2)
    assert await changes(world, data["cursor"]) == ["Après"]
    assert (await world.shown(hook))["data_version"] == 2
    t = int(NOW.timestamp())
    digest = hmac.new(SECRET.encode(), f"{t}.".encode() + received.body, hashlib.sha256).hexdigest()
    assert received.headers["vivier-signature"] == f"t={t},v1={digest}"
    assert received.headers["vivier-event"] == "suppliers.changed"
    assert received.headers["vivier-delivery"] == delivery["id"] == received.message["id"]
    assert received.headers["content-type"] == "application/json"
    assert (received.headers["webhook-id"], received.headers["webhook-timestamp"]) == (delivery["id"], str(t))


SECRETS = (None, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLVt+", "whsec_" + "abc" * 13, "0123456789abcdef" * 2, SECRET)


async def test_receivers_verify_with_a_library_of_standard_webhooks(world: World) -> None:
    """With the secret made for them or their own, in base64 or not; and nothing verifies with another."""
    library = pytest.importorskip("standardwebhooks")
    world.now = datetime.now(UTC)  # as the library's clock
    for given in SECRETS:
        hook = await world.hook("suppliers.changed", secret=given)
        await world.client.post(f"/webhooks/{hook['id']}/ping")
        await world.deliver()
        received = world.receiver.received[-1]
        key = SECRET.encode() if given == SECRET else given or hook["secret"]
        assert library.Webhook(key).verify(received.body, received.headers) == received.message
        with pytest.raises(library.WebhookVerificationError):
            library.Webhook(b"another").verify(received.body, received.headers)
    wanted = {"url": world.receiver.url, "events": ["suppliers.changed"], "secret": "whsec_" + "not-base64-" * 3}
    refused = await world.client.post("/webhooks", json=wanted)
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/secret"]


async def test_a_slow_receiver_is_told_of_many_changes_in_one(world: World, source: str) -> None:
    """While one delivery waits, all that follows is folded into the next; nothing is left out.

    What is to be told is read from the directory: nothing has to survive but what is committed.
    """
    await world.hook("suppliers.changed")
    world.receiver.answers = [(503, {})]
    await put_record(world.client, source, "0", name="0")
    await world.deliver()
    for number in "123":
        await put_record(world.client, source, number, name=number)
        await world.deliver()
    assert len(world.receiver.received) == 1
    world.later(seconds=10)
    await world.deliver()
    first, again, folded = world.receiver.received
    assert again.body == first.body
    assert [one.message["data"]["data_version"] for one in (first, folded)] == [1, 4]
    assert folded.message["data"]["since_version"] == 1
    assert await changes(world, folded.message["data"]["cursor"]) == ["1", "2", "3"]
    async with transaction(world.client.services.database) as connection:
        await connection.execute(text("UPDATE directory_version SET version = version + 5"))
    await world.deliver()
    assert [one.message["data"]["data_version"] for one in world.receiver.received[3:]] == [9]


async def test_what_is_not_answered_well_is_sent_again_signed_anew(world: World) -> None:
    """By the schedule, under the same id."""
    hook = await world.hook("suppliers.changed")
    world.receiver.answers = [(500, {}), (404, {})]
    await world.client.post(f"/webhooks/{hook['id']}/ping")
    for seconds in (0, 9, 1, 30):
        world.later(seconds=seconds)
        await world.deliver()
    (done,) = await world.deliveries(hook)
    assert (done["status"], done["next_attempt_at"]) == ("delivered", None)
    told = [(one["http_status"], one["failure"]) for one in done["attempts"]]
    assert told == [(500, "http_status"), (404, "http_status"), (204, None)]
    assert len({one.headers["vivier-delivery"] for one in world.receiver.received}) == 1
    assert len({one.body for one in world.receiver.received}) == 1
    assert len({one.headers["vivier-signature"] for one in world.receiver.received}) == 3


async def test_a_delivery_is_given_up_in_the_end_and_the_next_tells_of_all(world: World, source: str) -> None:
    hook = await world.hook("suppliers.changed")
    world.receiver.answers = [(500, {})] * 100
    await put_record(world.client, source, "1", name="1")
    for _ in range(2):  # the second where a third would come too late
        await world.deliver()
        world.later(seconds=SCHEDULE.age.total_seconds())
    (given_up,) = await world.deliveries(hook)
    assert (given_up["status"], given_up["next_attempt_at"]) == ("given_up", None)
    failing = await world.shown(hook)
    assert (failing["status"], failing["data_version"]) == ("failing", 0)
    assert failing["failing_since"] is not None

    world.receiver.answers = []
    await put_record(world.client, source, "2", name="2")
    await world.deliver()
    told = world.receiver.received[-1].message["data"]
    assert await changes(world, told["cursor"]) == ["1", "2"]
    well = await world.shown(hook)
    assert (well["status"], well["failing_since"], well["data_version"]) == ("ok", None, 2)


OUTCOMES: tuple[tuple[int | None, dict[str, str], str, str, int | None], ...] = (
    (410, {}, "given_up", "http_status", None),
    (429, {"Retry-After": "120"}, "waiting", "http_status", 120),
    (307, {"Location": "http://elsewhere.example"}, "waiting", "redirect", 10),
    (None, {"url": "http://127.0.0.1:1/"}, "waiting", "connection", 10),
    (None, {"url": "http://nobody.invalid/"}, "waiting", "name", 10),
    (None, {"url": "https://127.0.0.1:{port}/"}, "waiting", "tls", 10),
    (None, {}, "waiting", "timeout", 10),
)
"""The answer, or where nobody answers; then the state, the failure, and seconds to the next attempt."""


async def test_what_a_receiver_answers_decides_what_follows(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is gone is not asked again, one may ask for time, a redirect is not followed, silence is left."""
    port = world.receiver.url.split(":")[2].partition("/")[0]
    for status, more, state, failure, seconds in OUTCOMES:
        is_silent = not (status or more)
        if is_silent:
            monkeypatch.setattr(sending, "ANSWER_SECONDS", 0.05)
        fields: dict[str, Any] = {"url": more["url"].format(port=port)} if "url" in more else {}
        hook = await world.hook("suppliers.changed", **fields)
        world.receiver.answers = [(status, more)] if status else []
        world.receiver.silent = is_silent
        await world.client.post(f"/webhooks/{hook['id']}/ping")
        await world.deliver()
        (delivery,) = await world.deliveries(hook)
        assert [(one["http_status"], one["failure"]) for one in delivery["attempts"]] == [(status, failure)]
        due = None if seconds is None else f"{NOW + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"
        assert (delivery["status"], delivery["next_attempt_at"]) == (state, due), failure


async def test_private_addresses_are_refused_unless_they_are_allowed(database_url: str, reference: Reference) -> None:
    """However they are written, and whatever a name leads to: a key is no way into the server's network."""
    async with worlds(database_url, reference, VIVIER_WEBHOOK_PRIVATE="") as world:
        for host in ("127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"):
            hook = await world.hook(url=world.receiver.url.replace("127.0.0.1", host))
            await world.client.post(f"/webhooks/{hook['id']}/ping")
            await world.deliver()
            (delivery,) = await world.deliveries(hook)
            assert [one["failure"] for one in delivery["attempts"]] == ["private_address"]
        assert world.receiver.received == []


async def test_where_they_are_refused_the_address_looked_at_is_the_one_connected_to(
    database_url: str, reference: Reference, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is looked up once, and the receiver still sees it as the host."""
    monkeypatch.setattr(sending, "is_public", lambda address: str(address) == "127.0.0.1")
    async with worlds(database_url, reference, VIVIER_WEBHOOK_PRIVATE="false") as world:
        asked: list[str] = []

        def look_up(host: str, port: int, *_: Any, **__: Any) -> Any:
            asked.append(f"{host} in {threading.current_thread().name}")
            return [(2, 1, 6, "", ("127.0.0.1", port))]

        url = world.receiver.url.replace("127.0.0.1", "receiver.example")
        await world.hook("suppliers.changed", url=url)
        await put_record(world.client, source)
        with monkeypatch.context() as patched:
            patched.setattr(socket, "getaddrinfo", look_up)
            await world.deliver()
        (received,) = world.receiver.received
        # in a thread of the sender's own: one who answers late for a name of theirs keeps no request waiting
        assert "receiver.example in names_0" in asked
        assert received.headers["host"] == url.split("/")[2]


async def test_an_import_that_ended_is_told_with_its_report(world: World, source: str) -> None:
    await world.hook("import.finished")
    report = (await send(world.client, source, lines([*rows(source, "a", "b"), "x"]))).json()
    world.later(seconds=1)
    refused = await send(world.client, source, lines(rows(source, "a")), query="mode=snapshot")
    assert refused.status_code == 409
    await send(world.client, source, lines(rows(source, "c")), query="dry_run=true")
    await world.deliver()
    first, second = (one.message for one in world.receiver.received)
    assert first["event"] == "import.finished"
    report.pop("errors")
    assert first["data"] == report
    assert (second["data"]["status"], second["data"]["removed"]) == ("refused", 0)
    assert second["data"]["failure"]


async def test_events_are_told_in_order_and_once_by_two_workers(world: World, source: str) -> None:
    """A change after its import; of imports those of the sources of its key alone."""
    await send(world.client, f"{source}-other", lines(rows(source, "x")))
    mine = await key(world.client, "sync", sources=(source,))
    hooks = [await world.hook("suppliers.changed", "import.finished", headers=mine) for _ in range(6)]
    await send(world.client, f"{source}-other", lines(rows(source, "y")))
    for name in "abc":
        await send(world.client, source, lines(rows(source, name)))
        world.later(seconds=1)
    await world.deliver(workers=2)
    sent = [one.message for one in world.receiver.received]
    assert len(sent) == len({one["id"] for one in sent}) == 24
    for hook in hooks:
        own = [one for one in sent if one["webhook_id"] == hook["id"]]
        told = [(one["event"], one["data"]["data_version"]) for one in own]
        assert told == [*(("import.finished", version) for version in (3, 4, 5)), ("suppliers.changed", 5)]
        assert {one["data"].get("source", source) for one in own} == {source}


def written(logs: Iterable[Any]) -> str:
    """Entries of the log as a server writes them, with their tracebacks."""
    failures = [entry["exc_info"] for entry in logs if isinstance(entry.get("exc_info"), Exception)]
    return "".join([str(logs), *("".join(traceback.format_exception(failure)) for failure in failures)])


async def test_no_log_and_no_answer_shows_the_secret(
    world: World, source: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wanted = {"url": world.receiver.url, "events": ["suppliers.changed"]}
    with structlog.testing.capture_logs() as logs:
        hook = await world.hook(*wanted["events"])
        world.receiver.answers = [(410, {})]
        await put_record(world.client, source)
        await world.deliver()
        short = await world.client.post("/webhooks", json=wanted | {"secret": SECRET[:20]})
        shown = [await world.client.get(path) for path in (each.format(**hook) for each in PATHS)]
        async with transaction(world.client.services.database) as connection:
            await connection.execute(text("ALTER TABLE webhooks RENAME COLUMN url TO address"))
        failed = await world.client.post("/webhooks", json=wanted | {"secret": SECRET})
        async with transaction(world.client.services.database) as connection:
            await connection.execute(text("ALTER TABLE webhooks RENAME COLUMN address TO url"))
    assert [one.status_code for one in (short, *shown, failed)] == [422, 200, 200, 200, 500]
    log = written(logs)
    assert "given up" in log
    assert "UndefinedColumn" in log
    everything = [log, caplog.text, str(hook), *(one.text for one in (short, *shown, failed))]
    assert [one for one in everything if SECRET[:20] in one] == []


async def test_the_background_delivers_at_once(database_url: str, reference: Reference, source: str) -> None:
    """A whole application, woken by what is committed."""
    given = {"VIVIER_ADMIN_KEY": ADMIN_KEY, "DATABASE_URL": database_url, "VIVIER_WEBHOOK_PRIVATE": "true"}
    app = create_app(read_settings(given), reference, parts=(database, database_watch, delivery_part(webhook_kind)))
    async with alive(app), Client(app, ADMIN_KEY) as client, receiving() as receiver:
        hook = {"url": receiver.url, "events": ["suppliers.changed", "import.finished"], "secret": SECRET}
        path = (await client.post("/webhooks", json=hook)).headers["location"]
        await send(client, source, lines(rows(source, "a")))
        await client.post(f"{path}/ping")
        await receiver.wait_for(3)
    events = sorted(one.message["event"] for one in receiver.received)
    assert events == ["import.finished", "ping", "suppliers.changed"]


async def test_receivers_that_never_answer_keep_only_their_own_organisation_waiting(world: World) -> None:
    """Though there are more of them than attempts at once."""
    patient, other = await member(world.client, "read"), await member(world.client, "read")
    world.receiver.silent = True
    slow = [await world.hook("suppliers.changed", headers=patient.headers) for _ in range(AT_ONCE + 1)]
    quick = await world.hook("suppliers.changed", headers=other.headers)
    for hook in slow:
        await patient.post(f"/webhooks/{hook['id']}/ping")
    async with deliverers(world.client.services) as (deliverer,):
        assert [await deliverer.begin() for _ in range(2)] == [OF_ONE_ORGANISATION.most, 0]
        await other.post(f"/webhooks/{quick['id']}/ping")
        assert await deliverer.begin() == 1
        for task in deliverer.under_way:
            task.cancel()
        await asyncio.gather(*deliverer.under_way, return_exceptions=True)
