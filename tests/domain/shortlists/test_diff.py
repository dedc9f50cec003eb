"""Two versions compared: who came, who left, who moved, and the reason the other version gives."""

from datetime import date, timedelta
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.needs.need import Lot, PlannedNeed, TerritoryRequest
from domain.shortlists.diff import LotDiff, Version, compare
from domain.shortlists.frozen import Absence, FrozenShortlist, LotLedger, Named
from domain.text.bilingual import Text
from tests.domain.shortlists.samples import MORBIHAN, NOW, STAMP, decided, frozen, id_of, listed

LOTS = st.lists(st.permutations("abcdef").map(lambda names: names[:4]), max_size=3)


def ledger(*absences: Absence, lot_id: str = "1", complete: bool = True, **fields: object) -> LotLedger:
    usual = {"candidates": (), "refused": {}} | fields
    return msgspec.convert(
        {"id": lot_id, "absences": list(absences), "complete": complete} | usual, LotLedger, from_attributes=True
    )


def lot_of(before: FrozenShortlist, after: FrozenShortlist, *ledgers: LotLedger | None) -> LotDiff:
    """The first lot, from one version to the other, with their ledgers."""
    first, second = (*ledgers, None, None)[:2]
    found = compare(Version(before, (first,) if first else ()), Version(after, (second,) if second else ()), "fr")
    return found.lots[0]


@given(before=LOTS, after=LOTS)
def test_who_came_left_and_moved_is_what_a_look_at_both_lists_says(
    before: list[list[str]], after: list[list[str]]
) -> None:
    """Name by name, for lots that are in one version or both, in either direction."""
    versions = [
        frozen(*(listed(str(place), names) for place, names in enumerate(lots)), number=number)
        for number, lots in enumerate((before, after), 1)
    ]
    found = {lot.id: lot for lot in compare(Version(versions[0], ()), Version(versions[1], ()), "fr").lots}
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


def test_a_version_is_like_itself() -> None:
    version = frozen(listed("1", ["a", "b"], ["c"]), decisions=[decided("a")])
    found = compare(Version(version, (ledger(),)), Version(version, (ledger(),)), "fr")
    assert (found.changed_stamp, found.changed_fields) == ((), ())
    (lot,) = found.lots
    assert (lot.came, lot.left, lot.moved, lot.near_misses, lot.decisions, lot.stayed) == ((), (), (), (), (), 2)


TOO_FAR = Text("À 71 km : 11 km de trop", "At 71 km: 11 km too far")


@pytest.mark.parametrize(
    ("noted", "code", "message"),
    [
        (Absence(id_of("b"), "refused", "distance", TOO_FAR), "refused", "Version 2 : À 71 km : 11 km de trop"),
        (
            Absence(id_of("b"), "beyond_limit", rank=34),
            "beyond_limit",
            "Version 2 : candidat au rang 34, au-delà du seul affiché",
        ),
        (Absence(id_of("b"), "no_offer"), "no_offer", "Version 2 : ne propose aucun des segments demandés"),
        (Absence(id_of("b"), "gone"), "gone", "Version 2 : retiré de l'annuaire par sa source"),
        (Absence(id_of("b"), "inactive"), "inactive", "Version 2 : n'est pas en activité"),
        (
            Absence(id_of("b"), "merged", other=Named(id_of("a"), "a")),
            "merged",
            "Version 2 : réuni avec « a » dans l'annuaire",
        ),
    ],
)
def test_who_left_did_so_for_what_the_later_version_notes(noted: Absence, code: str, message: str) -> None:
    (left,) = lot_of(frozen(listed("1", ["a", "b"])), frozen(listed("1", ["a"]), number=2), None, ledger(noted)).left
    assert (left.name, left.rank_before, left.rank_after, left.why.code) == ("b", 2, None, code)
    assert left.why.message.startswith(message)


def test_who_came_was_where_the_earlier_version_had_it() -> None:
    """Beyond its rows, refused by a gate, or nowhere: not known yet, or with nothing to offer."""
    young = UUID(int=(int((NOW + timedelta(hours=1)).timestamp() * 1000) << 80) | (7 << 76) | (2 << 62))
    after = listed("1", ["a", "b", "c", "d"])
    newcomer = msgspec.structs.replace(after.candidates[3], supplier=Named(young, "young"))
    after = msgspec.structs.replace(after, candidates=(*after.candidates, newcomer))
    noted = ledger(candidates=[id_of("x"), id_of("b")], refused={"service_area": [id_of("c")]})
    came = lot_of(frozen(listed("1", ["a"])), frozen(after, number=2), noted).came
    assert [(each.name, each.why.code) for each in came] == [
        ("b", "beyond_limit"),
        ("c", "refused"),
        ("d", "not_considered"),
        ("young", "not_yet"),
    ]
    assert (came[0].why.rank, came[1].why.excluded_by) == (2, "service_area")
    assert came[1].why.message == "Version 1 : n'intervient pas dans le territoire"


