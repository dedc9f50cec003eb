"""Format `vivier`, our own: records read from JSON and CSV, and suppliers written as rows of the same CSV.

JSON: one record per line (NDJSON) or all in one array; each with the source's own `external_id`. CSV: a header of
dotted paths, lists separated by `|`, a row for each offer of a supplier. Rows of one record follow each other, and
differ in the columns of the offer alone. An import makes the same records again of the rows that are written.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from typing import Any, BinaryIO

import msgspec

from domain.decoding.requests import decode_with_plain, find_null_character, find_repeated_key
from domain.errors import Problem
from domain.suppliers.assembly import source_of_each_field
from domain.suppliers.record_check import expiry_flags
from domain.suppliers.source import Row, RowError, reject
from domain.suppliers.supplier import Approval, Evidence, Offer, SizeInEuros, StaffSize, Supplier, SupplierSize
from domain.text.labels import GIVEN_ALONE
from sources.file_types.csv_cells import BadCell, Cell, Path, escaped_text, text_or_none, unmarked_text
from sources.file_types.csv_table import Cells, FaultyRow, missing_columns, read_table, unknown_columns
from sources.file_types.json_items import UNDECODABLE, decoding_problem, elements
from sources.formats.vivier_columns import (
    APPROVAL_FIELDS,
    COLUMNS,
    EVIDENCE_FIELDS,
    HEADER,
    ID,
    NONE_HELD,
    OFFER_COLUMNS,
    TO_CORRECT,
)
from sources.postal_addresses import PHONE_DIGITS, confirmed_postal_code, with_first_zero
from sources.rows import TOO_LONG, Context, RecordRow, UnreadableFile, lines, row_of


class _RecordId(msgspec.Struct):
    """The external id of a record, decoded alone for the reject of a record that is faulty."""

    external_id: str | None = None


_decoder = msgspec.json.Decoder(RecordRow)
_id_decoder = msgspec.json.Decoder(_RecordId)


def read_ndjson(stream: BinaryIO, context: Context) -> Iterator[Row | RowError]:
    """Read records from NDJSON, one object per line; blank lines are skipped."""
    for line in lines(stream):
        if line.data is None or line.data.strip():
            yield _read_record(line.number, line.data, context)


def read_json(stream: BinaryIO, context: Context) -> Iterator[Row | RowError]:
    """Read records from one JSON array of objects; raises UnreadableFile for any other document."""
    for element in elements(stream):
        yield _read_record(element.line, element.data, context)


def _read_record(line: int, data: bytes | None, context: Context) -> Row | RowError:
    if data is None:
        return reject(line, None, (TOO_LONG,), context.language)
    try:
        row, document = decode_with_plain(data, _decoder)
    except UNDECODABLE as error:
        known_id = None
        with suppress(*UNDECODABLE):
            known_id = _id_decoder.decode(data).external_id or None
        return reject(line, known_id, (decoding_problem(error, RecordRow, data),), context.language)
    if problem := find_null_character(data) or (document is None and find_repeated_key(data)):
        known = None if problem.pointer == "/external_id" else row.external_id
        return reject(line, known, (problem,), context.language)
    return row.row(line)


_MOST_ROWS = 201
"""Rows that are held as those of one record: one more than it may have offers."""
_OFFER_COLUMNS = frozenset(OFFER_COLUMNS)


def read_csv(stream: BinaryIO, context: Context) -> Iterator[Row | RowError]:
    """Read records from CSV: an empty cell is an unknown value, an apostrophe before a formula is dropped.

    It may be what a spreadsheet saves: see `read_table`. Raises UnreadableFile for a header with unknown, repeated or
    missing columns: those that only we write are unknown in a table without our `id`.
    """
    table = read_table(stream, also=(*COLUMNS, *GIVEN_ALONE))
    written = GIVEN_ALONE if "id" in table.columns else ()
    if problems := (
        *unknown_columns(table, (*COLUMNS, *written, TO_CORRECT)),
        *missing_columns(table, (ID, "name")),
    ):
        raise UnreadableFile(problems, table.columns)
    yield from read_grouped_rows(_rows_by_record(table.rows), context)


def read_grouped_rows(grouped: Iterable[list[Cells] | FaultyRow], context: Context) -> Iterator[Row | RowError]:
    """Read records from the rows of each, of which the first has all its columns, and the others those of an offer."""
    for rows in grouped:
        if isinstance(rows, FaultyRow):
            yield reject(rows.line, None, (rows.problem,), context.language)
            continue
        line, cells = rows[0]
        external_id = text_or_none(cells.get(ID, ""))
        document = document_of(*(row.cells for row in rows))
        _forget_commune_point(document, cells, context)
        document.pop(ID, None)
        yield row_of(line, external_id, document, context)


def document_of(*rows: Mapping[str, str]) -> dict[str, Any]:
    """Make the document of a record from rows of cells by column (see `COLUMNS`); each row has one of its offers.

    Its `problems` are those of every unreadable cell.
    """
    document: dict[Any, Any] = {}  # of which `offers` is an object too, by position, until all are read
    problems: list[Problem] = []
    for position, cells in enumerate(rows):
        names = cells if position == 0 else [name for name in OFFER_COLUMNS if name in cells]
        for name in names:
            if (cell := cells[name]) and (column := COLUMNS.get(name)):
                path = ("offers", position, *column.path[2:]) if position else column.path
                try:
                    value = column.read(cell, path)
                except BadCell as bad:
                    problems.extend(bad.problems)
                    continue
                if value is not None:
                    inner = document
                    for step in path[:-1]:
                        inner = inner.setdefault(step, {})
                    inner[path[-1]] = value
    return _as_record_has(document) | ({"problems": problems} if problems else {})


def _as_record_has(document: dict[str, Any]) -> dict[str, Any]:
    """The document with staff and offers in their fields, and the zeros that spreadsheets take off in their places."""
    for field, value in document.pop("employees", {}).items():
        document.setdefault(field, value)
    address, contact = document.get("address", {}), document.get("contact", {})
    if "postal_code" in address and "commune" in address:
        address["postal_code"] = confirmed_postal_code(address["postal_code"], address["commune"])
    if "phone" in contact and ("commune" in address or "siret" in document):  # else it may be of another country
        contact["phone"] = with_first_zero(contact["phone"], PHONE_DIGITS)
    if "offers" in document:
        document["offers"] = list(document["offers"].values())
    return document


def put_inferred_offers(document: dict[str, Any], offers: Iterable[Offer]) -> None:
    """Replace the offers in a record's document by inferred ones, in the service area of those replaced."""
    areas = (offer["service_area"] for offer in document.get("offers", ()) if "service_area" in offer)
    area = next(areas, None)
    document["offers"] = [msgspec.to_builtins(offer) | {"service_area": area} for offer in offers]


