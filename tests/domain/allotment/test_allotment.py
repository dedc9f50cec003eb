"""Values by segment are of segments that are asked for, and add up to the value of their lot."""

from typing import Any

import pytest

from domain.allotment.allotment import AllotmentNeed, AllotmentOptions, DivisibleLot, checked_values, value_of
from domain.errors import InvalidContent

OBJECTS = ("de-bio", "de-5flux")


def need(**fields: Any) -> AllotmentNeed:
    return AllotmentNeed(lots=(DivisibleLot(id="1", segments=OBJECTS, **fields),))


def checked(**fields: Any) -> DivisibleLot:
    return checked_values(need(**fields), (OBJECTS,)).lots[0]


def test_a_value_is_known_where_the_buyer_gave_it() -> None:
    """Those of all segments are that of the lot."""
    assert checked(values_eur={"de-bio": 0.1, "de-5flux": 0.2}).value_eur == 0.3
    assert checked(values_eur={"de-bio": 0.1, "de-5flux": 0.2}, value_eur=0.3).value_eur == 0.3
    assert checked(values_eur={"de-bio": 1.0}).value_eur is None
    assert checked(values_eur={"de-bio": 1.0}, value_eur=5.0).value_eur == 5.0
    assert checked(values_eur={}).value_eur is None
    lot = checked(values_eur={"de-bio": 1.0}, value_eur=5.0)
    assert value_of(lot, ("de-bio",), OBJECTS) == 1.0
    assert value_of(lot, ("de-5flux",), OBJECTS) is None
    assert value_of(lot, OBJECTS, OBJECTS) == 5.0


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"values_eur": {"pr-locaux": 1.0}}, "not_asked_for"),
        ({"values_eur": {"de-bio": 1.0, "de-5flux": 1.0}, "value_eur": 3.0}, "values_differ"),
        ({"values_eur": {"de-bio": 4.0}, "value_eur": 3.0}, "values_differ"),
    ],
)
def test_values_that_cannot_be(fields: dict[str, Any], code: str) -> None:
    with pytest.raises(InvalidContent) as refused:
        checked(**fields)
    assert [problem.code for problem in refused.value.problems] == [code]


def test_areas_are_of_one_kind() -> None:
    options = AllotmentOptions(divide=("departement", "epci"))
    with pytest.raises(InvalidContent):
        checked_values(AllotmentNeed(lots=need().lots, allotment=options), (OBJECTS,))


@pytest.mark.parametrize(("covers", "part"), [("firm", None), ("all", 1.0)])
def test_beside_options_that_add_the_value_of_a_part_is_not_known(covers: Any, part: float | None) -> None:
    lot = checked(values_eur={"de-bio": 1.0}, value_eur=5.0, options_eur=2.0, value_covers=covers)
    assert value_of(lot, ("de-bio",), OBJECTS) == part
    assert value_of(lot, OBJECTS, OBJECTS) == 5.0
