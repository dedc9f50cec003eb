"""Workbooks of spreadsheets as the CSV of their first sheet, which the readers of tables take.

Excel writes .xlsx (Office Open XML), LibreOffice .ods (OpenDocument); of either is read the first sheet, with the last
results of its formulas. The parts of the archive are read as XML, and neither they nor the rows take more than they
may. No library reads .xlsx here: of files of some kilobytes, python-calamine 0.9 allocates 512 GB for two cells far
apart, and ends the process; openpyxl 3.1 holds every element of a sheet.
"""

import csv
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from io import StringIO
from typing import IO, BinaryIO, NamedTuple
from xml.etree.ElementTree import Element, ParseError
from zipfile import BadZipFile, ZipFile

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from domain.text.bilingual import Text
from sources.file_types.csv_table import MOST_COLUMNS
from sources.rows import unreadable

LARGEST_PART, LARGEST_TABLE = 64 << 20, 64 << 20
"""Bytes of a part once it is uncompressed, and of a table as CSV."""
MOST_ELEMENTS, MOST_HELD = 4_000_000, 200_000
"""Elements of a part: two million cells with their values, read in ten seconds; and of those, how many are held at
once: a row of a thousand cells takes some thousands."""
MOST_ROWS = 1_048_576
FED_AT_ONCE = 16 << 10
_BREAK = re.compile(r"[\r\n]")
_OTHER_DELIMITERS = ";\t"

_TOO_LARGE = Text(
    "Ce classeur est trop grand une fois décompressé : enregistrer la feuille au format CSV",
    "This workbook is too large once it is uncompressed: save the sheet as CSV",
)


class Sheet(NamedTuple):
    """The first sheet of a workbook that is shown, as CSV in UTF-8 with commas. `others`: names of those not read.

    A line of the CSV is a row of the sheet, by its number; breaks within cells are semicolons.
    """

    content: bytes
    name: str
    others: tuple[str, ...]


