"""The record of the source `declarations` that a supplier's own word makes, and what is told of it to operators.

Of who the supplier is, it holds what others said when it was sent: that counts only once no other record is left.
"""

from datetime import date, datetime
from uuid import UUID

import msgspec

from domain.declarations.declaration import Declaration, Withdrawal, public_contact
from domain.suppliers.supplier import CapacitySize, Offer, Placement, StaffSize, Supplier, SupplierRecord, SupplierSize

_OF_THE_PLACE = ("placed_at_commune", "point_far_from_commune", "outside_france", "no_place")


def record_of(declaration: Declaration, supplier: Supplier, valid_until: date, on: date) -> SupplierRecord:
    """The record of a declaration that the supplier sent on a day, and that holds until another.

    Without the SIRET of a prison's workshop or an ESAT: several sites share one, and it must join none of the others.
    """
    is_placed = not {flag.code for flag in supplier.flags} & {*_OF_THE_PLACE}
    shares_siret = supplier.in_prison or "ESAT" in supplier.kinds
    staff, capacity = declaration.staff, declaration.yearly_capacity_eur
    size = SupplierSize(
        staff=None if staff is None else StaffSize(staff, staff, on),
        yearly_capacity_eur=CapacitySize(capacity.min, capacity.max, on) if capacity else None,
    )
    return SupplierRecord(
        name=supplier.name,
        trade_name=supplier.trade_name,
        siret=None if shares_siret else supplier.siret,
        legal_form=supplier.legal_form,
        ess=supplier.ess,
        in_prison=supplier.in_prison,
        address=supplier.address,
        location=supplier.location if is_placed else None,
        offers=offers_of(declaration, on, valid_until),
        contact=public_contact(declaration.contact),
        employees=staff,
        size=size if size != SupplierSize() else None,
        no_offer_until=valid_until if declaration.no_offer else None,
    )


def offers_of(declaration: Declaration, on: date, valid_until: date) -> tuple[Offer, ...]:
    """The offers that a declaration of this day makes, in its order; its words are not among them."""
    return tuple(
        Offer(
            segments=tuple(dict.fromkeys(each.segments)),
            service_area=each.service_area,
            declared_by="supplier",
            declared_on=on,
            offered_until=valid_until,
        )
        for each in declaration.offers
    )


def placement_of(supplier: Supplier) -> Placement:
    """The place of the supplier as others know it, with what is doubtful about it."""
    flags = tuple(flag for flag in supplier.flags if flag.code in _OF_THE_PLACE)
    return Placement(supplier.location, supplier.commune, flags)


class ListedDeclaration(msgspec.Struct, frozen=True, kw_only=True):
    """A declaration as operators see it."""

    supplier_id: UUID
    """The supplier that it is about"""
    name: str | None
    """The name of the supplier; null: it is no more"""
    siret: str | None
    """Its SIRET; null: not known"""
    organisation: str
    """The organisation whose link it was sent by"""
    link_id: UUID | None
    """That link; null: the answer to an exchange"""
    exchange_id: UUID | None = None
    """That exchange; null: a link, or not known"""
    sent_from: str | None = None
    """A mark of the network address that sent it, the same for all that one sent; null: not known"""
    declaration: Declaration | None
    """What the supplier says; null: it was withdrawn"""
    declared_at: datetime
    """The moment it was last sent"""
    valid_until: date
    """The last day in France on which it holds"""
    expired: bool
    """Whether that day is past"""
    withdrawal: Withdrawal | None
    """Why an operator withdrew it; null: none did"""
    withdrawn_at: datetime | None
    """The moment it was withdrawn, by the supplier itself where there is no `withdrawal`; null: it was not"""
    earlier: tuple["ListedDeclaration", ...] = ()
    """What was said before it, the latest first, until its last day: what an operator can put in its place"""
