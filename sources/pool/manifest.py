"""The list of what a build made, `pool.json` beside the files: which they are, of what, and by which choices.

Files that another build left in the same folder are not in it.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec

from sources.pool.published_files import FileReport, published_files

MANIFEST = "pool.json"
_KINDS = {(file.made, file.format) for file in published_files()}


class UnusableManifest(Exception):
    """A folder of which it cannot be said what was built there; the message says why."""


class Choices(msgspec.Struct, frozen=True, kw_only=True):
    """The part of France that is built. `departements`: their codes, none for all; `memory`: DuckDB's limit."""

    departements: tuple[str, ...] = ()
    with_staff: bool = True
    memory: str = "1GB"


class GivenFile(msgspec.Struct, frozen=True):
    """A published file that the pool was built from. `date`: the day on which the file was last written."""

    id: str
    name: str
    date: date
    bytes: int


class MadeFile(msgspec.Struct, frozen=True):
    """A file that was made. `format`: how `vivier import` reads it, and the source that it becomes."""

    name: str
    format: str
    rows: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """A pool as it was built."""

    choices: Choices
    sources: tuple[GivenFile, ...]
    files: tuple[MadeFile, ...]


def manifest_of(
    folder: Path, choices: Choices, given: Mapping[str, Sequence[Path]], reports: Sequence[FileReport]
) -> Manifest:
    """The list of the files that the reports say were made, which are in the folder."""
    rows: dict[str, int] = {}
    for report in reports:
        if report.made:
            rows[report.made] = rows.get(report.made, 0) + report.kept
    formats = {file.made: file.format for file in published_files()}
    made = (MadeFile(name, formats[name] or "", count, sha256_of(folder / name)) for name, count in rows.items())
    return Manifest(
        choices, tuple(_described(id_, path) for id_, paths in given.items() for path in paths), tuple(made)
    )


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the list into the folder; the same build writes the same bytes."""
    (folder / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")


def read_manifest(folder: Path) -> Manifest:
    """The list in the folder. Raises UnusableManifest where there is none, or none that a build wrote."""
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except OSError as error:
        raise UnusableManifest(f"{folder} holds no pool that vivier pool build made: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise UnusableManifest(f"{folder / MANIFEST} cannot be read: {error}") from None
    if foreign := {(file.name, file.format) for file in manifest.files} - _KINDS:
        names = ", ".join(sorted(f"{name} ({format_})" for name, format_ in foreign))
        raise UnusableManifest(f"{folder / MANIFEST} names what vivier pool build does not make: {names}")
    return manifest


def sha256_of(path: Path) -> str:
    """The digest of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _described(id_: str, path: Path) -> GivenFile:
    """A file that was given, by its name, day of change (UTC) and size in bytes."""
    state = path.stat()
    return GivenFile(id_, path.name, datetime.fromtimestamp(state.st_mtime, UTC).date(), state.st_size)
