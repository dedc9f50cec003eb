"""The nearest of many edges is that which a look at every edge finds."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.geo.projection import CHILDREN, MOST_ON_TOP, Floats, NearestEdge, Numbers
from tests.conftest import examples
from tests.factories import REDON, comb

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


@pytest.mark.parametrize("teeth", [100, 1_000])
def test_of_teeth_side_by_side(teeth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A comb has long edges close to each other: each point is held against few of them."""
    (ring,) = comb(REDON, 1, teeth, pieces=5).coordinates
    line, middle = np.array(ring), np.array([REDON.lon, REDON.lat])
    asked = middle + np.random.default_rng(1).uniform(-3, 3, (200, 2))
    assert_nearest(line[:-1], line[1:], asked)
    looked_at: list[int] = []
    away = NearestEdge._away

    def counted(own: NearestEdge, x: Floats, y: Floats, edge: Numbers) -> Floats:
        looked_at.append(len(edge))
        return away(own, x, y, edge)

    monkeypatch.setattr(NearestEdge, "_away", counted)
    NearestEdge(line[:-1], line[1:]).distance(asked)
    assert sum(looked_at) < len(line) * len(asked) / 10


def test_of_outlines_of_every_length() -> None:
    """Levels that are full, and runs at the end that are not."""
    draw = np.random.default_rng(1)
    for count in (1, CHILDREN, CHILDREN * MOST_ON_TOP, CHILDREN * MOST_ON_TOP + 1, 777):
        angles = np.linspace(0, 2 * np.pi, count + 1)
        ring = np.column_stack((np.cos(angles), np.sin(angles))) * draw.uniform(20, 40, count + 1)[:, None]
        assert_nearest(ring[:-1], ring[1:], draw.uniform(-100, 100, (50, 2)))
