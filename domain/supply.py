"""The supply of a territory: which suppliers could answer there, segment by segment, and who stands there."""

from datetime import date
from typing import Annotated

import msgspec

from domain.shortlists.shortlist import TensionLevel, TerritoryEcho


class BasisCounts(msgspec.Struct, frozen=True):
    """Suppliers by the basis of the offer that answers best."""

    declared: int
    awarded: int
    inferred: int


class ReservedCounts(msgspec.Struct, frozen=True):
    """Suppliers under each reservation: as `alternatives.reserved` of a lot."""

    handicap: int
    iae: int
    handicap_iae: int
    penitentiary: int
    ess: int


class SegmentSupply(msgspec.Struct, frozen=True):
    """The supply of one segment: what `POST /match` counts for a lot of that segment and territory.

    `suppliers`: its `total`; `local`: those of them that stand in the territory; `tension`: its level.
    """

    segment: str
    label: str
    suppliers: int
    local: int
    by_basis: BasisCounts
    reserved: ReservedCounts
    tension: TensionLevel


class UnknownSupply(msgspec.Struct, frozen=True):
    """Suppliers in the territory, or at most 50 km from it, of which no offer is known.

    `by_kind`: a supplier of several kinds counts in each; `none`: of no known kind.
    """

    total: int
    by_kind: dict[str, int]


class Totals(msgspec.Struct, frozen=True):
    """The active suppliers that stand in the territory, whatever they offer.

    `by_family`: by legal form, `unknown` where it is not known. `by_kind`: as in `UnknownSupply`. `employees`: the sum
    over those whose number is known, of whom there are `employees_known`.
    """

    suppliers: int
    by_family: dict[str, int]
    by_kind: dict[str, int]
    employees: int
    employees_known: int


class Supply(msgspec.Struct, frozen=True):
    """The supply of a territory on the day `on`."""

    territory: TerritoryEcho
    on: date
    items: tuple[SegmentSupply, ...]
    unknown_trade: UnknownSupply
    totals: Totals


class AreaSupply(msgspec.Struct, frozen=True):
    """The suppliers of the territory that stand in one commune or EPCI of it.

    `employees`, `employees_known`: as in `Totals`. `local`: by segment, those that could answer in the territory, as
    `local` of its items; a segment without any is left out.
    """

    id: str
    label: str
    suppliers: int
    employees: int
    employees_known: int
    local: Annotated[dict[str, int], msgspec.Meta(description="By segment; without those of which there is nobody")]


class AreaFeature(msgspec.Struct, frozen=True, tag_field="type", tag="Feature"):
    """A commune or an EPCI with its outline; null where none is known."""

    id: str
    geometry: Annotated[msgspec.Raw, msgspec.Meta(description="A Polygon, a MultiPolygon or null")]
    properties: AreaSupply


class AreaFeatureCollection(msgspec.Struct, frozen=True, tag_field="type", tag="FeatureCollection"):
    """The communes or EPCI of a territory as GeoJSON (RFC 7946)."""

    features: tuple[AreaFeature, ...]
