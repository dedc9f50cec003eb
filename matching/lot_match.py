"""A lot held against an index: who is selected, how far each is, and which of them come first."""

from collections.abc import Mapping
from datetime import date
from weakref import ref

from domain.law.rules import Rules
from domain.law.supply_advice import Ends, horizon
from matching.capped_selection import CappedSelection
from matching.eligibility_cache import INELIGIBLE
from matching.geo.projection import Positions
from matching.index import LiveIndex
from matching.legal_columns import Days
from matching.lot_query import LotQuery
from matching.offer_worth import OFFERED_BITS
from matching.past_awards import EssBar, barred
from matching.ranking import Compared
from matching.reserved_selection import ReservedSelection, ReservedTypes
from matching.selection import selected, weigh_again


class LotMatch:
    """A lot on a day; rows are those of its selection. `ess_bars`: what past awards bar, by ordinal."""

    def __init__(
        self, query: LotQuery, live: LiveIndex, on: date, rules: Rules, ess_bars: Mapping[int, EssBar] | None = None
    ) -> None:
        self.query, self.live, self.on, self.rules, self.ess_bars = query, live, on, rules, ess_bars or {}
        self.selection = selected(live, query.territory, query.subject)
        self.reserved_types: ReservedTypes = tuple(dict.fromkeys(query.lot.reserved or ()))
        self.capped = self._barred() if self.ess_bars else self._cached()
        self.reserved, self.distances = self.capped.reserved, self.capped.distances

    def passes(self, ordinal: int) -> bool:
        """Whether a supplier passes every gate."""
        row, in_reach = self.selection.row_of(ordinal), self.capped.in_reach
        if row is None or self.reserved.outcome[row] == INELIGIBLE:
            return False
        return in_reach is None or bool(in_reach[row])

    def compared(self, rows: Positions) -> Compared:
        """Some rows as the order compares them."""
        codes = self.selection.best[: len(self.selection.subject.objects), rows] >> OFFERED_BITS
        return Compared(codes, self.reserved.outcome[rows], self.distances.at(rows))

    def approval_ends(self) -> Ends | None:
        """The candidates of a reserved lot whose approval ends before the contract does; None where there is none."""
        if not self.reserved_types:
            return None
        days = self.capped.approval_ends(self._ends)
        many = int(days.searchsorted(horizon(self.query.lot, self.on, self.rules).toordinal()))
        return Ends(many, date.fromordinal(int(days[0]))) if many else None

    def _cached(self) -> CappedSelection:
        query, selection = self.query, self.selection
        site = ref(query.site) if query.site else None  # a cache of small things holds no large outline
        key = self.on, self.rules, self.reserved_types, site, query.lot.max_distance_km
        found: CappedSelection | None = selection.capped.find(key)
        if found is None:
            found = self._capped(selection.under(self.on, self.rules, self.reserved_types))
            selection.capped.put(key, found, 1)
        if found.has_grown():
            weigh_again(self.live, query.territory, selection)
        return found

    def _barred(self) -> CappedSelection:
        """After past awards, which are of one buyer alone: nothing is cached."""
        selection = self.selection
        codes = barred(selection.codes(self.on, self.rules), selection.row_of, self.ess_bars)
        return self._capped(ReservedSelection(selection.on_day(codes), self.reserved_types))

    def _capped(self, reserved: ReservedSelection) -> CappedSelection:
        site, selection = self.query.site, self.selection
        distances = selection.to_territory if site is None else selection.to_site(site)
        return CappedSelection(reserved, distances, self.query.lot.max_distance_km)

    def _ends(self, rows: Positions) -> Days:
        columns = self.live.base.columns
        ordinals = self.selection.ordinals[rows]
        return columns.eligibility.approval_ends(ordinals, frozenset(self.reserved_types), self.on, self.rules)
