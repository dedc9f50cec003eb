"""Who of a frozen version may be contacted, for which lots."""

import msgspec

from domain.shortlists.frozen import Decision, FrozenShortlist
from domain.shortlists.listed_suppliers import everyone_shown, to_be_contacted
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


def aside(lot_id: str) -> Decision:
    return Decision(lot_id, BOTH.id, "set_aside", None, NOW)


def names(*decisions: Decision, lots: tuple[str, ...] = ()) -> set[str]:
    return {each.name for each in to_be_contacted(version(*decisions), lots)}


def test_each_supplier_comes_once() -> None:
    assert len(to_be_contacted(version(), ())) == len(names())
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
