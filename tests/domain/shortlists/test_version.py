"""A frozen version is read from the answer it gave, whatever that answer gains over the years.

Two versions compared: who came, who left, who moved, and the reason the other version gives.
"""

from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.needs.need import Lot, PlannedNeed, TerritoryRequest
from domain.shortlists.diff import Absence, LotDiff, diff_versions, unexplained_absences
from domain.shortlists.shortlist import RequestedSegment
from domain.shortlists.version import Decision, FrozenShortlist, IdAndName, everyone_shown, suppliers_to_contact
from domain.text.bilingual import Language
from matching.engine import match
from tests.domain.shortlists.samples import MORBIHAN, NOW, STAMP, decided, frozen, id_of, listed, missed, summary
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
    assert suppliers_to_contact(version, ()) == (candidate.supplier,)
    assert suppliers_to_contact(version, (), of_unknown_trade=True) == ()
    found = diff_versions(version, frozen(listed("1", ["a"]), number=2), {}, {}, "fr").lots[0]
    assert [each.name for each in found.left] == ["Ateliers de l'Ouest"]


def version(*decisions: Decision) -> FrozenShortlist:
    """Lot 1 has two candidates and a near miss, lot 2 one candidate."""
    answer = match(ASKED, live(BOTH, CLEANER, FAR), reference(), ON, "fr")
    return frozen(body=msgspec.json.encode(answer), decisions=decisions)


def aside(lot_id: str) -> Decision:
    return Decision(lot_id, BOTH.id, "set_aside", None, NOW)


def names(*decisions: Decision, lots: tuple[str, ...] = ()) -> set[str]:
    return {each.name for each in suppliers_to_contact(version(*decisions), lots)}


def test_each_supplier_comes_once_unless_it_is_set_aside_for_every_lot() -> None:
    assert len(suppliers_to_contact(version(), ())) == len(names())
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
    assert [each.name for each in suppliers_to_contact(version, ("1", "3"), of_unknown_trade=True)] == ["here"]
    assert {each.name for each in suppliers_to_contact(version, (), of_unknown_trade=True)} == {"here", "far"}
    assert {each.name for each in suppliers_to_contact(version, ())} == {"cleaner"}
    assert {each.name for each in everyone_shown(version).values()} == {"cleaner", "here", "far"}


def test_one_of_unknown_trade_that_is_set_aside_is_not_contacted() -> None:
    """For the lots for which it is set aside."""
    here = offerless("here")
    answer = match(need(lot(id="1"), lot(id="2")), live(here), reference(), ON, "fr")
    version = frozen(
        body=msgspec.json.encode(answer), decisions=[Decision("1", here.id, "set_aside", "Ne nettoie pas", NOW)]
    )
    assert suppliers_to_contact(version, ("1",), of_unknown_trade=True) == ()
    assert [each.name for each in suppliers_to_contact(version, ("2",), of_unknown_trade=True)] == ["here"]


LOTS = st.lists(st.permutations("abcdef").map(lambda names: names[:4]), max_size=3)
Names = dict[str, Absence]


def lot_of(
    before: FrozenShortlist,
    after: FrozenShortlist,
    not_before: Names | None = None,
    not_after: Names | None = None,
    language: Language = "fr",
) -> LotDiff:
    """The first lot, from one version to the other; by name, why suppliers are not among the candidates of each."""
    first, second = [{"1": {id_of(it): why for it, why in (some or {}).items()}} for some in (not_before, not_after)]
    return diff_versions(before, after, first, second, language).lots[0]


@given(before=LOTS, after=LOTS)
def test_who_came_left_and_moved_is_what_a_look_at_both_lists_says(
    before: list[list[str]], after: list[list[str]]
) -> None:
    """Name by name, for lots that are in one version or both, in either direction."""
    one, two = [
        frozen(*(listed(str(place), names) for place, names in enumerate(lots)), number=number)
        for number, lots in enumerate((before, after), 1)
    ]
    found = {lot.id: lot for lot in diff_versions(one, two, {}, {}, "fr").lots}
    for place in range(max(len(before), len(after))):
        was, became = ((lots[place] if place < len(lots) else []) for lots in (before, after))
        told = found[str(place)]
        assert [each.name for each in told.came] == [name for name in became if name not in was]
        assert [each.name for each in told.left] == [name for name in was if name not in became]
        assert {(each.name, each.rank_before, each.rank_after) for each in told.moved} == {
            (name, was.index(name) + 1, became.index(name) + 1)
            for name in was
            if name in became and was.index(name) != became.index(name)
        }
        assert told.stayed == len(set(was) & set(became))
        assert (told.in_before, told.in_after) == (place < len(before), place < len(after))


