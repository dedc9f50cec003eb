"""Which supplier keeps its id."""

from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID

from domain.suppliers.deduplication import RecordKey
from domain.suppliers.surviving_id import IdAssignment, Member, assign_ids

NOW = datetime(2026, 11, 24, tzinfo=UTC)
OLD, YOUNG, NEW = UUID(int=1), UUID(int=2), UUID(int=1_000)


def member(external_id: str, supplier: UUID, *, age: int = 0, changed: bool = False) -> Member:
    return Member(RecordKey("reseau", external_id), supplier, NOW - timedelta(days=age), changed)


def assigned(*groups: list[Member], fresh: set[UUID] | None = None) -> IdAssignment:
    serial = count(NEW.int)
    return assign_ids(groups, fresh or set(), lambda: UUID(int=next(serial)))


def test_the_oldest_id_survives_and_the_other_is_lost_to_it() -> None:
    assert assigned([member("a", YOUNG), member("b", OLD)]) == IdAssignment([OLD], {YOUNG: OLD})


def test_an_id_that_somebody_has_seen_goes_before_one_that_nobody_has() -> None:
    """Ids of an import sort by its start, and others may have come while it ran."""
    assert assigned([member("a", OLD), member("b", YOUNG)], fresh={OLD}) == IdAssignment([YOUNG], {OLD: YOUNG})


def test_a_record_that_changed_leaves_and_the_others_stay() -> None:
    parted = assigned([member("a", OLD, age=9, changed=True)], [member("b", OLD)])
    assert parted == IdAssignment([NEW, OLD], {})


def test_of_records_that_all_changed_the_oldest_stays() -> None:
    parted = assigned([member("a", OLD, changed=True)], [member("b", OLD, age=9, changed=True)])
    assert parted == IdAssignment([NEW, OLD], {})


def test_a_record_that_leaves_for_another_supplier_takes_no_id_along() -> None:
    moved = assigned([member("a", OLD)], [member("b", OLD, changed=True), member("c", YOUNG)])
    assert moved == IdAssignment([OLD, YOUNG], {})


def test_a_group_that_inherits_nothing_gets_an_id_of_its_own() -> None:
    """Three that were one: one keeps the id, the others get new ones."""
    parted = assigned([member("a", OLD)], [member("b", OLD)], [member("c", OLD)])
    assert parted.ids == [OLD, NEW, UUID(int=NEW.int + 1)]
