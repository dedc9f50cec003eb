"""The database that a command works on: the one of DATABASE_URL, else the embedded one of VIVIER_HOME."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from api.settings import Settings
from db.embedded import serve as embedded


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
    """As `attached`, whatever its schema."""
    given = settings.database_url
    with nullcontext(given) if given else embedded.serve(settings.home, shared=shared, pg_bin=settings.pg_bin) as url:
        yield url


def bring_up_to_date(url: str) -> None:
    """Apply the migrations that the schema lacks."""
    # not before: a server starts its database first, and loads meanwhile what this needs
    from db import migrate  # noqa: PLC0415

    migrate.upgrade(url)