def test_what_was_not_kept_is_not_guessed() -> None:
    (came,) = lot_of(frozen(listed("1", [])), frozen(listed("1", ["a"]), number=2), ledger(complete=False)).came
    assert came.why.code == "not_kept"


def test_whoever_a_supplier_was_merged_into_comes_in_its_place() -> None:
    """Also when the later version is the first one named."""
    before, after = frozen(listed("1", ["a"])), frozen(listed("1", ["b"]), number=2)
    noted = ledger(Absence(id_of("a"), "merged", other=Named(id_of("b"), "b")))
    found = lot_of(before, after, None, noted)
    assert (found.came[0].why.code, found.came[0].why.other) == ("listed_as", id_of("a"))
    assert (found.left[0].why.code, found.left[0].why.other) == ("merged", id_of("b"))
    back = lot_of(after, before, noted, None)
    assert (back.came[0].why.code, back.left[0].why.code) == ("merged", "listed_as")


def test_what_the_lot_asks_differently_is_named_where_it_decides() -> None:
    """The territory for who does not serve it; not for who has gone."""
    elsewhere = TerritoryRequest(codes=("departement:29",))
    lots = (Lot("1", segments=("ev-entretien",), title="Parcs"),)
    after = frozen(listed("1", []), number=2, need=PlannedNeed(lots=lots, territory=elsewhere), need_version=2)
    noted = ledger(Absence(id_of("a"), "refused", "service_area"), Absence(id_of("b"), "gone"))
    found = lot_of(frozen(listed("1", ["a", "b"])), after, None, noted)
    assert found.changed_fields == ("territory",)
    assert [each.why.changed for each in found.left] == [("territory",), ()]
    assert found.left[0].why.message.endswith("(le lot diffère par : territoire)")
    assert found.title == "Parcs"


def test_another_day_is_named_where_the_law_decides_and_is_no_change_of_the_lot() -> None:
    """An approval may have lapsed meanwhile; an offer has not."""
    later = msgspec.structs.replace(STAMP, on=date(2027, 3, 1))
    noted = ledger(Absence(id_of("a"), "refused", "reservation"), Absence(id_of("b"), "no_offer"))
    found = lot_of(frozen(listed("1", ["a", "b"])), frozen(listed("1", []), number=2, stamp=later), None, noted)
    assert [each.why.changed for each in found.left] == [("on",), ()]
    assert found.changed_fields == ()


def test_a_lot_of_its_own_territory_that_is_the_same_has_not_changed() -> None:
    lots = (Lot("1", segments=("ev-entretien",), territory=MORBIHAN, reserved=None),)
    after = frozen(listed("1", []), number=2, need=PlannedNeed(lots=lots))
    assert lot_of(frozen(listed("1", [])), after).changed_fields == ()


def test_near_misses_are_told_where_they_are_refused_for_another_reason() -> None:
    """Not where only the list has changed, nor those who are candidates of one version."""
    before, after = listed("1", ["a"], ["b", "c", "d"]), listed("1", ["d"], ["b", "e"])
    first = ledger(
        *(Absence(id_of(name), "refused", "distance", TOO_FAR) for name in "bcd"), refused={"distance": [id_of("e")]}
    )
    second = ledger(
        Absence(id_of("b"), "refused", "reservation", Text("Agrément échu", "Lapsed")),
        Absence(id_of("c"), "refused", "distance", TOO_FAR),
        Absence(id_of("e"), "refused", "distance", TOO_FAR),
    )
    (changed,) = lot_of(frozen(before), frozen(after, number=2), first, second).near_misses
    assert (changed.name, changed.before.excluded_by, changed.after.excluded_by) == ("b", "distance", "reservation")
    assert changed.after.message == "Version 2 : Agrément échu"


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
    found = compare(Version(before, ()), Version(after, ()), "en")
    assert [(lot.id, lot.in_before, lot.in_after) for lot in found.lots] == [
        ("3", False, True),
        ("2", True, True),
        ("1", True, False),
    ]
    assert [lot.total_after for lot in found.lots] == [1, 1, None]
    assert found.lots[2].left[0].why.code == "no_such_lot"
    assert found.changed_fields == ("lots",)
