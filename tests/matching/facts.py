"""Legal facts drawn at random: all kinds and forms, shares around the minimum, approvals around a day."""

from datetime import timedelta
from typing import get_args

from hypothesis import strategies as st

from domain.law.reservations.supplier_facts import LegalFacts
from domain.suppliers.supplier import Approval, Kind, LegalForm, Shares
from tests.factories import ON

KINDS: tuple[Kind, ...] = get_args(Kind)
FORMS: tuple[LegalForm, ...] = get_args(LegalForm)

days = st.integers(-400, 400).map(lambda number: ON + timedelta(days=number))
approvals = st.builds(Approval, st.sampled_from(KINDS), st.none() | days, st.none() | days)
shares = st.none() | st.sampled_from((0.0, 0.4999, 0.5, 0.501, 1.0))
yes_or_no = st.sampled_from((None, False, True))
legal_facts = st.builds(
    LegalFacts,
    st.none() | st.lists(approvals, max_size=4).map(tuple),
    st.builds(Shares, shares, shares, shares),
    yes_or_no,
    st.none() | st.sampled_from(FORMS),
    yes_or_no,
)
