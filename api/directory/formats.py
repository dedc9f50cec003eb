"""Representations of a supplier: a JSON document, a GeoJSON feature, rows of CSV."""

from collections.abc import Iterable
from datetime import date, datetime
from itertools import chain
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from api.match import PointGeometry
from db.suppliers.read import Change
from domain.shortlists.shortlist import PublicContact
from domain.suppliers.assembly import origins
from domain.suppliers.completeness import expired
from domain.suppliers.supplier import (
    Address,
    Approval,
    Flag,
    Kind,
    KnownAward,
    LegalForm,
    Offer,
    Point,
    Shares,
    SourceRef,
    Supplier,
)
from sources.formats.csv_writer import Dialect, csv_of
from sources.formats.vivier_csv_rows import HEADER, rows_of_supplier


class SupplierDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A supplier: what is known of it from all its sources.

    `location` is where distances are measured from: the supplier's point, else an interior point of its commune (flag
    `placed_at_commune`), else null. `commune` is the current INSEE code. `approvals` null: unknown; empty: none held.
    `flags`: what is doubtful; `approval_expired` as of the day of the answer, which is no change of the supplier.
    `updated_at`: the last change of content; each source says when it was last received. Inactive suppliers are listed
    and never matched. Persons are not named. Offers, approvals and labels are those of all sources; `provenance` names
    the source of every other field that is known ("siret", "contact.email"). `public_awards`: the latest twenty public
    contracts that it is known to have won.
    """

    id: UUID
    name: str
    trade_name: str | None
    siret: str | None
    kinds: tuple[Kind, ...]
    legal_form: LegalForm | None
    ess: bool | None
    approvals: tuple[Approval, ...] | None
    shares: Shares
    in_prison: bool | None
    address: Address | None
    commune: str | None
    location: Point | None
    offers: tuple[Offer, ...]
    description: str | None
    contact: PublicContact
    employees: int | None
    turnover_eur: float | None
    labels: tuple[str, ...]
    active: bool
    flags: tuple[Flag, ...]
    sources: tuple[SourceRef, ...]
    provenance: dict[str, str]
    public_awards: tuple[KnownAward, ...]
    updated_at: datetime


_DELETED = msgspec.Meta(description="It is no more, or part of another supplier")
_FIELDS = msgspec.structs.fields(SupplierDocument)
SupplierChange = msgspec.defstruct(
    "SupplierChange",
    [
        ("id", UUID),
        ("deleted", Annotated[Literal[True], _DELETED] | msgspec.UnsetType, msgspec.UNSET),
        *((field.name, field.type | msgspec.UnsetType, msgspec.UNSET) for field in _FIELDS if field.name != "id"),
    ],
    namespace={
        "__doc__": "A supplier as it is now; or its `id` and `deleted` alone where it is no more.",
        "field_texts_of": SupplierDocument,
    },
    frozen=True,
    kw_only=True,
)


class SupplierProperties(msgspec.Struct, frozen=True):
    """The properties of a supplier on a map."""

    name: str
    siret: str | None
    kinds: tuple[Kind, ...]
    segments: tuple[str, ...]
    commune: str | None
    active: bool


class SupplierFeature(msgspec.Struct, frozen=True, tag_field="type", tag="Feature"):
    """A supplier as a GeoJSON feature; without geometry where its place is not known."""

    id: UUID
    geometry: PointGeometry | None
    properties: SupplierProperties


class SupplierFeatureCollection(msgspec.Struct, frozen=True, tag_field="type", tag="FeatureCollection"):
    """Suppliers as GeoJSON (RFC 7946)."""

    features: tuple[SupplierFeature, ...]


def document(supplier: Supplier, on: date) -> SupplierDocument:
    """The supplier as it stands on the day `on`, without the person to contact, which is personal data."""
    flags = supplier.flags + expired(supplier.approvals, on)
    whole = msgspec.structs.replace(supplier, flags=flags, provenance=origins(supplier))
    return msgspec.convert(whole, SupplierDocument, from_attributes=True)


def change_document(change: Change, on: date) -> SupplierDocument | msgspec.Struct:
    """The supplier as it is now, or its id and `deleted`."""
    return SupplierChange(id=change.id, deleted=True) if change.supplier is None else document(change.supplier, on)


def as_map(suppliers: Iterable[Supplier]) -> SupplierFeatureCollection:
    return SupplierFeatureCollection(tuple(map(_feature, suppliers)))


def _feature(supplier: Supplier) -> SupplierFeature:
    at = supplier.location
    properties = SupplierProperties(
        name=supplier.name,
        siret=supplier.siret,
        kinds=supplier.kinds,
        segments=_segments(supplier),
        commune=supplier.commune,
        active=supplier.active,
    )
    return SupplierFeature(supplier.id, PointGeometry((at.lon, at.lat)) if at else None, properties)


def as_table(suppliers: Iterable[Supplier], on: date, source: str | None, dialect: Dialect) -> bytes:
    """The suppliers as CSV: see `rows_of_supplier`."""
    return csv_of(HEADER, chain.from_iterable(rows_of_supplier(each, on, source) for each in suppliers), dialect)


def _segments(supplier: Supplier) -> tuple[str, ...]:
    """The segments of all offers, each once."""
    return tuple(dict.fromkeys(chain.from_iterable(offer.segments for offer in supplier.offers)))
