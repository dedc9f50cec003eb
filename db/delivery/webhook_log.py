"""The log of deliveries to webhooks, with every attempt, and its bounds."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Select, case, delete, func, insert, or_, select, update

from db.core.engine import Connection
from db.core.uuid7 import lowest_id, new_id
from db.delivery.outbox import Claimed, wake
from db.schema.webhook_tables import webhook_attempts, webhook_deliveries, webhooks
from domain.delivery.backoff import Result
from domain.delivery.webhook import KEPT, DeliveryAttempt, WebhookDelivery

MOST_WAITING, MOST_ENDED = 1_000, 1_000
"""Deliveries of a webhook: those that wait, and those that ended; the earliest beyond are given up, or removed."""
REMOVED_AT_ONCE = 2_000

_DELIVERIES: Select[Any] = select(
    *(webhook_deliveries.c[name] for name in ("id", "event", "status", "queued_at")),
    case((webhook_deliveries.c.lease.is_(None), webhook_deliveries.c.due_at)).label("next_attempt_at"),
)


async def list_deliveries(
    connection: Connection, webhook_id: UUID, before: UUID | None, limit: int
) -> Sequence[WebhookDelivery]:
    """The deliveries of a webhook, latest first, from the one before `before` (None: from the latest)."""
    deliveries = webhook_deliveries.c
    query = _DELIVERIES.where(deliveries.lane == webhook_id).order_by(deliveries.id.desc()).limit(limit)
    if before is not None:
        query = query.where(deliveries.id < before)
    return await _with_attempts(connection, query)


async def get_delivery(connection: Connection, webhook_id: UUID, delivery_id: UUID) -> WebhookDelivery | None:
    """One delivery of that webhook; None where it has none of that id."""
    found = await _with_attempts(connection, _DELIVERIES.filter_by(lane=webhook_id, id=delivery_id))
    return found[0] if found else None


async def retry_delivery(connection: Connection, delivery_id: UUID, now: datetime) -> None:
    """Make a delivery due now, whatever its status, unless an attempt is under way."""
    again = update(webhook_deliveries).filter_by(id=delivery_id, lease=None)
    await connection.execute(again.values(status="waiting", due_at=now, attempts=0))
    await wake(connection)


async def make_room(connection: Connection, webhook_id: UUID, now: datetime) -> None:
    """Give up the earliest deliveries beyond `MOST_WAITING`, and remove those beyond `MOST_ENDED`.

    Neither those under way, nor changes of suppliers: the next such event would come only with a next change. What
    another transaction is at is left to the next call.
    """
    deliveries = webhook_deliveries.c
    of_it, ended = deliveries.lane == webhook_id, deliveries.due_at.is_(None)
    is_free = or_(deliveries.lease.is_(None), deliveries.due_at <= now)
    beyond = _beyond(of_it & ~ended, MOST_WAITING).where(is_free, deliveries.event != "suppliers.changed")
    given_up = update(webhook_deliveries).where(deliveries.id.in_(beyond.with_for_update(skip_locked=True)))
    if (await connection.execute(given_up.values(status="given_up", due_at=None, lease=None))).rowcount:
        webhook = update(webhooks).where(webhooks.c.id == webhook_id, webhooks.c.failing_since.is_(None))
        await connection.execute(webhook.values(failing_since=now))
    earliest = _beyond(of_it & ended, MOST_ENDED).order_by(deliveries.id).limit(REMOVED_AT_ONCE)
    removed = delete(webhook_deliveries).where(deliveries.id.in_(earliest.with_for_update(skip_locked=True)))
    await connection.execute(removed)


def _beyond(which: ColumnElement[bool], most: int) -> Select[Any]:
    """The ids of such deliveries but the `most` latest."""
    ids = webhook_deliveries.c.id
    earliest_within = select(ids).where(which).order_by(ids.desc()).offset(most - 1).limit(1).scalar_subquery()
    return select(ids).where(which, ids < earliest_within)


async def lock_webhook(connection: Connection, claimed: Claimed) -> None:
    """Keep the webhook of a delivery from being changed or deleted until this transaction ends."""
    webhook = select(webhooks.c.id).where(webhooks.c.id == claimed.row["lane"])
    await connection.execute(webhook.with_for_update(key_share=True))


async def note_attempt(connection: Connection, claimed: Claimed, result: Result) -> None:
    """Log an attempt, and set what it says of the webhook; in the transaction that records its result."""
    webhook_id = claimed.row["lane"]
    row = {
        "id": new_id(result.at),
        "delivery_id": claimed.id,
        "started_at": result.started_at,
        "ended_at": result.at,
        "http_status": result.outcome.code,
        "failure": result.outcome.failure,
    }
    await connection.execute(insert(webhook_attempts).values(row))
    webhook = update(webhooks).where(webhooks.c.id == webhook_id)
    if result.status == "delivered":
        acknowledged = func.greatest(webhooks.c.acknowledged_version, claimed.row["version"])
        await connection.execute(webhook.values(failing_since=None, acknowledged_version=acknowledged))
    elif result.status == "given_up":
        await connection.execute(webhook.values(failing_since=func.coalesce(webhooks.c.failing_since, result.at)))
    if result.due_at is None:
        ended = (webhook_deliveries.c.lane == webhook_id) & webhook_deliveries.c.due_at.is_(None)
        expired = webhook_deliveries.c.id < lowest_id(result.at - KEPT)
        await connection.execute(delete(webhook_deliveries).where(ended, expired))


async def _with_attempts(connection: Connection, deliveries: Select[Any]) -> Sequence[WebhookDelivery]:
    rows = (await connection.execute(deliveries)).all()
    attempts: dict[UUID, list[DeliveryAttempt]] = {row.id: [] for row in rows}
    query = select(webhook_attempts).where(webhook_attempts.c.delivery_id.in_(attempts)).order_by(webhook_attempts.c.id)
    for row in await connection.execute(query):
        attempts[row.delivery_id].append(msgspec.convert(row, DeliveryAttempt, from_attributes=True))
    return [WebhookDelivery(**row._asdict(), attempts=tuple(attempts[row.id])) for row in rows]
