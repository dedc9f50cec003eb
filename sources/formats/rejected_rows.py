"""The rejected rows of a table, to be corrected in a spreadsheet and sent again."""

from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO

from sources.formats.csv_table import FaultyRow, RowAsWritten, rows_as_written
from sources.formats.csv_writer import Dialect, csv_of
from sources.formats.spreadsheet import is_header
from sources.formats.vivier_columns import ID, TO_CORRECT

DIALECTS: Mapping[str, Dialect] = {"vivier": "excel", "spreadsheet": "excel"}
"""Formats that take back what a spreadsheet is given so that it changes nothing; others read commas."""


def rejected_rows(content: bytes, format_: str, fields: Mapping[str, str], said: Mapping[int, str]) -> bytes:
    """The table of its rejected rows alone, under its header, each with what is wrong in a last column.

    `fields`: of the mapping of its source; `said`: what is wrong, by the lines of the rows. Of a record with several
    rows, all of them. Rows whose cells cannot be told apart are left out.
    """
    rows = (row for row in rows_as_written(BytesIO(content), as_published=True) if not isinstance(row, FaultyRow))
    header: list[str] = []
    for _, cells in rows:
        if format_ != "spreadsheet" or is_header(cells, fields):
            header = cells
            break
    place = header.index(TO_CORRECT) if TO_CORRECT in header else len(header)
    return csv_of(
        [*header[:place], TO_CORRECT],
        [[*cells[:place], *[""] * (place - len(cells)), detail] for cells, detail in _wrong(rows, header, said)],
        DIALECTS.get(format_, "plain"),
    )


def _wrong(
    rows: Iterator[RowAsWritten], header: Sequence[str], said: Mapping[int, str]
) -> Iterator[tuple[list[str], str]]:
    """The rejected rows with their faults; those that go on a record, after its first, with none of their own."""
    identity = header.index(ID) if ID in header else None
    record: str | None = None
    for line, cells in rows:
        own = cells[identity].strip() if identity is not None and identity < len(cells) else ""
        if line in said:
            record = own
            yield cells, said[line]
        elif record and own == record:
            yield cells, ""
        else:
            record = None
