"""The nearest of many edges on a plane, for many points at once."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.geo.projection import Floats

CHILDREN = 4
MOST_ON_TOP = 24
MANY = 6
"""Runs left for each point, of which outlines of territories seldom leave more."""
ROUNDING = 1e-6
"""Kilometres by which a box may be too far in the arithmetic alone."""

Numbers = NDArray[np.int32]


class Edges(NamedTuple):
    """Edges in parallel arrays: where each begins, how it goes on, and 1 / its squared length (0 where it has none)."""

    x: Floats
    y: Floats
    dx: Floats
    dy: Floats
    inverse: Floats


class Runs(NamedTuple):
    """Runs of edges: a point on each that is near its middle, and how far from that its edges go; the box around it."""

    x: Floats
    y: Floats
    radius: Floats
    middle_x: Floats
    middle_y: Floats
    half_x: Floats
    half_y: Floats


class NearestEdge:
    """Edges that follow each other, in runs of CHILDREN, these in runs of CHILDREN runs and so on, the longest first.

    A point is as near to a run as to its middle, or nearer: runs that are farther than that are left aside. Circles
    around long edges that lie close to each other overlap: where many are left, boxes tell them apart.
    """

    def __init__(self, begins: Floats, ends: Floats) -> None:
        """Of edges from `begins` to `ends`, both of shape (n, 2)."""
        (x, y), (dx, dy) = begins.T.copy(), (ends - begins).T.copy()
        squared = dx * dx + dy * dy
        self._edges = Edges(x, y, dx, dy, np.divide(1.0, squared, out=np.zeros_like(squared), where=squared > 0))
        self._levels: list[Runs] = []
        length = CHILDREN
        while not self._levels or len(self._levels[0].x) > MOST_ON_TOP:
            self._levels.insert(0, _runs(begins, ends, length))
            length *= CHILDREN

    def distance(self, points: Floats) -> Floats:
        """The distance from each point, shape (n, 2), to the nearest edge."""
        px, py = points.T.copy()
        every = np.arange(len(points), dtype=np.int32)
        top, *others = self._levels
        away = np.hypot(px[:, None] - top.x, py[:, None] - top.y)
        bound = away.min(axis=1)
        row, run = (found.astype(np.int32) for found in np.nonzero(away - top.radius <= bound[:, None]))
        for level in others:
            row, run = _children(row, run, len(level.x))
            away = _length(px[row] - level.x[run], py[row] - level.y[run])
            bound = np.minimum(bound, np.minimum.reduceat(away, np.searchsorted(row, every)))
            near = np.flatnonzero(away - level.radius[run] <= bound[row])
            row, run = row[near], run[near]
            if len(row) > MANY * len(points):
                near = np.flatnonzero(_gap(px[row], py[row], level, run) <= bound[row] + ROUNDING)
                row, run = row[near], run[near]
        row, edge = _children(row, run, len(self._edges.x))
        away = self._away(px[row], py[row], edge)
        return np.minimum.reduceat(away, np.searchsorted(row, every))

    def _away(self, x: Floats, y: Floats, edge: Numbers) -> Floats:
        """The distance of each point from an edge: to where it meets it at a right angle, else to its nearer end."""
        x, y = x - self._edges.x[edge], y - self._edges.y[edge]
        dx, dy = self._edges.dx[edge], self._edges.dy[edge]
        part = np.clip((x * dx + y * dy) * self._edges.inverse[edge], 0.0, 1.0)
        return _length(x - part * dx, y - part * dy)


def _runs(begins: Floats, ends: Floats, length: int) -> Runs:
    first = np.arange(0, len(begins), length)
    middle = begins[np.minimum(first + length // 2, len(begins) - 1)]
    around = np.repeat(middle, np.diff(first, append=len(begins)), axis=0)
    reach = np.maximum.reduceat(np.maximum(*(_length(*(some - around).T) for some in (begins, ends))), first)
    low = np.minimum.reduceat(np.minimum(begins, ends), first)
    high = np.maximum.reduceat(np.maximum(begins, ends), first)
    (x, y), (middle_x, middle_y), (half_x, half_y) = (
        each.T.copy() for each in (middle, (low + high) / 2, (high - low) / 2)
    )
    return Runs(x, y, reach, middle_x, middle_y, half_x, half_y)


def _gap(x: Floats, y: Floats, runs: Runs, run: Numbers) -> Floats:
    """The distance of points each from the box of a run, 0 inside."""
    across = np.maximum(np.abs(x - runs.middle_x[run]) - runs.half_x[run], 0.0)
    return _length(across, np.maximum(np.abs(y - runs.middle_y[run]) - runs.half_y[run], 0.0))


def _children(row: Numbers, run: Numbers, count: int) -> tuple[Numbers, Numbers]:
    """The runs or edges, of which there are `count`, in some runs, each with its row."""
    row, inside = np.repeat(row, CHILDREN), np.repeat(run * CHILDREN, CHILDREN)
    inside.reshape(-1, CHILDREN)[:] += np.arange(CHILDREN, dtype=np.int32)
    if count % CHILDREN:  # the last run is shorter
        are_there = np.flatnonzero(inside < count)
        row, inside = row[are_there], inside[are_there]
    return row, inside


def _length(x: Floats, y: Floats) -> Floats:
    squared: Floats = x * x + y * y
    return np.sqrt(squared, out=squared)
