"""Where an embedded PostgreSQL lives, and as whom it runs."""

import hashlib
import os
import pwd
import re
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from db.embedded.supervisor import SOCKET_NAME
from domain.errors import DomainError
from domain.text.bilingual import Text

# Where root keeps data that the server's user could not reach in a home closed to others.
ROOTS_DATA = Path("/var/lib/vivier")
SERVER_USERS = ("postgres", "nobody")
# The least of what systems allow in the address of a socket.
SOCKET_PATH_BYTES = 103
# Longer or stranger names than these would need quoting that differs between PostgreSQL, its drivers and an address.
PLAIN_PATH = re.compile(r"[A-Za-z0-9/._-]+")


class UnusableHome(DomainError):
    """The folder of the embedded PostgreSQL cannot be used as it is."""


class Account(NamedTuple):
    """The user a server runs as: never root, which PostgreSQL refuses."""

    uid: int
    gid: int

    def process(self) -> dict[str, Any]:
        """Arguments of `subprocess` that make a process this user's."""
        if os.geteuid() != 0:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def give(self, path: Path) -> None:
        """Make `path` this user's."""
        if os.geteuid() == 0:
            os.chown(path, self.uid, self.gid)

    def reaches(self, folder: Path) -> bool:
        """Whether this user can enter `folder` and all that it is in (access lists are not looked at)."""
        return all(self._enters(step.stat()) for step in (folder, *folder.parents))

    def _enters(self, status: os.stat_result) -> bool:
        if self.uid in (0, status.st_uid):
            return bool(status.st_mode & stat.S_IXUSR or self.uid == 0)
        return bool(status.st_mode & (stat.S_IXGRP if self.gid == status.st_gid else stat.S_IXOTH))


class Home(NamedTuple):
    """The folder of one embedded PostgreSQL: locks, log, and a folder of data for each major version."""

    folder: Path
    account: Account
    sockets: Path

    @property
    def lock(self) -> Path:
        return self.folder / "owner.lock"

    @property
    def guests(self) -> Path:
        return self.folder / "guests.lock"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    def data(self, major: int) -> Path:
        return self.folder / str(major)

    def open_sockets(self) -> None:
        """Make the socket's folder, closed to others: who can enter it is let in without a password.

        Raises UnusableHome where it is there and is not so.
        """
        try:
            self.sockets.mkdir(mode=0o700)
            self.account.give(self.sockets)
        except FileExistsError:
            found = self.sockets.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != self.account.uid or found.st_mode & 0o077:
                raise UnusableHome(
                    Text(
                        f"{self.sockets} existe déjà et n'est pas un dossier privé de l'utilisateur de la base.",
                        f"{self.sockets} already exists and is not a private folder of the database's user.",
                    )
                ) from None

    def close_sockets(self) -> None:
        """Leave no folder behind outside the home."""
        if self.sockets.parent != self.folder:
            with suppress(OSError):
                self.sockets.rmdir()


def settle(home: Path) -> Home:
    """The place of the embedded PostgreSQL of `home`, made where it is missing.

    Run by root, whose server runs as another user, the data of a home closed to others (/root) is kept under
    /var/lib/vivier, with a link to it in the home: no permission of a folder that was already there is changed.
    Raises UnusableHome.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        folder = _folder(home)
        account = _account(folder)
        if not account.reaches(folder):
            raise UnusableHome(_unreachable(folder, account))
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            raise UnusableHome(Text(f"{folder} est à un autre utilisateur.", f"{folder} is another user's."))
        return Home(folder, account, _sockets(folder))
    except OSError as error:
        raise UnusableHome(
            Text(
                f"Le dossier {home} ne peut pas accueillir la base de données : {error}",
                f"The folder {home} cannot hold the database: {error}",
            )
        ) from error


def _folder(home: Path) -> Path:
    folder = home / "postgres"
    if os.geteuid() != 0:
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder.resolve()
    if folder.is_symlink() and not folder.exists():
        folder.unlink()
    if not folder.exists() and not _account(folder).reaches(home.resolve()):
        _link_elsewhere(folder)
    if not folder.exists():
        folder.mkdir()
        folder.chmod(0o755)
    if folder.is_symlink() and folder.resolve().parent != ROOTS_DATA:
        raise UnusableHome(
            Text(f"{folder} est un lien que Vivier n'a pas fait.", f"{folder} is a link that Vivier did not make.")
        )
    return folder.resolve()


def _link_elsewhere(folder: Path) -> None:
    ROOTS_DATA.mkdir(mode=0o755, parents=True, exist_ok=True)
    elsewhere = Path(tempfile.mkdtemp(prefix="home-", dir=ROOTS_DATA))
    elsewhere.chmod(0o755)
    try:
        folder.symlink_to(elsewhere)
    except FileExistsError:  # another process was first
        elsewhere.rmdir()


def _account(folder: Path) -> Account:
    """Us; or, for root, the owner of the data that is there, or the first of the system's users that fits."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    for data in sorted(folder.glob("[1-9]*/PG_VERSION")):
        owner = data.stat()
        if owner.st_uid != 0:
            return Account(owner.st_uid, owner.st_gid)
    for name in SERVER_USERS:
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(user.pw_uid, user.pw_gid)
    raise UnusableHome(
        Text(
            "PostgreSQL refuse de fonctionner en tant que root, et les utilisateurs postgres et nobody n'existent pas.",
            "PostgreSQL refuses to run as root, and the users postgres and nobody do not exist.",
        )
    )


def _sockets(folder: Path) -> Path:
    sockets = folder / "socket"
    if len(bytes(sockets / SOCKET_NAME)) <= SOCKET_PATH_BYTES and PLAIN_PATH.fullmatch(str(sockets)):
        return sockets
    # In a place open to all: made closed, and whose it is gets checked.
    return Path("/tmp", f"vivier-{hashlib.sha256(bytes(folder)).hexdigest()[:16]}")  # noqa: S108


def _unreachable(folder: Path, account: Account) -> Text:
    name = pwd.getpwuid(account.uid).pw_name
    return Text(
        f"L'utilisateur {name}, sous lequel PostgreSQL fonctionne, n'a pas accès à {folder}.",
        f"The user {name}, as whom PostgreSQL runs, cannot reach {folder}.",
    )
