"""Groupings: who answers a lot together that nobody answers alone, in which order, and in which words."""

import hashlib
from collections.abc import Sequence
from datetime import date
from itertools import combinations, islice
from random import Random
from typing import Any
from uuid import UUID

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.needs.need import Lot, Need
from domain.shortlists.listed_suppliers import Grouping
from domain.suppliers.supplier import Supplier
from matching.answer.groupings import MinimalCovers, TooManyCombinations, first_groupings
from matching.engine import draw_seed, lot_matches, match
from matching.index.offers import NO_OFFER
from matching.lot_match import LotMatch
from matching.ranking import seeded_tie_break
from matching.reference import Reference
from tests.conftest import examples
from tests.factories import ON, RENNES, VANNES, approved, live, lot, matched, moved, need, offer, supplier
from tests.matching.oracle.run import Bench
from tests.matching.oracle.strategies import DATES, suppliers
from tests.matching.oracle.strategies import need as drawn_need

BIO, FLOWS, BULKY = "de-bio", "de-5flux", "de-encombrants"


def together(
    *some: Supplier, segments: Sequence[str] = (BIO, FLOWS), language: Any = "fr", **fields: Any
) -> tuple[Grouping, ...]:
    """The groupings of a lot of waste around Rennes."""
    return matched(need(lot(*segments, **fields), groupings=10), *some, language=language).groupings


def members(found: Sequence[Grouping]) -> list[list[str]]:
    return [[each.name for each in one.suppliers] for one in found]


def test_two_answer_what_none_answers_alone() -> None:
    """Each with the segments that it answers; who adds nothing is left out."""
    found = together(supplier("bio", offer(BIO)), supplier("flows", offer(FLOWS)), supplier("bulky", offer(BULKY)))
    assert sorted(map(sorted, members(found))) == [["bio", "flows"]]
    assert {each.name: each.segments for each in found[0].suppliers} == {"bio": (BIO,), "flows": (FLOWS,)}
    assert found[0].message == "Ensemble, ces deux fournisseurs répondent aux deux métiers demandés"


def test_three_are_told_in_english() -> None:
    some = [supplier(each, offer(each)) for each in (BIO, FLOWS, BULKY)]
    (found,) = together(*some, segments=(BIO, FLOWS, BULKY), language="en")
    assert found.message == "Together, these three suppliers answer the three requested segments"


def test_equal_groupings_are_drawn_and_the_draw_stays(reference: Reference) -> None:
    """The same need gives the same order; over needs nobody always comes first."""
    ours = live(*(supplier(f"{code} {number}", offer(code)) for code in (BIO, FLOWS) for number in range(6)))

    def first(asked: Need) -> list[str]:
        return members(match(asked, ours, reference, ON, "fr").lots[0].groupings)[0]

    needs = [need(lot(BIO, FLOWS), reference=str(number), groupings=1) for number in range(40)]
    assert [first(each) for each in needs] == [first(each) for each in needs]
    assert len({name for each in needs for name in first(each)}) >= 8


def test_how_many_are_asked_for_changes_no_draw(reference: Reference) -> None:
    """Nor the order of candidates, which is that of needs from before groupings could be asked for."""
    asked = need(lot(BIO, FLOWS), title='",\\"groupings":0')
    content = msgspec.json.encode(asked)
    assert content.endswith(b',"groupings":0,"unknown_trade":null}')
    assert len({draw_seed(msgspec.structs.replace(asked, groupings=number)) for number in range(11)}) == 1


def test_what_amounts_cover_changes_no_draw_of_needs_that_could_not_say_it(reference: Reference) -> None:
    """Two lots as the release before wrote them; said, it is content."""
    asked = Need(lots=(Lot("1"), Lot("2")))
    before = b'{"lots":[' + b",".join(OLD_LOT % number for number in (b"1", b"2")) + OLD_REST
    assert draw_seed(asked) == int.from_bytes(hashlib.blake2b(before, digest_size=8).digest(), "big")
    assert draw_seed(asked) != draw_seed(Need(lots=(Lot("1"), Lot("2", options_eur=0))))


