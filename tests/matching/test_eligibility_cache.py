"""Verdicts cached by legal facts are those of each supplier, in whatever order one asks."""

from datetime import date, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from domain.law.eligibility import eligibility
from domain.law.findings import OUTCOMES
from domain.law.rules import load
from domain.law.supply_advice import approval_end
from domain.needs.need import RESERVED_TYPES, Reserved
from domain.suppliers.supplier import Approval, Supplier
from matching.eligibility_cache import NEVER, EligibilityCache, FactPositions, legal_facts
from tests.factories import ON, supplier

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


def facts_of(cache: EligibilityCache, ordinals: list[int]) -> FactPositions:
    return cache.facts[np.array(ordinals, dtype=np.intp)]


@given(pools, st.lists(DAYS, min_size=1, max_size=3), st.data())
def test_outcomes_are_those_of_each_supplier_and_each_day(
    pool: list[Supplier], days: list[date], data: st.DataObject
) -> None:
    cache = EligibilityCache(pool)
    for on in days:
        asked = some(pool, data)
        found = cache.outcomes(facts_of(cache, asked), on, RULES)
        expected = [
            [eligibility(legal_facts(pool[ordinal]), kind, on, RULES).outcome for kind in RESERVED_TYPES]
            for ordinal in asked
        ]
        assert [[OUTCOMES[outcome] for outcome in row] for row in found.tolist()] == expected


@given(pools, st.lists(st.tuples(DAYS, DAYS), min_size=1, max_size=3), st.data())
def test_approvals_that_end_are_counted_with_the_first(
    pool: list[Supplier], days: list[tuple[date, date]], data: st.DataObject
) -> None:
    """For lots reserved to insertion: each supplier asked about counts, however many have the same facts."""
    cache, insertion = EligibilityCache(pool), frozenset[Reserved]({"iae"})
    for on, before in days:
        asked = some(pool, data)
        ends = [approval_end(legal_facts(pool[ordinal]), insertion, on, RULES) for ordinal in asked]
        soon = [end.toordinal() for end in ends if end is not None and end < before]
        found = cache.approval_ends(facts_of(cache, asked), insertion, on, before, RULES)
        assert found == (len(soon), min(soon, default=NEVER))
