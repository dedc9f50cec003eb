"""The supply of a territory for many segments at once: the counts that matching a lot of each would give.

On its map are the communes or EPCI of the territory with the suppliers that stand in each. Also the suppliers of a
territory that a campaign asks.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property, reduce
from itertools import product
from operator import or_
from typing import Literal
from uuid import UUID

import msgspec
import numpy as np
import shapely
from numpy.typing import NDArray

from domain.law.review import OPTIONS
from domain.law.rules import Rules
from domain.reference.taxonomy import Taxonomy
from domain.shortlists.shortlist import TerritoryEcho
from domain.suppliers.supplier import BASES, Kind
from domain.supply import (
    ALL_KINDS,
    EVERYWHERE,
    AreaFeature,
    AreaFeatureCollection,
    AreaSupply,
    BasisCounts,
    PlaceTrades,
    ReservedCounts,
    SegmentSupply,
    Supply,
    Totals,
    UnknownSupply,
)
from domain.text.bilingual import Language
from matching.geo.territory import Bools, Geography, Territory
from matching.index.legal import FORMS, INELIGIBLE, OUTCOME_CODES, best_outcome
from matching.index.live_index import LiveIndex
from matching.index.offers import GRADES, PER_BASIS, PER_FIT, SUPPLIER_BIT, WORTH_BITS
from matching.index.supplier_columns import NOT_KNOWN, Ordinals, differs_from_previous
from matching.index.trade_groups import NO_KIND, count_kinds, counts_of_all, most_first
from matching.selection import meeting_offers
from matching.tension import tension_level
from matching.unknown_trade import nearby

NO_FORM = "unknown"
_BASIS_OF_GRADE = np.array([BASES.index(basis) for basis in GRADES])


@dataclass(frozen=True)
class SupplySearch:
    """Counts the suppliers of an index that could answer in a territory on a day."""

    live: LiveIndex
    territory: Territory
    on: date
    rules: Rules

    def __post_init__(self) -> None:
        object.__setattr__(self, "live", self.live.as_of(self.on))

    def supply(self, segments: Iterable[str], taxonomy: Taxonomy, language: Language) -> Supply:
        """The supply of the territory: totals, and counts for each of the segments or families, in their order."""
        territory = self.territory
        unknown = nearby(self.live, territory, self.on, self.rules)
        options = {name: number for name, number in unknown.eligible_by_option().items() if name in OPTIONS}
        columns, standing = self.live.base.columns, self.suppliers_in_territory
        forms = np.bincount(columns.facts.forms(standing), minlength=len(FORMS)).tolist()
        named = {form or NO_FORM: number for form, number in zip(FORMS, forms, strict=True) if number}
        return Supply(
            TerritoryEcho(territory.label.to(language), territory.codes, territory.radius_km),
            self.on,
            tuple(self._segment_supplies(tuple(segments), taxonomy, len(unknown.ordinals))),
            UnknownSupply(len(unknown.ordinals), self._by_kind(unknown.ordinals)),
            Totals(len(standing), most_first(named), self._by_kind(standing), *sum_staff(columns.employees[standing])),
            ReservedCounts(**options),
            counts_of_all(self.live.base.trade_groups.count(standing)),
        )

    @cached_property
    def suppliers_in_territory(self) -> Ordinals:
        """The ordinals of the active suppliers located in the territory, in order."""
        every = np.arange(self.live.next_ordinal, dtype=np.int32)
        return self.live.still_present(every[self.is_local[: self.live.next_ordinal]])

    def candidates(self, segment: str) -> tuple[Ordinals, NDArray[np.int64]]:
        """The suppliers with an offer for a segment that serves the territory; of each, the best basis (in GRADES)."""
        key = meeting_offers(self.live, self.territory, [(segment,)])
        supplier = (key >> SUPPLIER_BIT).astype(np.int32)
        is_first = differs_from_previous(supplier)
        return supplier[is_first], (key[is_first] & WORTH_BITS) % PER_FIT // PER_BASIS

    @cached_property
    def is_local(self) -> Bools:
        """By ordinal, whether a supplier is located in the territory."""
        columns = self.live.base.columns
        found = np.zeros(columns.capacity, dtype=bool)
        distances = self.live.base.distances(self.territory.shape)
        every = np.arange(self.live.next_ordinal, dtype=np.int32)
        near = every[distances.rows_near(every, 0.0)]
        found[near] = distances.distance_within(near, np.zeros(len(near))) == 0
        return found

    def _segment_supplies(self, segments: tuple[str, ...], taxonomy: Taxonomy, unknown: int) -> Iterator[SegmentSupply]:
        """The supply of each segment; `unknown`: the number of suppliers nearby whose trade is not known."""
        tallies, bases = [], []
        for segment in segments:
            ordinals, basis = self.candidates(segment)
            codes = self.live.base.eligibility.outcome_codes(ordinals, self.on, self.rules)
            local = self.is_local[ordinals]
            tallies.append(np.bincount(codes + np.where(local, OUTCOME_CODES, 0), minlength=2 * OUTCOME_CODES))
            bases.append(np.bincount(_BASIS_OF_GRADE[basis], minlength=len(BASES)).tolist())
        tally = np.array(tallies, dtype=np.float64).reshape(len(segments), 2, OUTCOME_CODES)
        totals, local_totals = tally.sum(axis=(1, 2)), tally[:, 1].sum(axis=1)
        # by outcome code, a column per reservation: 1 where a lot so reserved lets the supplier pass
        may_answer = np.stack([best_outcome(kinds) != INELIGIBLE for kinds in OPTIONS.values()], axis=1)
        columns = (totals, local_totals, tally.sum(axis=1) @ may_answer.astype(np.float64))
        rows = zip(segments, *(column.astype(np.int64).tolist() for column in columns), bases, strict=True)
        for segment, total, here, options, of_basis in rows:
            yield SegmentSupply(
                segment,
                taxonomy.label(segment),
                total,
                here,
                BasisCounts(*of_basis),
                ReservedCounts(**dict(zip(OPTIONS, options, strict=True))),
                tension_level(total, unknown),
            )

    def _by_kind(self, ordinals: Ordinals) -> dict[str, int]:
        """The number of the given suppliers of each kind."""
        return count_kinds(self.live.base.trade_groups.count(ordinals))


def sum_staff(employees: NDArray[np.int32]) -> tuple[int, int]:
    """The sum of the known numbers of employees, and how many suppliers have a known number."""
    known = employees[employees != NOT_KNOWN]
    return int(known.sum(dtype=np.int64)), len(known)


def trades_by_commune(live: LiveIndex, geography: Geography) -> list[PlaceTrades]:
    """The active suppliers by the commune that they stand in and by kind, and how many of each have a trade.

    Those of the whole directory too, also where nobody knows where they stand. Takes two seconds for 220,000.
    """
    every = live.still_present(np.arange(live.next_ordinal, dtype=np.int32))
    lat, lon = live.base.columns.degrees(every)
    placed = np.isfinite(lat)
    communes = np.full(len(every), -1)
    communes[placed] = geography.commune_at(lat[placed], lon[placed])
    alike = Counter(zip(communes.tolist(), live.base.trade_groups.groups_of(every), strict=True))
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for (ordinal, group), number in alike.items():
        here = (geography.territories.communes[ordinal].code,) if ordinal >= 0 else ()
        for key in product((EVERYWHERE, *here), (ALL_KINDS, *(group.kinds or (NO_KIND,)))):
            suppliers, traded = found.get(key, (0, 0))
            found[key] = suppliers + number, traded + number * (group.evidence is not None)
    return [PlaceTrades(*key, *numbers) for key, numbers in found.items()]


Level = Literal["commune", "epci"]


def supply_map(
    search: SupplySearch, segments: Iterable[str], level: Level, geography: Geography
) -> AreaFeatureCollection:
    """The areas of a territory as GeoJSON features with their supply, in the order of their codes."""
    features = []
    for each in area_supplies(search, segments, level, geography):
        outline = geography.outline(geography.territories.area(each.id))
        features.append(AreaFeature(each.id, msgspec.Raw(outline.geometry if outline else b"null"), each))
    return AreaFeatureCollection(tuple(features))


def area_supplies(
    search: SupplySearch, segments: Iterable[str], level: Level, geography: Geography
) -> list[AreaSupply]:
    """The numbers of suppliers located in each area of a territory, in the order of the areas' codes.

    Each supplier of the territory counts in one of them, so that the counts of all add up to those of the territory,
    also where an EPCI goes beyond it.
    """
    within = np.flatnonzero(search.territory.ground)
    known = [geography.territories.communes[ordinal] for ordinal in within.tolist()]
    # a commune of no EPCI stands for itself
    named = [f"epci:{one.epci}" if level == "epci" and one.epci else f"commune:{one.code}" for one in known]
    ids, places = np.unique(np.array(named, dtype=np.str_), return_inverse=True)
    standing, columns = search.suppliers_in_territory, search.live.base.columns
    # the commune of the territory in which each supplier stands: on its border, the nearest one
    lat, lon = columns.degrees(standing)
    communes = geography.commune_at(lat, lon)
    beside = np.flatnonzero(~np.isin(communes, within))
    if len(beside):
        tree = shapely.STRtree(geography.outlines[within])
        communes[beside] = within[tree.nearest(shapely.points(lon[beside], lat[beside]))]
    place = places[np.searchsorted(within, communes)]
    by_ordinal = np.zeros(columns.capacity, dtype=np.int64)
    by_ordinal[standing] = place
    local = {}
    for code in segments:
        offering, _ = search.candidates(code)
        here = offering[search.is_local[offering]]
        local[code] = np.bincount(by_ordinal[here], minlength=len(ids)).tolist()
    found = []
    for number, area_id in enumerate(ids.tolist()):
        some = standing[place == number]
        counts = {code: of_areas[number] for code, of_areas in local.items() if of_areas[number]}
        label = geography.territories.area(area_id).label
        found.append(AreaSupply(area_id, label, len(some), *sum_staff(columns.employees[some]), counts))
    return found


def suppliers_to_ask(
    search: SupplySearch, kinds: Sequence[Kind], segments: Sequence[str], *, only_unknown_trade: bool
) -> list[UUID]:
    """The ids of the suppliers that stand in the territory and are asked, in the order of the index.

    `kinds`: with an approval of one of these, empty: all. `segments`: of unknown trade, those of a kind of which some
    supplier offers one of these, of known trade, those that offer one; empty: all.
    """
    standing, live = search.suppliers_in_territory, search.live
    # also those that say that they offer nothing: the caller leaves them out, and counts them
    groups = live.base.trade_groups.groups_of(standing)
    is_unknown = np.fromiter((each.evidence is None for each in groups), dtype=bool, count=len(groups))
    found = standing[is_unknown]
    if segments:
        likely = reduce(or_, (live.kinds_offering.kinds(code) for code in segments))
        found = found[live.base.trade_groups.kind_bits(found) & likely != 0]
    if not only_unknown_trade:
        known = standing[~is_unknown]
        if segments:
            known = known[np.isin(known, np.concatenate([search.candidates(code)[0] for code in segments]))]
        found = np.union1d(found, known)
    if kinds:
        found = found[[not set(kinds).isdisjoint(each.kinds) for each in live.base.trade_groups.groups_of(found)]]
    return [live.base.columns.supplier(ordinal).id for ordinal in found.tolist()]
