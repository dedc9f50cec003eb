"""What waits its turn, what is refused, and what each gives back.

Each key has slots for requests that are answered at once, and for those that wait for a change: none of these delays a
stop. Reads are made once for all who want the same. An organisation's needs and shortlists take the room that it has.
"""

import asyncio
from dataclasses import replace
from secrets import token_hex
from uuid import UUID

import pytest

from api.app import create_app
from api.runtime import services
from api.runtime.slots import ByteQuota, ConcurrencyLimit, LongPolls, SharedReads, StorageUse
from api.settings import read_settings
from api.web.problems import Refusal
from db.core.engine import transaction
from db.needs.needs import stored_bytes
from domain.organisation import Client as Bearer
from matching.reference import Reference
from tests.api.commands.serving.test_http_protocol import GET, POST, serving
from tests.api.conftest import ADMIN_KEY
from tests.api.needs.steps import NEED, Buyer, new_buyer
from tests.api.refusals import assert_refused
from tests.api.sync.factories import Client, send


def test_the_keys_of_an_organisation_share_its_places(reference: Reference, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many they are; a key that finds none keeps none, and one that is given back can be taken again."""
    monkeypatch.setattr(services, "REQUESTS_OF_KEY", 2)
    monkeypatch.setattr(services, "REQUESTS_OF_ORGANISATION", 3)
    slots = create_app(read_settings({}), reference, parts=()).state.services
    one, other, another = (Bearer(UUID(int=n), UUID(int=1), "", ()) for n in range(3))
    elsewhere = Bearer(UUID(int=3), UUID(int=2), "", ())
    with slots.request_slot(one), slots.request_slot(other), slots.request_slot(elsewhere):
        with slots.request_slot(one):
            for each in (one, other, another):
                with pytest.raises(Refusal), slots.request_slot(each):
                    pass
        with slots.request_slot(other), pytest.raises(Refusal), slots.request_slot(one):
            pass


async def test_one_key_has_few_requests_under_way(reference: Reference, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those whose body is still arriving count; what needs no key is answered all the same."""
    monkeypatch.setattr(services, "REQUESTS_OF_KEY", 1)
    settings = read_settings({"VIVIER_ADMIN_KEY": ADMIN_KEY})
    app, whole = create_app(settings, reference, parts=()), POST + b"Content-Length: 2\r\n\r\n{}"
    async with serving(app) as (edge, connect):
        sending, another, keyless = await connect(), await connect(), await connect()
        sending.writer.write(whole[:-1])
        await edge.has(3, received=len(whole) - 1)
        another.writer.write(whole)
        status, headers, _ = await another.answer()
        assert (status, headers["retry-after"]) == (429, "5")
        keyless.writer.write(GET)
        assert (await keyless.answer())[0] == 200
        sending.writer.write(whole[-1:])
        assert (await sending.answer())[0] == 422
        another.writer.write(whole)
        assert (await another.answer())[0] == 422


async def test_who_is_refused_or_leaves_takes_no_place() -> None:
    """Of one key so many are admitted or wait; those of another key are not counted with them."""
    limit = ConcurrencyLimit(at_once=2, of_one=1, most=2)
    async with limit.slot_of("one"):
        waiting = asyncio.create_task(limit.slot_of("one").__aenter__())
        await asyncio.sleep(0)
        with pytest.raises(Refusal) as refused:
            async with limit.slot_of("one"):
                pass
        async with limit.slot_of("other"):
            assert limit.present == {"one": 2, "other": 1}
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert limit.present == {"one": 1}
    assert refused.value.kind.slug == "too-many-requests"
    assert limit.present == {}


def test_a_share_of_the_disk_is_given_back_at_its_end() -> None:
    """Also where it was refused more than there is; one key takes its part, by however many, and others find some."""
    quota = ByteQuota()
    with quota.share(10) as take, quota.share(10) as take_too:
        take(6)
        take_too(4)
        with pytest.raises(Refusal) as refused:
            take_too(1)
    with quota.share(10) as take:
        take(10)
    assert refused.value.kind.slug == "too-many-requests"
    assert int(refused.value.headers["retry-after"]) > 0
    one, two, other = [quota.share(10, key, 5) for key in ("one", "one", "other")]
    with one as take, two as take_too, other as others:
        take(3)
        take_too(2)
        with pytest.raises(Refusal):
            take_too(1)
        others(5)
    with quota.share(10, "one", 5) as take:
        take(5)


async def test_waiting_ends_with_what_happens_or_when_the_server_is_to_stop() -> None:
    """For those who wait already and for those who come after."""
    polls, happened = LongPolls(), asyncio.Event()
    waiting, others = [asyncio.create_task(polls.wait(each.wait())) for each in (happened, asyncio.Event())]
    await asyncio.sleep(0)
    assert not waiting.done()
    happened.set()
    await waiting
    assert len(polls.waits) == 1
    polls.end()
    await others
    await polls.wait(asyncio.Event().wait())


class Source:
    """Something to be read, which counts how often, and answers when it is let."""

    def __init__(self) -> None:
        self.begun = 0
        self.open = asyncio.Event()

    async def read(self) -> int:
        self.begun += 1
        number = self.begun
        await self.open.wait()
        return number


async def turn() -> None:
    """Let every task go on until it waits."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_those_who_come_at_once_share_a_read_and_who_comes_during_it_gets_a_later_one() -> None:
    """What was stored before a request came is in what it is answered. Who leaves takes nothing from the others."""
    reads, source = SharedReads(at_once=1), Source()
    first = asyncio.create_task(reads.read("a", source.read))
    await turn()
    leaving, *later = [asyncio.create_task(reads.read("a", source.read)) for _ in range(50)]
    await turn()
    leaving.cancel()
    assert source.begun == 1
    source.open.set()
    assert await asyncio.gather(first, *later) == [1] + [2] * 49


async def test_so_many_are_read_at_a_time_and_one_that_fails_frees_its_turn() -> None:
    """It fails for all who wanted it."""

    async def fail() -> None:
        raise ValueError

    reads, source = SharedReads(at_once=2), Source()
    tasks = [asyncio.create_task(reads.read(what, source.read)) for what in range(5)]
    await turn()
    assert source.begun == 2
    source.open.set()
    assert sorted(await asyncio.gather(*tasks)) == [1, 2, 3, 4, 5]
    failed = await asyncio.gather(*(reads.read("a", fail) for _ in range(3)), return_exceptions=True)
    assert [type(each) for each in failed] == [ValueError] * 3
    assert await reads.read("a", source.read) == 6


@pytest.mark.parametrize("count", [1, 3])
async def test_a_turn_is_not_lost_with_whoever_waits_for_it(count: int) -> None:
    reads, source = SharedReads(at_once=1), Source()
    first = asyncio.create_task(reads.read("a", source.read))
    await turn()
    for what in range(count):
        leaving = asyncio.create_task(reads.read(what, source.read))
        await turn()
        leaving.cancel()
    source.open.set()
    assert await first == 1
    assert await reads.read("b", source.read) == count + 2


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


async def test_links_to_suppliers_pages_count_too(buyer: Buyer, served: Client, source: str) -> None:
    supplier = await buyer.supplier(source, "1")
    links = f"/suppliers/{supplier}/links"
    before = await stored(buyer)
    assert (await buyer.post(links, {})).status_code == 201
    assert await stored(buyer) > before
    served.services.storage_use = StorageUse()
    assert_refused(await buyer.post(links, {}), 409, "storage-quota")


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
