"""Suppliers: a record as one source sends it, and the supplier that is matched.

gc=False: what cannot change holds no cycles, and the garbage collector need not visit the millions of parts of a pool.
"""

from datetime import date, datetime
from typing import Annotated, Literal, get_args
from uuid import UUID

import msgspec

from domain.needs.need import Code, Codes, Euros, Kilometres, Latitude, Longitude, ShortText
from domain.reference.geojson import Geometry
from domain.text.bilingual import Text

Kind = Literal["EI", "ACI", "AI", "ETTI", "EITI", "GEIQ", "EA", "EATT", "ESAT", "TIH", "SEP", "ESUS"]
LegalForm = Literal["association", "cooperative", "mutual", "foundation", "commercial_company", "public_body", "other"]
Basis = Literal["declared", "awarded", "inferred"]
"""Grounds of an offer, strongest first: said by the supplier or its network, shown by a public contract, concluded."""
BASES: tuple[Basis, ...] = get_args(Basis)
EvidenceKind = Literal["sector", "job", "award", "register", "purpose", "words", "kind"]
SIRET_DIGITS = 14
EVIDENCE_KINDS: tuple[EvidenceKind, ...] = get_args(EvidenceKind)
"""Kinds of evidence, strongest first."""
PrestaType = Literal["DISP", "PREST", "BUILD"]
FlagCode = Literal[
    "siret_check_failed",
    "placed_at_commune",
    "point_far_from_commune",
    "outside_france",
    "no_place",
    "no_offer",
    "unmapped_category",
    "area_simplified",
    "approval_expired",
]
Share = Annotated[float, msgspec.Meta(ge=0, le=1, description="A share of the workforce, from 0 to 1")]
NO_SUPPLIER = Text("Aucun fournisseur de cet identifiant", "No supplier with this id")
NO_RECORD = Text("Cette source n'a pas de fiche de cet identifiant", "This source has no record with this id")

