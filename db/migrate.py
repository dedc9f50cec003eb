"""Migrates a database to the newest schema."""

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

import asyncpg
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from db.core.connect import connect
from db.core.engine import engine, transaction
from domain.errors import DomainError
from domain.text.bilingual import Text

LOCK_SECONDS = 3
PAUSE_SECONDS = 2.0
MIGRATIONS = Path(__file__).parent / "migrations"
BASELINE = "0041"
"""The first migration: it builds the whole schema, and databases of earlier ones were never those of a release."""
# Any number that nothing else locks; servers that start together migrate one after the other.
_LOCK = 4_830_117

logger = logging.getLogger(__name__)


class SchemaTooOld(DomainError):
    """Raised for a database from before the first migration that this program knows."""

    def __init__(self, version: str) -> None:
        super().__init__(
            Text(
                f"La base est à la migration {version} d'une version de développement : celle-ci part de la migration"
                f" {BASELINE}. Prenez une base vide et importez-y les sources à nouveau, ou migrez d'abord la base"
                f" jusqu'à {BASELINE} avec la version de développement qui l'a pour dernière.",
                f"The database is at migration {version} of a development version: this one starts at migration"
                f" {BASELINE}. Take an empty database and import the sources again, or first migrate the database to"
                f" {BASELINE} with the development version whose newest migration that is.",
            )
        )


class SchemaIncomplete(DomainError):
    """Raised for a database without some tables of the migration that it is at."""

    def __init__(self, missing: Sequence[str]) -> None:
        named = ", ".join(missing[:5]) + (f"… ({len(missing)})" if len(missing) > 5 else "")
        super().__init__(
            Text(
                f"Des tables ont été supprimées de la base : {named}. Restaurez une sauvegarde dans une base vide.",
                f"Tables were dropped from the database: {named}. Restore a backup into an empty database.",
            )
        )


def upgrade(url: str) -> None:
    """Apply the missing migrations in one transaction: all or none.

    Safe to call from several processes at once, and beside servers at work, which wait for at most `LOCK_SECONDS` at
    a time, whatever holds their tables. A schema that a later version of the program has migrated is left as it is.
    Runs an event loop of its own: from a coroutine, call it in a thread. Raises SchemaTooOld or SchemaIncomplete, and
    changes nothing.
    """
    asyncio.run(_upgrade(url))


def head() -> str:
    """The number of the newest migration of this program, from the names of the files."""
    return max(path.name for path in (MIGRATIONS / "versions").glob("*_*.py")).partition("_")[0]


async def _upgrade(url: str) -> None:
    while (applied := await _applied(url)) is None or applied < head():
        if applied is not None and applied < BASELINE:
            raise SchemaTooOld(applied)
        try:
            async with transaction(engine(url, pool_size=0)) as connection:
                await connection.run_sync(_upgrade_connected)
        except DBAPIError as failure:
            if getattr(failure.orig, "sqlstate", None) != asyncpg.LockNotAvailableError.sqlstate:
                raise
            logger.warning("the tables to be migrated are in use; trying again in %.0f s", PAUSE_SECONDS)
            await asyncio.sleep(PAUSE_SECONDS)


async def _applied(url: str) -> str | None:
    """The migration that the database's schema is at; None: it is empty."""
    from db.schema import campaign_tables, organisation_tables, supplier_tables  # noqa: F401, PLC0415 - all tables

    tables = {"alembic_version", *supplier_tables.metadata.tables}
    connection = await connect(url)
    try:
        lacking = "SELECT name FROM unnest($1::text[]) AS name WHERE to_regclass(name) IS NULL ORDER BY name"
        missing = [each["name"] for each in await connection.fetch(lacking, tables)]
        if len(missing) == len(tables):
            return None
        if "alembic_version" in missing:
            raise SchemaIncomplete(missing)
        applied: str = await connection.fetchval("SELECT version_num FROM alembic_version")
        if missing and applied == head():
            raise SchemaIncomplete(missing)
        return applied
    finally:
        await connection.close()


def _upgrade_connected(connection: Connection) -> None:
    # most starts find the newest schema: they are spared the time that this library takes to load
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    # whoever comes after a migration that waits for a table waits for it too
    connection.execute(text(f"SET LOCAL lock_timeout TO {1_000 * LOCK_SECONDS:.0f}"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