OLD_LOT = (
    b'{"id":"%b","title":null,"segments":[],"cpv":[],"keywords":[],"support_segments":[],"nature":null,'
    b'"value_eur":null,"duration_months":null,"renewal_months":null,"innovative":false,"reserved":[],"site":null,'
    b'"max_distance_km":null,"territory":null}'
)
OLD_REST = (
    b'],"reference":null,"title":null,"on":null,"buyer":null,"contract":"market","technique":null,'
    b'"estimated_total_eur":null,"territory":null,"limit":20,"near_misses":5}'
)


def by_trying(found: LotMatch, count: int, seed: int) -> list[frozenset[int]]:
    """The first groupings of all sets of two to four candidates, each set held against the contract."""
    rows = found.passing.order.tolist()
    objects = len(found.query.subject.objects)
    answers = {row: {*np.flatnonzero(found.selection.best[:objects, row] != NO_OFFER).tolist()} for row in rows}
    if any(len(each) == objects for each in answers.values()):
        return []
    every = np.array(rows, dtype=np.intp)
    outcome = dict(zip(rows, found.passing.outcome[every].tolist(), strict=True))
    away = dict(zip(rows, found.passing.distances.measure_rows(every).tolist(), strict=True))
    bits = seeded_tie_break(found.distances.tie_break_bits(found.selection.ordinals[every]), seed)
    draw = dict(zip(rows, bits.tolist(), strict=True))

    def answered(some: Sequence[int]) -> int:
        return len(set().union(*(answers[row] for row in some)))

    allowed = [
        some
        for size in (2, 3, 4)
        for some in combinations(rows, size)
        if answered(some) == objects and all(answered([o for o in some if o != one]) < objects for one in some)
    ]
    allowed.sort(
        key=lambda some: (
            len(some),
            max(outcome[row] for row in some),
            max(away[row] for row in some),
            sorted((draw[row] for row in some), reverse=True),
        )
    )
    return [frozenset(some) for some in allowed[:count]]


def named(one: Grouping) -> dict[UUID, set[str]]:
    return {each.id: {*each.segments} for each in one.suppliers}


def with_segments(found: LotMatch, rows: frozenset[int]) -> dict[UUID, set[str]]:
    """The suppliers of some rows, each with the segments of the lot's object that it answers."""
    columns, objects = found.live.base.columns, found.query.understood.segments
    answered = {row: found.selection.best[: len(objects), row] != NO_OFFER for row in rows}
    return {
        columns.supplier(int(found.ordinals[row])).id: {code for code, has in zip(objects, of_row, strict=True) if has}
        for row, of_row in answered.items()
    }


@settings(max_examples=examples(60), derandomize=True)
@given(draw=st.randoms(use_true_random=True), count=st.integers(1, 10), on=st.sampled_from(DATES))
def test_the_first_are_those_that_trying_every_set_gives(bench: Bench, draw: Random, count: int, on: date) -> None:
    """In any pool, after changes, under any reservation, cap and site; the answer names them with their segments."""
    asked = msgspec.structs.replace(drawn_need(bench.scenery, draw, lots=2), groupings=count)
    index, known = bench.index(suppliers(bench.scenery, draw, 60)), bench.reference
    told = match(asked, index, known, on, "fr").lots
    for found, lot_told in zip(lot_matches(known.reader.read(asked), index, on, known.rules), told, strict=True):
        if len(found.passing.order) > 25:
            continue
        expected = by_trying(found, count, draw_seed(asked))
        assert [frozenset(each) for each in first_groupings(found, count, draw_seed(asked))] == expected
        assert [named(one) for one in lot_told.groupings] == [with_segments(found, rows) for rows in expected]


