"""Pieces of answers are written once for all that decides them, and forgotten before they take too much memory.

Reviews are kept by the facts that rules read, and by nothing less.
"""

import tracemalloc
from datetime import date, timedelta
from random import Random
from typing import Any

import msgspec
import pytest

from domain.law.findings import NeedReview
from domain.law.procedures.lot_facts import Understood
from domain.law.review import review_need
from domain.needs.need import Buyer, Need
from domain.text.bilingual import Language
from matching.engine import match_json
from matching.kept.memory import REQUESTED_BYTES, AnswerCache, CachingExplainer, WrittenLot
from matching.lot_query import WantedSegment
from matching.reference import Reference
from matching.weighted_cache import WeightBoundCache, WeightedCache
from tests.factories import (
    ON,
    REDON,
    RENNES,
    VANNES,
    approved,
    codes,
    live,
    lot,
    moved,
    need,
    offer,
    offerless,
    place,
    reference,
    supplier,
)

RULES = reference().rules
OBJECTS = {"1": Understood(("pr-locaux",)), "2": Understood(("ev-entretien",))}
REVIEWED = need(
    lot("pr-locaux", value_eur=90_000, site=place(RENNES)),
    lot("ev-entretien", id="2", value_eur=40_000),
    buyer=Buyer(kind="local"),
)
FIRST = REVIEWED.lots[0]


def changed(lot_fields: dict[str, Any], **fields: Any) -> Any:
    lots = (msgspec.structs.replace(FIRST, **lot_fields), REVIEWED.lots[1])
    return msgspec.structs.replace(REVIEWED, lots=lots, **fields)


@pytest.mark.parametrize(
    "other",
    [
        changed({}, reference="another", title="Nettoyage", on=ON, limit=3, near_misses=0),
        changed({}, territory=codes("region:53"), buyer=Buyer(name="Rennes", siret="22560001400016", kind="local")),
        changed({"title": "Bureaux", "keywords": ("nettoyage",), "site": place(VANNES), "max_distance_km": 3.0}),
    ],
)
def test_what_no_rule_reads_makes_no_other_review(other: Any) -> None:
    reviews = AnswerCache(0)
    assert reviews.review(other, ON, RULES, OBJECTS) is reviews.review(REVIEWED, ON, RULES, OBJECTS)


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
def test_what_a_rule_reads_is_reviewed_anew(other: Any) -> None:
    reviews = AnswerCache(0)
    kept = reviews.review(REVIEWED, ON, RULES, OBJECTS)
    review = reviews.review(other, ON, RULES, OBJECTS)
    assert review is not kept
    assert msgspec.json.encode(review) == msgspec.json.encode(review_need(other, ON, RULES, OBJECTS))


def test_another_day_and_another_reading_are_reviewed_anew() -> None:
    reviews = AnswerCache(0)
    kept = reviews.review(REVIEWED, ON, RULES, OBJECTS)
    assert reviews.review(REVIEWED, ON + timedelta(days=1), RULES, OBJECTS) is not kept
    assert reviews.review(REVIEWED, ON, RULES, OBJECTS | {"2": Understood(("pr-locaux",))}) is not kept


def test_what_was_asked_for_is_kept_within_a_number_of_bytes() -> None:
    """A lot may ask for its segments in many words, and thousands of lots each in others."""
    kept, words = AnswerCache(0), "x" * 20_000
    explainer = CachingExplainer(NeedReview({}, ()), reference(), ON, need(), "fr", kept)
    (query,) = reference().reader.read(need())
    tracemalloc.start()
    try:
        for number in range(1_000):
            wanted = (WantedSegment("pr-locaux", "object", (f"keyword:{number} {words}",), 1.0),)
            explainer.requested_segments(msgspec.structs.replace(query, wanted=wanted))
        assert tracemalloc.get_traced_memory()[0] < 2 * REQUESTED_BYTES
    finally:
        tracemalloc.stop()


