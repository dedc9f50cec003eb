"""A frozen version is read from the answer it gave, whatever that answer gains over the years."""

from pathlib import Path

import msgspec

from domain.shortlists.diff import compare
from domain.shortlists.frozen import Decision, FrozenShortlist, everyone_shown, to_be_contacted
from matching.engine import match
from tests.domain.shortlists.samples import NOW, frozen, id_of, listed
from tests.factories import LYON, ON, codes, live, lot, need, offer, offerless, reference, supplier

FOLDER = Path(__file__).parent
BOTH = supplier("both", offer("pr-locaux", "ev-entretien"))
CLEANER, FAR = supplier("cleaner"), supplier("far", offer("pr-specialise"))
ASKED = need(lot(id="1"), lot("ev-entretien", id="2"))


def test_who_is_listed_is_read_from_the_answer() -> None:
    """Fields of an answer that are not asked for do not matter."""
    version = frozen(listed("1", ["a", "b"], ["c"], total=9), listed("2", []))
    first, second = version.shown_lots
    assert [each.name for each in first.listed] == ["a", "b", "c"]
    assert {each.id for each in first.listed} == {id_of("a"), id_of("b"), id_of("c")}
    assert (first.total, second.listed) == (9, ())
    assert first.near_misses[0].message == "À 63 km : 3 km de trop"


def test_what_was_frozen_in_2026_can_still_be_read() -> None:
    """Nobody writes this file anew: a field that answers gain has a default, and none is taken away."""
    version = frozen(body=(FOLDER / "answer_of_2026.json").read_bytes())
    shown = version.shortlist.lots[0]
    (candidate,), (missed,) = shown.candidates, shown.near_misses
    assert (candidate.supplier.name, missed.supplier.name) == ("Ateliers de l'Ouest", "Loin")
    assert version.shown_lots[0].near_misses[0].message == missed.message
    assert to_be_contacted(version, ()) == (candidate.supplier,)
    assert to_be_contacted(version, (), of_unknown_trade=True) == ()
    found = compare(version, frozen(listed("1", ["a"]), number=2), {}, {}, "fr").lots[0]
    assert [each.name for each in found.left] == ["Ateliers de l'Ouest"]


def version(*decisions: Decision) -> FrozenShortlist:
    """Lot 1 has two candidates and a near miss, lot 2 one candidate."""
    answer = match(ASKED, live(BOTH, CLEANER, FAR), reference(), ON, "fr")
    return frozen(body=msgspec.json.encode(answer), decisions=decisions)


def aside(lot_id: str) -> Decision:
    return Decision(lot_id, BOTH.id, "set_aside", None, NOW)


def names(*decisions: Decision, lots: tuple[str, ...] = ()) -> set[str]:
    return {each.name for each in to_be_contacted(version(*decisions), lots)}


def test_each_supplier_comes_once_unless_it_is_set_aside_for_every_lot() -> None:
    assert len(to_be_contacted(version(), ())) == len(names())
    assert set(everyone_shown(version())) == {BOTH.id, CLEANER.id, FAR.id}
    assert names() == names(aside("1")) == {"both", "cleaner"}
    assert names(aside("1"), aside("2")) == {"cleaner"}
    assert names(Decision("1", BOTH.id, "kept", None, NOW)) == {"both", "cleaner"}
    assert names(lots=("2",)) == {"both"}
    assert names(aside("2"), lots=("2",)) == set()
    assert names(aside("2"), lots=("1", "2")) == {"both", "cleaner"}


def test_those_of_unknown_trade_are_known_by_lot_and_never_among_the_candidates() -> None:
    """Only those that stand near the lot, each once."""
    here, far = offerless("here"), offerless("far", at=LYON)
    asked = need(lot(id="1"), lot(id="2", territory=codes("departement:69")), lot(id="3"))
    answer = match(asked, live(CLEANER, here, far), reference(), ON, "fr")
    version = frozen(body=msgspec.json.encode(answer))
    assert [each.name for each in version.shown_lots[0].listed] == ["cleaner", "here"]
    assert [each.name for each in to_be_contacted(version, ("1", "3"), of_unknown_trade=True)] == ["here"]
    assert {each.name for each in to_be_contacted(version, (), of_unknown_trade=True)} == {"here", "far"}
    assert {each.name for each in to_be_contacted(version, ())} == {"cleaner"}
    assert {each.name for each in everyone_shown(version).values()} == {"cleaner", "here", "far"}


def test_one_of_unknown_trade_that_is_set_aside_is_not_contacted() -> None:
    """For the lots for which it is set aside."""
    here = offerless("here")
    answer = match(need(lot(id="1"), lot(id="2")), live(here), reference(), ON, "fr")
    version = frozen(
        body=msgspec.json.encode(answer), decisions=[Decision("1", here.id, "set_aside", "Ne nettoie pas", NOW)]
    )
    assert to_be_contacted(version, ("1",), of_unknown_trade=True) == ()
    assert [each.name for each in to_be_contacted(version, ("2",), of_unknown_trade=True)] == ["here"]
