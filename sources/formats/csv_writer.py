"""Tables as CSV (RFC 4180), also as French spreadsheets open them by a double click."""

import csv
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Literal

from sources.formats.csv_cells import neutralised

Dialect = Literal["plain", "excel"]
"""`plain`: commas and decimal points. `excel`: semicolons, decimal commas, a byte order mark, digits kept."""
Cell = str | int | float | bool | None


def csv_of(header: Sequence[str], rows: Iterable[Sequence[Cell]], dialect: Dialect = "plain") -> bytes:
    """The table in UTF-8, lines ended by CRLF, unknown values empty; no text in it is a formula to a spreadsheet."""
    mark = b"\xef\xbb\xbf" if dialect == "excel" else b""
    return mark + csv_rows([header], dialect) + csv_rows(rows, dialect)


def csv_rows(rows: Iterable[Sequence[Cell]], dialect: Dialect) -> bytes:
    """Rows of such a table, without its header."""
    written = StringIO()
    table = csv.writer(written, delimiter=";" if dialect == "excel" else ",", lineterminator="\r\n")
    table.writerows([[_text_of(cell, dialect) for cell in row] for row in rows])
    return written.getvalue().encode()


def _text_of(cell: Cell, dialect: Dialect) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, str):
        return neutralised(cell, keeps_digits=dialect != "excel")
    number = repr(cell).removesuffix(".0")
    return number.replace(".", ",") if dialect == "excel" else number
