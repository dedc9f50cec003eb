"""Workbooks as LibreOffice writes them (.ods, OpenDocument): the first sheet, with the last results of its formulas."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element
from zipfile import ZipFile

from sources.formats.csv_table import MOST_COLUMNS
from sources.formats.workbook_parts import MOST_ROWS, Sheet, elements, on_one_line, table_of, tag_of, too_large

CONTENT = "content.xml"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_REPEATED_ROWS, _REPEATED_CELLS = f"{_TABLE}number-rows-repeated", f"{_TABLE}number-columns-repeated"
_CELLS = frozenset({"table-cell", "covered-table-cell"})
_VALUES = {"boolean": "boolean-value", "date": "date-value"} | dict.fromkeys(
    ("float", "currency", "percentage"), "value"
)
_DAY = len("2026-11-24")
_LARGEST_EXACT = 1e15


def first_sheet(book: ZipFile) -> Sheet:
    """The first sheet of the book. Raises UnreadableFile where it is too large, and others where it is damaged."""
    names = list[str]()
    # the end of a sheet comes after its rows
    found = elements(book, CONTENT, "table-row", "table")
    content = table_of(_rows(found, names))
    names += [_name(element) for element in found if tag_of(element) == "table"]
    name, *others = names
    return Sheet(content, name, tuple(others))


def _rows(found: Iterator[Element], names: list[str]) -> Iterator[list[str]]:
    """The rows up to the end of the sheet, whose name is added, less the empty ones at its end (often a million)."""
    number, empty = 0, 0
    for element in found:
        if tag_of(element) == "table":
            names.append(_name(element))
            return
        row, times = _row(element), int(element.get(_REPEATED_ROWS, "1"))
        if not any(row):
            empty += times
            continue
        number += empty + times
        if number > MOST_ROWS:
            raise too_large()
        yield from ([] for _ in range(empty))
        yield from (list(row) for _ in range(times))
        empty = 0


def _name(sheet: Element) -> str:
    return sheet.get(f"{_TABLE}name", "")


def _row(element: Element) -> list[str]:
    row: list[str] = []
    following = 0
    for cell in element:
        if tag_of(cell) in _CELLS and following < MOST_COLUMNS:
            times = max(0, min(int(cell.get(_REPEATED_CELLS, "1")), MOST_COLUMNS - following))
            if text := _text(cell):
                row += [*[""] * (following - len(row)), *[text] * times]
            following += times
    return row


def _text(cell: Element) -> str:
    """The value of a cell, on one line; a number as it is, whatever is shown of it."""
    kind = cell.get(f"{_OFFICE}value-type", "")
    value = cell.get(f"{_OFFICE}{_VALUES[kind]}") if kind in _VALUES else None
    if value is None:
        return on_one_line("\n".join("".join(part.itertext()) for part in cell if tag_of(part) == "p"))
    if kind in {"date", "boolean"}:
        return on_one_line(value[:_DAY])
    number = float(value)
    return str(int(number)) if number.is_integer() and abs(number) < _LARGEST_EXACT else repr(number)