SUPPLIERS = (
    *(
        supplier(f"near {n}", offer("pr-locaux"), at=moved(RENNES, east=n / 100), approvals=approved("EI"))
        for n in (1, 2)
    ),
    supplier("same place", offer("pr-locaux"), at=moved(RENNES, east=0.01), approvals=approved("ESAT")),
    supplier("ending", offer("pr-locaux", basis="inferred"), approvals=approved("EI", until=date(2027, 6, 1))),
    supplier("refused", offer("pr-locaux"), approvals=()),
    supplier("elsewhere", offer("pr-locaux", codes=("departement:56",)), at=VANNES),
    supplier("neighbour", offer("pr-specialise"), at=REDON),
    *(offerless(f"unknown {n}") for n in range(4)),
)
ASKED = need(lot("pr-locaux", site=place(RENNES), title="Nettoyage"), territory=codes("departement:35"))
CHANGES: tuple[dict[str, Any], ...] = (
    {},
    {"reference": "another draw"},
    {"limit": 1},
    {"near_misses": 2},
    {"contract": "concession"},
    {"title": "Nettoyage des locaux"},
    *({"lots": (msgspec.structs.replace(ASKED.lots[0], **fields),)} for fields in (
        {"site": place("35238")},
        {"site": None},
        {"reserved": ("iae",)},
        {"reserved": ("iae",), "duration_months": 48},
        {"reserved": ("iae",), "value_eur": 30_000},
        {"cpv": ("60400000",)},
        {"keywords": ("mot que personne ne connaît",)},
        {"max_distance_km": 10},
        {"title": "Peinture", "cpv": ("90919200",)},
        {"title": "Nettoyage, 800 m² une fois par mois"},
    )),
)  # fmt: skip


def test_what_was_asked_before_changes_no_answer(reference: Reference, monkeypatch: pytest.MonkeyPatch) -> None:
    """In any order, twice, and in both languages: as if each need was the first one; also where no array is cached."""
    monkeypatch.setattr("matching.kept.lots.ARRAY_BYTES_PER_SUPPLIER", 0)
    asked: list[tuple[Need, date, Language]] = [
        (msgspec.structs.replace(ASKED, **changes), on, language)
        for changes in CHANGES
        for on in (ON, date(2027, 7, 1))
        for language in ("fr", "en")
    ]
    alone = [match_json(one, live(*SUPPLIERS), reference, on, language) for one, on, language in asked]
    for seed, array_bytes in enumerate((0, 1 << 20)):
        monkeypatch.setattr("matching.kept.lots.ARRAY_BYTES", array_bytes)
        shared = live(*SUPPLIERS)
        for place_of in Random(seed).choices(range(len(asked)), k=3 * len(asked)):
            one, on, language = asked[place_of]
            assert match_json(one, shared, reference, on, language) == alone[place_of]


def test_a_lot_with_too_many_pieces_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("matching.kept.memory.LARGEST_LOT", 2_000)
    written = WrittenLot(WeightBoundCache(1 << 20), "any key")
    for number in range(100):
        written.add(written.rows, {number: b"x" * 100}, 100)
    assert 0 < sum(map(len, written.rows.values())) <= 2_000
    assert 99 in written.rows


Strings = WeightedCache[int, str]


@pytest.fixture
def kept() -> tuple[Strings, list[int]]:
    """A cache that makes strings as long as asked for, and keeps ten characters; what was made, in order."""
    made: list[int] = []

    def make(size: int) -> str:
        made.append(size)
        return "x" * size

    return WeightedCache(make, len, budget=10), made


@pytest.mark.parametrize(
    ("asked", "expected"),
    [((3, 4, 3), [3, 4]), ((3, 4, 3, 5, 3, 5, 4), [3, 4, 5, 4]), ((11, 11), [11, 11])],
    ids=["made once", "the longest unused goes first", "too heavy to be kept"],
)
def test_what_is_kept_is_made_once(
    kept: tuple[Strings, list[int]], asked: tuple[int, ...], expected: list[int]
) -> None:
    cache, made = kept
    assert [cache(size) for size in asked] == ["x" * size for size in asked]
    assert made == expected


def test_what_cannot_be_made_is_not_kept() -> None:
    failing: WeightedCache[int, int] = WeightedCache(lambda size: 1 // size, int, budget=10)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            failing(0)
    assert failing(1) == 1


def test_what_grew_is_weighed_again(kept: tuple[Strings, list[int]]) -> None:
    cache, made = kept
    first, second = cache(3), cache(4)
    cache.weigh_again(4, second, 8)
    assert [key for key, _ in cache.latest()] == [4]
    cache.weigh_again(3, first, 1)
    assert cache(3) == first, "what is no longer cached weighs nothing"
    assert made == [3, 4, 3]