@pytest.mark.parametrize(
    ("why", "message"),
    [
        (Absence("refused", "distance", "À 71 km : 11 km de trop"), "À 71 km : 11 km de trop"),
        (Absence("refused", "distance"), "trop loin"),
        (Absence("beyond_limit", rank=34), "fournisseur repéré au n° 34, au-delà du seul affiché"),
        (Absence("no_offer"), "ne propose aucun des métiers demandés"),
        (Absence("gone"), "retiré de l'annuaire par sa source"),
        (Absence("inactive"), "a cessé son activité, d'après l'annuaire"),
        (Absence("merged", other=IdAndName(id_of("a"), "{a}")), "réuni avec « {a} » dans l'annuaire"),
        (Absence("gone", data_changed=True), "retiré de l'annuaire par sa source (d'après les données d'aujourd'hui)"),
    ],
)
def test_who_left_did_so_for_the_reason_that_was_found(why: Absence, message: str) -> None:
    (left,) = lot_of(frozen(listed("1", ["a", "b"])), frozen(listed("1", ["a"]), number=2), None, {"b": why}).left
    assert (left.name, left.rank_before, left.rank_after, left.why.code) == ("b", 2, why.rank, why.code)
    assert (left.why.excluded_by, left.why.rank) == (why.excluded_by, why.rank)
    assert left.why.message == f"Version 2 : {message}"


def test_what_a_version_says_itself_needs_no_data_of_today() -> None:
    """A near miss, in the version's own words where they are in the language asked for; a supplier of a later day."""
    young = UUID(int=(int((NOW + timedelta(hours=1)).timestamp() * 1000) << 80) | (7 << 76) | (2 << 62))
    before = frozen(listed("1", ["a"], ["b"]))
    after = frozen(listed("1", ["a", "b", "c", summary("young", young)]), number=2)
    assert unexplained_absences(before, after) == {"1": [id_of("c")]}
    assert [(each.why.code, each.why.message) for each in lot_of(before, after).came] == [
        ("refused", "Version 1 : À 63 km : 3 km de trop"),
        ("not_kept", lot_of(before, after).came[1].why.message),
        ("not_yet", "Version 1 : n'était pas encore dans l'annuaire"),
    ]
    assert lot_of(before, after, language="en").came[0].why.message == "Version 1: too far away"


def test_one_of_unknown_trade_is_said_to_be_so_by_the_version_itself() -> None:
    """And is not among those who came, left or moved while it stays unknown."""
    before = frozen(listed("1", ["a"], unknown=["b", "c"]))
    after = frozen(listed("1", ["a", "b"], unknown=["c"]), number=2)
    assert unexplained_absences(before, after) == {"1": []}
    found = lot_of(before, after)
    assert [(each.name, each.why.code, each.why.message) for each in found.came] == [
        ("b", "trade_unknown", "Version 1 : son activité n'est pas renseignée")
    ]
    assert found.left == ()
    assert lot_of(after, before, language="en").left[0].why.message == (
        "Version 1: no offer is known: what it offers is not known"
    )


def test_what_the_lot_asks_differently_is_named_where_it_decides() -> None:
    """The territory for who does not serve it; not for who has gone."""
    elsewhere = TerritoryRequest(codes=("departement:29",))
    lots = (Lot("1", segments=("ev-entretien",), title="Parcs"),)
    after = frozen(listed("1", []), number=2, need=PlannedNeed(lots=lots, territory=elsewhere), need_version=2)
    why = {"a": Absence("refused", "service_area"), "b": Absence("gone")}
    found = lot_of(frozen(listed("1", ["a", "b"])), after, None, why)
    assert found.changed_fields == ("territory",)
    assert [each.why.changed for each in found.left] == [("territory",), ()]
    assert found.left[0].why.message.endswith("(le lot diffère par : territoire)")
    assert found.title == "Parcs"


