"""Arrays and texts of an index in a folder: arrays are mapped, texts are read one by one.

Each array is a file of numpy's format, which processes map and so hold in memory once for all of them. Texts of
suppliers are in files that are written as suppliers arrive, and stay where they are. They are not mapped: each page
once looked at would stay in the memory of the process.
"""

import os
import weakref
from array import array as packed
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple, TypeVar, get_type_hints

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]
Table = TypeVar("Table", bound=tuple[Any, ...])
_one_at_a_time = Lock()
SUFFIX, STARTS = ".npy", "starts"


class Texts(NamedTuple):
    """Texts laid end to end, as bytes: the n-th is `content` from `starts[n]` to `ends[n]`."""

    content: NDArray[np.uint8]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def text(self, number: int) -> bytes:
        """The n-th text."""
        return self.content[self.starts[number] : self.ends[number]].tobytes()


def texts(some: Sequence[bytes]) -> Texts:
    """Texts laid end to end."""
    ends = np.cumsum(np.fromiter(map(len, some), np.int64, len(some)))
    starts = np.concatenate(([0], ends[:-1])) if len(ends) else ends
    return Texts(np.frombuffer(b"".join(some), dtype=np.uint8), starts, ends)


def joined_texts(parts: Sequence[Texts], order: NDArray[np.intp]) -> Texts:
    """The texts of several parts as one, in `order`: indices into the parts laid end to end."""
    every = [part.text(number) for part in parts for number in range(len(part.ends))]
    return texts([every[number] for number in order.tolist()])


