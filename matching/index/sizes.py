"""Columns of the sizes of suppliers, so that a lot's yearly value is held against all of them at once."""

from array import array
from collections.abc import Sequence
from math import inf, isnan, nan
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.shortlists.reach import (
    FAR,
    NO_SIZE_KNOWN,
    REACH_LEVELS,
    SHARE,
    SIZE_BASES,
    STRETCH,
    DecidingSize,
)

Levels = NDArray[np.int8]
"""For each supplier, its reach as a position in REACH_LEVELS."""
WITHIN, STRETCHED, BEYOND, UNKNOWN = range(len(REACH_LEVELS))
_BASIS = {basis: place for place, basis in enumerate(SIZE_BASES)}


class SizeArrays(NamedTuple):
    """The deciding sizes of suppliers in parallel arrays: the fields of `DecidingSize`, `basis` as in SIZE_BASES."""

    basis: NDArray[np.int8]
    contract_eur: NDArray[np.float64]
    persons: NDArray[np.float64]
    award_eur: NDArray[np.float64]

    def size_at(self, ordinal: int) -> DecidingSize:
        """The deciding size of a supplier."""
        basis, award = SIZE_BASES[self.basis[ordinal]], float(self.award_eur[ordinal])
        award = nan if isnan(award) else award  # one object, so that equal sizes are equal
        if basis == NO_SIZE_KNOWN.basis:
            return NO_SIZE_KNOWN._replace(award_eur=award)
        return DecidingSize(basis, float(self.contract_eur[ordinal]), float(self.persons[ordinal]), award)

    def levels(self, ordinals: NDArray[np.int32], yearly_eur: float, sector_eur: float) -> Levels:
        """The reach of each supplier for a yearly value, as `domain.shortlists.reach` has it of one."""
        bound = np.minimum(self.contract_eur[ordinals], self.persons[ordinals] * (sector_eur * SHARE))
        within = np.fmax(bound, self.award_eur[ordinals])
        levels = np.full(len(within), BEYOND, dtype=np.int8)
        levels[np.isnan(within)] = UNKNOWN
        levels[yearly_eur <= within * np.where(np.isnan(bound), FAR, STRETCH)] = STRETCHED
        levels[yearly_eur <= within] = WITHIN
        return levels

    def put(self, first: int, sizes: Sequence[DecidingSize]) -> None:
        """Write deciding sizes from a row on."""
        for row, size in enumerate(sizes, first):
            self.basis[row] = _BASIS[size.basis]
            self.contract_eur[row], self.persons[row], self.award_eur[row] = size[1:]

    def with_room(self, room: int) -> "SizeArrays":
        """The same in longer arrays, `room` rows of unknown sizes behind."""
        unknown = SizeArrays(np.zeros(room, dtype=np.int8), np.full(room, nan), np.full(room, inf), np.full(room, nan))
        return joined_sizes([self, unknown], np.arange(len(self.basis) + room))


class SizeRows:
    """Collects the sizes of suppliers as they arrive."""

    def __init__(self) -> None:
        self._basis, self._numbers = array("b"), array("d")

    def add(self, size: DecidingSize) -> None:
        """Add the deciding size of a supplier."""
        self._basis.append(_BASIS[size.basis])
        self._numbers.extend(size[1:])

    def arrays(self) -> SizeArrays:
        """All sizes, in the order of arrival."""
        return SizeArrays(np.array(self._basis, dtype=np.int8), *np.array(self._numbers).reshape(-1, 3).T.copy())


def joined_sizes(parts: Sequence[SizeArrays], order: NDArray[np.intp]) -> SizeArrays:
    """The sizes of several parts as one, in `order`: indices into the parts laid end to end."""
    return SizeArrays._make(np.concatenate(column)[order] for column in zip(*parts, strict=True))
