"""Indexes of the directory as files in a folder: one process builds them, all map them, the next start uses them."""

import asyncio
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import msgspec

import domain
import matching
from api.runtime.processes.forked_processes import ForkedProcesses, NoProcess
from db.suppliers.feed import Pages, copy_documents, shared_snapshot
from domain.decoding.stored import known_part
from domain.suppliers.supplier import Supplier
from matching.index.live_index import Index, LiveIndex
from matching.index.supplier_columns import read_document
from matching.index.tables import IndexTables, TablesBuilder, join_tables, load_tables, save_tables
from matching.reference import Reference

NO_UID = UUID(int=0)
MOST_PARTS = 4
PAGES_OF_A_PART = 2_000
"""Of fewer, some 9,000 suppliers, a process more would take longer to start than it saves."""
SPANS = 16
FORGOTTEN_SECONDS = 7 * 24 * 3600.0
"""An index of another database goes after so long: its servers, if there are any, build it anew when they start."""
_LOCK, _UNFINISHED, _WHOLE = "lock", "unfinished-", "whole"


class WrittenIndex(NamedTuple):
    """An index in the folder, with the database and the directory version that it was built from."""

    path: Path
    database: str
    version: int
    uid: UUID | None
    built_at: float

    def age_seconds(self) -> float:
        """Seconds since this index was built, also after another has replaced it."""
        return time.time() - self.built_at


