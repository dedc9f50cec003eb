"""Published CSV files as one stream of UTF-8.

Their rows are counted, and those with a quotation mark that nothing closes left out, against a reader of the whole.
"""

import csv
import gzip
import io
import zipfile
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.pool.csv_pipe import CsvPipe, CsvRows, UnusableFile


def through_pipe(source: Path, folder: Path) -> tuple[str, CsvPipe]:
    pipe = CsvPipe(source, folder / f"pipe of {source.name}")
    text = pipe.path.read_text("utf-8")
    pipe.close()
    return text, pipe


def test_lines_of_any_encoding_ends_and_packing_are_one_table(tmp_path: Path) -> None:
    """Each line is UTF-8 or Windows-1252 by itself; the byte order mark goes; line ends within quotes are no rows."""
    source = tmp_path / "rna.csv"
    source.write_bytes(b"\xef\xbb\xbfid;objet\r\n1;cr\xe8che\r\n2;cr\xc3\xa8che")
    text, pipe = through_pipe(source, tmp_path)
    assert text == "id;objet\n1;crèche\n2;crèche\n"
    assert (pipe.columns, pipe.delimiter, pipe.passed.rows, pipe.fault) == (("id", "objet"), ";", 2, None)
    source = tmp_path / "rna.csv.gz"
    source.write_bytes(gzip.compress(b'id,objet\n1,"a\n""b""\nc"\n2,d\n'))
    assert through_pipe(source, tmp_path)[1].passed.rows == 2
    source = tmp_path / "RNA.ZIP"
    with zipfile.ZipFile(source, "w") as archive:
        archive.writestr("02.csv", "id\n2\n")
        archive.writestr("01.csv", "id\n1")
        archive.writestr("readme.pdf", "id\n3\n")
        archive.writestr("__MACOSX/._01.csv", b"\0\5\x16\7")
    assert through_pipe(source, tmp_path)[0] == "id\n1\n2\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.zip", b"no archive"),
        ("a.csv.gz", b"no gzip"),
        ("a.csv", b"\n"),
        ("a.csv", b"id,id\n"),
        ("a.csv", b"id,name\r1,a\r2,b"),
        ("a.csv", b"x" * 200_000),
    ],
)
def test_what_is_no_table(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnusableFile, match=name):
        CsvPipe(tmp_path / name, tmp_path / "pipe")


def test_a_pipe_that_nobody_reads_or_only_in_part_is_let_go(tmp_path: Path) -> None:
    """Also while its reader holds it open."""
    source = tmp_path / "a.csv"
    source.write_bytes(b"id\n" + b"1\n" * 100_000)
    pipe = CsvPipe(source, tmp_path / "pipe")
    pipe.close()
    assert pipe.fault is None
    source.write_bytes(b"id\n" + b"1\n" * 1_000_000)
    pipe = CsvPipe(source, tmp_path / "another")
    with pipe.path.open("rb") as reader:
        assert reader.readline() == b"id\n"
        pipe.close()
    assert pipe.fault is None


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


def test_two_marks_that_are_not_closed_cost_their_rows_and_blank_lines_are_none() -> None:
    text, rows = passed('1;"a\n2;b\n3;"c\n4;d\n')
    assert (text, rows.rows, rows.unclosed) == ("2;b\n4;d\n", 4, 2)
    assert passed("\n1;a\n\n\n2;b\n\n")[1].rows == passed('\n1;"a"\n\n\n2;b\n\n')[1].rows == 2
