"""Reviews are kept by the facts that rules read, and by nothing less.

Work done beforehand is found by the first matches, which answer the same.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from domain.law.review import review_need
from domain.needs.need import Buyer, TerritoryRequest
from matching.engine import match
from matching.index import LiveIndex
from matching.reference import KeptReviews, Reference, asked_lately, measuring, preparation
from matching.selection import SelectionKey
from tests.factories import NANTES, ON, REDON, RENNES, VANNES, approved, codes, live, lot, need, place, supplier

OBJECTS = {"1": ("pr-locaux",), "2": ("ev-entretien",)}
ASKED = need(
    lot("pr-locaux", value_eur=90_000, site=place(RENNES)),
    lot("ev-entretien", id="2", value_eur=40_000),
    buyer=Buyer(kind="local"),
)
FIRST = ASKED.lots[0]


def changed(lot_fields: dict[str, Any], **fields: Any) -> Any:
    lots = (msgspec.structs.replace(FIRST, **lot_fields), ASKED.lots[1])
    return msgspec.structs.replace(ASKED, lots=lots, **fields)


@pytest.mark.parametrize(
    "other",
    [
        changed({}, reference="another", title="Nettoyage", on=ON, limit=3, near_misses=0),
        changed({}, territory=codes("region:53"), buyer=Buyer(name="Rennes", siret="22560001400016", kind="local")),
        changed({"title": "Bureaux", "keywords": ("nettoyage",), "site": place(VANNES), "max_distance_km": 3.0}),
    ],
)
def test_what_no_rule_reads_makes_no_other_review(other: Any, reference: Reference) -> None:
    reviews = KeptReviews(reference.rules)
    assert reviews.review(other, ON, OBJECTS) is reviews.review(ASKED, ON, OBJECTS)


@pytest.mark.parametrize(
    "other",
    [
        changed({"value_eur": 300_000.0}),
        changed({"duration_months": 36}),
        changed({"reserved": ("ess",)}),
        changed({"innovative": True}),
        changed({"cpv": ("85312510",)}),
        changed({"site": None}),
        changed({}, contract="concession"),
        changed({}, buyer=Buyer(kind="state", annual_purchases_eur=6e7)),
        changed({}, estimated_total_eur=1e6),
        changed({}, technique="framework_agreement"),
    ],
)
def test_what_a_rule_reads_is_reviewed_anew(other: Any, reference: Reference) -> None:
    reviews = KeptReviews(reference.rules)
    kept = reviews.review(ASKED, ON, OBJECTS)
    review = reviews.review(other, ON, OBJECTS)
    assert review is not kept
    assert msgspec.json.encode(review) == msgspec.json.encode(review_need(other, ON, reference.rules, OBJECTS))


def test_another_day_and_another_reading_are_reviewed_anew(reference: Reference) -> None:
    reviews = KeptReviews(reference.rules)
    kept = reviews.review(ASKED, ON, OBJECTS)
    assert reviews.review(ASKED, ON + timedelta(days=1), OBJECTS) is not kept
    assert reviews.review(ASKED, ON, OBJECTS | {"2": ("pr-locaux",)}) is not kept


SUPPLIERS = (
    supplier("rennais", at=RENNES, approvals=approved("ESAT", until=ON + timedelta(days=9))),
    supplier("nantais", at=NANTES, approvals=approved("EI")),
    supplier("redonnais", at=REDON),
)
RESERVED = need(lot(reserved=("handicap", "iae"), duration_months=12))


@pytest.fixture(autouse=True)
def _few_are_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("matching.reference.WORTHWHILE", 1)


def prepare(live: LiveIndex, reference: Reference, asked: Iterable[SelectionKey] = ()) -> int:
    """The number of steps it took."""
    return len(list(preparation(live, reference, ON, asked)))


def test_matches_answer_the_same_whether_prepared_or_not(reference: Reference) -> None:
    prepared, fresh = live(*SUPPLIERS), live(*SUPPLIERS)
    assert prepare(prepared, reference) > 0
    assert match(RESERVED, prepared, reference, ON, "fr") == match(RESERVED, fresh, reference, ON, "fr")


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


def test_no_more_selections_are_made_again_than_there_is_room_for(
    reference: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thousands are known by their suppliers alone: to make the arrays of each would push out those just made."""
    ours = live(*SUPPLIERS)
    match(RESERVED, ours, reference, ON, "fr")
    one = ours.base.selection_arrays._weight
    monkeypatch.setattr("matching.index.ARRAY_BYTES", one + one // 2)
    monkeypatch.setattr("matching.index.ARRAY_BYTES_PER_SUPPLIER", 0)
    crowded = live(*SUPPLIERS)
    for segment in ("pr-locaux", "ev-entretien", "pr-locaux"):
        match(need(lot(segment)), crowded, reference, ON, "fr")
    assert len(crowded.base.selections.latest()) == 2
    assert [subject.objects for _, subject in asked_lately(crowded)] == [("pr-locaux",)]


def test_a_small_index_is_not_worth_it(reference: Reference) -> None:
    assert prepare(live(), reference) == 0
