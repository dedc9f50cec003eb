"""A need in, a shortlist out: totals, coverage, what another reservation or radius would change, and the stamp."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.computations import GivenUp, cancellable, raise_if_given_up
from domain.law.rules import load, months_later
from domain.needs.need import Buyer, BuyerKind, ContractKind, Lot, Need, TerritoryRequest
from domain.shortlists.shortlist import Advice, LotShortlist, Shortlist
from domain.suppliers.supplier import Shares
from matching import engine
from matching.engine import match
from matching.reference import Reference
from tests.conftest import examples
from tests.factories import ON, RENNES, approved, codes, live, lot, matched, need, offer, reference, supplier
from tests.matching.oracle.run import Bench
from tests.matching.oracle.strategies import DATES, suppliers
from tests.matching.oracle.strategies import need as any_need

SOCIAL = [
    supplier("ACI", approvals=approved("ACI")),
    supplier("EI", approvals=approved("EI"), ess=True),
    supplier("ESAT", approvals=approved("ESAT"), legal_form="association"),
    supplier("EA below half", approvals=approved("EA"), shares=Shares(disabled=0.3)),
    supplier("GEIQ", approvals=approved("GEIQ")),
    supplier("unknown", approvals=None),
    supplier("none", approvals=(), ess=False),
    supplier("prison", approvals=approved("SEP"), in_prison=True),
]


def test_the_stamp_says_what_the_answer_rests_on(reference: Reference) -> None:
    found = match(need(reference="CD35"), live(), reference, date(2026, 1, 2), "fr")
    assert found.reference == "CD35"
    assert found.stamp.on == date(2026, 1, 2)
    assert found.stamp.data_version == 1
    assert (found.stamp.taxonomy, found.stamp.territories, found.stamp.rules) == (
        reference.taxonomy.version,
        reference.territories.version,
        reference.rules.version,
    )


def test_lots_reserved_to_approvals_that_will_end_say_so() -> None:
    """Only for candidates whose eligibility rests on one, and within the contract's life."""
    contract_ends = months_later(ON, 12)
    ends = supplier("ends", approvals=approved("EI", until=contract_ends - timedelta(days=1)))
    lasts = supplier("lasts", approvals=approved("EI", until=contract_ends))
    expected = "Conseil : l'agrément de 1 fournisseur repéré finit avant la fin du marché"
    for months, pool, told in (
        (12, (ends, lasts), expected),
        (12, (lasts,), None),
        (11, (ends, lasts), None),
        (13, (lasts,), expected),
    ):
        asked = need(lot(reserved=("iae",), duration_months=months))
        advice = {each.code: each.message for each in matched(asked, *pool).advice}
        assert advice.get("APPROVALS_EXPIRING", "")[: len(expected)] == (told or "")
    assert "APPROVALS_EXPIRING" not in {each.code for each in matched(need(lot(duration_months=12)), ends).advice}


def test_messages_are_french_by_default_and_codes_are_not_translated(reference: Reference) -> None:
    asked = need(lot(reserved=("iae",), max_distance_km=60, cpv=("33000000",)), lot(id="2", reserved=("ess", "iae")))
    pool = live(*SOCIAL)
    french, english = (match(asked, pool, reference, ON, language) for language in ("fr", "en"))
    assert french != english
    assert without_words(msgspec.to_builtins(french)) == without_words(msgspec.to_builtins(english))


def without_words(document: Any) -> Any:
    """A document without what is said in words."""
    if isinstance(document, list | tuple):
        return [without_words(part) for part in document]
    if not isinstance(document, dict):
        return document
    words = {"message", "missing", "label"}
    return {name: without_words(part) for name, part in document.items() if name not in words}


PLACES = tuple(TerritoryRequest(codes=(f"commune:35{number:03}",)) for number in (238, 236, 360))
TWO_LOTS = need(lot(id="1", territory=PLACES[0]), lot(id="2", territory=PLACES[1]))


def test_work_stops_where_it_looks_once_it_is_given_up() -> None:
    looked = []

    def work() -> None:
        raise_if_given_up()
        looked.append("wanted")
        give_up()
        raise_if_given_up()

    carried_out, give_up = cancellable(work)
    with pytest.raises(GivenUp):
        carried_out()
    assert looked == ["wanted"]
    raise_if_given_up()  # here nothing was


@pytest.fixture
def given_up_after_a_lot(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lots that were looked at, of which the second is not wanted any more."""
    looked_at: list[str] = []

    def wanted() -> None:
        if looked_at:
            raise GivenUp
        looked_at.append("one")

    monkeypatch.setattr(engine, "raise_if_given_up", wanted)
    return looked_at


def test_a_match_is_given_up_between_lots(reference: Reference, given_up_after_a_lot: list[str]) -> None:
    ours = live(*(supplier(f"atelier {number}", at=RENNES) for number in range(3)))
    with pytest.raises(GivenUp):
        match(TWO_LOTS, ours, reference, ON, "fr")
    assert given_up_after_a_lot == ["one"]


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
    index = live(*suppliers(bench.scenery, draw, 30))
    index.base.keeps = False
    asked = planned(with_law_facts(any_need(bench.scenery, draw, draw.choice((1, 2, 4))), draw), None)
    found, as_of_planned, as_of_evaluation = (
        match(each, index, reference(), on_day, "fr")
        for each, on_day in ((planned(asked, day), on), (asked, day), (asked, on))
    )
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
