"""Keys with a quota: never more than it, whatever the number of processes, at few statements."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from api.runtime.key_quotas import SHARES, KeyQuotas
from api.web.problems import Refusal
from db.api_keys import Share, take_share
from db.core.engine import Engine, transaction
from tests.api.organisations import member
from tests.api.refusals import assert_refused
from tests.api.sync.factories import Client

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
