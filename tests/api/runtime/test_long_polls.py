"""Requests that wait: none of them holds a stop."""

import asyncio

from api.runtime.long_polls import LongPolls


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