def _rows_by_record(rows: Iterator[Cells | FaultyRow]) -> Iterator[list[Cells] | FaultyRow]:
    """Group adjoining rows that describe one record, an offer in each; their empty cells are dropped."""
    held: list[Cells] = []
    for row in rows:
        if isinstance(row, FaultyRow):
            if held:
                yield held
            held = []
            yield row
            continue
        given = {name: cell for name, cell in row.cells.items() if cell and name != TO_CORRECT}
        read = Cells(row.line, {name: unmarked_text(cell) for name, cell in given.items()})
        if held and not _adds_an_offer(held, read):
            yield held
            held = []
        held.append(read)
    if held:
        yield held


def _adds_an_offer(before: list[Cells], row: Cells) -> bool:
    """Whether a row describes the same record as the rows `before` it, with an offer that none of them has."""
    identity = before[0].cells.get(ID, "").strip()
    if not identity or row.cells.get(ID, "").strip() != identity or len(before) == _MOST_ROWS:
        return False
    offers = [{name: cells[name] for name in cells.keys() & _OFFER_COLUMNS} for _, cells in (*before, row)]
    others = [{name: cells[name] for name in cells.keys() - _OFFER_COLUMNS} for _, cells in (before[0], row)]
    return bool(offers[0] and offers[-1]) and offers[-1] not in offers[:-1] and others[0] == others[1]


def _forget_commune_point(document: dict[str, Any], cells: Mapping[str, str], context: Context) -> None:
    """Remove a record's point where the directory had put the middle of the commune for lack of a better one."""
    if "placed_at_commune" not in cells.get("flags", "") or "location" not in document:
        return
    ordinal = context.territories.commune_ordinal(document.get("address", {}).get("commune", ""))
    if ordinal is not None:
        commune = context.territories.communes[ordinal]
        if document["location"] == {"lat": commune.lat, "lon": commune.lon}:
            del document["location"]


def rows_of_supplier(supplier: Supplier, on: date, source: str | None = None) -> Iterator[Sequence[Cell]]:
    """Yield a supplier's CSV rows under `HEADER`, on the day `on`: one per distinct offer, one if it has none.

    `external_id` is that of its record at `source`, else its id. The person to contact and public awards are left out.
    """
    cells = supplier_cells(supplier, on, source)
    for offer in dict.fromkeys(supplier.offers) or (None,):
        whole = cells if offer is None else cells | offer_cells(offer)
        yield [whole.get(name) for name in HEADER]


