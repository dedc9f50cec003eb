"""Which communes border on each other, and which groups of them are neighbours."""

import lzma
from collections.abc import Sequence

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from matching.geo.neighbours import Pairs, bridges, decode_pairs, neighbouring_groups
from scripts.territory_outlines import write_neighbours
from tests.factories import reference

GEOGRAPHY = reference().geography
ORDINALS = {commune.name: n for n, commune in enumerate(GEOGRAPHY.territories.communes) if commune.departement == "56"}


def bordering_pairs(outlines: Sequence[BaseGeometry | None]) -> Pairs:
    return decode_pairs(lzma.decompress(write_neighbours(outlines)))


def squares(*corners: tuple[int, int]) -> list[BaseGeometry | None]:
    return [None, *(shapely.box(x, y, x + 1, y + 1) for x, y in corners)]


def test_a_border_is_shared_and_a_corner_is_not() -> None:
    """Positions count what has no outline."""
    assert bordering_pairs(squares((0, 0), (1, 0), (2, 1), (5, 5))).tolist() == [[1, 2]]


def test_the_kept_pairs_are_those_of_the_kept_outlines() -> None:
    units = shapely.transform(GEOGRAPHY.outlines, lambda degrees: np.rint(degrees * 100_000))
    assert np.array_equal(GEOGRAPHY.borders, bordering_pairs(units))
    touching = GEOGRAPHY.tree.query(GEOGRAPHY.outlines[[ORDINALS["Vannes"]]], predicate="touches")[1]
    beside = {other for pair in GEOGRAPHY.borders.tolist() if ORDINALS["Vannes"] in pair for other in pair}
    assert beside - {ORDINALS["Vannes"]} <= {*touching.tolist()}
    assert ORDINALS["Séné"] in beside
    assert not beside & {ORDINALS["Le Palais"], ORDINALS["Pontivy"]} - {ORDINALS["Vannes"]}


def test_groups_are_neighbours_by_their_members_and_an_island_by_the_nearest() -> None:
    pairs = bordering_pairs(squares((0, 0), (1, 0), (2, 0), (5, 0), (9, 0)))
    groups = np.zeros((4, 6), dtype=bool)
    for number, members in enumerate(([1, 2], [3], [4], [5])):
        groups[number, members] = True
    found = neighbouring_groups(groups, pairs)
    assert np.argwhere(found).tolist() == [[0, 1], [1, 0]]
    middles = np.array([[np.nan, 0, 0], *([x, 0.0, 0.0] for x in (0, 1, 2, 5, 9))])
    assert {frozenset(pair) for pair in bridges(groups, found, middles)} == {frozenset({1, 2}), frozenset({2, 3})}
    overlapping = np.array([[False, True, True], [False, True, False]])
    assert neighbouring_groups(overlapping, np.empty((0, 2), dtype=np.int64))[0, 1]
