"""Suppliers as matching reads them, and as the index holds them in JSON: a summary to show, details to judge by."""

from datetime import datetime
from operator import attrgetter
from typing import Protocol
from uuid import UUID

import msgspec
from msgspec import Raw

from domain.law.reservations.eligibility import LegalFacts
from domain.shortlists.shortlist import SupplierSummary
from domain.suppliers.supplier import Approval, Contact, Kind, LegalForm, Offer, Point, Shares, Supplier

NULL, NOTHING = Raw(b"null"), Raw(b"[]")
_encode = msgspec.json.Encoder().encode


class _PublicContact(msgspec.Struct, frozen=True, gc=False):
    """The fields of `PublicContact`: no person."""

    email: Raw = NULL
    phone: Raw = NULL
    website: Raw = NULL


class SourceName(msgspec.Struct, frozen=True, gc=False):
    """The name of a source that describes a supplier."""

    source: str


class FromSource(Protocol):
    """Something that names a source."""

    @property
    def source(self) -> str: ...


class IndexedSupplier(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A supplier as it is read back from an index; what matching has no use for is left out."""

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
    employees: int | None = None
    turnover_eur: float | None = None
    active: bool = True
    sources: tuple[SourceName, ...] = ()
    updated_at: datetime


MatchedSupplier = Supplier | IndexedSupplier
"""A supplier with the fields that matching reads."""


class SupplierDocument(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A supplier's document as an index is built from it: what is only handed on stays as it is written."""

    id: str
    name: Raw
    siret: Raw = NULL
    kinds: tuple[Kind, ...] = ()
    legal_form: LegalForm | None = None
    ess: bool | None = None
    approvals: tuple[Approval, ...] | None = None
    shares: Shares = Shares()
    in_prison: bool | None = None
    commune: Raw = NULL
    location: Point | None = None
    offers: Raw = NOTHING
    contact: _PublicContact = _PublicContact()
    employees: int | None = None
    turnover_eur: Raw = NULL
    active: bool = True
    sources: tuple[SourceName, ...] = ()
    updated_at: Raw


_SUMMARY = SupplierSummary.__struct_fields__
_DETAILS = tuple(name for name in IndexedSupplier.__struct_fields__ if name not in (*_SUMMARY, "active"))
_Details = msgspec.defstruct("_Details", _DETAILS, frozen=True, gc=False)
_summary_of, _details_of = attrgetter(*_SUMMARY), attrgetter(*_DETAILS)

read_document = msgspec.json.Decoder(SupplierDocument).decode
"""The `SupplierDocument` of a supplier in JSON."""
read_offers = msgspec.json.Decoder(tuple[Offer, ...]).decode
"""The offers of a `SupplierDocument`."""
_read_indexed = msgspec.json.Decoder(IndexedSupplier).decode


def document_of(supplier: MatchedSupplier) -> SupplierDocument:
    """The document of a supplier."""
    return read_document(_encode(supplier))


def summary_json(document: SupplierDocument) -> bytes:
    """The supplier as a shortlist shows it (`SupplierSummary`), in JSON: no contact person."""
    return _encode(SupplierSummary(*_summary_of(document)))


def details_json(document: SupplierDocument) -> bytes:
    """The rest of what matching reads of the supplier, in JSON."""
    return _encode(_Details(*_details_of(document)))


def read_back(summary: bytes, details: bytes) -> IndexedSupplier:
    """The supplier of a summary and details; the contact is the public one."""
    return _read_indexed(b"%b,%b" % (summary[:-1], details[1:]))


def legal_facts(supplier: MatchedSupplier | SupplierDocument) -> LegalFacts:
    """The legal facts of a supplier."""
    return LegalFacts(supplier.approvals, supplier.shares, supplier.in_prison, supplier.legal_form, supplier.ess)
