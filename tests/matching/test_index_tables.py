"""An index that was written to a folder and mapped answers as the one that was built."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.suppliers.supplier import Supplier
from matching.index import Index, LiveIndex
from matching.index_tables import IndexTables, TablesBuilder, built, joined, load_tables, save_tables
from matching.indexed_supplier import document_of
from matching.reference import Reference
from tests.conftest import examples
from tests.factories import VANNES, index, offer, square, supplier
from tests.matching.test_index import answer, last_written, written


def mapped(reference: Reference, folder: Path, suppliers: list[Supplier]) -> LiveIndex:
    """What a server holds that has mapped an index of these suppliers."""
    taxonomy, cpv, geography = reference.taxonomy, reference.cpv, reference.geography
    save_tables(folder, built(suppliers, taxonomy, cpv, geography))
    return LiveIndex(Index(load_tables(folder), taxonomy, cpv, geography), 1)


def part_of(reference: Reference, folder: Path, suppliers: list[Supplier]) -> IndexTables:
    """The tables of some of the suppliers as another process hands them over."""
    builder = TablesBuilder(reference.taxonomy, reference.cpv, reference.geography)
    for each in suppliers:
        builder.add(document_of(each))
    save_tables(folder, builder.tables())
    return load_tables(folder)


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(written, max_size=8), st.lists(written, max_size=3))
def test_a_mapped_index_answers_and_changes_as_one_that_was_built(
    reference: Reference, tmp_path_factory: pytest.TempPathFactory, first: list[Supplier], later: list[Supplier]
) -> None:
    pool = list(last_written(first).values())
    held, plain = mapped(reference, tmp_path_factory.mktemp("index"), pool), LiveIndex(index(*pool), 1)
    assert answer(reference, held) == answer(reference, plain)
    held, plain = held.after(later, (), 2), plain.after(later, (), 2)
    assert answer(reference, held) == answer(reference, plain)
    assert held.trade_groups() == plain.trade_groups()


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(written, max_size=12), st.lists(written, max_size=3), st.integers(1, 4))
def test_tables_of_parts_that_are_joined_answer_and_change_as_those_of_all(
    reference: Reference,
    tmp_path_factory: pytest.TempPathFactory,
    first: list[Supplier],
    later: list[Supplier],
    count: int,
) -> None:
    pool = list(last_written(first).values())
    parts = [part_of(reference, tmp_path_factory.mktemp("part"), pool[number::count]) for number in range(count)]
    whole = Index(joined(parts, reference.taxonomy), reference.taxonomy, reference.cpv, reference.geography)
    held, plain = LiveIndex(whole, 1), LiveIndex(index(*pool), 1)
    assert answer(reference, held) == answer(reference, plain)
    held, plain = held.after(later, (), 2), plain.after(later, (), 2)
    assert answer(reference, held) == answer(reference, plain)
    assert held.trade_groups() == plain.trade_groups()


def test_areas_that_several_parts_have_are_one(reference: Reference, tmp_path: Path) -> None:
    """Also those that were drawn, and each keeps its outline."""
    drawn, other, coded = (
        offer(geometry=square(VANNES, 0.1)),
        offer(geometry=square(VANNES, 0.2)),
        offer(codes=("departement:56",)),
    )
    pools = [[supplier("a", drawn), supplier("b", coded)], [supplier("c", other), supplier("d", coded, drawn)]]
    parts = []
    for number, pool in enumerate(pools):
        (tmp_path / str(number)).mkdir()
        parts.append(part_of(reference, tmp_path / str(number), pool))
    whole = Index(joined(parts, reference.taxonomy), reference.taxonomy, reference.cpv, reference.geography)
    assert len(whole.areas) == 3
    assert answer(reference, LiveIndex(whole, 1)) == answer(reference, LiveIndex(index(*pools[0], *pools[1]), 1))


def test_a_drawn_area_of_a_mapped_index_is_met_where_it_was_drawn(reference: Reference, tmp_path: Path) -> None:
    """And the same area of a supplier written later is not another one."""
    drawn = offer(geometry=square(VANNES, 0.1))
    held = mapped(reference, tmp_path, [supplier("a", drawn), supplier("b"), supplier("c")])
    held = held.after([supplier("d", drawn)], (), 2)
    assert len(held.base.areas) == 1
    assert answer(reference, held) == answer(
        reference, LiveIndex(index(supplier("a", drawn), supplier("b"), supplier("c"), supplier("d", drawn)), 1)
    )


def test_tables_name_codes_that_reference_data_has_dropped(reference: Reference, tmp_path: Path) -> None:
    held = mapped(reference, tmp_path, [supplier("a", offer(codes=("epci:000000000", "departement:35")))])
    assert held.base.unknown_codes == {"epci:000000000"}


def test_a_folder_that_is_not_whole_is_not_read(reference: Reference, tmp_path: Path) -> None:
    mapped(reference, tmp_path, [supplier("a")])
    (tmp_path / "groups.npy").unlink()
    with pytest.raises(KeyError):
        load_tables(tmp_path)
