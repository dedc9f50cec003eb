"""The database that a command works on: the one of DATABASE_URL, else the embedded one of VIVIER_HOME."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime
from typing import TYPE_CHECKING

from api.settings import Settings
from db.embedded import serve as embedded
from domain.audit import Actor
from domain.organisation import DEFAULT_ORGANISATION

if TYPE_CHECKING:
    from db.core.engine import Engine

# What works with a database is imported where it does: a server starts its database first, and loads that meanwhile.


def migrate(_: argparse.Namespace, settings: Settings) -> int:
    """Apply the missing migrations, if any, and print the newest."""
    from db.migrate import head  # noqa: PLC0415

    with attached(settings):
        sys.stdout.write(f"The database is up to date (migration {head()}).\n")
    return 0


@contextmanager
def attached(settings: Settings, *, shared: bool = True) -> Iterator[str]:
    """The address of the database, its schema up to date; the embedded one runs at least as long as the block.

    `shared`: for a short command, which works beside a server that already runs; else for a server.
    """
    with started(settings, shared=shared) as url:
        bring_up_to_date(url)
        yield url


@contextmanager
def started(settings: Settings, *, shared: bool) -> Iterator[str]:
    """The address of the database, whatever its schema; see `attached`."""
    given = settings.database_url
    with nullcontext(given) if given else embedded.serve(settings.home, shared=shared, pg_bin=settings.pg_bin) as url:
        yield url


def bring_up_to_date(url: str) -> None:
    """Apply the migrations that the schema lacks."""
    from db.migrate import upgrade  # noqa: PLC0415

    upgrade(url)


def signing_engine(settings: Settings, url: str, pool_size: int = 0) -> "Engine":
    """An engine for a command that writes to journals, which are signed; `pool_size`: see `db.core.engine.engine`."""
    from api.journal.signing_key import journal_key  # noqa: PLC0415
    from db.core.engine import engine  # noqa: PLC0415

    key = journal_key(settings)
    return engine(url, pool_size, signer=key.sign if key else None)


async def operator(database: "Engine", now: datetime) -> Actor:
    """The command line as the author of what all organisations share, in the journal of the organisation `default`."""
    from db.api_keys import ensure_organisation  # noqa: PLC0415
    from db.core.engine import transaction  # noqa: PLC0415

    async with transaction(database) as connection:
        return Actor(await ensure_organisation(connection, DEFAULT_ORGANISATION, now), "command")
