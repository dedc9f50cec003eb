"""The law is that of the planned day of publication, suppliers are those of the day of evaluation."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.law.rules import load
from domain.needs.need import Buyer, BuyerKind, ContractKind, Lot, Need
from domain.shortlists.shortlist import Advice, LotShortlist, Shortlist
from domain.suppliers.supplier import Approval
from matching.engine import match
from tests.conftest import examples
from tests.factories import ON, approved, codes, live, lot, names, need, offer, reference, supplier
from tests.matching.oracle_run import Bench
from tests.matching.strategies import DATES, suppliers
from tests.matching.strategies import need as any_need

CHANGES = "LAW_CHANGES"
# what depends on the suppliers of the day of evaluation, or on how many there are
ON_SUPPLIERS = {
    "RISK_INFRUCTUEUX",
    "RESERVATION_POSSIBLE",
    "RESERVATION_NOT_OPEN",
    "APPROVALS_EXPIRING",
    "TRADE_UNKNOWN",
}
DAYS = st.one_of(
    st.sampled_from([day + timedelta(days=n) for day in load().starts for n in (-1, 0)]),
    st.dates(date(2016, 4, 1), date(2031, 1, 1)),
)
BUYER_KINDS: tuple[BuyerKind, ...] = ("state", "local", "utility")


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


def answered(asked: Need, on: date, *pool: Any) -> Shortlist:
    return match(asked, live(*pool), reference(), on, "fr")


def planned(asked: Need, day: date | None) -> Need:
    return msgspec.structs.replace(asked, planned_publication_on=day)


def with_law_facts(asked: Need, draw: Random) -> Need:
    """The need of a buyer, with values around the thresholds and durations."""
    lots = tuple(
        msgspec.structs.replace(
            each,
            value_eur=draw.choice((None, 30_000.0, 80_000.0, 217_000.0, 900_000.0, 5_400_000.0)),
            nature=draw.choice((None, "works", "supplies", "services")),
            duration_months=draw.choice((None, 12, 48, 60)),
            innovative=draw.random() < 0.3,
        )
        for each in asked.lots
    )
    contract: ContractKind = draw.choice(("market", "market", "concession"))
    buyer = Buyer(kind=draw.choice(BUYER_KINDS), contracting_authority=draw.choice((True, False, None)))
    return msgspec.structs.replace(asked, lots=lots, buyer=draw.choice((None, buyer, buyer)), contract=contract)


def of_law(advice: tuple[Advice, ...]) -> list[Advice]:
    return [each for each in advice if each.code not in {CHANGES, *ON_SUPPLIERS}]


def on_law(found: Shortlist) -> list[Any]:
    lots = [(each.reservation, each.alternatives.forbidden, of_law(each.advice)) for each in found.lots]
    return [of_law(found.advice), lots]


def on_suppliers(found: Shortlist) -> Iterator[Any]:
    for each in found.lots:
        emptied = {"reservation": None, "alternatives": None, "advice": None}
        yield msgspec.to_builtins(each) | emptied, each.alternatives.reserved, each.alternatives.radius_km


@settings(max_examples=examples(60), derandomize=True)
@given(draw=st.randoms(use_true_random=True), on=st.sampled_from(DATES), day=DAYS)
def test_law_of_one_day_and_suppliers_of_the_other(bench: Bench, draw: Random, on: date, day: date) -> None:
    pool = suppliers(bench.scenery, draw, 30)
    asked = planned(with_law_facts(any_need(bench.scenery, draw, draw.choice((1, 2, 4))), draw), None)
    found = answered(planned(asked, day), on, *pool)
    as_of_planned, as_of_evaluation = answered(asked, day, *pool), answered(asked, on, *pool)
    assert on_law(found) == on_law(as_of_planned)
    assert list(on_suppliers(found)) == list(on_suppliers(as_of_evaluation))
    assert (found.stamp.on, found.stamp.law_on, found.stamp.law_day) == (on, day, day)
    differs = sentences(found, on, day) != sentences(as_of_evaluation, on, day)
    assert any(each.code == CHANGES for each in found.advice) is differs


def sentences(found: Shortlist, *days: date) -> list[set[str]]:
    """All that is said of the law on the need and on each lot, without the days that it names."""
    said = [[each.message for each in of_law(found.advice)]]
    for each in found.lots:
        findings = (*each.reservation.findings, *each.alternatives.forbidden.values())
        said.append([*(one.message for one in findings), *(one.message for one in of_law(each.advice))])
    names_of_days = re.compile("|".join(f"{day:%d/%m/%Y}" for day in days))
    return [{names_of_days.sub("", message) for message in some} for some in said]


def test_approvals_are_those_of_the_day_of_evaluation() -> None:
    """One approval ends before the planned day, one begins after today: the first may answer, the second not yet."""
    now = (Approval("ESAT", date(2020, 1, 1), ON + timedelta(days=20)),)
    later = (Approval("ESAT", ON + timedelta(days=20), None),)
    pool = supplier("now", approvals=now), supplier("later", approvals=later)
    asked = need(lot(reserved=("handicap",)), planned_publication_on=ON + timedelta(days=60))
    (found,) = answered(asked, ON, *pool).lots
    outcomes = {row.supplier.name: row.eligibility[0].outcome for row in found.candidates}
    assert outcomes == {"now": "ELIGIBLE", "later": "ELIGIBLE_IF"}


def test_the_planned_day_does_not_change_the_draw() -> None:
    pool = [supplier(f"atelier {n}") for n in range(30)]
    days = (None, ON, date(2027, 1, 1), date(2020, 1, 1))
    orders = [names(answered(need(planned_publication_on=day), ON, *pool).lots[0].candidates) for day in days]
    assert all(order == orders[0] for order in orders)


def test_one_need_asked_with_other_planned_days_is_answered_for_each() -> None:
    """Reviews, words and rows of lots are kept, by the day of the law among others."""
    asked = Need(
        (Lot("1", segments=("bt-peinture",), nature="works", value_eur=120_000, reserved=("penitentiary",)),),
        territory=codes("departement:35"),
        buyer=Buyer(kind="local"),
    )
    index = live(supplier("peintre", offer("bt-peinture"), approvals=approved("ESAT")))
    for _ in range(2):
        for day, procedure, changes in (
            (None, "MAPA", False),
            (date(2027, 1, 1), "GRE_A_GRE", True),
            (date(2026, 12, 31), "MAPA", False),
            (date(2022, 10, 20), "MAPA", True),
        ):
            found = match(planned(asked, day), index, reference(), ON, "fr")
            said = [each.code for each in found.advice]
            assert (procedure in said, CHANGES in said) == (True, changes)
            (of_lot,) = found.lots
            assert ("TYPE_NOT_IN_FORCE" in _codes(of_lot)) is (day == date(2022, 10, 20))


def _codes(found: LotShortlist) -> set[str]:
    return {each.code for each in found.reservation.findings}
