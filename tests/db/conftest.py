"""A database that stays empty, for tests of what one transaction does."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from db.core import engine as database
from tests.conftest import copied


@pytest.fixture(scope="session")
async def empty_database(
    server_url: str, administrator: "asyncpg.Connection[asyncpg.Record]", template: str
) -> AsyncIterator[database.Engine]:
    """An engine on a migrated database to which nobody commits anything."""
    async with copied(server_url, administrator, template) as url:
        engine = database.engine(url, pool_size=1)
        yield engine
        await engine.dispose()


@pytest.fixture
async def connection(empty_database: database.Engine) -> AsyncIterator[database.Connection]:
    """A transaction that is rolled back at the end of the test."""
    async with empty_database.connect() as connection:
        yield connection
