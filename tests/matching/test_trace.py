"""The trail says of every supplier considered what the shortlist does with it."""

from domain.needs.need import Need
from domain.shortlists.shortlist import NearMiss
from matching import ranking
from matching.engine import match
from matching.trace import READINGS, LotTrail, trail
from tests.factories import LYON, NANTES, ON, approved, live, lot, names, need, offer, reference, supplier

POOL = (
    supplier("candidate", offer(radius_km=30), approvals=approved("EA")),
    supplier("inferred", offer(national=True, basis="inferred"), at=None, approvals=None),
    supplier("neighbour", offer("pr-specialise")),
    supplier("elsewhere", offer(radius_km=10), at=NANTES),
    supplier("far", offer(national=True), at=LYON, approvals=approved("EA")),
    supplier("plain", offer(), approvals=()),
    supplier("another trade", offer("ev-entretien")),
)


def followed(asked: Need) -> LotTrail:
    """The trail of the first lot of a need in the pool."""
    return trail(asked, live(*POOL), reference(), ON, "fr")[0]


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


def test_it_agrees_with_the_shortlist() -> None:
    """The same candidates in the same order, the same refusals."""
    asked = need(lot(reserved=("handicap",)), near_misses=50)
    told, listed = followed(asked), match(asked, live(*POOL), reference(), ON, "fr").lots[0]
    assert [placed.name for placed in told.candidates] == names(listed.candidates)
    refused: dict[str, list[NearMiss]] = {}
    for miss in listed.near_misses:
        refused.setdefault(miss.excluded_by, []).append(miss)
    assert {gate.gate: list(gate.nearest) for gate in told.gates if gate.count} == {
        gate: names(misses) for gate, misses in refused.items()
    }


def test_every_criterion_is_told_in_words() -> None:
    """A criterion that joins the order must say what its numbers mean."""
    assert set(READINGS) == {criterion.__name__ for criterion in ranking.ORDER}
    told = followed(need(lot(reserved=("handicap",))))
    assert [criterion.name for criterion in told.order] == [criterion.__name__ for criterion in ranking.ORDER]
    values = {placed.name: placed.values for placed in told.candidates}
    assert values["candidate"] == ("ELIGIBLE", 1, "exact", "declared", False, 0.0)
    assert values["inferred"] == ("UNKNOWN", 1, "exact", "inferred", True, None)


def test_without_a_reservation_nothing_is_said_of_eligibility() -> None:
    """The order looks at eligibility on reserved lots only."""
    assert {placed.values[0] for placed in followed(need(lot())).candidates} == {None}


def test_what_was_read_as_nothing_is_told() -> None:
    """CPV codes without a segment and words that are not recognised."""
    told = followed(need(lot("pr-locaux", cpv=("03110000",), keywords=("xyzzy plugh",))))
    assert (told.unmapped, told.unknown) == (("03110000",), ("xyzzy plugh",))
    assert [wanted.sources for wanted in told.wanted] == [("segment:pr-locaux",)]
