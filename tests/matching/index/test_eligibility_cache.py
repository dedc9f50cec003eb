"""Verdicts cached by legal facts are those of each supplier, in whatever order one asks."""

from datetime import date, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from domain.law.findings import OUTCOMES
from domain.law.reservations.eligibility import eligibility
from domain.law.reservations.supplier_facts import LegalFacts
from domain.law.reservations.supply_advice import approval_end
from domain.law.rules import load
from domain.needs.need import RESERVED_TYPES, Reserved
from domain.suppliers.supplier import Approval, Supplier
from matching.index.eligibility_cache import EligibilityCache, best_outcome, code_of, outcomes_of
from matching.index.indexed_supplier import legal_facts
from matching.index.legal_columns import NEVER, LegalColumns
from tests.factories import ON, supplier
from tests.matching import facts

RULES = load()
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
        cache.codes(places[:split], on, RULES)
    places = np.append(places, np.array(columns.add(map(legal_facts, pool[split:])), dtype=np.int32))
    for on in days:
        asked = some(pool, data)
        found = outcomes_of(cache.codes(places[np.array(asked, dtype=np.intp)], on, RULES))
        expected = [
            [eligibility(legal_facts(pool[ordinal]), kind, on, RULES).outcome for kind in RESERVED_TYPES]
            for ordinal in asked
        ]
        assert [[OUTCOMES[outcome] for outcome in row] for row in found.tolist()] == expected


@given(
    st.lists(facts.legal_facts, min_size=1, max_size=8),
    st.lists(facts.days, min_size=1, max_size=3),
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
def test_a_code_is_read_as_the_outcomes_it_was_made_of(outcomes: list[int], reserved: set[Reserved]) -> None:
    code = code_of(outcomes)
    assert outcomes_of(np.array([code], dtype=np.uint16)).tolist() == [outcomes]
    best = [outcomes[RESERVED_TYPES.index(kind)] for kind in reserved]
    assert best_outcome(frozenset(reserved))[code] == min(best, default=0)
