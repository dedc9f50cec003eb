"""Things made are kept while they are light enough together, the latest first."""

import pytest

from matching.weighted_cache import WeightedCache


@pytest.fixture
def made() -> list[int]:
    """What was made, in order."""
    return []


@pytest.fixture
def kept(made: list[int]) -> WeightedCache[int, str]:
    """Makes strings as long as asked for, and keeps ten characters."""

    def make(size: int) -> str:
        made.append(size)
        return "x" * size

    return WeightedCache(make, len, budget=10)


def test_what_is_kept_is_made_once(kept: WeightedCache[int, str], made: list[int]) -> None:
    assert [kept(3), kept(4), kept(3)] == ["xxx", "xxxx", "xxx"]
    assert made == [3, 4]


def test_the_longest_unused_goes_first(kept: WeightedCache[int, str], made: list[int]) -> None:
    for size in (3, 4, 3, 5):  # 4 was asked for before 3 was again
        kept(size)
    for size in (3, 5, 4):
        kept(size)
    assert made == [3, 4, 5, 4]


def test_many_light_things_or_few_heavy_ones(kept: WeightedCache[int, str], made: list[int]) -> None:
    for size in (1, 2, 3, 9, 1, 9):
        kept(size)
    assert made == [1, 2, 3, 9, 1]


def test_what_is_too_heavy_is_made_each_time(kept: WeightedCache[int, str], made: list[int]) -> None:
    assert [kept(11), kept(11)] == ["x" * 11] * 2
    assert made == [11, 11]


def test_what_cannot_be_made_is_not_kept() -> None:
    failing: WeightedCache[int, int] = WeightedCache(lambda size: 1 // size, int, budget=10)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            failing(0)
    assert failing(1) == 1


def test_what_grew_is_weighed_again(kept: WeightedCache[int, str], made: list[int]) -> None:
    first, second = kept(3), kept(4)
    kept.weigh_again(4, second, 8)
    assert [key for key, _ in kept.latest()] == [4]
    kept.weigh_again(3, first, 1)
    assert kept(3) == first, "what is no longer cached weighs nothing"
    assert made == [3, 4, 3]


def test_the_latest_are_told_first(kept: WeightedCache[int, str]) -> None:
    for size in (3, 4, 3):
        kept(size)
    assert kept.latest() == [(3, "xxx"), (4, "xxxx")]
