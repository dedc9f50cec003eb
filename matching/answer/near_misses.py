"""The refused suppliers that come nearest to being candidates, and the reason of each refusal in words."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from domain.suppliers.supplier import Offer, ServiceArea
from domain.text.bilingual import Text
from matching.answer import messages
from matching.gates import DISTANCE, GATES, RESERVATION, SEGMENT, SERVICE_AREA, all_considered, offering_suppliers
from matching.geo.projection import Floats, to_metre
from matching.index.distances import nearest_of
from matching.index.offers import FITS, RELATED, answering_codes, offered_codes
from matching.index.supplier_columns import CERTAIN_KM, Ordinals, each_once
from matching.lot_match import DrawnOrder, LotMatch
from matching.selection import leave_out

NOBODY = np.empty(0, dtype=np.int32)
NO_ROWS = np.empty(0, dtype=np.intp)


class RefusedSupplier(NamedTuple):
    """A supplier, the gate that refuses it (a position in GATES) and its distance in kilometres (infinite: unknown)."""

    gate: int
    ordinal: int
    distance_km: float


RefusedOrders = tuple[tuple[int, DrawnOrder], ...]
"""Gates, the last first, each with the nearest suppliers that it is the first to refuse: fewer from gate to gate."""


def nearest_of_gate(lot: LotMatch, gate: int, count: int) -> DrawnOrder:
    """The `count` nearest suppliers that a gate is the first to refuse."""
    if gate >= DISTANCE:
        passing, within_cap = lot.passing, lot.passing.within_cap
        if gate == DISTANCE:
            return passing.nearest(NO_ROWS if within_cap is None else np.flatnonzero(~within_cap), count)
        refused = passing.refused
        return passing.nearest(refused if within_cap is None else refused[within_cap[refused]], count)
    if gate == SERVICE_AREA:
        ordinals, distance = _nearest_out_of_area(lot, count)
    else:
        ordinals, distance = _nearest_with_distances(lot, refused_by(lot, SEGMENT), count)
    return DrawnOrder(ordinals, (distance,), lot.live.base.columns.draw[ordinals], count)


def nearest_refused(lot: LotMatch, count: int) -> RefusedOrders:
    """The first `count` refused suppliers: those that passed more gates come first, then the nearest."""
    may_refuse = {DISTANCE: lot.query.lot.max_distance_km is not None, RESERVATION: bool(lot.reserved_types)}
    found = []
    for gate in reversed(range(len(GATES))):
        if count > 0 and may_refuse.get(gate, True):
            found.append((gate, nearest_of_gate(lot, gate, count)))
            count -= len(found[-1][1].numbers)
    return tuple(found)


def draw_refused(orders: RefusedOrders, seed: int) -> tuple[RefusedSupplier, ...]:
    """The refused suppliers in order, ties drawn by `seed`."""
    return tuple(
        RefusedSupplier(gate, ordinal, away)
        for gate, order in orders
        for ordinal, away in zip(*(column.tolist() for column in order.draw_first(seed)), strict=True)
    )


def refused_by(lot: LotMatch, gate: int) -> Ordinals:
    """All suppliers that a gate, SEGMENT or SERVICE_AREA, is the first to refuse, by ordinal."""
    offering = each_once(lot.live.still_present(offering_suppliers(lot)))
    if gate == SEGMENT:
        return np.setdiff1d(all_considered(lot), offering, assume_unique=True)
    return leave_out(lot.ordinals, offering)


def _nearest_out_of_area(lot: LotMatch, count: int) -> tuple[Ordinals, Floats]:
    """The `count` nearest and equally near suppliers that offer the object but not here, and their distances."""
    near = [
        run
        for code in lot.query.subject.objects
        for offers in lot.live.answering_offers(code)
        for run in lot.distances.near_runs(offers.suppliers)
    ]
    ordinals = leave_out(lot.ordinals, lot.live.still_present(np.concatenate(near))) if near else NOBODY
    ordinals, distance = _nearest_with_distances(lot, ordinals, count)
    if len(ordinals) >= count and distance.max(initial=0) <= CERTAIN_KM:
        return ordinals, distance
    return _nearest_with_distances(lot, refused_by(lot, SERVICE_AREA), count)


def _nearest_with_distances(lot: LotMatch, ordinals: Ordinals, count: int) -> tuple[Ordinals, Floats]:
    """The `count` nearest of the given suppliers and all equally near, with their distances."""
    bound = lot.distances.lower_bound(ordinals)
    places, distance = nearest_of(bound, lambda some: lot.distances.measure(ordinals[some]), count)
    return ordinals[places], distance


def refusals_in_words(lot: LotMatch, refused: Iterable[RefusedSupplier]) -> dict[int, Text]:
    """By ordinal, a sentence for why a gate before the reservation refused the supplier."""
    columns, cap_km = lot.live.base.columns, lot.query.lot.max_distance_km or 0.0
    is_supposed, found, to_measure = lot.query.supposed is not None, {}, []
    for gate, ordinal, away in refused:
        if gate == SEGMENT:
            found[ordinal] = _segment_refusal(lot, ordinal)
        elif gate == SERVICE_AREA or (gate == DISTANCE and is_supposed):
            to_measure.append((gate, ordinal))
        elif gate == DISTANCE:
            found[ordinal] = messages.too_far(to_metre(away), cap_km, columns.is_placed(ordinal), to_territory=False)
    if to_measure:
        to_territory = lot.to_territory.measure(np.array([each for _, each in to_measure], dtype=np.int32)).tolist()
        for (gate, ordinal), away in zip(to_measure, to_territory, strict=True):
            is_placed = columns.is_placed(ordinal)
            if gate == DISTANCE:
                found[ordinal] = messages.too_far(to_metre(away), cap_km, is_placed, to_territory=True)
            else:
                area, default_km = _farthest_area(lot, ordinal), columns.default_reach_km(ordinal)
                found[ordinal] = messages.not_served(area, to_metre(away), is_placed, default_km)
    return found


def _segment_refusal(lot: LotMatch, ordinal: int) -> Text:
    """A sentence telling that a supplier offers only a neighbour of a wanted segment, or only a supporting segment."""
    subject, taxonomy, label = lot.query.subject, lot.live.base.taxonomy, lot.live.base.taxonomy.label
    offered = {segment for _, segments in _offers_of(lot, ordinal) for segment in segments}
    for some, message in ((subject.objects, messages.fit), (subject.support, messages.support)):
        for wanted in some:
            for segment, fit in answering_codes(wanted, taxonomy):
                if segment in offered:
                    return message(FITS[fit], label(wanted), label(segment))
    raise AssertionError("a considered supplier offers something near the lot")


def _farthest_area(lot: LotMatch, ordinal: int) -> ServiceArea | None:
    """The farthest-reaching service area of a supplier's answering offers; the first of equal ones."""
    taxonomy, objects = lot.live.base.taxonomy, lot.query.subject.objects
    answer = {code for wanted in objects for code, fit in answering_codes(wanted, taxonomy) if fit < RELATED}
    areas = [offer.service_area for offer, segments in _offers_of(lot, ordinal) if not answer.isdisjoint(segments)]
    default_km = lot.live.base.columns.default_reach_km(ordinal)

    def reach_km(area: ServiceArea | None) -> float:
        if area is None:
            return default_km
        return np.inf if area.radius_km is None else area.radius_km

    return max(areas, key=reach_km)


def _offers_of(lot: LotMatch, ordinal: int) -> list[tuple[Offer, tuple[str, ...]]]:
    """The offers of a supplier, each with the segments or families that it answers."""
    base = lot.live.base
    offers = lot.live.all_offers_of(ordinal)
    return [(each, offered_codes(each, base.taxonomy, base.cpv)) for each in offers]
