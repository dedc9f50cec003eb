"""The map of a territory's supply: each supplier that stands there is in one area, and the areas add up to it."""

from collections import Counter
from datetime import date
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.supply import AreaFeatureCollection
from matching.index import LiveIndex
from matching.reference import Reference
from matching.supply import SupplySearch
from matching.supply_map import Level, supply_map
from tests.conftest import examples
from tests.factories import ON, REDON, RENNES, VANNES, codes, live, offer, offerless, reference, supplier
from tests.matching.oracle_run import Bench
from tests.matching.strategies import DATES, suppliers


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


def search(index: LiveIndex, known: Reference, *territory: str, on: date = ON) -> SupplySearch:
    return SupplySearch(index, known.geography.territory(codes(*territory)), on, known.rules)


def drawn(asked: SupplySearch, level: Level, *segments: str) -> AreaFeatureCollection:
    return supply_map(asked, segments, level, reference().geography)


def test_each_stands_in_its_commune() -> None:
    """With the segments that it could answer in the territory; areas without anybody are drawn too."""
    index = live(
        supplier("one", at=RENNES, employees=7),
        offerless("two", at=RENNES),
        supplier("three", offer("de-bio"), at=REDON),
        supplier("not here", offer(national=True), at=VANNES),
    )
    asked = search(index, reference(), "departement:35")
    features = {each.id: each.properties for each in drawn(asked, "commune", "pr-locaux", "de-bio").features}
    assert len(features) == len(reference().territories.area("departement:35").communes)
    rennes, redon = features["commune:35238"], features["commune:35236"]
    assert (rennes.label, rennes.suppliers, rennes.employees, rennes.employees_known) == ("Rennes", 2, 7, 1)
    assert (rennes.local, redon.local) == ({"pr-locaux": 1}, {"de-bio": 1})
    assert sum(each.suppliers for each in features.values()) == 3


def test_outlines_are_their_own() -> None:
    """An EPCI is drawn whole, also where the territory has a part of it."""
    geography = reference().geography
    (feature,) = drawn(search(live(supplier(at=REDON)), reference(), "commune:35236"), "epci").features
    assert feature.id == "epci:243500741"
    outline = geography.outline(reference().territories.area(feature.id))
    assert outline is not None
    assert bytes(feature.geometry) == outline.geometry
    assert feature.properties.suppliers == 1


def test_a_commune_of_no_epci_stands_for_itself() -> None:
    """Overseas communes have no EPCI, and no outline."""
    features = drawn(search(live(supplier(at=RENNES)), reference(), "departement:975"), "epci").features
    assert {each.id.partition(":")[0] for each in features} == {"commune"}
    assert {bytes(each.geometry) for each in features} == {b"null"}


@settings(max_examples=examples(15), derandomize=True)
@given(draw=st.randoms(use_true_random=True), on=st.sampled_from(DATES), level=st.sampled_from(("commune", "epci")))
def test_the_areas_add_up_to_the_territory(bench: Bench, draw: Random, on: date, level: Level) -> None:
    """Of any pool, after changes, also of those who stand on a border."""
    index = bench.index(suppliers(bench.scenery, draw, 120))
    places = ["epci:" + draw.choice(bench.scenery.epcis), "departement:56", "departement:44", "commune:35238"]
    asked = search(index, bench.reference, *draw.sample(places, draw.choice((1, 2))), on=on)
    segments = bench.scenery.segments[:9]
    whole = asked.supply(segments, bench.reference.taxonomy, "fr")
    found = [each.properties for each in drawn(asked, level, *segments).features]
    assert sum(each.suppliers for each in found) == whole.totals.suppliers
    assert sum(each.employees_known for each in found) == whole.totals.employees_known
    local: Counter[str] = Counter()
    for each in found:
        local.update(each.local)
    assert local == Counter({item.segment: item.local for item in whole.items if item.local})
    assert msgspec.json.encode(found)
