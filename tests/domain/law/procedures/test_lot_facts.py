"""The estimated value counts renewals and options, to the cent, and is the one value that every rule compares."""

import re
from decimal import ROUND_CEILING, Decimal
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.law.procedures.lot_facts import estimate_of, sum_in_words
from domain.needs.need import Lot, Need
from tests.domain.law.samples import advice, buyer, codes, need, procedure, review, services, the

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
    found, said = estimate_of(lot), sum_in_words(lot)
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
    "essential data": (40_000, CLEANING, (), {}),
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


def without_amounts(said: list[tuple[object, ...]]) -> str:
    return re.sub(r"€?[\d ,.]+€?", "#", repr(said))


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
        decided.add(without_amounts(said))
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
