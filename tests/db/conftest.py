"""Databases for the tests of this room: most share one, which is emptied after each of them."""

from collections.abc import AsyncIterator

import pytest

from db.core import engine as database
from tests import conftest

database_url, engine = conftest.emptied_database_url, conftest.engine_on_emptied
own_database_url = conftest.database_url
"""The address of an empty database that no other test uses."""


@pytest.fixture
async def own_engine(own_database_url: str) -> AsyncIterator[database.Engine]:
    """An engine on that database."""
    engine = database.engine(own_database_url, pool_size=5)
    yield engine
    await engine.dispose()


@pytest.fixture
async def connection(shared_engine: database.Engine) -> AsyncIterator[database.Connection]:
    """A transaction on the shared database, which is rolled back at the end of the test."""
    async with shared_engine.connect() as connection:
        yield connection
