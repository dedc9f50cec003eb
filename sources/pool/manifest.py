"""The bulk files that the pool is built from, and the manifest of the files that a build made of them.

`published_files.toml` says where each is published, under which licence and what is read of it. `pool.json` stands
beside the files that were made: which they are, of what, and by which choices. What another build left is not in it.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path

import msgspec


class Layout(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The columns, in order, of a table without header; its first line, which `begins` so, is no row."""

    begins: str
    columns: tuple[str, ...]


class PublishedFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A bulk file as its publisher offers it, and what the pool reads of it.

    `required`, `optional`: columns of a table; a column written `A|B` has one of these names in the file, and the first
    one in what is made of it. `fields`: members of JSON with their types; some object has each that is `required`.
    `made`: the name of the file that is made of it, `format`: how `vivier import` reads that. `catalogue`: the address
    of what the publisher says of the file, its checksum among it; None where the file is not to be fetched by a
    program.
    """

    id: str
    option: str
    name: str
    publisher: str
    address: str
    licence: str
    rhythm: str
    credit: str
    catalogue: str | None = None
    format: str | None = None
    made: str | None = None
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    layout: Layout | None = None
    fields: dict[str, str] = {}


class FileReport(msgspec.Struct, frozen=True):
    """The numbers of rows of a published file (read, unreadable, kept), and of legal units that those kept are about.

    `made`: the name of the file that the rows kept are in; None where they serve only to choose others.
    """

    id: str
    read: int
    unreadable: int
    kept: int
    suppliers: int | None
    made: str | None


@cache
def published_files() -> tuple[PublishedFile, ...]:
    """The entries of `published_files.toml`, in its order."""
    content = (files("sources.pool") / "published_files.toml").read_bytes()
    return msgspec.toml.decode(content, type=dict[str, tuple[PublishedFile, ...]])["file"]


MANIFEST = "pool.json"
_KINDS = {(file.made, file.format) for file in published_files()}


class UnusableManifest(Exception):
    """Raised for a folder whose manifest is missing or unreadable; the message says why."""


class Choices(msgspec.Struct, frozen=True, kw_only=True):
    """The options of a build. `departements`: codes of those built, none for all; `memory`: DuckDB's limit."""

    departements: tuple[str, ...] = ()
    with_staff: bool = True
    memory: str = "1GB"


class GivenFile(msgspec.Struct, frozen=True):
    """A published file that the pool was built from. `date`: the day on which the file was last written (UTC)."""

    id: str
    name: str
    date: date
    bytes: int


class MadeFile(msgspec.Struct, frozen=True):
    """A file that a build made; `format` names the format and the source that `vivier import` reads it as."""

    name: str
    format: str
    rows: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """The manifest of a built pool: options of the build, files it was built from, files that were made."""

    choices: Choices
    sources: tuple[GivenFile, ...]
    files: tuple[MadeFile, ...]


def manifest_of(
    folder: Path, choices: Choices, given: Mapping[str, Sequence[Path]], reports: Sequence[FileReport]
) -> Manifest:
    """Make the manifest of a build: its choices, given files, and the made files in `folder` that the reports name."""
    rows: dict[str, int] = {}
    for report in reports:
        if report.made:
            rows[report.made] = rows.get(report.made, 0) + report.kept
    formats = {file.made: file.format for file in published_files()}
    made = (MadeFile(name, formats[name] or "", count, sha256_of(folder / name)) for name, count in rows.items())
    sources = (
        GivenFile(id_, path.name, datetime.fromtimestamp(state.st_mtime, UTC).date(), state.st_size)
        for id_, paths in given.items()
        for path, state in ((path, path.stat()) for path in paths)
    )
    return Manifest(choices, tuple(sources), tuple(made))


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest in a folder. Raises UnusableManifest where it is missing, or no build wrote it."""
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
