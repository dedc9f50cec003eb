"""Distances from the suppliers of an index to a shape, each measured once and then looked up.

Portals ask for the same territories again and again: what was measured for one request serves the next.
"""

import math
import mmap
from collections.abc import Callable, Iterator
from threading import Lock
from weakref import ref

import numpy as np
from numpy.typing import NDArray

from matching.geo.projection import Floats, Positions
from matching.geo.shape import PointShape, PolygonShape, Shape
from matching.index.supplier_columns import BAND_DEGREES, CERTAIN_KM, PER_BAND, Ordinals, SpatialKeys, SupplierColumns
from matching.weighted_cache import Weighed, WeightedCache

Metres = NDArray[np.int32]
NO_PLACE = np.iinfo(np.int32).max
FEW = 32
"""To choose among so few more costs more than to put them in order."""
BATCH = 64
"""The number measured at first; the nearest few are nearly always among them."""
MARGIN_KM, KM_PER_DEGREE = 110.0, 110.5
BYTES_PER_PAGE = mmap.PAGESIZE
ROOM = 1.25
"""Memory is reserved for so many times the suppliers there is room for: those that are written later."""


def runs_near(keys: SpatialKeys, shape: Shape, radius_km: float) -> list[tuple[int, int]]:
    """Disjoint runs of sorted keys that hold every position within `radius_km` + CERTAIN_KM of a shape."""
    runs = []
    for south, west, north, east in _boxes(shape, radius_km + MARGIN_KM):
        bands = np.arange(math.floor((south + 90) / BAND_DEGREES), math.floor((north + 90) / BAND_DEGREES) + 1)
        first, last = (min(int((degrees + 180) / 360 * PER_BAND), PER_BAND - 1) for degrees in (west, east))
        low = np.searchsorted(keys, bands * PER_BAND + first, "left").tolist()
        high = np.searchsorted(keys, bands * PER_BAND + last, "right").tolist()
        runs += [run for run in zip(low, high, strict=True) if run[1] > run[0]]
    found: list[tuple[int, int]] = []
    for begin, end in sorted(runs):
        if found and begin <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((begin, end))
    return found


def _boxes(shape: Shape, distance_km: float) -> Iterator[tuple[float, float, float, float]]:
    """South, west, north and east of boxes that together hold every position within `distance_km` of a shape."""
    if isinstance(shape, PolygonShape):
        parts = [cluster.degrees for cluster in shape.clusters]
    elif isinstance(shape, PointShape):
        parts = [np.array([[shape.lon, shape.lat]])]
    else:
        raise TypeError(f"no box is known around a {type(shape).__name__}")
    reach = distance_km / KM_PER_DEGREE
    for degrees in parts:
        (west, south), (east, north) = degrees.min(axis=0), degrees.max(axis=0)
        south, north = max(south - reach, -90.0), min(north + reach, 90.0)
        # near a pole all meridians are near, and a box across the antimeridian goes around the earth
        widest = math.cos(math.radians(max(abs(south), abs(north))))
        across = reach / widest if widest > reach / 360 else 360.0
        if west - across < -180 or east + across > 180:
            west, east, across = -180.0, 180.0, 0.0
        yield south, west - across, north, east + across


