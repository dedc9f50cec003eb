"""From CSV rows to records: what the readers of all tabular formats share."""

from collections.abc import Callable, Iterator
from typing import BinaryIO

from domain.errors import InvalidContent, Problem, pointer
from domain.suppliers.rows import Row, RowError, reject
from domain.text.bilingual import Text
from sources.formats.csv_table import Cells, Faulty, Table, read_table
from sources.rows import Context, Document, UnreadableFile, row_of

ToDocument = Callable[[dict[str, str]], Document]


def read_records(
    stream: BinaryIO, context: Context, columns: tuple[str, ...], to_document: ToDocument
) -> Iterator[Row | RowError]:
    """The rows of a source's own table, whose first of `columns` is the external id.

    `to_document` makes of the cells what a record holds, and raises InvalidContent for cells it cannot read.
    Columns beyond `columns` are not looked at. Raises UnreadableFile where one of them is missing.
    """
    table = read_table(stream)
    if missing := tuple(missing_columns(table, columns)):
        raise UnreadableFile(missing)
    return rows_of(table, context, columns[0], to_document)


def missing_columns(table: Table, required: tuple[str, ...]) -> Iterator[Problem]:
    """A problem for each of the required columns that the header does not name."""
    for column in required:
        if column not in table.columns:
            detail = Text(f"La colonne « {column} » est obligatoire", f"The column “{column}” is required")
            yield Problem(pointer(column), "missing_column", detail)


def rows_of(table: Table, context: Context, id_column: str, to_document: ToDocument) -> Iterator[Row | RowError]:
    """The rows of a table whose header is in order."""
    for row in table.rows:
        if isinstance(row, Faulty):
            yield reject(row.line, None, (row.problem,), context.language)
        else:
            yield _row(row, row.cells[id_column].strip() or None, context, to_document)


def _row(row: Cells, external_id: str | None, context: Context, to_document: ToDocument) -> Row | RowError:
    try:
        document = to_document(row.cells)
    except InvalidContent as invalid:
        return reject(row.line, external_id, invalid.problems, context.language)
    return row_of(row.line, external_id, document, context)
