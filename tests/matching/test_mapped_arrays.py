"""Arrays come back from a folder as they were written, mapped."""

from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from matching.mapped_arrays import (
    joined_texts,
    load,
    read_table,
    read_tables,
    save,
    table_arrays,
    tables_arrays,
    texts,
)


class Inner(NamedTuple):
    number: NDArray[np.int32]
    share: NDArray[np.float64]


class Outer(NamedTuple):
    first: Inner
    name: NDArray[np.uint8]
    second: Inner


def inner(size: int) -> Inner:
    return Inner(np.arange(size, dtype=np.int32), np.linspace(0, 1, size))


def outer(size: int) -> Outer:
    return Outer(inner(size), np.arange(3, dtype=np.uint8), inner(2 * size))


def listed(table: Any) -> Any:
    return [listed(each) for each in table] if isinstance(table, tuple) else (table.dtype, table.tolist())


@given(st.lists(st.binary(max_size=9)))
def test_each_text_is_found_by_its_number(some: list[bytes]) -> None:
    held = texts(some)
    assert [held.text(number) for number in range(len(some))] == some


@pytest.mark.parametrize("sizes", [(), (0,), (3,), (2, 0, 5)])
def test_tables_come_back_from_a_folder(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    several = [outer(size) for size in sizes]
    save(tmp_path, {**table_arrays("one", outer(4)), **tables_arrays("several", several)})
    arrays = load(tmp_path)
    assert listed(read_table(Outer, "one", arrays)) == listed(outer(4))
    assert [listed(each) for each in read_tables(Outer, "several", len(sizes), arrays)] == list(map(listed, several))


def test_what_is_mapped_cannot_be_written_to(tmp_path: Path) -> None:
    """Other processes read the same memory."""
    save(tmp_path, {"one": np.arange(3)})
    with pytest.raises(ValueError, match="read-only"):
        load(tmp_path)["one"][0] = 7


def test_a_table_that_lacks_an_array_is_not_read(tmp_path: Path) -> None:
    save(tmp_path, {"one.number": np.arange(3)})
    with pytest.raises(KeyError):
        read_table(Inner, "one", load(tmp_path))


@given(st.lists(st.lists(st.binary(max_size=9), max_size=4), min_size=1, max_size=4), st.randoms())
def test_joined_texts_are_found_in_another_order(parts: list[list[bytes]], draw: Random) -> None:
    every = [text for part in parts for text in part]
    order = draw.sample(range(len(every)), len(every))
    held = joined_texts([texts(part) for part in parts], np.array(order, dtype=np.intp))
    assert [held.text(number) for number in range(len(every))] == [every[number] for number in order]
