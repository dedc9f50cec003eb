"""Webhooks of an organisation, the events queued for them, and the log of deliveries.

The log has every attempt, and its bounds.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Select, case, delete, exists, func, insert, or_, select, update

from db.core.engine import Connection, bind, is_above, is_below, read_grouped
from db.core.uuid7 import lowest_id, new_id
from db.delivery.outbox import ClaimedRow, OwnerLimit, wake_servers
from db.schema.supplier_tables import directory_version, webhook_attempts, webhook_deliveries, webhooks
from db.suppliers.write import current_version
from domain.decoding.stored import read_row
from domain.errors import Conflict
from domain.suppliers.source import Import
from domain.text.bilingual import said_by
from domain.webhooks import (
    KEPT,
    MOST_OF_ONE_ORGANISATION,
    SUBSCRIPTIONS,
    DeliveryAttempt,
    Event,
    Result,
    Webhook,
    WebhookDelivery,
    WebhookMessage,
    WebhookSettings,
)

_COLUMNS = (
    webhooks,
    case((webhooks.c.failing_since.is_(None), "ok"), else_="failing").label("status"),
    webhooks.c.acknowledged_version.label("data_version"),
)

OF_ONE_ORGANISATION = OwnerLimit(
    select(webhooks.c.organisation_id).where(webhooks.c.id == webhook_deliveries.c.lane).scalar_subquery(), 4
)
"""The attempts of an organisation at once: receivers that never answer keep nobody else's waiting."""


class DeliveryTarget(NamedTuple):
    """The address of a delivery, and the secret that signs the delivery, which `repr` does not show."""

    url: str
    secret: str

    def __repr__(self) -> str:
        return f"Target({self.url!r})"


async def create_webhook(
    connection: Connection, organisation_id: UUID, settings: WebhookSettings, secret: str, now: datetime
) -> Webhook:
    """Insert a webhook, for events from now on. Raises Conflict (`too_many_webhooks`)."""
    existing = select(func.count()).select_from(webhooks).where(webhooks.c.organisation_id == organisation_id)
    if (await connection.execute(existing)).scalar_one() >= MOST_OF_ONE_ORGANISATION:
        most = MOST_OF_ONE_ORGANISATION
        raise Conflict("too_many_webhooks", said_by(__name__)["too_many_webhooks"].filled(most=most))
    version = await current_version(connection)
    row = {
        **_settings_row(settings),
        "id": new_id(now),
        "organisation_id": organisation_id,
        "secret": secret,
        "acknowledged_version": version,
        "queued_version": version,
        "created_at": now,
        "updated_at": now,
    }
    bind(connection, f"webhook:{row['id']}")
    return read_row((await connection.execute(insert(webhooks).values(row).returning(*_COLUMNS))).one(), Webhook)


async def list_webhooks(
    connection: Connection, organisation_id: UUID, after: UUID | None, limit: int
) -> Sequence[Webhook]:
    """Up to `limit` webhooks of an organisation with ids after `after`, oldest first."""
    query = select(*_COLUMNS).where(webhooks.c.organisation_id == organisation_id, is_above(webhooks.c.id, after))
    rows = await connection.execute(query.order_by(webhooks.c.id).limit(limit))
    return [read_row(row, Webhook) for row in rows]


async def get_webhook(
    connection: Connection, organisation_id: UUID, webhook_id: UUID, *, lock: bool = False
) -> Webhook | None:
    """The organisation's webhook with this id; with `lock`, nobody else changes it until the transaction ends."""
    query = select(*_COLUMNS).filter_by(organisation_id=organisation_id, id=webhook_id)
    found = (await connection.execute(query.with_for_update(key_share=True) if lock else query)).first()
    return None if found is None else read_row(found, Webhook)


