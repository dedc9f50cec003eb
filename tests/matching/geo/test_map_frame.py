"""Places on a sheet: where they lie, and the ground that they lie on."""

import numpy as np
import pytest
import shapely

from matching.geo.map_frame import (
    WIDTH,
    Drawn,
    areas_within,
    frame_around,
    outline_of,
    outlines_within,
    path_data,
    rings_of,
    unprojected,
)
from matching.geo.projection import Plane
from matching.reference import Reference

PLANE = Plane(47.8, -2.9)
FRAME = frame_around(PLANE, np.array([-50.0, -50.0]), np.array([50.0, 50.0]))


def test_a_place_comes_back_from_the_sheet_to_its_ground() -> None:
    degrees = np.array([(-2.9, 47.8), (-4.5, 48.4), (-1.2, 46.9)])
    assert unprojected(PLANE, PLANE.project_degrees(degrees)) == pytest.approx(degrees, abs=1e-5)


def test_rings_come_back_from_their_path() -> None:
    holed = shapely.Polygon([(10, 10), (200.5, 10), (200.5, 300), (10, 300)], [[(50, 50), (50, 90), (90, 90)]])
    outer, inner = rings_of(path_data(FRAME, [holed]))
    assert shapely.equals(shapely.Polygon(outer, [inner]), holed)


def test_what_lies_beyond_the_sheet_is_cut_off() -> None:
    (ring,) = rings_of(path_data(FRAME, [shapely.box(-5_000, 100, 5_000, 200)]))
    assert (ring.min(), ring.max()) == (-20, WIDTH + 20)
    assert path_data(FRAME, [shapely.box(-5_000, 0, -4_000, 10)]) == ""


@pytest.mark.parametrize(
    ("code", "kind", "at_most"),
    [
        ("country:FR", "departement", 100_000),
        ("departement:35", "commune", 150_000),
        ("departement:35", "epci", 40_000),
    ],
)
def test_neighbours_stay_neighbours(reference: Reference, code: str, kind: Drawn, at_most: int) -> None:
    territories = reference.territories
    area = territories.area(code)
    drawn = dict(outlines_within(reference.geography, area, kind))
    assert sum(map(len, drawn.values())) < at_most
    thinned = shapely.from_geojson(list(drawn.values()))
    together = shapely.area(shapely.union_all(thinned))
    assert shapely.area(thinned).sum() == pytest.approx(together, rel=0.001), "they do not overlap"
    before = [
        shapely.union_all(reference.geography.outlines_of(each)) for each in areas_within(area, kind, territories)
    ]
    assert together == pytest.approx(shapely.area(shapely.union_all(before)), rel=0.01), "nor leave gaps"


def test_an_epci_of_two_departements_is_drawn_with_both(reference: Reference) -> None:
    territories = reference.territories
    for departement in ("departement:22", "departement:56"):
        within = areas_within(territories.area(departement), "epci", territories)
        assert "Pontivy Communauté" in {area.label for area in within}


def test_a_small_area_is_drawn_finer(reference: Reference) -> None:
    """A commune of a few kilometres keeps a shape; what has no outline gives none."""
    ((area, outline),) = outline_of(reference.geography, reference.territories.area("commune:56178"))
    assert area.label == "Pontivy"
    assert shapely.get_num_coordinates(shapely.from_geojson(outline)) > 20
    assert list(outline_of(reference.geography, reference.territories.area("departement:975"))) == []
