"""Outboxes: tables of deliveries, each made at least once by some server.

An outbox is a table that begins with `outbox_columns()`; its other columns are those of its kind of delivery. A row is
inserted in the transaction of the event. `claim_rows` leases those due, in a short transaction; attempts are made
outside of it; `write_result` ends the lease. Where a server dies meanwhile, the lease expires and another claims the
row.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from sqlalchemy import ScalarSelect, Table, Update, exists, func, select, text, true, union_all, update
from sqlalchemy.dialects.postgresql import insert

from db.core.engine import Connection
from db.core.uuid7 import increasing_ids
from db.schema.campaign_tables import campaign_mails, campaigns, declaration_links, declaration_mails
from db.schema.organisation_tables import buyer_mails, exchanges, message_mails
from db.schema.person_tables import persons, sign_in_mails
from domain.webhooks import Result

Outbox: TypeAlias = Table

CHANNEL = "vivier_deliveries"
_AT_ONCE = 1_000
MANY = 500
"""Rows that are queued at a time, of which the planner is told."""


class ClaimedRow(NamedTuple):
    """A row of an outbox that this process has claimed for a time.

    `attempts`: those begun; `row`: all its columns; `prepared`: what its kind of delivery made ready for the attempt.
    """

    id: UUID
    attempts: int
    queued_at: datetime
    lease: UUID
    row: Mapping[str, Any]
    prepared: Any = None


async def wake_servers(connection: Connection) -> None:
    """Notify every server, once this transaction commits, that a row was queued; they also poll every second."""
    await connection.execute(select(func.pg_notify(CHANNEL, "")))


async def queue_rows(
    connection: Connection, outbox: Outbox, rows: Sequence[Mapping[str, Any]], now: datetime, at: datetime | None = None
) -> None:
    """Queue deliveries, due once this transaction commits; one that is queued already stays one.

    `at`: the moment that their ids are of, by which they are in order, where it is not `now`.
    """
    ids = increasing_ids(at or now, range(len(rows)))
    made = [{"id": id_, "queued_at": now, "due_at": now, **row} for id_, row in zip(ids, rows, strict=True)]
    for first in range(0, len(made), _AT_ONCE):
        await connection.execute(insert(outbox).on_conflict_do_nothing(), made[first : first + _AT_ONCE])
    if len(made) >= MANY:
        # as long as its statistics tell of rows that ended alone, a claim takes the plan for no rows: 49 s of 5,000
        await connection.execute(text(f"ANALYZE {outbox.name}"))
    if made:
        await wake_servers(connection)


class OwnerLimit(NamedTuple):
    """A limit of `most` attempts under way at a time for each owner of rows; `owner`: a query for a row's owner."""

    owner: ScalarSelect[Any]
    most: int


async def claim_rows(
    connection: Connection,
    outbox: Outbox,
    lease: UUID,
    now: datetime,
    until: datetime,
    limit: int,
    share: OwnerLimit | None = None,
) -> Sequence[ClaimedRow]:
    """Lease up to `limit` rows until `until`, the longest due first, within each owner's `share`; returned by id.

    The lease has the id `lease`; rows are due at `now` or before.
    """
    # the first of each lane, unless an attempt of that lane is under way
    other = outbox.alias()
    same_lane = other.c.lane == outbox.c.lane
    in_flight = exists().where(same_lane, other.c.lease.is_not(None), other.c.due_at > now)
    before = exists().where(same_lane, other.c.due_at <= now, other.c.id < outbox.c.id)
    due = select(outbox.c.id).where(outbox.c.due_at <= now, ~in_flight, ~before)
    if share is not None:
        # the longest due first, as many as keep each owner within its share of what is under way
        rank = func.row_number().over(partition_by=share.owner, order_by=(outbox.c.due_at, outbox.c.id))
        ranked = due.add_columns(share.owner.label("owner"), rank.label("rank")).subquery()
        held = select(share.owner.label("owner")).where(outbox.c.lease.is_not(None), outbox.c.due_at > now).subquery()
        busy = select(held.c.owner, func.count().label("count")).group_by(held.c.owner).subquery()
        joined = select(ranked.c.id).outerjoin(busy, ranked.c.owner == busy.c.owner)
        fair = joined.where(ranked.c.rank + func.coalesce(busy.c["count"], 0) <= share.most)
        due = due.where(outbox.c.id.in_(fair))
    free = due.order_by(outbox.c.due_at, outbox.c.id).limit(limit).with_for_update(skip_locked=True)
    leased = (
        update(outbox)
        .where(outbox.c.id.in_(free.scalar_subquery()))
        .values(lease=lease, due_at=until, attempts=outbox.c.attempts + 1)
        .returning(*outbox.c)
    )
    rows = (await connection.execute(leased)).mappings()
    claimed = (ClaimedRow(row["id"], row["attempts"], row["queued_at"], lease, {**row}) for row in rows)
    return sorted(claimed, key=lambda each: each.id)


