"""Suppliers: a record as one source sends it, and the supplier that is matched.

gc=False: what cannot change holds no cycles, and the garbage collector need not visit the millions of parts of a pool.
"""

from datetime import date, datetime
from typing import Annotated, Literal, get_args
from uuid import UUID

import msgspec

from domain.needs.need import Code, Codes, Euros, Kilometres, Latitude, Longitude, ShortText
from domain.reference.territory import Geometry
from domain.text.bilingual import Text

Kind = Literal["EI", "ACI", "AI", "ETTI", "EITI", "GEIQ", "EA", "EATT", "ESAT", "TIH", "SEP", "ESUS"]
LegalForm = Literal["association", "cooperative", "mutual", "foundation", "commercial_company", "public_body", "other"]
Basis = Literal["declared", "awarded", "inferred"]
"""Grounds of an offer, strongest first: said by the supplier or its network, shown by a public contract, concluded."""
BASES: tuple[Basis, ...] = get_args(Basis)
DeclaredBy = Literal["supplier", "network", "buyer"]
"""Who declared an offer, the best word first: the supplier itself, a directory, a buyer whom the supplier told."""
DECLARERS: tuple[DeclaredBy, ...] = get_args(DeclaredBy)
EvidenceKind = Literal["sector", "job", "award", "register", "purpose", "words", "kind"]
SIRET_DIGITS, SIREN_DIGITS = 14, 9
DECLARATIONS = "declarations"
"""The source of what suppliers declare on their own pages; every other source is a directory."""
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
    "not_understood",
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
    """A convention, agreement or implantation in a prison that makes the supplier one of a kind (EI, ESAT…)."""

    kind: Kind
    """`EI`, `ACI`, `AI`, `ETTI`, `EITI`, `GEIQ`, `EA`, `EATT`, `ESAT`, `TIH`, `SEP` or `ESUS`"""
    valid_from: date | None = None
    """The first day; null: unbounded"""
    valid_until: date | None = None
    """The last day, included; null: unbounded"""
    reference: Label | None = None
    """The number of the act; null: not known"""


