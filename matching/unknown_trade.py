"""Suppliers near a lot whose trade is not known: how many there are, and whom to ask first.

First come those of kinds of which some supplier offers a requested segment where the trade is known, together, the
nearest first. Of the others a buyer has less to expect: kinds that never offer it, public bodies, groups of employers,
clubs and associations without employees come last. Nobody is left out.

Also the trades that one of them most likely does, for its own page.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import cache, reduce
from importlib.resources import files
from itertools import islice
from operator import or_
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from domain.law.review import OPTIONS
from domain.law.rules import Rules
from domain.needs.need import Reserved
from domain.suppliers.known_trades import STAFF_LENT
from domain.suppliers.supplier import Kind, Supplier
from matching.geo.projection import Floats, Positions
from matching.geo.territory import Territory
from matching.index.distances import Distances
from matching.index.legal import INELIGIBLE, OUTCOME_CODES, WORST_ELIGIBLE, OutcomeCodes, best_outcome
from matching.index.live_index import LiveIndex
from matching.index.service_areas import NEARBY_KM
from matching.index.supplier_columns import Ordinals
from matching.index.trade_groups import EVERY_KIND, KindBits, KindsOffering, TradeGroup, count_kinds, group_of_supplier
from matching.lot_match import DrawnOrder, LotMatch
from matching.lot_query import SURE
from matching.past_awards import apply_bars
from matching.reference import Reference


class NearbyRows(NamedTuple):
    """Suppliers of unknown trade near a territory, the nearest first, as parallel arrays.

    `distance`: kilometres to the territory, 0 inside; `codes`: their outcomes for all reserved types on a day.
    """

    ordinals: Ordinals
    distance: Floats
    codes: OutcomeCodes

    def take(self, rows: Positions | NDArray[np.bool_] | slice) -> "NearbyRows":
        """The suppliers at the given rows."""
        return NearbyRows(self.ordinals[rows], self.distance[rows], self.codes[rows])

    def eligible_by_option(self) -> dict[str, int]:
        """The number of suppliers that are eligible, surely or on proof, by the reservation that a lot might have."""
        numbers = np.bincount(self.codes, minlength=OUTCOME_CODES) @ _is_eligible_by_option()
        return dict(zip(("none", *OPTIONS), numbers.tolist(), strict=True))


@cache
def _is_eligible_by_option() -> NDArray[np.int64]:
    """A table of 0 and 1 by outcome code, to sum tallies by: whether it is eligible; a column per reservation."""
    every = (frozenset[Reserved](), *OPTIONS.values())
    return np.stack([best_outcome(kinds) <= WORST_ELIGIBLE for kinds in every], axis=1).astype(np.int64)


class UnknownSuppliers(NamedTuple):
    """The suppliers of unknown trade near a lot: their number, that of the `eligible` ones, whom to ask as ordinals.

    `nearest`: the nearest to the site, known or supposed, else to the territory, those of promising kinds first.
    `by_kind`: of `total`; `promising`: of each requested segment, the kinds that offer it.
    `options`: that of the eligible ones under each reservation that the lot might have, `none` among them.
    """

    total: int
    eligible: int
    nearest: DrawnOrder
    by_kind: dict[str, int]
    promising: tuple[KindBits, ...]
    options: dict[str, int]


NOBODY = NearbyRows(np.empty(0, np.int32), np.empty(0), np.empty(0, np.uint16))


def nearby(live: LiveIndex, territory: Territory, on: date, rules: Rules) -> NearbyRows:
    """Suppliers of unknown trade at most 50 km from a territory, with their outcomes on a day."""
    if territory.shape is None:
        return NOBODY
    radius = territory.radius_km or 0.0
    distances, ordinals = live.base.distances(territory.shape), live.offerless()
    ordinals = ordinals[distances.rows_near(ordinals, radius)]
    away = distances.distance_within(ordinals, np.full(len(ordinals), NEARBY_KM + radius))
    distance = territory.less_radius(away)
    is_near = distance <= NEARBY_KM
    ordinals, distance = ordinals[is_near], distance[is_near]
    order = np.argsort(distance, kind="stable")
    ordinals = ordinals[order]
    return NearbyRows(ordinals, distance[order], live.base.eligibility.outcome_codes(ordinals, on, rules))


def promising_kinds(lot: LotMatch) -> tuple[KindBits, ...]:
    """Of each segment of a lot's object, the kinds of which some supplier offers it."""
    return tuple([lot.live.kinds_that_offer(code) for code in lot.query.understood.segments])


FindNearby = Callable[[LiveIndex, Territory, date, Rules], NearbyRows]


