"""A buyer's need: its lots with their objects, territories and reservations; the contracts awarded of it.

Needs that an organisation plans or has begun in one calendar year count as far as their values are added up. Awards are
taken into account in later shortlists.
"""

import re
from collections.abc import Iterable
from datetime import date, datetime
from operator import attrgetter
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from domain.decoding.stored import WHOLE
from domain.errors import Problem
from domain.reference.territory import Geometry
from domain.text.bilingual import PARIS, said_by

_SAID = said_by(__name__)

Reserved = Literal["handicap", "iae", "penitentiary", "ess"]
BuyerKind = Literal["state", "local", "utility"]
BuyerBody = Literal[
    "central_authority",
    "state_industrial",
    "hospital",
    "local_authority",
    "social_housing",
    "other_authority",
    "utility_authority",
    "public_undertaking",
]
ContractKind = Literal["market", "concession"]
Technique = Literal["framework_agreement", "dynamic_purchasing_system"]
Procedure = Literal["direct_award", "adapted", "open", "restricted", "negotiated", "dynamic_purchasing_system"]
Nature = Literal["works", "supplies", "services"]
ValueCovers = Literal["firm", "all"]

RESERVED_TYPES: tuple[Reserved, ...] = ("handicap", "iae", "penitentiary", "ess")

Latitude = Annotated[float, msgspec.Meta(ge=-90, le=90, description="WGS 84 latitude in degrees")]
Longitude = Annotated[float, msgspec.Meta(ge=-180, le=180, description="WGS 84 longitude in degrees")]
Euros = Annotated[float, msgspec.Meta(ge=0, le=1e12, description="Euros excluding tax")]
Kilometres = Annotated[float, msgspec.Meta(gt=0, le=20_000, description="Kilometres")]
Siret = Annotated[
    str, msgspec.Meta(pattern=r"^[0-9]{14}$", description="SIRET: 14 digits", extra={"fr": "un SIRET, de 14 chiffres"})
]
ShortText = Annotated[str, msgspec.Meta(min_length=1, max_length=400)]
Code = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Codes = Annotated[tuple[Code, ...], msgspec.Meta(max_length=200)]


YEAR = 12


def value_per_year(value_eur: float, months: int | None) -> float:
    """The value of a contract per year; the whole value where it lasts less than a year, or so long as is not known."""
    return value_eur * YEAR / max(months or YEAR, YEAR)


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A point or a commune."""

    lat: Latitude | None = None
    """Degrees north (WGS 84), with `lon`"""
    lon: Longitude | None = None
    """Degrees east (WGS 84), with `lat`"""
    commune: Code | None = None
    """INSEE code, instead of a point; it stands for the commune's whole outline"""


class TerritoryRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The territory of a need: exactly one of `codes`, `near` with `radius_km`, or `geometry`."""

    codes: Annotated[tuple[Code, ...], msgspec.Meta(min_length=1, max_length=2_000)] | None = None
    """The union of these, as `departement:56`, `epci:243500741` or `nuts:FRH03` (`GET /territories`)"""
    near: Place | None = None
    """The centre of a circle of `radius_km`, a commune's whole outline counting as its centre"""
    radius_km: Kilometres | None = None
    """Kilometres around `near`"""
    geometry: Geometry | None = None
    """GeoJSON on French ground, longitude first, of at most 10,000 vertices"""


