"""Arrays come back from a folder as they were written, mapped; texts are read wherever their pieces went since."""

import re
import shutil
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from matching.index.mapped_arrays import (
    Piece,
    TextPlaces,
    TextReader,
    TextWriter,
    joined_places,
    joined_texts,
    load,
    move_pieces,
    pieces_in,
    read_table,
    read_tables,
    save,
    size_of,
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


Texts = tuple[bytes, bytes]
some_texts = st.lists(st.tuples(st.binary(max_size=9), st.binary(max_size=9)), max_size=4)


def written(some: list[Texts], folder: Path | None = None) -> tuple[TextPlaces, Piece]:
    writer = TextWriter(folder)
    for summary, details in some:
        writer.add(summary, details)
    return writer.finish()


def read(reader: TextReader, count: int) -> list[Texts]:
    return [(reader.summary(number), reader.details(number)) for number in range(count)]


@given(st.lists(st.tuples(some_texts, st.booleans()), min_size=1, max_size=4), st.randoms())
def test_joined_suppliers_are_found_in_another_order(parts: list[tuple[list[Texts], bool]], draw: Random) -> None:
    """Also in another folder, to which their files were moved."""
    every = [text for part, _ in parts for text in part]
    order = draw.sample(range(len(every)), len(every))
    with TemporaryDirectory() as name:
        folders = [Path(name, str(number)) for number in range(len(parts) + 1)]
        for folder in folders:
            folder.mkdir()
        made = [
            written(part, folder if is_file else None) for (part, is_file), folder in zip(parts, folders, strict=False)
        ]
        sizes = [size_of(piece) for _, piece in made]
        move_pieces([piece for _, piece in made], folders[-1])
        places = joined_places([part for part, _ in made], [1] * len(made), np.array(order, dtype=np.intp))
        reader = TextReader(places, pieces_in(folders[-1], sizes))
        assert read(reader, len(every)) == [every[number] for number in order]


def test_what_was_joined_is_joined_again() -> None:
    (first, piece), (second, other), (third, last) = (written([(text, b"")]) for text in (b"a", b"b", b"c"))
    both = joined_places([first, second], [1, 1], np.arange(2))
    places = joined_places([both, third], [2, 1], np.array([2, 1, 0]))
    assert [summary for summary, _ in read(TextReader(places, [piece, other, last]), 3)] == [b"c", b"b", b"a"]


def test_texts_in_memory_are_read(tmp_path: Path) -> None:
    places, piece = written([(b"a", b"bc"), (b"", b"d")])
    assert read(TextReader(places, [piece]), 2) == [(b"a", b"bc"), (b"", b"d")]
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_was_removed_is_read_on(tmp_path: Path) -> None:
    places, piece = written([(b"a", b"bc")], tmp_path)
    reader = TextReader(places, [piece])
    shutil.rmtree(tmp_path)
    assert reader.details(0) == b"bc"


def test_a_file_that_is_cut_off_is_not_read(tmp_path: Path) -> None:
    written([(b"a", b"bc")], tmp_path)
    (tmp_path / "texts.0").write_bytes(b"ab")
    with pytest.raises(ValueError, match="not whole"):
        pieces_in(tmp_path, [3])
    (tmp_path / "texts.0").unlink()
    with pytest.raises(FileNotFoundError):
        pieces_in(tmp_path, [3])


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux tells what is mapped")
def test_texts_that_were_read_do_not_stay_in_memory(tmp_path: Path) -> None:
    places, piece = written([(b"a" * 5_000, b"b")] * 200, tmp_path)
    read(TextReader(places, [piece]), 200)
    assert not re.search(re.escape(str(tmp_path)), Path("/proc/self/maps").read_text())
