"""Nobody does more than the limit, nobody within it is refused, and memory stays bounded."""

from datetime import timedelta
from fractions import Fraction
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar.types import HTTPScope

from api.runtime.rate_limits import AttemptLimit, RateLimit, caller_of, require_within
from api.web.problems import Refusal


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Bucket:
    """The same limit, told slowly: a bucket of `count` tokens that is full again after `period`."""

    def __init__(self, count: int, period: int) -> None:
        self.count, self.rate, self.level = count, Fraction(count, period), Fraction(count)

    def take(self, passed: int) -> float:
        """The seconds to wait, 0 where a token was taken, `passed` seconds after the last time."""
        self.level = min(Fraction(self.count), self.level + passed * self.rate)
        if self.level < 1:
            return float((1 - self.level) / self.rate)
        self.level -= 1
        return 0.0


@given(count=st.integers(1, 8), pause=st.integers(1, 30), passed=st.lists(st.integers(0, 90), min_size=1, max_size=60))
def test_it_is_a_bucket_of_tokens(count: int, pause: int, passed: list[int]) -> None:
    """Pauses of whole seconds make every number exact."""
    clock = Clock()
    limit, bucket = RateLimit(count, timedelta(seconds=count * pause), clock), Bucket(count, count * pause)
    for seconds in passed:
        clock.now += seconds
        expected = bucket.take(seconds)
        assert (limit.wait("anne"), limit.take("anne")) == (expected, expected)


def test_callers_are_counted_apart() -> None:
    limit = RateLimit(1, timedelta(minutes=1), Clock())
    assert [limit.take(key) for key in ("anne", "paul", "anne")] == [0.0, 0.0, 60.0]


def test_who_was_refused_waits_no_longer_for_it() -> None:
    """Only what is done counts, not what is tried: a client that insists gets in as soon as one that is patient."""
    clock = Clock()
    limit = RateLimit(1, timedelta(minutes=1), clock)
    limit.take("anne")
    for _ in range(5):
        clock.now += 10
        limit.take("anne")
    clock.now += 10
    assert limit.take("anne") == 0.0


def test_what_is_given_back_does_not_count() -> None:
    limit = RateLimit(1, timedelta(minutes=1), Clock())
    assert limit.take("a") == 0.0
    limit.give_back("a")
    limit.give_back("nobody")
    assert limit.take("a") == 0.0
    assert limit.take("a") > 0.0


class ForAll:
    """Counts for all processes, with a wait that is told to it; None: it is away."""

    def __init__(self) -> None:
        self.wait: float | None = 0.0
        self.counted = 0

    async def take(self, name: str, pause: float, period: float) -> float | None:
        assert (name, pause, period) == ("key:anne", 30.0, 60.0)
        self.counted += self.wait == 0.0
        return self.wait

    async def give_back(self, name: str, pause: float) -> None:
        assert (name, pause) == ("key:anne", 30.0)
        self.counted -= 1

    async def in_vain(self, name: str, quota: int) -> float:
        assert (name, quota) == ("key:anne", 2)
        return self.wait or 0.0


async def test_attempts_are_counted_here_and_for_all() -> None:
    """Who is refused here is not asked about; who is refused by all together has attempted nothing here."""
    for_all = ForAll()
    limit = AttemptLimit("key", RateLimit(2, timedelta(minutes=1), Clock()))
    limit.attach(for_all)
    assert [await limit.take("anne") for _ in range(3)] == [0.0, 0.0, 30.0]
    assert for_all.counted == 2
    await limit.give_back("anne")
    assert for_all.counted == 1
    for_all.wait = 7.0
    assert [await limit.take("anne") for _ in range(3)] == [7.0, 7.0, 7.0]


async def test_attempts_are_counted_here_while_nobody_counts_for_all() -> None:
    for_all = ForAll()
    limit = AttemptLimit("key", RateLimit(2, timedelta(minutes=1), Clock()))
    for_all.wait = None
    limit.attach(for_all)
    assert [await limit.take("anne") for _ in range(3)] == [0.0, 0.0, 30.0]


async def test_where_all_together_attempted_enough_nothing_more_is_attempted_here() -> None:
    """Until the time is over that they tell; other callers go on."""
    for_all, clock = ForAll(), Clock()
    limit = AttemptLimit("key", RateLimit(2, timedelta(minutes=1), clock))
    limit.attach(for_all)
    assert await limit.take("anne") == 0.0
    await limit.in_vain("anne")
    assert await limit.take("anne") == 0.0
    for_all.wait = 40.0
    await limit.in_vain("anne")
    clock.now += 10.0
    for_all.wait = 0.0
    assert await limit.take("anne") == 30.0
    clock.now += 30.0
    assert await limit.take("anne") == 0.0


def test_a_closed_limit_stays_so_for_the_longer_of_both_times() -> None:
    clock = Clock()
    limit = RateLimit(2, timedelta(minutes=1), clock)
    limit.close("a", 5.0)
    assert (limit.take("a"), limit.take("b")) == (5.0, 0.0)
    for _ in range(2):
        limit.take("c")
    limit.close("c", 5.0)
    assert limit.take("c") == 30.0


def test_what_is_remembered_is_bounded() -> None:
    limit = RateLimit(1, timedelta(minutes=1), Clock(), room=3)
    for number in range(10):
        limit.take(number)
    assert [number for number in range(10) if limit.wait(number)] == [7, 8, 9]


def test_a_refusal_says_how_long_to_wait() -> None:
    require_within(0.0)
    with pytest.raises(Refusal) as refused:
        require_within(12.1)
    assert refused.value.headers == {"retry-after": "13"}


@pytest.mark.parametrize(
    ("client", "caller"),
    [
        (("192.0.2.7", 5), "192.0.2.7"),
        (("::ffff:192.0.2.7", 5), "192.0.2.7"),
        (("2001:db8:1:2:3:4:5:6", 5), "2001:0db8:0001:0002"),
        (("2001:db8:1:2:aaaa::1", 5), "2001:0db8:0001:0002"),
        (("testclient", 5), "testclient"),
        (None, ""),
    ],
)
def test_an_ipv6_subscriber_is_one_caller(client: Any, caller: str) -> None:
    assert caller_of(cast("HTTPScope", {"client": client})) == caller
