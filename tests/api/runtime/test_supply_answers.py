"""Answers on supply are made one at a time, each once, and whoever asks too much at once is told to come back."""

import asyncio
import threading

import pytest

from api.runtime.supply_answers import MOST_OF_ONE, NEW_BY_MINUTE, SupplyAnswers
from api.web.problems import Refusal


class Slow:
    """Makes answers that wait until they may go on; counts those made, and those under way at once."""

    def __init__(self) -> None:
        self.go_on, self.made, self.under_way, self.most = threading.Event(), 0, 0, 0

    def __call__(self) -> bytes:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        self.go_on.wait(10)
        self.under_way, self.made = self.under_way - 1, self.made + 1
        return b"answer"


async def test_one_is_made_at_a_time_and_each_question_once() -> None:
    answers, make = SupplyAnswers(), Slow()
    asked = [answers.answer(question, f"address {number}", make) for number, question in enumerate("aabb")]
    waiting = asyncio.gather(*asked)
    await asyncio.sleep(0)
    make.go_on.set()
    assert await waiting == [b"answer"] * 4
    assert (make.made, make.most) == (2, 1)


async def test_an_address_that_waits_for_many_is_refused_and_others_are_not() -> None:
    """What is cached is answered all the same."""
    answers, make = SupplyAnswers(), Slow()
    await answers.answer("known", "ours", lambda: b"known")
    waiting = [asyncio.ensure_future(answers.answer(number, "ours", make)) for number in range(MOST_OF_ONE)]
    await asyncio.sleep(0)
    with pytest.raises(Refusal) as refused:
        await answers.answer("one more", "ours", make)
    assert refused.value.kind.status == 429
    assert await answers.answer("known", "ours", make) == b"known"
    waiting.append(asyncio.ensure_future(answers.answer("theirs", "another", make)))
    make.go_on.set()
    assert await asyncio.gather(*waiting) == [b"answer"] * (MOST_OF_ONE + 1)


async def test_an_address_has_so_many_new_answers_in_a_minute() -> None:
    """What is cached does not count, and others have their own."""
    answers = SupplyAnswers()
    for number in range(NEW_BY_MINUTE):
        await answers.answer(number, "ours", lambda: b"answer")
    with pytest.raises(Refusal) as refused:
        await answers.answer("one more", "ours", lambda: b"answer")
    assert (refused.value.kind.status, "retry-after" in refused.value.headers) == (429, True)
    assert await answers.answer(1, "ours", lambda: b"another") == b"answer"
    assert await answers.answer("one more", "another", lambda: b"answer") == b"answer"


async def test_what_failed_is_made_again() -> None:
    answers = SupplyAnswers()

    def fail() -> bytes:
        raise LookupError

    with pytest.raises(LookupError):
        await answers.answer("question", "ours", fail)
    assert await answers.answer("question", "ours", lambda: b"answer") == b"answer"
