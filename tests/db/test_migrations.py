"""The schema that the migrations build."""

import asyncio

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

import db.schema.exchange_tables
import db.schema.meeting_tables
import db.schema.need_tables
import db.schema.person_tables
import db.schema.webhook_tables  # noqa: F401 - the metadata knows the tables of modules that were imported
from db import migrate
from db.core.engine import Engine, transaction
from db.schema.supplier_tables import metadata


def test_there_is_one_head() -> None:
    """Two builders who add a migration at the same time must notice."""
    assert ScriptDirectory(str(migrate.MIGRATIONS)).get_heads() == [migrate.head()]


async def test_the_migrations_build_what_the_queries_see(engine: Engine) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with transaction(engine) as connection:
        assert await connection.run_sync(differences) == []


async def test_upgrading_twice_at_once_is_safe(engine: Engine, database_url: str) -> None:
    """Servers that start together all migrate."""
    await asyncio.gather(*(asyncio.to_thread(migrate.upgrade, database_url) for _ in range(2)))
    async with transaction(engine) as connection:
        current = await connection.run_sync(lambda it: MigrationContext.configure(it).get_current_revision())
    assert current == migrate.head()
