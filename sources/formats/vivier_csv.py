"""Our own record as CSV: a header of dotted paths, lists separated by `|`, a row for each offer of a supplier.

Rows of one record follow each other, and differ in the columns of the offer alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO, NamedTuple

from domain.errors import InvalidContent, Problem
from domain.suppliers.rows import Row, RowError, reject
from sources.formats.csv_cells import BadCell, Path, known, plain_boolean, plain_number, restored
from sources.formats.csv_records import missing_columns, unknown_columns
from sources.formats.csv_table import Cells, FaultyRow, read_table
from sources.formats.vivier_columns import COLUMNS, GIVEN_ALONE, ID, OFFER_COLUMNS, TO_CORRECT
from sources.rows import Context, UnreadableFile, row_of

_MOST_ROWS = 201
"""Rows that are held as those of one record: one more than it may have offers."""
_OFFER_COLUMNS = frozenset(OFFER_COLUMNS)
_PLAIN = {
    name: plain_boolean if column.type == "boolean" else plain_number
    for name, column in COLUMNS.items()
    if column.type != "string"
}


class _Record(NamedTuple):
    """The rows of one record: its id, the line of each, and its cells that are not empty."""

    external_id: str | None
    rows: list[Cells]


def read_csv(stream: BinaryIO, context: Context) -> Iterator[Row | RowError]:
    """The records of the file; an empty cell is a value that is not known. An apostrophe before a formula is no part.

    It may be what a spreadsheet saves: see `read_table`. Raises UnreadableFile for a header with unknown, repeated or
    missing columns.
    """
    table = read_table(stream, as_published=True)
    if problems := (
        *unknown_columns(table, (*COLUMNS, *GIVEN_ALONE, TO_CORRECT)),
        *missing_columns(table, (ID, "name")),
    ):
        raise UnreadableFile(problems)
    for each in _records(table.rows):
        if isinstance(each, FaultyRow):
            yield reject(each.line, None, (each.problem,), context.language)
        else:
            yield _row(each, context)


def document_of(cells: Mapping[str, str]) -> dict[str, Any]:
    """The document of a record, from cells by the columns of `COLUMNS`. Raises InvalidContent for unreadable ones."""
    return _document([cells])


def plain_cell(cell: str, name: str) -> str:
    """The cell without the mark before a formula, its number, or its yes or no, as in JSON."""
    plain = _PLAIN.get(name)
    return restored(cell) if plain is None else plain(restored(cell))


def _records(rows: Iterator[Cells | FaultyRow]) -> Iterator[_Record | FaultyRow]:
    """The rows, those that follow each other and describe one record together."""
    held: _Record | None = None
    for row in rows:
        if isinstance(row, FaultyRow):
            if held is not None:
                yield held
            held = None
            yield row
            continue
        given = {name: cell for name, cell in row.cells.items() if cell and name != TO_CORRECT}
        read = Cells(row.line, {name: plain_cell(cell, name) for name, cell in given.items()})
        if held is not None and _goes_on(held, read):
            held.rows.append(read)
            continue
        if held is not None:
            yield held
        held = _Record(known(read.cells.get(ID, "")), [read])
    if held is not None:
        yield held


def _goes_on(held: _Record, row: Cells) -> bool:
    """Whether the row tells another offer of the record; one that is repeated as it is does not."""
    if held.external_id is None or row.cells.get(ID, "").strip() != held.external_id or len(held.rows) == _MOST_ROWS:
        return False
    offers = [{name: cells[name] for name in cells.keys() & _OFFER_COLUMNS} for _, cells in (*held.rows, row)]
    others = [{name: cells[name] for name in cells.keys() - _OFFER_COLUMNS} for _, cells in (held.rows[0], row)]
    return bool(offers[0] and offers[-1]) and offers[-1] not in offers[:-1] and others[0] == others[1]


def _row(record: _Record, context: Context) -> Row | RowError:
    line = record.rows[0].line
    try:
        document = _document([row.cells for row in record.rows])
    except InvalidContent as invalid:
        return reject(line, record.external_id, invalid.problems, context.language)
    _forget_commune_point(document, record.rows[0].cells, context)
    document.pop(ID, None)
    return row_of(line, record.external_id, document, context)


def _document(rows: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """The document of a record with an offer in each row. Raises InvalidContent with every unreadable cell."""
    document: dict[Any, Any] = {}
    problems: list[Problem] = []
    for position, cells in enumerate(rows):
        names = cells if position == 0 else [name for name in OFFER_COLUMNS if name in cells]
        for name in names:
            if (cell := cells[name]) and (column := COLUMNS.get(name)):
                path = ("offers", position, *column.path[2:]) if position else column.path
                try:
                    _put(document, path, column.read(cell, path))
                except BadCell as bad:
                    problems.extend(bad.problems)
    if problems:
        raise InvalidContent(tuple(problems))
    if "offers" in document:
        document["offers"] = list(document["offers"].values())
    return document


def _put(document: dict[Any, Any], path: Path, value: Any) -> None:
    """Set what `path` leads to, making the objects on the way (for the moment `offers` is one too, by position)."""
    if value is not None:
        *way, last = path
        inner = document
        for step in way:
            inner = inner.setdefault(step, {})
        inner[last] = value


def _forget_commune_point(document: dict[str, Any], cells: Mapping[str, str], context: Context) -> None:
    """Take away the point that the directory gave the supplier for want of its own: it stands for its commune."""
    if "placed_at_commune" not in cells.get("flags", "") or "location" not in document:
        return
    ordinal = context.territories.commune_ordinal(document.get("address", {}).get("commune", ""))
    if ordinal is not None:
        commune = context.territories.communes[ordinal]
        if document["location"] == {"lat": commune.lat, "lon": commune.lon}:
            del document["location"]
