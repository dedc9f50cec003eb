"""Webhooks of an organisation, and what is queued for them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import Row, Select, delete, exists, func, insert, or_, select, update

from db.core.engine import Connection
from db.core.uuid7 import new_id
from db.delivery.outbox import wake
from db.schema.supplier_tables import directory_version
from db.schema.webhook_tables import webhook_deliveries, webhooks
from db.suppliers.write import current_version
from domain.delivery.webhook import MOST_OF_ONE_ORGANISATION, Event, Message, Webhook, WebhookSettings
from domain.errors import Conflict
from domain.suppliers.source import Import
from domain.text.bilingual import Text

_SHOWN = [column for column in webhooks.c if column.name not in {"secret", "organisation_id", "queued_version"}]


class Target(NamedTuple):
    """Where a delivery goes, and what signs it. Its `repr` does not show the secret."""

    url: str
    secret: str

    def __repr__(self) -> str:
        return f"Target({self.url!r})"


class Behind(NamedTuple):
    """A webhook whose receiver has taken notice of the directory up to `since`; it is at `version`."""

    webhook_id: UUID
    since: int
    version: int


async def create_webhook(
    connection: Connection, organisation_id: UUID, settings: WebhookSettings, secret: str, now: datetime
) -> Webhook:
    """A new webhook, told of what happens from now on. Raises Conflict (`too_many_webhooks`)."""
    held = select(func.count()).select_from(webhooks).where(webhooks.c.organisation_id == organisation_id)
    if (await connection.execute(held)).scalar_one() >= MOST_OF_ONE_ORGANISATION:
        most = MOST_OF_ONE_ORGANISATION
        raise Conflict(
            "too_many_webhooks",
            Text(
                f"Une organisation a au plus {most} webhooks ; en supprimer un d'abord",
                f"An organisation has at most {most} webhooks; delete one first",
            ),
        )
    version = await current_version(connection)
    row = {
        **_columns(settings),
        "id": new_id(now),
        "organisation_id": organisation_id,
        "secret": secret,
        "acknowledged_version": version,
        "queued_version": version,
        "created_at": now,
        "updated_at": now,
    }
    created = await connection.execute(insert(webhooks).values(row).returning(*_SHOWN))
    return _webhook(created.one())


async def list_webhooks(
    connection: Connection, organisation_id: UUID, after: UUID | None, limit: int
) -> Sequence[Webhook]:
    """The webhooks of an organisation from the one after `after`, oldest first."""
    query = select(*_SHOWN).where(webhooks.c.organisation_id == organisation_id).order_by(webhooks.c.id).limit(limit)
    if after is not None:
        query = query.where(webhooks.c.id > after)
    return [_webhook(row) for row in await connection.execute(query)]


async def get_webhook(
    connection: Connection, organisation_id: UUID, webhook_id: UUID, *, hold: bool = False
) -> Webhook | None:
    """The webhook, if it is the organisation's. `hold`: nobody else changes it before this transaction ends."""
    query = _own(organisation_id, webhook_id)
    found = (await connection.execute(query.with_for_update(key_share=True) if hold else query)).first()
    return None if found is None else _webhook(found)


async def change_webhook(connection: Connection, before: Webhook, after: WebhookSettings, now: datetime) -> Webhook:
    """Set a webhook that is held. What waits goes to the new address at once; where it is no longer wanted, nowhere.

    Where changes of suppliers were not told of while it was inactive, they are told of from the last that arrived;
    where they were not asked for before, from now on.
    """
    change: dict[str, Any] = {**_columns(after), "updated_at": now, "failing_since": None}
    if "suppliers.changed" not in before.events:
        version = await current_version(connection)
        change |= {"acknowledged_version": version, "queued_version": version}
    elif after.active and not before.active:
        change |= {"queued_version": webhooks.c.acknowledged_version}
    changed = update(webhooks).where(webhooks.c.id == before.id).values(change).returning(*_SHOWN)
    webhook = _webhook((await connection.execute(changed)).one())
    waiting = update(webhook_deliveries).where(
        webhook_deliveries.c.lane == before.id, webhook_deliveries.c.due_at.is_not(None)
    )
    wanted = [*after.events, "ping"] if after.active else []
    unwanted = waiting.where(~webhook_deliveries.c.event.in_(wanted))
    await connection.execute(unwanted.values(status="cancelled", due_at=None, lease=None))
    await connection.execute(waiting.where(webhook_deliveries.c.lease.is_(None)).values(due_at=now))
    await wake(connection)
    return webhook