async def write_result(
    connection: Connection, outbox: Outbox, claimed: ClaimedRow, result: Result, columns: Mapping[str, Any]
) -> bool:
    """Store the result of an attempt, and other `columns` of its row.

    False, and nothing stored, where the row was leased anew meanwhile.
    """
    ended = {"status": result.status, "due_at": result.due_at, "lease": None, **columns}
    end = _update_if_leased(outbox, claimed).values(ended)
    return (await connection.execute(end.returning(outbox.c.id))).first() is not None


def mail_columns(result: Result) -> dict[str, Any]:
    """The columns of an e-mail's row that say what came of an attempt to send it."""
    outcome, ended_at = result.outcome, result.at if result.due_at is None else None
    return {"failure": outcome.failure, "failure_code": outcome.code, "ended_at": ended_at}


async def organisation_mail_times(
    connection: Connection, organisation_id: UUID, moment: datetime
) -> Sequence[datetime]:
    """The times after `moment` at which e-mails of an organisation to others were queued, the earliest first.

    To suppliers in exchanges, in campaigns and with links to their pages, to people who are invited, and the week's
    digests that were sent.
    """
    by_exchange = message_mails.join(exchanges, exchanges.c.id == message_mails.c.exchange_id)
    by_campaign = campaign_mails.join(campaigns, campaigns.c.id == campaign_mails.c.campaign_id)
    by_link = declaration_mails.join(declaration_links, declaration_links.c.id == declaration_mails.c.link_id)
    by_person = sign_in_mails.join(persons, persons.c.id == sign_in_mails.c.person_id)
    is_digest = buyer_mails.c.week.is_not(None)
    parts = (
        (by_exchange, exchanges, message_mails, true()),
        (by_campaign, campaigns, campaign_mails, true()),
        (by_link, declaration_links, declaration_mails, true()),
        (by_person, persons, sign_in_mails, sign_in_mails.c.browser.is_(None)),
        (buyer_mails, buyer_mails, buyer_mails, is_digest & buyer_mails.c.stop_digest.is_not(None)),
    )
    times = union_all(
        *(
            select(mails.c.queued_at)
            .select_from(joined)
            .where(owner.c.organisation_id == organisation_id, mails.c.queued_at > moment, counts)
            for joined, owner, mails, counts in parts
        )
    ).subquery()
    return (await connection.execute(select(times.c.queued_at).order_by(times.c.queued_at))).scalars().all()


async def release_row(connection: Connection, outbox: Outbox, claimed: ClaimedRow, now: datetime) -> None:
    """End the lease of an interrupted attempt, so that another server can claim the row at once."""
    await connection.execute(_update_if_leased(outbox, claimed).values(due_at=now, lease=None))
    await wake_servers(connection)


def _update_if_leased(outbox: Outbox, claimed: ClaimedRow) -> Update:
    return update(outbox).where(outbox.c.id == claimed.id, outbox.c.lease == claimed.lease)
