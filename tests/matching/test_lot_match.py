"""An order that leaves equals to the draw gives, for every seed, what sorting everything would."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from matching.lot_match import DrawnOrder
from matching.ranking import seeded_tie_break

distances = st.lists(st.sampled_from((0.0, 0.5, 1.25, np.inf)), max_size=12)


@given(distances, st.integers(1, 14), st.data())
def test_the_first_are_those_of_a_full_sort(away: list[float], count: int, data: st.DataObject) -> None:
    size = len(away)
    classes = np.array(data.draw(st.lists(st.integers(0, 2), min_size=size, max_size=size)), dtype=np.int16)
    draws = np.array(data.draw(st.lists(st.integers(0, 2**64 - 1), min_size=size, max_size=size)), dtype=np.uint64)
    distance, numbers = np.array(away, dtype=np.float64), np.arange(100, 100 + size)
    order = DrawnOrder(numbers, (distance, classes), draws, count)
    found = [order.first(seed)[0].tolist() for seed in (1, 2, 3)]
    expected = [
        numbers[np.lexsort((seeded_tie_break(draws, seed), distance, classes))][:count].tolist() for seed in (1, 2, 3)
    ]
    assert found == expected
    if order.is_settled:
        assert found[0] == found[1] == found[2]
