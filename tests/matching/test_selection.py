"""Which offers answer what is asked, whose area meets the territory, and which of several counts.

They are the same however many lots are looked at together.
"""

from typing import Any

import msgspec
import pytest
from pyproj import Geod

from bench.suppliers import ON, suppliers
from domain.needs.need import Need, TerritoryRequest
from domain.reference.territory import MultiPolygon, Polygon
from domain.shortlists.listed_suppliers import Candidate
from domain.suppliers.supplier import Offer, Point
from matching.engine import match_json
from matching.index.live_index import Index, LiveIndex
from matching.index.offers import answering_codes
from matching.index.tables import IndexTables, build_tables
from matching.reference import Reference
from tests.factories import (
    LYON,
    NANTES,
    REDON,
    RENNES,
    VANNES,
    around,
    codes,
    lot,
    matched,
    moved,
    names,
    need,
    offer,
    place,
    ring,
    square,
    supplier,
)

IN_RENNES = Point(48.11, -1.68)
"""Far enough from the borders of Rennes for the drawings below to lie in that commune alone."""


def drawn(middle: Point, half: float) -> TerritoryRequest:
    return TerritoryRequest(geometry=square(middle, half))


def found(given: Offer, territory: TerritoryRequest, at: Point | None = LYON, **fields: Any) -> Candidate | None:
    """The candidate that a supplier with this offer is, if it is one; it stands in Lyon."""
    candidates = matched(need(lot(**fields), territory=territory), supplier("x", given, at=at)).candidates
    return candidates[0] if candidates else None


SHARING = {
    "a code of the same ground": (offer(codes=("departement:35",)), codes("region:53")),
    "an EPCI across departements": (offer(codes=("epci:243500741",)), codes("departement:44")),
    "one code of several": (offer(codes=("departement:13", "departement:35")), codes("commune:35238")),
    "a retired code and its successor": (offer(codes=("nuts:FR523",)), codes("departement:35")),
    "an arrondissement and its city": (offer(codes=("commune:75111",)), codes("commune:75118")),
    "a collectivity without outline": (offer(codes=("departement:988",)), codes("commune:98818")),
    "a code and a disc": (offer(codes=("commune:35238",)), around(IN_RENNES, 0.05)),
    "a code and a disc around a commune": (offer(codes=("commune:35051",)), around("35238", 1)),
    "a code and a drawing": (offer(codes=("region:53",)), drawn(IN_RENNES, 0.001)),
    "a drawing and a code": (offer(geometry=square(IN_RENNES, 0.001)), codes("departement:35")),
    "two drawings": (offer(geometry=square(IN_RENNES, 0.01)), drawn(moved(IN_RENNES, north=0.015), 0.01)),
    "a drawing inside another": (offer(geometry=square(IN_RENNES, 0.001)), drawn(IN_RENNES, 1.0)),
    "a drawing around another": (offer(geometry=square(IN_RENNES, 1.0)), drawn(IN_RENNES, 0.001)),
    "a drawing in two parts": (
        offer(geometry=MultiPolygon(coordinates=((ring(LYON, 0.1),), (ring(IN_RENNES, 0.01),)))),
        drawn(IN_RENNES, 0.001),
    ),
    "a drawing that a disc reaches": (offer(geometry=square(IN_RENNES, 0.01)), around(moved(IN_RENNES, north=0.03), 3)),
    "a drawing around a disc": (offer(geometry=square(IN_RENNES, 1.0)), around(IN_RENNES, 0.1)),
    "a drawing inside a disc": (offer(geometry=square(IN_RENNES, 0.001)), around(IN_RENNES, 90)),
    "a drawing near a commune": (offer(geometry=square(moved(IN_RENNES, north=0.2), 0.01)), around("35238", 30)),
    "all of France": (offer(national=True), codes("commune:97502")),
    "a radius": (offer(radius_km=570), codes("departement:35")),
}
APART = {
    "neighbouring departements": (offer(codes=("departement:56",)), codes("departement:35")),
    "another region": (offer(codes=("region:84",)), codes("departement:35")),
    "a code and a disc": (offer(codes=("departement:56",)), around(IN_RENNES, 10)),
    "a code and a drawing": (offer(codes=("commune:35051",)), drawn(IN_RENNES, 0.001)),
    "two drawings in one commune": (offer(geometry=square(IN_RENNES, 0.01)), drawn(moved(IN_RENNES, north=0.03), 0.01)),
    "two drawings with a common side": (
        offer(geometry=square(IN_RENNES, 0.0078125)),
        TerritoryRequest(geometry=square(moved(IN_RENNES, north=0.015625), 0.0078125)),
    ),
    "a drawing in another's hole": (
        offer(geometry=Polygon(coordinates=(ring(IN_RENNES, 0.02), ring(IN_RENNES, 0.01)[::-1]))),
        drawn(IN_RENNES, 0.005),
    ),
    "a drawing and a disc in one commune": (
        offer(geometry=square(IN_RENNES, 0.01)),
        around(moved(IN_RENNES, north=0.03), 1),
    ),
    "a disc in a drawing's hole": (
        offer(geometry=Polygon(coordinates=(ring(IN_RENNES, 0.02), ring(IN_RENNES, 0.01)[::-1]))),
        around(IN_RENNES, 0.5),
    ),
    "a radius that is too small": (offer(radius_km=500), codes("departement:35")),
    "no area, too far": (offer(), codes("departement:35")),
}


@pytest.mark.parametrize("case", SHARING)
def test_areas_that_share_ground_with_the_territory(case: str) -> None:
    assert found(*SHARING[case]) is not None


