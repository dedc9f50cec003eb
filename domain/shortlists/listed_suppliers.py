"""The suppliers of a frozen shortlist: for which lots they are listed, and set aside by the buyer."""

from collections.abc import Collection
from uuid import UUID

import msgspec

from domain.shortlists.frozen import FrozenShortlist
from domain.shortlists.shortlist import SupplierSummary


class Shortlisted(msgspec.Struct, frozen=True):
    """A supplier with the lots it is a candidate for; `set_aside`: of these, those it was set aside for, and why."""

    supplier: SupplierSummary
    lots: tuple[str, ...]
    set_aside: dict[str, str | None]

    @property
    def kept_lots(self) -> frozenset[str]:
        """The lots for which it was not set aside."""
        return frozenset(self.lots) - self.set_aside.keys()


def shortlisted(version: FrozenShortlist) -> dict[UUID, Shortlisted]:
    """The suppliers that the version shows as candidates, in the order in which they come."""
    decided = {(each.lot_id, each.supplier_id): each for each in version.decisions if each.decision == "set_aside"}
    lots: dict[UUID, list[str]] = {}
    summaries: dict[UUID, SupplierSummary] = {}
    for lot in version.shortlist.lots:
        for candidate in lot.candidates:
            summaries.setdefault(candidate.supplier.id, candidate.supplier)
            lots.setdefault(candidate.supplier.id, []).append(lot.id)
    return {
        supplier_id: Shortlisted(
            summary,
            tuple(lots[supplier_id]),
            {lot: decided[lot, supplier_id].reason for lot in lots[supplier_id] if (lot, supplier_id) in decided},
        )
        for supplier_id, summary in summaries.items()
    }


def to_be_contacted(version: FrozenShortlist, lot_ids: Collection[str]) -> tuple[SupplierSummary, ...]:
    """The candidates that are not set aside, for one of these lots, or for any lot where none is given."""
    found = shortlisted(version).values()
    return tuple(each.supplier for each in found if (each.kept_lots & set(lot_ids) if lot_ids else each.kept_lots))


def everyone_shown(version: FrozenShortlist) -> dict[UUID, SupplierSummary]:
    """Candidates and near misses, by id."""
    shown: dict[UUID, SupplierSummary] = {}
    for lot in version.shortlist.lots:
        for supplier in (*(each.supplier for each in lot.candidates), *(each.supplier for each in lot.near_misses)):
            shown.setdefault(supplier.id, supplier)
    return shown
