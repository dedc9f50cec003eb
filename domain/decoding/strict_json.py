"""What JSON permits and nobody can act on: an object that names a member twice, half a character."""

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from domain.errors import Problem, pointer
from domain.text.bilingual import Text

Path = tuple[str | int, ...]

_decode, _encode = msgspec.json.Decoder().decode, msgspec.json.Encoder().encode
_SURROGATE = re.compile("[\ud800-\udfff]")


def repeated_key(document: bytes) -> Problem | None:
    """The first member that an object of this well-formed JSON document names twice: which one counts is not known."""
    if _keeps_its_colons(document):
        return None
    where = next(_repetitions(json.loads(document, object_pairs_hook=_Members), ()), None)
    if where is None:
        return None
    return Problem(pointer(*where), "duplicate_key", Text("Ce champ est donné deux fois", "This field is given twice"))


def lone_surrogate(document: bytes) -> Problem | None:
    """The first text of this document that holds half of a UTF-16 pair, such as `\\ud800`; None if it is not JSON."""
    try:
        value = json.loads(document)
    except (ValueError, RecursionError):
        return None
    if (path := next(_halves(value, ()), None)) is None:
        return None
    detail = Text("Demi-caractère (\\ud800 à \\udfff, seul)", "Half a character (\\ud800 to \\udfff, alone)")
    return Problem(pointer(*path), "lone_surrogate", detail)


class _Members(tuple[tuple[str, Any], ...]):
    """The members of an object as written, repetitions included."""

    __slots__ = ()


def _keeps_its_colons(document: bytes) -> bool:
    """Whether the document, read and written again, has as many colons as before: then no member was lost.

    A member that is named twice is lost, and its colon with it; those within texts stay, unless they were escaped.
    """
    if b"\\" in document and b"\\u003" in document:
        return False
    try:
        written = _encode(_decode(document))
    except msgspec.DecodeError:  # a number beyond what is read, or half a character, where nobody asks for it
        return False
    return written.count(b":") == document.count(b":")


def _repetitions(value: Any, path: Path) -> Iterator[Path]:
    if isinstance(value, _Members):
        seen: set[str] = set()
        for key, inner in value:
            if key in seen:
                yield (*path, key)
            seen.add(key)
            yield from _repetitions(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _repetitions(inner, (*path, index))


def _halves(value: Any, path: Path) -> Iterator[Path]:
    """The texts of `value` that cannot be written in UTF-8; a key counts as its object."""
    if isinstance(value, str) and not value.isascii() and _SURROGATE.search(value):
        yield path
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _halves(key, path)
            yield from _halves(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _halves(inner, (*path, index))