@pytest.mark.parametrize("case", APART)
def test_areas_that_do_not(case: str) -> None:
    assert found(*APART[case]) is None


def test_an_outline_drawn_along_a_border_does_not_cross_it(reference: Reference) -> None:
    """Morbihan as it is published, drawn by a supplier: it serves Morbihan, and not the departements around."""
    geography = reference.geography
    (outline,) = geography.outlines_of(reference.territories.area("departement:56"))
    parts = tuple(tuple(tuple(map(tuple, r.coords)) for r in (p.exterior, *p.interiors)) for p in outline.geoms)
    morbihan = offer(geometry=MultiPolygon(coordinates=parts))
    assert found(morbihan, codes("departement:56")) is not None
    assert found(morbihan, codes("departement:35", "departement:44", "departement:22", "departement:29")) is None


@pytest.mark.parametrize("territory", [around(RENNES, 10), codes("departement:53"), drawn(RENNES, 0.1)])
def test_a_radius_reaches_the_territory_s_edge_or_not(territory: TerritoryRequest) -> None:
    """Ten metres decide."""
    far = distance_to(territory, NANTES)
    assert found(offer(radius_km=far + 0.01), territory, at=NANTES) is not None
    assert found(offer(radius_km=far - 0.01), territory, at=NANTES) is None


@pytest.mark.parametrize(("away_km", "near"), [(59.9, True), (60.1, False)])
def test_without_a_declared_area_fifty_kilometres_are_near(away_km: float, near: bool) -> None:
    """From the edge of the disc, not from its middle."""
    lon, lat, _ = Geod(ellps="WGS84").fwd(RENNES.lon, RENNES.lat, 140, away_km * 1_000)
    assert (found(offer(), around(RENNES, 10), at=Point(lat, lon)) is not None) == near


def distance_to(territory: TerritoryRequest, where: Point) -> float:
    """Kilometres, as the engine measures them."""
    nationally = found(offer(national=True), territory, at=where)
    assert nationally is not None
    assert nationally.distance_km is not None
    return nationally.distance_km


def test_a_neighbour_is_listed_but_never_answers() -> None:
    """It is shown beside what does answer; on its own it makes a near miss."""
    both = ("pr-locaux", "ev-entretien")
    (cleaner,) = matched(need(lot(*both)), supplier("cleaner", offer(), offer("ev-creation"))).candidates
    assert [(one.requested, one.offered, one.fit) for one in cleaner.segments] == [
        ("pr-locaux", "pr-locaux", "exact"),
        ("ev-entretien", "ev-creation", "related"),
    ]
    alone = matched(need(lot(*both)), supplier("planter", offer("ev-creation")))
    assert (alone.total, names(alone.near_misses)) == (0, ["planter"])
    assert [row.candidates for row in alone.coverage] == [0, 0]


def test_neighbours_of_a_family_are_those_of_its_segments(reference: Reference) -> None:
    offered = dict(answering_codes("re", reference.taxonomy))
    assert offered["re"] == 0
    assert {segment for segment, fit in offered.items() if fit == 1} == {
        "re-mobilier",
        "re-info",
        "re-materiaux",
        "re-ressourcerie",
    }
    assert {"de-encombrants", "bt-curage", "nu-parc"} <= {segment for segment, fit in offered.items() if fit == 3}


LOTS = (
    lot("pr-locaux", id="1"),
    lot("pr-locaux", "ev-entretien", id="2"),
    lot("de-5flux", "pr", id="3", support_segments=("ev-entretien",)),
    lot("ev-elagage", "de-bio", "pr-locaux", id="4", reserved=("handicap", "iae")),
)
TERRITORIES = {
    "departement": codes("departement:35"),
    "radius": around(REDON, 40),
    "radius around a commune": around("35238", 15),
    "drawn": TerritoryRequest(geometry=square(VANNES, 0.2)),
}


@pytest.fixture(scope="module")
def tables(reference: Reference) -> IndexTables:
    """Some hundred suppliers of a region."""
    made = suppliers(600, reference, departements={"35", "56", "44"})
    return build_tables(made, reference.taxonomy, reference.cpv, reference.geography)


def fresh(tables: IndexTables, reference: Reference) -> LiveIndex:
    """An index of them of which nothing is cached."""
    return LiveIndex(Index(tables, reference.taxonomy, reference.cpv, reference.geography), 1)


def answer_bytes(ours: LiveIndex, asked: Need, reference: Reference) -> bytes:
    return match_json(asked, ours, reference, ON, "fr")


@pytest.mark.parametrize("territory", TERRITORIES)
@pytest.mark.parametrize("sites", [(), (RENNES,), (RENNES, VANNES)], ids=["no site", "one", "several"])
def test_lots_together_are_answered_as_each_alone(
    tables: IndexTables, reference: Reference, territory: str, sites: tuple[Point, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    placed = [place(sites[number % len(sites)]) if sites else None for number in range(len(LOTS))]
    lots = [msgspec.structs.replace(each, site=site) for each, site in zip(LOTS, placed, strict=True)]
    asked = need(*lots, territory=TERRITORIES[territory])
    together = answer_bytes(fresh(tables, reference), asked, reference)
    monkeypatch.setattr("matching.engine.LOTS_AT_ONCE", 1)
    assert answer_bytes(fresh(tables, reference), asked, reference) == together
    monkeypatch.setattr("matching.engine.LOTS_AT_ONCE", 8)
    monkeypatch.setattr("matching.selection.MOST_OFFERS", 600)
    assert answer_bytes(fresh(tables, reference), asked, reference) == together
