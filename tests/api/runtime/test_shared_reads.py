"""Reads that are made once for all who want the same."""

import asyncio

import pytest

from api.runtime.shared_reads import SharedReads


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


async def test_those_who_come_at_once_share_a_read() -> None:
    reads, source = SharedReads(), Source()
    source.open.set()
    assert await asyncio.gather(*(reads.read("a", source.read) for _ in range(50))) == [1] * 50


async def test_who_comes_during_a_read_gets_a_later_one() -> None:
    """What was stored before a request came is in what it is answered."""
    reads, source = SharedReads(at_once=1), Source()
    first = asyncio.create_task(reads.read("a", source.read))
    await turn()
    later = [asyncio.create_task(reads.read("a", source.read)) for _ in range(50)]
    await turn()
    assert source.begun == 1
    source.open.set()
    assert await asyncio.gather(first, *later) == [1] + [2] * 50


async def test_so_many_are_read_at_a_time() -> None:
    reads, source = SharedReads(at_once=2), Source()
    tasks = [asyncio.create_task(reads.read(what, source.read)) for what in range(5)]
    await turn()
    assert source.begun == 2
    source.open.set()
    assert sorted(await asyncio.gather(*tasks)) == [1, 2, 3, 4, 5]


async def test_who_leaves_takes_nothing_away_from_the_others() -> None:
    reads, source = SharedReads(), Source()
    leaving, staying = (asyncio.create_task(reads.read("a", source.read)) for _ in range(2))
    await turn()
    leaving.cancel()
    source.open.set()
    assert await staying == 1


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
