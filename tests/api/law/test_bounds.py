"""The law one cent and one day around every amount and date, as POST /match tells it."""

from datetime import date, timedelta
from typing import Any

import pytest

from tests.api.law.asking import (
    LOCAL,
    TODAY,
    ask,
    by_code,
    findings,
    lot,
    lot_advice,
    need,
    need_advice,
    procedures,
    values,
    works,
)

CENT = 0.01
DAY = timedelta(days=1)

# first day, amount below which no publicity is needed; the amount before that day
DIRECT = [
    (date(2020, 1, 1), 40_000, 25_000),
    (date(2026, 4, 1), 60_000, 40_000),
]
DIRECT_WORKS = [
    (date(2020, 1, 1), 40_000, 25_000),
    (date(2020, 7, 24), 70_000, 40_000),
    (date(2020, 12, 9), 100_000, 70_000),
    (date(2023, 1, 1), 100_000, 100_000),
    (date(2025, 1, 1), 100_000, 100_000),
    (date(2026, 1, 1), 100_000, 100_000),
    (date(2027, 1, 1), 140_000, 100_000),
]
# first day, State, local, utilities, works
FORMAL = [
    (date(2018, 1, 1), 144_000, 221_000, 443_000, 5_548_000),
    (date(2020, 1, 1), 139_000, 214_000, 428_000, 5_350_000),
    (date(2022, 1, 1), 140_000, 215_000, 431_000, 5_382_000),
    (date(2024, 1, 1), 143_000, 221_000, 443_000, 5_538_000),
    (date(2026, 1, 1), 140_000, 216_000, 432_000, 5_404_000),
]
UNTIL = date(2027, 12, 31)


def bounded(asked: Any, amount: float, on: date, below: str, reached: str, **fields: Any) -> None:
    assert procedures(asked(amount - CENT, **fields), on) == [below]
    assert procedures(asked(amount, **fields), on) == [reached]


@pytest.mark.parametrize(("first", "amount", "before"), DIRECT)
def test_direct_award_of_services(first: date, amount: float, before: float) -> None:
    bounded(values, amount, first, "GRE_A_GRE", "MAPA")
    bounded(values, before, first - DAY, "GRE_A_GRE", "MAPA")


@pytest.mark.parametrize(("first", "amount", "before"), DIRECT_WORKS)
def test_direct_award_of_works(first: date, amount: float, before: float) -> None:
    bounded(works, amount, first, "GRE_A_GRE", "MAPA")
    bounded(works, before, first - DAY, "GRE_A_GRE", "MAPA")


@pytest.mark.parametrize("place", range(len(FORMAL)))
def test_formal_procedure(place: int) -> None:
    """On the first and last day of each period, for each kind of buyer, and for works whoever buys."""
    first, *amounts, of_works = FORMAL[place]
    last = FORMAL[place + 1][0] - DAY if place + 1 < len(FORMAL) else UNTIL
    for on in (first, last):
        for kind, amount in zip(("state", "local", "utility"), amounts, strict=True):
            bounded(values, amount, on, "MAPA", "PROC_FORMALISEE", buyer={"kind": kind})
        bounded(works, of_works, on, "MAPA", "PROC_FORMALISEE", buyer={"kind": "utility"})


def test_amounts_that_nobody_has_published_give_no_verdict() -> None:
    """Nor do those of a past that was not read."""
    assert procedures(values(300_000), UNTIL + DAY) == []
    assert "THRESHOLD_UNKNOWN" in need_advice(values(300_000), UNTIL + DAY)
    assert "SOCIAL_CONSIDERATION" not in need_advice(values(300_000), UNTIL + DAY)
    assert procedures(values(10_000), date(2015, 9, 30)) == []
    assert procedures(values(10_000), date(2015, 10, 1)) == ["GRE_A_GRE"]


def test_the_need_is_compared_and_not_its_lots() -> None:
    assert procedures(values(30_000, 30_000, 30_000)) == ["MAPA"]
    assert "SMALL_LOT_SETS" not in need_advice(values(30_000, 30_000, 30_000))
    assert procedures(values(59_999.90, 0.09)) == ["GRE_A_GRE"]
    assert procedures(values(59_999.90, 0.10)) == ["MAPA"]


