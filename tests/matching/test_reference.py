"""Reviews are kept by the facts that rules read, and by nothing less."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from domain.law.review import review_need
from domain.needs.need import Buyer
from matching.reference import KeptReviews, Reference
from tests.factories import ON, RENNES, VANNES, codes, lot, need, place

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
