"""An index that was written to a folder and mapped answers as the one that was built.

Arrays come back as they were written; texts are read wherever their pieces went since. Trades are counted as if every
supplier were looked at, whatever has changed since the index was built.
"""

import re
import shutil
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from domain.suppliers.known_trades import TradeCounts, is_trade, trade_evidence
from domain.suppliers.supplier import Offer, SourceRef, Supplier
from matching.index.live_index import Index, LiveIndex
from matching.index.mapped_arrays import (
    Piece,
    TextLocations,
    TextReader,
    TextWriter,
    joined_locations,
    joined_texts,
    load,
    move_pieces,
    pieces_in,
    read_tables,
    save,
    size_of,
    tables_arrays,
    texts,
)
from matching.index.supplier_columns import MatchedSupplier, document_of
from matching.index.tables import IndexTables, TablesBuilder, build_tables, join_tables, load_tables, save_tables
from matching.index.trade_groups import counts_by_source, counts_of_all
from matching.reference import Reference
from tests.conftest import examples
from tests.factories import approved, index, offer, offerless, supplier
from tests.matching.index.test_live_index import answer, last_written, written


def mapped(reference: Reference, folder: Path, tables: IndexTables) -> LiveIndex:
    """What a server holds that has mapped these tables."""
    save_tables(folder, tables)
    return LiveIndex(Index(load_tables(folder), reference.taxonomy, reference.cpv, reference.geography), 1)


def built(reference: Reference, *suppliers: Supplier) -> IndexTables:
    return build_tables(suppliers, reference.taxonomy, reference.cpv, reference.geography)


def part_of(reference: Reference, folder: Path, suppliers: list[Supplier]) -> IndexTables:
    """The tables of some of the suppliers as another process hands them over."""
    builder = TablesBuilder(reference.taxonomy, reference.cpv, reference.geography)
    for each in suppliers:
        builder.add(document_of(each))
    save_tables(folder, builder.tables())
    return load_tables(folder)


@settings(max_examples=examples(60))
@given(st.lists(written, max_size=12), st.lists(written, max_size=3), st.integers(1, 4))
def test_joined_parts_that_are_mapped_answer_and_change_as_an_index_of_all(
    reference: Reference, first: list[Supplier], later: list[Supplier], count: int
) -> None:
    pool = list(last_written(first).values())
    with TemporaryDirectory() as name:
        folders = [Path(name, str(number)) for number in range(count + 1)]
        for folder in folders:
            folder.mkdir()
        parts = [part_of(reference, folders[number], pool[number::count]) for number in range(count)]
        held = mapped(reference, folders[-1], join_tables(parts, reference.taxonomy))
        plain = LiveIndex(index(*pool), 1)
        for changed in ([], later):
            held, plain = held.with_changes(changed, (), 2), plain.with_changes(changed, (), 2)
            assert answer(reference, held) == answer(reference, plain)
            assert held.trade_groups() == plain.trade_groups()
            assert len(held.base.areas) == len(plain.base.areas), "an area that several parts have is one"


def test_tables_name_codes_that_reference_data_has_dropped_and_are_read_whole(
    reference: Reference, tmp_path: Path
) -> None:
    stale = supplier("a", offer(codes=("epci:000000000", "departement:35")))
    held = mapped(reference, tmp_path, built(reference, stale))
    assert held.base.unknown_codes == {"epci:000000000"}
    (tmp_path / "groups.npy").unlink()
    with pytest.raises(KeyError):
        load_tables(tmp_path)


SOURCES = ("annuaire", "carte", "decp")
OFFERS = (offer(), offer("so-mad"), offer("ev-entretien", basis="inferred"), offer("pr", basis="awarded"))


def described(name: str, offers: list[Offer], sources: set[str], kinds: set[str], active: bool) -> Supplier:
    refs = tuple(SourceRef(source, name, datetime(2026, 11, 1, tzinfo=UTC)) for source in sorted(sources))
    held: dict[str, Any] = {"sources": refs, "kinds": tuple(sorted(kinds)), "approvals": approved(), "active": active}
    return supplier(name, *offers, **held) if offers else offerless(name, **held)


suppliers = st.builds(
    described,
    st.sampled_from("abcdefgh"),
    st.lists(st.sampled_from(OFFERS), max_size=2),
    st.sets(st.sampled_from(SOURCES), min_size=1),
    st.sets(st.sampled_from(("EI", "ACI", "ESAT")), max_size=2),
    st.sampled_from((True, True, False)),
)
pools = st.lists(suppliers, max_size=8, unique_by=lambda each: each.id)


def looked_at(some: Iterable[MatchedSupplier]) -> tuple[object, ...]:
    """The same counts as plain numbers, one supplier after the other."""
    found = list(some)
    traded = [each for each in found if any(map(is_trade, each.offers))]
    kinds = [[kind for each in those for kind in each.kinds or ("none",)] for those in (found, traded)]
    grounds = Counter(trade_evidence(each.offers) for each in traded)
    return len(found), len(traded), Counter(kinds[0]), Counter(kinds[1]), grounds


