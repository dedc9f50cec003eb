"""Verdicts cached by legal facts are those of each supplier, in whatever order one asks."""

from datetime import date, timedelta
from random import Random
from typing import get_args

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from domain.law.findings import OUTCOMES
from domain.law.reservations.eligibility import LegalFacts, eligibility, outcomes
from domain.law.reservations.supply_advice import approval_end
from domain.law.rules import load
from domain.needs.need import RESERVED_TYPES, Reserved
from domain.suppliers.supplier import Approval, Kind, LegalForm, Shares, Supplier
from matching.index.legal import (
    NEVER,
    RADIX,
    EligibilityCache,
    FactRows,
    LegalColumns,
    best_outcome,
    joined_facts,
    read_decisive_facts,
)
from matching.index.supplier_columns import legal_facts
from tests.factories import ON, supplier

KINDS: tuple[Kind, ...] = get_args(Kind)
FORMS: tuple[LegalForm, ...] = get_args(LegalForm)

days = st.integers(-400, 400).map(lambda number: ON + timedelta(days=number))
any_approvals = st.builds(Approval, st.sampled_from(KINDS), st.none() | days, st.none() | days)
shares = st.none() | st.sampled_from((0.0, 0.4999, 0.5, 0.501, 1.0))
yes_or_no = st.sampled_from((None, False, True))
any_facts = st.builds(
    LegalFacts,
    st.none() | st.lists(any_approvals, max_size=4).map(tuple),
    st.builds(Shares, shares, shares, shares),
    yes_or_no,
    st.none() | st.sampled_from(FORMS),
    yes_or_no,
)


RULES = load()


def read(columns: LegalColumns) -> list[LegalFacts]:
    return columns.facts_at(np.arange(len(columns), dtype=np.int32))


@given(st.lists(st.lists(any_facts, max_size=5), max_size=5))
def test_facts_are_read_as_they_were_written(written: list[list[LegalFacts]]) -> None:
    """Also those that were written later, for which there was no room."""
    columns = LegalColumns()
    expected: list[LegalFacts] = []
    for some in written:
        assert list(columns.add(some)) == list(range(len(expected), len(expected) + len(some)))
        expected += some
        assert read(columns) == expected


@given(st.lists(any_facts, max_size=6), st.randoms(use_true_random=False))
def test_facts_can_be_laid_out_in_another_order(facts: list[LegalFacts], draw: Random) -> None:
    order = draw.sample(range(len(facts)), len(facts))
    rows = FactRows()
    for each in facts:
        rows.add(each)
    assert read(LegalColumns(joined_facts([rows.arrays()], np.array(order, dtype=np.intp)))) == [
        facts[number] for number in order
    ]


def test_references_of_approvals_are_left_out() -> None:
    columns = LegalColumns()
    columns.add([LegalFacts((Approval("EA", reference="A 12"),))])
    assert read(columns)[0].approvals == (Approval("EA"),)


@given(st.lists(any_facts, min_size=1, max_size=8), days)
def test_what_is_decided_has_the_outcomes_of_the_facts(facts: list[LegalFacts], on: date) -> None:
    columns = LegalColumns()
    places = np.array(columns.add(facts), dtype=np.int32)
    decided = columns.decisive_facts(places, np.full(len(facts), on.toordinal(), dtype=np.int32), RULES.view(on))
    found = [outcomes(read_decisive_facts(each), on, RULES) for each in decided.tolist()]
    assert found == [outcomes(each, on, RULES) for each in facts]


DAYS = st.integers(-2, 2).map(lambda days: ON + timedelta(days=days))

approvals = st.none() | st.lists(
    st.builds(Approval, st.sampled_from(("EI", "ACI", "ESAT", "GEIQ")), st.none(), st.none() | DAYS), max_size=2
).map(tuple)
pools = st.lists(approvals, min_size=1, max_size=6).map(
    lambda pool: [supplier(str(number), approvals=its) for number, its in enumerate(pool)]
)


def some(pool: list[Supplier], data: st.DataObject) -> list[int]:
    return data.draw(st.lists(st.integers(0, len(pool) - 1), max_size=8))


@given(pools, st.lists(DAYS, min_size=1, max_size=3), st.data())
def test_outcomes_are_those_of_each_supplier_and_each_day(
    pool: list[Supplier], days: list[date], data: st.DataObject
) -> None:
    """Also of suppliers that were added once others had been judged."""
    columns, split = LegalColumns(), data.draw(st.integers(0, len(pool)))
    cache, places = EligibilityCache(columns), np.array(columns.add(map(legal_facts, pool[:split])), dtype=np.int32)
    for on in days:
        cache.outcome_codes(places[:split], on, RULES)
    places = np.append(places, np.array(columns.add(map(legal_facts, pool[split:])), dtype=np.int32))
    for on in days:
        asked = some(pool, data)
        codes = cache.outcome_codes(places[np.array(asked, dtype=np.intp)], on, RULES).tolist()
        expected = [
            [eligibility(legal_facts(pool[ordinal]), kind, on, RULES).outcome for kind in RESERVED_TYPES]
            for ordinal in asked
        ]
        assert [[OUTCOMES[code // RADIX**place % RADIX] for place in range(4)] for code in codes] == expected


@given(
    st.lists(any_facts, min_size=1, max_size=8),
    st.lists(days, min_size=1, max_size=3),
    st.sets(st.sampled_from(RESERVED_TYPES), min_size=1),
)
def test_each_has_the_day_on_which_its_approval_ends(
    known: list[LegalFacts], days: list[date], reserved: set[Reserved]
) -> None:
    columns = LegalColumns()
    cache, places = EligibilityCache(columns), np.array(columns.add(known), dtype=np.int32)
    for on in days:
        ends = [approval_end(each, frozenset(reserved), on, RULES) for each in known]
        found = cache.approval_ends(places, frozenset(reserved), on, RULES)
        assert found.tolist() == [NEVER if end is None else end.toordinal() for end in ends]


@given(st.lists(st.integers(0, len(OUTCOMES) - 1), min_size=4, max_size=4), st.sets(st.sampled_from(RESERVED_TYPES)))
def test_the_best_outcome_is_the_least_over_the_reserved_types(outcomes: list[int], reserved: set[Reserved]) -> None:
    code = sum(outcome * RADIX**place for place, outcome in enumerate(outcomes))
    best = [outcomes[RESERVED_TYPES.index(kind)] for kind in reserved]
    assert best_outcome(frozenset(reserved))[code] == min(best, default=0)
