"""The refused suppliers nearest to being candidates."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from matching.gates import DISTANCE, GATES, RESERVATION, SEGMENT, SERVICE_AREA, considered, offering_object
from matching.geo.projection import Floats
from matching.lot_match import LotMatch
from matching.spatial_order import CERTAIN_KM
from matching.supplier_columns import Ordinals

BATCH = 64
"""The number measured at first; the nearest few are nearly always among them."""
CACHED_OUT_OF_AREA = 16


class Refused(NamedTuple):
    """A supplier, the gate that refuses it (a position in GATES) and its distance in kilometres (infinite: unknown)."""

    gate: int
    ordinal: int
    distance_km: float


def nearest_refused(lot: LotMatch, count: int, seed: int) -> list[Refused]:
    """At most `count` refused suppliers.

    Those that passed more gates come first, then the nearest; what is equal is drawn.
    """
    found: list[Refused] = []
    for gate in reversed(range(len(GATES))):
        if len(found) < count:
            found += nearest_refused_by(lot, gate, count - len(found), seed)
    return found


def nearest_refused_by(lot: LotMatch, gate: int, count: int, seed: int) -> Iterator[Refused]:
    """At most `count` suppliers of which a gate is the first that refuses them, the nearest first."""
    if gate == RESERVATION:
        refused = lot.reserved.refused
        some = refused if lot.in_reach is None else refused[lot.in_reach[refused]]
    elif gate == DISTANCE:
        some = np.flatnonzero(~lot.in_reach) if lot.in_reach is not None else np.empty(0, dtype=np.intp)
    else:
        ordinals, distance = (_out_of_area if gate == SERVICE_AREA else _of_other_segments)(lot, count)
        return _in_order(lot, gate, ordinals, distance, count, seed)
    some = lot.distances.nearest(some, count)
    return _in_order(lot, gate, lot.selection.ordinals[some], lot.distances.at(some), count, seed)


def refused_by(lot: LotMatch, gate: int) -> Ordinals:
    """All suppliers refused by one of the first two gates, in order."""
    offering = np.unique(lot.live.standing(offering_object(lot)))
    if gate == SEGMENT:
        return np.setdiff1d(considered(lot), offering, assume_unique=True)
    return lot.selection.without(offering)


def _in_order(
    lot: LotMatch, gate: int, ordinals: Ordinals, distance: Floats, count: int, seed: int
) -> Iterator[Refused]:
    order = np.lexsort((lot.draws(ordinals, seed), distance))[:count]
    for ordinal, away in zip(ordinals[order].tolist(), distance[order].tolist(), strict=True):
        yield Refused(gate, ordinal, away)


def _of_other_segments(lot: LotMatch, count: int) -> tuple[Ordinals, Floats]:
    """Of those that offer a neighbour of what is asked, or only what supports it, at least the nearest."""
    return _measured(lot, refused_by(lot, SEGMENT), count)


def _out_of_area(lot: LotMatch, count: int) -> tuple[Ordinals, Floats]:
    """Of those that offer what is asked and do not serve the territory, all up to the `count`-th nearest.

    Cached with the selection until a change concerns what is wanted.
    """
    selection, live = lot.selection, lot.live
    cached = selection.out_of_area
    key = lot.query.site, count
    found = cached.get(key)
    if found is not None and found[0] <= live.change and not live.changed_since(lot.query.subject.objects, found[0]):
        return found[1], found[2]
    if len(cached) >= CACHED_OUT_OF_AREA:
        cached.clear()
    ordinals, distance = _nearest_out_of_area(lot, count)
    cached[key] = live.change, ordinals, distance
    return ordinals, distance


def _nearest_out_of_area(lot: LotMatch, count: int) -> tuple[Ordinals, Floats]:
    near = [
        lot.distances.near_of(offers.suppliers)
        for code in lot.query.subject.objects
        for offers in lot.live.wanted(code)
    ]
    ordinals = np.unique(lot.selection.without(lot.live.standing(np.concatenate(near)))) if near else NOBODY
    ordinals, distance = _measured(lot, ordinals, count)
    if len(ordinals) >= count and distance.max(initial=0) <= CERTAIN_KM:
        return ordinals, distance
    return _measured(lot, refused_by(lot, SERVICE_AREA), count)


def _measured(lot: LotMatch, ordinals: Ordinals, count: int) -> tuple[Ordinals, Floats]:
    """Those of some suppliers that are not farther than the `count`-th nearest, with their distance."""
    if len(ordinals) > max(BATCH, 4 * count):
        some = max(BATCH, 4 * count)
        bound = lot.distances.lower_bound(ordinals)
        likely = lot.distances.of(ordinals[np.argpartition(bound, some)[:some]])
        ordinals = ordinals[bound <= np.partition(likely, count - 1)[count - 1]]
    distance = lot.distances.of(ordinals)
    if len(ordinals) > count:
        kept = distance <= np.partition(distance, count - 1)[count - 1]
        ordinals, distance = ordinals[kept], distance[kept]
    return ordinals, distance


NOBODY = np.empty(0, dtype=np.int32)
