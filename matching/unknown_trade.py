"""Suppliers near a lot whose trade is not known: how many there are, and whom to ask first.

First come those of kinds of which some supplier offers a requested segment where the trade is known, together, the
nearest first. Of the others a buyer has less to expect: kinds that never offer it, public bodies, groups of employers
and clubs come last. Nobody is left out.
"""

from collections.abc import Callable, Sequence
from datetime import date
from functools import reduce
from operator import or_
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.law.rules import Rules
from domain.needs.need import Reserved
from matching.geo.projection import Floats, Positions
from matching.geo.territory import Territory
from matching.index.distances import Distances
from matching.index.legal import INELIGIBLE, WORST_ELIGIBLE, best_outcome
from matching.index.live_index import LiveIndex
from matching.index.service_areas import NEARBY_KM
from matching.index.supplier_columns import Ordinals
from matching.index.trade_groups import EVERY_KIND, KindBits, count_kinds
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
    """The suppliers of unknown trade near a lot: their number, that of the `eligible` ones, whom to ask as ordinals.

    `nearest`: the nearest to the site, known or supposed, else to the territory, those of promising kinds first.
    `by_kind`: of `total`; `promising`: of each requested segment, the kinds that offer it.
    """

    total: int
    eligible: int
    nearest: DrawnOrder
    by_kind: dict[str, int]
    promising: tuple[KindBits, ...]


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


def promising_kinds(lot: LotMatch) -> tuple[KindBits, ...]:
    """Of each segment of a lot's object, the kinds of which some supplier offers it."""
    return tuple([lot.live.kinds_offering.kinds(code) for code in lot.query.subject.objects])


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
    groups, promising = lot.live.base.trade_groups, promising_kinds(lot)
    shown = found if count else NOBODY
    come_last = groups.kind_bits(shown.ordinals) & _united(promising) == 0
    first = _at_least_nearest(shown.take(~come_last), count, to_place)
    last = _at_least_nearest(shown.take(come_last), count - len(first[0]), to_place)
    ordinals, distance = np.concatenate((first[0], last[0])), np.concatenate((first[1], last[1]))
    classes = np.repeat(np.array([0, 1], dtype=np.int8), (len(first[0]), len(last[0])))
    nearest = DrawnOrder(ordinals, (distance, classes), lot.live.base.columns.draw[ordinals], count)
    by_kind = count_kinds(groups.count(found.ordinals))
    return UnknownSuppliers(len(found.ordinals), found.eligible, nearest, by_kind, promising)


def _united(promising: Sequence[KindBits]) -> KindBits:
    """The kinds that offer any of the requested segments; all kinds where no segment is requested."""
    return reduce(or_, promising) if promising else EVERY_KIND


def _at_least_nearest(found: NearbyRows, count: int, to_place: Distances | None) -> tuple[Ordinals, Floats]:
    """The ordinals and distances of the `count` nearest suppliers, of all that are as far as the last, maybe of others.

    `to_place`: None: the distances are those to the territory, which are in order.
    """
    ordinals, distance = found.ordinals, found.distance
    if count <= 0 or not len(ordinals):
        return ordinals[:0], distance[:0]
    if to_place is None:
        end = int(np.searchsorted(distance, distance[min(count, len(ordinals)) - 1], "right"))
        return ordinals[:end], distance[:end]
    if count < len(ordinals):  # most are certain not to be among the nearest
        bound = to_place.lower_bound(ordinals)
        likely = np.argpartition(bound, count - 1)[:count]
        ordinals = ordinals[bound <= to_place.distance(ordinals[likely]).max()]
    return ordinals, to_place.distance(ordinals)
