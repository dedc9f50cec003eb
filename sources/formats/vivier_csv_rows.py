"""Suppliers as rows of our own CSV, from which an import makes the same records again."""

from collections.abc import Iterator, Sequence
from datetime import date

import msgspec

from domain.suppliers.record_check import expired
from domain.suppliers.supplier import Approval, Evidence, Offer, Supplier
from sources.formats.csv_cells import escaped
from sources.formats.csv_writer import Cell
from sources.formats.vivier_columns import (
    APPROVAL_FIELDS,
    COLUMNS,
    EVIDENCE_FIELDS,
    GIVEN_ALONE,
    ID,
    NONE_HELD,
    OFFER_COLUMNS,
)

NEVER_GIVEN = "contact.person"
HEADER = ("id", *(name for name in COLUMNS if name != NEVER_GIVEN), *(name for name in GIVEN_ALONE if name != "id"))


def rows_of_supplier(supplier: Supplier, on: date, source: str | None = None) -> Iterator[Sequence[Cell]]:
    """The rows of a supplier on the day `on`, by `HEADER`: one for each distinct offer, or one where it has none.

    `external_id` is that of its record at `source`, else its id. The person to contact and public awards are left out.
    """
    cells = {name: _of_supplier(supplier, name) for name in COLUMNS if name not in OFFER_COLUMNS}
    at_source = (ref.external_id for ref in supplier.sources if ref.source == source)
    cells |= {
        ID: next(at_source, str(supplier.id)),
        "approvals": _approvals(supplier.approvals),
        "labels": _list(supplier.labels),
        "id": str(supplier.id),
        "kinds": _list(supplier.kinds),
        "commune": supplier.commune,
        "flags": _list(tuple(flag.code for flag in supplier.flags + expired(supplier.approvals, on))),
        "sources": _list(tuple(f"{ref.source}:{ref.external_id}" for ref in supplier.sources)),
        "updated_at": supplier.updated_at.isoformat(),
    }
    for offer in dict.fromkeys(supplier.offers) or (None,):
        whole = cells if offer is None else cells | {name: _of_offer(offer, name) for name in OFFER_COLUMNS}
        yield [whole.get(name) for name in HEADER]


def _of_supplier(supplier: Supplier, column: str) -> Cell:
    """The value that the column's path leads to; None where something on the way is unknown."""
    value: object = supplier
    for name in COLUMNS[column].path:
        value = getattr(value, str(name), None)
    return value if isinstance(value, str | int | float) else None


def _of_offer(offer: Offer, column: str) -> Cell:
    value: object = offer
    for name in COLUMNS[column].path[2:]:
        value = getattr(value, str(name), None)
    if column == "evidence":
        return "|".join(map(_evidence, offer.evidence))
    if isinstance(value, tuple):
        return _list(value)
    if isinstance(value, msgspec.Struct):
        return msgspec.json.encode(value).decode()
    return value if isinstance(value, str | int | float) else None


def _approvals(approvals: tuple[Approval, ...] | None) -> Cell:
    if approvals is None:
        return None
    return "|".join(_approval(each) for each in approvals) or NONE_HELD[0]


def _approval(approval: Approval) -> str:
    kept = APPROVAL_FIELDS if approval.reference else APPROVAL_FIELDS[:-1]
    return _parts(approval, kept)


def _evidence(evidence: Evidence) -> str:
    return _parts(evidence, EVIDENCE_FIELDS)


def _parts(value: Approval | Evidence, names: Sequence[str]) -> str:
    written = (getattr(value, name) for name in names)
    return ":".join("" if one is None else escaped(str(one), "|:") for one in written)


def _list(items: Sequence[str]) -> str:
    return "|".join(map(escaped, items))
