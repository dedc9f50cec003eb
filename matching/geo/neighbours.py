"""Which groups of outlines are neighbours, from the pairs of outlines that border on each other."""

import numpy as np
from numpy.typing import NDArray

from matching.geo.projection import Bools, Floats

Pairs = NDArray[np.int64]


def decode_pairs(packed: bytes) -> Pairs:
    """The pairs of outlines, by position, that have a piece of border in common, from little-endian 32-bit integers.

    Of each pair its first less that of the pair before, then of each its second less its first.
    """
    first, second = np.frombuffer(packed, dtype="<i4").astype(np.int64).reshape(2, -1)
    first = np.cumsum(first)
    return np.column_stack([first, first + second])


def neighbouring_groups(groups: Bools, pairs: Pairs) -> Bools:
    """For each two groups of outlines whether they border on each other or overlap: a symmetric table.

    `groups`: for each group, of each outline whether it belongs there.
    """
    inside: Bools = np.logical_or.reduce(groups)
    within = pairs[inside[pairs].all(axis=1)]
    sides = [groups[:, within[:, side]].astype(np.float32) for side in (0, 1)]
    meet = sides[0] @ sides[1].T
    shared = groups[:, inside].astype(np.float32)
    found: Bools = (meet + meet.T + shared @ shared.T) > 0
    np.fill_diagonal(found, False)
    return found


def bridges(groups: Bools, neighbours: Bools, middles: Floats) -> list[tuple[int, int]]:
    """The pairs of groups to be called neighbours besides, so that each can be reached from each: the nearest.

    Islands and what a buyer named apart; `middles`: a point of each outline, NaN where it is not known.
    """
    found: list[tuple[int, int]] = []
    parts = _connected_parts(neighbours)
    while len(parts) > 1:
        least = min(parts, key=len)
        others = [number for part in parts if part is not least for number in part]
        here, there = (np.argwhere(groups[numbers]) for numbers in (least, others))
        away = ((middles[here[:, 1], None] - middles[None, there[:, 1]]) ** 2).sum(axis=2)
        one, other = np.unravel_index(np.argmin(np.nan_to_num(away, nan=np.inf)), away.shape)
        pair = least[here[one, 0]], others[there[other, 0]]
        found.append(pair)
        reached = next(part for part in parts if pair[1] in part)
        parts = [part for part in parts if part is not least and part is not reached] + [[*least, *reached]]
    return found


def _connected_parts(neighbours: Bools) -> list[list[int]]:
    """The numbers of a table of neighbours, in lists of those that can be reached from each other."""
    left, parts = dict.fromkeys(range(len(neighbours))), list[list[int]]()
    while left:
        part = [left.popitem()[0]]
        for number in part:
            for beside in np.flatnonzero(neighbours[number]).tolist():
                if beside in left:
                    del left[beside]
                    part.append(beside)
        parts.append(sorted(part))
    return sorted(parts)
