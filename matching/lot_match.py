"""A lot held against an index: who is selected, how far each is, and which of them come first."""

from collections.abc import Mapping
from datetime import date
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from domain.law.rules import Rules
from domain.law.supply_advice import Ends, horizon
from matching.eligibility_cache import INELIGIBLE
from matching.geo.projection import Floats, Positions
from matching.geo.territory import Bools
from matching.index import LiveIndex
from matching.lot_query import LotQuery
from matching.offer_worth import OFFERED
from matching.past_awards import EssBar, barred
from matching.ranking import Compared, mixed
from matching.reserved_selection import Counts, ReservedTypes
from matching.selection import selected
from matching.spatial_order import CERTAIN_KM
from matching.supplier_columns import Ordinals


class LotMatch:
    """A lot on a day; rows are those of its selection. `ess_bars`: what past awards bar, by ordinal."""

    def __init__(
        self, query: LotQuery, live: LiveIndex, on: date, rules: Rules, ess_bars: Mapping[int, EssBar] | None = None
    ) -> None:
        self.query, self.live, self.on, self.rules, self.ess_bars = query, live, on, rules, ess_bars or {}
        self.selection = selection = selected(live, query.territory, query.subject)
        self.of_day = (
            selection.on_day(barred(selection.codes(on, rules), selection.row_of, self.ess_bars))
            if self.ess_bars
            else selection.days((on, rules))
        )
        self.reserved_types: ReservedTypes = tuple(dict.fromkeys(query.lot.reserved or ()))
        self.reserved = self.of_day.reserved(self.reserved_types)
        self.distances = selection.to_territory if query.site is None else selection.to_site(query.site)

    @cached_property
    def in_reach(self) -> Bools | None:
        """Which rows stand within the lot's cap on distance; None where it has none."""
        cap = self.query.lot.max_distance_km
        if cap is None:
            return None
        known = self.distances.known
        return known <= cap if cap <= CERTAIN_KM else self.distances.at(np.arange(len(known))) <= cap

    @cached_property
    def passed(self) -> Positions:
        """The rows that pass every gate, by class."""
        order = self.reserved.order
        return order if self.in_reach is None else order[self.in_reach[order]]

    @cached_property
    def counts(self) -> Counts:
        """The candidates: all, per wanted segment, and under other reservations."""
        if self.in_reach is None:
            return self.reserved.counts
        return self.reserved.counted(self.of_day.tally_at(self.in_reach))

    @cached_property
    def within(self) -> dict[str, int]:
        """Counts of the suppliers that stand within each radius and pass every gate but the lot's cap on distance."""
        if self.query.site is None:
            return self.reserved.within
        return self.reserved.within_of(self.distances)

    def passes(self, ordinal: int) -> bool:
        """Whether a supplier passes every gate."""
        row = self.selection.row_of(ordinal)
        if row is None or self.reserved.outcome[row] == INELIGIBLE:
            return False
        return self.in_reach is None or bool(self.in_reach[row])

    def first(self, count: int, seed: int) -> tuple[Positions, Floats]:
        """The first `count` candidates in order, with their distances; what the criteria leave equal is drawn."""
        rows = self.passed
        ends = self.reserved.ends if self.in_reach is None else self.reserved.class_ends(rows)
        start = end = 0
        for end in ends:  # whole classes; of the last one, only the nearest are needed
            if end >= count:
                break
            start = end
        last = self.distances.nearest(rows[start:end], count - start)
        rows = np.concatenate((rows[:start], last))
        distance = self.distances.at(rows)
        order = np.lexsort((self.drawn(rows, seed), distance, self.reserved.classes[rows]))[:count]
        return rows[order], distance[order]

    def drawn(self, rows: Positions, seed: int) -> NDArray[np.uint64]:
        """A number per row that only the need and the supplier decide."""
        return self.draws(self.selection.ordinals[rows], seed)

    def draws(self, ordinals: Ordinals, seed: int) -> NDArray[np.uint64]:
        """As `drawn`, of any suppliers."""
        return mixed(self.live.base.columns.draw[ordinals], seed)

    def compared(self, rows: Positions) -> Compared:
        """Some rows as the order compares them."""
        codes = self.selection.best[: len(self.selection.subject.objects), rows] // OFFERED
        return Compared(codes, self.reserved.outcome[rows], self.distances.at(rows))

    def approval_ends(self) -> Ends | None:
        """The candidates of a reserved lot whose approval ends before the contract does; None where there is none."""
        lot = self.query.lot
        if not self.reserved_types:
            return None
        days = self.reserved.approval_ends(self._ends) if self.in_reach is None else np.sort(self._ends(self.passed))
        many = int(np.searchsorted(days, horizon(lot, self.on, self.rules).toordinal()))
        return Ends(many, date.fromordinal(int(days[0]))) if many else None

    def _ends(self, rows: Positions) -> NDArray[np.int32]:
        columns = self.live.base.columns
        facts = columns.facts[self.selection.ordinals[rows]]
        return columns.eligibility.approval_ends(facts, frozenset(self.reserved_types), self.on, self.rules)
