"""Attempts in vain that processes count together by the database alone."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from sqlalchemy import text

from api.app import create_app
from api.runtime.auth import UNKNOWN_PER_MINUTE
from api.runtime.database_counts import REMOVED_EVERY_SECONDS, DatabaseCounts
from api.runtime.rate_limits import MINUTE, AttemptLimit, RateLimit
from api.settings import Settings
from db.api_keys import SECRET_BYTES, secret_of
from db.core import engine as database
from db.core.engine import Engine, transaction
from matching.reference import Reference
from tests.api.conftest import ADMIN_KEY, alive
from tests.api.organisations import member
from tests.api.sync.factories import Client

READ = "/suppliers?limit=1"
QUOTA = 5
T = TypeVar("T")


async def minute(engine: Engine) -> object:
    async with transaction(engine) as connection:
        return await connection.scalar(text("SELECT date_trunc('minute', clock_timestamp())"))


async def in_one_minute(engine: Engine, carry_out: Callable[[], Awaitable[T]]) -> T:
    """The result of the function, run again with nothing counted where the database's minute ended meanwhile."""
    for _ in range(5):
        async with transaction(engine) as connection:
            await connection.execute(text("DELETE FROM key_minutes"))
        begun = await minute(engine)
        result = await carry_out()
        if begun == await minute(engine):
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
