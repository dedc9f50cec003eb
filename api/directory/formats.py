"""Representations of a supplier: a JSON document, a GeoJSON feature, rows of CSV."""

from collections.abc import Iterable
from datetime import date
from itertools import chain
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from api.match import PointGeometry
from domain.shortlists.listed_suppliers import PublicContact
from domain.suppliers.assembly import source_of_each_field
from domain.suppliers.record_check import expiry_flags
from domain.suppliers.supplier import Flag, Kind, KnownAward, Offer, Shares, SourceRef, Supplier, SupplierSize
from sources.file_types.csv_cells import Dialect, csv_of, csv_rows
from sources.formats.vivier import rows_of_supplier
from sources.formats.vivier_columns import HEADER


class SupplierDocument(Supplier, frozen=True, kw_only=True):
    """A supplier: what is known of it from all its sources.

    Persons are not named. Offers, approvals and labels are those of all sources.
    """

    kinds: tuple[Kind, ...]
    shares: Shares
    offers: tuple[Offer, ...]
    contact: PublicContact  # type: ignore[assignment]
    """The ways to reach it, without a person"""
    size: SupplierSize
    labels: tuple[str, ...]
    active: bool
    flags: tuple[Flag, ...]
    """Doubts about it; `approval_expired` as of the day of the answer, which is no change of the supplier"""
    sources: tuple[SourceRef, ...]
    provenance: dict[str, str]
    """The source of every other field that is known, by its name, such as `contact.email`"""
    public_awards: tuple[KnownAward, ...]


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
    """Its legal or usual name"""
    siret: str | None
    """14 digits; null: not known"""
    kinds: tuple[Kind, ...]
    """The kinds of its approvals, such as `ESAT`"""
    segments: tuple[str, ...]
    """Ids of the segments of its offers, each once"""
    commune: str | None
    """The current INSEE code; null: not known"""
    active: bool
    """False: never matched"""


class SupplierFeature(msgspec.Struct, frozen=True, tag_field="type", tag="Feature"):
    """A supplier as a GeoJSON feature; without geometry where its place is not known."""

    id: UUID
    """UUID, as in `GET /suppliers/{id}`"""
    geometry: PointGeometry | None
    """Its point, else one of its commune; null: neither known"""
    properties: SupplierProperties
    """Less than `GET /suppliers/{id}` has"""


class SupplierFeatureCollection(msgspec.Struct, frozen=True, tag_field="type", tag="FeatureCollection"):
    """Suppliers as GeoJSON (RFC 7946)."""

    features: tuple[SupplierFeature, ...]
    """One page of suppliers"""


def supplier_document(supplier: Supplier, on: date) -> SupplierDocument:
    """The document of a supplier, with flags as on the day `on`; without the contact person, which is personal data."""
    flags = supplier.flags + expiry_flags(supplier.approvals, on)
    whole = msgspec.structs.replace(supplier, flags=flags, provenance=source_of_each_field(supplier))
    return msgspec.convert(whole, SupplierDocument, from_attributes=True)


def supplier_feature(supplier: Supplier) -> SupplierFeature:
    """The supplier as a GeoJSON feature, for a map."""
    at = supplier.location
    segments = chain.from_iterable(offer.segments for offer in supplier.offers)
    properties = SupplierProperties(
        name=supplier.name,
        siret=supplier.siret,
        kinds=supplier.kinds,
        segments=tuple(dict.fromkeys(segments)),
        commune=supplier.commune,
        active=supplier.active,
    )
    return SupplierFeature(supplier.id, PointGeometry((at.lon, at.lat)) if at else None, properties)


def suppliers_as_csv(
    suppliers: Iterable[Supplier], on: date, source: str | None, dialect: Dialect, *, with_header: bool = True
) -> bytes:
    """The suppliers as CSV, a line for each offer, under the ids that `source` gave them; by default with a header."""
    rows = chain.from_iterable(rows_of_supplier(each, on, source) for each in suppliers)
    return csv_of(HEADER, rows, dialect) if with_header else csv_rows(rows, dialect)