def numbers(counts: TradeCounts) -> tuple[object, ...]:
    of_kind = Counter({each.kind: each.suppliers for each in counts.by_kind})
    traded = Counter({each.kind: each.with_trade for each in counts.by_kind})
    grounds = Counter({each.evidence: each.suppliers for each in counts.by_evidence})
    return counts.suppliers, counts.with_trade, of_kind, traded, grounds


@settings(max_examples=examples(100))
@given(pools, st.lists(st.tuples(pools, pools), max_size=3))
def test_counts_after_changes_are_those_of_the_suppliers_there(
    first: list[Supplier], changes: list[tuple[list[Supplier], list[Supplier]]]
) -> None:
    held = LiveIndex(index(*first), 1)
    for version, (changed, removed) in enumerate(changes, 2):
        gone = {each.id for each in removed} | {each.id for each in changed if not each.active}
        held = held.with_changes([each for each in changed if each.active and each.id not in gone], gone, version)
    groups, there = held.trade_groups(), list(held.suppliers())

    assert numbers(counts_of_all(groups)) == looked_at(there)
    by_source = counts_by_source(groups)
    for source in SOURCES:
        of_source = [each for each in there if source in {ref.source for ref in each.sources}]
        assert (source in by_source) == bool(of_source)
        if of_source:
            assert numbers(by_source[source]) == looked_at(of_source)


def test_sources_of_one_name_are_counted_as_one() -> None:
    """A supplier that two of them describe counts once."""
    held = LiveIndex(index(described("a", [offer()], {"carte", "decp"}, set(), active=True)), 1)
    (name, counts), *others = counts_by_source(held.trade_groups(), lambda _: "others").items()
    assert (name, counts.suppliers, counts.with_trade, counts.share, others) == ("others", 1, 1, 1.0, [])


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


@pytest.mark.parametrize("sizes", [(), (0,), (3,), (2, 0, 5)])
def test_tables_come_back_from_a_folder(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    several = [outer(size) for size in sizes]
    save(tmp_path, {**tables_arrays("one", [outer(4)]), **tables_arrays("several", several)})
    arrays = load(tmp_path)
    assert listed(read_tables(Outer, "one", 1, arrays)[0]) == listed(outer(4))
    assert [listed(each) for each in read_tables(Outer, "several", len(sizes), arrays)] == list(map(listed, several))


def test_what_is_mapped_cannot_be_written_to(tmp_path: Path) -> None:
    """Other processes read the same memory."""
    save(tmp_path, {"one": np.arange(3)})
    with pytest.raises(ValueError, match="read-only"):
        load(tmp_path)["one"][0] = 7


@given(st.lists(st.lists(st.binary(max_size=9), max_size=4), min_size=1, max_size=4), st.randoms())
def test_joined_texts_are_found_in_another_order(parts: list[list[bytes]], draw: Random) -> None:
    every = [text for part in parts for text in part]
    order = draw.sample(range(len(every)), len(every))
    held = joined_texts([texts(part) for part in parts], np.array(order, dtype=np.intp))
    assert [held.text(number) for number in range(len(every))] == [every[number] for number in order]


Texts = tuple[bytes, bytes]
some_texts = st.lists(st.tuples(st.binary(max_size=9), st.binary(max_size=9)), max_size=4)


def texts_written(some: list[Texts], folder: Path | None = None) -> tuple[TextLocations, Piece]:
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
            texts_written(part, folder if is_file else None)
            for (part, is_file), folder in zip(parts, folders, strict=False)
        ]
        sizes = [size_of(piece) for _, piece in made]
        move_pieces([piece for _, piece in made], folders[-1])
        places = joined_locations([part for part, _ in made], [1] * len(made), np.array(order, dtype=np.intp))
        reader = TextReader(places, pieces_in(folders[-1], sizes))
        assert read(reader, len(every)) == [every[number] for number in order]


def test_what_was_joined_is_joined_again() -> None:
    (first, piece), (second, other), (third, last) = (texts_written([(text, b"")]) for text in (b"a", b"b", b"c"))
    both = joined_locations([first, second], [1, 1], np.arange(2))
    places = joined_locations([both, third], [2, 1], np.array([2, 1, 0]))
    assert [summary for summary, _ in read(TextReader(places, [piece, other, last]), 3)] == [b"c", b"b", b"a"]


def test_a_file_that_was_removed_is_read_on(tmp_path: Path) -> None:
    places, piece = texts_written([(b"a", b"bc")], tmp_path)
    reader = TextReader(places, [piece])
    shutil.rmtree(tmp_path)
    assert reader.details(0) == b"bc"


def test_a_file_that_is_cut_off_is_not_read(tmp_path: Path) -> None:
    texts_written([(b"a", b"bc")], tmp_path)
    (tmp_path / "texts.0").write_bytes(b"ab")
    with pytest.raises(ValueError, match="not whole"):
        pieces_in(tmp_path, [3])
    (tmp_path / "texts.0").unlink()
    with pytest.raises(FileNotFoundError):
        pieces_in(tmp_path, [3])


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux tells what is mapped")
def test_texts_that_were_read_do_not_stay_in_memory(tmp_path: Path) -> None:
    places, piece = texts_written([(b"a" * 5_000, b"b")] * 200, tmp_path)
    read(TextReader(places, [piece]), 200)
    assert not re.search(re.escape(str(tmp_path)), Path("/proc/self/maps").read_text())
