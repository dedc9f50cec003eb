"""A trade is more than staff lent, and rests on its strongest evidence."""

import pytest

from domain.reference import cpv, taxonomy
from domain.suppliers.supplier import EVIDENCE_KINDS, Evidence, Offer
from domain.suppliers.trades import (
    STAFF_LENT,
    TRADE_EVIDENCE,
    EvidenceTrades,
    KindTrades,
    count_trades,
    has_trade,
    is_trade,
    trade_evidence,
)
from tests.factories import based_on, offer

STAFF = offer(STAFF_LENT)


@pytest.mark.parametrize(
    ("offers", "expected"),
    [
        ((), False),
        ((STAFF,), False),
        ((offer(cpv=["79620000-6"]),), False),
        ((Offer(label="Divers"),), False),
        ((offer(cpv=["79622000"]),), True),
        ((offer(STAFF_LENT, "pr-locaux"),), True),
        ((STAFF, offer("pr")), True),
    ],
)
def test_staff_lent_is_no_trade(offers: tuple[Offer, ...], expected: bool) -> None:
    """Nor is an offer that says neither segment nor code."""
    assert has_trade(offers) is expected


def test_codes_of_staff_are_those_of_the_taxonomy() -> None:
    read = taxonomy.load()
    for code in cpv.load():
        if segments := read.of_cpv(code):
            assert is_trade(offer(cpv=[code])) == (segments != (STAFF_LENT,)), code


def test_evidence_is_ranked_between_what_is_declared_and_what_nobody_says() -> None:
    assert ("declared", *EVIDENCE_KINDS, "unknown") == TRADE_EVIDENCE


@pytest.mark.parametrize(
    ("offers", "expected"),
    [
        ((STAFF,), None),
        ((offer(basis="awarded"),), "award"),
        ((offer(basis="inferred"),), "unknown"),
        (
            (offer(basis="inferred"), based_on(offer(basis="inferred"), Evidence("words"), Evidence("register"))),
            "register",
        ),
        (
            (based_on(offer(basis="awarded"), Evidence("award")), based_on(offer(basis="inferred"), Evidence("job"))),
            "job",
        ),
        ((STAFF, based_on(offer(basis="inferred"), Evidence("kind"))), "kind"),
        ((based_on(offer(basis="inferred"), Evidence("sector")), offer()), "declared"),
    ],
)
def test_a_trade_rests_on_its_strongest_evidence(offers: tuple[Offer, ...], expected: str | None) -> None:
    """That of staff lent does not count."""
    assert trade_evidence(offers) == expected


def test_a_supplier_of_two_kinds_counts_in_each_and_once_in_all() -> None:
    found = count_trades([(("EI", "ACI"), "award", 2), (("ACI",), None, 1), ((), "declared", 3), (("EI",), "award", 0)])
    assert (found.suppliers, found.with_trade, found.share) == (6, 5, 0.8333)
    assert found.by_kind == (KindTrades("EI", 2, 2), KindTrades("ACI", 3, 2), KindTrades("none", 3, 3))
    assert found.by_evidence == (EvidenceTrades("declared", 3), EvidenceTrades("award", 2))


def test_of_nobody_no_share_is_known() -> None:
    assert count_trades(()).share is None
