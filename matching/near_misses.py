"""The refused suppliers nearest to being candidates."""

import numpy as np
from numpy.typing import NDArray

from matching.gates import GATES, Field
from matching.plane import Floats
from matching.ranking import drawn
from matching.survey import Positions

BATCH = 32
"""How many are measured at a time; the nearest few are nearly always among the first of them."""


def nearest_refused(field: Field, refused: NDArray[np.int8], count: int, seed: int) -> list[tuple[int, float]]:
    """At most `count` refused suppliers with their distance in kilometres (infinite: unknown).

    Those that passed more gates come first, then the nearest; what is equal is drawn.
    """
    found: list[tuple[int, float]] = []
    for gate in reversed(range(len(GATES))):
        rows = np.flatnonzero(refused == gate)
        if len(found) < count and len(rows):
            found += _nearest(field, rows, count - len(found), seed)
    return found


def _nearest(field: Field, rows: Positions, count: int, seed: int) -> list[tuple[int, float]]:
    """The nearest of some rows. Most are certain to be farther than the nearest few, so only those are measured."""
    query = field.survey.query
    target = query.site or query.territory
    bound = np.nan_to_num(target.lower_bound(field.survey.positions(rows)), nan=np.inf)
    rows = rows[np.argsort(bound, kind="stable")]
    bound = np.sort(bound)
    distance = np.empty(0)
    while len(distance) < len(rows) and not _settled(distance, bound, count):
        batch = rows[len(distance) : len(distance) + BATCH]
        distance = np.concatenate((distance, target.distance(field.survey.positions(batch))))
    rows = rows[: len(distance)]
    order = np.lexsort((drawn(field, rows, seed), distance))[:count]
    return [(int(rows[place]), float(distance[place])) for place in order]


def _settled(distance: Floats, bound: Floats, count: int) -> bool:
    """Whether no supplier beyond those measured can be nearer than the `count`-th of them."""
    return len(distance) >= count and bool(np.partition(distance, count - 1)[count - 1] < bound[len(distance)])
