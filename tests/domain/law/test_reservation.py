"""Reserving a lot: which types and combinations exist at a date, for markets and concessions."""

from datetime import date

import pytest

from domain.law.findings import worst_outcome
from domain.law.reservation import review_types
from domain.law.rules import load
from domain.needs.need import ContractKind, Lot, Reserved
from tests.domain.law.samples import findings, need


def codes(on: date, *reserved: Reserved, contract: ContractKind = "market") -> list[str]:
    return [finding.code for finding in review_types(frozenset(reserved), contract, on, load().at(on))]


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        (date(2020, 1, 15), ["COMBINATION_FORBIDDEN"]),
        (date(2020, 12, 8), ["COMBINATION_FORBIDDEN"]),
        (date(2020, 12, 9), []),
        (date(2026, 11, 24), []),
    ],
)
def test_handicap_with_insertion_by_date(on: date, expected: list[str]) -> None:
    """Allowed on one lot since the day after the loi ASAP was published."""
    assert codes(on, "handicap", "iae") == expected


@pytest.mark.parametrize(
    ("on", "expected"),
    [(date(2022, 6, 1), ["TYPE_NOT_IN_FORCE"]), (date(2022, 10, 20), ["TYPE_NOT_IN_FORCE"]), (date(2022, 10, 21), [])],
)
def test_penitentiary_exists_since_its_ordinance(on: date, expected: list[str]) -> None:
    """The day after its ordinance was published."""
    assert codes(on, "penitentiary") == expected


def test_penitentiary_combines_with_no_other() -> None:
    """Whatever the other type."""
    on = date(2026, 11, 24)
    assert codes(on, "penitentiary", "iae") == ["COMBINATION_FORBIDDEN"]
    assert codes(on, "penitentiary", "ess") == ["COMBINATION_FORBIDDEN"]
    assert codes(on, "handicap", "iae", "penitentiary") == ["COMBINATION_FORBIDDEN"]


def test_ess_combination_is_not_opened_by_the_code() -> None:
    """The message does not claim that a text forbids it."""
    on = date(2026, 11, 24)
    (finding,) = review_types(frozenset({"ess", "iae"}), "market", on, load().at(on))
    assert (finding.code, finding.outcome, finding.confidence) == ("COMBINATION_FORBIDDEN", "INELIGIBLE", "medium")
    assert "ne prévoit pas" in finding.message.fr


def test_concessions_take_one_type_and_no_ess() -> None:
    """The loi ASAP opened the combination for markets only."""
    on = date(2026, 11, 24)
    assert codes(on, "handicap", "iae", contract="concession") == ["COMBINATION_FORBIDDEN"]
    assert codes(on, "handicap", contract="concession") == []
    assert codes(on, "ess", contract="concession") == ["TYPE_NOT_IN_FORCE"]
    assert codes(date(2022, 6, 1), "penitentiary", contract="concession") == ["TYPE_NOT_IN_FORCE"]


def test_worst_finding_is_the_outcome() -> None:
    """No finding: nothing stands in the way."""
    on = date(2026, 11, 24)
    assert worst_outcome(()) == "ELIGIBLE"
    assert worst_outcome(review_types(frozenset({"ess", "iae"}), "market", on, load().at(on))) == "INELIGIBLE"


def test_dates_before_the_law_was_read_are_not_refused() -> None:
    """Unknown is not forbidden: a person must look."""
    on = date(2015, 1, 1)
    assert [f.outcome for f in review_types(frozenset({"iae"}), "market", on, load().at(on))] == ["REVIEW"]


def test_a_type_that_a_concession_does_not_have_is_not_examined_further() -> None:
    """Also where it is combined with another."""
    asked = need(Lot(id="1", cpv=("90919200",), duration_months=48, reserved=("ess", "iae")), contract="concession")
    assert set(findings(asked)) == {"TYPE_NOT_IN_FORCE", "COMBINATION_FORBIDDEN"}
