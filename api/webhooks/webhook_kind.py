"""The deliveries of webhooks as a kind of delivery."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING

import structlog

from api.directory.routes import FEED
from api.runtime.outbox_worker import DeliveryKind
from api.runtime.services import Services
from api.web.pagination import write_cursor
from db.core.engine import Connection
from db.delivery.outbox import Claimed
from db.delivery.webhooks import OF_ONE_ORGANISATION, lock_webhook, note_attempt, queue, webhooks_behind
from db.schema.supplier_tables import webhook_deliveries
from db.suppliers.read import end_of_version
from domain.delivery import SCHEDULE, Outcome, Result, SuppliersChanged

if TYPE_CHECKING:
    from api.webhooks.sender import Sender

PATIENCE, AT_ONCE = timedelta(seconds=20), 16

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


@asynccontextmanager
async def webhook_kind(services: Services) -> AsyncIterator[DeliveryKind]:
    """The deliveries of webhooks as a kind of delivery."""

    async def queue_changes(connection: Connection) -> None:
        now = services.now()
        for webhook_id, since, version in await webhooks_behind(connection):
            cursor = write_cursor(FEED, await end_of_version(connection, since))
            data = SuppliersChanged(data_version=version, since_version=since, cursor=cursor)
            await queue(connection, webhook_id, "suppliers.changed", data, now, version)

    attempts = _Attempts(services)
    try:
        yield DeliveryKind(
            outbox=webhook_deliveries,
            schedule=SCHEDULE,
            attempt=attempts.attempt,
            queue=queue_changes,
            lock=lock_webhook,
            also_note=_log_attempt,
            patience=PATIENCE,
            at_once=AT_ONCE,
            share=OF_ONE_ORGANISATION,
        )
    finally:
        await attempts.close()


class _Attempts:
    """Attempts of a sender that is loaded for the first of them: its library would keep every start waiting."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._one_at_a_time = asyncio.Lock()
        self._sender: Sender | None = None

    async def attempt(self, claimed: Claimed) -> Outcome:
        async with self._one_at_a_time:
            if self._sender is None:
                module = await asyncio.to_thread(import_module, "api.webhooks.sender")
                self._sender = module.Sender(self._services)
        return await self._sender.attempt(claimed)

    async def close(self) -> None:
        if self._sender is not None:
            await self._sender.close()


async def _log_attempt(connection: Connection, claimed: Claimed, result: Result) -> None:
    await note_attempt(connection, claimed, result)
    if result.status == "given_up":
        log.warning(
            "a delivery to a webhook was given up",
            webhook=str(claimed.row["lane"]),
            delivery=str(claimed.id),
            failure=result.outcome.failure,
        )