class Buyer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The buyer; unknown stays null."""

    name: ShortText | None = None
    """As the buyer calls itself; without its SIRET, “Ville de Redon” tells where lots are supposed to be performed"""
    siret: Siret | None = None
    """14 digits"""
    kind: BuyerKind | None = None
    """Chooses the thresholds of procedure; `utility` is an entité adjudicatrice"""
    contracting_authority: bool | None = None
    """Whether it is a pouvoir adjudicateur, who alone may reserve to the ESS; null: not known"""
    annual_purchases_eur: Euros | None = None
    """Euros a year excluding tax, by which a SPASER is required; null: not known"""
    body: BuyerBody | None = None
    """The body, which refines `kind`: thresholds, publicity, advances and payment times follow; null: not said"""
    defence: bool | None = None
    """Whether the contract is one of defence or security (article L1113-1); null: not said, taken as not"""


class Lot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One lot: its object, value, duration, reservation and place.

    Its object is said by `segments`, `cpv` or `keywords`, else by `title`.
    """

    id: Code
    """Unique in the need"""
    title: ShortText | None = None
    """Read as words where nothing else names a segment, with the need's where it says no trade itself"""
    segments: Codes = ()
    """Ids of segments or families of `GET /segments`"""
    cpv: Codes = ()
    """CPV codes of 8 digits, with or without the check digit"""
    keywords: Annotated[tuple[ShortText, ...], msgspec.Meta(max_length=50)] = ()
    """A few French words each, such as `nettoyage de bureaux`"""
    support_segments: Codes = ()
    """Activity that carries the object (insertion work on green spaces): searched, never counted as answering"""
    nature: Nature | None = None
    """Works, supplies or services; null: not said"""
    value_eur: Euros | None = None
    """Euros excluding tax of the firm duration, or of all as `value_covers` says; null: not known"""
    duration_months: Annotated[int, msgspec.Meta(ge=1, le=1_200)] | None = None
    """Months of the contract, without renewals; null: not known"""
    renewal_months: Annotated[int, msgspec.Meta(ge=0, le=1_200)] | None = None
    """Months that renewals can add, which count in the estimated value; null: not known"""
    value_covers: ValueCovers = "firm"
    """`firm`: the value is that of the firm duration alone; `all`: it holds renewals and options"""
    options_eur: Euros | None = None
    """Euros excluding tax of the options, added to the value unless that covers all; null: none or not known"""
    innovative: bool = False
    """Whether the buyer takes it for an innovative purchase"""
    reserved: Annotated[tuple[Reserved, ...], msgspec.Meta(max_length=4, extra=WHOLE)] | None = ()
    """Open to suppliers of any of these; empty or null: not reserved"""
    site: Place | msgspec.UnsetType | None = msgspec.UNSET
    """The place of performance, from which distances are measured; left out: it may be supposed; null: it may not"""
    max_distance_km: Kilometres | None = None
    """The most kilometres from the site, else from the territory; null: no cap"""
    territory: TerritoryRequest | None = None
    """In the place of the need's"""


