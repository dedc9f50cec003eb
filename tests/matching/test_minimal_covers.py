"""Minimal covers are those that trying every set gives, in the order in which their last members stand."""

from itertools import combinations, islice
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.minimal_covers import MinimalCovers, TooManyCombinations


def by_trying(masks: list[int], whole: int, size: int) -> list[tuple[int, ...]]:
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
    assert found == by_trying(masks, whole, size)[:count]


def test_hundreds_of_segments_are_told_apart() -> None:
    halves = [(1 << 150) - 1, ((1 << 150) - 1) << 150]
    assert list(MinimalCovers([*halves, 1], (1 << 300) - 1).sets(2)) == [(1, 0)]


def test_members_that_differ_too_much_are_not_combined_for_ever() -> None:
    """Four of 400 that each answer another 14 of 40 things, in very many ways."""
    draw = Random(1)
    masks = [sum(1 << each for each in draw.sample(range(40), 14)) for _ in range(400)]
    with pytest.raises(TooManyCombinations):
        next(MinimalCovers(masks, (1 << 40) - 1).sets(4))
