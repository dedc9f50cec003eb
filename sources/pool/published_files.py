"""The bulk files that the pool is built from: where they are published, under which licence, what is read of them."""

from functools import cache
from importlib.resources import files

import msgspec


class PublishedFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file as its publisher gives it, and what is read of it.

    `required`, `optional`: columns of a table, `fields`: members of JSON with their types. A column written `A|B` has
    one of these names in the file, and the first one in what is made of it. `format`: how `vivier import` reads that.
    """

    id: str
    option: str
    name: str
    publisher: str
    address: str
    licence: str
    rhythm: str
    credit: str
    format: str | None = None
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    fields: dict[str, str] = {}


class _PublishedFiles(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    file: tuple[PublishedFile, ...]


@cache
def published_files() -> tuple[PublishedFile, ...]:
    """All of `published_files.toml`, in its order."""
    text = (files("sources.pool") / "published_files.toml").read_text("utf-8")
    return msgspec.toml.decode(text, type=_PublishedFiles).file