def unknown_suppliers(lot: LotMatch, count: int, find: FindNearby = nearby) -> UnknownSuppliers:
    """Suppliers of unknown trade within 50 km of a lot's territory and its `max_distance_km`; `count` listed.

    On a reserved lot, without those INELIGIBLE for all of its types.
    """
    cap_km = lot.query.lot.max_distance_km
    found = find(lot.live, lot.query.territory, lot.on, lot.rules)
    if lot.ess_bars:  # the three-year bar on ESS awards
        concerned = np.flatnonzero(np.isin(found.ordinals, list(lot.ess_bars)))
        rows = dict(zip(found.ordinals[concerned].tolist(), concerned.tolist(), strict=True))
        found = found._replace(codes=apply_bars(found.codes, rows.get, lot.ess_bars))
    to_place = None if lot.query.place is None else lot.live.base.distances(lot.query.place)
    if cap_km is not None and (to_place is None or lot.query.supposed is not None):
        found = found.take(slice(0, int(np.searchsorted(found.distance, cap_km, "right"))))
    elif cap_km is not None and to_place is not None:
        away = to_place.distance_within(found.ordinals, np.full(len(found.ordinals), cap_km))
        found = found.take(away <= cap_km)
    options, outcome = found.eligible_by_option(), best_outcome(frozenset(lot.reserved_types))[found.codes]
    eligible = int(np.count_nonzero(outcome <= WORST_ELIGIBLE))
    if lot.reserved_types:
        found = found.take(outcome != INELIGIBLE)
    groups, promising = lot.live.base.trade_groups, promising_kinds(lot)
    shown = found if count else NOBODY
    come_last = groups.kind_bits(shown.ordinals) & _united(promising) == 0
    first = _at_least_nearest(shown.take(~come_last), count, to_place)
    last = _at_least_nearest(shown.take(come_last), count - len(first[0]), to_place)
    ordinals, distance = np.concatenate((first[0], last[0])), np.concatenate((first[1], last[1]))
    classes = np.repeat(np.array([0, 1], dtype=np.int8), (len(first[0]), len(last[0])))
    nearest = DrawnOrder(ordinals, (distance, classes), lot.live.base.columns.draw[ordinals], count)
    by_kind = count_kinds(groups.count(found.ordinals))
    return UnknownSuppliers(len(found.ordinals), eligible, nearest, by_kind, promising, options)


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


MOST_BY_NAME, BEFORE_NAME = 3, 3
"""Trades by its name, and those of its kind before them: names mislead ("Les Amis du Gros Chêne" build no walls)."""
USUAL_SUPPLIERS = 20
"""Known suppliers for which it counts that a kind usually has a trade: what is known of few says less than surveys."""


def likely_trades(
    supplier: Supplier, wanted: Iterable[str], live: LiveIndex, reference: Reference, most: int = 10
) -> tuple[str, ...]:
    """The segments that a supplier most likely offers, the likeliest first; known offers of its own are not looked at.

    `wanted`: segments or families of the need that led to the question, which come first. Then those that suppliers of
    its kinds usually offer, where the trade is known or as surveys have it, and after the first those of its name.
    """
    by_kind = _most_frequent(live.kinds_offering, group_of_supplier(supplier), reference)
    asked = {*_segments_of(wanted, reference)}
    found = dict.fromkeys(segment for segment in by_kind if segment in asked)
    first = by_kind[: BEFORE_NAME if supplier.kinds else 0]
    found |= dict.fromkeys((*first, *_segments_of_name(supplier, reference), *by_kind))
    return tuple(islice(found, most))


def _segments_of(codes: Iterable[str], reference: Reference) -> Iterator[str]:
    """The segments among the codes, and those of the families among them; other codes are left out."""
    for code in codes:
        family = reference.taxonomy.family(code)
        if family is not None:
            yield from (segment.id for segment in family.segments)
        elif code in reference.taxonomy.segments:
            yield code


def _segments_of_name(supplier: Supplier, reference: Reference) -> list[str]:
    """The segments that the names of a supplier surely mean, the surest first."""
    names = filter(None, (supplier.trade_name, supplier.name))
    readings = sorted((-each.confidence, each.segment) for name in names for each in reference.interpreter.read(name))
    return list(dict.fromkeys(segment for less, segment in readings if -less >= SURE))[:MOST_BY_NAME]


def _most_frequent(offering: KindsOffering, group: TradeGroup, reference: Reference) -> list[str]:
    """The segments in the order of how many suppliers of a group's kinds offer them, then of all suppliers.

    Of those that nobody offers, the first of each family, then the second. Staff is lent by few kinds: the last.
    """
    usual = list(dict.fromkeys(segment for kind in group.kinds for segment in usual_trades().get(kind, ())))
    places = {segment: place - len(usual) for place, segment in enumerate(usual)}
    ranks = {
        segment.id: (
            -offering.number(segment.id, group.own_kind_bits) - USUAL_SUPPLIERS * (segment.id in places),
            places.get(segment.id, 0),
            segment.id == STAFF_LENT,
            -offering.number(segment.id, EVERY_KIND),
            place,
        )
        for family in reference.taxonomy.families
        for place, segment in enumerate(family.segments)
    }
    return sorted(ranks, key=ranks.__getitem__)


@cache
def usual_trades() -> Mapping[Kind, tuple[str, ...]]:
    """The segments that suppliers of a kind usually offer, by what surveys published, the most usual first."""
    read = (files("domain") / "data" / "usual_trades.toml").read_bytes()
    return msgspec.toml.decode(read, type=dict[Kind, tuple[str, ...]])
