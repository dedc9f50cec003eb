"""JSON decoded once and strictly, and decoding errors in plain French and English, with the place and a near spelling.

A repeated key, a NUL character or half a character is refused with its place. msgspec's message is one English line
such as "Expected `int`, got `str` - at `$.lots[0].limit`"; here it is parsed, and the fields or values that exist at
that place are looked up in the type.
"""

import json
import re
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from functools import lru_cache
from itertools import takewhile
from typing import Any, TypeVar

import msgspec
from msgspec import inspect as types

from domain.errors import LONGEST_STEP, Problem, null_character_problem, pointer
from domain.text.bilingual import Text
from domain.text.labels import JSON_TYPES

Step = str | int

_PLACE = re.compile(r"^(?P<what>.*?)(?: - at `(?:key` in `)?\$(?P<path>[^`]*)`)?$", re.DOTALL)
_WITH_OWN_WORDS = ("Object contains unknown field", "Invalid value '", "Invalid enum value '")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|(\[\.\.\.\])")
_INSTANT = "2026-11-24T09:00:00+01:00"
_FORMATS = {
    "date": Text("Date attendue : AAAA-MM-JJ", "Expected a date: YYYY-MM-DD"),
    "datetime": Text(f"Date et heure attendues : {_INSTANT}", f"Expected a date and time: {_INSTANT}"),
    "timezone": Text(f"L'heure se donne avec son décalage : {_INSTANT}", f"A time needs its offset: {_INSTANT}"),
    "UUID": Text("UUID attendu", "Expected a UUID"),
}
_BOUND = {
    ">=": Text("au moins", "at least"),
    "<=": Text("au plus", "at most"),
    ">": Text("plus de", "more than"),
    "<": Text("moins de", "less than"),
}


def explain(error: msgspec.ValidationError, kind: object) -> Problem:
    """The problem to answer for an error raised while decoding a `kind`, with a pointer into the document."""
    message = str(error)
    if message.startswith(_WITH_OWN_WORDS):
        # it quotes the client's own words, which may hold anything
        what, separator, path = message.rpartition(" - at `$")
        is_split = separator and path.endswith("`") and what.endswith(("`", "'"))
        what, path = (what, path.removesuffix("`")) if is_split else (message, "")
    else:
        found = _PLACE.match(message)
        what, path = (found["what"], found["path"] or "") if found else (message, "")
    # up to the first unnamed step (the key of a dictionary)
    named = takewhile(lambda found: not found[2], _STEP.findall(path))
    steps: tuple[Step, ...] = tuple(int(index) if index else name for name, index, _ in named)
    for shape, code, detail in _RULES:
        if match := shape.fullmatch(what):
            # to the field itself where it is unknown or missing, not to the object that holds it
            where = pointer(*steps, match[1]) if code in {"unknown_field", "missing_field"} else pointer(*steps)
            return Problem(where, code, detail(match, steps, kind))
    return Problem(pointer(*steps), "invalid", Text("Valeur non admise", "Value not allowed"))


def hint_of_nearest(word: str, known: tuple[str, ...]) -> Text:
    """The end of a sentence: the word of `known` nearest to `word`, else all of them if they are few, else nothing."""
    # the comparison first makes a table of all its letters
    word = word[:LONGEST_STEP]
    if close := get_close_matches(word, known, n=1, cutoff=0.6):
        return Text(f" ; vouliez-vous dire « {close[0]} » ?", f"; did you mean “{close[0]}”?")
    if 0 < len(known) <= 25:
        listed = ", ".join(known)
        return Text(f" ; admis : {listed}", f"; allowed: {listed}")
    return Text("", "")


def _missing_field_text(match: re.Match[str], _: tuple[Step, ...], __: object) -> Text:
    return Text(f"Le champ « {match[1]} » est obligatoire", f"The field “{match[1]}” is required")


def _unknown_field_text(match: re.Match[str], steps: tuple[Step, ...], kind: object) -> Text:
    names = (f.encode_name for t in _types_at_path(kind, steps) if isinstance(t, types.StructType) for f in t.fields)
    hint = hint_of_nearest(match[1], tuple(dict.fromkeys(names)))
    shown = match[1][:80]
    return Text(f"Champ inconnu : « {shown} »{hint.fr}", f"Unknown field: “{shown}”{hint.en}")


