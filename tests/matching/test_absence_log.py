"""The ledger accounts for everybody: whoever is on one shortlist and not on another, it can be told why."""

from collections.abc import Iterable
from datetime import date
from random import Random
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.needs.need import Need
from domain.shortlists.frozen import LotLedger
from domain.shortlists.shortlist import Shortlist
from domain.suppliers.supplier import Supplier
from matching import absence_log
from matching.absence_log import Ledger
from matching.engine import match
from tests.conftest import examples
from tests.factories import LYON, NANTES, ON, approved, live, lot, need, offer, reference, supplier
from tests.matching.oracle_run import Bench
from tests.matching.strategies import DATES, suppliers
from tests.matching.strategies import need as drawn_need

POOL = (
    supplier("first", approvals=approved("EA")),
    supplier("second", offer(radius_km=30), approvals=approved("EA"), at=None),
    supplier("third", offer(national=True, basis="inferred"), approvals=None),
    supplier("neighbour", offer("pr-specialise")),
    supplier("elsewhere", offer(radius_km=10), at=NANTES),
    supplier("far", offer(national=True), at=LYON, approvals=approved("EA")),
    supplier("plain", offer(), approvals=()),
    supplier("another trade", offer("ev-entretien")),
)
ASKED = need(lot(reserved=("handicap",), max_distance_km=100), limit=1, near_misses=1)
IDS = {one.name: one.id for one in POOL}
STRANGER = UUID(int=9)


def noted(asked: Need, followed: Iterable[UUID] = (), pool: tuple[Supplier, ...] = POOL) -> tuple[Shortlist, LotLedger]:
    """The shortlist, and the ledger of its first lot."""
    index = live(*pool)
    keeping = Ledger(index, {asked.lots[0].id: tuple(followed)}, len(asked.lots))
    return match(asked, index, reference(), ON, "fr", (), keeping), keeping.lots[0]


def test_noting_changes_nothing() -> None:
    assert noted(ASKED, IDS.values())[0] == match(ASKED, live(*POOL), reference(), ON, "fr")


def test_everybody_whose_offers_answer_is_in_it() -> None:
    """Candidates beyond the rows shown, and whom each gate refused."""
    shortlist, ledger = noted(ASKED)
    everyone = match(msgspec.structs.replace(ASKED, limit=100), live(*POOL), reference(), ON, "fr").lots[0]
    assert ledger.candidates == tuple(row.supplier.id for row in everyone.candidates)
    assert len(ledger.candidates) > len(shortlist.lots[0].candidates)
    assert ledger.complete
    named = {gate: {name for name, one in IDS.items() if one in ids} for gate, ids in ledger.refused.items()}
    assert named == {
        "reservation": {"plain"},
        "distance": {"far", "second"} & named["distance"],
        "service_area": {"elsewhere", "second"} - named["distance"],
    }


def test_whoever_is_followed_is_accounted_for_unless_shown() -> None:
    """In both languages where a gate refused it; the near misses are, without being asked for."""
    shortlist, ledger = noted(ASKED, (*IDS.values(), STRANGER))
    shown = shortlist.lots[0].candidates[0].supplier.id
    told = {absence.supplier_id: absence for absence in ledger.absences}
    assert told.keys() == {*IDS.values(), STRANGER} - {shown}
    assert len(told) == len(ledger.absences)
    codes = {name: told[one].code for name, one in IDS.items() if one != shown}
    assert codes == {"third": "beyond_limit"} | dict.fromkeys(codes.keys() - {"third", "another trade"}, "refused") | {
        "another trade": "no_offer"
    }
    assert told[STRANGER].code == "inactive"
    assert told[IDS["third"]].rank == 2
    (missed,) = shortlist.lots[0].near_misses
    near = told[missed.supplier.id]
    assert ledger.absences[0] == near
    assert near.message is not None
    assert (near.excluded_by, near.message.fr) == (missed.excluded_by, missed.message)
    english = match(ASKED, live(*POOL), reference(), ON, "en").lots[0].near_misses[0]
    assert near.message.en == english.message


def test_who_was_replaced_or_removed_since_the_base_is_told_by_what_it_is_now() -> None:
    """The base still holds what they were."""
    after = live(*POOL).after([replace_offers(POOL[0])], [POOL[2].id], 2)
    keeping = Ledger(after, {"1": (POOL[0].id, POOL[2].id)}, 1)
    match(need(lot(), near_misses=0), after, reference(), ON, "fr", (), keeping)
    assert {each.supplier_id: each.code for each in keeping.lots[0].absences} == {
        POOL[0].id: "no_offer",
        POOL[2].id: "inactive",
    }


def replace_offers(one: Supplier) -> Supplier:
    return msgspec.structs.replace(one, offers=(offer("ev-entretien"),))


def test_it_is_kept_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shared out between the lots; candidates first, then those who came furthest."""
    monkeypatch.setattr(absence_log, "KEPT", 3)
    monkeypatch.setattr(absence_log, "FEWEST", 3)
    _, ledger = noted(ASKED, IDS.values())
    assert len(ledger.candidates) + sum(map(len, ledger.refused.values())) == 3
    assert (ledger.refused["reservation"], ledger.complete) == ((IDS["plain"],), False)
    assert len(ledger.absences) == 3


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


@settings(max_examples=examples(40), derandomize=True)
@given(draw=st.randoms(use_true_random=True), on=st.sampled_from(DATES))
def test_it_says_of_each_what_a_longer_shortlist_would(bench: Bench, draw: Random, on: date) -> None:
    """Any need, any few suppliers, all followed: with room for everybody the answer itself tells where each stands."""
    pool = suppliers(bench.scenery, draw, 12)
    asked = msgspec.structs.replace(drawn_need(bench.scenery, draw, 1), limit=2, near_misses=0)
    index = bench.index(pool)
    keeping = Ledger(index, {asked.lots[0].id: tuple(one.id for one in pool)}, 1)
    shown = match(asked, index, bench.reference, on, "fr", (), keeping).lots[0].candidates
    whole = match(msgspec.structs.replace(asked, limit=100, near_misses=50), index, bench.reference, on, "fr").lots[0]
    told = {each.supplier_id: each for each in keeping.lots[0].absences}
    assert told.keys() == {one.id for one in pool} - {row.supplier.id for row in shown}
    ranks = {row.supplier.id: row.rank for row in whole.candidates}
    missed = {row.supplier.id: (row.excluded_by, row.message) for row in whole.near_misses}
    for one in pool:
        if one.id not in told:
            continue
        absence = told[one.id]
        said = absence.message and (absence.excluded_by, absence.message.fr)
        expected = {
            "beyond_limit": ranks.get(one.id) == absence.rank,
            "refused": missed.get(one.id) == said,
            "no_offer": one.active and one.id not in ranks and one.id not in missed,
            "inactive": not one.active,
        }
        assert expected[absence.code], (one, absence)
