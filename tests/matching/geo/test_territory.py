"""Territories and places as requested: what ground they cover, and how far others are from them."""

import sys
from typing import Any

import numpy as np
import pyproj
import pytest
import shapely

from domain.errors import InvalidContent
from domain.needs.need import Place, TerritoryRequest
from domain.reference.territory import MultiPolygon, Polygon
from domain.suppliers.supplier import Point
from matching.geo.projection import Floats, earth_centred
from matching.geo.territory import Geography, Territory
from matching.reference import Reference
from tests.factories import NANTES, PARIS, REDON, RENNES, SAINT_DENIS, around, codes, comb, moved, place, ring, square


@pytest.fixture
def made(reference: Reference) -> Any:
    """Prepares a territory."""
    return reference.geography.territory


def away(territory: Territory, point: Point) -> float:
    """Kilometres from a point to a territory."""
    return float(distances(territory, earth_centred(np.array([point.lat]), np.array([point.lon])))[0])


def distances(territory: Territory, positions: Floats) -> Floats:
    """Kilometres from each position to a territory that has a shape."""
    assert territory.shape is not None
    return territory.less_radius(territory.shape.distance(positions))


def communes(reference: Reference, territory: Territory) -> set[str]:
    """The codes of the communes that share ground with a territory."""
    return {reference.territories.communes[ordinal].code for ordinal in np.flatnonzero(territory.ground)}


@pytest.mark.parametrize("code", ["commune:75056", "commune:75111", "departement:75", "nuts:FR101"])
@pytest.mark.parametrize("point", [PARIS, Point(48.8925, 2.3444), Point(48.8322, 2.3561)], ids=["4e", "18e", "13e"])
def test_anywhere_in_paris_is_in_paris(made: Any, code: str, point: Point) -> None:
    """Also far from the middle, and where the buyer names one of its arrondissements."""
    assert away(made(codes(code)), point) == 0


def test_an_epci_reaches_into_other_departements(reference: Reference, made: Any) -> None:
    """Redon Agglomération has eight communes in Loire-Atlantique."""
    redon = made(codes("epci:243500741"))
    shared = communes(reference, redon) & communes(reference, made(codes("departement:44")))
    assert shared == {"44007", "44044", "44057", "44067", "44092", "44123", "44128", "44185"}
    assert away(redon, Point(47.6447, -2.0833)) == 0  # Saint-Nicolas-de-Redon, across the river


@pytest.mark.parametrize(
    "given",
    [
        ("region:53", "departement:35", "epci:243500741"),
        ("departement:35", "epci:243500741", "region:53"),
        ("departement:56", "region:53", "commune:44067", "epci:243500741"),
    ],
)
def test_codes_that_overlap_count_once(made: Any, given: tuple[str, ...]) -> None:
    """What several codes cover is inside as what one covers is, and the outside is measured from the union."""
    union, region = made(codes(*given)), made(codes("region:53"))
    assert [away(union, point) for point in (RENNES, REDON, Point(47.6447, -2.0833))] == [0, 0, 0]
    assert away(union, NANTES) < away(region, NANTES)
    assert union.codes == given


def test_the_country_makes_every_other_code_superfluous(made: Any) -> None:
    france, more = made(codes("country:FR")), made(codes("departement:35", "country:FR", "region:53"))
    at_sea, abroad = Point(47.0, -4.5), Point(50.85, 4.35)
    assert [away(more, point) for point in (at_sea, abroad)] == [away(france, point) for point in (at_sea, abroad)]
    assert (more.ground == france.ground).all()


def test_a_code_given_twice_is_named_once(made: Any) -> None:
    """A retired code and its successor are one territory too."""
    twice = made(codes("commune:75111", "commune:75056", "nuts:FRH03", "nuts:FR523"))
    assert twice.codes == ("commune:75056", "nuts:FRH03")
    assert twice.label.fr == "Paris, Ille-et-Vilaine"


def test_many_codes_are_labelled_by_the_first_five(made: Any) -> None:
    departements = [f"departement:{code}" for code in ("35", "56", "22", "29", "44", "49", "53")]
    assert made(codes(*departements)).label.fr.endswith("Loire-Atlantique (+2)")


def test_every_unknown_code_is_pointed_at(reference: Reference) -> None:
    with pytest.raises(InvalidContent) as caught:
        reference.geography.territory(codes("nuts:FRZZZ", "departement:35", "departement:350"), "lots", 3, "territory")
    found = [(problem.pointer, problem.code) for problem in caught.value.problems]
    assert found == [
        ("/lots/3/territory/codes/0", "unknown_code"),
        ("/lots/3/territory/codes/2", "unknown_code"),
    ]


