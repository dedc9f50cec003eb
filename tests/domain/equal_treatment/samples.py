"""A need with a shortlist as small as can be, and how its suppliers were treated."""

import operator
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from domain.equal_treatment.matrix import EqualTreatment, SupplierTreatment, equal_treatment
from domain.exchanges.exchange import Exchange
from domain.meetings.meeting import Format, Meeting, Participant
from domain.needs.need import Lot, PlannedNeed
from domain.shortlists.shortlist import Stamp
from domain.shortlists.version import Decision, FrozenShortlist
from domain.text.bilingual import Language
from tests.domain.exchanges.samples import NOW, supplier
from tests.domain.shortlists import samples
from tests.domain.shortlists.samples import listed, summary

NEED = UUID(int=9)
STAMP = Stamp(1, "t", "t", "r", date(2026, 3, 1))


def treated(
    *exchanges: Exchange,
    listed: str | Mapping[str, str] = "ABC",
    set_aside: Iterable[Decision] = (),
    meetings: Iterable[Meeting] = (),
    living: Mapping[UUID, UUID] | None = None,
    earlier: Iterable[Decision] = (),
    language: Language = "fr",
) -> EqualTreatment:
    """The matrix of a need whose shortlist has these suppliers, by lot: lot 1 where none is named."""
    version = frozen({"1": listed} if isinstance(listed, str) else listed, tuple(set_aside))
    return equal_treatment(version, exchanges, tuple(meetings), language, living or {}, tuple(earlier))


def set_aside(letter: str, *, lot: str = "1", at: datetime = NOW, reason: str | None = None) -> Decision:
    return Decision(lot, supplier(letter), "set_aside", reason, at)


def meeting(number: int, letters: str, format: Format = "half_day", **fields: Any) -> Meeting:  # noqa: A002
    """A meeting to which these suppliers are invited, held on the day of this number in April."""
    day = datetime(2026, 4, number, 9, tzinfo=UTC)
    usual: dict[str, Any] = {
        "need_ids": (NEED,),
        "format": format,
        "title": f"Réunion {number}",
        "starts_at": day,
        "ends_at": day.replace(hour=12),
        "participants": tuple(Participant("supplier", supplier(each)) for each in letters),
        "id": UUID(int=number),
        "version": 1,
        "sequence": 0,
        "created_at": NOW,
        "updated_at": NOW,
    }
    return Meeting(**usual | fields)


def of(matrix: EqualTreatment, letter: str) -> SupplierTreatment:
    return next(each for each in matrix.suppliers if each.supplier_id == supplier(letter))


def gaps(matrix: EqualTreatment) -> set[tuple[str, str]]:
    """Who lacks what: names and codes. What is said of all together is said of each alone."""
    found = [(each.name, gap.code) for gap in matrix.gaps for each in gap.suppliers]
    assert sorted(found) == sorted((each.name, gap.code) for each in matrix.suppliers for gap in each.gaps)
    return set(found)


def frozen(letters: Mapping[str, str], decisions: tuple[Decision, ...]) -> FrozenShortlist:
    """A version with these suppliers by lot, each of which has one candidate more."""
    lots = (
        listed(lot_id, [summary(each, supplier(each)) for each in some], total=len(some) + 1)
        for lot_id, some in letters.items()
    )
    own = {"stamp": STAMP, "created_at": NOW, "need_id": NEED}
    own["need"] = PlannedNeed(lots=tuple(Lot(id=lot_id) for lot_id in letters))
    in_order = sorted(decisions, key=operator.attrgetter("lot_id", "supplier_id"))
    return samples.frozen(*lots, number=2, decisions=in_order, **own)
