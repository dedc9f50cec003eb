"""The database that a command works on: the one of DATABASE_URL, else the embedded one of VIVIER_HOME."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from api.settings import Settings
from db import migrate
from db.embedded import serve as embedded


def owned(settings: Settings) -> AbstractContextManager[str]:
    """The address of a server's database, its schema up to date; the embedded one runs as long as the block."""
    return _database(settings, shared=False)


def attached(settings: Settings) -> AbstractContextManager[str]:
    """The same for a short command, which works beside a server that already runs."""
    return _database(settings, shared=True)


@contextmanager
def _database(settings: Settings, *, shared: bool) -> Iterator[str]:
    if settings.database_url is not None:
        migrate.upgrade(settings.database_url)
        yield settings.database_url
        return
    with embedded.serve(settings.home, shared=shared, pg_bin=settings.pg_bin) as url:
        migrate.upgrade(url)
        yield url
