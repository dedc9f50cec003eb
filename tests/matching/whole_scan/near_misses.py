"""The refused suppliers nearest to being candidates."""

import numpy as np
from numpy.typing import NDArray

from matching.geo.projection import Floats, Positions
from tests.matching.whole_scan.gates import GATE_NUMBER, GATES, Contenders
from tests.matching.whole_scan.ranking import drawn

BATCH = 32
"""The number measured at first; the nearest few are nearly always among them."""
SORTED = 256
"""The number put in order at first, for the same reason."""


def nearest_refused(
    contenders: Contenders, refused: NDArray[np.int8], count: int, seed: int
) -> list[tuple[int, float]]:
    """At most `count` refused suppliers with their distance in kilometres (infinite: unknown).

    Those that passed more gates come first, then the nearest; what is equal is drawn.
    """
    found: list[tuple[int, float]] = []
    for gate in reversed(range(len(GATES))):
        rows, left = np.flatnonzero(refused == gate), count - len(found)
        if left and len(rows):
            measured = gate >= GATE_NUMBER["distance"]
            rows, distance = (rows, contenders.distance[rows]) if measured else _measured(contenders, rows, left)
            order = np.lexsort((drawn(contenders, rows, seed), distance))[:left]
            found += zip(rows[order].tolist(), distance[order].tolist(), strict=True)
    return found


def _measured(contenders: Contenders, rows: Positions, count: int) -> tuple[Positions, Floats]:
    """Those of some rows that may be among the nearest `count`, with their distance; most are certain not to be."""
    considered, query = contenders.considered, contenders.considered.query
    bound = considered.lower_bound(query.site or query.territory.shape, rows)
    bound = bound if query.site else query.territory.less_radius(bound)
    some = max(SORTED, count)
    if some < len(rows):
        nearer = np.argpartition(bound, some)[:some]
        found, distance = _measured_in_order(contenders, rows[nearer], bound[nearer], count)
        if len(found) < some:
            return found, distance
    return _measured_in_order(contenders, rows, bound, count)


def _measured_in_order(contenders: Contenders, rows: Positions, bound: Floats, count: int) -> tuple[Positions, Floats]:
    """The rows with their distances, in the order of their bounds, up to where all others are farther away."""
    considered, query = contenders.considered, contenders.considered.query
    rows, bound = rows[np.argsort(bound, kind="stable")], np.sort(bound)
    known = int(np.isfinite(bound).sum())
    distance = np.empty(0)
    while len(distance) < known and not _settled(distance, bound, count):
        batch = rows[len(distance) : min(len(distance) + max(len(distance), BATCH), known)]
        measured = considered.distance(query.site, batch) if query.site else considered.territory_distance(batch)
        distance = np.concatenate((distance, measured))
    if len(distance) == known:
        distance = np.concatenate((distance, np.full(len(rows) - known, np.inf)))
    return rows[: len(distance)], distance


def _settled(distance: Floats, bound: Floats, count: int) -> bool:
    """Whether no supplier beyond those measured can be nearer than the `count`-th of them."""
    return len(distance) >= count and bool(np.partition(distance, count - 1)[count - 1] < bound[len(distance)])
