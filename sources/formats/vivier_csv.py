"""Our own record as CSV: a header of dotted paths, lists separated by `|`, at most one offer per row."""

from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from domain.errors import InvalidContent, Problem
from domain.suppliers.rows import Row, RowError
from domain.text.bilingual import Text
from sources.formats.csv_cells import BadCell, Path, boolean, integer, known, number, restored
from sources.formats.csv_records import missing_columns, rows_of, unknown_columns
from sources.formats.csv_table import read_table
from sources.rows import Context, UnreadableFile

_EVIDENCE = Text(
    "Un indice s'écrit award:2024-05-02:decp:2024-117:Entretien des parcs (genre, date, source, référence, libellé)",
    "Evidence is written award:2024-05-02:decp:2024-117:Upkeep of parks (kind, date, source, reference, label)",
)
_APPROVAL = Text("Un agrément s'écrit ACI:2025-01-01:2027-12-31", "An approval is written ACI:2025-01-01:2027-12-31")
_OFFER: Path = ("offers", 0)
_AREA: Path = (*_OFFER, "service_area")


def _text(cell: str, _: Path) -> str:
    return cell


def _list(cell: str, _: Path) -> list[str]:
    return [item.strip() for item in cell.split("|")]


def _approvals(cell: str, path: Path) -> list[dict[str, str]]:
    return [_approval(item, (*path, position)) for position, item in enumerate(_list(cell, path))]


def _approval(written: str, path: Path) -> dict[str, str]:
    kind, *bounds = (part.strip() for part in written.split(":"))
    if len(bounds) not in (0, 2):
        raise BadCell(path, "wrong_format", _APPROVAL)
    named = zip(("valid_from", "valid_until"), bounds, strict=False)
    return {"kind": kind} | {name: bound for name, bound in named if bound}


def _evidence(cell: str, path: Path) -> list[dict[str, str]]:
    return [_one_evidence(item, (*path, position)) for position, item in enumerate(_list(cell, path))]


def _one_evidence(written: str, path: Path) -> dict[str, str]:
    parts = [part.strip() for part in written.split(":", len(EVIDENCE_FIELDS) - 1)]
    if len(parts) != len(EVIDENCE_FIELDS):
        raise BadCell(path, "wrong_format", _EVIDENCE)
    return {name: part for name, part in zip(EVIDENCE_FIELDS, parts, strict=True) if part}


EVIDENCE_FIELDS = ("kind", "on", "source", "reference", "label")

# column → where its value goes in the record, and how a cell of it is read
COLUMNS: dict[str, tuple[Path, Callable[[str, Path], Any]]] = {
    "external_id": (("external_id",), _text),
    "name": (("name",), _text),
    "trade_name": (("trade_name",), _text),
    "siret": (("siret",), _text),
    "legal_form": (("legal_form",), _text),
    "ess": (("ess",), boolean),
    "approvals": (("approvals",), _approvals),
    "shares.disabled": (("shares", "disabled"), number),
    "shares.disadvantaged": (("shares", "disadvantaged"), number),
    "shares.detained": (("shares", "detained"), number),
    "in_prison": (("in_prison",), boolean),
    "address.street": (("address", "street"), _text),
    "address.postal_code": (("address", "postal_code"), _text),
    "address.city": (("address", "city"), _text),
    "address.commune": (("address", "commune"), _text),
    "location.lat": (("location", "lat"), number),
    "location.lon": (("location", "lon"), number),
    "segments": ((*_OFFER, "segments"), _list),
    "cpv": ((*_OFFER, "cpv"), _list),
    "basis": ((*_OFFER, "basis"), _text),
    "evidence": ((*_OFFER, "evidence"), _evidence),
    "radius_km": ((*_AREA, "radius_km"), number),
    "area_codes": ((*_AREA, "codes"), _list),
    # `false` in a column for all rows only means that the offer is not national
    "national": ((*_AREA, "national"), lambda cell, path: boolean(cell, path) or None),
    "description": (("description",), _text),
    "contact.email": (("contact", "email"), _text),
    "contact.phone": (("contact", "phone"), _text),
    "contact.website": (("contact", "website"), _text),
    "contact.person": (("contact", "person"), _text),
    "employees": (("employees",), integer),
    "turnover_eur": (("turnover_eur",), number),
    "labels": (("labels",), _list),
    "active": (("active",), boolean),
}
_ID = "external_id"


def read_csv(stream: BinaryIO, context: Context) -> Iterator[Row | RowError]:
    """One record per row; an empty cell is a value that is not known. An apostrophe before a formula is no part of it.

    Raises UnreadableFile for a header with unknown, repeated or missing columns.
    """
    table = read_table(stream)
    if problems := (*unknown_columns(table, tuple(COLUMNS)), *missing_columns(table, (_ID, "name"))):
        raise UnreadableFile(problems)
    return rows_of(
        table,
        context,
        lambda cells: known(restored(cells[_ID])),
        lambda cells: document_of({column: restored(cell) for column, cell in cells.items()}),
    )


def document_of(cells: dict[str, str]) -> dict[str, Any]:
    """The document of a record, from cells by the columns of `COLUMNS`. Raises InvalidContent for unreadable ones."""
    document: dict[Any, Any] = {}
    problems: list[Problem] = []
    for column, cell in cells.items():
        if cell:
            path, read = COLUMNS[column]
            try:
                value = read(cell, path)
            except BadCell as bad:
                problems.extend(bad.problems)
            else:
                _put(document, path, value)
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
