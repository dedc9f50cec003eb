"""The suppliers of a frozen shortlist: those to be contacted, and all that it shows."""

from collections.abc import Collection
from uuid import UUID

from domain.shortlists.frozen import FrozenShortlist
from domain.shortlists.shortlist import SupplierSummary


def to_be_contacted(version: FrozenShortlist, lot_ids: Collection[str]) -> tuple[SupplierSummary, ...]:
    """The candidates that are not set aside, for one of these lots, or for any lot where none is given."""
    aside = {(each.lot_id, each.supplier_id) for each in version.decisions if each.decision == "set_aside"}
    rows = ((lot.id, each.supplier) for lot in version.shortlist.lots for each in lot.candidates)
    found = {
        supplier.id: supplier
        for lot_id, supplier in rows
        if (lot_id, supplier.id) not in aside and (not lot_ids or lot_id in lot_ids)
    }
    return tuple(found.values())


def everyone_shown(version: FrozenShortlist) -> dict[UUID, SupplierSummary]:
    """Candidates and near misses, by id."""
    shown: dict[UUID, SupplierSummary] = {}
    for lot in version.shortlist.lots:
        for supplier in (*(row.supplier for row in lot.candidates), *(row.supplier for row in lot.near_misses)):
            shown.setdefault(supplier.id, supplier)
    return shown
