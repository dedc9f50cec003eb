"""An index that was written to a folder and mapped answers as the one that was built.

Trades are counted as if every supplier were looked at, whatever has changed since the index was built.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.suppliers.supplier import Offer, SourceRef, Supplier
from domain.suppliers.trades import TradeCounts, has_trade, trade_evidence
from matching.index.live_index import Index, LiveIndex
from matching.index.supplier_columns import MatchedSupplier, document_of
from matching.index.tables import (
    IndexTables,
    TablesBuilder,
    built,
    counts_by_source,
    counts_of_all,
    join_tables,
    load_tables,
    save_tables,
)
from matching.reference import Reference
from tests.conftest import examples
from tests.factories import VANNES, approved, index, offer, offerless, square, supplier
from tests.matching.index.test_live_index import answer, last_written, written


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
    held, plain = held.with_changes(later, (), 2), plain.with_changes(later, (), 2)
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
    whole = Index(join_tables(parts, reference.taxonomy), reference.taxonomy, reference.cpv, reference.geography)
    held, plain = LiveIndex(whole, 1), LiveIndex(index(*pool), 1)
    assert answer(reference, held) == answer(reference, plain)
    held, plain = held.with_changes(later, (), 2), plain.with_changes(later, (), 2)
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
    whole = Index(join_tables(parts, reference.taxonomy), reference.taxonomy, reference.cpv, reference.geography)
    assert len(whole.areas) == 3
    assert answer(reference, LiveIndex(whole, 1)) == answer(reference, LiveIndex(index(*pools[0], *pools[1]), 1))


def test_a_drawn_area_of_a_mapped_index_is_met_where_it_was_drawn(reference: Reference, tmp_path: Path) -> None:
    """And the same area of a supplier written later is not another one."""
    drawn = offer(geometry=square(VANNES, 0.1))
    held = mapped(reference, tmp_path, [supplier("a", drawn), supplier("b"), supplier("c")])
    held = held.with_changes([supplier("d", drawn)], (), 2)
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
    traded = [each for each in found if has_trade(each.offers)]
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
