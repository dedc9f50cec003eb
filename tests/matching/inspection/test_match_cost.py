"""The size of a need tells before its match what that takes."""

from datetime import timedelta
from typing import Any, NoReturn

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.matching.match_cost import circle, comb, ring_in_france
from domain.errors import InvalidContent
from domain.needs.need import Lot, Need, Place, TerritoryRequest
from domain.reference.territory import MultiPolygon, Polygon
from matching.engine import match, match_json
from matching.inspection import match_cost
from matching.inspection.match_cost import AT_ONCE_MS, estimated_bytes, estimated_ms, words_ms
from matching.reference import Reference
from tests.conftest import examples
from tests.factories import NANTES, ON, REDON, RENNES, approved, around, codes, live, lot, need, supplier

SUPPLIERS = tuple(
    supplier(f"{where.lat}-{number}", at=where, approvals=approved("ESAT", until=ON + timedelta(days=9)))
    for where in (RENNES, NANTES, REDON)
    for number in range(9)
)


def drawn(outline: Polygon) -> TerritoryRequest:
    return TerritoryRequest(geometry=outline)


COMB = drawn(Polygon((ring_in_france(comb(198, 9_900), 7.0, 5.0),)))


def test_a_territory_that_is_new_keeps_others_waiting(reference: Reference) -> None:
    """Once it is known, its ground is not counted any more."""
    ours = live(*SUPPLIERS)
    match(need(territory=codes("departement:35")), ours, reference, ON, "fr")
    lots = [lot(id=str(number), territory=around(RENNES, 17.25 + number)) for number in range(5)]
    for asked in (need(lot(), lots[0], territory=codes("departement:35")), need(*lots)):
        before = estimated_ms(asked, ours, reference)
        match(asked, ours, reference, ON, "fr")
        assert estimated_ms(asked, ours, reference) <= AT_ONCE_MS < before


class Unread(tuple[tuple[float, float], ...]):
    """A ring of which nothing but its length may be asked."""

    __slots__ = ()

    def __iter__(self) -> NoReturn:
        pytest.fail("its positions were read")

    __hash__ = __iter__


def test_an_outline_with_too_many_vertices_is_refused_before_it_is_read(reference: Reference) -> None:
    """Whatever else the need asks for is still estimated, and whatever else is wrong with it is still told."""
    ours, ring = live(*SUPPLIERS), Unread(((0.0, 47.0), *((1.0, 47.0),) * 20_000, (0.0, 47.0)))
    asked = need(lot(territory=drawn(Polygon((ring,)))), lot(id="2"), territory=codes("departement:999"))
    assert estimated_ms(asked, ours, reference) > AT_ONCE_MS
    with pytest.raises(InvalidContent) as refused:
        reference.reader.read(asked)
    found = {problem.pointer: problem.code for problem in refused.value.problems}
    assert found == {"/lots/0/territory/geometry": "too_many_vertices", "/territory/codes/0": "unknown_code"}


def test_a_plain_need_is_matched_at_once(reference: Reference) -> None:
    """Of three lots, in a place that is known, with a title and words and a site."""
    ours = live(*SUPPLIERS)
    said: dict[str, Any] = {"title": "Nettoyage", "keywords": ("bureaux",), "site": Place(commune="56260")}
    lots = [lot("pr-locaux", id=name, **said) for name in "123"]
    match_json(need(*lots), ours, reference, ON, "fr")
    assert estimated_ms(need(*lots, reference="another"), ours, reference) <= AT_ONCE_MS


def test_no_more_is_looked_at_than_is_enough(reference: Reference) -> None:
    """Each outline that is looked at holds up all others."""
    every = [lot(id=str(number), territory=around(RENNES, 1.0 + number)) for number in range(100)]
    enough = estimated_ms(need(*every), live(*SUPPLIERS), reference, AT_ONCE_MS)
    assert AT_ONCE_MS < enough < AT_ONCE_MS + 20 < estimated_ms(need(*every), live(*SUPPLIERS), reference)


@pytest.mark.parametrize(
    "asked",
    [
        need(*(lot(id=str(number)) for number in range(200))),
        need(territory=COMB),
        need(territory=drawn(Polygon((ring_in_france(circle(9_900, 0.5), 0.1, 0.1),)))),
        need(territory=codes(*(f"commune:35{number:03}" for number in range(300)))),
        need(*(lot(id=str(n), keywords=tuple(f"{n} {k}" for k in range(50))) for n in range(10))),
    ],
    ids=["lots", "comb", "star", "communes", "words"],
)
def test_what_takes_long_is_not_done_at_once(reference: Reference, asked: Need) -> None:
    assert estimated_ms(asked, live(*SUPPLIERS), reference) > AT_ONCE_MS


