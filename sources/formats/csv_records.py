"""Readers of tables: from CSV rows to records."""

from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from typing import BinaryIO

from domain.errors import InvalidContent, Problem, pointer
from domain.suppliers.rows import Row, RowError, reject
from domain.text.bilingual import Text
from sources.formats.csv_cells import known
from sources.formats.csv_table import FaultyRow, Table, read_table
from sources.rows import Context, Document, UnreadableFile, row_of

Identify = Callable[[dict[str, str]], str | None]
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
    return rows_of(table, context, lambda cells: known(cells[columns[0]]), to_document)


def column_of(table: Table, *names: str) -> str | None:
    """The first of the names that the header has: files of one kind name their columns differently."""
    return next((name for name in names if name in table.columns), None)


def missing_columns(table: Table, required: tuple[str, ...]) -> Iterator[Problem]:
    """A problem for each of the required columns that the header does not name."""
    for column in required:
        if column not in table.columns:
            detail = Text(f"La colonne « {column} » est obligatoire", f"The column “{column}” is required")
            yield Problem(pointer(column), "missing_column", detail)


def unknown_columns(table: Table, allowed: Sequence[str]) -> Iterator[Problem]:
    """A problem for each column of the header that is not allowed: a misspelt one must not be passed over."""
    for column in table.columns:
        if column not in allowed:
            yield Problem(pointer(column), "unknown_column", _unknown_column(column, allowed))


def rows_of(
    table: Table, context: Context, id_of: Identify, to_document: ToDocument, joins_of: Identify | None = None
) -> Iterator[Row | RowError]:
    """The rows of a table whose header is in order; `id_of` says the external id of a row's cells.

    `joins_of`: the SIRET or SIREN of the suppliers that a row adds to, where its record has none.
    """
    for row in table.rows:
        if isinstance(row, FaultyRow):
            yield reject(row.line, None, (row.problem,), context.language)
            continue
        external_id = id_of(row.cells)
        try:
            document = to_document(row.cells)
        except InvalidContent as invalid:
            yield reject(row.line, external_id, invalid.problems, context.language)
        else:
            made = row_of(row.line, external_id, document, context)
            if joins_of is not None and isinstance(made, Row):
                made = made._replace(joins=joins_of(row.cells))
            yield made


def _unknown_column(column: str, allowed: Sequence[str]) -> Text:
    shown = column[:80]
    detail = Text(f"Colonne inconnue : « {shown} »", f"Unknown column: “{shown}”")
    if ";" in column:
        return Text(f"{detail.fr} ; les colonnes se séparent par des virgules", f"{detail.en}; commas separate columns")
    spelt = column.strip().lower()
    near = [name for name in allowed if name.endswith("." + spelt)] or get_close_matches(spelt, allowed, n=1)
    if not near:
        return detail
    return Text(f"{detail.fr} ; vouliez-vous dire « {near[0]} » ?", f"{detail.en}; did you mean “{near[0]}”?")
