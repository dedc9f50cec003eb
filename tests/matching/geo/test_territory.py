"""Territories and places as requested: what ground they cover, and how far others are from them."""

import sys
from typing import Any

import numpy as np
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


def test_a_code_given_twice_is_named_once(made: Any) -> None:
    """A retired code and its successor are one territory too."""
    twice = made(codes("commune:75111", "commune:75056", "nuts:FRH03", "nuts:FR523"))
    assert twice.codes == ("commune:75056", "nuts:FRH03")
    assert twice.label.fr == "Paris, Ille-et-Vilaine"


def test_many_codes_are_labelled_by_the_first_five(made: Any) -> None:
    departements = [f"departement:{code}" for code in ("35", "56", "22", "29", "44", "49", "53")]
    assert made(codes(*departements)).label.fr.endswith("Loire-Atlantique (+2)")


def test_a_tiny_disc_inside_a_big_commune(reference: Reference, made: Any) -> None:
    """It covers that commune's ground alone, though none of the outline is near."""
    disc = made(around(Point(43.5867, 4.6892), 0.01))  # in the middle of Arles, the largest commune
    assert communes(reference, disc) == {"13004"}


def test_a_small_radius_around_a_commune_takes_in_its_neighbours_only(reference: Reference, made: Any) -> None:
    """One metre reaches every commune that touches Redon, and no other."""
    near, outlines = communes(reference, made(around("35236", 0.001))), reference.geography.outlines
    redon = reference.territories.commune_ordinal("35236")
    touching = reference.geography.tree.query(outlines[redon], predicate="intersects")
    assert near == {reference.territories.communes[ordinal].code for ordinal in touching}


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


def test_a_place_is_in_france_or_not_with_its_axes_exchanged(reference: Reference) -> None:
    reference.geography.place(Place(lat=50.85, lon=4.35))  # Brussels
    with pytest.raises(InvalidContent) as caught:
        reference.geography.place(Place(lat=RENNES.lon, lon=RENNES.lat), "lots", 0, "site")
    assert [(each.pointer, each.code) for each in caught.value.problems] == [("/lots/0/site", "outside_france")]


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


def test_a_drawing_that_only_touches_a_commune_does_not_cover_it(reference: Reference, made: Any) -> None:
    """A commune's own outline, drawn, covers that commune and none of its neighbours."""
    redon: Any = reference.geography.outlines[reference.territories.commune_ordinal("35236")]
    rings = tuple(tuple(map(tuple, r.coords)) for r in (redon.geoms[0].exterior, *redon.geoms[0].interiors))
    assert communes(reference, made(TerritoryRequest(geometry=Polygon(coordinates=rings)))) == {"35236"}


def test_territories_are_prepared_once(made: Any) -> None:
    """Portals ask for the same departements again and again."""
    assert made(codes("departement:29")) is made(codes("departement:29"))


def test_drawings_are_prepared_once_and_not_kept_as_sent(reference: Reference) -> None:
    """What is kept of them is held to a number of bytes; what was sent would come on top of it."""
    geography = Geography(reference.territories)
    drawing = comb(REDON, 0.3)
    made = geography.territory(TerritoryRequest(geometry=drawing))
    again = TerritoryRequest(geometry=Polygon(coordinates=(tuple(drawing.coordinates[0]),)))
    assert geography.territory(again) is geography.cached_territory(again) is made
    assert geography.cached_territory(TerritoryRequest(geometry=comb(REDON, 0.31))) is None
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


def test_the_nearest_part_may_be_in_the_farther_group(made: Any) -> None:
    """Two squares far apart have an empty middle, which is nearer to a third square than to either of them."""
    squares = Point(47.0, -2.0), Point(47.0, 4.4), Point(51.3, 1.2)
    scattered = MultiPolygon(coordinates=tuple((ring(middle, 0.05),) for middle in squares))
    drawn = made(TerritoryRequest(geometry=scattered))
    assert len(drawn.shape.clusters) == 2
    assert away(drawn, Point(49.5, 1.2)) == pytest.approx(1.75 * 111.24, rel=0.005)


def test_a_geometry_is_left_unprepared(reference: Reference) -> None:
    """Threads that compare a prepared one at once end the process."""
    drawn = shapely.box(-1.7, 48.1, -1.6, 48.2)
    assert reference.geography.ground_of(drawn).any()
    assert not shapely.is_prepared(drawn)


PARTS: tuple[dict[str, Any], ...] = ({}, {"near": place(RENNES)}, {"radius_km": 10})
BOTH: dict[str, Any] = {"near": place(RENNES), "radius_km": 10}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        *((TerritoryRequest(**form), {"": "territory_form"}) for form in PARTS),
        (TerritoryRequest(codes=("departement:35",), radius_km=10), {"": "territory_form"}),
        (TerritoryRequest(codes=("departement:35",), **BOTH), {"": "territory_form"}),
        (TerritoryRequest(codes=("departement:35",), geometry=square(RENNES, 0.1)), {"": "territory_form"}),
        *(
            (TerritoryRequest(near=half, radius_km=5), {"/near": "place_form"})
            for half in (
                Place(),
                Place(lat=48.1),
                Place(lon=-1.7),
                Place(lat=48.1, lon=-1.7, commune="35238"),
                Place(lat=48.1, commune="35238"),
            )
        ),
        (TerritoryRequest(near=Place(commune="99999"), radius_km=5), {"/near/commune": "unknown_code"}),
        (TerritoryRequest(near=Place(commune="98818"), radius_km=5), {"/near/commune": "no_outline"}),
        (
            codes("nuts:FRZZZ", "departement:35", "departement:350"),
            {"/codes/0": "unknown_code", "/codes/2": "unknown_code"},
        ),
    ],
)
def test_all_that_is_wrong_is_pointed_at(
    reference: Reference, asked: TerritoryRequest, expected: dict[str, str]
) -> None:
    with pytest.raises(InvalidContent) as caught:
        reference.geography.territory(asked, "lots", 3, "territory")
    found = {problem.pointer: problem.code for problem in caught.value.problems}
    assert found == {f"/lots/3/territory{pointer}": code for pointer, code in expected.items()}
