"""Two versions of a shortlist compared, in either direction: who came, who left, who moved, and why.

A version tells itself why its near misses, its suppliers of unknown trade and those of a later day are not among its
candidates. Why others are not (`unexplained`) is found by whoever asks for the comparison, with the data of that
moment.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from uuid import UUID

import msgspec

from domain.needs.need import Lot
from domain.needs.status import changed_fields
from domain.shortlists.absence import Absence, AbsenceReason, Absences
from domain.shortlists.frozen import (
    ComparedVersion,
    Decision,
    DecisionCode,
    FrozenShortlist,
    Named,
    ShownLot,
    SupplierName,
)
from domain.text.bilingual import Language

Reasons = Mapping[UUID, AbsenceReason]
UUID7 = 7


class AddedCandidate(SupplierName, frozen=True):
    """A candidate of the second version only. `why`: why it was not among those of the first."""

    rank_before: int | None
    rank_after: int
    why: AbsenceReason


class RemovedCandidate(SupplierName, frozen=True):
    """A candidate of the first version only. `why`: why it is not among those of the second."""

    rank_before: int
    rank_after: int | None
    why: AbsenceReason


class MovedCandidate(SupplierName, frozen=True):
    """A candidate of both versions, at another place."""

    rank_before: int
    rank_after: int


class NearMissChange(SupplierName, frozen=True):
    """A near miss of both versions that is refused for another reason."""

    before: AbsenceReason
    after: AbsenceReason


class DecisionSummary(msgspec.Struct, frozen=True):
    """The buyer's decision on a supplier in one version."""

    decision: DecisionCode
    reason: str | None


class DecisionDifference(SupplierName, frozen=True):
    """A supplier on which the buyer decided otherwise in the two versions; null: nothing."""

    before: DecisionSummary | None
    after: DecisionSummary | None


class LotDiff(msgspec.Struct, frozen=True):
    """One lot compared. `in_before`, `in_after`: whether the version has it; a total is null where it has not.

    `changed_fields`: what the lot asks differently, with its territory and the rows asked for. `stayed`: candidates of
    both versions.
    """

    id: str
    title: str | None
    in_before: bool
    in_after: bool
    changed_fields: tuple[str, ...]
    total_before: int | None
    total_after: int | None
    stayed: int
    came: tuple[AddedCandidate, ...]
    left: tuple[RemovedCandidate, ...]
    moved: tuple[MovedCandidate, ...]
    near_misses: tuple[NearMissChange, ...]
    decisions: tuple[DecisionDifference, ...]


class ShortlistDiff(msgspec.Struct, frozen=True):
    """The differences between two versions of a shortlist, from `before` to `after`.

    `changed_stamp`: in what the data, rules or day differ. `changed_fields`: what of the need, its lots included. The
    candidates compared are those that each version shows. Lots: those of `after`, then those only `before` has.
    """

    before: ComparedVersion
    after: ComparedVersion
    changed_stamp: tuple[str, ...]
    changed_fields: tuple[str, ...]
    lots: tuple[LotDiff, ...]


def unexplained(version: FrozenShortlist, other: FrozenShortlist) -> dict[str, list[UUID]]:
    """By lot, the candidates of `other` that `version` does not show and does not say why."""
    lots = _lots(version)
    sides = zip(_sides(version, lots, {}), _sides(other, lots, {}), strict=True)
    return {
        lot: [each for each in theirs.ranks if each not in own.ranks and own.known_absence(each) is None]
        for lot, (own, theirs) in zip(lots, sides, strict=True)
    }


def compare(
    before: FrozenShortlist, after: FrozenShortlist, not_before: Absences, not_after: Absences, language: Language
) -> ShortlistDiff:
    """The differences from one version of a need's shortlist to another, in the words of a language.

    `not_before`, `not_after`: why suppliers are not among the candidates of a version, where it does not say so itself.
    """
    lots = dict.fromkeys((*_lots(after), *_lots(before)))
    sides = zip(_sides(before, lots, not_before), _sides(after, lots, not_after), strict=True)
    return ShortlistDiff(
        before=msgspec.convert(before, ComparedVersion, from_attributes=True),
        after=msgspec.convert(after, ComparedVersion, from_attributes=True),
        changed_stamp=before.stamp.differences(after.stamp),
        changed_fields=changed_fields(before.need, after.need),
        lots=tuple(_lot_diff(lot, *both, language) for lot, both in zip(lots, sides, strict=True)),
    )


