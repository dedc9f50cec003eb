"""Geometries that clients draw are taken as RFC 7946 has them, or refused with the place and the reason.

Outlines that are drawn too finely get fewer vertices, and say the same.
"""

from collections.abc import Callable

import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bench.matching.match_cost import circle, ring_in_france
from domain.errors import InvalidContent, Problem
from domain.reference.territory import Geometry, MultiPolygon, Polygon, Position, Ring, vertices
from matching.geo.geojson_validation import (
    MAX_AREA_VERTICES,
    MAX_VERTICES,
    MOST_JAGGED,
    SMALL,
    TOLERANCE_DEGREES,
    area_to_store,
    checked_geometry,
    simplified,
)
from matching.geo.territory import problems_under
from matching.reference import Reference
from tests.conftest import examples
from tests.factories import LYON, REDON, RENNES, comb, ring, spiked, square
from tests.matching.geo.test_shape import star

BOW_TIE: Ring = ((-2.0, 47.0), (-1.0, 48.0), (-1.0, 47.0), (-2.0, 48.0), (-2.0, 47.0))


FAR: tuple[Position, ...] = ((-2.0, 90.5), (181.0, 47.0), (166.4, -1000.0))
HALF = MAX_VERTICES // 2 + 1
CROSSED: tuple[Geometry, ...] = (
    Polygon(coordinates=(BOW_TIE,)),
    Polygon(coordinates=(ring(REDON, 0.1), ring(REDON, 0.5)[::-1])),
    MultiPolygon(coordinates=((ring(REDON, 0.1),), (ring(REDON, 0.2),))),
    Polygon(coordinates=(((-2.0, 47.0), (-1.0, 47.0), (-2.0, 47.0), (-2.0, 47.0)),)),
    Polygon(coordinates=(((-2.0, 47.0),) * 4,)),
)
"""A bow-tie, a hole larger than its outline, polygons that overlap, a line, a point."""


def refused(geometry: Geometry, take: Callable[[Geometry, str], object] = checked_geometry) -> Problem:
    """For what a geometry is refused."""
    with pytest.raises(InvalidContent) as caught:
        take(geometry, "geometry")
    (problem,) = caught.value.problems
    return problem


@pytest.mark.parametrize(
    ("drawn", "area"),
    [
        (Polygon((ring(REDON, 0.5), ring(REDON, 0.1)[::-1])), 1 - 0.04),
        (MultiPolygon(((ring(REDON, 0.1),), (ring(RENNES, 0.1),))), 0.08),
        (Polygon((ring(REDON, 0.5),)), 1),
        (Polygon((ring(REDON, 0.5)[::-1],)), 1),  # RFC 7946 asks for one direction, and that the other be taken
    ],
    ids=["less a hole", "several polygons", "anticlockwise", "clockwise"],
)
def test_an_area_is_taken_as_it_was_drawn(drawn: Geometry, area: float) -> None:
    assert shapely.area(checked_geometry(drawn)) == pytest.approx(area)


def test_heights_are_left_out() -> None:
    """A third number is allowed, and says nothing here."""
    high: Ring = tuple((*position, 35.5) for position in ring(REDON, 0.5))
    assert checked_geometry(Polygon(coordinates=(high,))) == checked_geometry(square(REDON, 0.5))


@pytest.mark.parametrize(
    ("drawn", "at", "code"),
    [
        (Polygon(coordinates=(ring(REDON, 0.5)[:-1],)), "/geometry/coordinates", "ring_not_closed"),
        (Polygon((ring(REDON, 0.5), ring(REDON, 0.1)[:-1])), "/geometry/coordinates", "ring_not_closed"),
        *((Polygon(((far, (-1.0, 47.0), (-1.0, 48.0), far),)), "/geometry/coordinates", "out_of_range") for far in FAR),
        *((crossed, "/geometry/coordinates", "invalid_geometry") for crossed in CROSSED),
        (Polygon(coordinates=(spiked(MAX_VERTICES + 1),)), "/geometry", "too_many_vertices"),
        (MultiPolygon(coordinates=((spiked(HALF),), (spiked(HALF),))), "/geometry", "too_many_vertices"),
    ],
)
def test_what_is_not_well_drawn_is_refused(drawn: Geometry, at: str, code: str) -> None:
    """Vertices are counted over all rings, and the largest drawing is taken; what would be right is said."""
    found = refused(drawn)
    assert (found.pointer, found.code) == (at, code)
    if drawn == Polygon((spiked(MAX_VERTICES + 1),)):
        assert found.detail.fr == "10001 sommets ; 10000 au plus : simplifier le tracé."
        assert found.detail.en == "10001 vertices; at most 10000: simplify the outline."
    assert shapely.get_num_coordinates(checked_geometry(Polygon(coordinates=(spiked(MAX_VERTICES),)))) == MAX_VERTICES


def test_an_area_may_be_drawn_finely_but_not_be_fine() -> None:
    """What is left once it is simplified counts: straight edges in many pieces are none, thousands of spikes are."""
    most = Polygon(coordinates=(spiked(MAX_AREA_VERTICES),))
    assert area_to_store(most) is most
    kept = area_to_store(comb(REDON, 0.5))
    assert vertices(kept) < 500
    assert area_to_store(kept) is kept
    found = refused(Polygon((spiked(MAX_AREA_VERTICES + 100),)), area_to_store)
    assert (found.pointer, found.code) == ("/geometry", "too_many_vertices")
    assert "at most 5000" in found.detail.en
    # one that turns to and fro is taken as a territory of one need; no region of France is a twentieth as jagged
    jagged = Polygon((ring_in_france(circle(4_900, 0.6), 5.0, 4.0),))
    checked_geometry(jagged)
    found = refused(jagged, area_to_store)
    assert (found.pointer, found.code) == ("/geometry", "too_jagged")


def test_holes_and_parts_are_kept() -> None:
    """As GeoJSON has them; heights, which say nothing here, are not."""
    (teeth,) = comb(REDON, 0.5).coordinates
    high = tuple((*position, 35.5) for position in teeth)
    kept = area_to_store(MultiPolygon(coordinates=((high,), (ring(LYON, 0.1), ring(LYON, 0.05)[::-1]))))
    assert isinstance(kept, MultiPolygon)
    assert [len(rings) for rings in kept.coordinates] == [1, 2]
    assert kept.coordinates[1] == (ring(LYON, 0.1), ring(LYON, 0.05)[::-1])
    assert {len(position) for position in kept.coordinates[0][0]} == {2}
    assert shapely.is_valid(checked_geometry(kept))


def test_problems_of_a_part_point_into_the_whole() -> None:
    with pytest.raises(InvalidContent) as caught, problems_under("lots", 2, "territory"):
        checked_geometry(Polygon(coordinates=(BOW_TIE,)), "geometry")
    assert [problem.pointer for problem in caught.value.problems] == ["/lots/2/territory/geometry/coordinates"]


def test_every_region_of_france_may_be_drawn(reference: Reference) -> None:
    for area in reference.territories.areas("region"):
        pieces = reference.geography.outlines_of(area)
        if len(pieces):
            whole = shapely.union_all(pieces)
            assert shapely.length(whole) < MOST_JAGGED / 20 * shapely.length(shapely.envelope(whole))


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
@given(st.lists(st.floats(0.01, 1.0), min_size=40, max_size=80), st.floats(0.004, 0.02), st.booleans())
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