class _Feed:
    """Feeds the parser twice as much as before where nothing came of that: it begins a long tag anew each time."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self.size = stream, FED_AT_ONCE

    def read(self, _: int = -1) -> bytes:
        piece = self._stream.read(self.size)
        self.size *= 2
        return piece


def elements(book: ZipFile, part: str, *tags: str, largest: int = LARGEST_PART) -> Iterator[Element]:
    """The elements of a part by their names without prefix, each with all in it, and forgotten once it was used.

    Raises UnreadableFile for a part larger than `largest`, of more than `MOST_ELEMENTS`, or one that holds more than
    `MOST_HELD` of them at once, and as `defusedxml` for a document type.
    """
    if book.getinfo(part).file_size > largest:
        raise too_large()
    with book.open(part) as stream:
        open_ones, sizes, kept = list[Element](), list[int](), list[int]()
        count = held = wanted = 0
        feed = _Feed(stream)
        for event, element in iterparse(feed, ("start", "end"), forbid_dtd=True):
            feed.size = FED_AT_ONCE
            is_wanted = tag_of(element) in tags
            if event == "start":
                open_ones.append(element)
                sizes.append(1)
                kept.append(0)
                count, held, wanted = count + 1, held + 1, wanted + is_wanted
                if held > MOST_HELD or count > MOST_ELEMENTS:
                    raise too_large()
                continue
            open_ones.pop()
            kept.pop()
            size, wanted = sizes.pop(), wanted - is_wanted
            if is_wanted:
                yield element
            if open_ones and (is_wanted or not wanted):
                # it stands after those that were kept: looking for it would take quadratic time
                del open_ones[-1][kept[-1]]
                held -= size
            elif sizes:
                sizes[-1] += size
                kept[-1] += 1


def tag_of(element: Element) -> str:
    """The name of an element without its name space."""
    return str(element.tag).rpartition("}")[2]


def on_one_line(text: str) -> str:
    """The text of a cell, its breaks made semicolons."""
    return " ; ".join(filter(None, map(str.strip, _BREAK.split(text))))


def table_of(rows: Iterable[list[str]]) -> bytes:
    """The rows as CSV, an empty one as an empty line. Raises UnreadableFile for more than `LARGEST_TABLE`."""
    written = StringIO()
    table = csv.writer(written, lineterminator="\n")
    widest = 0
    for number, row in enumerate(rows, start=1):
        last = next((place for place in reversed(range(len(row))) if row[place].strip()), -1)
        cells = row[: min(last + 1, MOST_COLUMNS)]
        if sum(map(len, cells)) > LARGEST_TABLE:  # cells may share one text
            raise too_large()
        if cells:
            # a title full of semicolons is no row of a table with semicolons
            least = widest or 2 + max(" ".join(cells).count(other) for other in _OTHER_DELIMITERS)
            cells += [""] * (least - len(cells))
            widest = max(widest, len(cells))
        table.writerow(cells)
        if written.tell() > LARGEST_TABLE or number > MOST_ROWS:
            raise too_large()
    return written.getvalue().encode()


def too_large() -> Exception:
    """The error for a workbook that takes more memory than it may."""
    return unreadable("workbook", _TOO_LARGE)


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


def _xlsx_sheet(book: ZipFile) -> Sheet:
    """The first sheet of the book. Raises UnreadableFile where it is too large, and others where it is damaged."""
    (name, part), *others = _sheets(book)
    cells = _Cells(tuple(_texts(book)), _day_styles(book), _first_day(book))
    return Sheet(table_of(_xlsx_rows(book, part, cells)), name, tuple(other for other, _ in others))


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


def _xlsx_rows(book: ZipFile, part: str, cells: _Cells) -> Iterator[list[str]]:
    """The rows of a sheet from its first, those that are not written too."""
    following = 1
    for element in elements(book, part, "row"):
        number = int(element.get("r", following))
        if number < following:
            raise ValueError(number)
        if number > MOST_ROWS:
            raise too_large()
        yield from ([] for _ in range(following, number))
        yield _xlsx_row(element, cells)
        following = number + 1


def _xlsx_row(element: Element, cells: _Cells) -> list[str]:
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


CONTENT = "content.xml"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_REPEATED_ROWS, _REPEATED_CELLS = f"{_TABLE}number-rows-repeated", f"{_TABLE}number-columns-repeated"
_CELLS = frozenset({"table-cell", "covered-table-cell"})
_VALUES = {"boolean": "boolean-value", "date": "date-value"} | dict.fromkeys(
    ("float", "currency", "percentage"), "value"
)
_DAY = len("2026-11-24")


def _ods_sheet(book: ZipFile) -> Sheet:
    """The first sheet of the book. Raises UnreadableFile where it is too large, and others where it is damaged."""
    names = list[str]()
    # the end of a sheet comes after its rows
    found = elements(book, CONTENT, "table-row", "table")
    content = table_of(_ods_rows(found, names))
    names += [_ods_name(element) for element in found if tag_of(element) == "table"]
    name, *others = names
    return Sheet(content, name, tuple(others))


def _ods_rows(found: Iterator[Element], names: list[str]) -> Iterator[list[str]]:
    """The rows up to the end of the sheet, whose name is added, less the empty ones at its end (often a million)."""
    number, empty = 0, 0
    for element in found:
        if tag_of(element) == "table":
            names.append(_ods_name(element))
            return
        row, times = _ods_row(element), int(element.get(_REPEATED_ROWS, "1"))
        if not any(row):
            empty += times
            continue
        number += empty + times
        if number > MOST_ROWS:
            raise too_large()
        yield from ([] for _ in range(empty))
        yield from (list(row) for _ in range(times))
        empty = 0


def _ods_name(sheet: Element) -> str:
    return sheet.get(f"{_TABLE}name", "")


def _ods_row(element: Element) -> list[str]:
    row: list[str] = []
    following = 0
    for cell in element:
        if tag_of(cell) in _CELLS and following < MOST_COLUMNS:
            times = max(0, min(int(cell.get(_REPEATED_CELLS, "1")), MOST_COLUMNS - following))
            if text := _ods_text(cell):
                row += [*[""] * (following - len(row)), *[text] * times]
            following += times
    return row


def _ods_text(cell: Element) -> str:
    """The value of a cell, on one line; a number as it is, whatever is shown of it."""
    kind = cell.get(f"{_OFFICE}value-type", "")
    value = cell.get(f"{_OFFICE}{_VALUES[kind]}") if kind in _VALUES else None
    if value is None:
        return on_one_line("\n".join("".join(part.itertext()) for part in cell if tag_of(part) == "p"))
    if kind in {"date", "boolean"}:
        return on_one_line(value[:_DAY])
    number = float(value)
    return str(int(number)) if number.is_integer() and abs(number) < _LARGEST_EXACT else repr(number)


SIGNATURE = b"PK\x03\x04"
_FAULTS = (
    BadZipFile, zlib.error, ParseError, DefusedXmlException, LookupError, ValueError, ArithmeticError, EOFError,
    NotImplementedError, RuntimeError,
)  # fmt: skip
"""All that a damaged archive leads to; the last two for codings that `zipfile` does not know, and for passwords."""

_NO_WORKBOOK = Text(
    "Ce classeur ne se lit pas : enregistrer la feuille au format CSV, ou le classeur au format .xlsx ou .ods",
    "This workbook cannot be read: save the sheet as CSV, or the workbook as .xlsx or .ods",
)


def bytes_inside(stream: BinaryIO) -> int:
    """The bytes of an archive's parts once they are uncompressed, of which no more are read; 0 where it is none."""
    try:
        with ZipFile(stream) as book:
            return sum(part.file_size for part in book.infolist())
    except _FAULTS:
        return 0


def first_sheet(stream: BinaryIO) -> Sheet:
    """The first sheet of an .xlsx or .ods. Raises UnreadableFile for what is neither, is locked, or too large."""
    try:
        with ZipFile(stream) as book:
            is_xlsx = BOOK in book.namelist()
            return _xlsx_sheet(book) if is_xlsx else _ods_sheet(book)
    except _FAULTS:
        raise unreadable("workbook", _NO_WORKBOOK) from None