def _unknown_value_text(match: re.Match[str], steps: tuple[Step, ...], kind: object) -> Text:
    # the values, or the tags of a union, that exist there
    values = {str(value) for t in _types_at_path(kind, steps) if isinstance(t, types.LiteralType) for value in t.values}
    if not values and steps:
        structs = [t for t in _types_at_path(kind, steps[:-1]) if isinstance(t, types.StructType)]
        values = {str(t.tag) for t in structs if t.tag_field == steps[-1]}
    value = match[1].strip("'")
    hint, shown = hint_of_nearest(value, tuple(sorted(values))), value[:80]
    return Text(f"Valeur inconnue : « {shown} »{hint.fr}", f"Unknown value: “{shown}”{hint.en}")


def _wrong_type_text(match: re.Match[str], _: tuple[Step, ...], __: object) -> Text:
    names = [JSON_TYPES.get(name, Text(name, name)) for name in match[1].split(" | ")]
    received = {"bool": Text("un booléen", "a boolean")}.get(match[2]) or JSON_TYPES.get(
        match[2], Text(match[2], match[2])
    )
    french, english = " ou ".join(n.fr for n in names), " or ".join(n.en for n in names)
    return Text(f"Attendu : {french} ; reçu : {received.fr}", f"Expected {english}, got {received.en}")


def _wrong_format_text(match: re.Match[str], steps: tuple[Step, ...], kind: object) -> Text:
    """The format expected: of a date, time or UUID; else the field's description (French: `extra["fr"]`) or pattern."""
    what = "timezone" if "timezone" in match.re.pattern else match[1].removeprefix("RFC3339 encoded ")
    if what in _FORMATS:
        return _FORMATS[what]
    fr = en = match[2]
    for found in _types_on_path(_type_info(kind), steps):
        if isinstance(found, types.Metadata) and "description" in (found.extra_json_schema or {}):
            en = str(found.extra_json_schema["description"])  # type: ignore[index]
            fr = str((found.extra or {}).get("fr", en))
            break
    return Text(f"Format attendu : {fr}", f"Expected format: {en}")


def _wrong_length_text(match: re.Match[str], _: tuple[Step, ...], __: object) -> Text:
    unit = Text("caractère", "character") if match[1] == "str" else Text("élément", "item")
    if match[3] != "1":
        unit = Text(f"{unit.fr}s", f"{unit.en}s")
    if match[4]:
        return Text(f"De {match[3]} à {match[4]} {unit.fr} attendus", f"Expected {match[3]} to {match[4]} {unit.en}")
    bound = _BOUND.get(match[2] or "", Text("exactement", "exactly"))
    return Text(f"Longueur attendue : {bound.fr} {match[3]} {unit.fr}", f"Expected {bound.en} {match[3]} {unit.en}")


def _out_of_range_text(match: re.Match[str], _: tuple[Step, ...], __: object) -> Text:
    if match.re.groups < 3:
        return Text("Nombre trop grand", "Number too large")
    limit = match[3].removesuffix(".0")
    bound = _BOUND[match[2]]
    return Text(f"Valeur attendue : {bound.fr} {limit}", f"Expected {bound.en} {limit}")


_Detail = Callable[[re.Match[str], tuple[Step, ...], object], Text]
_RULES: tuple[tuple[re.Pattern[str], str, _Detail], ...] = (
    (re.compile(r"Object contains unknown field `(.*)`", re.DOTALL), "unknown_field", _unknown_field_text),
    (re.compile(r"Object missing required field `(.*)`", re.DOTALL), "missing_field", _missing_field_text),
    (re.compile(r"Invalid (?:enum )?value (.*)", re.DOTALL), "unknown_value", _unknown_value_text),
    (re.compile(r"Expected `(.+?)`, got `(.+?)`(?: .*)?"), "wrong_type", _wrong_type_text),
    (re.compile(r"Expected `(\w+)` matching regex '(.*)'", re.DOTALL), "wrong_format", _wrong_format_text),
    (
        re.compile(r"Expected `(\w+)` of length (>=|<=)? ?(\d+)(?: to (\d+))?(?:, got .*)?"),
        "wrong_length",
        _wrong_length_text,
    ),
    (re.compile(r"Expected `(\w+)` (>=|<=|>|<) (\S+)"), "out_of_range", _out_of_range_text),
    (re.compile(r"(?:Number|Integer value) out of range"), "out_of_range", _out_of_range_text),
    (re.compile(r"Invalid (RFC3339 encoded \w+|UUID)"), "wrong_format", _wrong_format_text),
    (re.compile(r"Expected `(\w+)` with (.*) timezone component"), "wrong_format", _wrong_format_text),
)

_type_info = lru_cache(maxsize=256)(types.type_info)


def _types_at_path(kind: object, steps: tuple[Step, ...]) -> list[types.Type]:
    return [found for found in _types_on_path(_type_info(kind), steps) if not isinstance(found, types.Metadata)]


