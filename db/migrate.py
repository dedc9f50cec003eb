"""Migrates a database to the newest schema."""

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from db.core.engine import engine, transaction

MIGRATIONS = Path(__file__).parent / "migrations"
# Any number that nothing else locks; servers that start together migrate one after the other.
_LOCK = 4_830_117


def upgrade(url: str) -> None:
    """Apply the missing migrations in one transaction: all or none. Safe to call from several processes at once.

    Runs an event loop of its own: from a coroutine, call it in a thread.
    """
    asyncio.run(_upgrade(url))


def head() -> str:
    """The newest migration of this program."""
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    assert newest is not None  # noqa: S101 - there is a first migration
    return newest


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


async def _upgrade(url: str) -> None:
    async with transaction(engine(url, pool_size=0)) as connection:
        await connection.run_sync(_upgrade_connected)


def _upgrade_connected(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
