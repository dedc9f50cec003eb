"""The folder of one embedded PostgreSQL, and the user its server runs as."""

import os
import pwd
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

# Holds the data of root's homes that the server's user could not reach.
ROOTS_DATA = Path("/var/lib/vivier")
SERVER_USERS = ("postgres", "nobody")


class EmbeddedError(Exception):
    """The embedded PostgreSQL cannot be used; the message says why, and what would help."""


class Account(NamedTuple):
    """The user a server runs as: never root, which PostgreSQL refuses."""

    uid: int
    gid: int

    def run(self, *command: str | Path) -> "subprocess.CompletedProcess[bytes]":
        """Run a program to its end as this user. Raises OSError where this user cannot run it."""
        user: dict[str, Any] = {"user": self.uid, "group": self.gid, "extra_groups": []} if os.geteuid() == 0 else {}
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, cwd="/", check=False, **user)

    def give(self, path: Path) -> None:
        """Make this user the owner of `path`."""
        if os.geteuid() == 0:
            os.chown(path, self.uid, self.gid)

    def reaches(self, folder: Path) -> bool:
        """Whether this user can enter `folder`."""
        return self.run("test", "-x", folder).returncode == 0


class Home(NamedTuple):
    """The folder of one embedded PostgreSQL (locks, log, a data folder for each major version), and its user."""

    folder: Path
    account: Account


def prepare_home(home: Path) -> Home:
    """The folder `postgres` in `home`, created where it is missing.

    For root, whose server runs as another user, the data of a home closed to others (/root) are under /var/lib/vivier,
    with a link to them in the home: the permissions of existing folders never change. Raises EmbeddedError.
    """
    folder = home / "postgres"
    try:
        home.mkdir(parents=True, exist_ok=True)
        account = _account(folder)
        if not folder.exists():
            if os.geteuid() != 0:
                folder.mkdir(mode=0o700, exist_ok=True)
            elif account.reaches(folder.parent.resolve()):
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
        if not account.reaches(folder) or not os.access(folder, os.W_OK):
            raise EmbeddedError(f"The database's user (number {account.uid}) has no access to {folder}.")
    except OSError as error:
        raise EmbeddedError(f"The folder {home} cannot hold the database: {error}") from error
    return Home(folder, account)


def _account(folder: Path) -> Account:
    """The user of this process; for root, the owner of the data in `folder`, else the first of SERVER_USERS."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    for data in sorted(folder.glob("[1-9]*/PG_VERSION")):
        return Account(data.stat().st_uid, data.stat().st_gid)
    for name in SERVER_USERS:
        with suppress(KeyError):
            user = pwd.getpwnam(name)
            return Account(user.pw_uid, user.pw_gid)
    raise EmbeddedError("PostgreSQL refuses to run as root, and the users postgres and nobody do not exist.")