@pytest.mark.parametrize("code", ["departement:975", "commune:98818", "commune:97502"])
def test_collectivities_without_outline_have_ground_but_no_distance(made: Any, code: str) -> None:
    """Offers meet Saint-Pierre or Nouméa by their codes; how far a supplier is stays unknown."""
    overseas = made(codes(code))
    assert overseas.ground.any()
    assert overseas.shape is None


def test_a_union_with_a_collectivity_is_measured_to_what_has_an_outline(made: Any) -> None:
    assert away(made(codes("departement:975", "departement:35")), RENNES) == 0


def test_overseas_departements_are_measured_on_the_spot(made: Any) -> None:
    assert away(made(codes("departement:974")), SAINT_DENIS) == 0
    assert away(made(codes("commune:97416")), SAINT_DENIS) == pytest.approx(49, abs=10)  # Saint-Pierre de La Réunion


def test_a_disc_around_a_point(reference: Reference, made: Any) -> None:
    """30 km around Redon: Rennes is outside, by the geodesic; the communes within are those it covers."""
    disc = made(around(REDON, 30))
    _, _, metres = pyproj.Geod(ellps="WGS84").inv(REDON.lon, REDON.lat, RENNES.lon, RENNES.lat)
    assert away(disc, RENNES) == pytest.approx(metres / 1_000 - 30, rel=0.005)
    assert away(disc, moved(REDON, north=0.25)) == 0
    assert {"35236", "44185", "56001"} <= communes(reference, disc)
    assert "35238" not in communes(reference, disc)


def test_a_disc_around_a_commune_starts_at_its_outline(made: Any) -> None:
    """5 km around Rennes reach Cesson-Sévigné's far side, though the town hall is farther than that."""
    assert away(made(around("35238", 5)), Point(48.1120, -1.5650)) == 0
    assert away(made(around(RENNES, 5)), Point(48.1120, -1.5650)) > 1


def test_a_tiny_disc_inside_a_big_commune(reference: Reference, made: Any) -> None:
    """It covers that commune's ground alone, though none of the outline is near."""
    disc = made(around(Point(43.5867, 4.6892), 0.01))  # in the middle of Arles, the largest commune
    assert communes(reference, disc) == {"13004"}


def test_a_tiny_disc_over_a_border(reference: Reference, made: Any) -> None:
    """A disc of 150 m whose middle is 100 m from a long straight border covers ground on both sides."""
    for inside, across, middle in long_borders(reference, metres=100):
        assert communes(reference, made(around(middle, 0.15))) >= {inside, across}


def long_borders(reference: Reference, metres: float) -> list[tuple[str, str, Point]]:
    """Neighbours in Ille-et-Vilaine with a common edge of over 600 m, and a point beside its middle, in the first."""
    scale = np.array([74_000, 111_200])  # metres in a degree of longitude, of latitude
    found = []
    for commune in reference.territories.area("departement:35").communes:
        corners = shapely.get_coordinates(reference.geography.outlines[commune])
        steps = np.diff(corners, axis=0) * scale
        length = np.hypot(*steps.T)
        for edge in np.flatnonzero((length > 600) & (length < 2_000)):
            middle = (corners[edge] + corners[edge + 1]) / 2
            aside = np.array([-steps[edge, 1], steps[edge, 0]]) / length[edge] * metres / scale
            lon, lat = np.array([middle + aside, middle - aside]).T
            here, there = reference.geography.commune_at(lat, lon)
            if here >= 0 and there >= 0 and here != there:
                named = reference.territories.communes
                found.append((named[here].code, named[there].code, Point(lat[0], lon[0])))
    assert found
    return found[:10]


def test_a_small_radius_around_a_commune_takes_in_its_neighbours_only(reference: Reference, made: Any) -> None:
    """One metre reaches every commune that touches Redon, and no other."""
    near, outlines = communes(reference, made(around("35236", 0.001))), reference.geography.outlines
    redon = reference.territories.commune_ordinal("35236")
    touching = reference.geography.tree.query(outlines[redon], predicate="intersects")
    assert near == {reference.territories.communes[ordinal].code for ordinal in touching}


def test_a_huge_disc_covers_all_ground_whose_place_is_known(reference: Reference, made: Any) -> None:
    everywhere = made(around(PARIS, 20_000))
    assert away(everywhere, SAINT_DENIS) == 0
    assert (everywhere.ground == ~shapely.is_missing(reference.geography.outlines)).all()


