"""Databases for the tests of this room: most share one, which is emptied after each of them."""

from collections.abc import AsyncIterator
from importlib import import_module

import pytest

from db.core import engine as database
from db.schema.supplier_tables import metadata
from tests import conftest
from tests.conftest import ROOT, new_database_url

SINGLETONS = {"directory_version", "suppression_key"}
for module in (ROOT / "db" / "schema").glob("*_tables.py"):
    import_module(f"db.schema.{module.stem}")
# as a replica does, without triggers: the journal refuses deletions
EMPTY = [
    "SET LOCAL session_replication_role = replica",
    *(f"DELETE FROM {name}" for name in metadata.tables if name not in SINGLETONS),
    "UPDATE directory_version SET version = 0",
    "ALTER SEQUENCE change_set_ids RESTART",
]


async def empty(engine: database.Engine) -> None:
    """Leave nothing of what was written."""
    async with engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        await driver.execute("; ".join(EMPTY))  # one request (5 ms; one for each takes 90), and so one transaction


shared_url = pytest.fixture(new_database_url, scope="session")
"""The address of the database that tests share."""


@pytest.fixture(scope="session")
async def shared_engine(shared_url: str) -> AsyncIterator[database.Engine]:
    """An engine on the database that tests share."""
    engine = database.engine(shared_url, pool_size=5)
    yield engine
    await engine.dispose()


@pytest.fixture
async def database_url(shared_url: str, shared_engine: database.Engine) -> AsyncIterator[str]:
    """The address of the shared database, which is empty."""
    yield shared_url
    await empty(shared_engine)


@pytest.fixture
def engine(database_url: str, shared_engine: database.Engine) -> database.Engine:
    """An engine on the shared database, which is empty."""
    return shared_engine


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
