"""A selection as a lot asks for it, on a day, under a reservation and within a cap: its counts and the first in order.

All that is kept of a lot once it was answered grows with the answer and not with the number of suppliers, so that
thousands of lots are kept of any directory.
"""

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple
from weakref import ref

import numpy as np
from numpy.typing import NDArray

from domain.law.reservations.supply_advice import Count
from domain.law.review import OPTIONS
from domain.law.rules import Rules
from domain.needs.need import Reserved
from matching.geo.projection import Floats, Positions
from matching.geo.shape import Shape
from matching.geo.territory import Bools
from matching.index.distances import BYTES_PER_OBJECT, NearDistances
from matching.index.eligibility_cache import INELIGIBLE, OUTCOME_CODES, WORST_ELIGIBLE, OutcomeCodes, best_outcome
from matching.index.legal_columns import Days
from matching.index.supplier_columns import CERTAIN_KM, Ordinals
from matching.ranking import Grades, mixed
from matching.tension import Covered

RADII_KM = (10, 25, 50, 100)

ReservedTypes = tuple[Reserved, ...]
"""The reserved types of a lot, each once, in the order in which the buyer named them."""


class Counts(NamedTuple):
    """The candidates of a lot: all, per wanted segment, and under each reservation that it might have."""

    total: int
    covered: tuple[Covered, ...]
    options: dict[str, Count]


class SelectionOfDay:
    """A selection with the outcome codes of its suppliers; `answered` has a row per wanted segment."""

    def __init__(
        self,
        codes: OutcomeCodes,
        answered: Bools,
        is_local: Bools,
        grades: Grades,
        grade_count: int,
    ) -> None:
        self.codes, self.grades, self.grade_count = codes, grades, np.int16(grade_count)
        self._answered = answered
        self._codes_and_place = codes + is_local * np.uint16(OUTCOME_CODES)

    @property
    def weight(self) -> int:
        """Its bytes, but for the grades."""
        return self.codes.nbytes + self._codes_and_place.nbytes + self._answered.nbytes + BYTES_PER_OBJECT

    def tally(self, rows: Bools | None = None) -> NDArray[np.float64]:
        """Numbers of suppliers, shape (1 + w, 2, outcome codes): of all, then of those that answer each wanted segment;
        outside the territory, then in it."""
        codes, answered = self._codes_and_place, self._answered
        if rows is not None:
            codes, answered = codes[rows], answered[:, rows]
        counted = np.empty((1 + len(answered), 2 * OUTCOME_CODES))
        for row, some in zip(counted, (codes, *(codes[has] for has in answered)), strict=True):
            row[:] = np.bincount(some, minlength=2 * OUTCOME_CODES)
        return counted.reshape(-1, 2, OUTCOME_CODES)


class ReservedSelection:
    """A selection on one day under one reservation.

    `classes`: eligibility, then the grades, per row; `order`: the rows that the reservation lets pass, by class;
    `ends`: where in `order` each class ends; `refused`: the other rows. `counts` hold where no cap is set.
    """

    def __init__(self, of_day: SelectionOfDay, reserved: ReservedTypes) -> None:
        self.of_day, self._reserved = of_day, frozenset(reserved)
        best = best_outcome(self._reserved)
        self.outcome = best.take(of_day.codes)
        self.classes: Grades = self.outcome.astype(np.int16) * of_day.grade_count + of_day.grades
        in_order = self.classes.argsort(kind="stable").astype(np.int32)
        passing = int(np.count_nonzero(self.outcome != INELIGIBLE))  # the last of all outcomes
        self.order, self.refused = in_order[:passing], in_order[passing:]
        self.ends = self.class_ends(self.order)
        self.counts = self.counted(of_day.tally())

    @property
    def weight(self) -> int:
        """Its bytes, but for those of the day."""
        arrays = self.outcome, self.classes, self.order, self.refused
        return sum(array.nbytes for array in arrays) + BYTES_PER_OBJECT

    def class_ends(self, rows: Positions) -> list[int]:
        """The end of each class in rows that are ordered by class."""
        classes = self.classes.take(rows)
        return [*(np.flatnonzero(classes[1:] != classes[:-1]) + 1).tolist(), len(rows)] if len(rows) else []

    def counted(self, tally: NDArray[np.float64]) -> Counts:
        """The counts that a tally of outcomes gives."""
        totals = (tally @ _weights(self._reserved)).astype(np.int64)
        every = totals.sum(axis=1).tolist()
        whole, total, _, *options = every[0]
        return Counts(
            total,
            tuple(
                Covered(one[1], one[2], local) for one, local in zip(every[1:], totals[1:, 1, 1].tolist(), strict=True)
            ),
            {"none": Count(whole, whole)}
            | {name: Count(*options[2 * place : 2 * place + 2]) for place, name in enumerate(OPTIONS)},
        )

    def counted_within(self, distances: NearDistances) -> dict[str, int]:
        """The number of those let pass within each of RADII_KM."""
        away = distances.known.take(self.order)  # NaN is beyond all of them
        return {str(radius): int(np.count_nonzero(away <= radius)) for radius in RADII_KM}


