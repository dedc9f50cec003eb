"""Outboxes: who claims what, and when it is claimed again."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Column, MetaData, Table, Text, insert, select

from db.core.engine import Engine, transaction
from db.delivery.outbox import ClaimedRow, claim_rows, release_row, wake_servers, write_result
from db.schema.supplier_tables import metadata, outbox_columns
from domain.webhooks import Outcome, Result
from tests.db.suppliers.samples import LATER, NOW, new_id

LEASE = timedelta(minutes=1)
ANNE, PIERRE = UUID(int=1), UUID(int=2)


@pytest.fixture(autouse=True)
async def letters(engine: Engine) -> None:
    await create(engine)


async def claimed(engine: Engine, now: datetime = NOW, limit: int = 10) -> Sequence[ClaimedRow]:
    async with transaction(engine) as connection:
        return await claim_rows(connection, LETTERS, uuid4(), now, now + LEASE, limit)


async def bodies(engine: Engine, now: datetime = NOW, limit: int = 10) -> list[str]:
    return [each.row["body"] for each in await claimed(engine, now, limit)]


async def noted(engine: Engine, which: ClaimedRow, due_at: datetime | None = None) -> bool:
    result = Result(
        outcome=Outcome(), status="waiting" if due_at else "delivered", due_at=due_at, started_at=NOW, at=NOW
    )
    async with transaction(engine) as connection:
        return await write_result(connection, LETTERS, which, result)


async def test_what_is_due_is_claimed_once_the_longest_due_first(engine: Engine) -> None:
    await queue(engine, "later", due_at=LATER)
    await queue(engine, "second")
    await queue(engine, "first", due_at=NOW - LEASE)
    async with transaction(engine) as connection:
        held = await claim_rows(connection, LETTERS, uuid4(), NOW, NOW + LEASE, 1)
        assert [each.row["body"] for each in held] == ["first"]
        # a row that is being claimed keeps nobody waiting
        assert await bodies(engine) == ["second"]
    assert await bodies(engine) == []


async def test_many_at_once_claim_each_row_once(engine: Engine) -> None:
    for number in range(40):
        await queue(engine, str(number))
    found = [each for some in await asyncio.gather(*(bodies(engine, limit=4) for _ in range(20))) for each in some]
    assert len(found) == len(set(found))
    assert sorted(found + await bodies(engine, limit=40), key=int) == [str(number) for number in range(40)]


async def test_what_is_not_noted_is_claimed_again_after_its_lease(engine: Engine) -> None:
    await queue(engine, "1")
    (first,) = await claimed(engine)
    assert await bodies(engine, NOW + LEASE - timedelta(seconds=1)) == []
    (second,) = await claimed(engine, NOW + LEASE)
    assert (first.attempts, second.attempts, second.id) == (1, 2, first.id)
    assert not await noted(engine, first), "the lease was over"
    assert await noted(engine, second)
    assert await bodies(engine, LATER) == []


async def test_what_failed_is_claimed_when_it_is_due_again_and_what_is_given_back_at_once(engine: Engine) -> None:
    await queue(engine, "1")
    (first,) = await claimed(engine)
    async with transaction(engine) as connection:
        await release_row(connection, LETTERS, first, NOW)
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
    assert [each.row["body"] for each in first] == ["a1", "p1"]
    assert await bodies(engine) == []
    await noted(engine, first[0], due_at=LATER)
    (second,) = await claimed(engine)
    assert second.row["body"] == "a2"
    await noted(engine, second)
    assert await bodies(engine) == ["a3"]


async def test_many_at_once_keep_to_the_lanes(engine: Engine) -> None:
    for number in range(5):
        await queue(engine, f"a{number}", lane=ANNE)
        await queue(engine, f"p{number}", lane=PIERRE)
    found = [each for some in await asyncio.gather(*(bodies(engine) for _ in range(10))) for each in some]
    assert sorted(found) == ["a0", "p0"]


async def test_what_is_done_is_not_due(engine: Engine) -> None:
    await queue(engine, "1")
    (first,) = await claimed(engine)
    await noted(engine, first)
    async with transaction(engine) as connection:
        row = (await connection.execute(select(LETTERS))).one()
    assert (row.status, row.due_at, row.lease, row.attempts) == ("delivered", None, None, 1)


LETTERS = Table(
    "letters", MetaData(naming_convention=metadata.naming_convention), *outbox_columns(), Column("body", Text)
)


async def create(engine: Engine) -> None:
    async with transaction(engine) as connection:
        await connection.run_sync(LETTERS.metadata.create_all)


async def queue(engine: Engine, *bodies: str, lane: UUID | None = None, due_at: datetime = NOW) -> Sequence[UUID]:
    """Queue letters in this order; their ids."""
    ids = [new_id() for _ in bodies]
    async with transaction(engine) as connection:
        for letter, body in zip(ids, bodies, strict=True):
            row = {"id": letter, "lane": lane, "queued_at": NOW, "due_at": due_at, "body": body}
            await connection.execute(insert(LETTERS).values(row))
        await wake_servers(connection)
    return ids
