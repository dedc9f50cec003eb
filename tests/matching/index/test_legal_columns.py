"""Legal facts in columns are those that were written, and decide what each set of facts decides."""

from datetime import date
from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from domain.law.reservations.eligibility import outcomes
from domain.law.reservations.supplier_facts import LegalFacts
from domain.law.rules import load
from domain.suppliers.supplier import Approval
from matching.index.legal_columns import FactRows, LegalColumns, decided_facts, joined_facts
from tests.matching.facts import days, legal_facts

RULES = load()


@given(st.lists(st.lists(legal_facts, max_size=5), max_size=5))
def test_facts_are_read_as_they_were_written(written: list[list[LegalFacts]]) -> None:
    """Also those that were written later, for which there was no room."""
    columns = LegalColumns()
    expected: list[LegalFacts] = []
    for some in written:
        assert list(columns.add(some)) == list(range(len(expected), len(expected) + len(some)))
        expected += some
        assert list(columns) == expected


@given(st.lists(legal_facts, max_size=6), st.randoms(use_true_random=False))
def test_facts_can_be_laid_out_in_another_order(facts: list[LegalFacts], draw: Random) -> None:
    order = draw.sample(range(len(facts)), len(facts))
    rows = FactRows()
    for each in facts:
        rows.add(each)
    assert list(LegalColumns(joined_facts([rows.arrays()], np.array(order, dtype=np.intp)))) == [
        facts[number] for number in order
    ]


def test_references_of_approvals_are_left_out() -> None:
    columns = LegalColumns()
    columns.add([LegalFacts((Approval("EA", reference="A 12"),))])
    assert columns[0].approvals == (Approval("EA"),)


@given(st.lists(legal_facts, min_size=1, max_size=8), days)
def test_what_is_decided_has_the_outcomes_of_the_facts(facts: list[LegalFacts], on: date) -> None:
    columns = LegalColumns()
    places = np.array(columns.add(facts), dtype=np.int32)
    decided = columns.decided(places, np.full(len(facts), on.toordinal(), dtype=np.int32), RULES.at(on))
    found = [outcomes(decided_facts(each), on, RULES) for each in decided.tolist()]
    assert found == [outcomes(each, on, RULES) for each in facts]