@lru_cache(64)
def _weights(reserved: frozenset[Reserved]) -> NDArray[np.float64]:
    """By outcome code, in columns, 1 where it counts: everybody; may answer; is eligible; then, for each of OPTIONS,
    may answer and is certain to."""
    best = best_outcome(reserved)
    columns: Sequence[Bools] = [
        np.ones(OUTCOME_CODES, dtype=bool),
        best != INELIGIBLE,
        best <= WORST_ELIGIBLE,
        *(test for kinds in OPTIONS.values() for test in (best_outcome(kinds) != INELIGIBLE, best_outcome(kinds) == 0)),
    ]
    return np.stack(columns, axis=1).astype(np.float64)


LARGEST_CACHED, MOST_CACHED = 100, 16

BYTES_AHEAD = 4_000
"""Of itself, and of the orders that the requests after it was weighed will ask for."""

Draws = NDArray[np.uint64]


class LotKey(NamedTuple):
    """All that decides on a lot besides the territory and the subject."""

    on: date
    rules: Rules
    reserved: ReservedTypes
    site: ref[Shape] | None
    cap_km: float | None


class DrawnOrder:
    """The first `count` of some suppliers in order; those that are equal are drawn, by the seed of each need anew.

    `numbers` are rows or ordinals, whichever is put in order; with those equal to the last, they may be more than so
    many.
    """

    def __init__(self, numbers: NDArray[Any], keys: tuple[NDArray[Any], ...], draws: Draws, count: int) -> None:
        """`keys`: what decides before the draw, the most important last; the first of them is the distance."""
        order = np.lexsort(keys)
        differs = np.zeros(len(order), dtype=bool)
        for key in keys:
            in_order = key.take(order)
            differs[1:] |= in_order[1:] != in_order[:-1]
        groups = differs.cumsum()
        end = int(groups.searchsorted(groups[min(count, len(order)) - 1], "right")) if len(order) else 0
        order = order[:end]
        self.numbers, self.distance, self._draws = numbers[order], keys[0][order], draws[order]
        self._groups, self._count = groups[:end], count
        self.is_settled = end <= count and bool(differs[1:end].all())
        """Whether nothing is left to the draw."""

    @property
    def weight(self) -> int:
        """Its bytes."""
        arrays = self.numbers, self.distance, self._draws, self._groups
        return sum(array.nbytes for array in arrays) + BYTES_PER_OBJECT

    def places(self, seed: int) -> Positions:
        """The places in `numbers` of the first, in order."""
        if self.is_settled:
            return np.arange(len(self.numbers))
        return np.lexsort((mixed(self._draws, seed), self._groups))[: self._count]

    def first(self, seed: int) -> tuple[NDArray[Any], Floats]:
        """Their numbers and distances in kilometres."""
        places = self.places(seed)
        return self.numbers[places], self.distance[places]


class FirstCandidates(NamedTuple):
    """The first candidates in order, by their rows of the selection, and all that is written of their offers.

    `ordinals` and `best`, as of the selection, are of the suppliers of `order`, one after the other.
    """

    order: DrawnOrder
    ordinals: Ordinals
    best: NDArray[np.int16]

    @property
    def weight(self) -> int:
        """Its bytes."""
        return self.order.weight + self.ordinals.nbytes + self.best.nbytes


