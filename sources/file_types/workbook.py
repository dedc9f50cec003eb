"""Workbooks of spreadsheets converted into the CSV of their first visible sheet, for the readers of tables.

Excel writes .xlsx (Office Open XML), LibreOffice .ods (OpenDocument); of either the first sheets are read, with the
last results of their formulas. python-calamine reads 30,000 rows in 0.2 s, and ends its process where an archive of
some kilobytes has two cells far apart: it works in one that may die, within limits of memory and time.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import BinaryIO, NamedTuple
from zipfile import BadZipFile, ZipFile

from domain.suppliers.source import Row, RowError
from domain.text.bilingual import said_by
from sources.file_types import workbook_process
from sources.file_types.csv_table import MOST_COLUMNS
from sources.rows import Context, Reader, unreadable

_SAID = said_by(__name__)

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ODS = "application/vnd.oasis.opendocument.spreadsheet"
LARGEST_BOOK = 64 << 20
"""Bytes of a workbook as it is sent."""

LARGEST_TABLE = 64 << 20
"""Bytes of a sheet as CSV."""
LONGEST_SECONDS = 120
"""However busy the machine is: of a core's time the process takes less, see there."""
SIGNATURE = b"PK\x03\x04"
NO_TABLES = {b"\xd0\xcf\x11\xe0": "old_workbook", b"%PDF": "a_pdf", b"\x89PNG": "an_image", b"\x1f\x8b": "compressed"}
NO_TABLES |= {b"<": "a_page", b"\xff\xd8\xff": "an_image"}
"""What people send in the place of a table, by its first bytes."""
NOT_CSV = (SIGNATURE, *NO_TABLES)
MOST_SHEETS = 40


class Sheet(NamedTuple):
    """A visible sheet of a workbook as CSV (UTF-8, commas); `others`: names of all its other sheets, hidden ones too.

    A line of the CSV is a row of the sheet, by its number; breaks within cells are semicolons.
    """

    content: bytes
    name: str
    others: tuple[str, ...]


def unread_sheets(read: Sequence[Sheet]) -> list[str]:
    """The names of the sheets of a workbook that are not among those read: hidden, or too many."""
    names = {each.name for each in read}
    return [name for name in read[0].others if name not in names]


def uncompressed_size(content: bytes) -> int:
    """The size in bytes of a zip archive once uncompressed; 0 for anything else."""
    try:
        with ZipFile(BytesIO(content)) as book:
            return sum(part.file_size for part in book.infolist())
    except (BadZipFile, NotImplementedError, ValueError, OSError):
        return 0


def reader_of_workbooks(read_table: Reader) -> Reader:
    """The reader of workbooks whose first sheet `read_table` reads as CSV; a line is a row of the sheet.

    It raises UnreadableFile as `first_sheet` does, and as `read_table`.
    """

    def read_workbook(stream: BinaryIO, context: Context) -> Iterator[Row | RowError]:
        content = stream.read(LARGEST_BOOK + 1)
        if len(content) > LARGEST_BOOK:
            raise unreadable("workbook", _SAID["too_large"])
        yield from read_table(BytesIO(first_sheet(content).content), context)

    return read_workbook


def first_sheet(content: bytes) -> Sheet:
    """Read the first visible sheet with a table of an .xlsx or .ods. Raises UnreadableFile where that fails."""
    return sheets_of(content, 1)[0]


def sheets_of(content: bytes, most: int) -> list[Sheet]:
    """Read the first visible sheets of an .xlsx or .ods, at most so many. Raises UnreadableFile where that fails."""
    for first_bytes, what in NO_TABLES.items():
        if content.startswith(first_bytes):
            raise unreadable("workbook", _SAID[what])
    command = [sys.executable, "-I", workbook_process.__file__, *map(str, (MOST_COLUMNS, LARGEST_TABLE, most))]
    try:
        done = subprocess.run(command, input=content, capture_output=True, timeout=LONGEST_SECONDS, check=False, env={})
    except subprocess.TimeoutExpired:
        raise unreadable("workbook", _SAID["too_large"]) from None
    if done.returncode == workbook_process.TOO_LARGE or done.returncode < 0:
        raise unreadable("workbook", _SAID["too_large"])
    if done.returncode:
        raise unreadable("workbook", _SAID["no_workbook"])
    head, _, tables = done.stdout.partition(b"\n")
    named, read, start = json.loads(head), list[Sheet](), 0
    names = [name for name, _ in named]
    for name, size in named:
        if size is not None:
            read.append(Sheet(tables[start : start + size], name, tuple(each for each in names if each != name)))
            start += size
    return read