class Distances:
    """Cached distances from suppliers to `shape` (None: no known place); threads may share it.

    Distances are to the metre, and of suppliers near are stored as metres + 1 by ordinal; below 0: a lower bound, 0:
    not measured. Measured ones are never overwritten. Memory never touched costs nothing; those near are on few pages.
    """

    def __init__(self, columns: SupplierColumns, shape: Shape | None) -> None:
        self.columns, self.shape = columns, shape
        self._metres: Metres = np.empty(0, dtype=np.int32)
        self._bounds: dict[float, NDArray[np.int32]] = {}
        self._widest_km = 0.0  # of the radii around the shape that were asked for
        self._writing = Lock()

    @property
    def weight(self) -> int:
        """Bytes in memory once the distances of all suppliers near the shape are measured."""
        if self.shape is None:
            return BYTES_PER_PAGE
        begins, ends = self._run_bounds(self._widest_km)[:-2].reshape(-1, 2).T.astype(np.int64) * self._metres.itemsize
        pages = (ends + BYTES_PER_PAGE - 1) // BYTES_PER_PAGE - begins // BYTES_PER_PAGE
        later = self.columns.capacity - len(self.columns.spatial_keys)
        return int(pages.sum() + 1) * BYTES_PER_PAGE + later * self._metres.itemsize + self.shape.weight

    def spans(self, ordinals: Ordinals, radius_km: float) -> list[tuple[int, int]]:
        """Begin and end, in sorted ordinals, of runs of suppliers that may lie within the radius plus CERTAIN_KM."""
        self._widest_km = max(self._widest_km, min(radius_km, CERTAIN_KM))
        at = ordinals.searchsorted(self._run_bounds(radius_km)).tolist()
        return [(low, high) for low, high in zip(at[::2], at[1::2], strict=True) if high > low]

    def rows_near(self, ordinals: Ordinals, radius_km: float) -> Positions:
        """The indices into sorted ordinals of suppliers that may lie within the radius plus CERTAIN_KM of the shape."""
        spans = self.spans(ordinals, radius_km)
        return np.concatenate([np.arange(*span) for span in spans]) if spans else np.empty(0, dtype=np.intp)

    def distance(self, ordinals: Ordinals) -> Floats:
        """Kilometres from each supplier to the shape, 0 inside; infinite where supplier or shape has no known place."""
        if self.shape is None:
            return np.full(len(ordinals), np.inf)
        known = self._metres_with_room()
        metres = known.take(ordinals)
        if metres.min(initial=1) <= 0:
            missing = np.flatnonzero(metres <= 0)
            some = ordinals[missing]
            metres[missing] = _stored_metres(self.shape.distance(self.columns.positions[some]))
            self._store_near(some, metres[missing])
        return _kilometres_of_stored(metres)

    def distance_within(self, ordinals: Ordinals, reach_km: Floats) -> Floats:
        """Kilometres to the shape; infinite, without being measured, where certainly more than `reach_km`."""
        if self.shape is None:
            return np.full(len(ordinals), np.inf)
        metres = self._metres_or_bounds(ordinals)
        distance = _kilometres_of_stored(metres)
        bounded = np.flatnonzero(metres < 0)
        if len(bounded):
            doubtful = bounded[-metres[bounded] <= reach_km[bounded] * 1_000 + 2]
            distance[bounded] = np.inf
            if len(doubtful):
                distance[doubtful] = self.distance(ordinals[doubtful])
        return distance

    def known_within(self, ordinals: Ordinals, radius_km: float) -> Floats:
        """Kilometres to the shape; NaN for suppliers certainly beyond the radius plus CERTAIN_KM, left unmeasured."""
        near, known = self.rows_near(ordinals, radius_km), np.full(len(ordinals), np.nan)
        away = self.distance_within(ordinals.take(near), np.full(len(near), radius_km + CERTAIN_KM))
        known[near] = np.where(away == np.inf, np.nan, away)
        return known

    def lower_bound(self, ordinals: Ordinals) -> Floats:
        """A lower bound of `distance` in kilometres; infinite where supplier or shape has no known place."""
        if self.shape is None:
            return np.full(len(ordinals), np.inf)
        return _kilometres_of_stored(np.abs(self._metres_or_bounds(ordinals)))

    def _metres_or_bounds(self, ordinals: Ordinals) -> Metres:
        """Metres + 1 from each supplier to the shape where measured, else -1 minus a lower bound of the metres."""
        known = self._metres_with_room()
        metres = known.take(ordinals)
        if not metres.all() and self.shape is not None:
            unknown = np.flatnonzero(metres == 0)
            some = ordinals[unknown]
            bound = self.shape.lower_bound(self.columns.positions[some])
            made = np.full(len(some), NO_PLACE, dtype=np.int32)
            placed = np.isfinite(bound)
            made[placed] = -1 - (bound[placed] * 1_000).astype(np.int32)
            metres[unknown] = made
            self._store_near(some, made)
        return metres

    def _store_near(self, ordinals: Ordinals, metres: Metres) -> None:
        """Store the metres of those suppliers that are near: far ones might each need a memory page."""
        is_near = np.searchsorted(self._run_bounds(self._widest_km), ordinals, "right") % 2 == 1
        some, found = ordinals[is_near], metres[is_near]
        with self._writing:
            # another thread may have measured meanwhile what is only bounded here
            lacking = self._metres[some] <= 0
            self._metres[some[lacking]] = found[lacking]

    def _run_bounds(self, radius_km: float) -> NDArray[np.int32]:
        """The begin and end of each run of ordinals near the shape, then those of all suppliers added later."""
        bounds = self._bounds.get(radius_km)
        if bounds is None:
            runs = [] if self.shape is None else runs_near(self.columns.spatial_keys, self.shape, radius_km)
            runs.append((len(self.columns.spatial_keys), NO_PLACE))
            bounds = self._bounds[radius_km] = np.array(runs, dtype=np.int32).reshape(-1)
        return bounds

    def _metres_with_room(self) -> Metres:
        """The stored metres by ordinal, lengthened where suppliers were added since the last call."""
        if len(self._metres) < self.columns.capacity:
            near = self._run_bounds(self._widest_km).reshape(-1, 2).tolist()
            with self._writing:
                if len(self._metres) < self.columns.capacity:
                    # zeroes in small pages, which take memory once they are written to
                    size = int(self.columns.capacity * ROOM) * self._metres.itemsize
                    memory = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
                    if hasattr(mmap, "MADV_NOHUGEPAGE"):  # on Linux
                        memory.madvise(mmap.MADV_NOHUGEPAGE)
                    grown = np.frombuffer(memory, dtype=np.int32)
                    for begin, end in near:
                        grown[begin : min(end, len(self._metres))] = self._metres[begin:end]
                    self._metres = grown
        return self._metres


