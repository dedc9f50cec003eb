"""Reserving a lot to work in prison."""

from datetime import date

import msgspec
import pytest

from domain.needs.need import Lot, Place
from tests.domain.law.samples import findings, need, review

KITS = Lot(id="1", segments=("in-conditionnement",), cpv=("79920000",), duration_months=12, reserved=("penitentiary",))


def changed(on: date = date(2026, 11, 24), **fields: object) -> dict[str, str]:
    return findings(need(msgspec.structs.replace(KITS, **fields)), on)


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        (date(2022, 10, 20), {"TYPE_NOT_IN_FORCE": "INELIGIBLE"}),
        (date(2022, 10, 21), {"SHARE_NOT_FIXED": "REVIEW"}),
        (date(2022, 12, 29), {"SHARE_NOT_FIXED": "REVIEW"}),
        (date(2022, 12, 30), {}),
    ],
)
def test_type_then_share_came_into_force(on: date, expected: dict[str, str]) -> None:
    """Between the ordinance and its decree a person must judge; packing can be done inside."""
    assert changed(on) == expected


def test_works_are_performed_outside() -> None:
    """By nature or by CPV."""
    assert changed(nature="works") == {"EXECUTION_OUTSIDE_PRISON": "INELIGIBLE"}
    assert changed(cpv=("45442100",), segments=("in-metal",)) == {"EXECUTION_OUTSIDE_PRISON": "INELIGIBLE"}


def test_a_concession_quotes_its_own_article() -> None:
    """What cannot be done inside a prison is the same."""
    asked = need(msgspec.structs.replace(KITS, segments=("pr-locaux",), cpv=()), contract="concession")
    (found,) = review(asked).lots["1"].reservation
    assert (found.code, found.article) == ("INELIGIBLE_OBJECT", "L3113-2-1")
    assert found.message.fr.endswith("(L3113-2-1)")


def test_declared_site_is_questioned() -> None:
    """It may be the place of delivery."""
    assert changed(site=Place(commune="22278")) == {"EXECUTION_OUTSIDE_PRISON": "REVIEW"}


def test_site_services_cannot_be_done_inside() -> None:
    """All of them: refused; some of them: judged."""
    assert changed(segments=("pr-locaux",), cpv=()) == {"INELIGIBLE_OBJECT": "INELIGIBLE"}
    assert changed(segments=("pr-locaux", "in-conditionnement"), cpv=()) == {"INELIGIBLE_OBJECT": "REVIEW"}


def test_forbidden_combination_before_the_type_existed() -> None:
    """Both are said."""
    assert changed(date(2022, 6, 1), reserved=("penitentiary", "iae")) == {"TYPE_NOT_IN_FORCE": "INELIGIBLE"}
    assert changed(reserved=("penitentiary", "iae")) == {"COMBINATION_FORBIDDEN": "INELIGIBLE"}