async def update_webhook(connection: Connection, before: Webhook, after: WebhookSettings, now: datetime) -> Webhook:
    """Change the settings of a locked webhook; its waiting deliveries go to the new address or are cancelled.

    Activated again, it gets one event about the changes of suppliers since the last delivery that arrived; newly
    subscribed to these, about those from now on.
    """
    subscribed: list[str] = (await connection.execute(select(webhooks.c.events).filter_by(id=before.id))).scalar_one()
    later = [event for event in subscribed if event not in SUBSCRIPTIONS]  # those of a later release stay
    settings = _settings_row(after)
    settings["events"] += later
    change: dict[str, Any] = {**settings, "updated_at": now, "failing_since": None}
    if "suppliers.changed" not in before.events:
        version = await current_version(connection)
        change |= {"acknowledged_version": version, "queued_version": version}
    elif after.active and not before.active:
        change |= {"queued_version": webhooks.c.acknowledged_version}
    bind(connection, f"webhook:{before.id}")
    updated = update(webhooks).where(webhooks.c.id == before.id).values(change).returning(*_COLUMNS)
    webhook = read_row((await connection.execute(updated)).one(), Webhook)
    waiting = update(webhook_deliveries).where(
        webhook_deliveries.c.lane == before.id, webhook_deliveries.c.due_at.is_not(None)
    )
    wanted = [*settings["events"], "ping"] if after.active else []
    unwanted = waiting.where(~webhook_deliveries.c.event.in_(wanted))
    await connection.execute(unwanted.values(status="cancelled", due_at=None, lease=None))
    await connection.execute(waiting.where(webhook_deliveries.c.lease.is_(None)).values(due_at=now))
    await wake_servers(connection)
    return webhook


async def delete_webhook(connection: Connection, webhook_id: UUID) -> None:
    """Delete a webhook and all its deliveries."""
    await connection.execute(delete(webhooks).where(webhooks.c.id == webhook_id))
    bind(connection, f"webhook:{webhook_id}")


async def find_target(connection: Connection, webhook_id: UUID) -> DeliveryTarget | None:
    """The address and secret of a webhook; None where it was deleted or is inactive."""
    query = select(webhooks.c.url, webhooks.c.secret).where(webhooks.c.id == webhook_id, webhooks.c.active)
    found = (await connection.execute(query)).first()
    return None if found is None else DeliveryTarget(found.url, found.secret)


async def lock_due_webhooks(connection: Connection) -> Sequence[tuple[UUID, int, int]]:
    """Lock the webhooks due a `suppliers.changed`; returns each one's id, version acknowledged and present version.

    One whose previous such event is not delivered yet is left out: the next event covers what happened meanwhile. The
    versions are read from the directory itself, so none is missed whenever a server stops.
    """
    under_way = exists().where(
        webhook_deliveries.c.lane == webhooks.c.id,
        webhook_deliveries.c.due_at.is_not(None),
        webhook_deliveries.c.event == "suppliers.changed",
    )
    query = (
        select(webhooks.c.id, webhooks.c.acknowledged_version, directory_version.c.version)
        .join(directory_version, directory_version.c.version > webhooks.c.queued_version)
        .where(webhooks.c.active, webhooks.c.events.contains(["suppliers.changed"]), ~under_way)
        .with_for_update(of=webhooks, skip_locked=True, key_share=True)
    )
    return [(row.id, row.acknowledged_version, row.version) for row in await connection.execute(query)]


async def queue_event(
    connection: Connection, webhook_id: UUID, event: Event, data: Any, now: datetime, version: int | None = None
) -> UUID:
    """Queue the delivery of an event; returns its id. `version`: of the directory, if the event is about one."""
    delivery_id = new_id(now)
    message = WebhookMessage(id=delivery_id, event=event, created_at=now, webhook_id=webhook_id, data=data)
    row = {
        "id": delivery_id,
        "lane": webhook_id,
        "queued_at": now,
        "due_at": now,
        "event": event,
        "version": version,
        "body": msgspec.json.encode(message),
    }
    await connection.execute(insert(webhook_deliveries).values(row))
    await make_room_for_delivery(connection, webhook_id, now)
    if version is not None:
        queued = update(webhooks).where(webhooks.c.id == webhook_id)
        await connection.execute(queued.values(queued_version=version))
    return delivery_id


async def queue_import_finished(connection: Connection, done: Import, now: datetime) -> None:
    """Queue the event `import.finished` for every webhook that subscribes to it; the caller commits."""
    subscribers = (
        select(webhooks.c.id)
        .where(
            webhooks.c.active,
            webhooks.c.events.contains(["import.finished"]),
            or_(webhooks.c.sources.is_(None), webhooks.c.sources.contains([done.source])),
        )
        # each may be marked as failing: always in one order, so that imports that end together only wait for each other
        .order_by(webhooks.c.id)
        # one that is being deleted must not make the import fail
        .with_for_update(read=True, key_share=True)
    )
    found = (await connection.execute(subscribers)).scalars().all()
    report = msgspec.structs.asdict(done)
    del report["errors"]
    for webhook_id in found:
        await queue_event(connection, webhook_id, "import.finished", report, now)
    if found:
        await wake_servers(connection)


