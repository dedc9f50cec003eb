"""Who of a frozen version may be contacted, for which lots."""

import msgspec

from domain.shortlists.frozen import Decision, FrozenShortlist
from domain.shortlists.listed_suppliers import everyone_shown, shortlisted, to_be_contacted
from matching.engine import match
from tests.domain.shortlists.samples import NOW, frozen
from tests.factories import ON, live, lot, need, offer, reference, supplier

BOTH = supplier("both", offer("pr-locaux", "ev-entretien"))
CLEANER, FAR = supplier("cleaner"), supplier("far", offer("pr-specialise"))
ASKED = need(lot(id="1"), lot("ev-entretien", id="2"))


def version(*decisions: Decision) -> FrozenShortlist:
    """Lot 1 has two candidates and a near miss, lot 2 one candidate."""
    answer = match(ASKED, live(BOTH, CLEANER, FAR), reference(), ON, "fr")
    return frozen(body=msgspec.json.encode(answer), decisions=decisions)


def aside(lot_id: str, reason: str | None = None) -> Decision:
    return Decision(lot_id, BOTH.id, "set_aside", reason, NOW)


def names(*decisions: Decision, lots: tuple[str, ...] = ()) -> set[str]:
    return {each.name for each in to_be_contacted(version(*decisions), lots)}


def test_each_candidate_comes_once_with_its_lots() -> None:
    found = shortlisted(version())
    assert {each.supplier.name: each.lots for each in found.values()} == {"both": ("1", "2"), "cleaner": ("1",)}
    assert set(everyone_shown(version())) == {BOTH.id, CLEANER.id, FAR.id}


def test_who_is_set_aside_for_every_lot_is_not_contacted() -> None:
    assert names() == {"both", "cleaner"}
    assert names(aside("1")) == {"both", "cleaner"}
    assert names(aside("1"), aside("2")) == {"cleaner"}
    assert names(Decision("1", BOTH.id, "kept", None, NOW)) == {"both", "cleaner"}


def test_of_some_lots_only_their_candidates_are() -> None:
    assert names(lots=("2",)) == {"both"}
    assert names(aside("2"), lots=("2",)) == set()
    assert names(aside("2"), lots=("1", "2")) == {"both", "cleaner"}


def test_why_it_was_set_aside_is_told_by_lot() -> None:
    found = shortlisted(version(aside("2", "Trop loin")))[BOTH.id]
    assert found.set_aside == {"2": "Trop loin"}
    assert found.kept_lots == {"1"}
