"""The application without a database and with one, and what its tests share."""

import asyncio
import logging
from collections.abc import AsyncIterator, Hashable, Iterator
from contextlib import asynccontextmanager
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from litestar import Litestar
from litestar.testing import AsyncTestClient

from api.app import create_app
from api.runtime.rate_limits import Limit, Limits
from api.settings import Settings, read_settings
from domain.suppliers.supplier import Supplier
from matching.reference import Reference
from tests import conftest, factories
from tests.api.needs.steps import Buyer, new_buyer
from tests.api.sync.factories import Client
from tests.browser import Windows, on_a_socket

database_url, engine = conftest.emptied_database_url, conftest.engine_on_emptied
ADMIN_KEY = "the-administrators-key"
JOURNAL_KEY = "A" * 43 + "="
_sources = count(1)


@pytest.fixture(scope="session")
def reference() -> Reference:
    """All reference data, loaded once."""
    return factories.reference()


@pytest.fixture(scope="session")
def settings() -> Settings:
    """The default settings with an administrator's key."""
    return read_settings({"VIVIER_ADMIN_KEY": ADMIN_KEY})


@pytest.fixture(scope="session")
def app(settings: Settings, reference: Reference) -> Litestar:
    """The whole application with no database attached."""
    return create_app(settings, reference, parts=())


@pytest.fixture(scope="session")
async def client(app: Litestar) -> AsyncIterator[AsyncTestClient[Any]]:
    """A client of `app` that holds no key."""
    async with AsyncTestClient(app, raise_server_exceptions=False) as client:
        yield client


@asynccontextmanager
async def alive(app: Litestar) -> AsyncIterator[None]:
    """The application with its parts running, begun and ended in one task, which a fixture is not."""
    ended = asyncio.Event()
    begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def live() -> None:
        async with app.lifespan():
            begun.set_result(None)
            await ended.wait()

    living = asyncio.create_task(live())
    await asyncio.wait([living, begun], return_when=asyncio.FIRST_COMPLETED)
    try:
        yield
    finally:
        ended.set()
        await living


@pytest.fixture(scope="session")
async def served(lasting_database_url: str, reference: Reference) -> AsyncIterator[Client]:
    """The administrator's client of an application with a database, which its tests share: each has its own source."""
    settings = read_settings(
        {"VIVIER_ADMIN_KEY": ADMIN_KEY, "DATABASE_URL": lasting_database_url, "VIVIER_JOURNAL_KEY": JOURNAL_KEY}
    )
    app = create_app(settings, reference)
    async with alive(app), Client(app, ADMIN_KEY) as client:
        while (await client.get("/health/ready")).status_code != 200:
            await client.services.directory.wait_beyond(-1, 1)
        yield client


@pytest.fixture(scope="session")
async def address(served: Client) -> AsyncIterator[str]:
    """The address at which the application is served to real browsers."""
    async with on_a_socket(served.app) as address:
        yield address


@pytest.fixture(scope="session")
def windows(address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Windows]:
    """Windows of a real browser; tests that need one are skipped where none is installed."""
    windows = Windows(tmp_path_factory.mktemp("browsers"))
    yield windows
    windows.close()


@asynccontextmanager
async def portal(
    settings: Settings, reference: Reference, *suppliers: Supplier, key: str | None = ADMIN_KEY
) -> AsyncIterator[AsyncTestClient[Litestar]]:
    """A portal with that key, of an application without a database that holds these suppliers."""
    app = create_app(settings, reference, parts=())
    index = factories.live(*suppliers)
    app.state.services.live = SimpleNamespace(index=index, index_for=lambda _: index)
    async with AsyncTestClient(app, raise_server_exceptions=False) as client:
        if key is not None:
            client.headers["Authorization"] = f"Bearer {key}"
        yield client


@pytest.fixture(autouse=True)
def own_limits(request: pytest.FixtureRequest) -> None:
    """What one test takes of the limits of `served` is not taken of another's."""
    if "served" in request.fixturenames:
        request.getfixturevalue("limits")


@pytest.fixture
def limits(served: Client, monkeypatch: pytest.MonkeyPatch) -> Limits:
    """Limits of `served` of which nothing is taken; they count without the database, and no time passes."""
    limits = Limits(lambda: 1_000.0)
    monkeypatch.setattr(served.services, "limits", limits)
    monkeypatch.setattr(served.services.keys, "_limits", limits)
    return limits


@pytest.fixture
async def buyer(served: Client) -> Buyer:
    """A buyer whom no other test knows."""
    return await new_buyer(served)


def take_all(limits: Limits, limit: Limit, caller: Hashable = "127.0.0.1", *, but: int = 0) -> None:
    """Take what a caller has of a limit, but for so many."""
    for _ in range(limit.most - but):
        limits.take(limit, caller)


@pytest.fixture
def source() -> str:
    """The name of a source that no other test writes to."""
    return f"source-{next(_sources)}"


def show_plain_tracebacks() -> None:
    """Show failures as Python does: what structlog does by default takes two seconds for each."""
    *others, renderer = structlog.get_config()["processors"]
    if isinstance(renderer, structlog.dev.ConsoleRenderer):
        plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        structlog.configure(processors=[*others, plain])


show_plain_tracebacks()


@pytest.fixture
def logging_undone() -> Iterator[None]:
    """Logging is the process's, so a test that sets it up puts it back."""
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    structlog.reset_defaults()
    show_plain_tracebacks()
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