def _settings_row(settings: WebhookSettings) -> dict[str, Any]:
    sources = None if settings.sources is None else sorted(set(settings.sources))
    return msgspec.structs.asdict(settings) | {"events": sorted(set(settings.events)), "sources": sources}


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
    """Up to `limit` deliveries of a webhook with ids before `before` (None: any), latest first."""
    query = _DELIVERIES.filter_by(lane=webhook_id).where(is_below(webhook_deliveries.c.id, before))
    return await _read_with_attempts(connection, query.order_by(webhook_deliveries.c.id.desc()).limit(limit))


async def get_delivery(connection: Connection, webhook_id: UUID, delivery_id: UUID) -> WebhookDelivery | None:
    """The delivery with this id, if it is of this webhook; else None."""
    found = await _read_with_attempts(connection, _DELIVERIES.filter_by(lane=webhook_id, id=delivery_id))
    return found[0] if found else None


async def retry_delivery(connection: Connection, delivery_id: UUID, now: datetime) -> None:
    """Make a delivery due now, whatever its status, unless an attempt is under way."""
    again = update(webhook_deliveries).filter_by(id=delivery_id, lease=None)
    await connection.execute(again.values(status="waiting", due_at=now, attempts=0))
    await wake_servers(connection)


async def make_room_for_delivery(connection: Connection, webhook_id: UUID, now: datetime) -> None:
    """Give up a webhook's earliest waiting deliveries beyond `MOST_WAITING`; delete ended ones beyond `MOST_ENDED`.

    Neither those under way, nor changes of suppliers: the next such event would come only with a next change. What
    another transaction is at is left to the next call.
    """
    deliveries = webhook_deliveries.c
    of_it, ended = deliveries.lane == webhook_id, deliveries.due_at.is_(None)
    is_free = or_(deliveries.lease.is_(None), deliveries.due_at <= now)
    beyond = _ids_but_latest(of_it & ~ended, MOST_WAITING).where(is_free, deliveries.event != "suppliers.changed")
    given_up = update(webhook_deliveries).where(deliveries.id.in_(beyond.with_for_update(skip_locked=True)))
    if (await connection.execute(given_up.values(status="given_up", due_at=None, lease=None))).rowcount:
        webhook = update(webhooks).where(webhooks.c.id == webhook_id, webhooks.c.failing_since.is_(None))
        await connection.execute(webhook.values(failing_since=now))
    earliest = _ids_but_latest(of_it & ended, MOST_ENDED).order_by(deliveries.id).limit(REMOVED_AT_ONCE)
    removed = delete(webhook_deliveries).where(deliveries.id.in_(earliest.with_for_update(skip_locked=True)))
    await connection.execute(removed)


def _ids_but_latest(which: ColumnElement[bool], most: int) -> Select[Any]:
    """The ids of the deliveries that meet the condition `which`, except the `most` latest of them."""
    ids = webhook_deliveries.c.id
    earliest_within = select(ids).where(which).order_by(ids.desc()).offset(most - 1).limit(1).scalar_subquery()
    return select(ids).where(which, ids < earliest_within)


async def lock_webhook(connection: Connection, claimed: ClaimedRow) -> None:
    """Keep the webhook of a delivery from being changed or deleted until this transaction ends."""
    webhook = select(webhooks.c.id).where(webhooks.c.id == claimed.row["lane"])
    await connection.execute(webhook.with_for_update(key_share=True))


async def note_attempt(connection: Connection, claimed: ClaimedRow, result: Result) -> None:
    """Log an attempt to deliver, and update the state of the webhook; the caller commits."""
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


async def _read_with_attempts(connection: Connection, deliveries: Select[Any]) -> Sequence[WebhookDelivery]:
    rows = (await connection.execute(deliveries)).all()
    of_them = webhook_attempts.c.delivery_id.in_([row.id for row in rows])
    query = select(webhook_attempts).where(of_them).order_by(webhook_attempts.c.id)
    attempts = await read_grouped(connection, query, "delivery_id")
    made = {
        each: msgspec.convert(some, tuple[DeliveryAttempt, ...], from_attributes=True)
        for each, some in attempts.items()
    }
    return [WebhookDelivery(**row._asdict(), attempts=made.get(row.id, ())) for row in rows]