def supplier_cells(supplier: Supplier, on: date, source: str | None = None) -> dict[str, Cell]:
    """The cells of a supplier by column, those of its offers and unknown ones left out; see `rows_of_supplier`."""
    supplier = msgspec.structs.replace(supplier, size=_size_to_write(supplier, source))
    cells = _known_cells(supplier, _FIELDS_OF_SUPPLIER)
    held = ((each, APPROVAL_FIELDS if each.reference else APPROVAL_FIELDS[:-1]) for each in supplier.approvals or ())
    approvals = "|".join(_joined_fields(each, names) for each, names in held)
    at_source = (ref.external_id for ref in supplier.sources if ref.source == source)
    cells |= {
        ID: next(at_source, str(supplier.id)),
        "approvals": None if supplier.approvals is None else approvals or NONE_HELD[0],
        "labels": _joined_texts(supplier.labels),
        "id": str(supplier.id),
        "kinds": _joined_texts(supplier.kinds),
        "commune": supplier.commune,
        "flags": _joined_texts(tuple(flag.code for flag in supplier.flags + expiry_flags(supplier.approvals, on))),
        "sources": _joined_texts(tuple(f"{ref.source}:{ref.external_id}" for ref in supplier.sources)),
        "updated_at": supplier.updated_at.isoformat(),
    }
    return cells


def _size_to_write(supplier: Supplier, source: str | None) -> SupplierSize:
    """The size without what the columns `employees` and `turnover_eur` say, and without the table's own source."""
    size = supplier.size
    if size == NO_SIZE:
        return size
    known = source_of_each_field(supplier)
    employees, turnover = supplier.employees or 0, supplier.turnover_eur or 0.0
    said = (
        StaffSize(employees, employees, None, known.get("employees")),
        SizeInEuros(turnover, None, known.get("turnover_eur")),
    )
    parts = (None if part in said else part for part in msgspec.structs.astuple(size))
    return SupplierSize(
        *(
            part and msgspec.structs.replace(part, source=None if part.source == source else part.source)
            for part in parts
        )
    )


NO_SIZE = SupplierSize()
_Fields = Sequence[tuple[Path, Sequence[tuple[str, str]]]]


def _fields_by_parent(names: Iterable[str], root: Path) -> _Fields:
    """Paths below a root, each with the columns of its fields and their names: what is null has none of them."""
    found: dict[Path, list[tuple[str, str]]] = {}
    for name in names:
        *parent, field = COLUMNS[name].path[len(root) :]
        found.setdefault(tuple(parent), []).append((name, str(field)))
    return tuple(found.items())


_FIELDS_OF_SUPPLIER = _fields_by_parent(COLUMNS.keys() - {*OFFER_COLUMNS, "approvals"}, ())
_FIELDS_OF_OFFER = _fields_by_parent({*OFFER_COLUMNS} - {"evidence"}, ("offers", 0))


def _known_cells(whole: object, fields: _Fields) -> dict[str, Cell]:
    """The cells of the fields of a value that are known, by column."""
    cells: dict[str, Cell] = {}
    for parent, columns in fields:
        value = whole
        for name in parent:
            value = getattr(value, str(name), None)
        for column, field in columns if value is not None else ():
            cell = getattr(value, field, None)
            if cell is None:
                continue
            if isinstance(cell, (str, int, float)):
                cells[column] = cell
            elif isinstance(cell, date):
                cells[column] = cell.isoformat()
            elif isinstance(cell, tuple):
                cells[column] = _joined_texts(cell)
            elif isinstance(cell, msgspec.Struct):
                cells[column] = msgspec.json.encode(cell).decode()
    return cells


def offer_cells(offer: Offer) -> dict[str, Cell]:
    """The known cells of an offer by column."""
    evidence = "|".join(_joined_fields(each, EVIDENCE_FIELDS) for each in offer.evidence)
    return _known_cells(offer, _FIELDS_OF_OFFER) | {"evidence": evidence}


def _joined_fields(value: Approval | Evidence, names: Sequence[str]) -> str:
    written = (getattr(value, name) for name in names)
    return ":".join("" if one is None else escaped_text(str(one), "|:") for one in written)


def _joined_texts(items: Sequence[str]) -> str:
    return "|".join(map(escaped_text, items))