class _Side:
    """A lot as one version has it."""

    def __init__(
        self,
        version: FrozenShortlist,
        lot: Lot | None,
        shown: ShownLot | None,
        decisions: Iterable[Decision],
        absences: Mapping[UUID, Absence],
    ) -> None:
        self.version, self.lot, self.shown, self.absences = version, lot, shown, absences
        self.ranks = {row.supplier.id: row.rank for row in shown.candidates} if shown else {}
        self.missed = {row.supplier.id: row for row in shown.near_misses} if shown else {}
        self.trade_unknown = {row.supplier.id for row in shown.unknown_trade.nearest} if shown else set()
        self.names = {each.id: each.name for each in shown.listed} if shown else {}
        self.decisions = {each.supplier_id: DecisionSummary(each.decision, each.reason) for each in decisions}

    def known_absence(self, supplier_id: UUID) -> Absence | None:
        """The reason that the version itself gives for a supplier's not being a candidate."""
        if self.shown is None:
            return Absence("no_such_lot")
        if (row := self.missed.get(supplier_id)) is not None:
            return Absence("refused", row.excluded_by, row.message)
        if supplier_id in self.trade_unknown:
            return Absence("trade_unknown")
        # the id (UUIDv7) begins with the moment at which the supplier was first known
        known_at = supplier_id.int >> 80 if supplier_id.version == UUID7 else 0
        return Absence("not_yet") if known_at > int(self.version.created_at.timestamp() * 1_000) else None

    def reasons(self, other: "_Side", changed: Sequence[str], language: Language) -> Reasons:
        """By supplier that `other` shows, why it is not a candidate. `changed`: the fields of the lot that differ."""
        heirs = {
            each.other.id: Absence("listed_as", other=Named(part, self.names[part]))
            for part, each in other.absences.items()
            if each.other is not None and part in self.ranks
        }
        found: dict[UUID, AbsenceReason] = {}
        for each in other.names.keys() - self.ranks.keys():
            absence = heirs.get(each) or self.known_absence(each) or self.absences.get(each) or Absence("not_kept")
            if language != self.version.language and each in self.missed:
                absence = msgspec.structs.replace(absence, message=None)
            found[each] = absence.reason(self.version.number, len(self.ranks), changed, language)
        return found

    def criteria(self) -> dict[str, object]:
        """The fields that decide who is a candidate of the lot, and how many of them are shown; its title if read."""
        if self.lot is None:
            return {}
        need, lot = self.version.need, self.lot
        by_title = not (lot.segments or lot.cpv or lot.keywords) or (
            self.shown is not None and self.shown.read_by_title
        )
        return msgspec.structs.asdict(lot) | {
            "title": lot.title if by_title else None,
            "reserved": lot.reserved or (),
            "territory": lot.territory or need.territory,
            "limit": need.limit,
            "on": self.version.stamp.on,
        }


def _lot_diff(lot_id: str, before: _Side, after: _Side, language: Language) -> LotDiff:
    names, lot = before.names | after.names, after.lot or before.lot
    criteria = after.criteria()
    changed = tuple(name for name, value in before.criteria().items() if criteria.get(name, value) != value)
    not_before, not_after = before.reasons(after, changed, language), after.reasons(before, changed, language)
    stayed = {each: (before.ranks[each], rank) for each, rank in after.ranks.items() if each in before.ranks}
    return LotDiff(
        id=lot_id,
        title=lot.title if lot else None,
        in_before=before.shown is not None,
        in_after=after.shown is not None,
        changed_fields=tuple(name for name in changed if name != "on"),
        total_before=before.shown.total if before.shown else None,
        total_after=after.shown.total if after.shown else None,
        stayed=len(stayed),
        came=tuple(
            AddedCandidate(each, names[each], None, rank, not_before[each])
            for each, rank in after.ranks.items()
            if each not in stayed
        ),
        left=tuple(
            RemovedCandidate(each, names[each], rank, None, not_after[each])
            for each, rank in before.ranks.items()
            if each not in stayed
        ),
        moved=tuple(MovedCandidate(each, names[each], was, now) for each, (was, now) in stayed.items() if was != now),
        near_misses=tuple(_near_misses(before, after, not_before, not_after)),
        decisions=tuple(_decisions(before, after, names)),
    )


def _near_misses(before: _Side, after: _Side, not_before: Reasons, not_after: Reasons) -> Iterator[NearMissChange]:
    """Those of both versions; their messages are compared where both are in the same language."""
    in_words = before.version.language == after.version.language
    for each, row in after.missed.items():
        was = before.missed.get(each)
        if was and (was.excluded_by != row.excluded_by or (in_words and was.message != row.message)):
            yield NearMissChange(each, row.supplier.name, not_before[each], not_after[each])


def _decisions(before: _Side, after: _Side, names: Mapping[UUID, str]) -> Iterator[DecisionDifference]:
    for each in sorted(before.decisions.keys() | after.decisions.keys()):
        was, became = before.decisions.get(each), after.decisions.get(each)
        if was != became:
            yield DecisionDifference(each, names[each], was, became)


def _sides(version: FrozenShortlist, lot_ids: Iterable[str], absences: Absences) -> list[_Side]:
    lots, shown = _lots(version), {lot.id: lot for lot in version.shown}
    decisions: dict[str, list[Decision]] = {}
    for each in version.decisions:
        decisions.setdefault(each.lot_id, []).append(each)
    return [
        _Side(version, lots.get(lot_id), shown.get(lot_id), decisions.get(lot_id, ()), absences.get(lot_id, {}))
        for lot_id in lot_ids
    ]


def _lots(version: FrozenShortlist) -> dict[str, Lot]:
    return {lot.id: lot for lot in version.need.lots}
