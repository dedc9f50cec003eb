"""Workbooks as Excel writes them (.xlsx, Office Open XML): the first sheet, with the last results of its formulas.

No library reads them here: of files of some kilobytes, python-calamine 0.9 allocates 512 GB for two cells far apart,
and ends the process; openpyxl 3.1 holds every element of a sheet.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from xml.etree.ElementTree import Element
from zipfile import ZipFile

from sources.formats.csv_table import MOST_COLUMNS
from sources.formats.workbook_parts import MOST_ROWS, Sheet, elements, on_one_line, table_of, tag_of, too_large

BOOK = "xl/workbook.xml"
_LINKS, _TEXTS, _STYLES = "xl/_rels/workbook.xml.rels", "xl/sharedStrings.xml", "xl/styles.xml"
_LARGEST_TEXTS = 32 << 20
"""Bytes of the texts that cells share, which are all held at once."""
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_FIRST_DAY, _FIRST_DAY_1904 = date(1899, 12, 30), date(1904, 1, 1)
_DAYS = frozenset({14, 15, 16, 17, 22, 27, 28, 29, 30, 31, 36, 50, 57})
"""Numbers of the built-in formats that show a day."""
_LONGEST_FORMAT = 255
_NOT_THE_VALUE = re.compile(r'"[^"]*"?|\\.|\[[^\]]*\]?|_.')
"""Of a format, what is not about the value: quoted words, single signs, colours and languages, blanks.

What does not end goes on to the end: looking for it again from each `[` would take quadratic time.
"""
_SHOWS_A_DAY = re.compile("[dy]|mmm")
_PLACE = re.compile(r"([A-Z]{1,3})[0-9]{1,7}")
_LARGEST_EXACT = 1e15


def first_sheet(book: ZipFile) -> Sheet:
    """The first sheet of the book. Raises UnreadableFile where it is too large, and others where it is damaged."""
    (name, part), *others = _sheets(book)
    cells = _Cells(tuple(_texts(book)), _day_styles(book), _first_day(book))
    return Sheet(table_of(_rows(book, part, cells)), name, tuple(other for other, _ in others))


class _Cells:
    """Reads the cells of a sheet. `texts`: that they share; `days`: the styles that show a day."""

    def __init__(self, texts: Sequence[str], days: frozenset[int], first_day: date) -> None:
        self._texts, self._days, self._first_day = texts, days, first_day

    def text(self, cell: Element) -> str:
        """The value of a cell, on one line."""
        kind = cell.get("t", "n")
        if kind == "inlineStr":
            return on_one_line("".join(_pieces(cell)))
        value = next((child.text or "" for child in cell if tag_of(child) == "v"), "")
        if kind == "s":
            return self._texts[int(value)] if value else ""
        if kind == "b":
            return {"1": "true", "0": "false"}.get(value, on_one_line(value))
        if kind != "n" or not value:
            return on_one_line(value)
        return self._number(float(value), int(cell.get("s", "0")))

    def _number(self, number: float, style: int) -> str:
        if style in self._days:
            return (self._first_day + timedelta(days=int(number))).isoformat()
        # a SIRET may be stored as 9.1310933600010002E13
        return str(int(number)) if number.is_integer() and abs(number) < _LARGEST_EXACT else repr(number)


def _sheets(book: ZipFile) -> list[tuple[str, str]]:
    """The name and the part of every sheet that is shown, in their order."""
    links = {
        element.get("Id", ""): element.get("Target", "")
        for element in elements(book, _LINKS, "Relationship")
        if element.get("Type", "").endswith("/worksheet")
    }
    shown = [
        (element.get("name", ""), links[element.get(_RELATION, "")])
        for element in elements(book, BOOK, "sheet")
        if element.get("state", "visible") == "visible" and element.get(_RELATION) in links
    ]
    return [(name, part.lstrip("/") if part.startswith("/") else f"xl/{part}") for name, part in shown]


def _first_day(book: ZipFile) -> date:
    is_1904 = any(element.get("date1904") in {"1", "true"} for element in elements(book, BOOK, "workbookPr"))
    return _FIRST_DAY_1904 if is_1904 else _FIRST_DAY


def _texts(book: ZipFile) -> Iterator[str]:
    if _TEXTS in book.namelist():
        for element in elements(book, _TEXTS, "si", largest=_LARGEST_TEXTS):
            yield on_one_line("".join(_pieces(element)))


def _day_styles(book: ZipFile) -> frozenset[int]:
    """The places of the cell styles that show a day."""
    if _STYLES not in book.namelist():
        return frozenset()
    days, styles = set(_DAYS), list[int]()
    for element in elements(book, _STYLES, "numFmt", "cellXfs"):
        if tag_of(element) == "cellXfs":
            styles = [int(each.get("numFmtId", "0")) for each in element]
        elif _SHOWS_A_DAY.search(_NOT_THE_VALUE.sub("", element.get("formatCode", "")[:_LONGEST_FORMAT].lower())):
            days.add(int(element.get("numFmtId", "0")))
    return frozenset(place for place, number in enumerate(styles) if number in days)


def _rows(book: ZipFile, part: str, cells: _Cells) -> Iterator[list[str]]:
    """The rows of a sheet from its first, those that are not written too."""
    following = 1
    for element in elements(book, part, "row"):
        number = int(element.get("r", following))
        if number < following:
            raise ValueError(number)
        if number > MOST_ROWS:
            raise too_large()
        yield from ([] for _ in range(following, number))
        yield _row(element, cells)
        following = number + 1


def _row(element: Element, cells: _Cells) -> list[str]:
    row: list[str] = []
    following = 0
    for cell in element:
        if tag_of(cell) != "c":
            continue
        place = _column(cell.get("r"), following)
        if place >= MOST_COLUMNS:
            break
        if text := cells.text(cell):  # up to an empty one nothing is filled in: a sheet of them would be much work
            row += [*[""] * (place - len(row)), text]
        following = place + 1
    return row


def _column(reference: str | None, following: int) -> int:
    """The place of a column, from 0, by the name of a cell such as AB12."""
    if reference is None:
        return following
    found = _PLACE.fullmatch(reference)
    if found is None:
        raise ValueError(reference)
    place = 0
    for letter in found[1]:
        place = 26 * place + ord(letter) - ord("A") + 1
    return max(place - 1, following)


def _pieces(element: Element) -> Iterator[str]:
    """The pieces of a text, in whatever formats, without how it is to be pronounced."""
    waiting = list(reversed(element))
    while waiting:
        each = waiting.pop()
        if tag_of(each) == "t":
            yield each.text or ""
        elif tag_of(each) != "rPh":
            waiting += reversed(each)
