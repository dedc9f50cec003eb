"""Nobody does more than the limit, nobody within it is refused, and memory stays bounded.

Keys have a quota: never more than it, whatever the number of processes, at few statements. Attempts in vain are counted
by processes together, by the database alone.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from typing import Any, TypeVar, cast
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from litestar.types import HTTPScope
from sqlalchemy import text

from api.app import create_app
from api.runtime.auth import UNKNOWN_PER_MINUTE
from api.runtime.quotas import (
    MINUTE,
    REMOVED_EVERY_SECONDS,
    SHARES,
    AttemptLimit,
    DatabaseCounts,
    KeyQuotas,
    RateLimit,
    caller_of,
    require_within,
)
from api.settings import Settings
from api.web.problems import Refusal
from db.api_keys import SECRET_BYTES, Share, secret_of, take_share
from db.core import engine as database
from db.core.engine import Engine, transaction
from matching.reference import Reference
from tests.api.conftest import ADMIN_KEY, alive
from tests.api.organisations import member
from tests.api.refusals import assert_refused
from tests.api.sync.factories import Client


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


KEY = UUID(int=1)


class Minute:
    """Stands for the database: one minute's quota, given out in shares; counts the statements."""

    def __init__(self) -> None:
        self.taken, self.statements, self.now = 0, 0, 0.0
        self.failure: Exception | None = None

    async def take(self, _: UUID, wanted: int, quota: int) -> Share:
        self.statements += 1
        await asyncio.sleep(0)
        if self.failure:
            raise self.failure
        granted = min(wanted, quota - self.taken)
        self.taken += granted
        return Share(granted, quota - self.taken, 60 - self.now % 60)

    def clock(self) -> float:
        return self.now

    def quotas(self) -> KeyQuotas:
        """Those of another process."""
        quotas = KeyQuotas(self.clock)
        quotas.attach(self.take)
        return quotas


async def spent(quotas: KeyQuotas, quota: int) -> tuple[bool, dict[str, str]]:
    """Whether one more request is let through, and the headers of its answer."""
    scope: Any = {}
    refused: Refusal | None = None
    try:
        await quotas.spend(KEY, quota, scope)
    except Refusal as refusal:
        refused = refusal
    headers = {name.decode(): value.decode() for name, value in scope["quota_headers"]}
    if refused:
        assert refused.kind.slug == "too-many-requests"
        assert refused.headers["retry-after"] == headers["ratelimit"].rpartition("t=")[2]
    return refused is None, headers


@pytest.mark.parametrize("quota", [1, 2, 63, 64, 65, 1_000])
async def test_a_process_lets_the_quota_through_and_no_more(quota: int) -> None:
    """At few statements, and none more once it is spent."""
    minute = Minute()
    quotas = minute.quotas()
    let_through = [(await spent(quotas, quota))[0] for _ in range(quota + 50)]
    assert let_through == [True] * quota + [False] * 50
    assert minute.statements <= 2 * SHARES


async def test_processes_share_it() -> None:
    """Together never more; what one took and did not spend is all that can be missing."""
    minute, quota = Minute(), 6_400
    one, other = minute.quotas(), minute.quotas()
    await spent(other, quota)
    assert sum([(await spent(one, quota))[0] for _ in range(quota)]) == quota - quota // SHARES
    assert sum([(await spent(other, quota))[0] for _ in range(quota)]) == quota // SHARES - 1


async def test_requests_at_once_take_one_share() -> None:
    minute = Minute()
    quotas = minute.quotas()
    assert all(through for through, _ in await asyncio.gather(*(spent(quotas, 640) for _ in range(10))))
    assert minute.statements == 1


async def test_what_is_left_is_told() -> None:
    minute = Minute()
    quotas = minute.quotas()
    _, headers = await spent(quotas, 2)
    assert headers == {"ratelimit-policy": '"minute";q=2;w=60', "ratelimit": '"minute";r=1;t=60'}
    minute.now = 30.5
    await spent(quotas, 2)
    through, headers = await spent(quotas, 2)
    assert (through, headers["ratelimit"]) == (False, '"minute";r=0;t=30')


async def test_the_next_minute_is_another() -> None:
    minute = Minute()
    quotas = minute.quotas()
    assert [(await spent(quotas, 1))[0] for _ in range(2)] == [True, False]
    minute.now, minute.taken = 60.0, 0
    assert (await spent(quotas, 1))[0]


async def test_while_the_database_is_away_each_process_counts_by_itself() -> None:
    """A twelfth every five seconds: keys already seen go on, and not without end."""
    minute = Minute()
    minute.failure = TimeoutError()
    quotas = minute.quotas()
    assert [(await spent(quotas, 24))[0] for _ in range(4)] == [True, True, False, False]
    minute.now = 5.0
    assert (await spent(quotas, 24))[0]
    minute.failure, minute.now = None, 10.0
    assert [(await spent(quotas, 24))[0] for _ in range(30)].count(True) == 24


