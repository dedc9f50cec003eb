"""`vivier pool update`: each file of a pool that was built, imported as a snapshot; what did not change is skipped."""

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from uuid import UUID

import msgspec

from api.commands.console import console
from api.commands.database import attached
from api.commands.errors import USAGE, CommandFailed
from api.commands.imports import import_and_report, importer
from api.settings import Settings
from db.core.engine import engine, transaction
from db.suppliers.sources import last_imports
from domain.reference import taxonomy
from domain.suppliers.source import Import
from domain.text.typography import PARIS
from sources.file_reader import CHECKED, are_kept, kept_beside, origin_of, reader_of
from sources.pool.manifest import MadeFile, UnusableManifest, read_manifest, sha256_of

IMPORTED = "imported.json"


class ImportedFile(msgspec.Struct, frozen=True):
    """A file of the folder as it was last imported. `reader`: the program and taxonomy that read it."""

    name: str
    sha256: str
    reader: str
    import_id: UUID
    at: datetime


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Import each file that the pool's list names and that changed since it was last imported from this folder.

    A source that an earlier pool of this folder filled, and that the list does not name any more, is only told of.
    """
    folder: Path = options.folder
    try:
        files = read_manifest(folder).files
    except UnusableManifest as unusable:
        raise CommandFailed(str(unusable), USAGE) from None
    for file in files:
        _check(folder, file)
    known = _read_known(folder)
    reader = reader_of(taxonomy.load())
    if changed := _changed(options, settings, files, known, reader):
        with importer(settings) as ready:
            for file in changed:
                path, media_type = _to_read(folder / file.name, file, reader)
                order = {"source": file.format, "file": str(path), "format": file.format}
                chosen = argparse.Namespace(**vars(options) | order, mode="snapshot")
                done = import_and_report(chosen, nullcontext(ready), media_type)
                if not options.dry_run:
                    known[file.format] = _imported(file, reader, done)
                    _write_known(folder, known)
    for source in sorted(known.keys() - {file.format for file in files}):
        message = f"{known[source].name} is no part of this pool any more: the records of the source stay as they are"
        _tell(options, source, message)
    return 0


def _to_read(path: Path, file: MadeFile, reader: str) -> tuple[Path, str | None]:
    """The rows that the build kept of the file and their media type, else the file."""
    origin = origin_of(file.format, file.sha256, reader, datetime.now(PARIS).date())
    return (kept_beside(path), CHECKED) if origin and are_kept(path, origin) else (path, None)


def _changed(
    options: argparse.Namespace,
    settings: Settings,
    files: Sequence[MadeFile],
    known: Mapping[str, ImportedFile],
    reader: str,
) -> list[MadeFile]:
    """The files to import; each of the others is told of."""
    changed = []
    current = _last_imports(settings, tuple(known))
    for file in files:
        before = known.get(file.format)
        if before is not None and not options.again and _is_current(before, file, reader, current.get(file.format)):
            _tell(options, file.format, f"{file.name} did not change since it was imported on {before.at:%Y-%m-%d}")
        else:
            changed.append(file)
    return changed


def _is_current(before: ImportedFile, file: MadeFile, reader: str, last: UUID | None) -> bool:
    """Whether the database holds just this file: its import is still the last one of the source there."""
    return (before.sha256, before.reader, before.import_id) == (file.sha256, reader, last)


def _imported(file: MadeFile, reader: str, done: Import) -> ImportedFile:
    return ImportedFile(file.name, file.sha256, reader, done.id, done.finished_at or done.started_at)


def _check(folder: Path, file: MadeFile) -> None:
    """Raise CommandFailed for a file that is not the one that was built."""
    path = folder / file.name
    try:
        is_same = sha256_of(path) == file.sha256
    except OSError as error:
        raise CommandFailed(f"cannot read {path}: {error.strerror}") from None
    if not is_same:
        raise CommandFailed(f"{path} is not what vivier pool build made: build the pool again")


def _read_known(folder: Path) -> dict[str, ImportedFile]:
    """The last import of each source from this folder; none where it cannot be read, and all is imported again."""
    try:
        return msgspec.json.decode((folder / IMPORTED).read_bytes(), type=dict[str, ImportedFile])
    except (FileNotFoundError, msgspec.DecodeError):
        return {}


def _write_known(folder: Path, known: Mapping[str, ImportedFile]) -> None:
    part = folder / f".{IMPORTED}"
    try:
        part.write_bytes(msgspec.json.format(msgspec.json.encode(known)) + b"\n")
        part.replace(folder / IMPORTED)
    except OSError as error:
        raise CommandFailed(f"imported, but cannot note it in {folder / IMPORTED}: {error.strerror}") from None


def _last_imports(settings: Settings, names: Sequence[str]) -> Mapping[str, UUID]:
    """The last import that was done of each of the sources in the database."""

    async def ask(url: str) -> Mapping[str, UUID]:
        database = engine(url, pool_size=1)
        try:
            async with transaction(database) as connection:
                return await last_imports(connection, names)
        finally:
            await database.dispose()

    if not names:
        return {}
    with attached(settings) as url:
        return asyncio.run(ask(url))


def _tell(options: argparse.Namespace, source: str, message: str) -> None:
    if options.json:
        sys.stdout.buffer.write(msgspec.json.encode({"source": source, "skipped": message}) + b"\n")
    else:
        console().print(f"{source}: {message}", soft_wrap=True)
