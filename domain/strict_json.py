"""What JSON permits and nobody can act on: an object that names a member twice, half a character."""

import json
import re
from collections.abc import Iterator
from typing import Any

from domain.errors import Problem, pointer
from domain.wording import Text

Path = tuple[str | int, ...]

_SURROGATE = re.compile("[\ud800-\udfff]")


def repeated_key(document: bytes) -> Problem | None:
    """The first member that an object of this well-formed JSON document names twice: which one counts is not known."""
    try:
        _strict.decode(document.decode())
    except _Repeated:
        where = next(_repetitions(json.loads(document, object_pairs_hook=_Members), ()))
        detail = Text("Ce champ est donné deux fois", "This field is given twice")
        return Problem(pointer(*where), "duplicate_key", detail)
    return None


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


class _Repeated(Exception):
    """Some object names a member twice."""


class _Members(tuple[tuple[str, Any], ...]):
    """The members of an object as written, repetitions included."""

    __slots__ = ()


def _once(members: list[tuple[str, Any]]) -> None:
    if len(dict(members)) != len(members):
        raise _Repeated


_strict = json.JSONDecoder(object_pairs_hook=_once)


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
