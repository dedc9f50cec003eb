"""Requests that wait: few of one key, and none of them holds a stop."""

import asyncio
from uuid import UUID

import pytest

from api.runtime.long_polls import LongPolls
from api.web.problems import Refusal

ONE, OTHER = UUID(int=1), UUID(int=2)


def test_each_key_has_its_own_places() -> None:
    """One that is given back can be taken again."""
    polls = LongPolls(most=2)
    with polls.place(ONE):
        with polls.place(ONE), polls.place(OTHER), pytest.raises(Refusal) as refused, polls.place(ONE):
            pass
        with polls.place(ONE):
            pass
    assert refused.value.kind.slug == "too-many-requests"
    assert int(refused.value.headers["retry-after"]) > 0


async def test_waiting_ends_with_what_happens() -> None:
    polls, happened = LongPolls(), asyncio.Event()
    waiting = asyncio.create_task(polls.wait(happened.wait()))
    await asyncio.sleep(0)
    assert not waiting.done()
    happened.set()
    await waiting
    assert polls.waits == set()


async def test_nobody_waits_once_the_server_is_to_stop() -> None:
    """Neither those who wait already nor those who come after."""
    polls = LongPolls()
    waiting = asyncio.create_task(polls.wait(asyncio.Event().wait()))
    await asyncio.sleep(0)
    polls.end()
    await waiting
    await polls.wait(asyncio.Event().wait())
