"""Where records stand, and what is doubtful about it: flagged, never refused."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.needs.need import Place
from domain.suppliers.supplier import Address, Flag, Placement, Point, SupplierRecord
from matching.geo.projection import earth_centred
from matching.geo.record_placement import TOLERANCE_KM, find_placements
from matching.reference import Reference
from tests.conftest import examples
from tests.factories import LYON, PARIS, REDON, RENNES, SAINT_DENIS, moved
from tests.factories import reference as reference_data

SAINT_PIERRE = Point(46.7758, -56.1806)


@pytest.fixture
def placed(reference: Reference) -> Any:
    """Places one record, known by its point and the code of its commune."""

    def of(at: Point | None, commune: str | None) -> Placement:
        address = Address(commune=commune) if commune else None
        return find_placements([SupplierRecord(name="x", location=at, address=address)], reference.geography)[0]

    return of


def flags(found: Placement) -> list[str]:
    return [flag.code for flag in found.flags]


FAR = ["point_far_from_commune"]
MESSAC, OFF_QUIBERON, NULL_ISLAND = Point(47.8244, -1.8090), Point(47.4765, -3.1215), Point(0.0, 0.0)
ACROSS_THE_RIVER = moved(REDON, north=-0.012)  # in Saint-Nicolas


@pytest.mark.parametrize(
    ("at", "named", "commune", "doubts"),
    [
        (RENNES, "35238", "35238", []),
        (RENNES, None, "35238", []),
        (LYON, "35238", "35238", FAR),
        (None, "75111", "75056", ["placed_at_commune"]),  # arrondissements are their city
        (None, "69381", "69123", ["placed_at_commune"]),
        (None, "13201", "13055", ["placed_at_commune"]),
        (MESSAC, "35176", "35176", []),  # Messac is part of Guipry-Messac
        (MESSAC, "35129", "35176", []),  # Guipry, which is retired
        (None, "35129", "35176", ["placed_at_commune"]),
        (REDON, None, "35236", []),
        # outlines are drawn to some ten metres, and one side of a street is another commune: a kilometre is let pass
        (ACROSS_THE_RIVER, "35236", "35236", []),
        (moved(REDON, north=-0.06), "35236", "35236", FAR),
        (OFF_QUIBERON, None, None, []),  # a harbour, a few hundred metres off the shore
        (OFF_QUIBERON, "56186", "56186", []),
        (Point(50.85, 4.35), None, None, ["outside_france"]),
        (NULL_ISLAND, None, None, ["outside_france"]),
        (Point(RENNES.lon, RENNES.lat), None, None, ["outside_france"]),
        (NULL_ISLAND, "35238", "35238", FAR),
        (SAINT_DENIS, None, "97411", []),
        (PARIS, "97411", "97411", FAR),
        (SAINT_PIERRE, "97502", "97502", []),  # a commune without outline: nothing can be doubted
        (RENNES, "97502", "97502", FAR),
        (None, "98818", "98818", []),
        (None, None, None, ["no_place"]),
        (None, "35999", None, ["no_place"]),
    ],
)
def test_where_a_record_is_placed(
    placed: Any, at: Point | None, named: str | None, commune: str | None, doubts: list[str]
) -> None:
    """A point stays as it is given; without one, a commune with an outline gives its interior point."""
    found = placed(at, named)
    assert (found.commune, flags(found)) == (commune, doubts)
    assert found.location == at or doubts == ["placed_at_commune"]


def test_a_doubt_names_the_commune(reference: Reference, placed: Any) -> None:
    assert "35238 Rennes" in placed(LYON, "35238").flags[0].detail
    astray = SupplierRecord(name="x", address=Address(postal_code="35000", city="Rennnes"))
    assert find_placements([astray], reference.geography)[0].flags == (Flag("no_place", "35000 Rennnes (Rennes ?)"),)


def test_a_commune_gives_an_interior_point(reference: Reference, placed: Any) -> None:
    """Flagged, for it is not where the supplier stands."""
    found = placed(None, "35236")
    assert (found.commune, flags(found)) == ("35236", ["placed_at_commune"])
    assert placed(found.location, None).commune == "35236"


@settings(max_examples=examples(200))
@given(
    lat=st.floats(41.0, 51.5), lon=st.floats(-5.0, 9.5),
    commune=st.sampled_from(["35238", "35236", "2A004", "13055", "73296", "59350", "97411", "29155"]),
)  # fmt: skip
def test_the_distance_to_a_commune_is_that_to_its_outline(lat: float, lon: float, commune: str) -> None:
    """As it is measured where suppliers are matched, whether the point is near or at the other end of France."""
    geography = reference_data().geography
    expected = geography.place(Place(commune=commune)).distance(earth_centred(np.array([lat]), np.array([lon])))[0]
    record = SupplierRecord(name="x", location=Point(lat, lon), address=Address(commune=commune))
    (found,) = find_placements([record], geography)
    far = [flag.detail for flag in found.flags if flag.code == "point_far_from_commune"]
    assert bool(far) == (expected > TOLERANCE_KM) or abs(expected - TOLERANCE_KM) < 0.01
    if far:
        assert float(far[0].split(" km")[0]) == pytest.approx(expected, rel=0.005, abs=0.06)


@pytest.mark.parametrize(
    ("at", "postal_code", "expected"),
    [
        (RENNES, "35700", []),
        (ACROSS_THE_RIVER, "35600", []),
        (LYON, "35700", FAR),
        (LYON, "35042", []),  # of firms: it serves no commune
        (RENNES, "97500", []),  # no outline
    ],
)
def test_where_no_commune_is_named_the_postal_code_tells(
    at: Point, postal_code: str, expected: list[str], reference: Reference
) -> None:
    """A city that does not have its postal code names no commune; the point is still held against the code."""
    record = SupplierRecord(name="x", location=at, address=Address(postal_code=postal_code, city="Ailleurs"))
    assert flags(find_placements([record], reference.geography)[0]) == expected


def test_records_are_placed_in_their_order(reference: Reference) -> None:
    records = [
        SupplierRecord(name="a", location=RENNES),
        SupplierRecord(name="b"),
        SupplierRecord(name="c", address=Address(commune="35236")),
        SupplierRecord(name="d", location=LYON),
    ]
    assert [one.commune for one in find_placements(records, reference.geography)] == ["35238", None, "35236", "69123"]
    assert find_placements([], reference.geography) == []


def test_many_at_once_stand_where_each_stands_alone(reference: Reference) -> None:
    points = (RENNES, LYON, PARIS, REDON, SAINT_DENIS, SAINT_PIERRE, None)
    records = [
        SupplierRecord(name="x", location=at, address=Address(commune=commune))
        for at in points
        for commune in ("35238", "69123", "97502", None)
    ]
    alone = [find_placements([record], reference.geography)[0] for record in records]
    assert find_placements(records, reference.geography) == alone
    assert len({placement.flags for placement in alone}) > 8
