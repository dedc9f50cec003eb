"""The estimated value counts renewals and options, to the cent, and is the one value that every rule compares.

The light regime of social and other specific services: which services, in which contract, beside which others.
"""

import re
from datetime import date
from decimal import ROUND_CEILING, Decimal
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.law.procedures.lot_facts import lot_value_as_sum
from domain.law.rules import load
from domain.needs.estimate import estimate_of
from domain.needs.need import Lot, Need
from tests.domain.law.samples import TODAY, advice, buyer, codes, findings, need, procedure, review, services, the

CLEANING: dict[str, Any] = {"segments": ("pr-locaux",), "cpv": ("90919200",), "nature": "services"}
PAINTING: dict[str, Any] = {"segments": ("bt-peinture",), "cpv": ("45442100",), "nature": "works"}
CARE: dict[str, Any] = {"cpv": ("85312000",)}
BOOKS: dict[str, Any] = {"cpv": ("22113000",), "nature": "supplies"}
FURNITURE: dict[str, Any] = {"segments": ("re-mobilier",), "nature": "supplies", "innovative": True}
ONE_YEAR = Lot(id="1", value_eur=50_000, duration_months=12)


def with_fields(lot: Lot, **fields: Any) -> Lot:
    return msgspec.structs.replace(lot, **fields)


@pytest.mark.parametrize(
    ("fields", "cents", "words"),
    [
        ({}, 5_000_000, None),
        ({"renewal_months": 0}, 5_000_000, None),
        ({"renewal_months": 36}, 20_000_000, "50 000 € + 3 reconductions de 50 000 € = 200 000 €"),
        ({"renewal_months": 12}, 10_000_000, "50 000 € + 1 reconduction de 50 000 € = 100 000 €"),
        (
            {"renewal_months": 5},
            7_083_334,  # 20 833,333… of renewal
            "50 000 € (12 mois) + 20 833,34 € (5 mois de reconduction) = 70 833,34 €",
        ),
        ({"options_eur": 9_999.99}, 5_999_999, "50 000 € + 9 999,99 € d'options = 59 999,99 €"),
        (
            {"renewal_months": 24, "options_eur": 0.5},
            15_000_050,
            "50 000 € + 2 reconductions de 50 000 € + 0,50 € d'options = 150 000,50 €",
        ),
        ({"renewal_months": 36, "options_eur": 9_000, "value_covers": "all"}, 5_000_000, None),
        ({"renewal_months": 36, "duration_months": None}, None, None),
        ({"renewal_months": 36, "duration_months": None, "value_covers": "all"}, 5_000_000, None),
        ({"renewal_months": 36, "value_eur": None}, None, None),
        ({"renewal_months": 36, "value_eur": 0}, 0, None),
    ],
)
def test_the_sum_is_shown_as_it_is_counted(fields: dict[str, Any], cents: int | None, words: str | None) -> None:
    lot = with_fields(ONE_YEAR, **fields)
    found, said = estimate_of(lot), lot_value_as_sum(lot, load())
    assert (found and found.total) == cents
    assert (said and said.fr) == words


