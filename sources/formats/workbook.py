"""Workbooks of spreadsheets as the CSV of their first sheet, which the readers of tables take."""

import zlib
from typing import BinaryIO
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile, ZipFile

from defusedxml.common import DefusedXmlException

from domain.text.bilingual import Text
from sources.formats import opendocument, xlsx
from sources.formats.workbook_parts import Sheet
from sources.rows import unreadable

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
            is_xlsx = xlsx.BOOK in book.namelist()
            return xlsx.first_sheet(book) if is_xlsx else opendocument.first_sheet(book)
    except _FAULTS:
        raise unreadable("workbook", _NO_WORKBOOK) from None
