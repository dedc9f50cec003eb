"""What is wrong with the content of a supplier's record.

What a record lacks, and which of its approvals are out of date. The vertices that a record draws are counted once for
each area, and a source has a budget of them.
"""

from datetime import date

import pytest

from domain.errors import Conflict, Problem
from domain.reference import cpv, taxonomy, territory
from domain.reference.territory import MultiPolygon, Polygon
from domain.suppliers.record_check import (
    MOST_SUGGESTIONS,
    approved_until,
    check_record,
    drawn_vertices,
    expiry_flags,
    require_vertices_left,
    shortcomings,
    unknown_segment,
)
from domain.suppliers.source import reject
from domain.suppliers.supplier import (
    Address,
    Approval,
    Contact,
    Flag,
    Kind,
    Offer,
    Placement,
    ServiceArea,
    StaffSize,
    SupplierRecord,
    SupplierSize,
)
from domain.text.bilingual import Language, Text
from tests.factories import REDON, RENNES, ring, spiked, square


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
        size=SupplierSize(staff=StaffSize(10, 9)),
        address=Address(commune="93100"),
        offers=(Offer(), Offer(segments=("pr-locaux", "pr-bureau"), cpv=("99999999", "9091"))),
    )
    assert faults(record) == [
        ("/name", "blank"),
        ("/siret", "invalid_siret"),
        ("/approvals/1/valid_until", "invalid_period"),
        ("/size/staff/max", "invalid_range"),
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


ON = date(2026, 11, 25)
YESTERDAY, TOMORROW = date(2026, 11, 24), date(2026, 11, 26)


def approval(kind: Kind = "ACI", since: date | None = None, until: date | None = None) -> Approval:
    return Approval(kind, since, until)


@pytest.mark.parametrize(
    ("approvals", "expected"),
    [
        (None, []),
        ([], []),
        ([approval()], []),
        ([approval(until=ON)], []),
        ([approval(until=ON), approval("EI")], []),
        ([approval(until=TOMORROW), approval("EI", until=ON)], []),
        ([approval(until=YESTERDAY)], ["ACI 2026-11-24"]),
        ([approval(until=YESTERDAY), approval(until=date(2025, 12, 31))], ["ACI 2026-11-24"]),
        ([approval(until=YESTERDAY), approval(since=ON, until=TOMORROW)], []),
        ([approval(until=YESTERDAY), approval(since=TOMORROW)], []),
        ([approval(until=YESTERDAY), approval()], []),
        ([approval(until=YESTERDAY), approval("EI", until=TOMORROW)], ["ACI 2026-11-24"]),
        ([approval(until=YESTERDAY), approval("EI", until=YESTERDAY)], ["ACI 2026-11-24", "EI 2026-11-24"]),
    ],
)
def test_a_kind_has_expired_once_all_its_approvals_ended(approvals: list[Approval] | None, expected: list[str]) -> None:
    """The last day still counts; a period that is followed by another has not expired.

    The day that is kept tells it too: what sources are told in sum is what suppliers are told one by one.
    """
    assert expiry_flags(approvals, ON) == tuple(Flag("approval_expired", detail) for detail in expected)
    until = approved_until(approvals)
    for on in (YESTERDAY, ON, TOMORROW, date(2026, 11, 27)):
        assert (until is not None and until < on) == bool(expiry_flags(approvals, on))


@pytest.mark.parametrize(
    ("record", "flags", "expected"),
    [
        (SupplierRecord("x", siret="1" * 14, contact=Contact(email="a@b.fr")), (), []),
        (SupplierRecord("x"), (), ["no_email", "no_siret"]),
        (SupplierRecord("x", contact=Contact(email=" ", phone="1")), (), ["no_email", "no_siret"]),
        (
            SupplierRecord("x", siret="1" * 14),
            ("no_place", "unmapped_category", "unmapped_category"),
            ["no_email", "no_place", "unmapped_category"],
        ),
    ],
)
def test_each_shortcoming_is_named_once(record: SupplierRecord, flags: tuple[str, ...], expected: list[str]) -> None:
    placement = Placement(flags=tuple(Flag(code, str(at)) for at, code in enumerate(flags)))  # type: ignore[arg-type]
    assert shortcomings(record, placement) == expected


def record(*areas: ServiceArea | None) -> SupplierRecord:
    return SupplierRecord(
        "Jardin", offers=tuple(Offer(segments=("ev-entretien",), service_area=each) for each in areas)
    )


def test_each_area_counts_once_with_all_its_rings_and_the_smallest_for_what_it_takes() -> None:
    holed = Polygon(coordinates=(spiked(50), ring(REDON, 0.1)[::-1]))
    both = MultiPolygon(coordinates=((spiked(40),), (ring(RENNES, 0.1),)))
    drawn = [ServiceArea(geometry=each) for each in (holed, both, square(REDON, 0.2), holed)]
    assert drawn_vertices(record(None, ServiceArea(radius_km=30), *drawn)) == 55 + 45 + 32
    assert drawn_vertices(record(None, ServiceArea(codes=("departement:56",)))) == 0


def test_what_does_not_fit_and_grows_is_refused_with_how_many_are_over_and_what_helps() -> None:
    for before, after in ((0, 100), (99, 100), (500, 500), (500, 499)):
        require_vertices_left(before, after, 100)
    for before in (0, 100, 122):
        with pytest.raises(
            Conflict, match=r"123 vertices.* 23 more than the 100 allowed.*VIVIER_SOURCE_VERTICES"
        ) as refused:
            require_vertices_left(before, 123, 100)
        assert refused.value.code == "too_many_vertices"
        assert "123 sommets" in refused.value.detail.fr
        assert "23 de plus" in refused.value.detail.fr


@pytest.mark.parametrize(
    ("count", "language", "detail"),
    [
        (1, "fr", "faux 0"),
        (3, "fr", "faux 0 ; et aussi /1 : faux 1 ; /2 : faux 2"),
        (3, "en", "wrong 0; also /1: wrong 1; /2: wrong 2"),
        (8, "en", "wrong 0; also /1: wrong 1; /2: wrong 2; /3: wrong 3; /4: wrong 4; /5: wrong 5; +2"),
    ],
)
def test_the_first_problem_in_full_then_five_others(count: int, language: Language, detail: str) -> None:
    problems = tuple(Problem(f"/{n}", f"code_{n}", Text(f"faux {n}", f"wrong {n}")) for n in range(count))
    found = reject(4, "a", problems, language)
    assert (found.line, found.external_id, found.pointer, found.code) == (4, "a", "/0", "code_0")
    assert found.detail == detail
