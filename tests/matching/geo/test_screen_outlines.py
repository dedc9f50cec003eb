"""Outlines for the screen are few kilobytes, and neighbours that share a border still share it."""

import pytest
import shapely

from matching.geo.map_frame import Drawn, areas_within, outline_of, outlines_within
from matching.reference import Reference


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
