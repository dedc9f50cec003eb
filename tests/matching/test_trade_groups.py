"""Trades are counted as if every supplier were looked at, whatever has changed since the index was built."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.suppliers.supplier import Offer, SourceRef, Supplier
from domain.suppliers.trades import TradeCounts, has_trade, trade_evidence
from matching.index import LiveIndex
from matching.indexed_supplier import MatchedSupplier
from matching.trade_groups import counts_by_source, counts_of_all
from tests.conftest import examples
from tests.factories import approved, index, offer, offerless, supplier

SOURCES = ("annuaire", "carte", "decp")
OFFERS = (offer(), offer("so-mad"), offer("ev-entretien", basis="inferred"), offer("pr", basis="awarded"))


def written(name: str, offers: list[Offer], sources: set[str], kinds: set[str], active: bool) -> Supplier:
    refs = tuple(SourceRef(source, name, datetime(2026, 11, 1, tzinfo=UTC)) for source in sorted(sources))
    held: dict[str, Any] = {"sources": refs, "kinds": tuple(sorted(kinds)), "approvals": approved(), "active": active}
    return supplier(name, *offers, **held) if offers else offerless(name, **held)


suppliers = st.builds(
    written,
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
        held = held.after([each for each in changed if each.active and each.id not in gone], gone, version)
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
    held = LiveIndex(index(written("a", [offer()], {"carte", "decp"}, set(), active=True)), 1)
    (name, counts), *others = counts_by_source(held.trade_groups(), lambda _: "others").items()
    assert (name, counts.suppliers, counts.with_trade, counts.share, others) == ("others", 1, 1, 1.0, [])
