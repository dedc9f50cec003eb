"""Suppliers near a lot whose trade is not known: how many there are, and whom to ask first."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.law.rules import Rules
from domain.needs.need import Reserved
from matching.geo.projection import Floats, Positions
from matching.geo.shape import Shape
from matching.geo.territory import Territory
from matching.index.eligibility_cache import INELIGIBLE, WORST_ELIGIBLE, best_outcome
from matching.index.live_index import LiveIndex
from matching.index.service_areas import NEARBY_KM
from matching.index.supplier_columns import Ordinals
from matching.lot_query import LotQuery
from matching.past_awards import EssBar, barred
from matching.ranking import seeded_tie_break

LAST_DRAW = int(np.iinfo(np.uint64).max)


class Nearby(NamedTuple):
    """Suppliers of unknown trade near a territory, the nearest first, as parallel arrays; `eligible` of them are.

    `distance`: kilometres to the territory, 0 inside; `outcome`: the best over the reserved types (a position in
    OUTCOMES), 0 where nothing is reserved.
    """

    ordinals: Ordinals
    distance: Floats
    outcome: NDArray[np.int8]
    eligible: int

    def take(self, rows: Positions | NDArray[np.bool_] | slice) -> "Nearby":
        """The suppliers at some rows."""
        outcome = self.outcome[rows]
        eligible = int(np.count_nonzero(outcome <= WORST_ELIGIBLE))
        return Nearby(self.ordinals[rows], self.distance[rows], outcome, eligible)


class UnknownNeighbour(NamedTuple):
    """A supplier of unknown trade, with its distance to the site, else to the territory."""

    ordinal: int
    distance_km: float


class UnknownSuppliers(NamedTuple):
    """The number of suppliers of unknown trade near a lot, of the `eligible` among them, and the nearest, in order."""

    total: int
    eligible: int
    nearest: tuple[UnknownNeighbour, ...]


NOBODY = Nearby(np.empty(0, np.int32), np.empty(0), np.empty(0, np.int8), 0)


def nearby(live: LiveIndex, territory: Territory, reserved: frozenset[Reserved], on: date, rules: Rules) -> Nearby:
    """The suppliers in the territory or at most 50 km from it, without those INELIGIBLE for all reserved types."""
    if territory.shape is None:
        return NOBODY
    radius, columns = territory.radius_km or 0.0, live.base.columns
    distances, ordinals = live.base.distances(territory.shape), live.offerless()
    ordinals = ordinals[distances.places(ordinals, radius)]
    away = distances.distance_within(ordinals, np.full(len(ordinals), NEARBY_KM + radius))
    distance = territory.less_radius(away)
    is_near = distance <= NEARBY_KM
    ordinals, distance = ordinals[is_near], distance[is_near]
    outcome = np.zeros(len(ordinals), dtype=np.int8)
    if reserved:
        outcome = best_outcome(reserved)[columns.eligibility.codes(ordinals, on, rules)]
    order = np.argsort(distance, kind="stable")
    return Nearby(ordinals, distance, outcome, 0).take(order[outcome[order] != INELIGIBLE])


@dataclass(frozen=True)
class UnknownSearch:
    """The search for suppliers of unknown trade near the lots of one need; `count`: the most that are listed."""

    live: LiveIndex
    on: date
    rules: Rules
    count: int
    seed: int
    nearby: Callable[[LiveIndex, Territory, frozenset[Reserved], date, Rules], Nearby] = nearby

    def suppliers(self, query: LotQuery, ess_bars: Mapping[int, EssBar]) -> UnknownSuppliers:
        """The suppliers in the lot's territory or at most 50 km from it, within its `max_distance_km`.

        On a reserved lot, without those INELIGIBLE for all of its types. Of those equally far, the nearest are drawn.
        """
        reserved = frozenset(query.lot.reserved or ())
        found = self.nearby(self.live, query.territory, reserved, self.on, self.rules)
        if ess_bars and "ess" in reserved and len(found.ordinals):
            found = self._after_bars(found, reserved, ess_bars)
        if query.lot.max_distance_km is not None and len(found.ordinals):
            found = self._within_cap(query.site, found, query.lot.max_distance_km)
        nearest = self._nearest(query.site, found) if self.count and len(found.ordinals) else []
        return UnknownSuppliers(len(found.ordinals), found.eligible, tuple(nearest))

    def _after_bars(self, found: Nearby, reserved: frozenset[Reserved], bars: Mapping[int, EssBar]) -> Nearby:
        """The suppliers that the three-year bar leaves."""
        concerned = np.flatnonzero(np.isin(found.ordinals, list(bars)))
        rows = dict(zip(found.ordinals[concerned].tolist(), range(len(concerned)), strict=True))
        columns = self.live.base.columns
        codes = columns.eligibility.codes(found.ordinals[concerned], self.on, self.rules)
        outcome = found.outcome.copy()
        outcome[concerned] = best_outcome(reserved)[barred(codes, rows.get, bars)]
        return found._replace(outcome=outcome).take(outcome != INELIGIBLE)

    def _within_cap(self, site: Shape | None, found: Nearby, cap_km: float) -> Nearby:
        """The suppliers that the lot's cap on distance allows: to its site, else to its territory."""
        if site is None:
            return found.take(slice(0, int(np.searchsorted(found.distance, cap_km, "right"))))
        away = self.live.base.distances(site).distance_within(found.ordinals, np.full(len(found.ordinals), cap_km))
        return found.take(away <= cap_km)

    def _nearest(self, site: Shape | None, found: Nearby) -> list[UnknownNeighbour]:
        """The nearest, in order, with their distance to the site, else to the territory."""
        if site is None:
            last = found.distance[min(self.count, len(found.ordinals)) - 1]
            rows = slice(0, int(np.searchsorted(found.distance, last, "right")))
            ordinals, distance = found.ordinals[rows], found.distance[rows]
        else:
            ordinals, distance = self._measured(site, found.ordinals)
        draws = seeded_tie_break(self.live.base.columns.draw[ordinals], self.seed)
        first = _first(distance, draws, self.count)
        return [
            UnknownNeighbour(*each) for each in zip(ordinals[first].tolist(), distance[first].tolist(), strict=True)
        ]

    def _measured(self, site: Shape, ordinals: Ordinals) -> tuple[Ordinals, Floats]:
        """The suppliers that may be among the nearest to the site, with their distance; most are certain not to be."""
        distances = self.live.base.distances(site)
        if self.count < len(ordinals):
            bound = distances.lower_bound(ordinals)
            likely = np.argpartition(bound, self.count - 1)[: self.count]
            ordinals = ordinals[bound <= distances.distance(ordinals[likely]).max()]
        return ordinals, distances.distance(ordinals)


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
