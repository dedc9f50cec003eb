"""The database that a command works on: the one of DATABASE_URL, else the embedded one of VIVIER_HOME."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from api.journal.signing_key import journal_key
from api.settings import Settings
from db import migrate
from db.core.engine import Engine, engine
from db.embedded import serve as embedded


@contextmanager
def attached(settings: Settings, *, shared: bool = True) -> Iterator[str]:
    """The address of the database, its schema up to date; the embedded one runs at least as long as the block.

    `shared`: for a short command, which works beside a server that already runs; else for a server.
    """
    given = settings.database_url
    with nullcontext(given) if given else embedded.serve(settings.home, shared=shared, pg_bin=settings.pg_bin) as url:
        migrate.upgrade(url)
        yield url


def signing_engine(settings: Settings, url: str) -> Engine:
    """An engine for a command that writes to journals."""
    key = journal_key(settings)
    return engine(url, pool_size=0, signer=key.sign if key else None)