async def test_a_fault_of_ours_is_not_taken_for_an_absence() -> None:
    minute = Minute()
    minute.failure = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        await spent(minute.quotas(), 5)


async def test_the_database_counts_for_all(engine: Engine) -> None:
    """Shares taken at once are never more than the quota, of each key by itself."""

    async def take(key_id: UUID) -> Share:
        async with transaction(engine) as connection:
            return await take_share(connection, key_id, 7, 100)

    shares: list[Share] = []
    granted, other = 0, uuid4()
    while granted != 100:  # again where the minute ended meanwhile
        one = uuid4()
        shares = await asyncio.gather(*(take(one) for _ in range(20)))
        granted = sum(share.granted for share in shares)
        assert granted >= 100
    assert min(share.untaken for share in shares) == 0
    assert all(0 < share.seconds <= 60 for share in shares)
    assert (await take(other)).granted == 7


async def test_processes_share_it_by_the_database(engine: Engine) -> None:
    """Three of them, spending at once: in a minute never more than the quota, and no less but for what they hold."""

    async def take(key_id: UUID, wanted: int, quota: int) -> Share:
        async with transaction(engine) as connection:
            return await take_share(connection, key_id, wanted, quota)

    processes = [KeyQuotas() for _ in range(3)]
    for each in processes:
        each.attach(take)
    for _ in range(5):  # again where the minute ended meanwhile
        key, quota = uuid4(), 128

        async def spend(quotas: KeyQuotas) -> bool:
            try:
                await quotas.spend(key, quota, {})  # type: ignore[arg-type] # noqa: B023
            except Refusal:
                return False
            return True

        minute = await _minute(engine)
        through = sum(await asyncio.gather(*(spend(processes[n % 3]) for n in range(300))))
        if minute == await _minute(engine):
            assert quota - 2 * (quota // SHARES - 1) <= through <= quota
            return
    pytest.fail("five minutes ended meanwhile")


async def _minute(engine: Engine) -> object:
    async with transaction(engine) as connection:
        return await connection.scalar(text("SELECT date_trunc('minute', clock_timestamp())"))


async def test_a_clock_that_is_put_back_does_not_stop_a_key(engine: Engine) -> None:
    """Such as that of a standby that takes over; a statement that waited a little counts in the later minute."""
    key_id = uuid4()
    insert = text(
        "INSERT INTO key_minutes "
        "VALUES (:key, date_trunc('minute', clock_timestamp() + make_interval(mins => :ahead)), 5)"
    )
    for ahead, granted in ((1, 0), (2, 5)):
        async with transaction(engine) as connection:
            await connection.execute(text("DELETE FROM key_minutes"))
            await connection.execute(insert, {"key": key_id, "ahead": ahead})
            assert (await take_share(connection, key_id, 5, 5)).granted == granted


async def test_answers_tell_of_the_quota(served: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them, refusals too, of the fast path and of others; a key without a quota is told nothing."""
    monkeypatch.setattr(served.services, "key_quotas", Minute().quotas())
    limited = await member(served, "match", "read", rate_per_minute=4)
    free = await member(served, "match")
    policy = '"minute";q=4;w=60'
    answers = [
        await limited.post("/match", {}),
        await limited.get("/suppliers?limit=1"),
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


READ = "/suppliers?limit=1"
QUOTA = 5
T = TypeVar("T")


async def in_one_minute(engine: Engine, carry_out: Callable[[], Awaitable[T]]) -> T:
    """The result of the function, run again with nothing counted where the database's minute ended meanwhile."""
    for _ in range(5):
        async with transaction(engine) as connection:
            await connection.execute(text("DELETE FROM key_minutes"))
        begun = await _minute(engine)
        result = await carry_out()
        if begun == await _minute(engine):
            return result
    pytest.fail("five minutes ended meanwhile")


def limits(engine: Engine, processes: int) -> list[AttemptLimit]:
    """The limit as each process has it; no time passes there."""
    found = [AttemptLimit("key", RateLimit(QUOTA, MINUTE, lambda: 1_000.0)) for _ in range(processes)]
    for each in found:
        each.attach(DatabaseCounts(engine))
    return found


@given(turns=st.lists(st.integers(0, 2), min_size=1, max_size=25))
@hypothesis(suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_all_processes_together_let_one_quota_through_and_one_attempt_more_each(
    engine: Engine, turns: Sequence[int]
) -> None:
    """Whoever's turn it is: the quota, then one by which each other process that had none of it left is told."""

    async def attempt() -> list[bool]:
        own, passed = limits(engine, 3), []
        for process in turns:
            passed.append(await own[process].take("192.0.2.1") == 0.0)
            if passed[-1]:
                await own[process].in_vain("192.0.2.1")
        return passed

    passed = await in_one_minute(engine, attempt)
    told: set[int] = set()
    for number, process in enumerate(turns):
        counted = sum(passed[:number])
        assert passed[number] == (process not in told)
        if passed[number] and counted >= QUOTA - 1:
            told.add(process)


async def test_addresses_and_kinds_are_counted_apart_and_cannot_be_read(engine: Engine) -> None:
    async def attempt() -> list[float]:
        counts = DatabaseCounts(engine)
        return [await counts.in_vain(name, 2) for name in ("key:192.0.2.1", "link:192.0.2.1", "key:192.0.2.2")]

    assert await in_one_minute(engine, attempt) == [0.0, 0.0, 0.0]
    async with transaction(engine) as connection:
        rows = await connection.scalars(text("SELECT key_minutes::text FROM key_minutes"))
        assert not any("192.0.2" in row for row in rows)


async def test_counts_of_minutes_that_are_over_are_removed(engine: Engine) -> None:
    now = 0.0
    counts = DatabaseCounts(engine, lambda: now)
    await counts.in_vain("first", 2)
    async with transaction(engine) as connection:
        await connection.execute(text("UPDATE key_minutes SET minute = minute - interval '6 minutes'"))
    left = []
    for now in (REMOVED_EVERY_SECONDS - 1, REMOVED_EVERY_SECONDS):  # noqa: B007 - the clock reads it
        await counts.in_vain("second", 2)
        async with transaction(engine) as connection:
            left.append(await connection.scalar(text("SELECT count(*) FROM key_minutes")))
    assert left == [2, 1]


async def test_while_the_database_is_away_each_process_counts_alone() -> None:
    nowhere = database.engine("postgresql://localhost:1/nothing", pool_size=0)
    assert await DatabaseCounts(nowhere).in_vain("key:192.0.2.1", 1) == 0.0
    await nowhere.dispose()


@pytest.fixture
async def servers(
    settings: Settings, reference: Reference, lasting_database_url: str
) -> AsyncIterator[tuple[Client, Client]]:
    """The administrator's clients of two servers on one database, with a clock that stands still for limits."""
    async with AsyncExitStack() as stack:
        clients = []
        for _ in range(2):
            app = create_app(replace(settings, database_url=lasting_database_url), reference)
            await stack.enter_async_context(alive(app))
            clients.append(await stack.enter_async_context(Client(app, ADMIN_KEY)))
        yield clients[0], clients[1]


async def test_unknown_keys_and_links_of_an_address_are_counted_by_all_servers(
    servers: tuple[Client, Client],
) -> None:
    """Once one has let the quota through, another looks one up and then refuses; a key that is known goes on."""
    one, other = servers
    bearer = await member(one, "read")
    assert (await bearer.get(READ)).status_code == 200

    async def keys() -> list[int]:
        for each in servers:
            each.services.keys.unknown._here = RateLimit(UNKNOWN_PER_MINUTE, timedelta(minutes=1), lambda: 1_000.0)
        asked = [*[one] * UNKNOWN_PER_MINUTE, other, other]
        secrets = [secret_of(number.to_bytes(SECRET_BYTES)) for number in range(len(asked))]
        sent = zip(asked, secrets, strict=True)
        return [(await each.get(READ, headers={"Authorization": f"Bearer {key}"})).status_code for each, key in sent]

    async def links() -> list[int]:
        for each in servers:
            each.services.reply_limits.unknown._here = RateLimit(30, timedelta(minutes=1), lambda: 1_000.0)
        asked = [*[one] * 30, other, other]
        return [(await each.get(f"/replies/{number:043}")).status_code for number, each in enumerate(asked)]

    database = one.services.database
    assert await in_one_minute(database, keys) == [401] * (UNKNOWN_PER_MINUTE + 1) + [429]
    assert await in_one_minute(database, links) == [404] * 31 + [429]
    assert (await bearer.get(READ)).status_code == 200


async def test_what_has_not_the_form_of_a_key_or_link_is_counted_by_nobody(servers: tuple[Client, Client]) -> None:
    """Noise costs no statement."""
    one, _ = servers
    async with transaction(one.services.database) as connection:
        await connection.execute(text("DELETE FROM key_minutes"))
    assert (await one.get(READ, headers={"Authorization": "Bearer viv_noise"})).status_code == 401
    assert (await one.get("/replies/noise")).status_code == 404
    async with transaction(one.services.database) as connection:
        assert await connection.scalar(text("SELECT count(*) FROM key_minutes")) == 0
