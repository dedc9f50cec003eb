"""A program of its own that reads the sheets of a workbook: its bytes in, a line of JSON and then their CSV out.

    python -I workbook_process.py MOST_COLUMNS LARGEST_TABLE MOST_SHEETS < book.xlsx > sheets.csv

The JSON has the name of each sheet and the bytes of its CSV, null for hidden ones and those beyond MOST_SHEETS.

It ends with TOO_LARGE for a sheet that takes more than it may, by a signal where the library cannot stop in time, and
with a traceback for what is no workbook. Nothing of ours is imported: it starts in a tenth of a second.
"""

import csv
import json
import re
import resource
import sys
from collections.abc import Iterator
from datetime import date, datetime
from functools import cache
from io import BytesIO, StringIO
from itertools import zip_longest
from zipfile import BadZipFile, ZipFile

from python_calamine import CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

TOO_LARGE = 3
_LIMITS = {resource.RLIMIT_AS: 1 << 30, resource.RLIMIT_CPU: 30, resource.RLIMIT_CORE: 0}
"""Bytes of memory, seconds of a core, and of what a process that ends by a signal leaves on the disk."""
_LARGEST_EXACT, _COVER = 2**53, 50
_BREAK = re.compile(r"[\r\n]")
_FAILED_IN_EXCEL = re.compile(rb'(<(?:\w+:)?c\b[^<>]*?) t="e"')
_FAILED_IN_LIBREOFFICE = b' office:string-value=""'
"""A formula that gives no text has this too, and then none beside it either."""


def main(most_columns: int, largest_table: int, most_sheets: int) -> int:
    """Write the names and sizes of all sheets as JSON, then the first visible as CSV; returns 0, or TOO_LARGE."""
    for limit, most in _LIMITS.items():
        _, hard = resource.getrlimit(limit)
        if hard == resource.RLIM_INFINITY or hard > most:
            resource.setrlimit(limit, (most, most))
    try:
        book = CalamineWorkbook.from_filelike(BytesIO(with_errors_as_texts(sys.stdin.buffer.read())))
        sheets = [each for each in book.sheets_metadata if each.typ == SheetTypeEnum.WorkSheet]
        shown = [each.name for each in sheets if each.visible == SheetVisibleEnum.Visible]
        hidden = [each.name for each in sheets if each.visible != SheetVisibleEnum.Visible]
        sheet_of = cache(book.get_sheet_by_name)
        if most_sheets == 1:  # that of a table goes before covers
            first = next((name for name in shown if not is_cover(sheet_of(name))), shown[0])
            shown.sort(key=first.__ne__)
        tables = []
        for name in [shown[0], *shown[1:most_sheets]]:
            table = csv_of_rows(rows_of(sheet_of(name), most_columns), largest_table)
            if table is None:
                return TOO_LARGE
            tables.append(table)
            largest_table -= len(table)
    except MemoryError:
        return TOO_LARGE
    named = list(zip_longest([*shown, *hidden], map(len, tables)))
    sys.stdout.buffer.write(json.dumps(named).encode() + b"\n" + b"".join(tables))
    return 0


def with_errors_as_texts(content: bytes) -> bytes:
    """The workbook with formula errors (`#REF!`) turned into texts, which the library would read as empty cells.

    Raises BadZipFile for an archive that is neither .xlsx nor .ods.
    """
    written = BytesIO()
    with ZipFile(BytesIO(content)) as book, ZipFile(written, "w") as made:
        names = book.namelist()
        if "xl/workbook.xml" not in names and "content.xml" not in names:
            raise BadZipFile
        for name in names:
            part = book.read(name)
            if name.startswith("xl/worksheets/"):
                part = _FAILED_IN_EXCEL.sub(rb'\1 t="str"', part)
            elif name == "content.xml":
                part = part.replace(_FAILED_IN_LIBREOFFICE, b"")
            made.writestr(name, part)
    return written.getvalue()


def is_cover(sheet: CalamineSheet) -> bool:
    """Whether a sheet is short and no row has two cells with something in them: a long one may be a list of numbers."""
    return sheet.height < _COVER and not any(sum(map(bool, row)) > 1 for row in rows_of(sheet, _COVER))


def rows_of(sheet: CalamineSheet, most_columns: int) -> Iterator[list[str]]:
    """Yield each row of a sheet as texts, without the empty cells at its end, at most `most_columns` of them."""
    left = sheet.start[1] if sheet.start else 0
    for values in sheet.iter_rows():
        row = [""] * left + list(map(text_of, values))
        del row[most_columns:]
        while row and not row[-1]:
            row.pop()
        yield row


def text_of(value: object) -> str:
    """The value of a cell as one line of text: line breaks become semicolons, a date and time becomes its day."""
    if isinstance(value, str):
        return " ; ".join(filter(None, map(str.strip, _BREAK.split(value))))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        # a SIRET may be stored as 9.1310933600010002E13
        return str(int(value)) if value.is_integer() and abs(value) < _LARGEST_EXACT else repr(value)
    return str(value)


def csv_of_rows(rows: Iterator[list[str]], largest: int) -> bytes | None:
    """The rows as CSV, an empty row as an empty line; None where the CSV takes more than `largest` bytes."""
    written = StringIO()
    table = csv.writer(written, lineterminator="\n")
    widest = 0
    for row in rows:
        if sum(map(len, row)) > largest:  # cells may share one text
            return None
        if row:
            # a title full of semicolons is no row of a table with semicolons
            least = widest or 2 + max(" ".join(row).count(other) for other in ";\t")
            widest = max(widest, len(row), least)
            row.extend([""] * (least - len(row)))
        table.writerow(row)
        if written.tell() > largest:
            return None
    return written.getvalue().encode()


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
