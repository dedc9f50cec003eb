"""Texts of suppliers, in files that are written as suppliers arrive, stay where they are, and are read one by one.

They are not mapped: each page once looked at would stay in the memory of the process.
"""

import os
import weakref
from array import array
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

PIECE_FILE = "texts.{}"
WRITTEN_AT_ONCE = 1 << 20

Piece = Path | bytes
"""Some suppliers' texts, end to end: a file, or what it would hold."""
Read = Callable[[int, int], bytes]
"""Reads so many bytes from a place in a piece."""


class TextPlaces(NamedTuple):
    """The place of each supplier's texts: the number of its `piece`, where they `start`, and the bytes of each.

    The details follow the summary.
    """

    piece: NDArray[np.uint8]
    start: NDArray[np.int64]
    summary: NDArray[np.int32]
    details: NDArray[np.int32]


class TextWriter:
    """Writes the texts of suppliers as they arrive: to a file of a folder, or where there is none to memory."""

    def __init__(self, folder: Path | None = None) -> None:
        self._path = None if folder is None else folder / PIECE_FILE.format(0)
        self._stream = BytesIO() if self._path is None else self._path.open("wb", WRITTEN_AT_ONCE)
        weakref.finalize(self, self._stream.close)  # where it is given up before it is finished
        self._sizes = array("i")

    def add(self, summary: bytes, details: bytes) -> None:
        """Write the texts of one supplier."""
        self._stream.write(summary)
        self._stream.write(details)
        self._sizes.append(len(summary))
        self._sizes.append(len(details))

    def finish(self) -> tuple[TextPlaces, Piece]:
        """The places of all texts, in the order of their arrival, and the piece that holds them."""
        piece = self._path
        content = self._stream.getvalue() if isinstance(self._stream, BytesIO) else b""
        self._stream.close()
        sizes = np.array(self._sizes).reshape(-1, 2)
        both = sizes.sum(axis=1, dtype=np.int64)
        places = TextPlaces(
            np.zeros(len(sizes), dtype=np.uint8), np.cumsum(both) - both, sizes[:, 0].copy(), sizes[:, 1].copy()
        )
        return places, content if piece is None else piece


class TextReader:
    """Reads texts by the number of their supplier. Files stay open, also once they were removed.

    Raises OSError where a file is gone.
    """

    def __init__(self, places: TextPlaces, pieces: Sequence[Piece]) -> None:
        self._places = places
        self._reads = [self._opened(piece) if isinstance(piece, Path) else _read_of(piece) for piece in pieces]

    def summary(self, number: int) -> bytes:
        """The summary of a supplier."""
        piece, start, summary, _ = self._places
        return self._reads[piece.item(number)](start.item(number), summary.item(number))

    def details(self, number: int) -> bytes:
        """The details of a supplier."""
        piece, start, summary, details = self._places
        return self._reads[piece.item(number)](start.item(number) + summary.item(number), details.item(number))

    def _opened(self, path: Path) -> Read:
        file = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, file)
        return lambda start, size: os.pread(file, size, start)


def joined_places(parts: Sequence[TextPlaces], pieces: Sequence[int], order: NDArray[np.intp]) -> TextPlaces:
    """The places of several in an order, given by the numbers that they have one after the other.

    `pieces`: how many each of them has; these are then one after the other too.
    """
    first = np.cumsum([0, *pieces[:-1]]).astype(np.uint8)
    moved = [part._replace(piece=part.piece + before) for part, before in zip(parts, first, strict=True)]
    return TextPlaces._make(np.concatenate(column)[order] for column in zip(*moved, strict=True))


def size_of(piece: Piece) -> int:
    """Bytes of a piece. Raises OSError where its file is gone."""
    return piece.stat().st_size if isinstance(piece, Path) else len(piece)


def move_pieces(pieces: Sequence[Piece], folder: Path) -> None:
    """Put pieces into a folder of the same file system, each under its number; their files are no longer elsewhere."""
    for number, piece in enumerate(pieces):
        path = folder / PIECE_FILE.format(number)
        if isinstance(piece, Path):
            piece.rename(path)
        else:
            path.write_bytes(piece)


def pieces_in(folder: Path, sizes: Sequence[int]) -> tuple[Piece, ...]:
    """The pieces in a folder. Raises OSError and ValueError where they are not whole."""
    pieces = tuple(folder / PIECE_FILE.format(number) for number in range(len(sizes)))
    if [size_of(piece) for piece in pieces] != list(sizes):
        raise ValueError(f"the texts in {folder} are not whole")
    return pieces


def _read_of(content: bytes) -> Read:
    return lambda start, size: content[start : start + size]
