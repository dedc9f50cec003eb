"""An organisation's needs and shortlists take the room that it has, and no more."""

from dataclasses import replace
from secrets import token_hex
from uuid import UUID

import pytest

from api.runtime.places import StorageUse
from db.core.engine import transaction
from db.needs.needs import stored_bytes
from tests.api.needs.steps import NEED, Buyer, new_buyer
from tests.api.refusals import assert_refused
from tests.api.sync.factories import Client, send


@pytest.fixture
async def buyer(served: Client, monkeypatch: pytest.MonkeyPatch) -> Buyer:
    """A buyer of a server that gives each organisation a byte."""
    monkeypatch.setattr(served.services, "settings", replace(served.services.settings, storage_quota=1))
    monkeypatch.setattr(served.services, "storage_use", StorageUse())
    return await new_buyer(served)


async def test_what_is_stored_counts_at_once(buyer: Buyer, served: Client) -> None:
    """A need and a version; the refusal says what frees room, and others have theirs."""
    first = await buyer.post("/needs", NEED)
    assert first.status_code == 201, first.text
    refused = await buyer.post("/needs", NEED)
    assert_refused(refused, 409, "storage-quota")
    assert "VIVIER_STORAGE_QUOTA_MIB" in refused.json()["detail"]
    need = f"/needs/{first.json()['need']['id']}"
    assert_refused(await buyer.post(f"{need}/shortlists"), 409, "storage-quota")
    letter = {"subject": "Tonte", "body": "Bonjour", "channel": "phone", "recipients": "shortlist"}
    assert_refused(await buyer.post(f"{need}/exchanges", letter), 409, "storage-quota")
    assert (await buyer.get(need)).status_code == 200
    assert (await (await new_buyer(served)).post("/needs", NEED)).status_code == 201
    assert (await buyer.delete(need)).status_code == 204
    served.services.storage_use = StorageUse()
    assert (await buyer.post("/needs", NEED)).status_code == 201


async def test_meetings_messages_and_answers_to_imports_count_too(buyer: Buyer, served: Client, source: str) -> None:
    """Each is refused where there is no room; without an Idempotency-Key nothing of an import is the organisation's."""

    def room(count: int) -> None:
        served.services.storage_use = StorageUse()
        served.services.settings = replace(served.services.settings, storage_quota=count)

    room(1 << 30)
    supplier = await buyer.supplier(source, "1")
    need = (await buyer.keep())["need"]["id"]
    letter = {"subject": "Tonte", "body": "Bonjour", "channel": "phone", "recipients": [supplier]}
    exchange = (await buyer.post(f"/needs/{need}/exchanges", letter)).json()["id"]
    times = {"starts_at": "2026-12-01T09:00:00+01:00", "ends_at": "2026-12-01T10:00:00+01:00"}
    meeting = {"need_ids": [need], "format": "online", "title": "Sourcing", **times}
    before = await stored(buyer)
    planned = await buyer.post("/meetings", meeting | {"follow_ups": [{"what": token_hex(1_000)}] * 20})
    assert planned.status_code == 201, planned.text
    assert await stored(buyer) > before + 20 * 1_000
    room(1)
    assert_refused(await buyer.post("/meetings", meeting), 409, "storage-quota")
    assert_refused(await buyer.patch(f"/meetings/{planned.json()['id']}", {"minutes": "…"}), 409, "storage-quota")
    shorter = await buyer.patch(f"/meetings/{planned.json()['id']}", {"title": "M"})
    assert shorter.status_code == 200, "what makes a meeting shorter is taken"
    message = {"body": "Et encore", "author": "buyer"}
    assert_refused(await buyer.post(f"/exchanges/{exchange}/messages", message), 409, "storage-quota")
    assert (await send(served, source, b"{}")).status_code == 200
    room(0)
    assert_refused(await send(served, source, b"{}", **{"Idempotency-Key": source}), 409, "storage-quota")


async def stored(buyer: Buyer) -> int:
    async with transaction(buyer.client.services.database) as connection:
        return await stored_bytes(connection, buyer.organisation_id)


async def test_an_answer_that_is_kept_for_a_day_takes_little_more(buyer: Buyer, served: Client) -> None:
    """Of a need sent with an Idempotency-Key the shortlist is stored once; the rest of the answer counts too."""
    sizes = []
    for headers in ({}, {"Idempotency-Key": "twice"}):
        served.services.storage_use = StorageUse()
        served.services.settings = replace(served.services.settings, storage_quota=1 << 30)
        assert (await buyer.post("/needs", NEED, **headers)).status_code == 201
        sizes.append(await stored(buyer))
    assert 2 * sizes[0] < sizes[1] < 2.5 * sizes[0]


async def test_between_two_readings_it_is_known_from_memory() -> None:
    now, readings = 0.0, [10, 90]

    async def read() -> int:
        return readings.pop(0)

    async def known() -> int:
        return await use.bytes_of(organisation, read)

    use, organisation = StorageUse(lambda: now), UUID(int=1)
    use.add(organisation, 5)
    assert await known() == 10
    use.add(organisation, 5)
    assert await known() == 15
    now = 60.0
    assert await known() == 90
    use.add(organisation, 1 << 27)
    readings.append(7)
    assert await known() == 7
