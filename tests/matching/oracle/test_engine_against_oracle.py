"""The engine agrees with a brute-force reading of the contract. More cases are run in the full profile.

It answers with the same bytes whatever it has answered before, while the data change.
"""

from datetime import date
from functools import cache
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.needs.need import Lot, Need, Place, TerritoryRequest
from domain.reference.territory import Polygon
from domain.suppliers.supplier import Supplier
from matching.index.live_index import LiveIndex
from tests.conftest import examples
from tests.matching.oracle.changing_directory import Changing
from tests.matching.oracle.run import Bench
from tests.matching.oracle.strategies import DATES, awards, need, suppliers

POOL, NEEDS = 200, examples(8)
SMALL_CASES = 120

PARIS_BY_ITS_PARTS = TerritoryRequest(codes=("commune:75111", "nuts:FR101"))
OVERSEAS = TerritoryRequest(codes=("region:04",))
OVERSEAS_AND_MAINLAND = TerritoryRequest(codes=("departement:973", "departement:56"))
WITHOUT_OUTLINE = TerritoryRequest(codes=("departement:975",))
PARTLY_WITHOUT_OUTLINE = TerritoryRequest(codes=("departement:988", "departement:56"))
FRANCE = TerritoryRequest(codes=("country:FR",))
HALF_OF_FRANCE = TerritoryRequest(near=Place(lat=47.0, lon=2.0), radius_km=400)
THE_WORLD = TerritoryRequest(near=Place(commune="35236"), radius_km=20_000)
LONG_EDGES = TerritoryRequest(
    geometry=Polygon(coordinates=(((-6.0, 41.0), (10.0, 41.0), (10.0, 48.1), (-6.0, 48.1), (-6.0, 41.0)),))
)
MORBIHAN = TerritoryRequest(codes=("departement:56",))


@settings(max_examples=examples(SMALL_CASES), derandomize=True)
@given(
    draw=st.randoms(use_true_random=True), count=st.integers(1, 8), lots=st.integers(1, 2), on=st.sampled_from(DATES)
)
def test_a_few_suppliers(bench: Bench, draw: Random, count: int, lots: int, on: date) -> None:
    """Any few suppliers against any need: small enough to be read when they disagree."""
    pool = suppliers(bench.scenery, draw, count)
    past = awards(bench.scenery, draw, pool, on) if draw.random() < 0.5 else []
    assert bench.disagreements(need(bench.scenery, draw, lots), pool, on, bench.index(pool), past) == []


@pytest.mark.parametrize("on", DATES, ids=str)
def test_a_pool(bench: Bench, on: date) -> None:
    """Hundreds of suppliers, tens of needs of three lots, dates at which the law was another."""
    draw = Random(str(on))
    pool = suppliers(bench.scenery, draw, POOL)
    index = bench.index(pool)
    for number in range(NEEDS):
        asked = need(bench.scenery, draw, lots=3)
        past = awards(bench.scenery, draw, pool, on) if number % 2 else []
        assert bench.disagreements(asked, pool, on, index, past) == [], f"need {number}: {asked}"


@cache
def spread(bench: Bench) -> tuple[list[Supplier], LiveIndex]:
    pool = suppliers(bench.scenery, Random(0), 120)
    return pool, bench.index(pool)


@pytest.mark.parametrize(
    ("territory", "lot"),
    [
        pytest.param(
            PARIS_BY_ITS_PARTS, Lot(id="1", segments=("pr", "ev")), id="Paris by an arrondissement and NUTS 3"
        ),
        pytest.param(OVERSEAS, Lot(id="1", segments=("pr", "ev"), max_distance_km=30), id="an island far away"),
        pytest.param(OVERSEAS_AND_MAINLAND, Lot(id="1", segments=("pr", "ev")), id="two grounds an ocean apart"),
        pytest.param(WITHOUT_OUTLINE, Lot(id="1", segments=("pr", "ev")), id="no outline: no distance"),
        pytest.param(
            WITHOUT_OUTLINE, Lot(id="1", segments=("pr",), max_distance_km=60), id="no distance: no cap is met"
        ),
        pytest.param(PARTLY_WITHOUT_OUTLINE, Lot(id="1", segments=("pr", "ev")), id="measured to what has an outline"),
        pytest.param(FRANCE, Lot(id="1", segments=("pr", "ev"), max_distance_km=10), id="all of France"),
        pytest.param(HALF_OF_FRANCE, Lot(id="1", segments=("pr", "ev")), id="a disc of hundreds of kilometres"),
        pytest.param(THE_WORLD, Lot(id="1", segments=("pr", "ev")), id="a disc without end"),
        pytest.param(LONG_EDGES, Lot(id="1", segments=("pr", "ev")), id="edges along a parallel, not a geodesic"),
        pytest.param(MORBIHAN, Lot(id="1", segments=("pr",), site=Place(lat=46, lon=-6)), id="a site at sea"),
        pytest.param(MORBIHAN, Lot(id="1", segments=("pr",), reserved=("iae", "iae")), id="a type named twice"),
    ],
)
def test_far_and_wide(bench: Bench, territory: TerritoryRequest, lot: Lot) -> None:
    """Territories that chance seldom draws."""
    pool, index = spread(bench)
    asked = Need(lots=(lot,), territory=territory, limit=100, near_misses=50)
    assert bench.disagreements(asked, pool, DATES[0], index) == []


@pytest.mark.parametrize(
    ("suppliers", "changed", "needs", "at_once"), [(3, 1, 300, 1), (60, 8, 240, 20), (300, 15, 80, 20)]
)
def test_the_same_bytes(suppliers: int, changed: int, needs: int, at_once: int) -> None:
    """Needs new and asked before, on several days, with past awards."""
    directory = Changing(Random(suppliers), suppliers)
    for _ in range(examples(needs) // at_once):
        assert directory.differences(at_once) == []
        directory.change(changed)
