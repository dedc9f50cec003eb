"""Which outlines border on each other, and which groups of them are neighbours."""

import numpy as np
import shapely
from numpy.typing import NDArray

from matching.geo.projection import Bools, Floats, Geometries

UNITS_PER_DEGREE = 100_000
"""The outlines are drawn to this part of a degree."""

Pairs = NDArray[np.int64]


AT_ONCE = 2_000
"""Outlines that are taken apart together: of all France at once, 190 MB would stay with the process, not 80."""


def bordering_pairs(outlines: Geometries) -> Pairs:
    """The pairs of outlines, by position, that have a piece of border in common; the outlines must not overlap."""
    starts = range(0, len(outlines), AT_ONCE)
    taken = [_edges_and_owners(outlines[start : start + AT_ONCE], start) for start in starts]
    edges, owners = (np.concatenate(column) for column in zip(*taken, strict=True))
    order = edges.argsort()
    edges, owners = edges[order], owners[order]
    shared = np.flatnonzero(edges[1:] == edges[:-1])
    one, other = owners[shared], owners[shared + 1]
    several = np.flatnonzero(one != other)
    low, high = np.minimum(one, other)[several], np.maximum(one, other)[several]
    return np.column_stack(np.divmod(np.unique(low * len(outlines) + high), len(outlines)))


def _edges_and_owners(outlines: Geometries, first: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """A number for each edge of some outlines, by its middle, and the position of the outline, counted from `first`."""
    parts, of_parts = shapely.get_parts(outlines, return_index=True)
    rings, of_rings = shapely.get_rings(parts, return_index=True)
    degrees, ring = shapely.get_coordinates(rings, return_index=True)
    steps = np.rint(degrees * UNITS_PER_DEGREE).astype(np.int64)
    is_edge = ring[1:] == ring[:-1]
    # where outlines do not overlap, two edges with the same middle are the same edge
    middles = (steps[1:] + steps[:-1])[is_edge]
    return (middles[:, 0] << 32) + middles[:, 1], of_parts[of_rings[ring[1:][is_edge]]] + first


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
