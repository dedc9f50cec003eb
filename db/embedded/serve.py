"""The private PostgreSQL of a laptop and of the tests: found or made under a home folder, reached by a socket alone.

One process owns the server of a home, and the server ends with it, however it ends. Others may be its guests.
"""

import fcntl
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from db.embedded import binaries as postgres_binaries
from db.embedded import liveness_fd
from db.embedded import server as postgres_server
from db.embedded.home import Home, settle
from domain.errors import DomainError
from domain.text.bilingual import Text

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.02


class HomeInUse(DomainError):
    """Another living process owns the home's database, and goes on owning it."""


class Database(NamedTuple):
    """A database that answers: its SQLAlchemy address, and whether its server ends with us or is another process's."""

    url: str
    owned: bool


@contextmanager
def serve(
    home: Path, *, pg_bin: Path | None = None, durable: bool = True, patience: float = 10.0
) -> Iterator[Database]:
    """Own the server of `home` while the block runs.

    For `patience` seconds, waits for a short command that owns it to be done; then raises HomeInUse. Guests that are
    still there at the end are cut off. `pg_bin`: the folder with the programs to use, instead of those found.
    `durable=False` gives up safety against a power cut, for databases that are thrown away.
    Raises UnusableHome, NoPostgres or StartFailed where there can be no server.
    """
    place = settle(home)
    limit = time.monotonic() + patience
    while (lock := _locked(place.lock, fcntl.LOCK_EX)) is None:
        _wait_until(limit, place)
    with _owned(place, lock, pg_bin, durable=durable, outlast_guests=False) as database:
        yield database


@contextmanager
def attach(home: Path, *, pg_bin: Path | None = None, patience: float = 10.0) -> Iterator[Database]:
    """Use the server of `home` while the block runs: as a guest of the process that owns it, else as its owner.

    An owner of this kind waits at the end of the block for its own guests to be done. Raises as `serve` does; HomeInUse
    when the owner's server does not answer within `patience` seconds.
    """
    place = settle(home)
    limit = time.monotonic() + patience
    while True:
        if (lock := _locked(place.lock, fcntl.LOCK_EX)) is not None:
            with _owned(place, lock, pg_bin, durable=True, outlast_guests=True) as database:
                yield database
            return
        if (invitation := _locked(place.guests, fcntl.LOCK_SH)) is not None:
            try:
                _, url = _owner(place)
                if url:
                    yield Database(url, owned=False)
                    return
            finally:
                liveness_fd.close(invitation)
        _wait_until(limit, place)


@contextmanager
def _owned(place: Home, lock: int, pg_bin: Path | None, *, durable: bool, outlast_guests: bool) -> Iterator[Database]:
    try:
        _publish(lock, url="")
        binaries = postgres_binaries.find(pg_bin, place.account)
        server = postgres_server.start(place, binaries, durable)
        try:
            _publish(lock, server.url)
            yield Database(server.url, owned=True)
        finally:
            if liveness_fd.kept(lock):  # not in a forked child
                _end(place, lock, server, outlast_guests)
    finally:
        liveness_fd.close(lock)


def _end(place: Home, lock: int, server: postgres_server.Server, outlast_guests: bool) -> None:
    guests = os.open(place.guests, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(guests, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if outlast_guests:
            logger.warning("Other commands use this database; it stops when they are done (Ctrl-C: it stops now).")
            fcntl.flock(guests, fcntl.LOCK_EX)
    finally:
        _publish(lock, url="")
        postgres_server.stop(server)
        os.close(guests)


def _locked(path: Path, kind: int) -> int | None:
    """A descriptor that holds the lock; None if others hold it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return liveness_fd.keep(descriptor)


def _publish(lock: int, url: str) -> None:
    """Say in the lock's file who owns the home and, while its server answers, at what address."""
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n{url}".encode(), 0)


def _owner(place: Home) -> tuple[str, str]:
    """The owner's process id, and its server's address; empty where not said, or not yet."""
    pid, _, url = place.lock.read_text().partition("\n")
    return pid, url


def _wait_until(limit: float, place: Home) -> None:
    if time.monotonic() < limit:
        time.sleep(POLL_SECONDS)
        return
    pid, _ = _owner(place)
    raise HomeInUse(
        Text(
            f"La base de données de {place.folder} est déjà utilisée par un autre Vivier (processus {pid}). "
            "Arrêtez-le, ou choisissez un autre dossier avec VIVIER_HOME, ou une autre base avec DATABASE_URL.",
            f"The database in {place.folder} is already in use by another Vivier (process {pid}). Stop it, or choose "
            "another folder with VIVIER_HOME, or another database with DATABASE_URL.",
        )
    )