class IndexFiles:
    """The indexes in a folder that were built by this version of the program from this reference data."""

    def __init__(self, folder: Path, reference: Reference) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            (folder / _LOCK).touch()
        except OSError:  # it cannot be written to: a temporary folder of this user takes its place
            folder = Path(tempfile.gettempdir()) / f"vivier-index-{os.getuid()}"
            folder.mkdir(exist_ok=True, mode=0o700)
            if folder.stat().st_uid != os.getuid():
                raise
        self.folder, self.reference = folder, reference
        self._prefix = _fingerprint(reference)
        with self.claim_build():
            pass  # what was left unfinished is removed, as no other build may follow for long

    def newest_first(self, database: str) -> list[WrittenIndex]:
        """The indexes of a database (see `database_id`) in the folder, those of the latest version first."""
        found = (_read_name(path) for path in self.folder.glob(f"{self._prefix}-{database}-*"))
        return sorted((each for each in found if each), key=lambda each: -each.version)

    def load(self, written: WrittenIndex) -> LiveIndex:
        """Map an index into memory. Raises OSError, EOFError, KeyError or ValueError if it is incomplete or removed."""
        reference = self.reference
        tables = load_tables(written.path)
        base = Index(tables, reference.taxonomy, reference.cpv, reference.geography, written.path)
        return LiveIndex(base, written.version, written.uid)

    @contextmanager
    def claim_build(self) -> Iterator[bool]:
        """Yields whether this process may build the next index; if so, no other process may during the block.

        Removes unfinished indexes of processes that ended at their work.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)  # it may have been removed meanwhile
        with (self.folder / _LOCK).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                for path in self.folder.glob(f"{_UNFINISHED}*"):
                    shutil.rmtree(path, ignore_errors=True)
                yield True


async def build_index(reference: Reference, url: str, folder: Path, processes: ForkedProcesses | None = None) -> None:
    """Build the index of the present directory in the folder of an `IndexFiles`, whose build the caller has claimed.

    Other processes build a part each and join them; without `processes` a thread of this one does.
    """

    async def call_in_process_or_thread(work: Callable[..., None], *arguments: object) -> None:
        if processes is not None:
            with suppress(NoProcess):
                return await processes.call(work, *arguments)
        return await asyncio.to_thread(work, reference, *arguments)

    unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=folder))
    try:
        async with shared_snapshot(url) as seen:
            shares = _pages_by_process(seen.pages) if processes else [[(0, seen.pages)]]
            parts = [unfinished / str(number) for number in range(len(shares))]
            building = (
                call_in_process_or_thread(build_part, url, seen.name, pages, part)
                for pages, part in zip(shares, parts, strict=True)
            )
            # none goes on once another has failed: what they write is removed
            ended = await asyncio.gather(*building, return_exceptions=True)
        for failure in filter(None, ended):
            raise failure
        await call_in_process_or_thread(join_parts, parts, unfinished / _WHOLE)
        _publish(
            unfinished / _WHOLE,
            folder / f"{_fingerprint(reference)}-{seen.database}-{seen.version}-{seen.uid or NO_UID}",
        )
    finally:
        await asyncio.to_thread(shutil.rmtree, unfinished, ignore_errors=True)


def build_part(reference: Reference, url: str, snapshot: str, pages: Sequence[Pages], folder: Path) -> None:
    """Write the index tables of the suppliers on these database pages, as the snapshot has them, to a new folder."""
    folder.mkdir()
    save_tables(folder, _build_tables(reference, url, snapshot, pages, folder))


def join_parts(reference: Reference, parts: Sequence[Path], folder: Path) -> None:
    """Join the index tables in the folders `parts`, and write the joined tables to a new folder."""
    folder.mkdir()
    save_tables(folder, join_tables([load_tables(part) for part in parts], reference.taxonomy))


async def index_in_memory(reference: Reference, url: str) -> LiveIndex:
    """An index of the present directory in the memory of this process alone."""
    async with shared_snapshot(url) as seen:
        tables = await asyncio.to_thread(_build_tables, reference, url, seen.name, [(0, seen.pages)])
    whole = await asyncio.to_thread(join_tables, [tables], reference.taxonomy)
    return LiveIndex(Index(whole, reference.taxonomy, reference.cpv, reference.geography), seen.version, seen.uid)


def _build_tables(
    reference: Reference, url: str, snapshot: str, pages: Sequence[Pages], folder: Path | None = None
) -> IndexTables:
    """The index tables of the suppliers on these database pages. `folder`: see `TablesBuilder`."""
    builder = TablesBuilder(reference.taxonomy, reference.cpv, reference.geography, folder)

    def add_document(document: bytes) -> None:
        try:
            builder.add(read_document(document))
        except msgspec.ValidationError:  # a later release wrote it
            builder.add(read_document(known_part(document, Supplier)))

    asyncio.run(copy_documents(url, snapshot, pages, add_document))
    return builder.tables()


def _pages_by_process(pages: int) -> list[list[Pages]]:
    """The page ranges that each building process reads, of a table of so many pages.

    Each process reads ranges all over the table, as most suppliers may be in one region."""
    count = max(1, min(MOST_PARTS, os.cpu_count() or 1, pages // PAGES_OF_A_PART))
    bounds = [pages * number // (count * SPANS) for number in range(count * SPANS + 1)]
    spans = [span for span in pairwise(bounds) if span[0] < span[1]]
    return [spans[number::count] for number in range(count)]


def _publish(whole: Path, path: Path) -> None:
    """Move a built index to its path in the folder, and remove the indexes that it replaces or that are long unused.

    It replaces indexes of the same database, of whatever version of the program: one may hold what was erased since,
    and who has mapped it goes on with it. What is no index, nor an unfinished one, stays.
    """
    folder = path.parent
    if path.is_dir():  # one that could not be read; where it is another user's, it can only be renamed
        path.rename(Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=folder)))
    whole.rename(path)
    newest = _read_name(path)
    for other in folder.iterdir():
        found = _read_name(other)
        if other.name.startswith(_UNFINISHED) or (
            other != path
            and found is not None
            and (newest is None or found.database == newest.database or found.age_seconds() > FORGOTTEN_SECONDS)
        ):
            shutil.rmtree(other, ignore_errors=True)


def _read_name(path: Path) -> WrittenIndex | None:
    """The index that the name of a path describes; None where the path is no index."""
    try:
        _, database, version, uid = path.name.split("-", 3)
        found = None if UUID(uid) == NO_UID else UUID(uid)
        return WrittenIndex(path, database, int(version), found, path.stat().st_mtime)
    except (ValueError, OSError):
        return None


@cache
def _fingerprint(reference: Reference) -> str:
    """A hexadecimal digest of the versions of the reference data and of the program's source."""
    parts = (reference.taxonomy, reference.territories, reference.cpv, reference.rules)
    digest = blake2b(" ".join(part.version for part in parts).encode(), digest_size=8)
    for room in (domain, matching):
        for path in sorted(Path(*room.__path__).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()
