"""What is wrong with the content of a supplier's record."""

from datetime import date

import pytest

from domain.reference import cpv, taxonomy, territory
from domain.suppliers.record_check import MOST_SUGGESTIONS, check_record, unknown_segment
from domain.suppliers.supplier import Address, Approval, Offer, ServiceArea, SupplierRecord


def faults(record: SupplierRecord) -> list[tuple[str, str]]:
    problems = check_record(record, territory.load(), taxonomy.load(), cpv.load())
    return [(problem.pointer, problem.code) for problem in problems]


def offering(area: ServiceArea) -> SupplierRecord:
    return SupplierRecord("A", offers=(Offer(segments=("pr-locaux",), service_area=area),))


def test_a_record_in_order_has_no_problem() -> None:
    """Families, CPV codes with a check digit, retired communes and arrondissements are all in order."""
    record = SupplierRecord(
        "A",
        siret="50010961600027",
        approvals=(Approval("ACI", date(2025, 1, 1), date(2025, 1, 1)), Approval("EI", valid_until=date(2020, 1, 1))),
        address=Address(commune="75111"),
        offers=(Offer(segments=("pr", "pr-locaux")), Offer(cpv=("90910000-9", "77310000"))),
    )
    assert faults(record) == []


def test_every_problem_is_reported_where_it_is() -> None:
    record = SupplierRecord(
        " ",
        siret="7518704940002",
        approvals=(Approval("EI"), Approval("ACI", date(2026, 1, 1), date(2025, 1, 1))),
        address=Address(commune="93100"),
        offers=(Offer(), Offer(segments=("pr-locaux", "pr-bureau"), cpv=("99999999", "9091"))),
    )
    assert faults(record) == [
        ("/name", "blank"),
        ("/siret", "invalid_siret"),
        ("/approvals/1/valid_until", "invalid_period"),
        ("/address/commune", "unknown_code"),
        ("/offers/0", "no_object"),
        ("/offers/1/segments/1", "unknown_code"),
        ("/offers/1/cpv/0", "unknown_code"),
        ("/offers/1/cpv/1", "unknown_code"),
    ]


def test_no_message_is_longer_for_a_longer_code() -> None:
    detail = unknown_segment("x" * 100, taxonomy.load())
    assert ("x" * 80 in detail.fr, "x" * 81 in detail.fr) == (True, False)


@pytest.mark.parametrize(
    ("area", "expected"),
    [
        (ServiceArea(), [("/offers/0/service_area", "one_form")]),
        (ServiceArea(radius_km=5, national=True), [("/offers/0/service_area", "one_form")]),
        (ServiceArea(national=False), [("/offers/0/service_area/national", "must_be_true")]),
        (ServiceArea(codes=("region:53", "departement:99")), [("/offers/0/service_area/codes/1", "unknown_code")]),
        (ServiceArea(codes=("epci:243500741",)), []),
    ],
)
def test_a_service_area_takes_exactly_one_form(area: ServiceArea, expected: list[tuple[str, str]]) -> None:
    assert faults(offering(area)) == expected


@pytest.mark.parametrize(
    "offer",
    [
        Offer(segments=("pr-locau",) * 20),
        Offer(cpv=("90910001",) * 20),
        Offer(segments=("pr-locaux",), service_area=ServiceArea(codes=("departement:Morbihan",) * 20)),
    ],
)
def test_of_many_unknown_codes_the_first_have_a_suggestion(offer: Offer) -> None:
    """Of all offers together: to look for what may be meant takes long, and a record may have 20,000 codes."""
    problems = list(
        check_record(SupplierRecord("A", offers=(offer,) * 3), territory.load(), taxonomy.load(), cpv.load())
    )
    assert len(problems) == 60
    assert ["perhaps" in problem.detail.en for problem in problems] == [True] * MOST_SUGGESTIONS + [False] * 50


@pytest.mark.parametrize(
    ("record", "hint"),
    [
        (SupplierRecord("A", offers=(Offer(segments=("pr-locau",)),)), "pr-locaux"),
        (SupplierRecord("A", offers=(Offer(cpv=("90910001",)),)), "90910000"),
        (SupplierRecord("A", address=Address(commune="35000")), "35238"),
        (offering(ServiceArea(codes=("departement:Morbihan",))), "departement:56"),
    ],
)
def test_a_near_code_is_suggested(record: SupplierRecord, hint: str) -> None:
    (problem,) = check_record(record, territory.load(), taxonomy.load(), cpv.load())
    assert hint in problem.detail.en
    assert hint in problem.detail.fr
