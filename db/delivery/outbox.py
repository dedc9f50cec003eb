"""Outboxes: tables of what is to be delivered to others, at least once, by whichever server comes first.

An outbox is a table that begins with `outbox_columns()`; the rest is what its kind of delivery needs. A row is queued
in the transaction of what it tells of. `claim` lends rows that are due for a while, in a short transaction; they are
attempted outside of it; `note` says what came of it. Where a server dies in between, the lease ends and another claims
the row again.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from sqlalchemy import (
    Table,
    and_,
    exists,
    func,
    select,
    update,
)

from db.core.engine import Connection
from domain.delivery.backoff import Result

Outbox: TypeAlias = Table

CHANNEL = "vivier_deliveries"


class Claimed(NamedTuple):
    """A row lent to this process. `attempts`: how many were begun, this one included; `row`: all its columns."""

    id: UUID
    attempts: int
    queued_at: datetime
    lease: UUID
    row: Mapping[str, Any]


async def wake(connection: Connection) -> None:
    """Tell every server, once this transaction commits, that something was queued. Only a hint: they also look by
    themselves every second."""
    await connection.execute(select(func.pg_notify(CHANNEL, "")))


async def claim(
    connection: Connection, outbox: Outbox, lease: UUID, now: datetime, until: datetime, limit: int
) -> Sequence[Claimed]:
    """Up to `limit` rows that are due at `now`, lent `until` then under the name `lease`, the longest due first."""
    free = _due(outbox, now).order_by(outbox.c.due_at, outbox.c.id).limit(limit).with_for_update(skip_locked=True)
    lend = (
        update(outbox)
        .where(outbox.c.id.in_(free.scalar_subquery()))
        .values(lease=lease, due_at=until, attempts=outbox.c.attempts + 1)
        .returning(*outbox.c)
    )
    rows = (await connection.execute(lend)).mappings()
    claimed = (Claimed(row["id"], row["attempts"], row["queued_at"], lease, {**row}) for row in rows)
    return sorted(claimed, key=lambda each: each.id)


async def note(connection: Connection, outbox: Outbox, claimed: Claimed, result: Result) -> bool:
    """Note what came of the attempt; False, and nothing noted, where the lease is over, the row lent to another."""
    end = _held(outbox, claimed).values(status=result.status, due_at=result.due_at, lease=None)
    return (await connection.execute(end.returning(outbox.c.id))).first() is not None


async def release(connection: Connection, outbox: Outbox, claimed: Claimed, now: datetime) -> None:
    """Give a row back whose attempt was interrupted, so that another server need not wait for the end of the lease."""
    await connection.execute(_held(outbox, claimed).values(due_at=now, lease=None))
    await wake(connection)


def _due(outbox: Outbox, now: datetime) -> Any:
    other = outbox.alias()
    same_lane = other.c.lane == outbox.c.lane
    in_flight = exists().where(same_lane, other.c.lease.is_not(None), other.c.due_at > now)
    before = exists().where(same_lane, other.c.due_at <= now, other.c.id < outbox.c.id)
    return select(outbox.c.id).where(outbox.c.due_at <= now, ~in_flight, ~before)


def _held(outbox: Outbox, claimed: Claimed) -> Any:
    return update(outbox).where(and_(outbox.c.id == claimed.id, outbox.c.lease == claimed.lease))