def test_a_need_of_one_lot_has_no_small_lot() -> None:
    """Even where its stated total, with renewals or the life of a framework, is many times the lot's value."""
    for total in (240_000, 400_000):
        asked = values(40_000, estimated_total_eur=total)
        assert "SMALL_LOT_SETS" not in need_advice(asked)
        assert "SMALL_LOT_OK" not in lot_advice(asked)
    assert need_advice(values(40_000, 100_000, estimated_total_eur=400_000))["SMALL_LOT_SETS"]["lots"] == [["1"]]


def test_a_stated_total_is_the_whole_need() -> None:
    """With the renewals and the life of a framework; one that is below its lots is pointed out."""
    assert procedures(values(50_000, estimated_total_eur=60_000)) == ["MAPA"]
    assert procedures(values(None, None, estimated_total_eur=59_999.99)) == ["GRE_A_GRE"]
    assert procedures(values(None, technique="framework_agreement", estimated_total_eur=216_000)) == ["PROC_FORMALISEE"]
    assert (
        need_advice(values(100_000, 100_000, estimated_total_eur=150_000))["TOTAL_BELOW_LOTS"]["severity"] == "warning"
    )


@pytest.mark.parametrize("amounts", [(None,), (10_000, None), (None, 300_000)])
def test_an_unknown_value_gives_no_verdict(amounts: tuple[float | None, ...]) -> None:
    """Not even where the known lots alone would decide: the advice names the lots to complete."""
    told = need_advice(values(*amounts))
    lacking = next(str(place) for place, amount in enumerate(amounts, 1) if amount is None)
    assert procedures(values(*amounts)) == []
    assert f"(lot {lacking})" in told["VALUE_UNKNOWN"]["message"]
    assert not {"SMALL_LOT_SETS", "SOCIAL_CONSIDERATION", "LIGHT_REGIME"} & told.keys()


@pytest.mark.parametrize("buyer", [None, {}, {"name": "Un acheteur"}])
def test_an_undescribed_buyer_is_judged_only_where_all_agree(buyer: dict[str, str] | None) -> None:
    assert procedures(values(59_999.99, buyer=buyer)) == ["GRE_A_GRE"]
    assert procedures(values(139_999.99, buyer=buyer)) == ["MAPA"]
    assert procedures(values(140_000, buyer=buyer)) == procedures(values(431_999.99, buyer=buyer)) == []
    assert "indiquer lequel il est" in need_advice(values(140_000, buyer=buyer))["BUYER_KIND_UNKNOWN"]["message"]
    assert procedures(values(432_000, buyer=buyer)) == ["PROC_FORMALISEE"]


@pytest.mark.parametrize(
    ("amounts", "expected"),
    [
        ((400_000, 100_000), None),
        ((400_000, 80_000), None),
        ((400_000, 79_999.99), [["2"]]),
        ((200_000, 50_000), [["2"]]),
        ((199_999.99, 50_000), None),
        ((400_000, 60_000, 40_000), [["2", "3"]]),
        ((400_000, 60_000, 40_000.01), [["2"], ["3"]]),
        ((400_000, 60_000, 60_000, 60_000), [["2"], ["3"], ["4"]]),
        ((150_000, 60_000), None),
    ],
)
def test_small_lots_of_a_formal_procedure(amounts: tuple[float, ...], expected: list[list[str]] | None) -> None:
    """Below 80 000 € each and within a fifth together, to the cent; the largest sets that may use it."""
    told = [item for item in ask(values(*amounts))["advice"] if item["code"] == "SMALL_LOT_SETS"]
    found = next((item["lots"] for item in told if item["article"] == "R2123-1"), None)
    assert found == expected


def test_small_lots_of_works() -> None:
    assert need_advice(works(5_000_000, 999_999.99))["SMALL_LOT_SETS"]["lots"] == [["2"]]
    assert "SMALL_LOT_SETS" not in need_advice(works(5_000_000, 1_000_000))


@pytest.mark.parametrize(("on", "expected"), [(date(2026, 3, 31), False), (date(2026, 4, 1), True)])
def test_small_lots_below_the_direct_amount_of_the_day(on: date, expected: bool) -> None:
    """42 500 € of 212 500 €, which is adapted anyway."""
    assert ("SMALL_LOT_SETS" in need_advice(values(170_000, 42_500), on)) == expected


