"""Nobody does more than the limit, nobody within it is refused, and memory stays bounded.

Keys have a quota, and addresses their attempts in vain: once for all processes, by the database; while it is away, once
for each.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any, TypeVar, cast
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from litestar.types import HTTPScope
from sqlalchemy import text

from api.app import create_app
from api.runtime import rate_limits
from api.runtime.rate_limits import (
    AWAY_SECONDS,
    MINUTE,
    REMOVED_EVERY_SECONDS,
    UNKNOWN_KEYS,
    UNKNOWN_LINKS,
    Limit,
    Limits,
    caller_of,
)
from api.settings import Settings
from api.web.problems import Refusal
from db.api_keys import SECRET_BYTES, MinuteCount, count_in_minute, secret_of
from db.core.connect import NoAnswer
from db.core.engine import Connection, End, Engine, transaction, watch_statements
from matching.reference import Reference
from tests.api.conftest import ADMIN_KEY, alive
from tests.api.organisations import member
from tests.api.refusals import assert_refused
from tests.api.sync.factories import Client

KEY, LIMIT = UUID(int=1), Limit("test", 2)
READ = "/suppliers?limit=1"
T = TypeVar("T")


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def wait(limits: Limits, limit: Limit, caller: Any) -> int:
    """The seconds after which a caller who takes one more is told to try again; 0: it has it."""
    try:
        limits.take(limit, caller)
    except Refusal as refused:
        return int(refused.headers["retry-after"])
    return 0


def test_a_caller_has_so_many_in_a_time_that_begins_with_the_first() -> None:
    """Who insists gets in as soon as one that is patient; callers, and limits, are counted apart."""
    clock = Clock()
    limits, hourly = Limits(clock), Limit("hourly", 1, 3_600.0)
    waits = []
    for seconds in (0, 20, 20, 19, 1):
        clock.now += seconds
        waits.append(wait(limits, LIMIT, "anne"))
    assert waits == [0, 0, 20, 1, 0]
    assert [wait(limits, *each) for each in ((LIMIT, "paul"), (hourly, "anne"), (hourly, "anne"))] == [0, 0, 3_600]


def test_what_is_given_back_or_long_past_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those not seen for longest start anew, as memory is bounded."""
    limits, once = Limits(Clock()), Limit("once", 1)
    assert wait(limits, once, "a") == 0
    limits.give_back(once, "a")
    limits.give_back(once, "nobody")
    assert [wait(limits, once, who) for who in ("a", "a", "nobody", "nobody")] == [0, 60, 0, 60]
    monkeypatch.setattr(rate_limits, "ROOM", 3)
    limits, slow = Limits(Clock()), Limit("slow", 1, 12.1)
    for number in range(10):
        limits.take(slow, number)
    assert [wait(limits, slow, number) for number in (9, 8, 7, 6)] == [13, 13, 13, 0]


def test_an_ipv6_subscriber_is_one_caller() -> None:
    for client, caller in (
        (("192.0.2.7", 5), "192.0.2.7"),
        (("::ffff:192.0.2.7", 5), "192.0.2.7"),
        (("2001:db8:1:2:3:4:5:6", 5), "2001:0db8:0001:0002"),
        (("2001:db8:1:2:aaaa::1", 5), "2001:0db8:0001:0002"),
        (("testclient", 5), "testclient"),
        (None, ""),
    ):
        assert caller_of(cast("HTTPScope", {"client": client})) == caller


async def spent(limits: Limits, quota: int, key: UUID = KEY) -> tuple[bool, dict[str, str]]:
    """Whether one more request is let through, and the headers of its answer."""
    scope: Any = {}
    refused: Refusal | None = None
    try:
        await limits.spend(key, quota, scope)
    except Refusal as refusal:
        refused = refusal
    headers = {name.decode(): value.decode() for name, value in scope["quota_headers"]}
    if refused:
        assert refused.kind.slug == "too-many-requests"
        assert refused.headers["retry-after"] == headers["ratelimit"].rpartition("t=")[2]
    return refused is None, headers


async def minute_of(engine: Engine) -> object:
    async with transaction(engine) as connection:
        return await connection.scalar(text("SELECT date_trunc('minute', clock_timestamp())"))


async def in_one_minute(engine: Engine, carry_out: Callable[[], Awaitable[T]]) -> T:
    """The result of the function, run again with nothing counted where the database's minute ended meanwhile."""
    for _ in range(5):
        async with transaction(engine) as connection:
            await connection.execute(text("DELETE FROM key_minutes"))
        begun = await minute_of(engine)
        result = await carry_out()
        if begun == await minute_of(engine):
            return result
    pytest.fail("five minutes ended meanwhile")


