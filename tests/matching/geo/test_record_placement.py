"""Where records stand, and what is doubtful about it: flagged, never refused."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.needs.need import Place
from domain.suppliers.supplier import Address, Placement, Point, SupplierRecord
from matching.geo.projection import earth_centred
from matching.geo.record_placement import TOLERANCE_KM, place
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
        return place([SupplierRecord(name="x", location=at, address=address)], reference.geography)[0]

    return of


def flags(found: Placement) -> list[str]:
    return [flag.code for flag in found.flags]


def test_a_point_in_its_commune(placed: Any) -> None:
    assert placed(RENNES, "35238") == Placement(RENNES, "35238", ())


def test_a_point_tells_its_commune_where_the_address_does_not(placed: Any) -> None:
    assert placed(RENNES, None) == Placement(RENNES, "35238", ())


def test_a_commune_gives_an_interior_point(reference: Reference, placed: Any) -> None:
    """Flagged, for it is not where the supplier stands."""
    found = placed(None, "35236")
    assert (found.commune, flags(found)) == ("35236", ["placed_at_commune"])
    assert placed(found.location, None).commune == "35236"


@pytest.mark.parametrize(("given", "today"), [("75111", "75056"), ("69381", "69123"), ("13201", "13055")])
def test_arrondissements_are_their_city(placed: Any, given: str, today: str) -> None:
    assert placed(None, given).commune == today


def test_a_retired_commune_is_its_successor(placed: Any) -> None:
    """Messac is now part of Guipry-Messac: a point there is in its commune."""
    messac = Point(47.8244, -1.8090)
    assert placed(messac, "35176") == Placement(messac, "35176", ())
    assert placed(None, "35129").commune == "35176"  # Guipry
    assert flags(placed(messac, "35129")) == []


def test_a_point_far_from_its_commune_is_kept_and_flagged(placed: Any) -> None:
    found = placed(LYON, "35238")
    assert (found.location, found.commune, flags(found)) == (LYON, "35238", ["point_far_from_commune"])
    assert "35238 Rennes" in found.flags[0].detail


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
    (found,) = place([record], geography)
    far = [flag.detail for flag in found.flags if flag.code == "point_far_from_commune"]
    assert bool(far) == (expected > TOLERANCE_KM) or abs(expected - TOLERANCE_KM) < 0.01
    if far:
        assert float(far[0].split(" km")[0]) == pytest.approx(expected, rel=0.005, abs=0.06)


def test_a_point_little_outside_its_commune_is_not_doubtful(placed: Any) -> None:
    """Outlines are drawn to some ten metres, and one side of a street is another commune: a kilometre is let pass."""
    commune = placed(REDON, None).commune
    assert commune == "35236"
    assert flags(placed(moved(REDON, north=-0.012), "35236")) == []  # in Saint-Nicolas, across the river
    assert flags(placed(moved(REDON, north=-0.06), "35236")) == ["point_far_from_commune"]


@pytest.mark.parametrize(
    ("at", "postal_code", "expected"),
    [
        (RENNES, "35700", []),
        (moved(REDON, north=-0.012), "35600", []),  # across the river
        (LYON, "35700", ["point_far_from_commune"]),
        (LYON, "35042", []),  # of firms: it serves no commune
        (RENNES, "97500", []),  # no outline
    ],
)
def test_where_no_commune_is_named_the_postal_code_tells(
    at: Point, postal_code: str, expected: list[str], reference: Reference
) -> None:
    """A city that does not have its postal code names no commune; the point is still held against the code."""
    record = SupplierRecord(name="x", location=at, address=Address(postal_code=postal_code, city="Ailleurs"))
    assert flags(place([record], reference.geography)[0]) == expected


def test_a_harbour_lies_off_every_outline_and_is_french(placed: Any) -> None:
    """A few hundred metres off the shore; with its commune or without."""
    at_sea = Point(47.4765, -3.1215)  # off Quiberon
    assert placed(at_sea, None) == Placement(at_sea, None, ())
    assert flags(placed(at_sea, "56186")) == []


@pytest.mark.parametrize("abroad", [Point(50.85, 4.35), Point(0.0, 0.0), Point(RENNES.lon, RENNES.lat)])
def test_a_point_on_no_french_ground_is_kept_and_flagged(placed: Any, abroad: Point) -> None:
    assert flags(placed(abroad, None)) == ["outside_france"]
    assert placed(abroad, None).location == abroad


def test_a_point_abroad_with_its_commune_is_far_from_it(placed: Any) -> None:
    assert flags(placed(Point(0.0, 0.0), "35238")) == ["point_far_from_commune"]


def test_overseas_departements_are_french_ground(placed: Any) -> None:
    assert placed(SAINT_DENIS, None) == Placement(SAINT_DENIS, "97411", ())
    assert flags(placed(PARIS, "97411")) == ["point_far_from_commune"]


def test_what_has_no_outline_cannot_be_doubted(placed: Any) -> None:
    """Nobody can tell whether a point is in Saint-Pierre: it is taken as its address has it."""
    assert placed(SAINT_PIERRE, "97502") == Placement(SAINT_PIERRE, "97502", ())
    assert flags(placed(RENNES, "97502")) == ["point_far_from_commune"]


def test_a_commune_without_outline_gives_no_point(placed: Any) -> None:
    assert placed(None, "98818") == Placement(None, "98818", ())


@pytest.mark.parametrize("commune", [None, "35999"])
def test_neither_point_nor_commune(placed: Any, commune: str | None) -> None:
    found = placed(None, commune)
    assert (found.location, found.commune, flags(found)) == (None, None, ["no_place"])


def test_records_are_placed_in_their_order(reference: Reference) -> None:
    records = [
        SupplierRecord(name="a", location=RENNES),
        SupplierRecord(name="b"),
        SupplierRecord(name="c", address=Address(commune="35236")),
        SupplierRecord(name="d", location=LYON),
    ]
    assert [one.commune for one in place(records, reference.geography)] == ["35238", None, "35236", "69123"]
    assert place([], reference.geography) == []


def test_many_at_once_stand_where_each_stands_alone(reference: Reference) -> None:
    points = (RENNES, LYON, PARIS, REDON, SAINT_DENIS, SAINT_PIERRE, None)
    records = [
        SupplierRecord(name="x", location=at, address=Address(commune=commune))
        for at in points
        for commune in ("35238", "69123", "97502", None)
    ]
    alone = [place([record], reference.geography)[0] for record in records]
    assert place(records, reference.geography) == alone
    assert len({placement.flags for placement in alone}) > 8
