"""Work done beforehand is found by the first matches, which answer the same."""

from collections.abc import Iterable
from datetime import timedelta

import pytest

from domain.needs.need import TerritoryRequest
from matching.engine import match
from matching.index import LiveIndex
from matching.preparation import are_places_known, asked_lately, measuring, preparation
from matching.reference import Reference
from matching.selection import SelectionKey
from tests.factories import NANTES, ON, REDON, RENNES, approved, around, codes, live, lot, need, supplier

SUPPLIERS = (
    supplier("rennais", at=RENNES, approvals=approved("ESAT", until=ON + timedelta(days=9))),
    supplier("nantais", at=NANTES, approvals=approved("EI")),
    supplier("redonnais", at=REDON),
)
RESERVED = need(lot(reserved=("handicap", "iae"), duration_months=12))


@pytest.fixture(autouse=True)
def _few_are_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("matching.preparation.WORTHWHILE", 1)


def prepare(live: LiveIndex, reference: Reference, asked: Iterable[SelectionKey] = ()) -> int:
    """The number of steps it took."""
    return len(list(preparation(live, reference, ON, asked)))


def test_matches_answer_the_same_whether_prepared_or_not(reference: Reference) -> None:
    prepared, fresh = live(*SUPPLIERS), live(*SUPPLIERS)
    assert prepare(prepared, reference) > 0
    assert match(RESERVED, prepared, reference, ON, "fr") == match(RESERVED, fresh, reference, ON, "fr")


def test_departements_are_known_then(reference: Reference) -> None:
    ours, asked = live(*SUPPLIERS), need(territory=codes("departement:44"))
    assert not are_places_known(asked, ours, reference.geography)
    prepare(ours, reference)
    assert are_places_known(asked, ours, reference.geography)


def test_places_of_which_one_is_new_are_not_known(reference: Reference) -> None:
    ours = live(*SUPPLIERS)
    prepare(ours, reference)
    drawn = around(RENNES, 17.25)
    asked = need(lot(), lot(id="2", territory=drawn), territory=codes("departement:35"))
    assert not are_places_known(asked, ours, reference.geography)
    match(asked, ours, reference, ON, "fr")
    assert are_places_known(asked, ours, reference.geography)


def test_who_is_near_a_place_that_was_asked_for_is_measured(reference: Reference) -> None:
    ours, place = live(*SUPPLIERS), TerritoryRequest(codes=("commune:35238",))
    match(need(territory=place), ours, reference, ON, "fr")
    assert list(measuring(ours))
    assert not list(measuring(ours)), "all is measured"
    distances = ours.base.distances(reference.geography.territory(place).shape)
    assert (distances._metres[: len(SUPPLIERS)] > 0).all()


def test_selections_of_an_index_are_made_for_the_next_one(reference: Reference) -> None:
    before, after = live(*SUPPLIERS), live(*SUPPLIERS[:2])
    match(RESERVED, before, reference, ON, "fr")
    assert len(asked_lately(before)) == 1
    prepare(after, reference, asked_lately(before))
    assert asked_lately(after) == asked_lately(before)


def test_a_small_index_is_not_worth_it(reference: Reference) -> None:
    assert prepare(live(), reference) == 0
