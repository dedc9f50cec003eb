"""A lot held against an index: who is selected, how far each is, and which of them come first."""

from collections.abc import Mapping
from datetime import date
from functools import cached_property
from weakref import ref

import numpy as np

from domain.law.reservations.supply_advice import Ends, horizon
from domain.law.rules import Rules
from matching.geo.projection import Positions
from matching.index.distances import PlaceDistances
from matching.index.eligibility_cache import INELIGIBLE
from matching.index.live_index import LiveIndex
from matching.index.offers import OFFERED_BITS
from matching.lot_query import LotQuery
from matching.past_awards import EssBar, barred
from matching.ranked_lot import (
    ApprovalEnds,
    CappedSelection,
    FirstCandidates,
    LotKey,
    RankedLot,
    ReservedSelection,
    ReservedTypes,
)
from matching.ranking import Compared
from matching.selection import Selection, SelectionArrays, arrays_of, selected, weigh_again, weigh_arrays_again


class LotMatch:
    """A lot on a day; rows are those of its selection. `ess_bars`: what past awards bar, by ordinal.

    `ranked`: what is kept of it; the arrays of all who are selected are looked up, or made again, where that lacks
    something.
    """

    def __init__(
        self,
        query: LotQuery,
        live: LiveIndex,
        on: date,
        rules: Rules,
        ess_bars: Mapping[int, EssBar] | None = None,
        selection: Selection | None = None,
    ) -> None:
        """`selection`: where it was looked up already."""
        self.query, self.live, self.on, self.rules, self.ess_bars = query, live, on, rules, ess_bars or {}
        self.selection = selection or selected(live, query.territory, query.subject)
        self.reserved_types: ReservedTypes = tuple(dict.fromkeys(query.lot.reserved or ()))
        self.ranked = self._ranked() if self.ess_bars else self._cached()

    @cached_property
    def arrays(self) -> SelectionArrays:
        """All that are selected, as arrays."""
        return arrays_of(self.live, self.query.territory, self.selection)

    @cached_property
    def passing(self) -> CappedSelection:
        """The selected that pass every gate; after past awards, which are of one buyer alone, nothing is cached."""
        if self.ess_bars:
            codes = barred(self.arrays.codes(self.on, self.rules), self.selection.row_of, self.ess_bars)
            return self._capped(ReservedSelection(self.arrays.on_day(codes), self.reserved_types))
        found: CappedSelection | None = self.arrays.capped.find(self._key)
        if found is None:
            found = self._capped(self.arrays.under(self.on, self.rules, self.reserved_types))
            self.arrays.capped.put(self._key, found, 1)
            weigh_arrays_again(self.live, self.selection, self.arrays)
        return found

    @cached_property
    def to_territory(self) -> PlaceDistances:
        """Distances to the territory."""
        territory = self.query.territory
        return PlaceDistances(self.live.base.distances, territory.shape, territory.radius_km or 0.0)

    @cached_property
    def distances(self) -> PlaceDistances:
        """Distances to the site, else to the territory."""
        site = self.query.site
        return self.to_territory if site is None else PlaceDistances(self.live.base.distances, site)

    def first(self, count: int) -> FirstCandidates:
        """The first `count` candidates."""
        found = self.ranked.first.get(count)
        if found is None:
            order = self.passing.first(count)
            found = FirstCandidates(order, self.selection.ordinals[order.numbers], self.arrays.best[:, order.numbers])
            self.ranked.keep_first(count, found)
        return found

    def passes(self, ordinal: int) -> bool:
        """Whether a supplier passes every gate."""
        row, in_reach = self.selection.row_of(ordinal), self.passing.in_reach
        if row is None or self.passing.reserved.outcome[row] == INELIGIBLE:
            return False
        return in_reach is None or bool(in_reach[row])

    def compared(self, rows: Positions) -> Compared:
        """Some rows as the order compares them."""
        codes = self.arrays.best[: len(self.selection.subject.objects), rows] >> OFFERED_BITS
        return Compared(codes, self.passing.reserved.outcome[rows], self.passing.distances.at(rows))

    def approval_ends(self) -> Ends | None:
        """The candidates of a reserved lot whose approval ends before the contract does; None where there is none."""
        if not self.reserved_types:
            return None
        ends = self.ranked.approval_ends
        if ends is None:
            ends = self.ranked.approval_ends = self._approval_ends()
        many = ends.before(horizon(self.query.lot, self.on, self.rules).toordinal())
        return Ends(many, date.fromordinal(int(ends.days[0]))) if many else None

    @property
    def _key(self) -> LotKey:
        site = ref(self.query.site) if self.query.site else None  # a cache of small things holds no large outline
        return LotKey(self.on, self.rules, self.reserved_types, site, self.query.lot.max_distance_km)

    def _cached(self) -> RankedLot:
        key = self._key
        found = self.selection.ranked.find(key)
        if found is None:
            found = self._ranked()
            self.selection.ranked.put(key, found, 1)
        if found.has_grown():
            weigh_again(self.live, self.query.territory, self.selection)
        return found

    def _ranked(self) -> RankedLot:
        return RankedLot(self.passing.counts, self.passing.within)

    def _capped(self, reserved: ReservedSelection) -> CappedSelection:
        site, arrays = self.query.site, self.arrays
        distances = arrays.to_territory if site is None else arrays.to_site(site)
        return CappedSelection(reserved, distances, self.query.lot.max_distance_km)

    def _approval_ends(self) -> ApprovalEnds:
        ordinals = self.selection.ordinals[self.passing.order]
        columns, reserved = self.live.base.columns, frozenset(self.reserved_types)
        return ApprovalEnds(np.asarray(columns.eligibility.approval_ends(ordinals, reserved, self.on, self.rules)))