def test_nobody_nearer_is_missed_where_not_all_distances_are_known(bench: Bench) -> None:
    """Of some who are more than 100 km away the distance is known, of nearer ones only that it is more."""

    def found_of(*some: Supplier, segments: Sequence[str]) -> tuple[LotMatch, Need]:
        asked = need(lot(*segments), groupings=3)
        (found,) = lot_matches(bench.reference.reader.read(asked), live(*some), ON, bench.reference.rules)
        return found, asked

    draw = Random(1)
    spots = [moved(RENNES, north=draw.uniform(1.4, 1.6), east=draw.uniform(-1, 1)) for _ in range(200)]
    pool = [supplier(str(number), offer(BIO, national=True), at=spot) for number, spot in enumerate(spots)]
    far, _ = found_of(*pool, segments=(BIO,))
    known, away = far.passing.distances.known, far.passing.distances.measure_rows(np.arange(len(pool)))
    unknown = min(np.flatnonzero(np.isnan(known)).tolist(), key=away.__getitem__)
    measured = sorted(np.flatnonzero(known > away[unknown]).tolist(), key=away.__getitem__)
    offered = dict.fromkeys((unknown, *measured[-6:]), BIO) | dict.fromkeys(measured[:2], FLOWS)
    ids = {far.live.base.columns.supplier(int(far.ordinals[row])).id: code for row, code in offered.items()}
    others = [msgspec.structs.replace(one, offers=(offer(ids.get(one.id, BULKY), national=True),)) for one in pool]
    found, asked = found_of(*others, segments=(BIO, FLOWS))
    assert np.isnan(found.passing.distances.known).sum() == 1
    first = [frozenset(each) for each in first_groupings(found, 3, draw_seed(asked))]
    assert first == by_trying(found, 3, draw_seed(asked))


@settings(max_examples=examples(40), derandomize=True)
@given(draw=st.randoms(use_true_random=True), count=st.integers(1, 10), segments=st.integers(3, 6))
def test_many_candidates_of_few_segments(bench: Bench, draw: Random, count: int, segments: int) -> None:
    """Where sets are many: most stand at one of a few places, so that the draw decides."""
    codes = [each.id for family in bench.reference.taxonomy.families[:3] for each in family.segments][:segments]
    some = [
        supplier(
            str(number),
            offer(*draw.sample(codes, draw.choice((1, 1, 2, 3, segments - 1))), national=True),
            at=draw.choice((RENNES, RENNES, moved(RENNES, north=0.9), VANNES, moved(RENNES, east=3), None)),
            approvals=draw.choice((None, approved("EI"), approved("ACI"), approved("GEIQ"))),
        )
        for number in range(draw.randrange(2, 28))
    ]
    asked = need(lot(*codes, reserved=draw.choice(((), ("iae",)))), groupings=count)
    (found,) = lot_matches(bench.reference.reader.read(asked), live(*some), ON, bench.reference.rules)
    seed = draw_seed(asked)
    assert [frozenset(each) for each in first_groupings(found, count, seed)] == by_trying(found, count, seed)


def covers_by_trying(masks: list[int], whole: int, size: int) -> list[tuple[int, ...]]:
    """Every set of places that covers the whole and of which none can be left out, the last place of each first."""

    def covers(places: tuple[int, ...]) -> bool:
        together = 0
        for place in places:
            together |= masks[place]
        return together == whole

    found = [
        places[::-1]
        for places in combinations(range(len(masks)), size)
        if covers(places) and not any(covers((*places[:one], *places[one + 1 :])) for one in range(size))
    ]
    return sorted(found)


@given(
    masks=st.integers(2, 6).flatmap(lambda bits: st.lists(st.integers(0, (1 << bits) - 1), max_size=12)),
    size=st.integers(2, 4),
    count=st.integers(1, 12),
)
def test_the_first_sets_are_those_that_trying_all_gives(masks: list[int], size: int, count: int) -> None:
    whole = 0
    for mask in masks:
        whole |= mask
    found = list(islice(MinimalCovers(masks, whole).sets(size), count))
    assert found == covers_by_trying(masks, whole, size)[:count]


def test_hundreds_of_segments_are_told_apart() -> None:
    halves = [(1 << 150) - 1, ((1 << 150) - 1) << 150]
    assert list(MinimalCovers([*halves, 1], (1 << 300) - 1).sets(2)) == [(1, 0)]


def test_members_that_differ_too_much_are_not_combined_for_ever() -> None:
    """Four of 400 that each answer another 14 of 40 things, in very many ways."""
    draw = Random(1)
    masks = [sum(1 << each for each in draw.sample(range(40), 14)) for _ in range(400)]
    with pytest.raises(TooManyCombinations):
        next(MinimalCovers(masks, (1 << 40) - 1).sets(4))
