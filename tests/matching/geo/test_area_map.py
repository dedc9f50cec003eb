"""Maps of areas side by side: each where it is, on the sheet of its part of France."""

import numpy as np
import pytest
import shapely

from matching.geo.area_map import area_sheets
from matching.geo.map_frame import WIDTH, rings_of
from tests.factories import reference

AREAS = ["commune:56260", "commune:97411", "commune:56178", "commune:97502"]


def test_each_area_stands_on_the_sheet_of_its_part_of_france() -> None:
    sheets = area_sheets(reference().geography, AREAS)
    assert [(sheet.name, [shape.position for shape in sheet.areas]) for sheet in sheets] == [
        (None, [0, 2]),
        ("La Réunion", [1]),
    ]


def test_all_is_on_the_sheet_and_a_number_fits_in_the_middle() -> None:
    (sheet,) = area_sheets(reference().geography, ["epci:243500741", "epci:200067932"])
    for shape in sheet.areas:
        spots = np.concatenate(list(rings_of(shape.path)))
        assert ((spots >= 0) & (spots <= (WIDTH, sheet.frame.height))).all()
        ground = shapely.union_all([shapely.Polygon(ring) for ring in rings_of(shape.path)])
        text = shapely.Point(shape.middle).buffer(shape.room / 2 - 2)
        assert ground.contains(text)


def test_neighbours_lie_beside_each_other() -> None:
    (sheet,) = area_sheets(reference().geography, ["departement:56", "departement:35"])
    morbihan, ille = (shapely.Polygon(max(rings_of(shape.path), key=len)) for shape in sheet.areas)
    assert shapely.distance(morbihan, ille) < 2
    assert shapely.area(shapely.intersection(morbihan, ille)) / morbihan.area == pytest.approx(0, abs=0.01)
