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
    written = StringIO()
    table = csv.writer(written, delimiter=";" if dialect == "excel" else ",", lineterminator="\r\n")
    table.writerow(header)
    table.writerows([[_text_of(cell, dialect) for cell in row] for row in rows])
    return written.getvalue().encode("utf-8-sig" if dialect == "excel" else "utf-8")


def _text_of(cell: Cell, dialect: Dialect) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, str):
        return neutralised(cell, keeps_digits=dialect != "excel")
    number = repr(cell).removesuffix(".0")
    return number.replace(".", ",") if dialect == "excel" else number
