"""The database that a command works on: the one of DATABASE_URL, else the embedded one of VIVIER_HOME."""

from collections.abc import Iterator
from contextlib import contextmanager

from api.settings import Settings
from db import migrate
from db.embedded import serve as embedded


@contextmanager
def owned(settings: Settings) -> Iterator[str]:
    """The address of the database for a server, its schema up to date; the embedded one runs as long as the block."""
    if settings.database_url is not None:
        migrate.upgrade(settings.database_url)
        yield settings.database_url
        return
    with embedded.serve(settings.home, pg_bin=settings.pg_bin) as database:
        migrate.upgrade(database.url)
        yield database.url


@contextmanager
def attached(settings: Settings) -> Iterator[str]:
    """The same for a short command, which works beside a server that already runs."""
    if settings.database_url is not None:
        migrate.upgrade(settings.database_url)
        yield settings.database_url
        return
    with embedded.attach(settings.home, pg_bin=settings.pg_bin) as database:
        migrate.upgrade(database.url)
        yield database.url
