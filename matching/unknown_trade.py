"""Suppliers near a lot whose trade is not known: how many there are, and whom to ask first."""

from collections.abc import Callable
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.law.rules import Rules
from domain.needs.need import Reserved
from matching.geo.projection import Floats, Positions
from matching.geo.territory import Territory
from matching.index.legal import INELIGIBLE, WORST_ELIGIBLE, best_outcome
from matching.index.live_index import LiveIndex
from matching.index.service_areas import NEARBY_KM
from matching.index.supplier_columns import Ordinals
from matching.lot_match import DrawnOrder, LotMatch
from matching.past_awards import apply_bars


class NearbyRows(NamedTuple):
    """Suppliers of unknown trade near a territory, the nearest first, as parallel arrays.

    `distance`: kilometres to the territory, 0 inside; `outcome`: the best over the reserved types (a position in
    OUTCOMES), 0 where nothing is reserved.
    """

    ordinals: Ordinals
    distance: Floats
    outcome: NDArray[np.int8]

    @property
    def eligible(self) -> int:
        """The number of suppliers that are eligible, surely or on proof."""
        return int(np.count_nonzero(self.outcome <= WORST_ELIGIBLE))

    def take(self, rows: Positions | NDArray[np.bool_] | slice) -> "NearbyRows":
        """The suppliers at the given rows."""
        return NearbyRows(self.ordinals[rows], self.distance[rows], self.outcome[rows])


class UnknownSuppliers(NamedTuple):
    """The suppliers of unknown trade near a lot: their number, that of the `eligible` ones, the nearest as ordinals.

    They are the nearest to the site, known or supposed, else to the territory.
    """

    total: int
    eligible: int
    nearest: DrawnOrder


NOBODY = NearbyRows(np.empty(0, np.int32), np.empty(0), np.empty(0, np.int8))


def nearby(live: LiveIndex, territory: Territory, reserved: frozenset[Reserved], on: date, rules: Rules) -> NearbyRows:
    """Suppliers of unknown trade at most 50 km from a territory, without those INELIGIBLE for all reserved types."""
    if territory.shape is None:
        return NOBODY
    radius, columns = territory.radius_km or 0.0, live.base.columns
    distances, ordinals = live.base.distances(territory.shape), live.offerless()
    ordinals = ordinals[distances.rows_near(ordinals, radius)]
    away = distances.distance_within(ordinals, np.full(len(ordinals), NEARBY_KM + radius))
    distance = territory.less_radius(away)
    is_near = distance <= NEARBY_KM
    ordinals, distance = ordinals[is_near], distance[is_near]
    outcome = np.zeros(len(ordinals), dtype=np.int8)
    if reserved:
        outcome = best_outcome(reserved)[columns.eligibility.outcome_codes(ordinals, on, rules)]
    order = np.argsort(distance, kind="stable")
    return NearbyRows(ordinals, distance, outcome).take(order[outcome[order] != INELIGIBLE])


FindNearby = Callable[[LiveIndex, Territory, frozenset[Reserved], date, Rules], NearbyRows]


def unknown_suppliers(lot: LotMatch, count: int, find: FindNearby = nearby) -> UnknownSuppliers:
    """Suppliers of unknown trade within 50 km of a lot's territory and its `max_distance_km`; `count` listed.

    On a reserved lot, without those INELIGIBLE for all of its types.
    """
    reserved, cap_km = frozenset(lot.reserved_types), lot.query.lot.max_distance_km
    found = find(lot.live, lot.query.territory, reserved, lot.on, lot.rules)
    if lot.ess_bars and "ess" in reserved:
        # without whoever may not answer once the three-year bar on ESS awards is applied
        concerned = np.flatnonzero(np.isin(found.ordinals, list(lot.ess_bars)))
        rows = dict(zip(found.ordinals[concerned].tolist(), range(len(concerned)), strict=True))
        codes = lot.live.base.columns.eligibility.outcome_codes(found.ordinals[concerned], lot.on, lot.rules)
        outcome = found.outcome.copy()
        outcome[concerned] = best_outcome(reserved)[apply_bars(codes, rows.get, lot.ess_bars)]
        found = found._replace(outcome=outcome).take(outcome != INELIGIBLE)
    to_place = None if lot.query.place is None else lot.live.base.distances(lot.query.place)
    if cap_km is not None and (to_place is None or lot.query.supposed is not None):
        found = found.take(slice(0, int(np.searchsorted(found.distance, cap_km, "right"))))
    elif cap_km is not None and to_place is not None:
        away = to_place.distance_within(found.ordinals, np.full(len(found.ordinals), cap_km))
        found = found.take(away <= cap_km)
    shown = found if count else NOBODY
    ordinals, distance = shown.ordinals, shown.distance
    if to_place is None and len(ordinals):
        end = int(np.searchsorted(distance, distance[min(count, len(ordinals)) - 1], "right"))
        ordinals, distance = ordinals[:end], distance[:end]
    elif to_place is not None:
        if count < len(ordinals):  # most are certain not to be among the nearest
            bound = to_place.lower_bound(ordinals)
            likely = np.argpartition(bound, count - 1)[:count]
            ordinals = ordinals[bound <= to_place.distance(ordinals[likely]).max()]
        distance = to_place.distance(ordinals)
    nearest = DrawnOrder(ordinals, (distance,), lot.live.base.columns.draw[ordinals], count)
    return UnknownSuppliers(len(found.ordinals), found.eligible, nearest)
