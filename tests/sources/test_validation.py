"""Flags of what is doubtful about the content of a record."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.fr import siret as siret_numbers

from domain.suppliers.supplier import Offer, SupplierRecord
from sources.validation import content_flags, siret_passes_check

CLEANING = (Offer(cpv=("90910000",)),)


@pytest.mark.parametrize(
    ("siret", "passes"),
    [
        ("80746931700018", True),
        ("50010961600027", False),
        ("35600000000048", True),  # the head office of La Poste follows Luhn
        ("35600000049837", True),  # its branches do not
        ("35600000049838", False),
    ],
)
def test_check_digits(siret: str, passes: bool) -> None:
    assert siret_passes_check(siret) is passes


@given(st.from_regex(r"(356000000|04521973[0-9])?[0-9]{5,14}", fullmatch=True) | st.text(max_size=15))
def test_the_quick_way_agrees_with_the_library(siret: str) -> None:
    assert siret_passes_check(siret) == siret_numbers.is_valid(siret)


def codes(**fields: Any) -> list[str]:
    return [flag.code for flag in content_flags(SupplierRecord("A", **fields))]


def test_a_failing_siret_is_flagged_an_unknown_one_is_not() -> None:
    assert codes(siret="50010961600027", offers=CLEANING) == ["siret_check_failed"]
    assert codes(offers=CLEANING) == []


def test_a_record_that_offers_nothing_is_flagged() -> None:
    assert codes() == ["no_offer"]
    assert codes(siret="50010961600027") == ["siret_check_failed", "no_offer"]
