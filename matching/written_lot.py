"""Pieces of the answers to the lots asked for last, in JSON: kept by what decides them, within a number of bytes."""

from collections.abc import Hashable, Mapping
from typing import TypeVar
from weakref import ref

import msgspec

from matching.ranked_lot import RankedLot
from matching.weighted_cache import WeightBound

Key = TypeVar("Key", bound=Hashable)
Piece = TypeVar("Piece")

WRITTEN_BYTES, LARGEST_LOT, BYTES_PER_PIECE = 32 << 20, 1 << 20, 400


class LotWords(msgspec.Struct, frozen=True, gc=False):
    """The words on a lot and on its supply as a whole: the fields of `LotShortlist` of these names, in JSON."""

    coverage: msgspec.Raw
    alternatives: msgspec.Raw
    tension: msgspec.Raw
    reservation: msgspec.Raw
    advice: msgspec.Raw

    @property
    def size(self) -> int:
        return sum(len(bytes(getattr(self, name))) for name in self.__struct_fields__)


class WrittenLot:
    """Pieces of the answers to a lot in one language, which needs that draw and ask otherwise have in common.

    `rows`: candidates by row, from behind the rank on, and near misses as they were refused. `lists`: where nothing is
    left to the draw, the first candidates by their number, and the near misses by all of them. `words`: by the legal
    review and all else that they depend on.
    """

    def __init__(self, key: Hashable) -> None:
        self._key, self._size = key, 0
        self.rows: dict[Hashable, bytes] = {}
        self.lists: dict[Hashable, bytes] = {}
        self.words: dict[Hashable, LotWords] = {}

    def add_piece(self, pieces: dict[Key, Piece], key: Key, piece: Piece, size: int) -> None:
        """Add a piece of so many bytes to `pieces`, one of the mappings of this object."""
        self._add(pieces, {key: piece}, size)

    def add_rows(self, rows: Mapping[Hashable, bytes]) -> None:
        """Add some rows."""
        if rows:
            self._add(self.rows, rows, sum(map(len, rows.values())))

    def _add(self, pieces: dict[Key, Piece], added: Mapping[Key, Piece], size: int) -> None:
        if self._size + size > LARGEST_LOT:
            self._size = 0
            for each in (self.rows, self.lists, self.words):
                each.clear()
        pieces.update(added)
        self._size += size + BYTES_PER_PIECE * len(added)
        _LATEST.put(self._key, self, self._size)


_LATEST: WeightBound[Hashable, WrittenLot] = WeightBound(WRITTEN_BYTES)


def written_lot(lot: RankedLot, *how: Hashable) -> WrittenLot:
    """The pieces written of a lot that asks for the same, by `how` it is written; none at first."""
    key = ref(lot), how
    return _LATEST.find(key) or WrittenLot(key)
