"""Where suppliers stand: whoever is on one shortlist and not on another, it can be told why."""

from collections.abc import Iterable
from datetime import date
from random import Random
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.needs.need import Need
from domain.suppliers.supplier import Supplier
from domain.text.bilingual import Language
from matching.engine import match
from matching.index import LiveIndex
from matching.standings import Standing, standings
from tests.factories import LYON, NANTES, ON, approved, live, lot, need, offer, reference, supplier
from tests.matching.oracle_run import Bench
from tests.matching.strategies import DATES, suppliers
from tests.matching.strategies import need as drawn_need

POOL = (
    supplier("first", approvals=approved("EA")),
    supplier("second", offer(radius_km=30), approvals=approved("EA"), at=None),
    supplier("third", offer(national=True, basis="inferred"), approvals=None),
    supplier("neighbour", offer("pr-specialise")),
    supplier("elsewhere", offer(radius_km=10), at=NANTES),
    supplier("far", offer(national=True), at=LYON, approvals=approved("EA")),
    supplier("plain", offer(), approvals=()),
    supplier("another trade", offer("ev-entretien")),
)
ASKED = need(lot(reserved=("handicap",), max_distance_km=100), limit=1, near_misses=1)
IDS = {one.name: one.id for one in POOL}


def of_first_lot(
    index: LiveIndex, asked: Need, some: Iterable[UUID], language: Language = "fr"
) -> dict[UUID, Standing]:
    lot_id = asked.lots[0].id
    return standings(asked, index, reference(), ON, language, (), {lot_id: tuple(some)})[lot_id]


def test_a_gate_refuses_or_there_is_a_rank_however_few_rows_are_shown() -> None:
    """Who offers nothing near the lot, or is not in the index, has no standing."""
    found = of_first_lot(live(*POOL), ASKED, (*IDS.values(), UUID(int=9)))
    named = {name: found[one] for name, one in IDS.items() if one in found}
    assert found.keys() == {*IDS.values()} - {IDS["another trade"]}
    assert [named[name].rank for name in ("first", "third", "plain")] == [1, 2, None]
    assert [named[name].excluded_by for name in ("first", "neighbour", "elsewhere", "plain")] == [
        None,
        "segment",
        "service_area",
        "reservation",
    ]


@pytest.mark.parametrize("language", ["fr", "en"])
def test_what_is_said_of_a_refused_one_is_what_the_shortlist_says(language: Language) -> None:
    (missed,) = match(ASKED, live(*POOL), reference(), ON, language).lots[0].near_misses
    found = of_first_lot(live(*POOL), ASKED, (missed.supplier.id,), language)
    assert found == {missed.supplier.id: Standing(missed.excluded_by, missed.message, None)}


def test_who_was_replaced_or_removed_since_the_base_is_told_by_what_it_is_now() -> None:
    """The base still holds what they were."""
    changed = msgspec.structs.replace(POOL[0], offers=(offer("ev-entretien"),))
    after = live(*POOL).after([changed], [POOL[2].id], 2)
    assert of_first_lot(after, need(lot()), (POOL[0].id, POOL[2].id)) == {}


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


@settings(max_examples=40, deadline=None, derandomize=True)
@given(draw=st.randoms(use_true_random=True), on=st.sampled_from(DATES))
def test_it_says_of_each_what_a_longer_shortlist_would(bench: Bench, draw: Random, on: date) -> None:
    """Any need, any few suppliers: with room for everybody the answer itself tells where each stands."""
    pool: list[Supplier] = suppliers(bench.scenery, draw, 12)
    asked = msgspec.structs.replace(drawn_need(bench.scenery, draw, 1), limit=2, near_misses=0)
    index, lot_id = bench.index(pool), asked.lots[0].id
    found = standings(asked, index, bench.reference, on, "fr", (), {lot_id: [one.id for one in pool]})[lot_id]
    whole = match(msgspec.structs.replace(asked, limit=100, near_misses=50), index, bench.reference, on, "fr").lots[0]
    expected = {row.supplier.id: Standing(None, None, row.rank) for row in whole.candidates}
    expected |= {row.supplier.id: Standing(row.excluded_by, row.message, None) for row in whole.near_misses}
    assert found == expected