class Shares(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Known shares of the workers."""

    disabled: Share | None = None
    """Disabled workers, from 0 to 1; null: not known"""
    disadvantaged: Share | None = None
    """Disadvantaged workers, from 0 to 1; null: not known"""
    detained: Share | None = None
    """Detained workers, from 0 to 1; null: not known"""


class Address(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A postal address."""

    street: Annotated[str, msgspec.Meta(max_length=400)] | None = None
    """Number and street, with what comes before"""
    postal_code: Annotated[str, msgspec.Meta(max_length=20)] | None = None
    """5 digits in France"""
    city: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    """As on an envelope"""
    commune: Code | None = None
    """The INSEE code, never the postal code"""


class Point(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A WGS 84 position."""

    lat: Latitude
    """Degrees north"""
    lon: Longitude
    """Degrees east"""


class ServiceArea(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """The area that an offer serves: exactly one of these fields is given."""

    radius_km: Kilometres | None = None
    """Kilometres around the supplier"""
    codes: Annotated[tuple[Code, ...], msgspec.Meta(min_length=1, max_length=2_000)] | None = None
    """The union of these, as `departement:56` or `epci:243500741` (`GET /territories`)"""
    geometry: Geometry | None = None
    """GeoJSON, longitude first"""
    national: bool | None = None
    """True: all of France"""


class Evidence(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A reason to believe an offer that nobody declared."""

    kind: EvidenceKind
    """The kind of what was read, strongest first: `sector`, `job`, `award`, `register`, `purpose`, `words`, `kind`"""
    label: ShortText | None = None
    """Its words, such as the object of a contract"""
    on: date | None = None
    """Its date; null: none"""
    source: Label | None = None
    """The source that says it"""
    reference: Label | None = None
    """The code or number under which it is found there"""


class Offer(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A service or good that a supplier offers."""

    segments: Codes = ()
    """Ids of segments or families; one that names none is placed by its CPV codes"""
    cpv: Codes = ()
    """CPV codes of 8 digits, with or without the check digit"""
    label: ShortText | None = None
    """In the supplier's words; null: none"""
    presta_types: Annotated[tuple[PrestaType, ...], msgspec.Meta(max_length=3)] = ()
    """`DISP`: staff made available; `PREST`: service; `BUILD`: manufacture"""
    service_area: ServiceArea | None = None
    """Null: not declared, and up to 50 km from the supplier, or 20 km where its kind works near home"""
    basis: Basis = "declared"
    """`declared` by the supplier or its network, `awarded` by a public contract, or `inferred` by an importer"""
    evidence: Annotated[tuple[Evidence, ...], msgspec.Meta(max_length=20)] = ()
    """The ground of an offer that is not declared, strongest first"""
    declared_by: DeclaredBy | None = None
    """The `supplier` on its own page, a `network` (a directory), or a `buyer`; null: nobody, or the directory itself"""
    declared_on: date | None = None
    """The day it was declared; null: not known"""
    offered_until: date | None = None
    """The last day of it, after which no need finds it; null: no end is known"""


class Contact(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """The ways to reach the supplier."""

    email: Annotated[str, msgspec.Meta(max_length=320)] | None = None
    """An e-mail address; null: not known"""
    phone: Annotated[str, msgspec.Meta(max_length=50)] | None = None
    """As it was given; null: not known"""
    website: Annotated[str, msgspec.Meta(max_length=2_000)] | None = None
    """An address to open; null: not known"""
    person: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    """Personal data, which never leaves the directory"""


class PublicAward(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A public contract that a supplier won."""

    buyer: ShortText | None = None
    """The name of the buyer; null: not known"""
    object: LongText | None = None
    """As the buyer worded it; null: not known"""
    cpv: Code | None = None
    """8 digits; null: not known"""
    value_eur: Euros | None = None
    """Euros excluding tax; null: not known"""
    notified_on: date | None = None
    """The day the supplier was told so; null: not known"""
    place: ShortText | None = None
    """The place of performance; null: not known"""
    duration_months: Annotated[int, msgspec.Meta(ge=1, le=1_200)] | None = None
    """Months of the contract; null: not known"""
    in_group: bool | None = None
    """Whether others won it too, so that its value is not this supplier's alone; null: not known"""
    is_framework: bool | None = None
    """Whether it is a framework agreement, whose value is a maximum that nobody has to order; null: not known"""


class KnownAward(PublicAward, frozen=True, gc=False, kw_only=True):
    """A public contract that a supplier is known to have won, and the source that says so."""

    source: str
    """The source that says so"""


class StaffSize(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """The persons whom a supplier employs: a number, or a range."""

    min: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)]
    """The fewest"""
    max: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)] | None = None
    """The most; null: no upper bound is known"""
    on: date | None = None
    """The day that it is true of; null: not known"""
    source: Label | None = None
    """The source that says so; of a record, null: its own"""


class PlacesSize(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """The places of an establishment for disabled workers, who are no employees."""

    count: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
    """Those that are authorised"""
    on: date | None = None
    """The day that it is true of; null: not known"""
    source: Label | None = None
    """The source that says so; of a record, null: its own"""


class SizeInEuros(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """An amount that says how large a supplier is."""

    value: Euros
    """Euros excluding tax: of a year, or of the whole contract"""
    on: date | None = None
    """The last day of that year, or the day of notification; null: not known"""
    source: Label | None = None
    """The source that says so; of a record, null: its own"""
    duration_months: Annotated[int, msgspec.Meta(ge=1, le=1_200)] | None = None
    """Months of the contract; null: not known, or no contract"""


class CapacitySize(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """The contracts that a supplier says it can carry, by their amount a year."""

    min: Euros | None = None
    """The least that is worth its while, euros a year excluding tax; null: it does not say"""
    max: Euros | None = None
    """The most that it can carry, euros a year excluding tax; null: it does not say"""
    on: date | None = None
    """The day on which it said so; null: not known"""
    source: Label | None = None
    """The source that says so; of a record, null: its own"""


class SupplierSize(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """The size of a supplier, as far as it is known; each part says where it is from."""

    staff: StaffSize | None = None
    """Persons employed, exactly or by band (Sirene); null: not known"""
    places: PlacesSize | None = None
    """Authorised places (FINESS); null: not known"""
    turnover_eur: SizeInEuros | None = None
    """The last turnover published; null: not known"""
    largest_award_eur: SizeInEuros | None = None
    """The public contract worth most a year that it is known to have won; null: none known"""
    yearly_capacity_eur: CapacitySize | None = None
    """What it says itself that it can carry a year; null: it does not say"""


UNKNOWN_SIZE = SupplierSize()


class SupplierRecord(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A supplier as one source describes it."""

    name: ShortText
    """Its legal or usual name"""
    trade_name: ShortText | None = None
    """The name it trades under; null: none known"""
    siret: str | None = None
    """14 digits; one with a false check digit is kept and flagged; null: not known"""
    legal_form: LegalForm | None = None
    """The family of its legal form; null: not known"""
    ess: bool | None = None
    """Whether it belongs to the social and solidarity economy; null: not known"""
    approvals: Annotated[tuple[Approval, ...], msgspec.Meta(max_length=100)] | None = None
    """Null: not known; empty: it holds none"""
    shares: Shares | None = None
    """Shares of its workers; null: none known"""
    in_prison: bool | None = None
    """Whether the work is done in a prison; null: not known"""
    address: Address | None = None
    """Its postal address; null: not known"""
    location: Point | None = None
    """The point that distances are measured from; null: its commune's interior point, flagged"""
    offers: Annotated[tuple[Offer, ...], msgspec.Meta(max_length=200)] = ()
    """Services and goods; empty: not known, and no need finds it"""
    description: LongText | None = None
    """Its activity in its own words; null: none"""
    contact: Contact | None = None
    """The ways to reach it; null: not known"""
    employees: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)] | None = None
    """Persons employed; null: not known"""
    turnover_eur: Euros | None = None
    """Euros a year; null: not known"""
    size: SupplierSize | None = None
    """Staff by band, places and amounts with their days; null: no more than `employees` and `turnover_eur` say"""
    labels: Annotated[tuple[Label, ...], msgspec.Meta(max_length=100)] = ()
    """Certifications as they are called, such as `RSEi`"""
    active: bool = True
    """False: kept, and never matched"""
    public_awards: Annotated[tuple[PublicAward, ...], msgspec.Meta(max_length=1_000)] = ()
    """Public contracts it is known to have won"""
    no_offer_until: date | None = None
    """The last day of its word that it does none of what buyers look for here; null: it did not say so"""


class Flag(msgspec.Struct, frozen=True, gc=False):
    """Something doubtful about a record that did not stop it."""

    code: FlagCode
    """Stable; `approval_expired` depends on the day, is told when a supplier is read, and never kept"""
    detail: str
    """The doubtful value, in words"""


class Placement(msgspec.Struct, frozen=True, gc=False):
    """A supplier's place, by the reference data and not the source's word, and flags on what is doubtful about it."""

    location: Point | None = None
    commune: str | None = None
    flags: tuple[Flag, ...] = ()


class SourceRef(msgspec.Struct, frozen=True, gc=False):
    """One record behind a supplier, and when it was last received."""

    source: str
    """The name of the source"""
    external_id: str
    """The record's identifier in that source"""
    received_at: datetime
    """The moment it was last received, changed or not"""


class Supplier(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A supplier as it is matched, assembled from its records.

    `location` is where distances are measured from: the record's point, else an interior point of its commune
    (flag `placed_at_commune`), else null. `commune` is the current INSEE code, from the address, else from the point.
    `provenance`: the source of each field that is known and not united from all ("siret", "contact.email"…); null:
    there is one source. `public_awards`: the latest first.
    """

    id: UUID
    """UUID; the oldest of records that became one supplier"""
    name: str
    """Its legal or usual name"""
    trade_name: str | None = None
    """The name it trades under; null: none known"""
    siret: str | None = None
    """14 digits; null: not known"""
    kinds: tuple[Kind, ...] = ()
    """The kinds of its approvals, such as `ESAT`"""
    legal_form: LegalForm | None = None
    """The family of its legal form; null: not known"""
    ess: bool | None = None
    """Whether it belongs to the social and solidarity economy; null: not known"""
    approvals: tuple[Approval, ...] | None = None
    """Null: not known; empty: none held"""
    shares: Shares = Shares()
    """Of its workers, where they are known"""
    in_prison: bool | None = None
    """Whether the work is done in a prison; null: not known"""
    address: Address | None = None
    """Its postal address; null: not known"""
    commune: str | None = None
    """The current INSEE code; null: not known"""
    location: Point | None = None
    """Its point, else one of its commune (flag `placed_at_commune`), for distances; null: neither known"""
    offers: tuple[Offer, ...] = ()
    """Services and goods; empty: not known, and no need finds it"""
    description: str | None = None
    """Its activity in its own words; null: none"""
    contact: Contact = Contact()
    employees: int | None = None
    """Persons employed; null: not known"""
    turnover_eur: float | None = None
    """Euros a year; null: not known"""
    size: SupplierSize = UNKNOWN_SIZE
    """Staff, places, turnover and largest contract won, each with its day and source"""
    labels: tuple[str, ...] = ()
    """Certifications as they are called"""
    active: bool = True
    """False: listed here, and never matched"""
    flags: tuple[Flag, ...] = ()
    sources: tuple[SourceRef, ...] = ()
    """The records it is made of"""
    provenance: dict[str, str] | None = None
    public_awards: tuple[KnownAward, ...] = ()
    """The latest twenty public contracts that it is known to have won"""
    no_offer_until: date | None = None
    """The last day of its word that it does none of what buyers look for here; null: it did not say so"""
    updated_at: datetime
    """The moment its content last changed; each source says when it was last received"""


def name_by_number(number: str) -> str:
    """The name given to a supplier of which a record knows only the SIRET or SIREN."""
    return f"{'SIRET' if len(number) == SIRET_DIGITS else 'SIREN'} {number}"
