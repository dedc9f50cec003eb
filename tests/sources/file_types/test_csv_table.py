"""Rows of a CSV file, against the standard library's reader, and what costs only the row it is in."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.file_types.csv_table import MOST_COLUMNS, Cells, FaultyRow, read_table
from sources.rows import UnreadableFile

CELL = st.text(alphabet='a",\n\ré |', max_size=5)


def rows(data: bytes) -> list[tuple[int, object]]:
    """Line and cells, or line and code of what is wrong."""
    read = read_table(io.BytesIO(data)).rows
    return [(row.line, list(row.cells.values()) if isinstance(row, Cells) else row.problem.code) for row in read]


@given(st.lists(st.tuples(CELL, CELL), max_size=5), st.sampled_from(["\n", "\r\n"]))
def test_cells_are_read_as_they_were_written(written: list[tuple[str, str]], end: str) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([("one", "two"), *written])
    assert [cells for _, cells in rows(out.getvalue().encode())] == [[*row] for row in written if "".join(row).strip()]


def test_a_row_is_on_the_line_where_it_starts_blank_lines_counted() -> None:
    assert rows(b'a,b\n\n1,"x\ny"\n\n2,z\n') == [(3, ["1", "x\ny"]), (6, ["2", "z"])]


def test_a_quotation_mark_costs_one_row_and_only_where_it_is_never_closed() -> None:
    assert rows(b'a,b\n1,"x\n2,y\n3,"z"\n4,\n') == [
        (2, "malformed_csv"),
        (3, ["2", "y"]),
        (4, ["3", "z"]),
        (5, ["4", ""]),
    ]
    assert rows(b'a,b\n1,"x\n2,y\n') == [(2, "malformed_csv"), (3, ["2", "y"])]
    row = next(iter(read_table(io.BytesIO(b'a,b\n5" pipe,Le "Relais"\n')).rows))
    assert not isinstance(row, FaultyRow)
    assert row.cells == {"a": '5" pipe', "b": 'Le "Relais"'}


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (b"1,a\x00b", "null_character"),
        (b"1", "cell_count"),
        (b"1,2,3", "cell_count"),
        (b'1,"x"y', "malformed_csv"),
        (b"1," + b"x" * 140_000, "line_too_long"),
        (b"1," + b"x" * 2_000_000, "line_too_long"),
    ],
)
def test_a_bad_row_does_not_stop_the_next(row: bytes, code: str) -> None:
    assert rows(b"a,b\n" + row + b"\n2,y\n") == [(2, code), (3, ["2", "y"])]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_file"),
        (b"a,b,a\n", "duplicate_column"),
        (",".join(map(str, range(MOST_COLUMNS + 1))).encode(), "too_many_columns"),
        (b"a," * 1_000_000, "line_too_long"),
    ],
    ids=["empty", "a column twice", "too many columns", "too long"],
)
def test_a_header_that_cannot_be_used_is_the_whole_files_fault(data: bytes, code: str) -> None:
    with pytest.raises(UnreadableFile) as raised:
        read_table(io.BytesIO(data))
    assert [problem.code for problem in raised.value.problems] == [code]
