"""The bulk files that the pool is built from: where they are published, under which licence, what is read of them."""

from functools import cache
from importlib.resources import files

import msgspec


class Layout(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The columns of a table without header, by semicolons, whose first line `begins` so and is no row."""

    begins: str
    columns: tuple[str, ...]


class PublishedFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file as its publisher gives it, and what is read of it.

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
    """A published file that was read: rows read, unreadable and kept, legal units of the pool that these are about.

    `made`: the name of the file that the rows kept are in; None where they serve only to choose others.
    """

    id: str
    read: int
    unreadable: int
    kept: int
    suppliers: int | None
    made: str | None


class _PublishedFiles(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    file: tuple[PublishedFile, ...]


@cache
def published_files() -> tuple[PublishedFile, ...]:
    """All of `published_files.toml`, in its order."""
    text = (files("sources.pool") / "published_files.toml").read_text("utf-8")
    return msgspec.toml.decode(text, type=_PublishedFiles).file