def save(folder: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write each array to a file of an existing folder."""
    for name, array in arrays.items():
        np.save(folder / (name + SUFFIX), np.ascontiguousarray(array))


def load(folder: Path) -> Arrays:
    """The arrays of a folder, mapped: they cannot be written to. Raises OSError and ValueError where it is damaged."""
    # numpy reads each head as a literal of Python, whose 3.11 may fail where two threads read one at once (SystemError)
    with _one_at_a_time:
        mapped = {path.name: np.load(path, mmap_mode="r") for path in folder.glob("*" + SUFFIX)}
    # plain arrays are read more quickly than those that remember their file
    return {name.removesuffix(SUFFIX): array.view(np.ndarray) for name, array in mapped.items()}


def tables_arrays(name: str, tables: Sequence[tuple[Any, ...]]) -> Arrays:
    """NamedTuples of arrays as a few arrays: each field laid end to end, and its starts, named "<name>.<field>"."""
    found: Arrays = {}
    for columns in zip(*map(_named_arrays, tables), strict=True):
        leaf, parts = columns[0][0], [array for _, array in columns]
        found[f"{name}.{leaf}"] = np.concatenate(parts)
        found[f"{name}.{leaf}.{STARTS}"] = np.cumsum([0, *map(len, parts)])
    return found


def read_tables(kind: type[Table], name: str, count: int, arrays: Mapping[str, NDArray[Any]]) -> list[Table]:
    """The `count` NamedTuples from which `tables_arrays` made these arrays."""
    leaves = [f"{name}.{leaf}" for leaf in _array_names(kind)] if count else []
    columns = [(arrays[leaf], arrays[f"{leaf}.{STARTS}"].tolist()) for leaf in leaves]
    return [_table_of(kind, (array[starts[n] : starts[n + 1]] for array, starts in columns)) for n in range(count)]


def _named_arrays(table: tuple[Any, ...]) -> Iterator[tuple[str, NDArray[Any]]]:
    for name, value in zip(type(table)._fields, table, strict=True):  # type: ignore[attr-defined]  # of a NamedTuple
        if isinstance(value, tuple):
            yield from ((f"{name}.{leaf}", array) for leaf, array in _named_arrays(value))
        else:
            yield name, value


def _array_names(kind: type[tuple[Any, ...]]) -> Iterator[str]:
    for name, hint in _fields(kind).items():
        if hasattr(hint, "_fields"):
            yield from (f"{name}.{leaf}" for leaf in _array_names(hint))
        else:
            yield name


def _table_of(kind: type[Table], values: Iterable[NDArray[Any]]) -> Table:
    left = iter(values)
    return kind(*(_table_of(hint, left) if hasattr(hint, "_fields") else next(left) for hint in _fields(kind).values()))


@cache
def _fields(kind: type[tuple[Any, ...]]) -> dict[str, Any]:
    """The type of each field of a NamedTuple, by name."""
    return get_type_hints(kind)


PIECE_FILE = "texts.{}"
WRITTEN_AT_ONCE = 1 << 20

Piece = Path | bytes
"""Some suppliers' texts, end to end: a file, or what it would hold."""
Read = Callable[[int, int], bytes]
"""Reads so many bytes from a place in a piece."""


class TextLocations(NamedTuple):
    """The location of each supplier's texts: number of the `piece`, `start` in it, bytes of `summary` and `details`.

    The details follow the summary.
    """

    piece: NDArray[np.uint8]
    start: NDArray[np.int64]
    summary: NDArray[np.int32]
    details: NDArray[np.int32]


class TextWriter:
    """Writes the texts of suppliers as they arrive to a piece: a file in the folder if one is given, else memory."""

    def __init__(self, folder: Path | None = None) -> None:
        self._path = None if folder is None else folder / PIECE_FILE.format(0)
        self._stream = BytesIO() if self._path is None else self._path.open("wb", WRITTEN_AT_ONCE)
        weakref.finalize(self, self._stream.close)  # where it is given up before it is finished
        self._sizes = packed("i")

    def add(self, summary: bytes, details: bytes) -> None:
        """Write the summary and details of one supplier."""
        self._stream.write(summary)
        self._stream.write(details)
        self._sizes.append(len(summary))
        self._sizes.append(len(details))

    def finish(self) -> tuple[TextLocations, Piece]:
        """Close the piece; return the locations of all texts, in the order of arrival, and the piece."""
        piece = self._path
        content = self._stream.getvalue() if isinstance(self._stream, BytesIO) else b""
        self._stream.close()
        sizes = np.array(self._sizes).reshape(-1, 2)
        both = sizes.sum(axis=1, dtype=np.int64)
        places = TextLocations(
            np.zeros(len(sizes), dtype=np.uint8), np.cumsum(both) - both, sizes[:, 0].copy(), sizes[:, 1].copy()
        )
        return places, content if piece is None else piece


class TextReader:
    """Reads the summary and details of a supplier by its number. Files stay open, even after they are removed.

    Raises OSError where a file is gone.
    """

    def __init__(self, places: TextLocations, pieces: Sequence[Piece]) -> None:
        self._places = places
        self._reads = [self._reader(piece) if isinstance(piece, Path) else _bytes_reader(piece) for piece in pieces]

    def summary(self, number: int) -> bytes:
        """The summary of a supplier, in JSON."""
        piece, start, summary, _ = self._places
        return self._reads[piece.item(number)](start.item(number), summary.item(number))

    def details(self, number: int) -> bytes:
        """The details of a supplier, in JSON."""
        piece, start, summary, details = self._places
        return self._reads[piece.item(number)](start.item(number) + summary.item(number), details.item(number))

    def _reader(self, path: Path) -> Read:
        file = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, file)
        return lambda start, size: os.pread(file, size, start)


def joined_locations(parts: Sequence[TextLocations], pieces: Sequence[int], order: NDArray[np.intp]) -> TextLocations:
    """The text locations of parts (of so many `pieces` each) as one, in `order`: indices into all laid end to end.

    `pieces`: how many pieces each part has; these too are laid end to end.
    """
    first = np.cumsum([0, *pieces[:-1]]).astype(np.uint8)
    moved = [part._replace(piece=part.piece + before) for part, before in zip(parts, first, strict=True)]
    return TextLocations._make(np.concatenate(column)[order] for column in zip(*moved, strict=True))


def size_of(piece: Piece) -> int:
    """The number of bytes in a piece. Raises OSError where its file is gone."""
    return piece.stat().st_size if isinstance(piece, Path) else len(piece)


def move_pieces(pieces: Sequence[Piece], folder: Path) -> None:
    """Move pieces into a folder of the same file system, each under its number; pieces in memory are written there."""
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


def _bytes_reader(content: bytes) -> Read:
    return lambda start, size: content[start : start + size]
