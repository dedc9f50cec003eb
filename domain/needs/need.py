"""A buyer's need: its lots with their objects, territories and reservations."""

from datetime import date
from operator import attrgetter
from typing import Annotated, Literal

import msgspec

from domain.reference.geojson import Geometry

Reserved = Literal["handicap", "iae", "penitentiary", "ess"]
BuyerKind = Literal["state", "local", "utility"]
ContractKind = Literal["market", "concession"]
Technique = Literal["framework_agreement", "dynamic_purchasing_system"]
Procedure = Literal["direct_award", "adapted", "open", "restricted", "negotiated", "dynamic_purchasing_system"]
Nature = Literal["works", "supplies", "services"]

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


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A point (`lat` and `lon`) or a commune (its INSEE code), which stands for the commune's whole outline."""

    lat: Latitude | None = None
    lon: Longitude | None = None
    commune: Code | None = None


class TerritoryRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The territory of a need: exactly one of `codes` (their union), `near` with `radius_km`, or `geometry`."""

    codes: Annotated[tuple[Code, ...], msgspec.Meta(min_length=1, max_length=2_000)] | None = None
    near: Place | None = None
    radius_km: Kilometres | None = None
    geometry: Geometry | None = None


class Buyer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The buyer. `kind` chooses the thresholds; `utility` is an entité adjudicatrice; unknown stays null."""

    name: ShortText | None = None
    siret: Siret | None = None
    kind: BuyerKind | None = None
    contracting_authority: bool | None = None
    annual_purchases_eur: Euros | None = None


class Lot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One lot: its object, value, duration, reservation and place.

    The object is said by `segments`, `cpv` or `keywords`; where none of them names a segment, `title` is read, with the
    need's where it says no trade itself.
    """

    id: Code
    title: ShortText | None = None
    segments: Codes = ()
    cpv: Codes = ()
    keywords: Annotated[tuple[ShortText, ...], msgspec.Meta(max_length=50)] = ()
    support_segments: Codes = ()
    nature: Nature | None = None
    value_eur: Euros | None = None
    duration_months: Annotated[int, msgspec.Meta(ge=1, le=1_200)] | None = None
    renewal_months: Annotated[int, msgspec.Meta(ge=0, le=1_200)] | None = None
    innovative: bool = False
    reserved: Annotated[tuple[Reserved, ...], msgspec.Meta(max_length=4)] | None = ()
    site: Place | None = None
    max_distance_km: Kilometres | None = None
    territory: TerritoryRequest | None = None


class Need(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A buyer's need, as `POST /match` takes it."""

    lots: Annotated[tuple[Lot, ...], msgspec.Meta(min_length=1, max_length=200)]
    reference: ShortText | None = None
    title: ShortText | None = None
    on: date | None = None
    buyer: Buyer | None = None
    contract: ContractKind = "market"
    technique: Technique | None = None
    estimated_total_eur: Euros | None = None
    territory: TerritoryRequest | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=100, description="Candidates returned per lot")] = 20
    near_misses: Annotated[int, msgspec.Meta(ge=0, le=50, description="Near misses returned per lot")] = 5
    groupings: Annotated[int, msgspec.Meta(ge=0, le=10, description="Groupings returned per lot")] = 0


_MATCHED = attrgetter(*Need.__struct_fields__)


class NeedAndProcedure(Need, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A need with the procedure that is planned, or that its notice names; nothing of a match depends on it."""

    procedure: Procedure | None = None

    @property
    def matched(self) -> Need:
        """The fields that a match reads; the others must not change the seed of the draw."""
        return Need(*_MATCHED(self))


def buyer_siret(need: Need) -> str | None:
    """The buyer's SIRET, where the need says who buys."""
    return None if need.buyer is None else need.buyer.siret


def may_be_same_buyer(siret: str | None, other: str | None) -> bool:
    """Whether two SIRETs are of one buyer, or one of them is not known."""
    return siret is None or other is None or siret == other


class PlannedNeed(NeedAndProcedure, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A need to be stored, with its object in words, and the planned date of its notice.

    `social_considerations`, `environmental_considerations`: whether the contract will hold such a provision (clause,
    criterion or condition of performance); null while that is not known. A reserved lot is a social provision anyway.
    """

    description: Annotated[str, msgspec.Meta(max_length=20_000)] | None = None
    planned_publication_on: date | None = None
    social_considerations: bool | None = None
    environmental_considerations: bool | None = None
