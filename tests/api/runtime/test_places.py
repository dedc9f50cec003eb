"""What waits its turn, what is refused, and what each gives back.

Each key has places for requests that are answered at once, and for those that wait for a change: none of these holds a
stop. Reads are made once for all who want the same.
"""

import asyncio
from uuid import UUID

import pytest

from api.app import create_app
from api.runtime import services
from api.runtime.places import ByteQuota, ConcurrencyLimit, KeyPlaces, LongPolls, RequestPlaces, SharedReads
from api.settings import read_settings
from api.web.problems import Refusal
from domain.organisation import Client
from matching.reference import Reference
from tests.api.commands.serving.test_http_protocol import GET, POST, serving
from tests.api.conftest import ADMIN_KEY

ONE, OTHER = UUID(int=1), UUID(int=2)


def test_each_key_has_its_own_places() -> None:
    """One that is given back can be taken again."""
    places = KeyPlaces(most=2, retry_after=5.0)
    with places.place(ONE):
        with places.place(ONE), places.place(OTHER), pytest.raises(Refusal) as refused, places.place(ONE):
            pass
        with places.place(ONE):
            pass
    assert refused.value.kind.slug == "too-many-requests"
    assert refused.value.headers["retry-after"] == "5"


def test_the_keys_of_an_organisation_share_its_places() -> None:
    """However many they are; a key that finds none keeps none."""
    places = RequestPlaces(2, 3, retry_after=5.0)
    one, other, another = (Client(UUID(int=n), UUID(int=1), "", ()) for n in range(3))
    elsewhere = Client(UUID(int=3), UUID(int=2), "", ())
    for each in (one, one, other, elsewhere):
        places.take(each)
    for each in (one, other, another):
        with pytest.raises(Refusal):
            places.take(each)
    places.give_back(one)
    places.take(other)
    with pytest.raises(Refusal):
        places.take(one)


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
    async with limit.place_of("one"):
        waiting = asyncio.create_task(limit.place_of("one").__aenter__())
        await asyncio.sleep(0)
        with pytest.raises(Refusal) as refused:
            async with limit.place_of("one"):
                pass
        async with limit.place_of("other"):
            assert limit.present == {"one": 2, "other": 1}
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert limit.present == {"one": 1}
    assert refused.value.kind.slug == "too-many-requests"
    assert limit.present == {}


def test_a_share_of_the_disk_is_given_back_at_its_end() -> None:
    """Also where it was refused more than there is."""
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


def test_one_key_takes_no_more_than_its_part_of_the_room() -> None:
    """By however many requests; another then still finds some."""
    quota = ByteQuota()
    with (
        quota.share(10, "one", 5) as take,
        quota.share(10, "one", 5) as take_too,
        quota.share(10, "other", 5) as others,
    ):
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


async def test_so_many_are_read_at_a_time() -> None:
    reads, source = SharedReads(at_once=2), Source()
    tasks = [asyncio.create_task(reads.read(what, source.read)) for what in range(5)]
    await turn()
    assert source.begun == 2
    source.open.set()
    assert sorted(await asyncio.gather(*tasks)) == [1, 2, 3, 4, 5]


async def test_a_read_that_fails_fails_for_all_and_frees_its_turn() -> None:
    async def fail() -> None:
        raise ValueError

    reads, source = SharedReads(at_once=1), Source()
    source.open.set()
    failed = await asyncio.gather(*(reads.read("a", fail) for _ in range(3)), return_exceptions=True)
    assert [type(each) for each in failed] == [ValueError] * 3
    assert await reads.read("a", source.read) == 1


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