class PointDistances(Distances):
    """Distances to a point, measured anew at each call, which takes no longer than to look them up."""

    def __init__(self, columns: SupplierColumns, point: PointShape) -> None:
        super().__init__(columns, point)
        self._point = point

    @property
    def weight(self) -> int:
        """Bytes in memory."""
        return BYTES_PER_PAGE + self._point.weight

    def distance(self, ordinals: Ordinals) -> Floats:
        """Kilometres to the point; infinite where a supplier's place is not known."""
        distance = self.known_within(ordinals, np.inf)
        distance[np.isnan(distance)] = np.inf
        return distance

    def distance_within(self, ordinals: Ordinals, reach_km: Floats) -> Floats:  # noqa: ARG002 - nothing is left out
        """Kilometres to the point, also beyond `reach_km`; infinite only where a supplier's place is not known."""
        return self.distance(ordinals)

    def known_within(self, ordinals: Ordinals, radius_km: float) -> Floats:  # noqa: ARG002 - nothing is left out
        """Kilometres to the point, also beyond the radius; NaN only where a supplier's place is not known."""
        return self._point.lower_bound(self.columns.positions.take(ordinals, axis=0))

    def lower_bound(self, ordinals: Ordinals) -> Floats:
        """A lower bound of `distance` in kilometres; infinite where a supplier's place is not known."""
        bound = self._point.straight_lower_bound(self.columns.positions.take(ordinals, axis=0))
        bound[np.isnan(bound)] = np.inf
        return bound


def distances_to(columns: SupplierColumns, shape: Shape | None) -> Distances:
    """The `Distances` from suppliers to a shape, or `PointDistances` to a point; a shape of None: no known place."""
    return PointDistances(columns, shape) if isinstance(shape, PointShape) else Distances(columns, shape)


DistanceCache = WeightedCache[Shape | None, Distances]


