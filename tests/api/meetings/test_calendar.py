"""The address of a calendar that opens without a key: the key's own, replaced, revoked, and ended with it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import icalendar
import pytest
from sqlalchemy import select, update

from db.api_keys import list_keys, revoke_key
from db.core.engine import transaction
from db.journal.entries import entries
from db.schema.exchange_tables import calendar_feeds
from db.schema.supplier_tables import api_keys
from tests.api.conftest import ADMIN_KEY
from tests.api.meetings.test_routes import Buyer, new_buyer
from tests.api.refusals import assert_refused
from tests.api.sync.factories import Client


@pytest.fixture
async def buyer(served: Client) -> Buyer:
    return await new_buyer(served)


async def subscribe(buyer: Buyer, **headers: str) -> str:
    """The path of a new address."""
    answer = await buyer.client.post("/meetings/feed", headers=buyer.headers | headers)
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert set(answer.json()) == {"url"}
    path: str = urlsplit(answer.json()["url"]).path
    return path


async def opened(client: Client, path: str, **headers: str) -> Any:
    """What somebody without a key is answered."""
    return await client.get(path, headers={"Authorization": ""} | headers)


async def key_id(buyer: Buyer) -> Any:
    async with transaction(buyer.client.services.database) as connection:
        (key,) = await list_keys(connection, buyer.organisation_id)
    return key.id


async def test_the_address_shows_what_the_calendar_shows_and_nothing_else(buyer: Buyer) -> None:
    await buyer.plan(participants=[{"role": "buyer", "name": "Anne Kermarrec"}], minutes="Confidentiel")
    path = await subscribe(buyer)
    answer = await opened(buyer.client, path)
    assert answer.headers["content-type"].startswith("text/calendar")
    assert answer.content == (await buyer.get("/meetings.ics")).content
    assert len(icalendar.Calendar.from_ical(answer.content).walk("VEVENT")) == 1
    assert "Kermarrec" not in answer.text
    assert "Confidentiel" not in answer.text
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "private, no-cache"
    again = await opened(buyer.client, path, **{"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


async def test_organisations_do_not_see_each_other(buyer: Buyer, served: Client) -> None:
    other = await new_buyer(served)
    await other.plan(title="Ailleurs")
    assert "Ailleurs" not in (await opened(served, await subscribe(buyer))).text
    assert "Ailleurs" in (await opened(served, await subscribe(other))).text


async def test_a_new_address_takes_the_place_of_the_one_before(buyer: Buyer) -> None:
    first, second = await subscribe(buyer), await subscribe(buyer)
    assert_refused(await opened(buyer.client, first), 404, "not-found")
    assert (await opened(buyer.client, second)).status_code == 200


async def test_a_revoked_address_no_longer_opens(buyer: Buyer) -> None:
    path = await subscribe(buyer)
    assert (await buyer.client.delete("/meetings/feed", headers=buyer.headers)).status_code == 204
    assert_refused(await opened(buyer.client, path), 404, "not-found")
    assert_refused(await buyer.client.delete("/meetings/feed", headers=buyer.headers), 404, "not-found")


async def test_it_ends_with_its_key(buyer: Buyer) -> None:
    path, key, now = await subscribe(buyer), await key_id(buyer), buyer.client.services.now()
    ended = update(api_keys).where(api_keys.c.id == key)
    for expires_at, status in ((now - timedelta(seconds=1), 404), (now + timedelta(hours=1), 200)):
        async with transaction(buyer.client.services.database) as connection:
            await connection.execute(ended.values(expires_at=expires_at))
        assert (await opened(buyer.client, path)).status_code == status
    async with transaction(buyer.client.services.database) as connection:
        await revoke_key(connection, key, now)
    assert_refused(await opened(buyer.client, path), 404, "not-found")


async def test_that_of_the_administrators_key_ends_when_the_setting_changes(served: Client) -> None:
    answer = await served.post("/meetings/feed")
    path, services = urlsplit(answer.json()["url"]).path, served.services
    assert (await opened(served, path)).status_code == 200
    before = services.settings
    try:
        for other in ("another-key-than-that", None):
            services.settings = replace(before, admin_key=other)
            assert (await opened(served, path)).status_code == 404
    finally:
        services.settings = before
    assert before.admin_key == ADMIN_KEY


@pytest.mark.parametrize("token", ["x", "é", "%00", "A" * 43, "A" * 5_000])
async def test_an_address_that_was_never_given_is_not_found(served: Client, token: str) -> None:
    refused = await opened(served, f"/meetings/feed/{token}.ics")
    assert_refused(refused, 404, "not-found")
    assert refused.headers["cache-control"] == "no-store"


async def test_sent_twice_it_is_one_address(buyer: Buyer) -> None:
    first = await subscribe(buyer, **{"Idempotency-Key": "once"})
    assert await subscribe(buyer, **{"Idempotency-Key": "once"}) == first
    await subscribe(buyer)
    again = await buyer.client.post("/meetings/feed", headers=buyer.headers | {"Idempotency-Key": "once"})
    assert_refused(again, 409, "conflict")


async def test_the_token_is_told_this_once_and_stands_nowhere_else(
    buyer: Buyer, capsys: pytest.CaptureFixture[str]
) -> None:
    path = await subscribe(buyer, **{"Idempotency-Key": "kept"})
    token = path.removeprefix("/meetings/feed/").removesuffix(".ics")
    await opened(buyer.client, path)
    written = capsys.readouterr().err
    assert '"route":"/meetings/feed/{token}.ics"' in written
    assert token not in written
    async with transaction(buyer.client.services.database) as connection:
        assert token.encode() not in (await connection.execute(select(calendar_feeds.c.digest))).scalars().all()
        found = await entries(connection, buyer.organisation_id, f"key:{await key_id(buyer)}", 0, 50)
    assert [entry.action for entry in found] == ["calendar_feed.created"]
    assert token not in str(found)


async def test_the_journal_tells_of_it(buyer: Buyer) -> None:
    await subscribe(buyer)
    await buyer.client.delete("/meetings/feed", headers=buyer.headers)
    async with transaction(buyer.client.services.database) as connection:
        found = await entries(connection, buyer.organisation_id, f"key:{await key_id(buyer)}", 0, 50)
    assert [entry.action for entry in found] == ["calendar_feed.created", "calendar_feed.revoked"]


async def test_only_who_reads_meetings_may_ask_for_one(served: Client) -> None:
    for method in ("POST", "DELETE"):
        assert_refused(
            await served.request(method, "/meetings/feed", headers={"Authorization": ""}), 401, "no-valid-key"
        )
