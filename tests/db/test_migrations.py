"""The schema that the migrations build."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import nullcontext
from hashlib import sha256

import asyncpg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError

import db.schema.campaign_tables
import db.schema.organisation_tables
import db.schema.supplier_tables  # noqa: F401 - the metadata knows the tables of modules that were imported
from db import migrate
from db.core import engine as database
from db.core.connect import log_fields
from db.core.engine import Engine, transaction
from db.schema.supplier_tables import metadata
from tests.conftest import new_name, sibling
from tests.db.suppliers.samples import execute


def test_there_is_one_head() -> None:
    """Two builders who add a migration at the same time must notice."""
    assert ScriptDirectory(str(migrate.MIGRATIONS)).get_heads() == [migrate.head()]


async def test_the_migrations_build_what_the_queries_see(engine: Engine) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with transaction(engine) as connection:
        assert await connection.run_sync(differences) == []


async def test_upgrading_twice_at_once_is_safe(own_engine: Engine, own_database_url: str) -> None:
    """Servers that start together all migrate."""
    await asyncio.gather(*(asyncio.to_thread(migrate.upgrade, own_database_url) for _ in range(2)))
    async with transaction(own_engine) as connection:
        current = await connection.run_sync(lambda it: MigrationContext.configure(it).get_current_revision())
    assert current == migrate.head()


_SCHEMA = text("""
    SELECT description FROM (
        SELECT format(
            'column %s.%s %s %s %s %s', relname, attname, format_type(atttypid, atttypmod), attnotnull,
            attgenerated::text, pg_get_expr(adbin, adrelid)
        )
        FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
        LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped
        UNION ALL
        SELECT format('table %s %s %s %s', relname, relkind::text, relpersistence::text, reloptions)
        FROM pg_class WHERE relnamespace = 'public'::regnamespace
        UNION ALL
        SELECT format('constraint %s %s', conname, pg_get_constraintdef(oid))
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
        UNION ALL
        SELECT format('index %s', indexdef) FROM pg_indexes WHERE schemaname = 'public'
        UNION ALL
        SELECT format('trigger %s', pg_get_triggerdef(oid)) FROM pg_trigger WHERE NOT tgisinternal
        UNION ALL
        SELECT format('function %s', regexp_replace(pg_get_functiondef(oid), '^ +', '', 'gn'))
        FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    ) AS described (description) ORDER BY description COLLATE "C"
""")


def migrate_to(connection: Connection, version: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(migrate.MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, version)


@pytest.fixture
async def empty(server_url: str, administrator: "asyncpg.Connection[asyncpg.Record]") -> AsyncIterator[Engine]:
    """An engine on a database without tables."""
    name = new_name()
    await administrator.execute(f"CREATE DATABASE {name}")
    attached = database.engine(sibling(server_url, name), pool_size=0)
    yield attached
    await attached.dispose()
    await administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def test_the_first_migration_builds_the_schema_of_databases_that_are_at_it(empty: Engine) -> None:
    """Those to release 1.0.0, which it stands for, built this one: a database of that release goes on with the next."""
    async with transaction(empty) as connection:
        await connection.run_sync(migrate_to, migrate.BASELINE)
        described = "\n".join((await connection.scalars(_SCHEMA)).all())
    assert sha256(described.encode()).hexdigest() == "5d71b6b7626630631921e6b7d45f3db864ecb656a5522e5f89396a8a277ab3b7"


async def test_a_schema_of_before_the_first_migration_is_refused_and_one_of_a_later_version_left_as_it_is(
    own_engine: Engine, own_database_url: str
) -> None:
    """A server of the version before may be restarted beside the new ones."""
    for version in ("0001", "0040", "9999"):
        await execute(own_engine, f"UPDATE alembic_version SET version_num = '{version}'")
        refused = pytest.raises(migrate.SchemaTooOld, match=f"at migration {version} .* Take an empty database")
        with refused if version < migrate.BASELINE else nullcontext():
            await asyncio.to_thread(migrate.upgrade, own_database_url)
    assert await execute(own_engine, "SELECT version_num FROM alembic_version") == [("9999",)]


async def test_a_schema_that_lost_tables_is_refused_in_one_sentence(own_engine: Engine, own_database_url: str) -> None:
    for dropped, named in (("needs", "needs"), ("alembic_version", "alembic_version, needs")):
        await execute(own_engine, f"DROP TABLE {dropped} CASCADE")
        with pytest.raises(migrate.SchemaIncomplete, match=f"dropped from the database: {named}. Restore a backup"):
            await asyncio.to_thread(migrate.upgrade, own_database_url)
    with pytest.raises(ProgrammingError) as failed:
        await execute(own_engine, "SELECT FROM needs")
    assert str(log_fields(failed.value)["failure"]).endswith('relation "needs" does not exist')


_COLUMNS = text("""
    SELECT table_name, column_name, is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO'
    FROM information_schema.columns WHERE table_schema = 'public'
""")


def _asked_of_earlier_servers(connection: Connection) -> set[tuple[str, str]]:
    """Columns that servers of an earlier version do not know and would have to give, or know and would miss."""
    found: set[tuple[str, str]] = set()
    before: dict[tuple[str, str], bool] = {}
    for path in sorted((migrate.MIGRATIONS / "versions").glob("*_*.py")):
        migrate_to(connection, path.name.partition("_")[0])
        after = {(table, column): is_due for table, column, is_due in connection.execute(_COLUMNS)}
        tables = {table for table, _ in before}
        found |= {each for each in after.keys() - before.keys() if each[0] in tables} | (before.keys() - after.keys())
        before = after
    return {each for each in found if before.get(each, True)}


async def test_servers_of_an_earlier_version_go_on_beside_a_migrated_schema(empty: Engine) -> None:
    """The first new server migrates under the old ones: what is added may be left out, and nothing they use goes.

    What goes a release after nothing uses it any more is named here.
    """
    async with transaction(empty) as connection:
        assert await connection.run_sync(_asked_of_earlier_servers) == set()


async def test_tables_in_use_are_waited_for_outside_the_queue(
    own_engine: Engine, own_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A migration behind a long import would make everybody else wait for that too."""
    monkeypatch.setattr(migrate, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(migrate, "LOCK_SECONDS", 0.05)
    attempts = asyncio.Event()
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(migrate.logger, "warning", lambda *_: loop.call_soon_threadsafe(attempts.set))
    await execute(own_engine, "ALTER TABLE declarations DROP COLUMN others")  # of 0044
    await execute(own_engine, "UPDATE alembic_version SET version_num = '0043'")
    async with asyncio.timeout(60):
        async with transaction(own_engine) as connection:
            await connection.execute(text("LOCK TABLE declarations IN ROW EXCLUSIVE MODE"))
            upgrading = asyncio.create_task(asyncio.to_thread(migrate.upgrade, own_database_url))
            await attempts.wait()
        await upgrading
