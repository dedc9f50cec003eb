"""Places on a sheet: where they lie, and the ground that they lie on."""

import numpy as np
import pytest
import shapely

from matching.geo.map_frame import WIDTH, frame_around, path_data, rings_of, unprojected
from matching.geo.projection import Plane

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