LongText = Annotated[str, msgspec.Meta(max_length=20_000)]
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Approval(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A convention, agreement or implantation that gives a kind (EI, ESAT, SEP…); inclusive bounds, null: unbounded."""

    kind: Kind
    valid_from: date | None = None
    valid_until: date | None = None
    reference: Label | None = None


class Shares(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Known shares of disabled, disadvantaged and detained workers; null: not known."""

    disabled: Share | None = None
    disadvantaged: Share | None = None
    detained: Share | None = None


class Address(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A postal address; `commune` is the INSEE code, never the postal code."""

    street: Annotated[str, msgspec.Meta(max_length=400)] | None = None
    postal_code: Annotated[str, msgspec.Meta(max_length=20)] | None = None
    city: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    commune: Code | None = None


class Point(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A WGS 84 position."""

    lat: Latitude
    lon: Longitude


class ServiceArea(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """The area of an offer: exactly one of a radius around the supplier, codes, a geometry, or all of France."""

    radius_km: Kilometres | None = None
    codes: Annotated[tuple[Code, ...], msgspec.Meta(min_length=1, max_length=2_000)] | None = None
    geometry: Geometry | None = None
    national: bool | None = None


class Evidence(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A reason to believe an offer that nobody declared.

    `label`: what was read, such as the object of a contract; `on`: its date; `source`: the source that says it;
    `reference`: the code or number under which it is found there.
    """

    kind: EvidenceKind
    label: ShortText | None = None
    on: date | None = None
    source: Label | None = None
    reference: Label | None = None


class Offer(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A service or good that a supplier offers. One that names no segment is placed by its CPV codes.

    `evidence`: what an offer that is not declared rests on, strongest first.
    """

    segments: Codes = ()
    cpv: Codes = ()
    label: ShortText | None = None
    presta_types: Annotated[tuple[PrestaType, ...], msgspec.Meta(max_length=3)] = ()
    service_area: ServiceArea | None = None
    basis: Basis = "declared"
    evidence: Annotated[tuple[Evidence, ...], msgspec.Meta(max_length=20)] = ()


class Contact(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """The ways to reach the supplier; `person` is personal data and never leaves the directory."""

    email: Annotated[str, msgspec.Meta(max_length=320)] | None = None
    phone: Annotated[str, msgspec.Meta(max_length=50)] | None = None
    website: Annotated[str, msgspec.Meta(max_length=2_000)] | None = None
    person: Annotated[str, msgspec.Meta(max_length=200)] | None = None


class PublicAward(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A public contract that a supplier won. `place`: where it is performed; `notified_on`: the day it was told so."""

    buyer: ShortText | None = None
    object: LongText | None = None
    cpv: Code | None = None
    value_eur: Euros | None = None
    notified_on: date | None = None
    place: ShortText | None = None


class KnownAward(PublicAward, frozen=True, gc=False, kw_only=True):
    """A public contract that a supplier is known to have won, and the source that says so."""

    source: str


class SupplierRecord(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A supplier as one source describes it. `approvals` null: unknown; empty: it holds none."""

    name: ShortText
    trade_name: ShortText | None = None
    siret: str | None = None
    legal_form: LegalForm | None = None
    ess: bool | None = None
    approvals: Annotated[tuple[Approval, ...], msgspec.Meta(max_length=100)] | None = None
    shares: Shares | None = None
    in_prison: bool | None = None
    address: Address | None = None
    location: Point | None = None
    offers: Annotated[tuple[Offer, ...], msgspec.Meta(max_length=200)] = ()
    description: LongText | None = None
    contact: Contact | None = None
    employees: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)] | None = None
    turnover_eur: Euros | None = None
    labels: Annotated[tuple[Label, ...], msgspec.Meta(max_length=100)] = ()
    active: bool = True
    public_awards: Annotated[tuple[PublicAward, ...], msgspec.Meta(max_length=1_000)] = ()


class Flag(msgspec.Struct, frozen=True, gc=False):
    """Something doubtful about a record that did not stop it: a stable code and what was seen.

    `approval_expired` depends on the day: it is told when a supplier or record is read, and never kept.
    """

    code: FlagCode
    detail: str


class Placement(msgspec.Struct, frozen=True, gc=False):
    """A record's place and what is doubtful about it, as the reference data tells.

    `location` and `commune` are those of `Supplier`; nothing here is the source's own word.
    """

    location: Point | None = None
    commune: str | None = None
    flags: tuple[Flag, ...] = ()


class SourceRef(msgspec.Struct, frozen=True, gc=False):
    """One record behind a supplier, and when it was last received."""

    source: str
    external_id: str
    received_at: datetime


class Supplier(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A supplier as it is matched, assembled from its records.

    `location` is where distances are measured from: the record's point, else an interior point of its commune
    (flag `placed_at_commune`), else null. `commune` is the current INSEE code, from the address, else from the point.
    `provenance`: the source of each field that is known and not united from all ("siret", "contact.email"…); null:
    there is one source. `public_awards`: the latest contracts that it is known to have won, the latest first.
    """

    id: UUID
    name: str
    trade_name: str | None = None
    siret: str | None = None
    kinds: tuple[Kind, ...] = ()
    legal_form: LegalForm | None = None
    ess: bool | None = None
    approvals: tuple[Approval, ...] | None = None
    shares: Shares = Shares()
    in_prison: bool | None = None
    address: Address | None = None
    commune: str | None = None
    location: Point | None = None
    offers: tuple[Offer, ...] = ()
    description: str | None = None
    contact: Contact = Contact()
    employees: int | None = None
    turnover_eur: float | None = None
    labels: tuple[str, ...] = ()
    active: bool = True
    flags: tuple[Flag, ...] = ()
    sources: tuple[SourceRef, ...] = ()
    provenance: dict[str, str] | None = None
    public_awards: tuple[KnownAward, ...] = ()
    updated_at: datetime


def nameless(number: str) -> str:
    """The name in a record that knows the supplier by its SIRET or SIREN only."""
    return f"{'SIRET' if len(number) == SIRET_DIGITS else 'SIREN'} {number}"
