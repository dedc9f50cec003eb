"""Indexes of the directory in a folder: one process builds them, all map them, and the next start finds them."""

import asyncio
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import domain
import matching
from db.suppliers.copy_documents import copy_documents
from matching.index import Index, LiveIndex
from matching.index_tables import TablesBuilder, load_tables, save_tables
from matching.indexed_supplier import read_document
from matching.reference import Reference

NO_UID = UUID(int=0)
_LOCK, _UNFINISHED = "lock", "unfinished-"


class WrittenIndex(NamedTuple):
    """An index in the folder, and the version of the directory that it was built from."""

    path: Path
    version: int
    uid: UUID | None
    built_at: float

    def age_seconds(self) -> float:
        """Seconds since it was built, also once another has taken its place."""
        return time.time() - self.built_at


class IndexFiles:
    """The indexes in a folder that were built by this version of the program from this reference data."""

    def __init__(self, folder: Path, reference: Reference) -> None:
        self.folder, self.reference = _usable(folder), reference
        self._prefix = _fingerprint(reference)
        with self.claimed():
            pass  # what was left unfinished is removed, as no other build may follow for long

    def newest_first(self) -> list[WrittenIndex]:
        """Those that are there."""
        found = (_read_name(path) for path in self.folder.glob(f"{self._prefix}-*"))
        return sorted((each for each in found if each), key=lambda each: -each.version)

    def load(self, written: WrittenIndex) -> LiveIndex:
        """An index, mapped. Raises OSError, EOFError, KeyError or ValueError where it is not whole, or was removed."""
        reference = self.reference
        tables = load_tables(written.path)
        base = Index(tables, reference.taxonomy, reference.cpv, reference.geography, written.path)
        return LiveIndex(base, written.version, written.uid)

    @contextmanager
    def claimed(self) -> Iterator[bool]:
        """Whether it falls to this process to build the next one; no other may as long as the block runs.

        What a process left that was ended at its work is removed.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)  # it may have been removed meanwhile
        with (self.folder / _LOCK).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                _remove(path for path in self.folder.iterdir() if path.name.startswith(_UNFINISHED))
                yield True


def build_index(reference: Reference, url: str, folder: Path) -> None:
    """Build the index of the present directory and write it to the folder of an `IndexFiles`, claimed by the caller."""
    builder = TablesBuilder(reference.taxonomy, reference.cpv, reference.geography)
    version, uid = asyncio.run(copy_documents(url, lambda document: builder.add(read_document(document))))
    path = folder / f"{_fingerprint(reference)}-{version}-{uid or NO_UID}"
    unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=folder))
    try:
        save_tables(unfinished, builder.tables())
        if path.is_dir():  # one that could not be read; where it is another user's, it can only be renamed
            path.rename(Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=folder)))
        unfinished.rename(path)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    # an earlier one may hold what was erased since; who has mapped it goes on with it
    _remove(other for other in folder.iterdir() if other != path and _is_ours(other))


def _remove(folders: Iterable[Path]) -> None:
    for each in folders:
        shutil.rmtree(each, ignore_errors=True)


def _is_ours(path: Path) -> bool:
    """Whether it is an index, of whatever version of the program, or an unfinished one: nothing else is removed."""
    return path.name.startswith(_UNFINISHED) or _read_name(path) is not None


def _read_name(path: Path) -> WrittenIndex | None:
    try:
        _, version, uid = path.name.split("-", 2)
        return WrittenIndex(path, int(version), None if UUID(uid) == NO_UID else UUID(uid), path.stat().st_mtime)
    except (ValueError, OSError):
        return None


def _usable(folder: Path) -> Path:
    """The folder, made; where it cannot be written to, one of this user among the temporary ones."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / _LOCK).touch()
    except OSError:
        folder = Path(tempfile.gettempdir()) / f"vivier-index-{os.getuid()}"
        folder.mkdir(exist_ok=True, mode=0o700)
        if folder.stat().st_uid != os.getuid():
            raise
    return folder


@cache
def _fingerprint(reference: Reference) -> str:
    """Hexadecimal digits that are others for other reference data, and for another version of the program."""
    parts = (reference.taxonomy, reference.territories, reference.cpv, reference.rules)
    digest = blake2b(" ".join(part.version for part in parts).encode(), digest_size=8)
    for room in (domain, matching):
        for path in sorted(Path(*room.__path__).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()