async def delete_webhook(connection: Connection, webhook_id: UUID) -> None:
    """Remove a webhook, with all that was or is to be delivered to it."""
    await connection.execute(delete(webhooks).where(webhooks.c.id == webhook_id))


async def target(connection: Connection, webhook_id: UUID) -> Target | None:
    """Where to deliver; None if the webhook is gone, or inactive."""
    query = select(webhooks.c.url, webhooks.c.secret).where(webhooks.c.id == webhook_id, webhooks.c.active)
    found = (await connection.execute(query)).first()
    return None if found is None else Target(found.url, found.secret)


async def behind(connection: Connection) -> Sequence[Behind]:
    """The webhooks to be told that suppliers changed, held until this transaction ends.

    One that was told and has not answered yet is left out: what happens meanwhile is told in one, afterwards. Which
    versions there are is read from the directory itself, so nothing is missed whenever a server stops.
    """
    told = exists().where(
        webhook_deliveries.c.lane == webhooks.c.id,
        webhook_deliveries.c.due_at.is_not(None),
        webhook_deliveries.c.event == "suppliers.changed",
    )
    query = (
        select(webhooks.c.id, webhooks.c.acknowledged_version, directory_version.c.version)
        .join(directory_version, directory_version.c.version > webhooks.c.queued_version)
        .where(webhooks.c.active, webhooks.c.events.contains(["suppliers.changed"]), ~told)
        .with_for_update(of=webhooks, skip_locked=True, key_share=True)
    )
    return [Behind(*row) for row in await connection.execute(query)]


async def queue(
    connection: Connection, webhook_id: UUID, event: Event, data: Any, now: datetime, version: int | None = None
) -> UUID:
    """Queue an event for a webhook; the delivery's id. `version`: of the directory, where it tells of one."""
    delivery_id = new_id(now)
    message = Message(id=delivery_id, event=event, created_at=now, webhook_id=webhook_id, data=data)
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
    if version is not None:
        reached = update(webhooks).where(webhooks.c.id == webhook_id)
        await connection.execute(reached.values(queued_version=version))
    return delivery_id


async def queue_import_finished(connection: Connection, done: Import, now: datetime) -> None:
    """Tell that an import ended, in the transaction that stores its outcome."""
    wanted = (
        select(webhooks.c.id)
        .where(
            webhooks.c.active,
            webhooks.c.events.contains(["import.finished"]),
            or_(webhooks.c.sources.is_(None), webhooks.c.sources.contains([done.source])),
        )
        # one that is being deleted must not make the import fail
        .with_for_update(read=True, key_share=True)
    )
    found = (await connection.execute(wanted)).scalars().all()
    report = {name: value for name, value in msgspec.structs.asdict(done).items() if name != "errors"}
    for webhook_id in found:
        await queue(connection, webhook_id, "import.finished", report, now)
    if found:
        await wake(connection)


def _own(organisation_id: UUID, webhook_id: UUID) -> Select[Any]:
    return select(*_SHOWN).where(webhooks.c.organisation_id == organisation_id, webhooks.c.id == webhook_id)


def _columns(settings: WebhookSettings) -> dict[str, Any]:
    return {
        "url": settings.url,
        "events": sorted(set(settings.events)),
        "sources": None if settings.sources is None else sorted(set(settings.sources)),
        "active": settings.active,
    }


def _webhook(row: Row[Any]) -> Webhook:
    return Webhook(
        id=row.id,
        url=row.url,
        events=tuple(row.events),
        sources=None if row.sources is None else tuple(row.sources),
        active=row.active,
        status="failing" if row.failing_since else "ok",
        failing_since=row.failing_since,
        data_version=row.acknowledged_version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