class Need(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A buyer's need, as `POST /match` takes it."""

    lots: Annotated[tuple[Lot, ...], msgspec.Meta(min_length=1, max_length=200, extra=WHOLE)]
    """Each id once"""
    reference: ShortText | None = None
    """The buyer's own, given back in the answer"""
    title: ShortText | None = None
    """Read with a lot's title that says no trade itself"""
    on: date | None = None
    """The day of evaluation, for approvals, and for the law where no publication is planned; null: today in France"""
    planned_publication_on: date | None = None
    """The planned day of the notice, else of the call, past or to come, whose law is applied; null: the law of `on`"""
    buyer: Buyer | None = None
    """Null: not said, and verdicts that depend on it stay open"""
    contract: ContractKind = "market"
    """The contract that is planned: a public contract (`market`) or a concession"""
    technique: Annotated[Technique | None, msgspec.Meta(extra=WHOLE)] = None
    """The purchasing technique; null: none"""
    estimated_total_eur: Euros | None = None
    """Euros excluding tax of the whole need, renewals and options too, where its lots do not add up to it"""
    territory: TerritoryRequest | None = None
    """Of every lot that has none of its own"""
    limit: Annotated[int, msgspec.Meta(ge=1, le=100, description="Candidates returned per lot")] = 20
    near_misses: Annotated[int, msgspec.Meta(ge=0, le=50, description="Near misses returned per lot")] = 5
    groupings: Annotated[int, msgspec.Meta(ge=0, le=10, description="Groupings returned per lot")] = 0
    unknown_trade: Annotated[int, msgspec.Meta(ge=0, le=200)] | None = None
    """Suppliers of unknown trade returned per lot; null: as many as `near_misses`"""

    @property
    def unknown_rows(self) -> int:
        """The most suppliers of unknown trade that an answer lists for a lot."""
        return self.near_misses if self.unknown_trade is None else self.unknown_trade

    def law_day(self, on: date) -> date:
        """The day whose law applies to the need, evaluated on the day `on`."""
        return self.planned_publication_on or on


_MATCHED = attrgetter(*Need.__struct_fields__)


class NeedAndProcedure(Need, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A need with the procedure that is planned, or that its notice names; nothing of a match depends on it."""

    procedure: Procedure | None = None
    """The procedure of award that is planned; null: not known"""

    @property
    def matched(self) -> Need:
        """The need with only the fields that a match reads; other fields must not change the seed of the draw."""
        return Need(*_MATCHED(self))


def buyer_siret(need: Need) -> str | None:
    """The buyer's SIRET; None where the need does not state it."""
    return None if need.buyer is None else need.buyer.siret


def may_be_same_buyer(siret: str | None, other: str | None) -> bool:
    """Whether two SIRETs are of one buyer, or one of the two is not known."""
    return siret is None or other is None or siret == other


class PlannedNeed(NeedAndProcedure, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A need to be stored, with its object in words, and the considerations that are planned."""

    description: Annotated[str, msgspec.Meta(max_length=20_000)] | None = None
    """The object in the buyer's words; no match reads it"""
    social_considerations: bool | None = None
    """Whether a clause, criterion or condition will be social, as a reserved lot is anyway; null: not known"""
    environmental_considerations: bool | None = None
    """Whether a clause, criterion or condition will be environmental; null: not known"""
    answers_by: date | None = None
    """The last day on which suppliers may answer the preliminary consultation; null: not decided"""
    answers_url: Annotated[str, msgspec.Meta(max_length=2_000)] | None = None
    """The page on which they answer it, as that of a buyer profile; null: none"""
    answers_email: Annotated[str, msgspec.Meta(max_length=320)] | None = None
    """The address of the service that they may ask; null: none"""


WEB_ADDRESS = re.compile(r"https?://[A-Za-z0-9?!./:;,_=#+*%@()&~-]{1,390}")
EMAIL_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?_-]+(\.[A-Za-z0-9!#$%&'*+/=?_-]+)*@([A-Za-z0-9_-]*[A-Za-z0-9]\.)+[A-Za-z0-9]{2,}"
)


def answer_problems(need: PlannedNeed) -> list[Problem]:
    """The problems of where suppliers answer a consultation. Erasing a person may leave such: decoding takes them."""
    problems = []
    if need.answers_url is not None and not WEB_ADDRESS.fullmatch(need.answers_url):
        problems.append(Problem("/answers_url", "no_web_address", _SAID["no_address"]))
    if need.answers_email is not None and not EMAIL_ADDRESS.fullmatch(need.answers_email):
        problems.append(Problem("/answers_email", "no_email_address", _SAID["no_email"]))
    return problems


class OtherNeed(msgspec.Struct, frozen=True):
    """Another need of the same buyer. `need` has only names, the total, and the objects and values of lots."""

    id: UUID
    buyer_siret: str | None
    need: Need


def year_of(planned_publication_on: date | None, created_at: datetime) -> int:
    """The calendar year that a need counts in: the year of its planned publication, else of its creation."""
    return (planned_publication_on or created_at.astimezone(PARIS)).year


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


def awards_by_supplier(awards: Iterable[PastAward]) -> dict[UUID, tuple[PastAward, ...]]:
    """The awards of each supplier, oldest first."""
    found: dict[UUID, list[PastAward]] = {}
    for award in sorted(awards, key=lambda each: (each.awarded_on, each.id)):
        found.setdefault(award.supplier_id, []).append(award)
    return {supplier: tuple(of_it) for supplier, of_it in found.items()}
