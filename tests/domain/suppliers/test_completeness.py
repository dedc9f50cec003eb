"""What a record lacks, and which of its approvals are out of date."""

from datetime import date

import pytest

from domain.suppliers.completeness import approved_until, expired, shortcomings
from domain.suppliers.supplier import Approval, Contact, Flag, Kind, Placement, SupplierRecord

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
    """The last day still counts; a period that is followed by another has not expired."""
    assert expired(approvals, ON) == tuple(Flag("approval_expired", detail) for detail in expected)


@pytest.mark.parametrize(
    "approvals",
    [
        [approval(until=YESTERDAY)],
        [approval(until=ON), approval("EI")],
        [approval(until=TOMORROW), approval("EI", until=ON)],
        [approval(until=YESTERDAY), approval(until=TOMORROW)],
        [approval()],
        [],
    ],
)
def test_the_day_that_is_kept_tells_what_has_expired(approvals: list[Approval]) -> None:
    """What sources are told in sum is what suppliers are told one by one."""
    until = approved_until(approvals)
    for on in (YESTERDAY, ON, TOMORROW, date(2026, 11, 27)):
        assert (until is not None and until < on) == bool(expired(approvals, on))


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
