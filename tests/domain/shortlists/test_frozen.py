"""A frozen version is read from the answer it gave, whatever that answer gains over the years."""

from pathlib import Path

from domain.shortlists.diff import compare
from domain.shortlists.listed_suppliers import to_be_contacted
from tests.domain.shortlists.samples import frozen, id_of, listed

FOLDER = Path(__file__).parent


def test_who_is_listed_is_read_from_the_answer() -> None:
    """Fields of an answer that are not asked for do not matter."""
    version = frozen(listed("1", ["a", "b"], ["c"], total=9), listed("2", []))
    first, second = version.shown
    assert [each.name for each in first.listed] == ["a", "b", "c"]
    assert first.supplier_ids == {id_of("a"), id_of("b"), id_of("c")}
    assert (first.total, second.listed) == (9, ())
    assert first.near_misses[0].message == "À 63 km : 3 km de trop"


def test_what_was_frozen_in_2026_can_still_be_read() -> None:
    """Nobody writes this file anew: a field that answers gain has a default, and none is taken away."""
    version = frozen(body=(FOLDER / "answer_of_2026.json").read_bytes())
    lot = version.shortlist.lots[0]
    (candidate,), (missed,) = lot.candidates, lot.near_misses
    assert (candidate.supplier.name, missed.supplier.name) == ("Ateliers de l'Ouest", "Loin")
    assert version.shown[0].near_misses[0].message == missed.message
    assert to_be_contacted(version, ()) == (candidate.supplier,)
    found = compare(version, frozen(listed("1", ["a"]), number=2), {}, {}, "fr").lots[0]
    assert [each.name for each in found.left] == ["Ateliers de l'Ouest"]