@pytest.mark.parametrize(
    "somewhere", [around(Point(46.0, -12.0), 50), TerritoryRequest(geometry=square(Point(52.5, 13.4), 0.1))]
)
def test_a_territory_must_touch_french_ground(reference: Reference, somewhere: TerritoryRequest) -> None:
    with pytest.raises(InvalidContent) as caught:
        reference.geography.territory(somewhere, "territory")
    (problem,) = caught.value.problems
    assert problem.pointer in {"/territory/near", "/territory/geometry"}
    assert problem.code == "outside_france"
    assert "inversées" not in problem.detail.fr


@pytest.mark.parametrize("where", [REDON, PARIS, SAINT_DENIS], ids=["Redon", "Paris", "La Réunion"])
def test_swapped_axes_are_guessed(reference: Reference, where: Point) -> None:
    """Latitude first is the usual slip; the refusal says so, for points and for drawings, overseas too."""
    swapped = Point(where.lon, where.lat)
    for request in (around(swapped, 10), TerritoryRequest(geometry=square(swapped, 0.05))):
        with pytest.raises(InvalidContent) as caught:
            reference.geography.territory(request)
        assert "inversées" in caught.value.problems[0].detail.fr
        assert "swapped" in caught.value.problems[0].detail.en


def test_a_drawing_with_a_hole(made: Any) -> None:
    """The hole is outside: Redon is as far as the hole's nearest edge."""
    holed = Polygon(coordinates=(ring(REDON, 0.5), ring(REDON, 0.1)[::-1]))
    drawn = made(TerritoryRequest(geometry=holed))
    assert away(drawn, REDON) == pytest.approx(0.1 * 74.9, abs=0.2)
    assert away(drawn, moved(REDON, east=0.3)) == 0


def test_a_drawing_in_two_parts(reference: Reference, made: Any) -> None:
    """Both parts are inside; what lies between is as far as the nearer one."""
    parts = MultiPolygon(coordinates=((ring(RENNES, 0.02),), (ring(SAINT_DENIS, 0.02),)))
    drawn = made(TerritoryRequest(geometry=parts))
    assert [away(drawn, point) for point in (RENNES, SAINT_DENIS)] == [0, 0]
    assert away(drawn, moved(RENNES, north=0.12)) == pytest.approx(11.1, rel=0.01)
    assert {"35238", "97411"} <= communes(reference, drawn)


def test_a_drawing_that_only_touches_a_commune_does_not_cover_it(reference: Reference, made: Any) -> None:
    """A commune's own outline, drawn, covers that commune and none of its neighbours."""
    redon: Any = reference.geography.outlines[reference.territories.commune_ordinal("35236")]
    rings = tuple(tuple(map(tuple, r.coords)) for r in (redon.geoms[0].exterior, *redon.geoms[0].interiors))
    assert communes(reference, made(TerritoryRequest(geometry=Polygon(coordinates=rings)))) == {"35236"}


@pytest.mark.parametrize(
    "request_",
    [
        TerritoryRequest(),
        TerritoryRequest(near=place(RENNES)),
        TerritoryRequest(radius_km=10),
        TerritoryRequest(codes=("departement:35",), radius_km=10),
        TerritoryRequest(codes=("departement:35",), near=place(RENNES), radius_km=10),
        TerritoryRequest(codes=("departement:35",), geometry=square(RENNES, 0.1)),
    ],
)
def test_a_territory_takes_exactly_one_form(reference: Reference, request_: TerritoryRequest) -> None:
    with pytest.raises(InvalidContent) as caught:
        reference.geography.territory(request_, "territory")
    assert [(problem.pointer, problem.code) for problem in caught.value.problems] == [("/territory", "territory_form")]


@pytest.mark.parametrize(
    "half",
    [
        Place(),
        Place(lat=48.1),
        Place(lon=-1.7),
        Place(lat=48.1, lon=-1.7, commune="35238"),
        Place(lat=48.1, commune="35238"),
    ],
)
def test_a_place_is_a_point_or_a_commune(reference: Reference, half: Place) -> None:
    with pytest.raises(InvalidContent) as caught:
        reference.geography.place(half, "lots", 0, "site")
    assert [(problem.pointer, problem.code) for problem in caught.value.problems] == [("/lots/0/site", "place_form")]


@pytest.mark.parametrize(("commune", "code"), [("99999", "unknown_code"), ("98818", "no_outline")])
def test_a_place_must_be_a_commune_that_can_be_measured_to(reference: Reference, commune: str, code: str) -> None:
    with pytest.raises(InvalidContent) as caught:
        reference.geography.place(Place(commune=commune), "site")
    assert [(problem.pointer, problem.code) for problem in caught.value.problems] == [("/site/commune", code)]