@pytest.mark.parametrize("amount", [5_000.0, 30_000.0, 59_000.0])
def test_the_sets_of_two_hundred_lots_are_cut_short(amount: float) -> None:
    """They are countless, and trying them all would not end: some are given, and it is said that there are more."""
    answer = ask(values(*[amount + place / 100 for place in range(200)]))
    told = [item for item in answer["advice"] if item["code"] == "SMALL_LOT_SETS"]
    assert len(told) == 1
    assert "liste limitée" in told[0]["message"]
    assert len(told[0]["lots"]) > 10
    assert 650 <= sum(map(len, told[0]["lots"])) <= 650 + max(map(len, told[0]["lots"]))
    assert all("SMALL_LOT_OK" in by_code(lot["advice"]) for lot in answer["lots"])


def test_lots_of_one_need_are_added_up() -> None:
    """Their sum decides on the procedure: nothing is split by dividing a need into lots."""
    for amounts, code in (((30_000, 30_000), "MAPA"), ((30_000, 29_999.99), "GRE_A_GRE")):
        assert procedures(values(*amounts)) == [code]


@pytest.mark.parametrize(
    ("on", "severity"),
    [(date(2026, 8, 20), "info"), (date(2026, 8, 21), "info"), (date(2026, 8, 22), "warning")],
)
def test_social_condition_by_date(on: date, severity: str) -> None:
    """The law enters on the 22nd; nothing of it is doubtful."""
    told = need_advice(values(216_000), on)["SOCIAL_CONSIDERATION"]
    assert told["severity"] == severity
    assert "à vérifier" not in told["message"]
    assert "SOCIAL_CONSIDERATION" not in need_advice(values(215_999.99), on)


@pytest.mark.parametrize(("on", "severity"), [(date(2026, 8, 20), "info"), (date(2026, 8, 22), "warning")])
def test_environment_by_date_whatever_the_amount(on: date, severity: str) -> None:
    for amount in (215_999.99, 216_000):
        told = need_advice(values(amount), on)["ENVIRONMENTAL_CONSIDERATION"]
        assert told["severity"] == severity
        assert "à vérifier" not in told["message"]


@pytest.mark.parametrize(
    ("purchases", "on", "expected"),
    [
        (50_000_000, TODAY, False),
        (50_000_000.01, TODAY, True),
        (50_000_000.01, date(2023, 1, 1), True),
        (100_000_000, date(2022, 12, 31), False),
        (100_000_000.01, date(2022, 12, 31), True),
        (None, TODAY, False),
    ],
)
def test_purchasing_plan_of_large_buyers(purchases: float | None, on: date, expected: bool) -> None:
    asked = values(1_000, buyer=LOCAL | {"annual_purchases_eur": purchases})
    assert ("SPASER" in need_advice(asked, on)) == expected


ESS = {"segments": ["so-insertion"], "reserved": ["ess"], "duration_months": 36}


@pytest.mark.parametrize(
    ("cpv", "code"),
    [
        ("85312510", None),
        ("85312510-1", None),
        ("92500000-6", None),
        ("92511000", "LISTED_DESCENDANT"),
        ("92511000-6", "LISTED_DESCENDANT"),
        ("80310000", "LISTED_DESCENDANT"),
        ("92610000", "LISTED_DESCENDANT"),
        ("92000000", "NOT_LISTED"),
        ("80500000", "NOT_LISTED"),
        ("90919200", "NOT_LISTED"),
    ],
)
def test_exact_narrower_and_other_codes(cpv: str, code: str | None) -> None:
    """Exact codes pass with or without their check digit; broader ones are not on the list."""
    found = findings(need(lot(**ESS, cpv=[cpv])))
    assert {name: found[name] for name in ("LISTED_DESCENDANT", "NOT_LISTED") if name in found} == (
        {code: "REVIEW" if code == "LISTED_DESCENDANT" else "INELIGIBLE"} if code else {}
    )


