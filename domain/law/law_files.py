"""The files of the law in `domain/data`, read with the place of what is wrong in them (docs/law-data.md)."""

import re
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

import msgspec

from domain.shortlists.listed_suppliers import Confidence, Outcome

LAW_DATA = Path(__file__).parent.parent / "data"
Theme = Literal["reservation", "suppliers", "thresholds", "considerations", "sourcing", "procedure", "counsel"]
Unit = Literal["eur", "percent", "months", "count", "ratio"]
Status = Literal["in_force", "absent", "unknown"]
Duty = Literal["required", "recommended"]
CHOICES = {"theme": Theme, "unit": Unit, "status": Status, "confidence": Confidence, "outcome": Outcome}
"""The words that a place of a file of the law may hold, by its name."""
_Content = TypeVar("_Content")


class BrokenLaw(ValueError):
    """A file of the law is wrong; the message names the file, the place and what would be right."""


def read_law_data(name: str, kind: type[_Content]) -> _Content:
    """The content of a file of `domain/data`; raises what `decode_law` raises."""
    return decode_law((LAW_DATA / name).read_bytes(), kind, name)


def decode_law(content: bytes, kind: type[_Content], name: str) -> _Content:
    """The content of a file of the law; raises BrokenLaw, which says where it is wrong and what would be right."""
    try:
        return msgspec.toml.decode(content, type=kind)
    except msgspec.ValidationError as error:
        complaint, _, path = str(error).partition(" - at `$")
        raise BrokenLaw(f"{name}: {_place_in_words(content, kind, path.rstrip('`'))}{complaint}") from error
    except msgspec.DecodeError as error:
        raise BrokenLaw(f"{name}: {error}") from error


def _place_in_words(content: bytes, kind: Any, path: str) -> str:
    """The place of what is wrong in a file, by name where it has one, and the words that may stand there."""
    tables = msgspec.toml.decode(content)
    if path.startswith("[...]"):  # the first entry that is wrong, whose name the decoder does not tell
        path = f".{next(key for key in tables if not _fits({key: tables[key]}, kind))}{path[5:]}"
    place, allowed = path.lstrip("."), get_args(CHOICES.get(path.rpartition(".")[2]))
    if found := re.match(r"(\w+)\[(\d+)\]\.?(.*)", place):
        entry = tables[found[1]][int(found[2])]
        named = entry.get("id") if isinstance(entry, dict) else None
        place = ": ".join(filter(None, (named or f"{found[1]}[{found[2]}]", found[3])))
    right = f"one of {', '.join(allowed)} is expected" if allowed else ""
    return "".join(f"{part}: " for part in (place, right) if part)


def _fits(content: object, kind: Any) -> bool:
    try:
        msgspec.convert(content, kind)
    except msgspec.ValidationError:
        return False
    return True
