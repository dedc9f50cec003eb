"""Arrays in a folder, a file of numpy's format each, which processes map and so hold in memory once for all of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
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
    """Texts as bytes: the n-th is `content` from `starts[n]` to `ends[n]`."""

    content: NDArray[np.uint8]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def text(self, number: int) -> bytes:
        """The text of that number."""
        return self.content[self.starts[number] : self.ends[number]].tobytes()


def texts(some: Sequence[bytes]) -> Texts:
    """Some texts, end to end."""
    ends = np.cumsum(np.fromiter(map(len, some), np.int64, len(some)))
    starts = np.concatenate(([0], ends[:-1])) if len(ends) else ends
    return Texts(np.frombuffer(b"".join(some), dtype=np.uint8), starts, ends)


def joined_texts(parts: Sequence[Texts], order: NDArray[np.intp] | None = None) -> Texts:
    """The texts of several, one after the other, or by their numbers there in another order; none is moved."""
    before = np.cumsum([0, *(len(part.content) for part in parts)])[:-1].tolist()
    starts = np.concatenate([part.starts + first for part, first in zip(parts, before, strict=True)])
    ends = np.concatenate([part.ends + first for part, first in zip(parts, before, strict=True)])
    content = np.concatenate([part.content for part in parts])
    return Texts(content, starts, ends) if order is None else Texts(content, starts[order], ends[order])


def save(folder: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write the arrays as files of a folder that is there."""
    for name, array in arrays.items():
        np.save(folder / (name + SUFFIX), np.ascontiguousarray(array))


def load(folder: Path) -> Arrays:
    """The arrays of a folder, mapped: they cannot be written to. Raises OSError and ValueError where it is damaged."""
    # numpy reads each head as a literal of Python, whose 3.11 may fail where two threads read one at once (SystemError)
    with _one_at_a_time:
        mapped = {path.name: np.load(path, mmap_mode="r") for path in folder.glob("*" + SUFFIX)}
    # plain arrays are read more quickly than those that remember their file
    return {name.removesuffix(SUFFIX): array.view(np.ndarray) for name, array in mapped.items()}


def table_arrays(name: str, table: tuple[Any, ...]) -> Arrays:
    """The arrays of a NamedTuple of arrays, under names that begin with `name`."""
    return {f"{name}.{leaf}": array for leaf, array in _leaves(table)}


def read_table(kind: type[Table], name: str, arrays: Mapping[str, NDArray[Any]]) -> Table:
    """The NamedTuple that `table_arrays` was given."""
    return _table_of(kind, (arrays[f"{name}.{leaf}"] for leaf in _names(kind)))


def tables_arrays(name: str, tables: Sequence[tuple[Any, ...]]) -> Arrays:
    """The arrays of several such NamedTuples of one kind, end to end, and where those of each start."""
    found: Arrays = {}
    for columns in zip(*map(_leaves, tables), strict=True):
        leaf, parts = columns[0][0], [array for _, array in columns]
        found[f"{name}.{leaf}"] = np.concatenate(parts)
        found[f"{name}.{leaf}.{STARTS}"] = np.cumsum([0, *map(len, parts)])
    return found


def read_tables(kind: type[Table], name: str, count: int, arrays: Mapping[str, NDArray[Any]]) -> list[Table]:
    """The NamedTuples that `tables_arrays` was given, of which there were `count`."""
    leaves = [f"{name}.{leaf}" for leaf in _names(kind)] if count else []
    columns = [(arrays[leaf], arrays[f"{leaf}.{STARTS}"].tolist()) for leaf in leaves]
    return [_table_of(kind, (array[starts[n] : starts[n + 1]] for array, starts in columns)) for n in range(count)]


def _leaves(table: tuple[Any, ...]) -> Iterator[tuple[str, NDArray[Any]]]:
    for name, value in zip(type(table)._fields, table, strict=True):  # type: ignore[attr-defined]  # of a NamedTuple
        if isinstance(value, tuple):
            yield from ((f"{name}.{leaf}", array) for leaf, array in _leaves(value))
        else:
            yield name, value


def _names(kind: type[tuple[Any, ...]]) -> Iterator[str]:
    for name, hint in _fields(kind).items():
        if hasattr(hint, "_fields"):
            yield from (f"{name}.{leaf}" for leaf in _names(hint))
        else:
            yield name


def _table_of(kind: type[Table], values: Iterable[NDArray[Any]]) -> Table:
    left = iter(values)
    return kind(*(_table_of(hint, left) if hasattr(hint, "_fields") else next(left) for hint in _fields(kind).values()))


@cache
def _fields(kind: type[tuple[Any, ...]]) -> dict[str, Any]:
    """The types of a NamedTuple's fields by their names."""
    return get_type_hints(kind)
