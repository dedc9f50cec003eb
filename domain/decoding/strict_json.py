"""JSON decoded once and strictly: a repeated key, a NUL character or half a character is refused with its place."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import msgspec

from domain.errors import Problem, null_character_problem, pointer
from domain.text.bilingual import Text

T = TypeVar("T")
Path = tuple[str | int, ...]

_decode, _encode = msgspec.json.Decoder().decode, msgspec.json.Encoder().encode
_SURROGATE = re.compile("[\ud800-\udfff]")


def decode_once(raw: bytes, decoder: msgspec.json.Decoder[T]) -> tuple[T, Any]:
    """`raw` as the type of `decoder`, and as dicts and lists; the latter None where `raw` may name a member twice.

    Raises what `decoder.decode` raises; it decodes only what is refused or doubtful, to say exactly where it fails.
    """
    try:
        document = _decode(raw)
        if _has_every_member(document, raw):
            return msgspec.convert(document, decoder.type, str_keys=True), document
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    return decoder.decode(raw), None


def repeated_key(raw: bytes) -> Problem | None:
    """The first member that an object of this well-formed JSON names twice, so that nobody knows which one counts."""
    try:
        if _has_every_member(_decode(raw), raw):
            return None
    except msgspec.DecodeError:  # a number out of range or half a character, in a member that a typed decoder skips
        pass
    where = next(_repetitions(json.loads(raw, object_pairs_hook=tuple), ()), None)
    if where is None:
        return None
    return Problem(pointer(*where), "duplicate_key", Text("Ce champ est donné deux fois", "This field is given twice"))


def null_character(raw: bytes) -> Problem | None:
    """The first text of `raw` that holds U+0000; None also where it is not JSON."""
    if b"\\u0000" not in raw:
        return None
    try:
        path = _first_text(json.loads(raw), lambda text: "\0" in text)
    except (ValueError, RecursionError):
        return None
    return None if path is None else null_character_problem(pointer(*path))


def lone_surrogate(raw: bytes) -> Problem | None:
    """The first text of `raw` that holds half of a UTF-16 pair, such as `\\ud800`; None also where it is not JSON."""
    try:
        path = _first_text(json.loads(raw), lambda text: _SURROGATE.search(text) is not None)
    except (ValueError, RecursionError):
        return None
    detail = Text("Demi-caractère (\\ud800 à \\udfff, seul)", "Half a character (\\ud800 to \\udfff, alone)")
    return None if path is None else Problem(pointer(*path), "lone_surrogate", detail)


def _has_every_member(document: Any, raw: bytes) -> bool:
    """Whether `document`, written again, has as many colons as `raw`: a member named twice is lost with its colon.

    False also where `raw` may hold escaped colons (`\\u003a`), which are not counted.
    """
    return b"\\u003" not in raw and _encode(document).count(b":") == raw.count(b":")


def _repetitions(value: Any, path: Path) -> Iterator[Path]:
    """The paths of members named twice; an object is a tuple of its members as written."""
    if isinstance(value, tuple):
        seen: set[str] = set()
        for key, inner in value:
            if key in seen:
                yield (*path, key)
            seen.add(key)
            yield from _repetitions(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _repetitions(inner, (*path, index))


def _first_text(document: Any, matches: Callable[[str], bool]) -> Path | None:
    return next((path for path, text in _texts(document, ()) if matches(text)), None)


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Every text with its path; a key has the path of its object."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield path, key
            yield from _texts(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts(inner, (*path, index))
