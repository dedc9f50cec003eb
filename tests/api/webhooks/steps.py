"""An application whose deliveries are made when a test says so, by a clock that it moves."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import httpx

from api.app import create_app, database
from api.runtime.outbox_worker import Deliverer
from api.runtime.services import Services
from api.settings import read_settings
from api.webhooks.webhook_kind import webhook_kind
from matching.reference import Reference
from tests.api.conftest import ADMIN_KEY, alive
from tests.api.sync.factories import Client
from tests.api.webhooks.receiver import Receiver, receiving

NOW = datetime.fromisoformat("2026-11-24T09:30:00+00:00")
SECRET = "a-secret-that-nobody-sees-again"
JSON = {"Content-Type": "application/json"}
MERGE_PATCH = "application/merge-patch+json"


class World:
    """A client, a receiver, and the time. `deliver` makes all attempts that are due."""

    def __init__(self, client: Client, receiver: Receiver) -> None:
        self.client, self.receiver, self.now = client, receiver, NOW
        client.services.now = lambda: self.now

    def later(self, **by: float) -> None:
        self.now += timedelta(**by)

    async def hook(self, *events: str, headers: dict[str, str] | None = None, **fields: Any) -> dict[str, Any]:
        """A new webhook that leads to the receiver; the answer."""
        content = {"url": self.receiver.url, "events": events or ("suppliers.changed",), "secret": SECRET, **fields}
        answer = await self.client.post("/webhooks", json=content, headers=headers)
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = answer.json()
        return created

    async def patch(self, path: str, content: Any, **headers: str) -> httpx.Response:
        headers = {"Content-Type": MERGE_PATCH, **headers}
        return await self.client.patch(path, json=content, headers=headers)

    async def deliver(self, workers: int = 1) -> None:
        """Make every attempt that is due, as so many workers, until nothing is."""
        async with deliverers(self.client.services, workers) as all_:
            while any([await each.begin() for each in all_]):
                await asyncio.gather(*(task for each in all_ for task in each.under_way))

    async def deliveries(self, hook: dict[str, Any]) -> list[dict[str, Any]]:
        """The deliveries of a webhook, the oldest first."""
        answer = await self.client.get(f"/webhooks/{hook['id']}/deliveries")
        items: list[dict[str, Any]] = answer.json()["items"]
        return items[::-1]

    async def shown(self, hook: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = (await self.client.get(f"/webhooks/{hook['id']}")).json()
        return found


@asynccontextmanager
async def deliverers(services: Services, count: int = 1) -> AsyncIterator[list[Deliverer]]:
    jitter: Callable[[], float] = lambda: 0.0  # noqa: E731
    async with webhook_kind(services) as kind:
        yield [Deliverer(kind, services.database, services.now, jitter) for _ in range(count)]


@asynccontextmanager
async def worlds(database_url: str, reference: Reference, **settings: str) -> AsyncIterator[World]:
    """A world of its own, with this database; its receiver is on this machine, so private addresses are allowed."""
    given = {"VIVIER_ADMIN_KEY": ADMIN_KEY, "DATABASE_URL": database_url, "VIVIER_WEBHOOK_PRIVATE": "true", **settings}
    app = create_app(read_settings(given), reference, parts=(database,))
    async with alive(app), Client(app, ADMIN_KEY) as client, receiving() as receiver:
        yield World(client, receiver)