class PlaceDistances:
    """Distances from any suppliers to a shape, less the radius around the shape.

    Those to the shape are asked for where they are cached, else they are measured anew: whoever asks has the shape, and
    here it is not held, as it may be large.
    """

    def __init__(self, cache: DistanceCache, shape: Shape | None, radius_km: float = 0.0) -> None:
        self._cache, self._shape, self._radius_km = cache, ref(shape) if shape else None, radius_km

    @property
    def _distances(self) -> Distances:
        return self._cache(self._shape() if self._shape else None)

    def measure(self, ordinals: Ordinals) -> Floats:
        """Kilometres from the given suppliers to the shape, less its radius."""
        return self._less_radius(self._distances.distance(ordinals))

    def lower_bound(self, ordinals: Ordinals) -> Floats:
        """A lower bound of what `measure` gives, in kilometres."""
        return self._less_radius(self._distances.lower_bound(ordinals))

    def tie_break_bits(self, ordinals: Ordinals) -> NDArray[np.uint64]:
        """The bits from which ties between the given suppliers are drawn."""
        return self._distances.columns.draw[ordinals]

    def near_runs(self, ordinals: Ordinals) -> list[Ordinals]:
        """The runs of sorted ordinals that may lie within the radius plus CERTAIN_KM of the shape."""
        return [ordinals[first:end] for first, end in self._distances.spans(ordinals, self._radius_km)]

    def _less_radius(self, distance: Floats) -> Floats:
        return np.maximum(distance - self._radius_km, 0.0) if self._radius_km else distance


class NearDistances(PlaceDistances, Weighed):
    """Distances from a set of suppliers to a shape, less its radius: measured at once if near, else when asked for.

    `known`: kilometres, NaN where that is certainly more than CERTAIN_KM and was not asked for.
    """

    def __init__(
        self,
        cache: DistanceCache,
        shape: Shape | None,
        ordinals: Ordinals,
        radius_km: float = 0.0,
        known: Floats | None = None,
    ) -> None:
        """Of `ordinals` in order; `known`: where those are known already."""
        super().__init__(cache, shape, radius_km)
        self.ordinals = ordinals
        self.known = self._less_radius(self._distances.known_within(ordinals, radius_km)) if known is None else known

    def of_rows(self, rows: Positions) -> "NearDistances":
        """The distances of only the suppliers at the given rows, which are in order."""
        shape = self._shape() if self._shape else None
        return NearDistances(self._cache, shape, self.ordinals.take(rows), self._radius_km, self.known.take(rows))

    def measure_rows(self, rows: Positions) -> Floats:
        """Kilometres to the shape, less its radius, from the suppliers at the given rows."""
        distance = self.known.take(rows)
        is_unknown = np.isnan(distance)
        if is_unknown.any():
            distance[is_unknown] = self.measure(self.ordinals[rows[is_unknown]])
        return distance

    def at_least_nearest(self, rows: Positions, count: int) -> Positions:
        """The `count` nearest of the given rows and perhaps a few others of them, in no order."""
        if len(rows) <= count + FEW:
            return rows
        distance = self.known.take(rows)
        near = np.flatnonzero(distance <= CERTAIN_KM)
        if len(near) < count:
            unknown = np.flatnonzero(np.isnan(distance))
            distance[unknown] = self.lower_bound(self.ordinals[rows[unknown]])
            return rows[nearest_of(distance, lambda places: self.measure_rows(rows[places]), count)[0]]
        rows, distance = rows[near], distance[near]
        return rows if len(rows) <= count + FEW else rows[distance <= np.partition(distance, count - 1)[count - 1]]


def nearest_of(bound: Floats, measure: Callable[[Positions], Floats], count: int) -> tuple[Positions, Floats]:
    """The indices of the `count` nearest and of all equally near, unordered, and their distances.

    `bound`: a certain minimum of each distance; `measure`: the distances at some positions, called for few.
    """
    places = np.arange(len(bound))
    some = max(BATCH, 4 * count)
    if len(bound) > some:
        likely = measure(np.argpartition(bound, some)[:some])
        places = np.flatnonzero(bound <= np.partition(likely, count - 1)[count - 1])
    distance = measure(places)
    if len(places) > count:
        kept = distance <= np.partition(distance, count - 1)[count - 1]
        places, distance = places[kept], distance[kept]
    return places, distance


def _stored_metres(distance: Floats) -> Metres:
    metres = np.full(len(distance), NO_PLACE, dtype=np.int32)
    known = np.isfinite(distance)
    metres[known] = np.rint(distance[known] * 1_000).astype(np.int32) + 1
    return metres


def _kilometres_of_stored(metres: Metres) -> Floats:
    distance = (metres - 1) / 1_000.0
    if metres.max(initial=0) == NO_PLACE:
        distance[metres == NO_PLACE] = np.inf
    return distance
