"""The supply of a territory: which suppliers could answer there, segment by segment, and who stands there.

And how many of them have a known trade, now and on an earlier day.
"""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, NamedTuple

import msgspec

from domain.shortlists.shortlist import TensionLevel, TerritoryEcho
from domain.suppliers.known_trades import KINDS, KindTrades, KnownTrades, TradeCounts, share_of


class TradesOnDay(KnownTrades, frozen=True, kw_only=True):
    """Active suppliers, and how many of them had a trade beyond lending staff, as they were counted on a day."""

    on: date
    """The day that they were counted on; the directory is counted once a day"""


ALL_KINDS, EVERYWHERE = "all", ""
"""Stand for all kinds, and for all of the directory, among the counts of `PlaceTrades`."""


class PlaceTrades(NamedTuple):
    """The suppliers of one kind (or `ALL_KINDS`) in one commune (or `EVERYWHERE`), and those of them with a trade."""

    commune: str
    kind: str
    suppliers: int
    with_trade: int


def trades_on_day(on: date, counts: Mapping[str, tuple[int, int]]) -> TradesOnDay:
    """The counts of a day, from suppliers and those with a trade by kind, `ALL_KINDS` among them."""
    suppliers, with_trade = counts.get(ALL_KINDS, (0, 0))
    of_kinds = (KindTrades(kind, *counts[kind]) for kind in KINDS if counts.get(kind, (0, 0))[0])
    return TradesOnDay(suppliers, with_trade, share_of(with_trade, suppliers), tuple(of_kinds), on=on)


class BasisCounts(msgspec.Struct, frozen=True):
    """Suppliers by the basis of the offer that answers best."""

    declared: int
    """By the supplier or its network"""
    awarded: int
    """By a public contract that it won"""
    inferred: int
    """From jobs, codes, registers or words"""


class ReservedCounts(msgspec.Struct, frozen=True):
    """Suppliers under each reservation."""

    handicap: int
    """To suppliers of the sheltered and adapted sector (L2113-12)"""
    iae: int
    """To inclusion companies (L2113-13)"""
    handicap_iae: int
    """To either (L2113-14)"""
    penitentiary: int
    """To work in prison (L2113-13-1)"""
    ess: int
    """To companies of the social and solidarity economy (L2113-15)"""


class SegmentSupply(msgspec.Struct, frozen=True):
    """The supply of one segment: what `POST /match` counts for a lot of that segment and territory."""

    segment: str
    """Its id"""
    label: str
    """In French"""
    suppliers: int
    """The `total` of such a lot"""
    local: int
    """Those of them that stand in the territory"""
    by_basis: BasisCounts
    """By the basis of the offer that answers best"""
    reserved: ReservedCounts
    """As `alternatives.reserved` of such a lot"""
    tension: TensionLevel
    """Its level, by the number of suppliers"""


class UnknownSupply(msgspec.Struct, frozen=True):
    """Suppliers in the territory, or at most 50 km from it, of which no offer is known."""

    total: int
    """All of them, each once"""
    by_kind: dict[str, int]
    """A supplier of several kinds counts in each; `none`: of no known kind"""


class Totals(msgspec.Struct, frozen=True):
    """Counts of the active suppliers located in the territory, whatever they offer."""

    suppliers: int
    """The number of all of them"""
    by_family: dict[str, int]
    """By legal form, `unknown` where it is not known"""
    by_kind: dict[str, int]
    """A supplier of several kinds counts in each; `none`: of no known kind"""
    employees: int
    """The sum over those whose number is known"""
    employees_known: int
    """Suppliers whose number of employees is known"""


class Supply(msgspec.Struct, frozen=True):
    """The supply of a territory on one day."""

    territory: TerritoryEcho
    """As it was understood"""
    on: date
    """The day of evaluation, for the law and for approvals"""
    items: tuple[SegmentSupply, ...]
    """By segment, in the order of the taxonomy"""
    unknown_trade: UnknownSupply
    """Suppliers that may answer, though nobody knows what they do"""
    totals: Totals
    """The suppliers that stand there, whatever they offer"""
    unknown_reserved: ReservedCounts
    """Those of unknown trade that may answer, as `alternatives.unknown_trade` of a lot there"""
    trades: TradeCounts
    """The suppliers that stand there, by whether their trade is known now"""
    trades_before: TradesOnDay | None = None
    """The same as it was counted at `since`, or on the first day counted after it; null: not asked, or never counted"""


class AreaSupply(msgspec.Struct, frozen=True):
    """The suppliers of the territory that stand in one commune or EPCI of it."""

    id: str
    """The code of the territory, as `commune:56260`"""
    label: str
    """Its name"""
    suppliers: int
    """All active ones that stand there"""
    employees: int
    """The sum over those whose number is known"""
    employees_known: int
    """Suppliers whose number of employees is known"""
    local: Annotated[dict[str, int], msgspec.Meta(description="By segment; without those of which there is nobody")]
    """By segment, those that could answer in the whole territory; a segment without any is left out"""


class AreaFeature(msgspec.Struct, frozen=True, tag_field="type", tag="Feature"):
    """A commune or an EPCI with its outline; null where none is known."""

    id: str
    """The code of the territory, as `commune:56260`"""
    geometry: Annotated[msgspec.Raw, msgspec.Meta(description="A Polygon, a MultiPolygon or null")]
    properties: AreaSupply
    """Suppliers that stand there"""


class AreaFeatureCollection(msgspec.Struct, frozen=True, tag_field="type", tag="FeatureCollection"):
    """The communes or EPCI of a territory as GeoJSON (RFC 7946)."""

    features: tuple[AreaFeature, ...]
    """One for each commune or EPCI"""
