"""Suppliers as matching reads them, and as the index holds them in JSON: a summary to show, details to judge by."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from domain.law.supplier_facts import LegalFacts
from domain.shortlists.shortlist import PublicContact, SupplierSummary
from domain.suppliers.supplier import Approval, Contact, Kind, LegalForm, Offer, Point, Shares

_encode = msgspec.json.Encoder().encode


class SourceName(msgspec.Struct, frozen=True, gc=False):
    """The name of a source that describes a supplier."""

    source: str


class _FromSource(Protocol):
    @property
    def source(self) -> str: ...


class MatchedSupplier(Protocol):
    """The fields of a supplier that matching reads: `Supplier` has them, and so has `IndexedSupplier`."""

    @property
    def id(self) -> UUID: ...
    @property
    def name(self) -> str: ...
    @property
    def siret(self) -> str | None: ...
    @property
    def kinds(self) -> tuple[Kind, ...]: ...
    @property
    def legal_form(self) -> LegalForm | None: ...
    @property
    def ess(self) -> bool | None: ...
    @property
    def approvals(self) -> tuple[Approval, ...] | None: ...
    @property
    def shares(self) -> Shares: ...
    @property
    def in_prison(self) -> bool | None: ...
    @property
    def commune(self) -> str | None: ...
    @property
    def location(self) -> Point | None: ...
    @property
    def offers(self) -> tuple[Offer, ...]: ...
    @property
    def contact(self) -> Contact: ...
    @property
    def turnover_eur(self) -> float | None: ...
    @property
    def active(self) -> bool: ...
    @property
    def sources(self) -> Sequence[_FromSource]: ...
    @property
    def updated_at(self) -> datetime: ...


class IndexedSupplier(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A supplier's document read for the index, or read back from it; what matching has no use for is left out."""

    id: UUID
    name: str
    siret: str | None = None
    kinds: tuple[Kind, ...] = ()
    legal_form: LegalForm | None = None
    ess: bool | None = None
    approvals: tuple[Approval, ...] | None = None
    shares: Shares = Shares()
    in_prison: bool | None = None
    commune: str | None = None
    location: Point | None = None
    offers: tuple[Offer, ...] = ()
    contact: Contact = Contact()
    turnover_eur: float | None = None
    active: bool = True
    sources: tuple[SourceName, ...] = ()
    updated_at: datetime


class _Details(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The fields of `IndexedSupplier` that are not in its summary."""

    approvals: tuple[Approval, ...] | None = None
    shares: Shares = Shares()
    in_prison: bool | None = None
    offers: tuple[Offer, ...] = ()
    turnover_eur: float | None = None
    sources: tuple[SourceName, ...] = ()


read_document = msgspec.json.Decoder(IndexedSupplier).decode
"""The `IndexedSupplier` of a supplier's document in JSON."""


def summary_json(supplier: MatchedSupplier) -> bytes:
    """The supplier as a shortlist shows it, in JSON: no contact person."""
    contact = supplier.contact
    return _encode(
        SupplierSummary(
            id=supplier.id,
            name=supplier.name,
            siret=supplier.siret,
            kinds=supplier.kinds,
            legal_form=supplier.legal_form,
            ess=supplier.ess,
            commune=supplier.commune,
            location=supplier.location,
            contact=PublicContact(contact.email, contact.phone, contact.website),
            updated_at=supplier.updated_at,
        )
    )


def details_json(supplier: MatchedSupplier) -> bytes:
    """The rest of what matching reads of the supplier, in JSON."""
    return _encode(
        _Details(
            supplier.approvals,
            supplier.shares,
            supplier.in_prison,
            supplier.offers,
            supplier.turnover_eur,
            tuple([SourceName(each.source) for each in supplier.sources]),
        )
    )


def read_back(summary: bytes, details: bytes) -> IndexedSupplier:
    """The supplier of a summary and details; the contact is the public one."""
    return read_document(summary if details == b"{}" else b"%b,%b" % (summary[:-1], details[1:]))


def legal_facts(supplier: MatchedSupplier) -> LegalFacts:
    """The legal facts of a supplier."""
    return LegalFacts(supplier.approvals, supplier.shares, supplier.in_prison, supplier.legal_form, supplier.ess)
