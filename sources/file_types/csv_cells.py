"""Cells of CSV read as spreadsheets and sources write them, and tables written as CSV (RFC 4180).

Read are numbers, booleans, days, lists and texts that lost their accents. What is written opens by a double click in
French spreadsheets too; formulas are made harmless.
"""

import csv
import re
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from importlib.resources import files
from io import StringIO
from itertools import chain
from typing import Any, Literal, get_args

import msgspec

from domain.decoding.requests import hint_of_nearest
from domain.errors import InvalidContent, Problem, pointer
from domain.suppliers.supplier import Flag, Kind, LegalForm
from domain.text import labels
from domain.text.bilingual import Text, said_by
from domain.text.normalise import fold
from sources.validation import SHORT_OF_ZEROS, whole_siret

_SAID = said_by(__name__)

_INTEGER = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]{1,300}(\.[0-9]{1,300})?([eE][-+]?[0-9]{1,3})?")
_GROUPED = re.compile(r"-?[0-9]{1,3}([ \u00a0\u202f][0-9]{3})+(?![0-9])")
"""Thousands set apart, as French spreadsheets write numbers that they show so."""
_FRENCH_DAY = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})")
_SERIAL_DAY, _DAY_ZERO = re.compile(r"[3-6][0-9]{4}"), date(1899, 12, 30)
"""The number that a spreadsheet keeps for a day, here of 1982 to 2091."""
_MADE_A_NUMBER = re.compile(r"[0-9]+([.,][0-9]+E\+?|E\+)[0-9]+", re.IGNORECASE)
"""What a spreadsheet leaves of many digits: 8,07469E+13."""

TRUE, FALSE = ("true", "vrai", "oui", "1"), ("false", "faux", "non", "0")
_YES, _NO = (*TRUE, "t", "yes", "on"), (*FALSE, "f", "no", "off")

Path = tuple[str | int, ...]

KINDS: dict[str, Kind] = {kind: kind for kind in get_args(Kind)}
_BETWEEN_KINDS, _AND = re.compile(r"[/,;|+&\n]"), re.compile(r"\bet\b")
_IN_BRACKETS, _SMALL_WORDS = re.compile(r"\(.*?\)"), frozenset({"et", "ou", "de", "d", "l", "la", "le", "par"})


def _kind_words(written: str) -> str:
    """The words that tell a kind, folded, without small ones, brackets and the s of plurals."""
    words = fold(_IN_BRACKETS.sub("", written)).split()
    return " ".join(word.removesuffix("s") for word in words if word not in _SMALL_WORDS)


_KIND_OF_WORDS: dict[str, Kind] = {
    _kind_words(word): kind for kind in KINDS.values() for word in (kind, labels.KINDS[kind].fr)
}
_KIND_OF_WORDS |= {_kind_words(word): "ACI" for word in ("chantier d'insertion", "atelier d'insertion")}
_KIND_OF_WORDS[_kind_words("établissement et service d'aide par le travail")] = "ESAT"

LEGAL_FORMS: dict[str, dict[str, LegalForm]] = {
    told_by: {each: form for form, listed in forms.items() for each in listed}
    for told_by, forms in msgspec.toml.decode(
        (files("sources.formats") / "legal_forms.toml").read_bytes(), type=dict[str, dict[LegalForm, tuple[str, ...]]]
    ).items()
}
"""The legal form that `words` stand for, folded, and the beginnings of INSEE's `categories` of legal persons."""

_BEGINS_A_FORMULA = r"=+\-@\t\r\uff1d\uff0b\uff0d\uff20"
"""Also the wide signs of East Asian keyboards, which some spreadsheets take for the narrow ones."""
_FORMULA = re.compile(f"[{_BEGINS_A_FORMULA}]")
_MARKED = re.compile(f"'+[{_BEGINS_A_FORMULA}0-9]")
"""A text that would be taken for one with an apostrophe before it."""
_FIRST_OF_MARKED = frozenset("'=+-@\t\r\uff1d\uff0b\uff0d\uff20")
_NUMBERS_ALONE = re.compile(r"[+\-][0-9][0-9 .]*")
"""Telephone numbers, say: nothing is computed of them, and people copy them."""
_LIKE_A_NUMBER = re.compile(r"[+\-]?[0-9][0-9 .,:/eE+%\-\u00a0\u202f]*")
_KEPT_DIGITS = re.compile(r"0|[1-9][0-9]{0,10}|0[1-9](?: [0-9]{2}){4}|[0-9]{3} [0-9]{3} [0-9]{3} [0-9]{5}")
"""Digits that a spreadsheet shows and saves as they are: few and without a zero before, or in groups of no number."""
_ESCAPED = re.compile(r"\\([\\|:\s])")
_LOST = "\N{REPLACEMENT CHARACTER}"
_LOST_APOSTROPHE = re.compile(rf"\b([cdjlmnst]|qu){_LOST}(?=[aeiouyh{_LOST}])", re.IGNORECASE)
_LOST_ALONE = re.compile(rf"(?<!\S){_LOST}(?!\S)")