@given(
    st.integers(0, 10**14),
    st.integers(1, 1_200),
    st.integers(0, 1_200),
    st.integers(0, 10**14),
    st.sampled_from(("firm", "all")),
)
def test_the_estimate_is_exact_and_rounded_up(firm: int, months: int, renewal: int, options: int, covers: str) -> None:
    """As with paper and pencil, in decimals; the parts that are shown add up to it."""
    fields: dict[str, Any] = {"value_eur": firm / 100, "options_eur": options / 100, "value_covers": covers}
    found = estimate_of(Lot(id="1", duration_months=months, renewal_months=renewal, **fields))
    exact = Fraction(firm) if covers == "all" else Fraction(firm * (months + renewal), months) + options
    assert found is not None
    assert found.total == -(-exact.numerator // exact.denominator)
    assert found.total == found.stated + (found.renewals or 0) + found.options


@given(st.decimals(0, 10**6, places=6), st.integers(1, 60), st.integers(0, 60))
def test_parts_of_a_cent_never_bring_a_value_below_a_threshold(amount: Decimal, months: int, renewal: int) -> None:
    """Nor does it rise by what floating point numbers cannot write."""
    found = estimate_of(Lot(id="1", value_eur=float(amount), duration_months=months, renewal_months=renewal))
    exact = Fraction(amount) * (months + renewal) / months
    assert found is not None
    assert found.total is not None
    assert exact * 100 - Fraction(1, 10_000) <= found.total < exact * 100 + 2
    if not renewal:
        assert found.total == int((amount * 100).quantize(Decimal(1), ROUND_CEILING))


THRESHOLDS: dict[str, tuple[int, dict[str, Any], tuple[Lot, ...], dict[str, Any]]] = {
    "direct award": (60_000, CLEANING, (), {}),
    "direct award of works": (100_000, PAINTING, (), {}),
    "state": (140_000, CLEANING, (), {"buyer": buyer("state")}),
    "local": (216_000, CLEANING, (), {}),
    "utility": (432_000, CLEANING, (), {"buyer": buyer("utility")}),
    "works": (5_404_000, PAINTING, (), {}),
    "concession": (5_404_000, CLEANING, (), {"contract": "concession"}),
    "framework": (216_000, CLEANING, (), {"technique": "framework_agreement"}),
    "dynamic system": (216_000, CLEANING, (), {"technique": "dynamic_purchasing_system"}),
    "social services": (750_000, CARE, (), {}),
    "social services of utilities": (1_000_000, CARE, (), {"buyer": buyer("utility")}),
    "innovation": (100_000, FURNITURE, (), {}),
    "innovation, second reading": (140_000, FURNITURE, (), {}),
    "innovative lot": (80_000, FURNITURE, (Lot(id="2", **FURNITURE | {"innovative": False}, value_eur=900_000),), {}),
    "books": (90_000, BOOKS, (), {}),
    "national publicity": (90_000, CLEANING, (), {}),
    "written contract": (25_000, CLEANING, (), {}),
    "essential data": (30_000, CLEANING, (Lot(id="2", **CLEANING, value_eur=10_000),), {}),
    "small lot": (80_000, CLEANING, (Lot(id="2", **CLEANING, value_eur=400_000),), {}),
    "small lot of works": (1_000_000, PAINTING, (Lot(id="2", **PAINTING, value_eur=6_000_000),), {}),
    "share of small lots": (75_000, CLEANING, (Lot(id="2", **CLEANING, value_eur=300_000),), {}),
    "direct award of a lot": (60_000, CLEANING, (Lot(id="2", **CLEANING, value_eur=400_000),), {}),
    "sum of lots": (16_000, CLEANING, (Lot(id="2", **CLEANING, value_eur=200_000),), {}),
    "beside works": (60_000, CLEANING, (Lot(id="2", **PAINTING, value_eur=90_000),), {}),
}
"""An amount, the lot whose value is about it, the other lots, and the rest of the need."""
PARTS = [(12, 36, 0), (36, 12, 0), (7, 5, 1_000_01), (1, 1_199, 0), (24, 0, 12_345_67), (24, None, 1)]
"""Months, months of renewal, and cents of options at the least."""


def told(asked: Need) -> list[tuple[object, ...]]:
    """All that is said of value; the sum itself, and the terms that follow from the firm amount, left out."""
    found = review(asked)
    items = [*found.advice, *(item for lot in found.lots.values() for item in lot.advice)]
    besides = {"ESTIMATED_VALUE", "FINANCIAL_TERMS"}
    return [
        (each.code, each.severity, each.confidence, each.lots, each.message)
        for each in items
        if each.code not in besides
    ]


def split(total: int, months: int, renewal: int | None, least: int) -> dict[str, Any]:
    """A lot's fields that make `total` cents: an amount, renewals that cost whole cents, and options for the rest."""
    times = Fraction(months + (renewal or 0), months)
    firm = int(max(0, total - least) / times) // times.denominator * times.denominator
    options = total - int(firm * times)
    terms = {"duration_months": months, "renewal_months": renewal}
    return terms | {"value_eur": firm / 100, "options_eur": options / 100}


@pytest.mark.parametrize("parts", PARTS)
@pytest.mark.parametrize("name", THRESHOLDS)
def test_a_value_in_parts_is_told_what_the_whole_is(name: str, parts: tuple[int, int | None, int]) -> None:
    """One cent below, at and above each threshold; and something is decided there."""
    amount, bought, others, more = THRESHOLDS[name]
    decided = set()
    for cents in range(amount * 100 - 1, amount * 100 + 2):
        fields = split(cents, *parts)
        whole = fields | {"value_eur": cents / 100, "value_covers": "all"}
        said = told(need(Lot(id="1", **bought, **whole), *others, **more))
        assert told(need(Lot(id="1", **bought, **fields), *others, **more)) == said
        decided.add(re.sub(r"€?[\d ,.]+€?", "#", repr(said)))
    assert len(decided) > 1


def test_renewals_count_in_the_value() -> None:
    """50 000 € for 12 months with 36 of renewal are 200 000 €; without a duration the value is not known."""
    lot = with_fields(ONE_YEAR, **CLEANING, renewal_months=36)
    assert procedure(need(lot)) == ["MAPA"]
    found = the("ESTIMATED_VALUE", review(need(lot)).advice)
    assert (found.severity, found.article, found.confidence, found.lots) == ("info", "R2121-1", "high", ())
    assert "50 000 € + 3 reconductions de 50 000 € = 200 000 €" in found.message.fr
    assert "€50,000 + 3 renewals of €50,000 = €200,000" in found.message.en
    assert procedure(need(with_fields(lot, value_eur=60_000))) == ["PROC_FORMALISEE"]
    assert procedure(need(with_fields(lot, value_covers="all"))) == ["GRE_A_GRE"]
    assert "ESTIMATED_VALUE" not in advice(services(50_000))
    lot = with_fields(ONE_YEAR, renewal_months=36)
    assert "TOTAL_BELOW_LOTS" in advice(need(lot, estimated_total_eur=199_999.99))
    assert "TOTAL_BELOW_LOTS" not in advice(need(lot, estimated_total_eur=200_000))
    lots = ONE_YEAR, with_fields(ONE_YEAR, id="2", duration_months=None, renewal_months=12)
    found = the("VALUE_UNKNOWN", review(need(*lots)).advice)
    assert "(lot 2)" in found.message.fr
    assert "lot 2 : les reconductions comptent dans la valeur, indiquer la durée ferme" in found.message.fr
    assert procedure(need(*lots)) == []
    assert procedure(need(*lots, estimated_total_eur=110_000)) == ["MAPA"]
    assert "TOTAL_BELOW_LOTS" in advice(need(*lots, estimated_total_eur=99_999.99))
    assert "TOTAL_BELOW_LOTS" not in advice(need(*lots, estimated_total_eur=100_000))
    without_value = with_fields(lots[1], value_eur=None)
    assert "durée ferme" not in the("VALUE_UNKNOWN", review(need(lots[0], without_value)).advice).message.fr


def test_sums_of_several_lots() -> None:
    """Rounded together and not one by one; of very many the first are written out; a concession has its own article."""
    lots = [with_fields(ONE_YEAR, id=str(n), value_eur=20_000, renewal_months=1) for n in range(3)]
    assert "tous les lots : 65 000 €" in the("ESTIMATED_VALUE", review(need(*lots)).advice).message.fr
    assert "TOTAL_BELOW_LOTS" not in advice(need(*lots, estimated_total_eur=65_000))
    assert "TOTAL_BELOW_LOTS" in advice(need(*lots, estimated_total_eur=64_999.99))
    lots = [with_fields(ONE_YEAR, id=str(n), renewal_months=12) for n in range(200)]
    found = the("ESTIMATED_VALUE", review(need(*lots, Lot(id="z", value_eur=1))).advice)
    assert "; 194 more lots in the same way; all lots: €20,000,001 (R2121-1)" in found.message.en
    assert found.message.en.count("renewal of") == 6
    assert [len(each) for each in found.lots] == [200]
    conceded = review(need(with_fields(ONE_YEAR, renewal_months=12), contract="concession")).advice
    assert the("ESTIMATED_VALUE", conceded).article == "R3121-1"
    assert codes(conceded).count("ESTIMATED_VALUE") == 1


def of(cpv: str, value: float | None, **fields: Any) -> Need:
    """A need of one lot."""
    return need(Lot(id="1", cpv=(cpv,), value_eur=value), **fields)


def care_and_cleaning(care: float | None, cleaning: float | None, **fields: Any) -> Need:
    """Lot a is a social service, lot b is not."""
    lots = Lot(id="a", cpv=("85312000",), value_eur=care), Lot(id="b", cpv=("90919200",), value_eur=cleaning)
    return need(*lots, **fields)


@pytest.mark.parametrize(
    ("cpv", "value"),
    [
        ("55524000", 500_000),  # school catering
        ("55523100-3", 500_000),  # school meals
        ("92000000", 300_000),  # culture
        ("55512000", 500_000),  # canteens
        ("79713000", 300_000),  # guarding
        ("80530000", 400_000),  # vocational training
        ("80540000", 216_000),  # environmental training
        ("92312100", 300_000),  # shows
        ("79952100", 300_000),  # cultural events
        ("55110000", 300_000),  # hotels
        ("79110000", 300_000),  # legal advice
    ],
)
def test_services_beyond_those_of_the_ess_reservation(cpv: str, value: float) -> None:
    """They rest on a list that is to be checked, and say so; no social condition is due below its own amount."""
    found = review(of(cpv, value)).advice
    assert procedure(of(cpv, value)) == ["MAPA"]
    light = the("LIGHT_REGIME", found)
    assert "annexe XIV de la directive 2014/24" in light.message.fr
    assert light.message.fr.endswith("à vérifier (R2123-1)")
    assert light.article == "R2123-1"
    assert "adapted procedure possible whatever the amount" in light.message.en
    assert "SOCIAL_CONSIDERATION" not in codes(found)


def test_which_services_are_light() -> None:
    """Surely the 115 codes, by the main code; never works, cleaning, parcels; nor said of a direct award."""
    assert procedure(of("85312510", 3_000_000)) == ["MAPA"]
    swapped = need(Lot(id="1", cpv=("77310000", "85312510"), value_eur=216_000))
    assert procedure(swapped) == ["PROC_FORMALISEE"]
    assert "LIGHT_REGIME" not in advice(swapped)
    found = the("LIGHT_REGIME", review(of("85312510", 300_000)).advice)
    assert found.confidence == "medium"
    assert "annexe XIV" not in found.message.fr
    asked = need(Lot(id="1", cpv=("80540000",), value_eur=90_000, duration_months=36, reserved=("ess",)))
    assert findings(asked)["NOT_LISTED"] == "REVIEW"
    assert "LIGHT_REGIME" in advice(asked)
    assert procedure(of("55524000", 59_999.99)) == ["GRE_A_GRE"]
    assert "LIGHT_REGIME" not in advice(of("55524000", 59_999.99))
    assert "LIGHT_REGIME" in advice(of("55524000", 60_000))
    asked = need(Lot(id="1", cpv=("55524000",), nature="works", value_eur=6_000_000))
    assert procedure(asked) == ["PROC_FORMALISEE"]
    for cpv in ["90919200", "77310000", "98310000", "64121100", "79530000", "90511000"]:
        assert procedure(of(cpv, 300_000)) == ["PROC_FORMALISEE"]
        assert "LIGHT_REGIME" not in advice(of(cpv, 300_000))


def test_mixed_services_follow_the_part_of_greater_value() -> None:
    """Equal, those of the other services; said where the regime matters, adapted if all is one contract."""
    for care, cleaning, expected in [
        (300_000, 299_999.99, "MAPA"),
        (300_000, 300_000, "PROC_FORMALISEE"),
        (300_000, 300_000.01, "PROC_FORMALISEE"),
    ]:
        asked = care_and_cleaning(care, cleaning)
        assert procedure(asked) == [expected]
        found = the("MIXED_SERVICES", review(asked).advice)
        assert "300 000 €" in found.message.fr
        assert ("ici celles des services sociaux" in found.message.fr) == (expected == "MAPA")
        assert found.article == "R2123-2"
        assert the("LIGHT_REGIME", review(asked).advice).lots == (("a",),)
    assert the("MAPA", review(care_and_cleaning(300_000, 100_000)).advice).confidence == "low"
    asked = care_and_cleaning(None, None, estimated_total_eur=500_000)
    assert procedure(asked) == ["PROC_FORMALISEE"]
    assert "comme elle n'est pas connue" in the("MIXED_SERVICES", review(asked).advice).message.fr
    assert "MIXED_SERVICES" not in advice(care_and_cleaning(100_000, 115_999.99))
    assert "MIXED_SERVICES" in advice(care_and_cleaning(100_000, 116_000))
    assert "MIXED_SERVICES" not in advice(of("85312000", 900_000))
    for care, cleaning, expected in (
        (4_000_000, 3_000_000, "CONCESSION_SIMPLIFIED"),
        (3_000_000, 4_000_000, "PROC_FORMALISEE"),
    ):
        asked = care_and_cleaning(care, cleaning, contract="concession")
        assert procedure(asked) == [expected]
        assert the("MIXED_SERVICES", review(asked).advice).article == "R3126-2"


NURSERY = "80110000"


@pytest.mark.parametrize(
    ("cpv", "value", "on", "expected"),
    [
        (NURSERY, 6_000_000, TODAY, "CONCESSION_SIMPLIFIED"),
        (NURSERY, 6_000_000, date(2019, 4, 1), "CONCESSION_SIMPLIFIED"),
        (NURSERY, 6_000_000, date(2019, 3, 31), "PROC_FORMALISEE"),
        (NURSERY, 5_000_000, TODAY, "CONCESSION_SIMPLIFIED"),
        ("90919200", 6_000_000, TODAY, "PROC_FORMALISEE"),
        (NURSERY, 6_000_000, date(2028, 1, 1), "CONCESSION_SIMPLIFIED"),
    ],
)
def test_concessions_of_such_services_are_simplified(cpv: str, value: float, on: date, expected: str) -> None:
    """Whatever their value, since the code."""
    asked = of(cpv, value, contract="concession")
    assert procedure(asked, on) == [expected]
    said = the(expected, review(asked, on).advice).message.fr
    assert ("quelle que soit la valeur" in said) == (expected == "CONCESSION_SIMPLIFIED" and value > 5_404_000)
    assert "LIGHT_REGIME" not in advice(asked, on)


def test_a_concession_of_passenger_transport_is_simplified() -> None:
    """Whatever its value, also with social services; a market is not."""
    for cpv in ["60112000", "60130000", "60210000"]:
        asked = of(cpv, 9_000_000, contract="concession")
        found = the("CONCESSION_SIMPLIFIED", review(asked).advice)
        assert (found.article, found.rule) == ("R3126-1", "concession_transport")
        assert "quelle que soit la valeur (transport de voyageurs)" in found.message.fr
        limits = the("TIME_LIMITS", review(asked).advice).message.fr
        assert "(R3126-4)" in limits
        assert "JOUE" not in limits
        assert procedure(of(cpv, 9_000_000)) == ["PROC_FORMALISEE"]
        assert procedure(of("60400000", 9_000_000, contract="concession")) == ["PROC_FORMALISEE"]
    lots = Lot(id="a", cpv=("60112000",), value_eur=8_000_000), Lot(id="b", cpv=("80110000",), value_eur=1_000_000)
    asked = need(*lots, contract="concession")
    assert procedure(asked) == ["CONCESSION_SIMPLIFIED"]
    assert "JOUE" in the("TIME_LIMITS", review(asked).advice).message.fr
    other = Lot(id="c", cpv=("90919200",), value_eur=1_000)
    assert procedure(need(lots[0], other, contract="concession")) == ["PROC_FORMALISEE"]


def test_the_value_of_a_concession_is_a_turnover() -> None:
    """The procedure says what was compared."""
    for asked, code in [
        (of("90919200", None, contract="concession"), "VALUE_UNKNOWN"),
        (of("90919200", 200_000, estimated_total_eur=100_000, contract="concession"), "TOTAL_BELOW_LOTS"),
    ]:
        found = the(code, review(asked).advice)
        assert (found.article, found.confidence) == ("R3121-1", "high")
        assert "chiffre d'affaires total du concessionnaire sur la durée du contrat" in found.message.fr
    for value, code in [(1_000_000, "CONCESSION_SIMPLIFIED"), (6_000_000, "PROC_FORMALISEE")]:
        found = the(code, review(of("90919200", value, contract="concession")).advice)
        assert "chiffre d'affaires total du concessionnaire sur la durée d'après l'article R3121-1" in found.message.fr


def test_threshold_of_social_services_by_buyer() -> None:
    """Utilities have their own; where the buyer is not known, both are looked at and told."""
    for kind, value, expected in [
        ("local", 749_999.99, False),
        ("local", 750_000, True),
        ("state", 750_000, True),
        ("utility", 999_999.99, False),
        ("utility", 1_000_000, True),
        (None, 749_999.99, False),
        (None, 750_000, True),
        (None, 1_000_000, True),
    ]:
        asked = of("85312000", value, buyer=buyer(kind) if kind else None)  # type: ignore[arg-type]
        assert ("SOCIAL_CONSIDERATION" in advice(asked)) == expected
        assert procedure(asked) == ["MAPA"]
    for value, words in [
        (749_999.99, None),
        (750_000, "À partir de 750 000 € pour un pouvoir adjudicateur, de 1 000 000 € pour une entité"),
        (999_999.99, "indiquer lequel est l'acheteur ; à vérifier (L2112-2-1)"),
        (1_000_000, "À partir des seuils européens"),
    ]:
        found = review(of("85312000", value, buyer=None)).advice
        told = [item.message.fr for item in found if item.code == "SOCIAL_CONSIDERATION"]
        assert [bool(words and words in message) for message in told] == ([True] if words else [])
