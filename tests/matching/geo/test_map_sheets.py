"""Maps to print: what they show, and that everything stands where it is; areas side by side, on the right sheet."""

from collections.abc import Iterator

import numpy as np
import pytest
import shapely

from domain.needs.need import Place, TerritoryRequest
from domain.suppliers.supplier import Point
from matching.geo.map_frame import (
    TENTHS,
    WIDTH,
    Drawn,
    areas_within,
    frame_around,
    outline_of,
    outlines_within,
    path_data,
    unproject,
)
from matching.geo.map_sheets import MapSheets, Sheet, area_sheets, map_sheets
from matching.geo.projection import Floats, Plane
from matching.reference import Reference
from tests.factories import around, codes, reference

VANNES, RENNES, PARIS = Point(47.6559, -2.7603), Point(48.1113, -1.6800), Point(48.8566, 2.3522)


def drawn(request: TerritoryRequest, *points: Point, sites: tuple[Place, ...] = ()) -> MapSheets:
    return map_sheets(reference().geography, [request], list(sites), list(points))


def rings_of(data: str) -> Iterator[Floats]:
    """The corners of each ring of such data, in units of the sheet."""
    for ring in data.split("M")[1:]:
        start, _, steps = ring.removesuffix("z").partition("l")
        corners = np.array([*start.split(), *steps.split()], dtype=np.int64).reshape(-1, 2)
        yield corners.cumsum(axis=0) / TENTHS


def ground(sheet: Sheet) -> shapely.Geometry:
    return shapely.union_all([shapely.Polygon(ring) for ring in rings_of(sheet.territory)])


def test_points_stand_inside_or_outside_of_the_territory() -> None:
    found = drawn(codes("departement:56"), VANNES, RENNES, PARIS, sites=(Place(commune="56260"),))
    (sheet,) = found.sheets
    places = dict(sheet.points)
    assert set(places) == {0, 1}
    assert found.beyond == 1
    assert ground(sheet).contains(shapely.Point(places[0]))
    assert not ground(sheet).contains(shapely.Point(places[1]))
    (site,) = sheet.sites
    assert ground(sheet).contains(shapely.Point(site))


def test_the_scale_is_true() -> None:
    """Vannes and Rennes are some 95 km apart."""
    (sheet,) = drawn(codes("region:53"), VANNES, RENNES).sheets
    (_, one), (_, other) = sheet.points
    kilometres = np.hypot(one[0] - other[0], one[1] - other[1]) * sheet.scale_km / sheet.scale
    assert kilometres == pytest.approx(95.3, rel=0.02)


def test_a_radius_is_drawn_as_a_disc() -> None:
    (sheet,) = drawn(around(VANNES, 30)).sheets
    per_km = sheet.scale / sheet.scale_km
    assert ground(sheet).area == pytest.approx(np.pi * (30 * per_km) ** 2, rel=0.03)


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        (codes("departement:974"), ["La Réunion"]),
        (codes("country:FR"), [None, "Guadeloupe", "Martinique", "Guyane", "La Réunion", "Mayotte"]),
        (codes("commune:97502"), []),
    ],
)
def test_overseas_regions_have_sheets_of_their_own(asked: TerritoryRequest, names: list[str | None]) -> None:
    found = drawn(asked, PARIS)
    assert [sheet.name for sheet in found.sheets] == names
    assert found.beyond == (0 if None in names else 1)


def test_all_is_on_the_sheet_and_light() -> None:
    for request in (codes("commune:56260"), codes("country:FR"), codes("departement:35", "epci:243500741")):
        for sheet in drawn(request, VANNES).sheets:
            spots = np.concatenate([*rings_of(sheet.context), *rings_of(sheet.territory)])
            assert 0 < len(spots) < 6_000
            assert ((spots >= -21) & (spots <= (WIDTH + 21, sheet.height + 21))).all()


def test_names_of_towns_cover_no_point() -> None:
    (sheet,) = drawn(codes("departement:56"), VANNES).sheets
    names = [town.name for town in sheet.towns]
    assert len(names) == len(set(names)) > 2
    assert "Vannes" not in names


def test_names_of_towns_cover_no_other() -> None:
    (sheet,) = drawn(codes("departement:49")).sheets
    boxes = []
    for town in sheet.towns:
        far = (len(town.name) * 11 + 10) * (-1 if town.left else 1)
        west, east = sorted((town.at[0] + far, town.at[0]))
        boxes.append(shapely.box(west, town.at[1] - 10, east, town.at[1] + 10))
    assert len(boxes) > 2
    assert sum(shapely.intersects(one, other) for one in boxes for other in boxes) == len(boxes)


def test_territories_of_lots_are_drawn_together() -> None:
    whole = map_sheets(
        reference().geography, [codes("departement:56"), codes("commune:56260"), around(RENNES, 5)], [], []
    )
    (sheet,) = whole.sheets
    assert ground(sheet).geom_type == "MultiPolygon"


def test_the_limit_of_distance_is_around_the_site() -> None:
    (sheet,) = map_sheets(reference().geography, [codes("departement:56")], [Place(lat=47.9, lon=-2.9)], [], 20).sheets
    (ring,) = rings_of(sheet.reach)
    from_site = np.hypot(*(ring - sheet.sites[0]).T) * sheet.scale_km / sheet.scale
    assert from_site == pytest.approx(20, rel=0.02)


def test_the_limit_of_distance_is_around_the_territory_without_a_site() -> None:
    (sheet,) = map_sheets(reference().geography, [codes("commune:56178")], [], [VANNES, RENNES], 15).sheets
    within = shapely.Polygon(next(rings_of(sheet.reach)))
    away = shapely.distance(ground(sheet), within.exterior) * sheet.scale_km / sheet.scale
    assert away == pytest.approx(15, rel=0.03)


def test_what_depends_on_the_territory_alone_is_drawn_once() -> None:
    (first,) = drawn(codes("departement:22")).sheets
    (other,) = drawn(codes("departement:22"), RENNES).sheets
    (again,) = drawn(codes("departement:22")).sheets
    assert again.territory is first.territory
    assert other.territory is not first.territory


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


PLANE = Plane(47.8, -2.9)
FRAME = frame_around(PLANE, np.array([-50.0, -50.0]), np.array([50.0, 50.0]))


def test_a_place_comes_back_from_the_sheet_to_its_ground() -> None:
    degrees = np.array([(-2.9, 47.8), (-4.5, 48.4), (-1.2, 46.9)])
    assert unproject(PLANE, PLANE.project_degrees(degrees)) == pytest.approx(degrees, abs=1e-5)


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
    outlined = dict(outlines_within(reference.geography, area, kind))
    assert sum(map(len, outlined.values())) < at_most
    thinned = shapely.from_geojson(list(outlined.values()))
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