def neutralised_text(text: str, *, keeps_digits: bool = True) -> str:
    """The text as a cell of CSV: with an apostrophe before anything that a spreadsheet would run as a formula.

    `keeps_digits` false: for one that makes numbers and days of what looks like them, an apostrophe before those too:
    else a SIRET would become 8,07469E+13, and a postal code lose its first zero. In groups they stay text.
    """
    if _MARKED.match(text) or (_FORMULA.match(text) and not _NUMBERS_ALONE.fullmatch(text)):
        return f"'{text}"
    is_lost = not keeps_digits and _LIKE_A_NUMBER.fullmatch(text) and not _KEPT_DIGITS.fullmatch(text)
    return f"'{text}" if is_lost else text


def unmarked_text(cell: str) -> str:
    """The text of a cell without the apostrophe that `neutralised_text` put before it."""
    return cell[1:] if cell.startswith("'") and _MARKED.match(cell) else cell


def escaped_text(text: str, separators: str = "|") -> str:
    """The text as one item of a list in a cell, with backslashes before separators, backslashes and outer blanks."""
    if text.isascii() and text.replace("-", "").isalnum():  # as most items are
        return text
    marked = text
    for one in f"\\{separators}":
        marked = marked.replace(one, f"\\{one}")
    if marked[-1:].isspace():
        marked = f"{marked[:-1]}\\{marked[-1]}"
    return f"\\{marked}" if text[:1].isspace() and len(text) > 1 else marked


def split_list(cell: str, separator: str, most: int = 0) -> list[str]:
    """Split a list in a cell at separators that are not escaped, into at most `most` items (0: any number)."""
    if "\\" not in cell:
        return cell.split(separator, most - 1)
    pieces, start = list[str](), 0
    for found in re.finditer(rf"\\.|{re.escape(separator)}", cell, re.DOTALL):
        if found[0] == separator and (not most or len(pieces) < most - 1):
            pieces.append(cell[start : found.start()])
            start = found.end()
    return [*pieces, cell[start:]]


def unescaped_text(item: str) -> str:
    """Undo `escaped_text` on an item of a list in a cell; blanks around the item are dropped unless escaped."""
    if "\\" not in item:
        return item.strip()
    bare = item.strip()
    backslashes = len(bare) - len(bare.rstrip("\\"))
    if backslashes % 2:  # the blank after the last is escaped
        bare = item.lstrip()[: len(bare) + 1]
    return _ESCAPED.sub(r"\1", bare)


def iso_day(text: str) -> str:
    """Rewrite a day such as 31/12/2027 or 46752 as 2027-12-31; any other text is returned unchanged."""
    if _SERIAL_DAY.fullmatch(text):
        return (_DAY_ZERO + timedelta(int(text))).isoformat()
    found = _FRENCH_DAY.fullmatch(text)
    return f"{found[3]}-{found[2]:0>2}-{found[1]:0>2}" if found else text


class BadCell(InvalidContent):
    """Raised for a cell with a wrongly written value; `path`: the field of the record that it was to fill."""

    def __init__(self, path: Path, code: str, detail: Text) -> None:
        super().__init__((Problem(pointer(*path), code, detail),))


def text_or_none(cell: str) -> str | None:
    """The text without the blanks around it; None where nothing is left."""
    return cell.strip() or None


def require_digits(cell: str, path: Path, code: str = "wrong_format") -> None:
    """Raise BadCell where a spreadsheet made a number of the digits in a cell, and lost the last of them."""
    if _MADE_A_NUMBER.fullmatch(cell.strip()):
        raise BadCell(path, code, _SAID["digits_lost"])


def siret_of(cell: str, path: Path = ("siret",)) -> str:
    """The SIRET in a cell (see `whole_siret`), "" in an empty one. Raises BadCell where a spreadsheet spoiled it."""
    require_digits(cell, path, "invalid_siret")
    digits = whole_siret(cell)
    if len(digits) in SHORT_OF_ZEROS and digits.isdecimal():
        raise BadCell(path, "invalid_siret", _SAID["siret_too_short"].filled(digits=len(digits)))
    return digits


def integer(cell: str, path: Path) -> int:
    """The whole number in the cell. Raises BadCell for anything but digits with an optional minus sign."""
    plain = _plain_number(cell)
    if _INTEGER.fullmatch(plain) is None:
        raise BadCell(path, "wrong_format", _SAID["no_integer"])
    return int(plain)


def number(cell: str, path: Path) -> float:
    """The number in the cell, as in JSON or as French spreadsheets write it. Raises BadCell for any other notation."""
    plain = _plain_number(cell)
    if _NUMBER.fullmatch(plain) is None:
        raise BadCell(path, "wrong_format", _SAID["no_number"])
    return float(plain)


