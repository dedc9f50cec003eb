"""Divisions are all sets of lots that can be said as segments in areas and buy each thing once."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.allotment.divisions import (
    AllowedDivisions,
    Division,
    GivenLot,
    JoinableLots,
    PossibleLot,
    are_connected,
    joinable_groups,
)

A, B, C = "de-a", "de-b", "de-c"


def freedom(
    *, by_segment: bool = True, join: bool = True, apart: frozenset[int] = frozenset(), nobody: tuple[str, ...] = ()
) -> AllowedDivisions:
    """`apart`: areas that cannot be united with others; `nobody`: segments that no supplier answers together."""
    return AllowedDivisions(
        by_segment,
        join,
        lambda code: code[:2],
        lambda areas: not apart & {*areas},
        lambda lot: not nobody or not {*nobody} <= {*lot.segments},
    )


def bought(place: int, *segments: str, areas: tuple[int, ...] = (0,), terms: object = None) -> GivenLot:
    return GivenLot(place, segments, areas, terms)


def divided(*lots: GivenLot, most_lots: int = 99, allowed: AllowedDivisions | None = None) -> list[Division]:
    found = JoinableLots(lots, allowed or freedom()).divisions(100_000, most_lots)
    assert found is not None
    return found


@pytest.mark.parametrize(("segments", "count"), [("a", 1), ("ab", 2), ("abc", 5), ("abcd", 15), ("abcde", 52)])
def test_segments_are_put_together_in_every_way(segments: str, count: int) -> None:
    """As many as there are partitions of a set (Bell's numbers); areas likewise."""
    assert len(divided(bought(0, *(f"de-{each}" for each in segments)))) == count
    assert len(divided(bought(0, A, areas=tuple(range(len(segments)))))) == count


def test_what_stays_together_and_what_may_be_joined() -> None:
    """Lots with segments or areas in common, of one family; a lot as given may be of several."""
    whole = divided(bought(0, A, B, areas=(0, 1)), allowed=freedom(by_segment=False))
    assert {lot.segments for lots in whole for lot in lots} == {(A, B)}
    apart = divided(bought(0, A, areas=(0, 1)), allowed=freedom(apart=frozenset({0, 1})))
    assert [len(lots) for lots in apart] == [2]
    assert len(divided(bought(0, A), bought(1, B))) == 2
    assert len(divided(bought(0, A), bought(1, A, areas=(1,)))) == 2
    assert len(divided(bought(0, A), bought(1, B, areas=(1,)))) == 1
    assert len(divided(bought(0, A), bought(1, B), allowed=freedom(join=False))) == 1
    assert max(len(lot.lots) for lots in divided(bought(0, A, "pr-a"), bought(1, "pr-b")) for lot in lots) == 2
    found = {lot for lots in divided(bought(0, A, "pr-a"), bought(1, "pr-b")) for lot in lots}
    assert PossibleLot((0,), (A, "pr-a"), (0,)) in found
    assert not [lot for lot in found if len(lot.lots) == 2 and A in lot.segments]


def test_areas_of_a_lot_are_reached_through_neighbours() -> None:
    """Of four areas in a row, all that is put together is a stretch of it."""
    row = {0: 0b0010, 1: 0b0101, 2: 0b1010, 3: 0b0100}
    found = divided(bought(0, A, areas=(2, 0, 3, 1)), allowed=freedom()._replace(neighbours=row))
    stretches = {tuple(range(start, end)) for end in range(1, 5) for start in range(end)}
    assert {tuple(sorted(lot.areas)) for lots in found for lot in lots} == stretches
    assert len(found) == 2**3
    assert not are_connected((0, 2), row)


def test_lots_of_other_terms_or_families_are_in_groups_of_their_own() -> None:
    lots = [bought(0, A), bought(1, "pr-a"), bought(2, B, terms="12 months"), bought(3, C), bought(4, A, areas=(7,))]
    assert [[lot.position for lot in group.lots] for group in joinable_groups(lots, freedom())] == [[0, 3, 4], [1], [2]]
    assert len(joinable_groups(lots, freedom(join=False))) == 5


def test_too_many_divisions_are_none() -> None:
    """Into more lots than allowed they are left out; above the limit, with too many sides."""
    found = divided(bought(0, A, B, C), most_lots=2)
    assert sorted(len(lots) for lots in found) == [1, 2, 2, 2]
    assert JoinableLots([bought(0, A, B, C)], freedom()).divisions(4, 99) is None
    many = [f"de-{number}" for number in range(12)]
    assert JoinableLots([bought(0, *many)], freedom()).divisions(10**9, 99) is None
    wide = bought(0, *many[:6], areas=tuple(range(5)))
    assert JoinableLots([wide], freedom()).divisions(1_000, 4) is None


def partitions(cells: list[tuple[int, str, int]]) -> list[list[list[tuple[int, str, int]]]]:
    if not cells:
        return [[]]
    first, found = cells[0], []
    for partition in partitions(cells[1:]):
        found.append([[first], *partition])
        found += [
            [*partition[:place], [first, *block], *partition[place + 1 :]] for place, block in enumerate(partition)
        ]
    return found


def written(block: list[tuple[int, str, int]], lots: list[GivenLot], allowed: AllowedDivisions) -> PossibleLot | None:
    """The lot that buys these cells, if there is one that buys nothing else."""
    places, codes, areas = ({cell[side] for cell in block} for side in range(3))
    whole = {
        (lot.position, code, area)
        for lot in lots
        if lot.position in places
        for code, area in product(lot.segments, lot.areas)
        if code in codes and area in areas
    }
    covered = len({cell[1:] for cell in block}) == len(codes) * len(areas)
    if whole != set(block) or not covered or (len(places) > 1 and not allowed.join):
        return None
    if not allowed.by_segment and any(not set(lot.segments) <= codes for lot in lots if lot.position in places):
        return None
    return PossibleLot(tuple(sorted(places)), tuple(sorted(codes)), tuple(sorted(areas)))  # type: ignore[arg-type]


given_lots = st.lists(
    st.tuples(
        st.lists(st.sampled_from((A, B, C)), min_size=1, max_size=2, unique=True),
        st.lists(st.sampled_from((0, 1, 2)), min_size=1, max_size=2, unique=True),
    ),
    min_size=1,
    max_size=3,
).filter(lambda lots: sum(len(codes) * len(areas) for codes, areas in lots) <= 7)


@given(made=given_lots, by_segment=st.booleans(), join=st.booleans())
def test_divisions_are_those_of_all_partitions(
    made: list[tuple[list[str], list[int]]], by_segment: bool, join: bool
) -> None:
    """Any few lots that overlap in any way, against every partition of what they buy."""
    lots = [bought(place, *codes, areas=tuple(areas)) for place, (codes, areas) in enumerate(made)]
    allowed = freedom(by_segment=by_segment, join=join)
    cells = [(lot.position, code, area) for lot in lots for code, area in product(lot.segments, lot.areas)]
    expected = set()
    for partition in partitions(cells):
        division = [written(block, lots, allowed) for block in partition]
        if None not in division:
            expected.add(frozenset(division))
    found = [
        frozenset(PossibleLot(lot.lots, tuple(sorted(lot.segments)), tuple(sorted(lot.areas))) for lot in division)
        for division in divided(*lots, allowed=allowed)
    ]
    assert set(found) == expected
    assert len(found) == len(expected)
