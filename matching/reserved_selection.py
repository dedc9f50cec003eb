"""A selection on one day: who has which outcomes, and what each reservation makes of it: counts, classes, approvals."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.law.review import OPTIONS
from domain.law.supply_advice import Count
from domain.needs.need import Reserved
from matching.distances import BYTES_PER_OBJECT, NearDistances
from matching.eligibility_cache import INELIGIBLE, OUTCOME_CODES, WORST_ELIGIBLE, OutcomeCodes, best_outcome
from matching.geo.projection import Positions
from matching.geo.territory import Bools
from matching.ranking import Grades

RADII_KM = (10, 25, 50, 100)

ReservedTypes = tuple[Reserved, ...]
"""The reserved types of a lot, each once, in the order in which the buyer named them."""


class Covered(NamedTuple):
    """The candidates for one wanted segment: all, those eligible surely or on proof, those in the territory."""

    candidates: int
    eligible: int
    local: int


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