def boolean(cell: str, path: Path) -> bool:
    """Whether the cell says true. Raises BadCell for anything but words for yes and no."""
    said = cell.strip().lower()
    if said not in _YES + _NO:
        raise BadCell(path, "wrong_format", _SAID["no_boolean"])
    return said in _YES


_STAFF = re.compile(r"(?:de |entre )?([0-9]{1,7})(?:[.,][0-9]+)?(?:(?: ?[-–] ?| [àa] | et )([0-9]{1,7}))?(?: [a-zé]+)?")
_BETWEEN_THOUSANDS = re.compile(r"(?<=[0-9])[ \u00a0\u202f](?=[0-9]{3}\b)")


def staff_fields(cell: str) -> dict[str, Any]:
    """The fields of a record that a number of employees or a band (“10 à 19 salariés”) tells; else a flag of it.

    Of a fraction, the whole number below.
    """
    found = _STAFF.fullmatch(_BETWEEN_THOUSANDS.sub("", cell.strip().lower()))
    if found is None or (found[2] and int(found[2]) < int(found[1])):
        return {"flags": (Flag("not_understood", cell[:80]),)}
    if found[2]:
        return {"size": {"staff": {"min": int(found[1]), "max": int(found[2])}}}
    return {"employees": int(found[1])}


def _plain_number(cell: str) -> str:
    """Rewrite a French number (1 234,5) as in JSON (1234.5), without outer blanks; other text stays no number."""
    if cell.isdecimal():
        return cell
    bare = cell.strip()
    if found := _GROUPED.match(bare):
        bare = "".join(found[0].split()) + bare[found.end() :]
    return bare.replace(",", ".") if bare.count(",") == 1 and "." not in bare else bare


def approval_kind(written: str, path: Path = ("approvals", 0, "kind")) -> Kind:
    """The kind with this code or name, by default of a record's first approval. Raises BadCell for an unknown one."""
    found = KINDS.get(written) or _KIND_OF_WORDS.get(_kind_words(written))
    if found is None:
        hint = hint_of_nearest(written, tuple(KINDS))
        detail = Text(f"Genre inconnu : « {written[:80]} »{hint.fr}", f"Unknown kind: “{written[:80]}”{hint.en}")
        raise BadCell(path, "unknown_value", detail)
    return found


def listed_kinds(cell: str) -> list[str]:
    """The codes or names of kinds that a cell lists, each once, known or not: “EI et ACI”."""
    pieces = filter(str.strip, _BETWEEN_KINDS.split(cell))
    named = ([piece] if _kind_words(piece) in _KIND_OF_WORDS else _AND.split(piece) for piece in pieces)
    return list(dict.fromkeys(map(str.strip, chain.from_iterable(named))))


def legible_text(text: str) -> str:
    """The text with likely letters in place of lost ones (U+FFFD): for analysis of its words, not for display."""
    if _LOST not in text:
        return text
    return _LOST_ALONE.sub("à", _LOST_APOSTROPHE.sub(r"\1'", text)).replace(_LOST, "é")


Dialect = Literal["plain", "excel"]
"""`plain`: commas and decimal points. `excel`: semicolons, decimal commas, a byte order mark, digits kept."""
Cell = str | int | float | bool | None


def csv_of(header: Sequence[str], rows: Iterable[Sequence[Cell]], dialect: Dialect = "plain") -> bytes:
    """Write a table as CSV in UTF-8: lines end with CRLF, None is an empty cell, formulas are neutralised."""
    mark = b"\xef\xbb\xbf" if dialect == "excel" else b""
    return mark + csv_rows([header], dialect) + csv_rows(rows, dialect)


def csv_rows(rows: Iterable[Sequence[Cell]], dialect: Dialect) -> bytes:
    """Write rows as `csv_of` does, without a header and a byte order mark."""
    written = StringIO()
    table = csv.writer(written, delimiter=";" if dialect == "excel" else ",", lineterminator="\r\n")
    table.writerows([[None if cell is None else _cell_text(cell, dialect) for cell in row] for row in rows])
    return written.getvalue().encode()


def _cell_text(cell: str | float, dialect: Dialect) -> str:
    if isinstance(cell, str):
        if dialect == "plain" and cell[:1] not in _FIRST_OF_MARKED:
            return cell
        return neutralised_text(cell, keeps_digits=dialect != "excel")
    if isinstance(cell, bool):
        return "true" if cell else "false"
    number = repr(cell).removesuffix(".0")
    return number.replace(".", ",") if dialect == "excel" else number


def windows_1252_text(line: bytes) -> str:
    """The text of a line that is not UTF-8, read as Windows-1252; U+FFFD for a byte that means nothing there."""
    return line.decode("cp1252", "replace")


def lines_in_utf8(lines: bytes) -> bytes:
    """Convert lines to UTF-8, each by itself: one that is not UTF-8 is read as Windows-1252."""
    try:
        lines.decode()
    except UnicodeDecodeError:
        each = lines.splitlines(keepends=True)
        return b"".join(map(lines_in_utf8, each)) if len(each) > 1 else windows_1252_text(lines).encode()
    return lines
