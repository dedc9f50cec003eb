"""An application whose deliveries are made when a test says so, by a clock that it moves."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import httpx
import msgspec
import pytest

from api.admin import audit
from api.app import FOR_NETWORKS, create_app, database
from api.directory import routes as directory
from api.runtime.endpoint import handlers_in
from api.runtime.outbox_worker import Deliverer
from api.runtime.services import Services
from api.settings import read_settings
from api.webhooks.signed_deliveries import webhook_kind
from matching.reference import Reference
from tests.api.conftest import ADMIN_KEY, alive
from tests.api.sync.factories import Client

NOW = datetime.fromisoformat("2026-11-24T09:30:00+00:00")
SECRET = "a-secret-that-nobody-sees-again"
JSON = {"Content-Type": "application/json"}
MERGE_PATCH = "application/merge-patch+json"
ROUTES = handlers_in((*FOR_NETWORKS, audit, directory))
"""Half of the routes, in half of the time: some tests have their own application."""


class World:
    """A client, a receiver, and the time. `deliver` makes all attempts that are due."""

    def __init__(self, client: Client, receiver: "Receiver") -> None:
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
    app = create_app(read_settings(given), reference, parts=(database,), routes=ROUTES)
    async with alive(app), Client(app, ADMIN_KEY) as client, receiving() as receiver:
        yield World(client, receiver)


@pytest.fixture(scope="session")
async def told(shared_url: str, reference: Reference) -> AsyncIterator[Client]:
    """The client that all worlds of the shared database have."""
    async with worlds(shared_url, reference) as world:
        yield world.client


@pytest.fixture
async def world(database_url: str, told: Client) -> AsyncIterator[World]:
    told.services.keys._known.clear()  # the organisation of the last world went with its database
    async with receiving() as receiver:
        yield World(told, receiver)


class Received(NamedTuple):
    """One request as it came in; the names of headers in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> dict[str, Any]:
        decoded: dict[str, Any] = msgspec.json.decode(self.body)
        return decoded


class Receiver:
    """Keeps what it is sent. `answers`: what it says to the next requests (status, headers); then 204."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.url = ""
        self.silent = False
        self._came = asyncio.Event()
        self.under_way: set[asyncio.Task[Any]] = set()

    async def wait_for(self, count: int) -> list[Received]:
        """Wait until so many requests have come."""
        async with asyncio.timeout(60):
            while len(self.received) < count:
                self._came.clear()
                await self._came.wait()
        return self.received

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if task := asyncio.current_task():
            self.under_way.add(task)
            task.add_done_callback(self.under_way.discard)
        try:
            while first := await reader.read(1):
                if first == b"\x16":  # the beginning of TLS, which is not spoken here
                    writer.write(b"HTTP/1.1 400 x\r\n\r\n")
                    return
                await self._answer(first + await reader.readuntil(b"\r\n\r\n"), reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request, *lines = head.decode("latin-1").strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.received.append(Received(request.split()[1], headers, body))
        self._came.set()
        if self.silent:
            await asyncio.Event().wait()
        status, more = self.answers.pop(0) if self.answers else (204, {})
        sent = {"content-length": "0", **more}
        writer.write(f"HTTP/1.1 {status} x\r\n".encode())
        writer.write("".join(f"{name}: {value}\r\n" for name, value in sent.items()).encode() + b"\r\n")
        await writer.drain()


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver that listens, at `url`."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/vivier"
    try:
        yield receiver
    finally:
        server.close()
        for task in receiver.under_way:
            task.cancel()
        await asyncio.gather(*receiver.under_way, return_exceptions=True)
