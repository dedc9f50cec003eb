"""Contracts that a buyer has awarded; they are taken into account in its later shortlists."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import msgspec

from domain.needs.need import Code, Euros, Reserved


class AwardRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A lot of a need, awarded to a supplier.

    `reserved`: to whom the contract was reserved; empty: to nobody; left out: as the lot says.
    """

    lot_id: Code
    supplier_id: UUID
    awarded_on: date
    value_eur: Euros | None = None
    reserved: Annotated[tuple[Reserved, ...], msgspec.Meta(max_length=4)] | msgspec.UnsetType = msgspec.UNSET
    duration_months: Annotated[int, msgspec.Meta(ge=1, le=1_200)] | None = None


class Award(msgspec.Struct, frozen=True, kw_only=True):
    """A stored award.

    `segments`: of the lot's object. `supplier_name`, `supplier_siret`: the supplier's at that time. `direct`: it was
    made without competition.
    """

    id: UUID
    need_id: UUID
    lot_id: str
    supplier_id: UUID
    supplier_name: str
    supplier_siret: str | None = None
    segments: tuple[str, ...]
    awarded_on: date
    value_eur: float | None
    reserved: tuple[Reserved, ...]
    duration_months: int | None
    direct: bool
    created_at: datetime


class PastAward(Award, frozen=True, kw_only=True):
    """An award, and the SIRET of the buyer that its need names, null where it names none."""

    buyer_siret: str | None = None


def by_supplier(awards: Iterable[PastAward]) -> dict[UUID, tuple[PastAward, ...]]:
    """The awards of each supplier, oldest first."""
    found: dict[UUID, list[PastAward]] = {}
    for award in sorted(awards, key=lambda each: (each.awarded_on, each.id)):
        found.setdefault(award.supplier_id, []).append(award)
    return {supplier: tuple(of_it) for supplier, of_it in found.items()}
