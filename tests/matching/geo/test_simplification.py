"""Outlines that are drawn too finely get fewer vertices, and say the same."""

import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from matching.geo.geojson_validation import checked_geometry
from matching.geo.simplification import SMALL, TOLERANCE_DEGREES, simplified
from tests.conftest import examples
from tests.factories import REDON, comb, square
from tests.matching.geo.test_shape import star


def test_straight_edges_in_many_pieces_are_one() -> None:
    finely = checked_geometry(comb(REDON, 0.5))
    fewer = simplified(finely)
    assert shapely.get_num_coordinates(finely) > 9_000
    assert shapely.get_num_coordinates(fewer) < 500
    assert shapely.hausdorff_distance(finely.boundary, fewer.boundary) <= TOLERANCE_DEGREES


def test_what_has_few_vertices_is_left_as_it_was_drawn() -> None:
    """However close to each other they are."""
    small = checked_geometry(comb(REDON, 0.0001, teeth=10))
    assert shapely.get_num_coordinates(small) <= SMALL
    assert simplified(small) is small


@settings(max_examples=examples(40))
@given(st.lists(st.floats(0.01, 1.0), min_size=40, max_size=80), st.floats(0.0005, 0.02), st.booleans())
def test_a_valid_outline_stays_valid_and_near(radii: list[float], step: float, holed: bool) -> None:
    """Holes and small parts stay; no place of either outline is more than 25 m from the other."""
    drawn = star(47.6, -2.1, radii)
    if holed:
        drawn = drawn.difference(star(47.6, -2.1, [radius / 2 for radius in radii]))
    region = shapely.union(shapely.segmentize(drawn, step), checked_geometry(square(REDON, 0.0001)))
    assume(shapely.is_valid(region) and shapely.get_num_coordinates(region) > SMALL)
    fewer = simplified(region)
    assert shapely.is_valid(fewer)
    assert shapely.get_num_coordinates(fewer) <= shapely.get_num_coordinates(region)
    assert shapely.get_num_interior_rings(shapely.get_parts(fewer)).sum() == (
        shapely.get_num_interior_rings(shapely.get_parts(region)).sum()
    )
    assert shapely.hausdorff_distance(region.boundary, fewer.boundary, densify=0.1) <= TOLERANCE_DEGREES * 1.001