def _types_on_path(kind: types.Type, steps: tuple[Step, ...]) -> Iterator[types.Type]:
    """Every type that a value at `steps` may have: of a union each member, of an annotated type its `Metadata` too."""
    if isinstance(kind, types.Metadata):
        if not steps:
            yield kind
        yield from _types_on_path(kind.type, steps)
    elif isinstance(kind, types.UnionType):
        for member in kind.types:
            yield from _types_on_path(member, steps)
    elif not steps:
        yield kind
    else:
        for inner in _types_inside(kind, steps[0]):
            yield from _types_on_path(inner, steps[1:])


def _types_inside(kind: types.Type, step: Step) -> Iterator[types.Type]:
    """The types of what stands at `step`, a name or a position, inside a value of type `kind`."""
    if isinstance(kind, types.StructType):
        yield from (field.type for field in kind.fields if field.encode_name == step)
    elif isinstance(kind, types.TupleType) and isinstance(step, int):
        yield from kind.item_types[step : step + 1]
    elif isinstance(kind, (types.VarTupleType, types.ListType)):
        yield kind.item_type
    elif isinstance(kind, types.DictType):
        yield kind.value_type


T = TypeVar("T")
Path = tuple[str | int, ...]

_decode, _encode = msgspec.json.Decoder().decode, msgspec.json.Encoder().encode
_SURROGATE = re.compile("[\ud800-\udfff]")


def decode_with_plain(raw: bytes, decoder: msgspec.json.Decoder[T]) -> tuple[T, Any]:
    """Decode `raw` to the decoder's type, and to plain dicts and lists (None where an object may repeat a key).

    Raises what `decoder.decode` raises; it decodes only what is refused or doubtful, to say exactly where it fails.
    """
    try:
        document = _decode(raw)
        if _has_every_member(document, raw):
            return msgspec.convert(document, decoder.type, str_keys=True), document
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    return decoder.decode(raw), None


def find_repeated_key(raw: bytes) -> Problem | None:
    """The problem of the first member that an object of this well-formed JSON names twice; None without any."""
    try:
        if _has_every_member(_decode(raw), raw):
            return None
    except msgspec.DecodeError:  # a number out of range or half a character, in a member that a typed decoder skips
        pass
    where = next(_repeated_paths(json.loads(raw, object_pairs_hook=tuple), ()), None)
    if where is None:
        return None
    return Problem(pointer(*where), "duplicate_key", Text("Ce champ est donné deux fois", "This field is given twice"))


def find_null_character(raw: bytes) -> Problem | None:
    """The problem of the first text of `raw` that holds U+0000; None also where `raw` is not JSON."""
    where = _pointer_to_first_text(raw, lambda text: "\0" in text) if b"\\u0000" in raw else None
    return None if where is None else null_character_problem(where)


def find_lone_surrogate(raw: bytes) -> Problem | None:
    """The problem of the first text that has half of a UTF-16 pair, like `\\ud800`; None also if `raw` is not JSON."""
    where = _pointer_to_first_text(raw, lambda text: _SURROGATE.search(text) is not None)
    detail = Text("Demi-caractère (\\ud800 à \\udfff, seul)", "Half a character (\\ud800 to \\udfff, alone)")
    return None if where is None else Problem(where, "lone_surrogate", detail)


def _has_every_member(document: Any, raw: bytes) -> bool:
    """Whether `document`, decoded from `raw`, lost no repeated member: encoded again, it has as many colons as `raw`.

    False also where `raw` may hold escaped colons (`\\u003a`), which are not counted.
    """
    return b"\\u003" not in raw and _encode(document).count(b":") == raw.count(b":")


def _repeated_paths(value: Any, path: Path) -> Iterator[Path]:
    """The paths of members named twice, in a JSON value whose objects are parsed to tuples of (name, value)."""
    if isinstance(value, tuple):
        seen: set[str] = set()  # only those of this object: a document may be long
        for key, inner in value:
            if key in seen:
                yield (*path, key)
            seen.add(key)
            yield from _repeated_paths(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _repeated_paths(inner, (*path, index))


def _pointer_to_first_text(raw: bytes, matches: Callable[[str], bool]) -> str | None:
    """The JSON pointer to the first key or text that `matches`; None without any, or where `raw` is not JSON."""
    try:
        return next((pointer(*path) for path, text in _texts_with_paths(json.loads(raw), ()) if matches(text)), None)
    except (ValueError, RecursionError):
        return None


def _texts_with_paths(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Every key (with its object's path) and text of a JSON value."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield path, key
            yield from _texts_with_paths(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts_with_paths(inner, (*path, index))