def processes(engine: Engine, count: int) -> list[Limits]:
    """The limits as each process has them; no time passes there."""
    found = [Limits(Clock()) for _ in range(count)]
    for each in found:
        each.attach(engine)
    return found


@pytest.mark.parametrize("quota", [1, 2, 100])
async def test_processes_share_the_quota_of_a_key(engine: Engine, quota: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it and no more, also spent at once; once it is spent each knows, and asks no more."""
    monkeypatch.setattr(rate_limits, "PATIENCE_SECONDS", 30.0)
    statements: list[str] = []

    def begin(statement: str) -> End:
        statements.append(statement)
        return lambda _: None

    watch_statements(engine, begin)

    async def spend() -> tuple[int, int]:
        own = processes(engine, 3)
        through = sum([through for through, _ in await asyncio.gather(*(spent(own[n % 3], quota) for n in range(150)))])
        statements.clear()
        assert not any([(await spent(each, quota))[0] for each in own for _ in range(3)])
        other, _ = await spent(own[0], quota, uuid4())
        return through, len(statements) * other

    assert await in_one_minute(engine, spend) == (quota, 1)


async def test_a_clock_that_is_put_back_does_not_stop_a_key(engine: Engine) -> None:
    """Such as that of a standby that takes over; a statement that waited a little counts in the later minute."""
    key_id = uuid4()
    insert = text(
        "INSERT INTO key_minutes "
        "VALUES (:key, date_trunc('minute', clock_timestamp() + make_interval(mins => :ahead)), 5)"
    )
    for ahead, taken in ((1, 6), (2, 1)):
        async with transaction(engine) as connection:
            await connection.execute(text("DELETE FROM key_minutes"))
            await connection.execute(insert, {"key": key_id, "ahead": ahead})
            assert (await count_in_minute(connection, key_id, 5)).taken == taken


@pytest.mark.parametrize("away", [TimeoutError(), NoAnswer()])
async def test_while_the_database_is_away_each_process_counts_by_itself(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, away: Exception
) -> None:
    """Keys already seen go on, and not without end; it is asked again after a while. No fault of ours is an absence."""
    clock, asked = Clock(), list[float]()

    async def fail(*_: Any) -> MinuteCount:
        asked.append(clock.now)
        raise away

    limits = Limits(clock)
    limits.attach(engine)
    with monkeypatch.context() as without:
        without.setattr(rate_limits, "count_in_minute", fail)
        assert [(await spent(limits, 2))[0] for _ in range(3)] == [True, True, False]
        clock.now += AWAY_SECONDS
        async with limits.attempt(LIMIT, "anne") as attempt:
            attempt.in_vain = True
        assert [wait(limits, LIMIT, "anne") for _ in range(2)] == [0, 60]
        away = ZeroDivisionError()
        with pytest.raises(ZeroDivisionError):
            await spent(processes(engine, 1)[0], 5)
        asked.pop()
    assert asked == [1_000.0, 1_000.0 + AWAY_SECONDS]
    clock.now += MINUTE
    assert (await spent(limits, 2))[1]["ratelimit-policy"] == '"minute";q=2;w=60'
    async with transaction(engine) as connection:
        assert await connection.scalar(text("SELECT taken FROM key_minutes WHERE key_id = :key"), {"key": KEY}) == 1


async def test_answers_tell_of_the_quota(served: Client, limits: Limits) -> None:
    """All of them, refusals too; a key without a quota is told nothing."""
    limited = await member(served, "match", "read", rate_per_minute=4)
    free = await member(served, "match")
    policy = '"minute";q=4;w=60'
    answers = [
        await limited.post("/match", {}),
        await limited.get(READ),
        await limited.get("/needs"),
        await limited.get(f"/suppliers/{UUID(int=9)}"),
    ]
    assert [each.status_code for each in answers] == [422, 200, 403, 404]
    told = [(each.headers["ratelimit-policy"], each.headers["ratelimit"]) for each in answers]
    assert told == [(policy, f'"minute";r={left};t=60') for left in (3, 2, 1, 0)]
    refused = await limited.post("/match", {})
    assert_refused(refused, 429, "too-many-requests")
    assert (refused.headers["retry-after"], refused.headers["ratelimit"]) == ("60", '"minute";r=0;t=60')
    assert "ratelimit" not in (await free.post("/match", {})).headers


@given(turns=st.lists(st.integers(0, 2), min_size=1, max_size=25))
@hypothesis(suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_all_processes_together_let_one_quota_through_and_one_attempt_more_each(
    engine: Engine, turns: Sequence[int]
) -> None:
    """Whoever's turn it is: the quota, then one by which each other process that had none of it left is told."""
    five = Limit("key", 5)

    async def attempt() -> list[bool]:
        own, passed = processes(engine, 3), []
        for process in turns:
            try:
                async with own[process].attempt(five, "192.0.2.1") as attempt:
                    attempt.in_vain = True
            except Refusal:
                passed.append(False)
            else:
                passed.append(True)
        return passed

    passed = await in_one_minute(engine, attempt)
    told: set[int] = set()
    for number, process in enumerate(turns):
        counted = sum(passed[:number])
        assert passed[number] == (process not in told)
        if passed[number] and counted >= five.most - 1:
            told.add(process)


async def test_only_attempts_in_vain_are_counted_and_no_address_can_be_read(engine: Engine) -> None:
    """By kind and by address."""
    (limits,) = processes(engine, 1)

    async def attempt() -> list[str]:
        for what, caller, in_vain in (
            ("key", "192.0.2.1", True),
            ("link", "192.0.2.1", True),
            ("key", "192.0.2.2", True),
            ("key", "192.0.2.3", False),
        ):
            async with limits.attempt(Limit(what, 2), caller) as attempt:
                attempt.in_vain = in_vain
        async with transaction(engine) as connection:
            return list(await connection.scalars(text("SELECT key_minutes::text FROM key_minutes")))

    rows = await in_one_minute(engine, attempt)
    assert (len(rows), any("192.0.2" in row for row in rows)) == (3, False)
    with pytest.raises(ZeroDivisionError):
        async with limits.attempt(LIMIT, "192.0.2.4"):
            raise ZeroDivisionError
    assert [wait(limits, LIMIT, "192.0.2.4") for _ in range(3)] == [0, 0, 60]


async def test_counts_of_minutes_that_are_over_are_removed(engine: Engine) -> None:
    clock = Clock()
    limits = Limits(clock)
    limits.attach(engine)
    await spent(limits, 9, uuid4())
    async with transaction(engine) as connection:
        await connection.execute(text("UPDATE key_minutes SET minute = minute - interval '6 minutes'"))
    left = []
    for seconds in (REMOVED_EVERY_SECONDS - 1, 1):
        clock.now += seconds
        await spent(limits, 9)
        async with transaction(engine) as connection:
            left.append(await connection.scalar(text("SELECT count(*) FROM key_minutes")))
    assert left == [2, 1]


@pytest.fixture
async def servers(
    settings: Settings, reference: Reference, lasting_database_url: str
) -> AsyncIterator[tuple[Client, Client]]:
    """The administrator's clients of two servers on one database."""
    async with AsyncExitStack() as stack:
        clients = []
        for _ in range(2):
            app = create_app(replace(settings, database_url=lasting_database_url), reference)
            await stack.enter_async_context(alive(app))
            clients.append(await stack.enter_async_context(Client(app, ADMIN_KEY)))
        yield clients[0], clients[1]


async def test_unknown_keys_and_links_of_an_address_are_counted_by_all_servers(
    servers: tuple[Client, Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once one has let the quota through, another looks one up and then refuses; a key that is known goes on.

    What has not the form of a key or link is counted by nobody.
    """
    one, other = servers
    bearer = await member(one, "read")
    assert (await bearer.get(READ)).status_code == 200
    counted, engine = list[Any](), one.services.database

    async def count(connection: Connection, name: UUID, quota: int) -> MinuteCount:
        counted.append(name)
        return await count_in_minute(connection, name, quota)

    monkeypatch.setattr(rate_limits, "count_in_minute", count)
    monkeypatch.setattr(rate_limits, "PATIENCE_SECONDS", 30.0)
    assert (await one.get(READ, headers={"Authorization": "Bearer viv_noise"})).status_code == 401
    assert (await one.get("/replies/noise")).status_code == 404
    assert counted == []

    async def attempts(ask: Callable[[Client, int], Awaitable[Any]], limit: Limit) -> list[int]:
        for each in servers:
            each.services.limits._windows.clear()
        asked = [*[one] * limit.most, other, other]
        return [(await ask(each, number)).status_code for number, each in enumerate(asked)]

    def key(client: Client, number: int) -> Awaitable[Any]:
        secret = secret_of(number.to_bytes(SECRET_BYTES))
        return client.get(READ, headers={"Authorization": f"Bearer {secret}"})

    def link(client: Client, number: int) -> Awaitable[Any]:
        return client.get(f"/replies/{number:043}")

    assert await in_one_minute(engine, lambda: attempts(key, UNKNOWN_KEYS)) == [401] * 31 + [429]
    assert await in_one_minute(engine, lambda: attempts(link, UNKNOWN_LINKS)) == [404] * 31 + [429]
    assert (await bearer.get(READ)).status_code == 200
    async with transaction(engine) as connection:  # other tests have this address too
        await connection.execute(text("DELETE FROM key_minutes"))