class FoundAt(NamedTuple):
    """Refused suppliers in order, the change of the index for which they are known to hold, and its end of rows."""

    order: DrawnOrder
    change: int
    rows_end: int


class ApprovalEnds:
    """The days on which the approvals of some candidates end, each day once, and how many end until then."""

    def __init__(self, ends: Days) -> None:
        self.days, many = np.unique(ends, return_counts=True)
        self._many = np.cumsum(many)

    @property
    def weight(self) -> int:
        """Its bytes."""
        return self.days.nbytes + self._many.nbytes

    def before(self, day: int) -> int:
        """The number that end before a day."""
        place = int(np.searchsorted(self.days, day))
        return int(self._many[place - 1]) if place else 0


class RankedLot:
    """The counts of a lot, and by number its first candidates and the nearest refused.

    `within`: the candidates by radius. `refused`: those of one gate by gate and number; `nearest_refused`: those of all
    gates (`matching.answer.near_misses`). `approval_ends`: of the candidates, once they were asked for.
    """

    def __init__(self, counts: Counts, within: dict[str, int]) -> None:
        self.counts, self.within = counts, within
        self.first: dict[int, FirstCandidates] = {}
        self.refused: dict[tuple[int, int], FoundAt] = {}
        self.nearest_refused: dict[int, Any] = {}
        self.approval_ends: ApprovalEnds | None = None
        self._orders = -1

    def has_grown(self) -> bool:
        """Whether orders were added since this was asked last; at first it has."""
        orders, before = len(self.first) + len(self.refused), self._orders
        self._orders = orders
        return orders != before

    @property
    def weight(self) -> int:
        """Its bytes, but for rows in JSON."""
        # copied at once: another thread may add to them
        first, refused = list(self.first.values()), list(self.refused.values())
        ends = 0 if self.approval_ends is None else self.approval_ends.weight
        return ends + sum(each.weight for each in first) + sum(each.order.weight for each in refused) + BYTES_AHEAD

    def keep_first(self, count: int, found: FirstCandidates) -> None:
        """Keep the first candidates, where they are not too many."""
        if count <= LARGEST_CACHED:
            if len(self.first) > MOST_CACHED:
                self.first.clear()
            self.first[count] = found


class CappedSelection:
    """Rows are those of the selection; `in_reach`: which of them the cap allows, None where there is none.

    `order`: the rows that pass every gate, by class. `within`: their number by radius.
    """

    def __init__(self, reserved: ReservedSelection, distances: NearDistances, cap_km: float | None) -> None:
        self.reserved, self.distances = reserved, distances
        self.in_reach: Bools | None = None
        self.order, self.ends, self.counts = reserved.order, reserved.ends, reserved.counts
        if cap_km is not None:
            every = np.arange(len(distances.known))
            away = distances.known if cap_km <= CERTAIN_KM else distances.at(every)
            self.in_reach = away <= cap_km
            self.order = reserved.order[self.in_reach.take(reserved.order)]
            self.ends = reserved.class_ends(self.order)
            self.counts = reserved.counted(reserved.of_day.tally(self.in_reach))
        self.within = reserved.counted_within(distances)

    @property
    def weight(self) -> int:
        """Its bytes, but for those of the selection under the reservation."""
        return BYTES_PER_OBJECT + (0 if self.in_reach is None else self.in_reach.nbytes + self.order.nbytes)

    def nearest(self, rows: Positions, count: int) -> DrawnOrder:
        """The ordinals of the `count` nearest of some rows."""
        rows = self.distances.nearest(rows, count)
        ordinals = self.distances.ordinals.take(rows)
        return DrawnOrder(ordinals, (self.distances.at(rows),), self.distances.draws(ordinals), count)

    def first(self, count: int) -> DrawnOrder:
        """The rows of the first `count` candidates."""
        start = end = 0
        for end in self.ends:  # whole classes; of the last one, only the nearest are needed
            if end >= count:
                break
            start = end
        last = self.distances.nearest(self.order[start:end], count - start)
        rows = np.concatenate((self.order[:start], last))
        keys = self.distances.at(rows), self.reserved.classes.take(rows)
        return DrawnOrder(rows, keys, self.distances.draws(self.distances.ordinals.take(rows)), count)
