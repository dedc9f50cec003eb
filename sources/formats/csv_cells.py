"""Values that sources write as text: numbers, booleans and kinds of suppliers, each in one spelling."""

import re
from typing import get_args

from domain.decoding.explain import near
from domain.errors import InvalidContent, Problem, pointer
from domain.suppliers.supplier import Kind
from domain.text.bilingual import Text

_INTEGER = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]{1,300}(\.[0-9]{1,300})?([eE][-+]?[0-9]{1,3})?")

_NO_INTEGER = Text("Un nombre entier est attendu", "A whole number is expected")
_NO_NUMBER = Text("Un nombre à point décimal est attendu", "A number with a decimal point is expected")
NO_BOOLEAN = Text("true ou false attendu", "Expected true or false")

Path = tuple[str | int, ...]

KINDS: dict[str, Kind] = {kind: kind for kind in get_args(Kind)}


_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NUMBERS_ALONE = re.compile(r"[+\-][0-9][0-9 .]*")
"""Telephone numbers, say: nothing is computed of them, and people copy them."""


def neutralised(text: str) -> str:
    """The text as a cell that no spreadsheet takes for a formula: with an apostrophe before one."""
    return f"'{text}" if _FORMULA.match(text) and not _NUMBERS_ALONE.fullmatch(text) else text


def restored(cell: str) -> str:
    """The text that `neutralised` made the cell of."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


class BadCell(InvalidContent):
    """A value that is not written as it should be, by the place in the record it was to fill."""

    def __init__(self, path: Path, code: str, detail: Text) -> None:
        super().__init__((Problem(pointer(*path), code, detail),))


def known(cell: str) -> str | None:
    """The text without the blanks around it; None where nothing is left: not known."""
    return cell.strip() or None


def integer(cell: str, path: Path) -> int:
    """The whole number in the cell. Raises BadCell for anything but digits with an optional minus sign."""
    if _INTEGER.fullmatch(cell) is None:
        raise BadCell(path, "wrong_format", _NO_INTEGER)
    return int(cell)


def number(cell: str, path: Path) -> float:
    """The number in the cell. Raises BadCell for anything not written as in JSON, a decimal comma too."""
    if _NUMBER.fullmatch(cell) is None:
        raise BadCell(path, "wrong_format", _NO_NUMBER)
    return float(cell)


def boolean(cell: str, path: Path) -> bool:
    """Whether the cell says true. Raises BadCell for anything but `true` and `false`."""
    if cell not in ("true", "false"):
        raise BadCell(path, "wrong_format", NO_BOOLEAN)
    return cell == "true"


def kind_of(written: str) -> Kind:
    """The kind of a record's only approval. Raises BadCell for an unknown code."""
    if written not in KINDS:
        hint = near(written, tuple(KINDS))
        detail = Text(f"Genre inconnu : « {written[:80]} »{hint.fr}", f"Unknown kind: “{written[:80]}”{hint.en}")
        raise BadCell(("approvals", 0, "kind"), "unknown_value", detail)
    return KINDS[written]
