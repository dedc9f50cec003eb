"""What a match takes is known before it, from the need and from what is cached."""

from datetime import timedelta
from typing import Any, NoReturn
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.match_cost import circle, comb, placed
from domain.errors import InvalidContent
from domain.needs.need import Lot, Need, Place, TerritoryRequest
from domain.reference.geojson import Polygon
from matching import match_cost
from matching.engine import match, match_json
from matching.match_cost import AT_ONCE_MS, estimated_bytes, estimated_ms, takes_little, words_ms
from matching.reference import Reference, preparation
from tests.conftest import examples
from tests.factories import NANTES, ON, REDON, RENNES, approved, around, codes, live, lot, need, supplier

SUPPLIERS = tuple(
    supplier(f"{where.lat}-{number}", at=where, approvals=approved("ESAT", until=ON + timedelta(days=9)))
    for where in (RENNES, NANTES, REDON)
    for number in range(9)
)


def drawn(outline: Polygon) -> TerritoryRequest:
    return TerritoryRequest(geometry=outline)


COMB = drawn(Polygon((placed(comb(198, 9_900), 7.0, 5.0),)))


def test_departements_are_known_once_they_are_prepared(reference: Reference, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("matching.reference.WORTHWHILE", 1)
    ours, asked = live(*SUPPLIERS), need(territory=codes("departement:44"))
    assert not takes_little(asked, ours, reference)
    list(preparation(ours, reference, ON, ()))
    assert takes_little(asked, ours, reference)


def test_places_of_which_one_is_new_keep_others_waiting(reference: Reference) -> None:
    ours = live(*SUPPLIERS)
    match(need(territory=codes("departement:35")), ours, reference, ON, "fr")
    asked = need(lot(), lot(id="2", territory=around(RENNES, 17.25)), territory=codes("departement:35"))
    assert not takes_little(asked, ours, reference)
    before = estimated_ms(asked, ours, reference)
    match(asked, ours, reference, ON, "fr")
    assert takes_little(asked, ours, reference)
    assert estimated_ms(asked, ours, reference) < before - match_cost.PLACE_MS / 2


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
    assert estimated_ms(asked, ours, reference) > estimated_ms(need(lot()), ours, reference)
    assert not takes_little(asked, ours, reference)
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
    assert takes_little(need(*lots, reference="another"), ours, reference)


def test_many_lots_asked_for_before_take_little(reference: Reference) -> None:
    """Looked up one by one, as a bound that knows only their number would be too high."""
    ours = live(*SUPPLIERS)
    asked = need(*(lot(id=str(number), site=Place(lat=47.5, lon=-2.0)) for number in range(100)))
    before = estimated_ms(asked, ours, reference)
    match_json(asked, ours, reference, ON, "fr")
    assert estimated_ms(asked, ours, reference) < before / 3
    elsewhere = need(*(lot(id=str(n), site=Place(lat=47.5, lon=-2 - n / 100)) for n in range(100)))
    assert estimated_ms(elsewhere, ours, reference) > estimated_ms(asked, ours, reference) + 90 * match_cost.SITE_MS


@pytest.mark.parametrize(
    "asked",
    [
        need(*(lot(id=str(number)) for number in range(200))),
        need(territory=COMB),
        need(territory=drawn(Polygon((placed(circle(9_900, 0.5), 0.1, 0.1),)))),
        need(territory=codes(*(f"commune:35{number:03}" for number in range(300)))),
        need(*(lot(id=str(n), keywords=tuple(f"{n} {k}" for k in range(50))) for n in range(10))),
    ],
    ids=["lots", "comb", "star", "communes", "words"],
)
def test_what_takes_long_is_not_done_at_once(reference: Reference, asked: Need) -> None:
    assert estimated_ms(asked, live(*SUPPLIERS), reference) > AT_ONCE_MS


def test_groupings_are_counted_also_where_all_else_is_known(reference: Reference) -> None:
    """They are searched anew each time, and the more segments a lot has the longer."""
    ours, wanted = live(*SUPPLIERS), tuple(reference.taxonomy.segments)
    plain, larger = need(lot(*wanted[:9])), need(lot(*wanted[:18]))

    def takes(asked: Need, groupings: int) -> float:
        return estimated_ms(msgspec.structs.replace(asked, groupings=groupings), ours, reference)

    with patch.object(match_cost, "AT_ONCE_MS", 0.0):
        for each in (plain, larger):
            match(each, ours, reference, ON, "fr")
        assert takes(larger, 10) > takes(plain, 10) > takes(plain, 0)
    assert not takes_little(msgspec.structs.replace(larger, groupings=1), ours, reference)
    assert estimated_bytes(msgspec.structs.replace(plain, groupings=10), ours) > estimated_bytes(plain, ours)


def test_an_outline_of_too_many_vertices_is_refused_at_once(reference: Reference) -> None:
    asked = need(territory=drawn(Polygon((placed(circle(10_001), 1.0, 1.0),))))
    assert estimated_ms(asked, live(*SUPPLIERS), reference) <= AT_ONCE_MS


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
    with patch.object(match_cost, "AT_ONCE_MS", 0.0):  # below it, a bound is enough
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
    """Than the box around it, and at least what its length and vertices say: nothing about it is missed."""
    plain = need(territory=drawn(Polygon((placed([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)], width, height),))))
    turning = need(territory=drawn(Polygon((placed(comb(teeth, 4 * teeth), width, height),))))
    ours = live(*SUPPLIERS)
    more = estimated_ms(turning, ours, reference) - estimated_ms(plain, ours, reference)
    assert more >= match_cost.DEGREE_MS * height * (1.9 * teeth - 2)


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
