"""The log of deliveries to webhooks, with every attempt."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Select, case, delete, func, insert, select, update

from db.core.engine import Connection
from db.core.uuid7 import lowest_id, new_id
from db.delivery.outbox import Claimed, wake
from db.schema.webhook_tables import webhook_attempts, webhook_deliveries, webhooks
from domain.delivery.backoff import Result
from domain.delivery.webhook import KEPT, DeliveryAttempt, WebhookDelivery

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