def test_problems_of_a_disc_point_into_its_place(reference: Reference) -> None:
    with pytest.raises(InvalidContent) as caught:
        reference.geography.territory(TerritoryRequest(near=Place(commune="99999"), radius_km=5), "territory")
    assert [problem.pointer for problem in caught.value.problems] == ["/territory/near/commune"]


def test_territories_are_prepared_once(made: Any) -> None:
    """Portals ask for the same departements again and again."""
    assert made(codes("departement:29")) is made(codes("departement:29"))


def test_drawings_are_prepared_once_and_not_kept_as_sent(reference: Reference) -> None:
    """What is kept of them is held to a number of bytes; what was sent would come on top of it."""
    geography = Geography(reference.territories)
    drawing = comb(REDON, 0.3)
    made = geography.territory(TerritoryRequest(geometry=drawing))
    again = TerritoryRequest(geometry=Polygon(coordinates=(tuple(drawing.coordinates[0]),)))
    assert geography.territory(again) is geography.known(again) is made
    assert geography.known(TerritoryRequest(geometry=comb(REDON, 0.31))) is None
    before = sys.getrefcount(drawing)
    del made
    assert sys.getrefcount(drawing) == before == 2


def test_what_is_drawn_finely_is_measured_simplified(made: Any) -> None:
    """A need of many such lots would take the memory and the time of all others."""
    fine, coarse = (made(TerritoryRequest(geometry=comb(REDON, 0.3, pieces=pieces))) for pieces in (25, 1))
    assert fine.weight == pytest.approx(coarse.weight, rel=0.02)
    assert away(fine, RENNES) == pytest.approx(away(coarse, RENNES), abs=0.05)
    assert (fine.ground == coarse.ground).all()


def test_points_are_found_in_their_communes(reference: Reference) -> None:
    """In Rennes, in Saint-Denis, and in the Atlantic."""
    found = reference.geography.commune_at(np.array([48.1113, -20.8789, 46.0]), np.array([-1.68, 55.4481, -12.0]))
    codes_ = [reference.territories.communes[ordinal].code if ordinal >= 0 else None for ordinal in found]
    assert codes_ == ["35238", "97411", None]


def test_a_distance_does_not_depend_on_what_is_measured_with_it(made: Any) -> None:
    """Two suppliers in one place are equally far, so that the draw decides between them and not a rounding error."""
    morbihan, draw = made(codes("departement:56")), np.random.default_rng(7)
    positions = earth_centred(draw.uniform(46, 50, 500), draw.uniform(-4, 2, 500))
    together = distances(morbihan, positions)
    assert [distances(morbihan, positions[[one]])[0] for one in range(500)] == together.tolist()


@pytest.mark.parametrize(
    ("place_", "nearest"),
    [
        (Point(48.2, -6.0), "29"),
        (Point(15.5, -60.0), "972"),
        (Point(-20.5, 54.0), "974"),
        (Point(-12.0, 46.0), "976"),
        (Point(41.2, 8.0), "2A"),
    ],
)
def test_a_scattered_territory_is_as_far_as_its_nearest_part(made: Any, place_: Point, nearest: str) -> None:
    """France is one territory from the Caribbean to the Indian Ocean."""
    part = away(made(codes(f"departement:{nearest}")), place_)
    assert away(made(codes("country:FR")), place_) == pytest.approx(part, rel=0.005)
    assert part > 0


def test_the_nearest_part_may_be_in_the_farther_group(made: Any) -> None:
    """Two squares far apart have an empty middle, which is nearer to a third square than to either of them."""
    squares = Point(47.0, -2.0), Point(47.0, 4.4), Point(51.3, 1.2)
    scattered = MultiPolygon(coordinates=tuple((ring(middle, 0.05),) for middle in squares))
    drawn = made(TerritoryRequest(geometry=scattered))
    assert len(drawn.shape.clusters) == 2
    assert away(drawn, Point(49.5, 1.2)) == pytest.approx(1.75 * 111.24, rel=0.005)


def test_far_places_are_measured_by_the_geodesic(made: Any) -> None:
    """From Réunion to Redon's agglomeration, 9,400 km: within half a percent."""
    _, _, metres = pyproj.Geod(ellps="WGS84").inv(SAINT_DENIS.lon, SAINT_DENIS.lat, REDON.lon, REDON.lat)
    assert away(made(codes("epci:243500741")), SAINT_DENIS) == pytest.approx(metres / 1_000, rel=0.005)


def test_a_geometry_is_left_unprepared(reference: Reference) -> None:
    """Threads that compare a prepared one at once end the process."""
    drawn = shapely.box(-1.7, 48.1, -1.6, 48.2)
    assert reference.geography.ground_of(drawn).any()
    assert not shapely.is_prepared(drawn)
