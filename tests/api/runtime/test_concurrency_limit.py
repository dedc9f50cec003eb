"""What waits its turn, what is refused, and what each gives back."""

import asyncio

import pytest

from api.runtime.concurrency_limit import ByteQuota, ConcurrencyLimit
from api.web.problems import Refusal


async def test_who_is_refused_takes_no_place() -> None:
    """Of one key so many are admitted or wait; those of another key are not counted with them."""
    limit = ConcurrencyLimit(at_once=2, of_one=1, most=1)
    async with limit.of("one"):
        with pytest.raises(Refusal) as refused:
            async with limit.of("one"):
                pass
        async with limit.of("other"):
            assert limit.present == {"one": 1, "other": 1}
    assert refused.value.kind.slug == "too-many-requests"
    assert limit.present == {}


async def test_who_leaves_while_it_waits_is_not_counted_any_more() -> None:
    limit = ConcurrencyLimit(at_once=1, of_one=1, most=2)
    async with limit.of("one"):
        waiting = asyncio.create_task(limit.of("one").__aenter__())
        await asyncio.sleep(0)
        assert limit.present["one"] == 2
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert limit.present["one"] == 1


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
