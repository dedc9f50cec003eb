"""Rows counted, and those with a quotation mark that nothing closes left out, against a reader of the whole."""

import csv
import io
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.pool.csv_rows import CsvRows

CELLS = st.text(alphabet='ab";\n', max_size=6)


def passed(text: str, *cuts: int) -> tuple[str, CsvRows]:
    """What is handed on of the text, given in chunks of whole lines that begin at these lines."""
    lines, rows = text.encode().splitlines(keepends=True), CsvRows(";")
    bounds = [0, *sorted(min(cut, len(lines)) for cut in cuts), len(lines)]
    chunks = [b"".join(lines[start:end]) for start, end in pairwise(bounds)]
    return b"".join([*map(rows.take, chunks), rows.take(b"", is_last=True)]).decode(), rows


@given(st.lists(st.tuples(CELLS, CELLS), max_size=20), st.lists(st.integers(0, 60), max_size=4))
def test_what_is_written_rightly_is_handed_on_whole(table: list[tuple[str, str]], cuts: list[int]) -> None:
    written = io.StringIO()
    csv.writer(written, delimiter=";", quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(table)
    text, rows = passed(written.getvalue(), *cuts)
    assert (text, rows.rows, rows.unclosed) == (written.getvalue(), len(table), 0)


@pytest.mark.parametrize(
    ("row", "kept"),
    [
        ('1;"Les Ajoncs;x', False),
        ('"1;Les Ajoncs;x', False),
        ('1;Les "Ajoncs";x', True),
        ('1;tuyau de 12";x', True),
        ('1;"Les ""Ajoncs""";x', True),
        ('1;"Les\nAjoncs";x', True),
        ('1;"Les\n""Ajoncs""\n";"x\ny"', True),
    ],
)
@pytest.mark.parametrize("cut", [0, 1, 2, 3])
def test_a_mark_that_is_not_closed_costs_its_own_row_alone(row: str, kept: bool, cut: int) -> None:
    """Whether the rows after it have marks or none; marks within a cell are no beginning of one."""
    for others in (150 * '2;"a";b\n', 150 * "2;a;b\n", "2;a;b\n", ""):
        text, rows = passed(f"{row}\n{others}", cut)
        assert text == (f"{row}\n" if kept else "") + others
        assert (rows.rows, rows.unclosed) == (1 + others.count("\n"), not kept)


def test_two_marks_that_are_not_closed() -> None:
    text, rows = passed('1;"a\n2;b\n3;"c\n4;d\n')
    assert (text, rows.rows, rows.unclosed) == ("2;b\n4;d\n", 4, 2)


def test_blank_lines_are_no_rows() -> None:
    assert passed("\n1;a\n\n\n2;b\n\n")[1].rows == passed('\n1;"a"\n\n\n2;b\n\n')[1].rows == 2
