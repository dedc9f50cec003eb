"""Contracts that a buyer has awarded; they are taken into account in its later shortlists."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import msgspec

from domain.needs.need import Code, Euros, Reserved


class AwardRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A lot of a need, awarded to a supplier."""

    lot_id: Code
    """A lot of the need"""
    supplier_id: UUID
    """A supplier of the directory"""
    awarded_on: date
    """The day of the award"""
    value_eur: Euros | None = None
    """Euros excluding tax; null: not known"""
    reserved: Annotated[tuple[Reserved, ...], msgspec.Meta(max_length=4)] | msgspec.UnsetType = msgspec.UNSET
    """To whom the contract was reserved; empty: to nobody; left out: as the lot says"""
    duration_months: Annotated[int, msgspec.Meta(ge=1, le=1_200)] | None = None
    """Months of the contract; null: not known"""


class Award(msgspec.Struct, frozen=True, kw_only=True):
    """A stored award."""

    id: UUID
    """UUID, given when it was stored"""
    need_id: UUID
    """The need whose lot it is"""
    lot_id: str
    """A lot of the need"""
    supplier_id: UUID
    """The supplier of the directory who won"""
    supplier_name: str
    """As it was at that time"""
    supplier_siret: str | None = None
    """As it was at that time, 14 digits; null: not known"""
    segments: tuple[str, ...]
    """Of the lot's object"""
    awarded_on: date
    """The day of the award"""
    value_eur: float | None
    """Euros excluding tax; null: not known"""
    reserved: tuple[Reserved, ...]
    """To whom the contract was reserved; empty: to nobody"""
    duration_months: int | None
    """Months of the contract; null: not known"""
    direct: bool
    """Whether it was made without competition"""
    created_at: datetime
    """The moment it was recorded here"""


class PastAward(Award, frozen=True, kw_only=True):
    """An award, and the SIRET of the buyer that its need names, null where it names none."""

    buyer_siret: str | None = None


def by_supplier(awards: Iterable[PastAward]) -> dict[UUID, tuple[PastAward, ...]]:
    """The awards of each supplier, oldest first."""
    found: dict[UUID, list[PastAward]] = {}
    for award in sorted(awards, key=lambda each: (each.awarded_on, each.id)):
        found.setdefault(award.supplier_id, []).append(award)
    return {supplier: tuple(of_it) for supplier, of_it in found.items()}
