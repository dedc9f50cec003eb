"""The supply of a territory: the counts of a match of each segment, and who stands there.

On its map each supplier that stands there is in one area, and the areas add up to it.
"""

from collections import Counter
from datetime import date
from random import Random
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.needs.need import Need, TerritoryRequest
from domain.shortlists.shortlist import LotShortlist
from domain.suppliers.supplier import Supplier
from domain.supply import AreaFeatureCollection, Supply
from matching.engine import match
from matching.geo.territory import Territory
from matching.index.live_index import LiveIndex
from matching.inspection.supply import Level, SupplySearch, supply_map
from matching.reference import Reference
from tests.conftest import examples
from tests.factories import LYON, ON, REDON, RENNES, VANNES, codes, live, lot, offer, offerless, reference, supplier
from tests.matching.oracle.run import Bench
from tests.matching.oracle.strategies import DATES, FAMILIES, suppliers

ILLE_ET_VILAINE = codes("departement:35")


def supplied(
    *some: Supplier, segments: tuple[str, ...] = ("pr-locaux",), asked: TerritoryRequest = ILLE_ET_VILAINE
) -> Supply:
    return looked_up(live(*some), reference(), asked, segments, ON)


def looked_up(index: LiveIndex, known: Reference, asked: TerritoryRequest, segments: Any, on: date) -> Supply:
    territory: Territory = known.geography.territory(asked)
    return SupplySearch(index, territory, on, known.rules).supply(segments, known.taxonomy, "fr")


def counts(lot_of_it: LotShortlist) -> dict[str, Any]:
    """What a match says of a lot of one segment, as the supply says it."""
    options = {name: total for name, total in lot_of_it.alternatives.reserved.items() if name != "none"}
    (covered,) = lot_of_it.coverage
    return {
        "suppliers": lot_of_it.total,
        "local": covered.local,
        "reserved": options,
        "tension": lot_of_it.tension.level,
        "unknown": lot_of_it.unknown_trade.total,
    }


@settings(max_examples=examples(25), derandomize=True)
@given(draw=st.randoms(use_true_random=True), on=st.sampled_from(DATES))
def test_the_counts_are_those_of_a_match_of_each_segment(bench: Bench, draw: Random, on: date) -> None:
    """In any pool, after changes, for segments and families; the basis is that of the best offer of each candidate."""
    scenery = bench.scenery
    index = bench.index(suppliers(scenery, draw, draw.choice((20, 90))))
    asked = codes(
        *draw.sample(["epci:" + draw.choice(scenery.epcis), "departement:56", "region:53", "commune:35238"], 2)
    )
    wanted = tuple(draw.sample((*scenery.segments, *FAMILIES), 12))
    found = looked_up(index, bench.reference, asked, wanted, on)
    whole = Need(tuple(lot(each, id=each) for each in wanted), territory=asked, limit=100, near_misses=0)
    matched = match(whole, index, bench.reference, on, "fr")
    for item, lot_of_it in zip(found.items, matched.lots, strict=True):
        assert item.segment == lot_of_it.id
        said = {
            "suppliers": item.suppliers,
            "local": item.local,
            "reserved": {name: getattr(item.reserved, name) for name in item.reserved.__struct_fields__},
            "tension": item.tension,
            "unknown": found.unknown_trade.total,
        }
        assert said == counts(lot_of_it)
        bases = Counter(row.segments[0].basis for row in lot_of_it.candidates)
        assert {name: getattr(item.by_basis, name) for name in ("declared", "awarded", "inferred")} == {
            "declared": 0,
            "awarded": 0,
            "inferred": 0,
            **bases,
        }
    assert found.territory == matched.lots[0].territory


def test_totals_count_who_stands_in_the_territory_whatever_they_offer() -> None:
    """By legal form and kind, with the employees of whom it is known; who only serves it counts in the items alone."""
    some = (
        supplier("one", at=RENNES, legal_form="association", kinds=("ACI", "EI"), employees=12),
        supplier("two", at=REDON, legal_form="association", kinds=("ESAT",)),
        offerless("three", at=RENNES, legal_form=None, employees=0),
        supplier("far", offer(national=True), at=LYON, legal_form="cooperative", employees=99),
        supplier("closed", at=RENNES, active=False),
        supplier("nowhere", offer(national=True), at=None),
    )
    found = supplied(*some)
    assert found.totals.suppliers == 3
    assert found.totals.by_family == {"association": 2, "unknown": 1}
    assert found.totals.by_kind == {"ACI": 1, "EI": 1, "ESAT": 1, "none": 1}
    assert (found.totals.employees, found.totals.employees_known) == (12, 2)
    assert [(item.suppliers, item.local) for item in found.items] == [(4, 2)]
    assert found.unknown_trade.total == 1


def test_totals_follow_changes() -> None:
    known = reference()
    first = supplier("one", at=RENNES, employees=3, legal_form="mutual")
    before = live(first, supplier("two", at=RENNES, employees=5))
    after = before.with_changes([msgspec.structs.replace(first, employees=30), supplier("three", at=RENNES)], (), 2)
    found = looked_up(after, known, ILLE_ET_VILAINE, ("pr-locaux",), ON)
    assert (found.totals.suppliers, found.totals.employees, found.totals.employees_known) == (3, 35, 2)
    gone = after.with_changes([], [first.id], 3)
    assert looked_up(gone, known, ILLE_ET_VILAINE, (), ON).totals.employees == 5
    rebuilt = LiveIndex(gone.base.build_with(gone.suppliers()), 4)
    assert looked_up(rebuilt, known, ILLE_ET_VILAINE, (), ON).totals.employees == 5


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
