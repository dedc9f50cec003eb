"""The trail says of every supplier considered what the shortlist does with it.

Of whoever is on one shortlist and not on another, it can be told why.
"""

from datetime import date
from random import Random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.needs.need import Need
from domain.suppliers.supplier import Supplier
from matching import ranking
from matching.engine import match
from matching.inspection.trace import READINGS, LotTrace, SupplierStanding, supplier_standings, trace
from tests.factories import LYON, NANTES, ON, approved, live, lot, need, offer, reference, supplier
from tests.matching.oracle.run import Bench
from tests.matching.oracle.strategies import DATES, suppliers
from tests.matching.oracle.strategies import need as drawn_need

POOL = (
    supplier("candidate", offer(radius_km=30), approvals=approved("EA")),
    supplier("inferred", offer(national=True, basis="inferred"), at=None, approvals=None),
    supplier("neighbour", offer("pr-specialise")),
    supplier("elsewhere", offer(radius_km=10), at=NANTES),
    supplier("far", offer(national=True), at=LYON, approvals=approved("EA")),
    supplier("plain", offer(), approvals=()),
    supplier("another trade", offer("ev-entretien")),
)


def followed(asked: Need) -> LotTrace:
    """The trail of the first lot of a need in the pool."""
    return trace(asked, live(*POOL), reference(), ON, "fr")[0]


def test_the_gates_account_for_all_who_were_considered() -> None:
    """Whoever is considered passes, or is refused by exactly one gate, which names it."""
    told = followed(need(lot(reserved=("handicap",), max_distance_km=100)))
    assert {gate.gate: gate.nearest for gate in told.gates} == {
        "segment": ("neighbour",),
        "service_area": ("elsewhere",),
        "distance": ("far", "inferred"),
        "reservation": ("plain",),
    }
    assert told.considered == told.passed + sum(gate.count for gate in told.gates)
    assert all(gate.rule for gate in told.gates)


def test_every_criterion_is_told_in_words() -> None:
    """A criterion that joins the order must say what its numbers mean."""
    assert set(READINGS) == {criterion.__name__ for criterion in ranking.ORDER}
    told = followed(need(lot(reserved=("handicap",))))
    assert [criterion.name for criterion in told.order] == [criterion.__name__ for criterion in ranking.ORDER]
    values = {placed.name: placed.values for placed in told.candidates}
    assert values["candidate"] == ("ELIGIBLE", 1, "exact", "declared", False, 0.0)
    assert values["inferred"] == ("UNKNOWN", 1, "exact", "inferred", True, None)


def test_what_was_read_as_nothing_is_told() -> None:
    """CPV codes without a segment and words that are not recognised."""
    told = followed(need(lot("pr-locaux", cpv=("03110000",), keywords=("xyzzy plugh",))))
    assert (told.unmapped, told.unknown) == (("03110000",), ("xyzzy plugh",))
    assert [wanted.sources for wanted in told.wanted] == [("segment:pr-locaux",)]


@settings(max_examples=40, deadline=None, derandomize=True)
@given(draw=st.randoms(use_true_random=True), on=st.sampled_from(DATES))
def test_it_says_of_each_what_a_longer_shortlist_would(bench: Bench, draw: Random, on: date) -> None:
    """Any need, any few suppliers: with room for everybody the answer itself tells where each stands."""
    pool: list[Supplier] = suppliers(bench.scenery, draw, 12)
    asked = msgspec.structs.replace(drawn_need(bench.scenery, draw, 1), limit=2, near_misses=0)
    index, lot_id = bench.index(pool), asked.lots[0].id
    found = supplier_standings(asked, index, bench.reference, on, "fr", (), {lot_id: [one.id for one in pool]})[lot_id]
    whole = match(msgspec.structs.replace(asked, limit=100, near_misses=50), index, bench.reference, on, "fr").lots[0]
    expected = {row.supplier.id: SupplierStanding(None, None, row.rank) for row in whole.candidates}
    expected |= {row.supplier.id: SupplierStanding(row.excluded_by, row.message, None) for row in whole.near_misses}
    assert found == expected
