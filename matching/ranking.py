"""The order of candidates: criteria that can be read aloud, applied one after the other; never a weighted sum."""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.geo.projection import Floats
from matching.index.offers import (
    BASES_IN_ORDER,
    BASIS_OF_CODE,
    FIT_OF_CODE,
    NO_CODE,
    PRESENCE_OF_CODE,
    PRESENCES,
    RELATED,
)

Grades = NDArray[np.int16]
NATIONAL_PRESENCE = PRESENCES.index("national")


class CandidateColumns(NamedTuple):
    """Candidates as columns, which the criteria of the order compare.

    `codes`: shape (w, n), the best offer for each segment of the lot's object (a worth without its lowest bits).
    `outcome`: the best over the reserved types, a position in OUTCOMES; 0 where none. `distance`: kilometres.
    """

    codes: NDArray[np.int16]
    outcome: NDArray[np.int8]
    distance: Floats


def eligibility(candidates: CandidateColumns) -> NDArray[np.int8]:
    """Certain before conditional, then unknown, then to be judged by a person; on reserved lots only."""
    return candidates.outcome


def segments_answered(candidates: CandidateColumns) -> Grades:
    """More of the requested segments first."""
    return -(candidates.codes != NO_CODE).sum(axis=0, dtype=np.int16)


def worst_fit(candidates: CandidateColumns) -> Grades:
    """The weakest fit among the segments answered: exact, then narrower, then broader."""
    return FIT_OF_CODE[candidates.codes].max(axis=0, initial=0)


def worst_basis(candidates: CandidateColumns) -> Grades:
    """Declared offers, then those of contracts won in the last six years, of older ones, then inferred offers."""
    return BASIS_OF_CODE[candidates.codes].max(axis=0, initial=0)


def only_national(candidates: CandidateColumns) -> NDArray[np.bool_]:
    """Suppliers of the territory, or that declare serving it, before those that only serve all of France."""
    return presence(candidates.codes) == NATIONAL_PRESENCE


def distance(candidates: CandidateColumns) -> Floats:
    """Nearer first; an unknown distance last."""
    return candidates.distance


Criterion = Callable[[CandidateColumns], NDArray[Any]]
ORDER: tuple[Criterion, ...] = (
    eligibility,
    segments_answered,
    worst_fit,
    worst_basis,
    only_national,
    distance,
)
OF_OFFERS = ORDER[1:5]
"""The criteria that only the offers decide: they are the same on all days and for all sites."""
MOST_IN_TABLE = 2
"""The most segments whose codes are graded once for all: for more there are too many."""


def presence(codes: NDArray[np.int16]) -> Grades:
    """The best presence of each candidate (a position in PRESENCES) over its offers for the lot."""
    return PRESENCE_OF_CODE[codes].min(axis=0, initial=NATIONAL_PRESENCE)


def offer_grades(codes: NDArray[np.int16]) -> tuple[Grades, int]:
    """A grade per candidate by the criteria OF_OFFERS, the smaller the better; and how many grades there can be."""
    if not 0 < len(codes) <= MOST_IN_TABLE:
        return _compute_grades_and_count(codes)
    table, count = _grade_table(len(codes))
    place = codes[0] if len(codes) == 1 else codes[0].astype(np.int32) * (NO_CODE + 1) + codes[1]
    return table.take(place), count


@cache
def _grade_table(segments: int) -> tuple[Grades, int]:
    """The grade of every combination of codes for this many segments, and how many grades there can be."""
    every = np.indices((NO_CODE + 1,) * segments).reshape(segments, -1)
    return _compute_grades_and_count(every.astype(np.int16))


def _compute_grades_and_count(codes: NDArray[np.int16]) -> tuple[Grades, int]:
    nothing = np.empty(0)
    candidates = CandidateColumns(codes, nothing.astype(np.int8), nothing)
    most = len(codes)
    sizes = (most + 1, RELATED, BASES_IN_ORDER, 2)
    grades = np.zeros(codes.shape[1], dtype=np.int16)
    for criterion, size, least in zip(OF_OFFERS, sizes, (-most, 0, 0, 0), strict=True):
        grades = (grades * size + (criterion(candidates) - least)).astype(np.int16)
    return grades, int(np.prod(sizes))


def seeded_tie_break(draws: NDArray[np.uint64], seed: int) -> NDArray[np.uint64]:
    """Numbers that order ties: suppliers' drawing bits mixed with a need's seed (splitmix64, Steele et al. 2014)."""
    bits = draws ^ np.uint64(seed)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))
