"""Outboxes: who claims what, and when it is claimed again."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import insert, select, text

from db.core.engine import Engine, transaction
from db.delivery.outbox import MANY, ClaimedRow, claim_rows, queue_rows, release_row, wake_servers, write_result
from db.schema.organisation_tables import audit_heads
from domain.webhooks import Outcome, Result
from tests.db.suppliers.samples import LATER, NOW, ask, new_id

OUTBOX = audit_heads
LEASE = timedelta(minutes=1)
ANNE, PIERRE = UUID(int=1), UUID(int=2)


async def queue(engine: Engine, *bodies: str, lane: UUID | None = None, due_at: datetime = NOW) -> None:
    """Queue rows in this order."""
    rows = [{"id": new_id(), "lane": lane, "queued_at": NOW, "due_at": due_at, "line": body} for body in bodies]
    async with transaction(engine) as connection:
        await connection.execute(insert(OUTBOX), rows)
        await wake_servers(connection)


async def claimed(engine: Engine, now: datetime = NOW, limit: int = 10) -> Sequence[ClaimedRow]:
    return await ask(engine, claim_rows, OUTBOX, uuid4(), now, now + LEASE, limit)


async def bodies(engine: Engine, now: datetime = NOW, limit: int = 10) -> list[str]:
    return [each.row["line"] for each in await claimed(engine, now, limit)]


async def noted(engine: Engine, which: ClaimedRow, due_at: datetime | None = None) -> bool:
    result = Result(
        outcome=Outcome(), status="waiting" if due_at else "delivered", due_at=due_at, started_at=NOW, at=NOW
    )
    return await ask(engine, write_result, OUTBOX, which, result, {})


async def test_what_is_due_is_claimed_once_the_longest_due_first(engine: Engine) -> None:
    await queue(engine, "later", due_at=LATER)
    await queue(engine, "second")
    await queue(engine, "first", due_at=NOW - LEASE)
    async with transaction(engine) as connection:
        held = await claim_rows(connection, OUTBOX, uuid4(), NOW, NOW + LEASE, 1)
        assert [each.row["line"] for each in held] == ["first"]
        # a row that is being claimed keeps nobody waiting
        assert await bodies(engine) == ["second"]
    assert await bodies(engine) == []


async def test_many_at_once_claim_each_row_once(engine: Engine) -> None:
    await queue(engine, *map(str, range(40)))
    found = [each for some in await asyncio.gather(*(bodies(engine, limit=4) for _ in range(20))) for each in some]
    assert len(found) == len(set(found))
    assert sorted(found + await bodies(engine, limit=40), key=int) == [str(number) for number in range(40)]


async def test_many_are_claimed_by_a_plan_for_many(engine: Engine) -> None:
    async with transaction(engine) as connection:
        await queue_rows(connection, OUTBOX, [{"lane": new_id(), "line": str(each)} for each in range(MANY)], NOW)
    async with transaction(engine) as connection:
        told = await connection.scalar(text(f"SELECT reltuples FROM pg_class WHERE relname = '{OUTBOX.name}'"))
    assert told == MANY


async def test_what_is_not_noted_is_claimed_again_after_its_lease(engine: Engine) -> None:
    await queue(engine, "1")
    (first,) = await claimed(engine)
    assert await bodies(engine, NOW + LEASE - timedelta(seconds=1)) == []
    (second,) = await claimed(engine, NOW + LEASE)
    assert (first.attempts, second.attempts, second.id) == (1, 2, first.id)
    assert not await noted(engine, first), "the lease was over"
    assert await noted(engine, second)
    assert await bodies(engine, LATER) == []
    async with transaction(engine) as connection:
        row = (await connection.execute(select(OUTBOX))).one()
    assert (row.status, row.due_at, row.lease, row.attempts) == ("delivered", None, None, 2)


async def test_what_failed_is_claimed_when_it_is_due_again_and_what_is_given_back_at_once(engine: Engine) -> None:
    await queue(engine, "1")
    (first,) = await claimed(engine)
    await ask(engine, release_row, OUTBOX, first, NOW)
    (first,) = await claimed(engine)
    assert await noted(engine, first, due_at=LATER)
    assert await bodies(engine) == []
    (again,) = await claimed(engine, LATER)
    assert again.attempts == 3


async def test_of_a_lane_one_at_a_time_in_order(engine: Engine) -> None:
    """One that is attempted later keeps its lane open."""
    for body, lane in (("a1", ANNE), ("a2", ANNE), ("p1", PIERRE), ("a3", ANNE)):
        await queue(engine, body, lane=lane)
    first = await claimed(engine)
    assert [each.row["line"] for each in first] == ["a1", "p1"]
    assert await bodies(engine) == []
    await noted(engine, first[0], due_at=LATER)
    (second,) = await claimed(engine)
    assert second.row["line"] == "a2"
    await noted(engine, second)
    assert await bodies(engine) == ["a3"]


async def test_many_at_once_keep_to_the_lanes(engine: Engine) -> None:
    for lane, letter in ((ANNE, "a"), (PIERRE, "p")):
        await queue(engine, *(f"{letter}{number}" for number in range(5)), lane=lane)
    found = [each for some in await asyncio.gather(*(bodies(engine) for _ in range(10))) for each in some]
    assert sorted(found) == ["a0", "p0"]
