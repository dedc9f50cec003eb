"""The application without a database, and what its tests share."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from api.app import create_app
from api.settings import Settings, read_settings
from matching.engine import Reference, load_reference

ADMIN_KEY = "the-administrators-key"


@pytest.fixture(scope="session")
def reference() -> Reference:
    """All reference data, loaded once."""
    return load_reference()


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
