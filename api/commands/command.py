"""The failure and exit status of a command, and its database: that of DATABASE_URL, else the embedded one.

With the commands that do little: the migrations, the rules of law that are due, the OpenAPI document.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from api.settings import BadSetting, Settings
from db.embedded import serve as embedded
from db.embedded.home import EmbeddedError
from domain.errors import DomainError
from domain.journal import Actor
from domain.organisation import DEFAULT_ORGANISATION, Organisation

if TYPE_CHECKING:
    from db.core.engine import Connection, Engine

T = TypeVar("T")

FAILED = 1
USAGE = 2
INTERRUPTED = 130
ORDERLY = (0, FAILED, USAGE, INTERRUPTED)
"""The exit statuses of a command that was not ended by a crash."""


class CommandFailed(Exception):
    """A command failed: the message is for the person who typed it, `status` is its exit status."""

    def __init__(self, message: str, status: int = FAILED) -> None:
        super().__init__(message)
        self.status = status


def status_of(command: Callable[[], int]) -> int:
    """Run a command; returns its exit status. Prints an expected failure on standard error, raises any other one."""
    try:
        status = command()
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # whoever read us has seen enough; the interpreter would complain once more when it flushes
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as failure:
        from db.core.connect import is_unreachable, refusal  # noqa: PLC0415 - most commands never come here

        if isinstance(failure, CommandFailed | BadSetting | DomainError | EmbeddedError):
            message = str(failure)
        elif (said := refusal(failure)) is not None:
            message = f"the database refused the connection: {said}"
        elif is_unreachable(failure):
            message = f"the database cannot be reached; check DATABASE_URL ({type(failure).__name__}: {failure})"
        else:
            raise
        with suppress(BrokenPipeError):
            sys.stderr.write(f"vivier: {message}\n")
        if isinstance(failure, BadSetting):
            return USAGE
        return failure.status if isinstance(failure, CommandFailed) else FAILED
    return status


# What works with a database is imported where it does: a server starts its database first, and loads that meanwhile.


def migrate(_: argparse.Namespace, settings: Settings) -> int:
    """Apply the missing migrations, if any, and print the newest."""
    from db.migrate import head  # noqa: PLC0415

    with attached_database(settings):
        sys.stdout.write(f"The database is up to date (migration {head()}).\n")
    return 0


def print_openapi(_: argparse.Namespace, __: Settings) -> int:
    """Print the OpenAPI document of the whole application."""
    from api.app import ROUTES  # noqa: PLC0415 - all modules of a server
    from api.web.openapi import encode_document  # noqa: PLC0415

    sys.stdout.buffer.write(encode_document(handler.opt["route"] for handler in ROUTES))
    return 0


@contextmanager
def attached_database(settings: Settings) -> Iterator[str]:
    """Yields the address of the database, its schema up to date; an embedded one may be shared with a server."""
    from db.migrate import upgrade  # noqa: PLC0415

    with started_database(settings, for_server=False) as url:
        upgrade(url)
        yield url


@contextmanager
def started_database(settings: Settings, *, for_server: bool) -> Iterator[str]:
    """Yields the address of the database, its schema unchecked; `for_server`: an embedded one may not be shared."""
    given, shared = settings.database_url, not for_server
    with nullcontext(given) if given else embedded.serve(settings.home, shared=shared, pg_bin=settings.pg_bin) as url:
        yield url


def signing_engine(settings: Settings, url: str, pool_size: int = 0) -> "Engine":
    """A database engine that signs the journal entries it writes; `pool_size`: see `db.core.engine.engine`."""
    from api.journal.signing_key import journal_key  # noqa: PLC0415
    from db.core.engine import engine  # noqa: PLC0415

    key = journal_key(settings)
    return engine(url, pool_size, signer=key.sign if key else None)


def run_in_transaction(settings: Settings, work: Callable[["Connection"], Awaitable[T]]) -> T:
    """Run `work` in a transaction of its own, and return its result once committed; entries in journals are signed."""
    from db.core.engine import transaction  # noqa: PLC0415

    async def commit_work(database: "Engine") -> T:
        async with transaction(database) as connection:
            return await work(connection)

    with attached_database(settings) as url:
        return asyncio.run(commit_work(signing_engine(settings, url)))


async def own_organisation(connection: "Connection", name: str) -> Organisation:
    """The organisation with this name or id. Raises CommandFailed."""
    from db.api_keys import find_by_name_or_id  # noqa: PLC0415

    found = await find_by_name_or_id(connection, name)
    if found is None:
        raise CommandFailed(f"there is no organisation {name[:100]}")
    return found


async def command_line_actor(database: "Engine", now: datetime) -> Actor:
    """The command line as an actor, in the journal of the organisation `default`, for changes to shared data."""
    from db.api_keys import ensure_organisation  # noqa: PLC0415
    from db.core.engine import transaction  # noqa: PLC0415

    async with transaction(database) as connection:
        return Actor(await ensure_organisation(connection, DEFAULT_ORGANISATION, now), "command")
