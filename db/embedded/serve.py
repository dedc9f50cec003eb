"""The embedded PostgreSQL of laptops and tests: created under a home folder, reached only by a socket.

One process owns the server of a home, and the server ends with that process. Others may use it meanwhile as guests.
Locks are POSIX record locks, which belong to one process: workers forked by the owner do not hold them.
"""

import fcntl
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from db.embedded import binaries
from db.embedded.home import EmbeddedError, prepare_home
from db.embedded.server import STOP_SECONDS, run_server

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.02
SERVER_STOP_SECONDS = 1.5
"""A server is to end within seconds, whatever was written last; a short command leaves its database in order."""


@contextmanager
def serve(
    home: Path, *, shared: bool = False, pg_bin: Path | None = None, durable: bool = True, patience: float = 10.0
) -> Iterator[str]:
    """Own the server of `home` while the block runs, and yield the SQLAlchemy address of its database.

    `shared`: be a guest where another process owns it; as owner, wait at the end of the block for guests to be done,
    who are cut off otherwise. `patience`: seconds to wait for another owner to end, or for its server to answer.
    `pg_bin`: the folder of the programs to use. `durable=False`: unsafe in a power cut. Raises EmbeddedError.
    """
    place = prepare_home(home)
    limit = time.monotonic() + patience
    with _open(place.folder / "owner.lock") as owner, _open(place.folder / "guests.lock") as guests:
        while not _lock(owner, fcntl.LOCK_EX):
            if shared and _lock(guests, fcntl.LOCK_SH) and (url := _read(owner)[1]):
                yield url
                return
            if time.monotonic() >= limit:
                raise EmbeddedError(
                    f"The database in {place.folder} is already in use by another Vivier (process {_read(owner)[0]}). "
                    "Stop it, or choose another folder with VIVIER_HOME, or another database with DATABASE_URL."
                )
            time.sleep(POLL_SECONDS)
        _write(owner, url="")
        stop_seconds = STOP_SECONDS if shared else SERVER_STOP_SECONDS
        found = binaries.find(pg_bin, place.account)
        with run_server(place, found, durable=durable, stop_seconds=stop_seconds) as url:
            _write(owner, url)
            try:
                yield url
            finally:
                try:
                    if shared and not _lock(guests, fcntl.LOCK_EX):
                        logger.warning(
                            "Other commands use this database; it stops when they are done (Ctrl-C: it stops now)."
                        )
                        fcntl.lockf(guests, fcntl.LOCK_EX)
                finally:
                    _write(owner, url="")


def _open(path: Path) -> FileIO:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+b", buffering=0)


def _lock(file: FileIO, kind: int) -> bool:
    """Lock the file for this process; False where other processes hold it."""
    try:
        fcntl.lockf(file, kind | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _write(owner: FileIO, url: str) -> None:
    """Write who owns the home and, while its server answers, at what address."""
    owner.truncate(0)
    owner.write(f"{os.getpid()}\n{url}".encode())


def _read(owner: FileIO) -> tuple[str, str]:
    """The owner's process id and its server's address; empty where they are not written yet."""
    owner.seek(0)
    pid, _, url = owner.read().decode().partition("\n")
    return pid, url