def test_a_title_is_among_what_decides_where_it_says_the_object() -> None:
    def changed(*segments: str) -> tuple[str, ...]:
        lots = [Lot("1", title=title, segments=segments) for title in ("Tonte", "Tonte et taille")]
        needs = [PlannedNeed(lots=(lot,)) for lot in lots]
        before = frozen(listed("1", []), number=1, need=needs[0])
        return lot_of(before, frozen(listed("1", []), number=2, need=needs[1], need_version=2)).changed_fields

    assert changed() == ("title",)
    assert changed("ev-entretien") == ()
    read = msgspec.structs.replace(
        listed("1", []), requested=(RequestedSegment("", "", ("title:Tonte",), 1.0, "object"),)
    )
    lots = [Lot("1", title=title, cpv=("90900000",)) for title in ("Tonte", "Tonte et taille")]
    before, after = (frozen(read, number=n, need=PlannedNeed(lots=(lot,))) for n, lot in enumerate(lots, 1))
    assert lot_of(before, after).changed_fields == ("title",)


def test_another_day_is_named_where_the_law_decides_and_is_no_change_of_the_lot() -> None:
    """An approval may have lapsed meanwhile; an offer has not."""
    later = msgspec.structs.replace(STAMP, on=date(2027, 3, 1))
    why = {"a": Absence("refused", "reservation"), "b": Absence("no_offer")}
    found = lot_of(frozen(listed("1", ["a", "b"])), frozen(listed("1", []), number=2, stamp=later), None, why)
    assert [each.why.changed for each in found.left] == [("on",), ()]
    assert found.changed_fields == ()


def test_a_lot_of_its_own_territory_that_is_the_same_has_not_changed() -> None:
    lots = (Lot("1", segments=("ev-entretien",), territory=MORBIHAN, reserved=None),)
    after = frozen(listed("1", []), number=2, need=PlannedNeed(lots=lots))
    assert lot_of(frozen(listed("1", [])), after).changed_fields == ()


def test_near_misses_of_both_are_told_where_they_are_refused_for_another_reason() -> None:
    """Not where only the list has changed, nor those who are candidates of one version."""
    before = msgspec.structs.replace(listed("1", ["a"]), near_misses=tuple(map(missed, "bcd")))
    again = missed("b", "reservation", "Agrément échu"), missed("c"), missed("e", said="À 90 km")
    after = msgspec.structs.replace(listed("1", ["d"]), near_misses=again)
    (changed,) = lot_of(frozen(before), frozen(after, number=2)).near_misses
    assert (changed.name, changed.before.excluded_by, changed.after.excluded_by) == ("b", "distance", "reservation")
    assert changed.after.message == "Version 2 : Agrément échu"
    english = frozen(msgspec.structs.replace(before, near_misses=(missed("b", said="63 km"),)), language="en")
    assert lot_of(frozen(before), english).near_misses == ()


def test_decisions_that_differ_are_told() -> None:
    before = frozen(listed("1", ["a", "b", "c"]), decisions=[decided("a", reason="x"), decided("b")])
    after = frozen(listed("1", ["a", "b", "c"]), number=2, decisions=[decided("a", "kept"), decided("b")])
    (told,) = lot_of(before, after).decisions
    assert (told.name, told.before and told.before.decision, told.after and told.after.decision) == (
        "a",
        "set_aside",
        "kept",
    )
    (gone,) = lot_of(after, frozen(listed("1", ["a"]), decisions=[decided("a", "kept")])).decisions
    assert (gone.name, gone.after) == ("b", None)


def test_lots_that_only_one_version_has() -> None:
    """First those of the later one, then those that are no longer there."""
    before, after = frozen(listed("1", ["a"]), listed("2", ["b"])), frozen(listed("3", ["a"]), listed("2", ["b"]))
    found = diff_versions(before, after, {}, {}, "en")
    assert [(lot.id, lot.in_before, lot.in_after) for lot in found.lots] == [
        ("3", False, True),
        ("2", True, True),
        ("1", True, False),
    ]
    assert [lot.total_after for lot in found.lots] == [1, 1, None]
    assert found.lots[2].left[0].why.code == "no_such_lot"
    assert found.changed_fields == ("lots",)
