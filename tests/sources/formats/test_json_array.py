"""The elements of one JSON array, against the standard library's reader."""

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.formats.json_array import elements
from sources.rows import UnreadableFile

TEXT = st.text(alphabet='a"\\[]{},\n é', max_size=8)
VALUES = st.recursive(
    st.none() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(VALUES, max_size=5), st.sampled_from([None, 0, 2]), st.integers(1, 20), st.booleans())
def test_elements_are_those_of_the_array_whatever_the_chunks(
    values: list[Any], indent: int | None, chunk_size: int, ascii_only: bool
) -> None:
    data = b" \n" + json.dumps(values, indent=indent, ensure_ascii=ascii_only).encode() + b"\n"
    found = [json.loads(element.data or b"") for element in elements(io.BytesIO(data), chunk_size=chunk_size)]
    assert found == values


def test_an_element_is_on_the_line_where_it_starts() -> None:
    data = b'\n[\n{"a":\n1},\n\n {"b":2},{"c":3}]'
    assert [element.line for element in elements(io.BytesIO(data), chunk_size=2)] == [3, 6, 6]


def test_an_element_beyond_the_bound_is_left_out_and_the_next_is_read() -> None:
    data = b'[{"a":"' + b"x" * 50 + b'"},{"b":1}]'
    assert [element.data for element in elements(io.BytesIO(data), longest=20, chunk_size=8)] == [None, b'{"b":1}']


@pytest.mark.parametrize("data", [b"", b"{}", b'{"a":1}\n{"a":2}', b'[{"a":1}', b'[{"a":"]', b"[] x", b"[[]"])
def test_what_is_not_one_whole_array_is_unreadable(data: bytes) -> None:
    with pytest.raises(UnreadableFile):
        list(elements(io.BytesIO(data)))


def test_an_array_that_does_not_end_tells_where_it_was_lost() -> None:
    with pytest.raises(UnreadableFile, match="line 2"):
        list(elements(io.BytesIO(b'[{},\n{"a": {"b": 1},\n{}\n]')))
