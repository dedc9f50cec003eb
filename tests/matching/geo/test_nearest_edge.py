"""The nearest of many edges is that which a look at every edge finds."""

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.geo.nearest_edge import CHILDREN, MOST_ON_TOP, NearestEdge
from tests.conftest import examples

# as far apart as on a plane in kilometres, and no nearer than a metre, but for those in one place
numbers = st.integers(-1_000_000, 1_000_000).map(lambda metres: metres / 1_000)
points = st.tuples(numbers, numbers)


def assert_nearest(begins: np.ndarray, ends: np.ndarray, asked: np.ndarray) -> None:
    edges = shapely.linestrings(np.stack((begins, ends), axis=1))
    expected = shapely.distance(shapely.points(asked)[:, None], edges).min(axis=1)
    np.testing.assert_allclose(NearestEdge(begins, ends).distance(asked), expected, rtol=1e-9, atol=1e-9)


@settings(max_examples=examples(200))
@given(st.lists(points, min_size=2, max_size=40), st.lists(points, min_size=1, max_size=10))
def test_of_a_line_that_goes_anywhere(line: list[tuple[float, float]], asked: list[tuple[float, float]]) -> None:
    """Also where an edge has no length."""
    through = np.array(line)
    assert_nearest(through[:-1], through[1:], np.array(asked))


def test_of_outlines_of_every_length() -> None:
    """Levels that are full, and runs at the end that are not."""
    draw = np.random.default_rng(1)
    for count in (1, CHILDREN, CHILDREN * MOST_ON_TOP, CHILDREN * MOST_ON_TOP + 1, 777):
        angles = np.linspace(0, 2 * np.pi, count + 1)
        ring = np.column_stack((np.cos(angles), np.sin(angles))) * draw.uniform(20, 40, count + 1)[:, None]
        assert_nearest(ring[:-1], ring[1:], draw.uniform(-100, 100, (50, 2)))