@pytest.mark.parametrize(
    ("duration", "renewal", "expected"),
    [
        (36, None, None),
        (36, 0, None),
        (24, 12, None),
        (37, None, "INELIGIBLE"),
        (36, 1, "INELIGIBLE"),
        (1, 36, "INELIGIBLE"),
    ],
)
def test_three_years_with_renewals(duration: int, renewal: int | None, expected: str | None) -> None:
    asked = need(lot(**ESS | {"duration_months": duration, "renewal_months": renewal}, cpv=["85312510"]))
    assert findings(asked).get("ESS_MAX_3Y") == expected


def test_what_is_missing_of_a_lot_is_asked_for_and_not_refused() -> None:
    """No CPV, no duration, no buyer: each is named, none refuses."""
    bare = need(lot(segments=["so-domicile"], reserved=["ess"]), buyer=None)
    assert findings(bare) == {
        "CPV_MISSING": "UNKNOWN",
        "DURATION_UNKNOWN": "UNKNOWN",
        "BUYER_STATUS_UNKNOWN": "UNKNOWN",
        "ESS_PUBLIC_SERVICE_MISSION": "REVIEW",
    }


def test_social_services_are_light_whatever_the_amount() -> None:
    asked = need(lot(cpv=["85312510"], value_eur=3_000_000))
    assert procedures(asked) == ["MAPA"]
    assert {"LIGHT_REGIME", "SOCIAL_CONSIDERATION"} <= need_advice(asked).keys()
    assert "SOCIAL_CONSIDERATION" not in need_advice(need(lot(cpv=["85312510"], value_eur=749_999.99)))


@pytest.mark.parametrize(("value", "code"), [(5_403_999.99, "CONCESSION_SIMPLIFIED"), (5_404_000, "PROC_FORMALISEE")])
def test_a_concession_has_one_threshold(value: float, code: str) -> None:
    told = need_advice(values(value, 0, contract="concession"))
    assert procedures(values(value, 0, contract="concession")) == [code]
    assert not {"SMALL_LOT_SETS", "GRE_A_GRE"} & told.keys()


@pytest.mark.parametrize(
    ("value", "on", "words"),
    [
        (99_999.99, TODAY, "dans les limites"),
        (100_000, date(2026, 6, 30), "dépasse les limites"),
        (100_000, date(2026, 7, 1), "seconde lecture"),
        (139_999.99, TODAY, "seconde lecture"),
        (140_000, TODAY, "dépasse les limites"),
        (99_999.99, date(2018, 12, 25), "dans les limites"),
        (99_999.99, date(2018, 12, 24), "pas de règle connue"),
    ],
)
def test_innovative_purchases(value: float, on: date, words: str) -> None:
    asked = need(lot(segments=["re-mobilier"], nature="supplies", value_eur=value, innovative=True))
    assert words in lot_advice(asked, on=on)["INNOVATION_REVIEW"]["message"]


@pytest.mark.parametrize(
    ("code", "first", "asked"),
    [
        ("SUSTAINABLE_SPECIFICATIONS", date(2026, 8, 22), values(640_000)),
        ("YEARLY_LIST", date(2024, 1, 1), values(30_000)),
    ],
)
def test_terms_from_their_first_day(code: str, first: date, asked: Any) -> None:
    assert code not in need_advice(asked, first - DAY)
    assert code in need_advice(asked, first)


def test_terms_for_small_firms() -> None:
    """The share that a concession may require, and a firm's advance and retention, on both sides of 2025-01-01."""
    concession = values(1_000_000, contract="concession")
    contract = need(lot(segments=["pr-locaux"], value_eur=50_000 + CENT, duration_months=3))
    for on, share, retention in ((date(2024, 12, 31), "10 %", False), (date(2025, 1, 1), "20 %", True)):
        assert share in need_advice(concession, on)["PME_SHARE"]["message"]
        assert ("retenue d'au plus 3 %" in need_advice(contract, on)["FINANCIAL_TERMS"]["message"]) == retention


def test_books_have_a_direct_award_of_their_own() -> None:
    for value, expected in ((60_000 - CENT, False), (60_000, True), (90_000 - CENT, True), (90_000, False)):
        asked = need(lot(cpv=["22113000"], nature="supplies", value_eur=value))
        assert ("BOOKS_DIRECT_AWARD" in need_advice(asked)) == expected
