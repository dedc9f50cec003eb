"""An index that was written to a folder and mapped answers as the one that was built."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.suppliers.supplier import Supplier
from matching.index import Index, LiveIndex
from matching.index_tables import built, load_tables, save_tables
from matching.reference import Reference
from tests.conftest import examples
from tests.factories import VANNES, index, offer, square, supplier
from tests.matching.test_index import answer, last_written, written


def mapped(reference: Reference, folder: Path, suppliers: list[Supplier]) -> LiveIndex:
    """What a server holds that has mapped an index of these suppliers."""
    taxonomy, cpv, geography = reference.taxonomy, reference.cpv, reference.geography
    save_tables(folder, built(suppliers, taxonomy, cpv, geography))
    return LiveIndex(Index(load_tables(folder), taxonomy, cpv, geography), 1)


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
