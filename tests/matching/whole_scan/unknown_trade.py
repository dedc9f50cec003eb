"""Suppliers near a lot whose trade is not known: how many there are, and whom to ask first."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.law.findings import OUTCOMES
from domain.law.past_awards import EssAward
from domain.law.rules import Rules
from domain.law.supplier_facts import LegalFacts
from domain.suppliers.supplier import Supplier
from matching.geo.projection import Floats, Positions
from matching.geo.shape import Shape
from matching.lot_query import LotQuery
from tests.matching.whole_scan.considered import NO_OFFER, ConsideredSuppliers
from tests.matching.whole_scan.eligibility_cache import INELIGIBLE, best_outcome
from tests.matching.whole_scan.gates import Contenders
from tests.matching.whole_scan.index import Index
from tests.matching.whole_scan.offerless_cache import Nearby
from tests.matching.whole_scan.past_awards import PastAwards
from tests.matching.whole_scan.ranking import mixed

WORST_ELIGIBLE = OUTCOMES.index("ELIGIBLE_IF")
LAST_DRAW = int(np.iinfo(np.uint64).max)

EssAwards = Mapping[int, tuple[EssAward, ...]]
"""By ordinal of a supplier, the ESS-reserved contracts that the buyer awarded to it."""


class UnknownNeighbour(NamedTuple):
    """A supplier of unknown trade with its distance to the site, else to the territory, and its legal standing."""

    supplier: Supplier
    distance_km: float
    facts: LegalFacts
    ess_awards: tuple[EssAward, ...]


class UnknownSuppliers(NamedTuple):
    """The number of suppliers of unknown trade near a lot, of the `eligible` among them, and the nearest, in order."""

    total: int
    eligible: int
    nearest: tuple[UnknownNeighbour, ...]


@dataclass(frozen=True)
class UnknownSearch:
    """The search for suppliers of unknown trade near the lots of one need; `count`: the most that are listed."""

    index: Index
    on: date
    rules: Rules
    past: PastAwards | None
    count: int
    seed: int

    def suppliers(self, query: LotQuery) -> UnknownSuppliers:
        """Those in the lot's territory or at most 50 km from it, within its `max_distance_km`.

        On a reserved lot, without those INELIGIBLE for all of its types. Of those equally far, the nearest are drawn.
        """
        found = self._nearby(query)
        awards: EssAwards = {}
        if len(found.ordinal) and self.past is not None and "ess" in (query.lot.reserved or ()):
            found, awards = self._after_awards(query, found, self.past)
        if len(found.ordinal) and query.lot.max_distance_km is not None:
            found = self._within(query, found, query.lot.max_distance_km)
        eligible = int(np.count_nonzero(found.outcome <= WORST_ELIGIBLE))
        nearest = self._nearest(query, found) if self.count and len(found.ordinal) else []
        return UnknownSuppliers(
            len(found.ordinal), eligible, tuple(self._neighbour(found, awards, *each) for each in nearest)
        )

    def _nearby(self, query: LotQuery) -> Nearby:
        return self.index.offerless.nearby(query.territory, frozenset(query.lot.reserved or ()), self.on, self.rules)

    def _after_awards(self, query: LotQuery, found: Nearby, past: PastAwards) -> tuple[Nearby, EssAwards]:
        """Those who are left by the three-year bar, with the awards that it looked at."""
        ordinals = [self.index.ordinals[each] for each in past.awards_of if each in self.index.ordinals]
        rows = np.flatnonzero(np.isin(found.ordinal, ordinals))
        rows = rows[np.argsort(found.ordinal[rows])]  # as suppliers are looked up
        barred = past.bar(self._contenders(query, found.at(rows)))
        outcome = found.outcome.copy()
        outcome[rows] = best_outcome(barred.outcomes(np.arange(len(rows))), query.lot.reserved or ())
        names = found.ordinal[rows].tolist()
        left = found._replace(outcome=outcome).at(outcome != INELIGIBLE)
        return left, {names[place]: awards for place, awards in barred.ess_awards.items()}

    def _within(self, query: LotQuery, found: Nearby, cap_km: float) -> Nearby:
        """Those that the lot's cap on distance allows: to its site, else to its territory."""
        if query.site is None:
            return found.at(slice(0, int(np.searchsorted(found.distance, cap_km, "right"))))
        considered = self._contenders(query, found).considered
        rows = np.flatnonzero(considered.lower_bound(query.site, np.arange(len(found.ordinal))) <= cap_km)
        return found.at(rows[considered.distance(query.site, rows) <= cap_km])

    def _nearest(self, query: LotQuery, found: Nearby) -> list[tuple[int, float]]:
        """The rows of the nearest, in order, with their distance to the site, else to the territory."""
        if query.site is None:
            last = found.distance[min(self.count, len(found.ordinal)) - 1]
            rows = np.arange(int(np.searchsorted(found.distance, last, "right")))
            distance = found.distance[rows]
        else:
            rows, distance = self._measured(query.site, self._contenders(query, found).considered)
        draws = mixed(found.draw[rows], self.seed)
        first = _first(distance, draws, self.count)
        return list(zip(rows[first].tolist(), distance[first].tolist(), strict=True))

    def _measured(self, site: Shape, considered: ConsideredSuppliers) -> tuple[Positions, Floats]:
        """Those that may be among the nearest to the site, with their distance; most are certain not to be."""
        rows = np.arange(len(considered.ordinal))
        bound = considered.lower_bound(site, rows)
        if self.count < len(rows):
            likely = np.argpartition(bound, self.count - 1)[: self.count]
            rows = rows[bound <= considered.distance(site, likely).max()]
        return rows, considered.distance(site, rows)

    def _neighbour(self, found: Nearby, awards: EssAwards, row: int, distance_km: float) -> UnknownNeighbour:
        ordinal, facts = int(found.ordinal[row]), self.index.eligibility.distinct[found.facts[row]]
        return UnknownNeighbour(self.index.suppliers[ordinal], distance_km, facts, awards.get(ordinal, ()))

    def _contenders(self, query: LotQuery, found: Nearby) -> Contenders:
        """The suppliers as contenders that offer nothing."""
        considered = ConsideredSuppliers(
            query=query,
            index=self.index,
            offered=((),) * len(query.wanted),
            ordinal=found.ordinal,
            facts=found.facts,
            answers=np.zeros(len(found.ordinal), dtype=bool),
            best=np.full((len(found.ordinal), len(query.wanted)), NO_OFFER, dtype=np.int32),
            to_territory=found.distance,
        )
        return Contenders(
            considered, considered.to_territory, lambda rows: considered.outcomes(rows, self.on, self.rules)
        )


def _first(distance: Floats, draws: NDArray[np.uint64], count: int) -> Positions:
    """The places of the `count` nearest, in order; what is equal by its draw, and only those drawn are put in order."""
    places = np.arange(len(distance))
    if count < len(distance):
        last = np.partition(distance, count - 1)[count - 1]
        nearer, tied = np.flatnonzero(distance < last), np.flatnonzero(distance == last)
        left = count - len(nearer)
        if left < len(tied):
            # by far the most are not drawn, which is told without putting them in any order
            likely = tied[draws[tied] < LAST_DRAW // len(tied) * (4 * left + 64)] if len(tied) > 1_000 else tied
            tied = likely if len(likely) >= left else tied
            tied = tied[np.argpartition(draws[tied], left - 1)[:left]]
        places = np.concatenate((nearer, tied))
    return places[np.lexsort((draws[places], distance[places]))]
