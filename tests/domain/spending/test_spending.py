"""Figures of spending against a slow recount of the same payments, and what a payee is at the time of a payment."""

import random
from collections import Counter
from datetime import date, timedelta

import pytest
from msgspec.structs import replace

from domain.law import rules
from domain.spending.payment import Payee, Payment, Standings
from domain.spending.spending import Rejected, Spending, count_spending
from domain.suppliers.supplier import Approval, Kind, LegalForm

TODAY = date(2026, 11, 24)
HANDICAP, IAE = {"EA", "EATT", "ESAT"}, {"EI", "ACI", "AI", "ETTI"}
FORMS: tuple[LegalForm | None, ...] = ("association", "commercial_company", None)
KINDS: tuple[Kind, ...] = ("EA", "ESAT", "EI", "ACI", "GEIQ", "ESUS")


def payment(line: int, siret: str, cents: int, day: date | None) -> Payment:
    return Payment(line, None, siret, siret, bool(siret), day, day, None, cents)


def cents(euros: float) -> int:
    return round(euros * 100)


def spending(payments: list[Payment], payees: list[Payee]) -> Spending:
    by_segment = Counter[str]()
    for each in payments:
        by_segment["pr-locaux" if each.cents % 2 else "unknown"] += each.cents
    return count_spending(payments, by_segment, payees, Rejected(), rules.load(), TODAY, "fr")


def drawn_payees(draw: random.Random) -> list[Payee]:
    """Suppliers with approvals of some days of 2025, each of a legal unit of its own."""
    payees = []
    for number in range(12):
        approvals = []
        for kind in draw.sample(KINDS, draw.randrange(3)):
            first = date(2025, 1, 1) + timedelta(draw.randrange(365))
            approvals.append(Approval(kind, first, first + timedelta(draw.randrange(365))))
        form, ess = draw.choice(FORMS), draw.choice((True, False, None))
        payees.append(Payee(f"{number:09}00010", tuple(approvals), form, ess))
    return payees


def drawn_payments(draw: random.Random, payees: list[Payee]) -> list[Payment]:
    """Payments to these payees, to another one and to nobody, some without a day."""
    sirets = [*(each.siret or "" for each in payees), "99999999900010", ""]
    days = [date(2025, 1, 1) + timedelta(draw.randrange(700)) for _ in range(20)]
    return [
        payment(line, draw.choice(sirets), draw.randrange(-500, 10**9), draw.choice([None, *days]))
        for line in range(150)
    ]


def kinds_held(paid: Payment, payee: Payee | None) -> set[str]:
    """The kinds of the approvals, all of which have dates, that cover the day of a payment."""
    if payee is None or paid.first is None:
        return set()
    spans = ((each.kind, each.valid_from or date.min, each.valid_until or date.max) for each in payee.approvals or ())
    return {kind for kind, first, last in spans if first <= paid.first <= last}


def is_ess(paid: Payment, payee: Payee | None) -> bool:
    known = payee is not None and (payee.legal_form == "association" or bool(payee.ess))
    return known or "ESUS" in kinds_held(paid, payee)


@pytest.mark.parametrize("seed", range(40))
def test_figures_are_those_of_a_slow_recount(seed: int) -> None:
    """To the cent, by year and by kind; every supplier counted once."""
    draw = random.Random(seed)
    payees = drawn_payees(draw)
    payments = drawn_payments(draw, payees)
    found = spending(payments, payees)
    of = {each.siret: each for each in payees}
    judged = [(each, kinds_held(each, of.get(each.number)), is_ess(each, of.get(each.number))) for each in payments]
    assert cents(found.total_eur) == sum(each.cents for each in payments)
    assert cents(found.handicap_eur) == sum(each.cents for each, kinds, _ in judged if kinds & HANDICAP)
    assert cents(found.iae_eur) == sum(each.cents for each, kinds, _ in judged if kinds & IAE)
    assert cents(found.ess_eur) == sum(each.cents for each, _, ess in judged if ess)
    for kind in KINDS:
        assert cents(found.by_kind.get(kind, 0)) == sum(each.cents for each, kinds, _ in judged if kind in kinds)
    assert found.suppliers.handicap == len({each.number for each, kinds, _ in judged if kinds & HANDICAP})
    assert found.suppliers.ess == len({each.number for each, _, ess in judged if ess})


@pytest.mark.parametrize("seed", range(40))
def test_parts_add_up_to_the_whole(seed: int) -> None:
    draw = random.Random(seed)
    payees = drawn_payees(draw)
    found = spending(drawn_payments(draw, payees), payees)
    for parts in (found.by_year.values(), found.by_segment.values(), [each.total_eur for each in found.years]):
        assert cents(sum(parts)) == cents(found.total_eur)
    assert cents(found.ess_eur + found.not_ess_eur + found.ess_unknown_eur) == cents(found.total_eur)
    assert cents(sum(each.unknown_eur for each in found.years)) == cents(found.unknown_eur)
    assert sum(each.lines_unknown for each in found.years) == found.lines_unknown


def test_of_several_establishments_only_what_all_have_is_said() -> None:
    """A payment to another establishment of a unit with an ESAT and an EA is one to the handicap sector, of no kind."""
    esat, ea = Payee("12345678200011", (Approval("ESAT"),)), Payee("12345678200029", (Approval("EA"),))
    found = spending([payment(1, "12345678200037", 100, TODAY)], [esat, ea])
    assert (found.handicap_eur, found.by_siren_eur, found.by_kind) == (1.0, 1.0, {"none": 1.0})
    lapsed = Payee("12345678200037", (Approval("ACI", None, date(2020, 12, 31)),))
    found = spending([payment(1, lapsed.siret or "", 100, TODAY)], [replace(esat, ess=True), lapsed])
    assert (found.handicap_eur, found.ess_eur, found.by_siren_eur) == (0.0, 1.0, 1.0), (
        "approvals are of an establishment"
    )


def test_an_approval_counts_where_it_covers_the_whole_time() -> None:
    """Of a payment of which only the year is known, where it covers the year; without a day, where it has no dates."""
    half = Payee("12345678200011", (Approval("EI", date(2025, 1, 1), date(2025, 6, 30)),))
    always = Payee("12345678200011", (Approval("EI"),))
    year = Payment(1, None, "", "12345678200011", True, date(2025, 1, 1), date(2025, 12, 31), None, 100)
    for payee, made, iae in (
        (half, year, False),
        (always, year, True),
        (always, payment(1, year.number, 1, None), True),
    ):
        standing = Standings([payee], rules.load(), TODAY).standing(made)
        assert ("iae" in standing.figures, standing.lapsed, standing.undated) == (iae, not iae, iae)