def test_groupings_take_the_longer_the_more_segments_a_lot_has(reference: Reference) -> None:
    ours, wanted = live(*SUPPLIERS), tuple(reference.taxonomy.segments)
    plain, larger = need(lot(*wanted[:9])), need(lot(*wanted[:18]))

    def takes(asked: Need, groupings: int) -> float:
        return estimated_ms(msgspec.structs.replace(asked, groupings=groupings), ours, reference)

    assert takes(larger, 10) > takes(plain, 10) > takes(plain, 0)
    assert takes(larger, 1) > AT_ONCE_MS
    assert estimated_bytes(msgspec.structs.replace(plain, groupings=10), ours) > estimated_bytes(plain, ours)


@given(
    lots=st.integers(1, 40),
    segments=st.integers(1, 20),
    words=st.integers(0, 20),
    limit=st.integers(1, 100),
    more=st.sampled_from(("lots", "segments", "words", "limit", "territory")),
)
@settings(max_examples=examples(60))
def test_more_is_never_estimated_to_take_less(
    reference: Reference, lots: int, segments: int, words: int, limit: int, more: str
) -> None:
    """Of lots, segments, words, rows or ground, where none of it was asked for before."""
    size = {"lots": lots, "segments": segments, "words": words, "limit": limit}
    larger = size | ({more: 2 * size[more] + 1} if more in size else {})
    ground = "country:FR" if more == "territory" else "departement:29"
    ours = live(*SUPPLIERS)
    takes = estimated_ms(sized(reference, "departement:29", **size), ours, reference)
    assert estimated_ms(sized(reference, ground, **larger), ours, reference) >= takes


def sized(reference: Reference, code: str, *, lots: int, segments: int, words: int, limit: int) -> Need:
    wanted, said = tuple(reference.taxonomy.segments)[:segments], tuple(f"mot {number}" for number in range(words))
    each = (lot(*wanted, id=str(number), keywords=said) for number in range(lots))
    return need(*each, territory=codes(code), limit=min(limit, 100))


@pytest.mark.parametrize("position", [(1e308, -1e308), (1e308, 1e308, 5.0), (1.0, 2.0, 1e300)])
def test_an_outline_from_beyond_the_world_is_estimated_all_the_same(
    reference: Reference, position: tuple[float, ...]
) -> None:
    """And then refused."""
    asked = need(territory=drawn(Polygon((((0.0, 0.0), position, (-1e308, 1e308), (0.0, 0.0)),))))
    assert estimated_ms(asked, live(*SUPPLIERS), reference) > 0
    with pytest.raises(InvalidContent):
        match(asked, live(*SUPPLIERS), reference, ON, "fr")


@given(teeth=st.integers(1, 400), width=st.floats(0.01, 8.0), height=st.floats(0.01, 6.0))
@settings(max_examples=examples(50))
def test_an_outline_takes_longer_the_more_it_turns(
    reference: Reference, teeth: int, width: float, height: float
) -> None:
    """At least what its length says: nothing about it is missed."""
    turning = need(territory=drawn(Polygon((ring_in_france(comb(teeth, 4 * teeth), width, height),))))
    takes = estimated_ms(turning, live(*SUPPLIERS), reference)
    assert takes >= match_cost.DEGREE_MS * height * 1.9 * teeth


def test_the_way_between_parts_of_an_outline_costs_nothing(reference: Reference) -> None:
    west, east = ((((x, 47.0), (x + 1, 47.0), (x, 48.0), (x, 47.0)),) for x in (-3.0, 6.0))
    drawn_as = (MultiPolygon(parts) for parts in ((west, east) * 50, (west,) * 50 + (east,) * 50))
    to_and_fro, at_once = (need(lot(), territory=TerritoryRequest(geometry=each)) for each in drawn_as)
    assert estimated_ms(to_and_fro, live(), reference) == pytest.approx(estimated_ms(at_once, live(), reference))


@given(
    sizes=st.lists(st.integers(1, 6), min_size=1, max_size=30),
    limit=st.integers(1, 100),
    near_misses=st.integers(0, 50),
)
@settings(max_examples=examples(30))
def test_an_answer_is_about_as_large_as_expected_and_no_more_rows_are_counted_than_suppliers(
    reference: Reference, sizes: list[int], limit: int, near_misses: int
) -> None:
    """Where there are as many candidates as asked for; where there are fewer, it is smaller."""
    segments = tuple(reference.taxonomy.segments)
    lots = tuple(Lot(str(n), segments=("pr-locaux", *segments[:more])) for n, more in enumerate(sizes))
    asked, ours = need(*lots, limit=limit, near_misses=near_misses), live(*SUPPLIERS)
    answered = len(match_json(asked, ours, reference, ON, "fr"))
    expected = estimated_bytes(asked, ours)
    assert expected / 4 < answered < 2 * expected


def test_words_alone_take_their_time() -> None:
    """Titles only where nothing else is said."""
    plain = need(lot("pr-locaux", title="Nettoyage"))
    assert words_ms(plain) == 0.0
    words = tuple(f"mot{number}" for number in range(50))
    said = need(Lot("1", keywords=words), Lot("2", keywords=words, title="Nettoyage"))
    assert words_ms(said) == pytest.approx(100 * match_cost.KEYWORD_MS + match_cost.TITLE_MS)
