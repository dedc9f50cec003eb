"""Two versions of a shortlist compared: who came, who left, who moved, and why.

A version says why somebody is not on it by its answer and its ledger; so any two can be compared, in either direction.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from domain.needs.need import Lot, PlannedNeed
from domain.needs.status import changed_fields
from domain.shortlists.absence_messages import absence_text
from domain.shortlists.frozen import Absence, AbsenceCode, FrozenShortlist, LotLedger, Named, ShownLot, Verdict
from domain.shortlists.shortlist import Gate, Stamp
from domain.text.bilingual import Language

UUID7 = 7
OFFERS = ("segments", "cpv", "keywords")
DECISIVE: dict[str, tuple[str, ...]] = {
    "segment": OFFERS,
    "no_offer": OFFERS,
    "not_considered": OFFERS,
    "service_area": (*OFFERS, "territory"),
    "distance": ("territory", "site", "max_distance_km"),
    "reservation": ("reserved", "on"),
    "beyond_limit": (*OFFERS, "territory", "site", "max_distance_km", "reserved", "limit"),
}
"""What of a lot decides whether a gate refuses a supplier, or how far down it comes."""


class ComparedVersion(msgspec.Struct, frozen=True):
    """One of the two versions: which need it answered, and on what it rests."""

    number: int
    need_version: int
    stamp: Stamp
    created_at: datetime


class AbsenceReason(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a supplier is not among the candidates of a version, in a code and in words.

    `excluded_by`: the gate that refused it. `rank`: its place beyond the rows shown. `other`: the supplier that it is
    part of since (`merged`), or as which the version lists it (`listed_as`). `changed`: what the lot asks differently
    in the two versions, of what decides this.
    """

    code: AbsenceCode
    message: str
    excluded_by: Gate | None = None
    rank: int | None = None
    other: UUID | None = None
    changed: tuple[str, ...] = ()


class AddedCandidate(msgspec.Struct, frozen=True):
    """A candidate of the second version only. `why`: why it was not among those of the first."""

    supplier_id: UUID
    name: str
    rank_before: None
    rank_after: int
    why: AbsenceReason


class RemovedCandidate(msgspec.Struct, frozen=True):
    """A candidate of the first version only. `why`: why it is not among those of the second."""

    supplier_id: UUID
    name: str
    rank_before: int
    rank_after: None
    why: AbsenceReason


class MovedCandidate(msgspec.Struct, frozen=True):
    """A candidate of both versions, at another place."""

    supplier_id: UUID
    name: str
    rank_before: int
    rank_after: int


class NearMissChange(msgspec.Struct, frozen=True):
    """A near miss of one version or both, a candidate of neither, which is refused for another reason."""

    supplier_id: UUID
    name: str
    before: AbsenceReason
    after: AbsenceReason


class DecisionSummary(msgspec.Struct, frozen=True):
    """The buyer's word on a supplier in one version."""

    decision: Verdict
    reason: str | None


class DecisionDifference(msgspec.Struct, frozen=True):
    """A supplier on which the buyer decided otherwise in the two versions; null: nothing."""

    supplier_id: UUID
    name: str
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
    """What two versions of a shortlist show differently, from `before` to `after`.

    `changed_stamp`: in what the data, rules or day differ. `changed_fields`: what of the need, its lots included. The
    candidates compared are those that each version shows. Lots: those of `after`, then those only `before` has.
    """

    before: ComparedVersion
    after: ComparedVersion
    changed_stamp: tuple[str, ...]
    changed_fields: tuple[str, ...]
    lots: tuple[LotDiff, ...]


class Version(NamedTuple):
    """A version to compare: as it was frozen, with where everybody stood."""

    frozen: FrozenShortlist
    ledger: tuple[LotLedger, ...]


def compare(before: Version, after: Version, language: Language) -> ShortlistDiff:
    """What is different from one version of a need's shortlist to another, in the words of a language."""
    stamps = before.frozen.stamp, after.frozen.stamp
    lots = _lots(before, after)
    return ShortlistDiff(
        before=_told(before.frozen),
        after=_told(after.frozen),
        changed_stamp=tuple(
            name for name in Stamp.__struct_fields__ if len({getattr(one, name) for one in stamps}) > 1
        ),
        changed_fields=changed_fields(before.frozen.need, after.frozen.need),
        lots=tuple(_compared(lot, *both, language) for lot, both in lots.items()),
    )


class _Side:
    """A lot as one version has it, ready to be asked where a supplier stands."""

    def __init__(self, version: Version, lot: Lot | None, shown: ShownLot | None, ledger: LotLedger | None) -> None:
        frozen = version.frozen
        self.number, self.made_at, self.lot, self.shown = frozen.number, frozen.created_at, lot, shown
        self.asked = {} if lot is None else _asked(frozen, lot)
        self.ranks = {row.supplier.id: row.rank for row in shown.candidates} if shown else {}
        self.missed = {row.supplier.id for row in shown.near_misses} if shown else set()
        self.names = {each.id: each.name for each in shown.listed} if shown else {}
        self.absences = {each.supplier_id: each for each in ledger.absences} if ledger else {}
        self.beyond = {each: rank for rank, each in enumerate(ledger.candidates, 1)} if ledger else {}
        self.refused = {each: gate for gate, ids in ledger.refused.items() for each in ids} if ledger else {}
        self.complete = ledger is None or ledger.complete
        self.decisions = {
            each.supplier_id: DecisionSummary(each.decision, each.reason)
            for each in frozen.decisions
            if lot is not None and each.lot_id == lot.id
        }

    def absence(self, supplier_id: UUID) -> Absence:
        """Why a supplier is not among the candidates shown."""
        if self.shown is None:
            return Absence(supplier_id, "no_such_lot")
        if (known := self.absences.get(supplier_id)) is not None:
            return known
        if (rank := self.beyond.get(supplier_id)) is not None:
            return Absence(supplier_id, "beyond_limit", rank=rank)
        if (gate := self.refused.get(supplier_id)) is not None:
            return Absence(supplier_id, "refused", gate)
        if _is_younger(supplier_id, self.made_at):
            return Absence(supplier_id, "not_yet")
        return Absence(supplier_id, "not_considered" if self.complete else "not_kept")


class _Reasons(NamedTuple):
    """Says why suppliers are not among the candidates of one side."""

    side: _Side
    heirs: Mapping[UUID, Named]
    changed: tuple[str, ...]
    language: Language

    def of(self, supplier_id: UUID) -> AbsenceReason:
        heir = self.heirs.get(supplier_id)
        absence = Absence(supplier_id, "listed_as", other=heir) if heir else self.side.absence(supplier_id)
        decisive = DECISIVE.get(absence.excluded_by or absence.code, ())
        changed = tuple(name for name in self.changed if name in decisive)
        return AbsenceReason(
            code=absence.code,
            message=absence_text(absence, self.side.number, len(self.side.ranks), changed).to(self.language),
            excluded_by=absence.excluded_by,
            rank=absence.rank,
            other=absence.other.id if absence.other else None,
            changed=changed,
        )


def _compared(lot_id: str, before: _Side, after: _Side, language: Language) -> LotDiff:
    changed = _changed(before, after)
    names = before.names | after.names
    lot = after.lot or before.lot
    came = [each for each in after.ranks if each not in before.ranks]
    left = [each for each in before.ranks if each not in after.ranks]
    stayed = [each for each in after.ranks if each in before.ranks]
    why_not_before = _Reasons(before, _heirs(before, after), changed, language)
    why_not_after = _Reasons(after, _heirs(after, before), changed, language)
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
            AddedCandidate(each, names[each], None, after.ranks[each], why_not_before.of(each)) for each in came
        ),
        left=tuple(
            RemovedCandidate(each, names[each], before.ranks[each], None, why_not_after.of(each)) for each in left
        ),
        moved=tuple(
            MovedCandidate(each, names[each], before.ranks[each], after.ranks[each])
            for each in stayed
            if before.ranks[each] != after.ranks[each]
        ),
        near_misses=tuple(_near_misses(before, after, names, why_not_before, why_not_after)),
        decisions=tuple(_decisions(before, after, names)),
    )


def _heirs(side: _Side, other: _Side) -> dict[UUID, Named]:
    """By the supplier of today that is part of another one since, the one as which `side` lists it."""
    merged = (each for each in other.absences.values() if each.other is not None)
    return {
        each.other.id: Named(each.supplier_id, side.names[each.supplier_id])
        for each in merged
        if each.other is not None and each.supplier_id in side.ranks
    }


def _near_misses(
    before: _Side, after: _Side, names: Mapping[UUID, str], not_before: _Reasons, not_after: _Reasons
) -> Iterator[NearMissChange]:
    for each in dict.fromkeys((*after.missed, *before.missed)):
        if each in before.ranks or each in after.ranks:
            continue
        was, became = before.absence(each), after.absence(each)
        # without a message the ledger only knows the gate, and that may be all there is to say
        said = {one.message for one in (was, became) if one.message is not None}
        if (was.code, was.excluded_by) != (became.code, became.excluded_by) or len(said) > 1:
            yield NearMissChange(each, names[each], not_before.of(each), not_after.of(each))


def _decisions(before: _Side, after: _Side, names: Mapping[UUID, str]) -> Iterator[DecisionDifference]:
    for each in sorted(before.decisions.keys() | after.decisions.keys()):
        was, became = before.decisions.get(each), after.decisions.get(each)
        if was != became:
            yield DecisionDifference(each, names[each], was, became)


def _lots(before: Version, after: Version) -> dict[str, tuple[_Side, _Side]]:
    sides = [_sides(version) for version in (before, after)]
    ids = dict.fromkeys((*sides[1], *sides[0]))
    return {each: (sides[0].get(each) or _without(before), sides[1].get(each) or _without(after)) for each in ids}


def _sides(version: Version) -> dict[str, _Side]:
    shown = {lot.id: lot for lot in version.frozen.shown}
    ledgers = {lot.id: lot for lot in version.ledger}
    lots = version.frozen.need.lots
    return {lot.id: _Side(version, lot, shown.get(lot.id), ledgers.get(lot.id)) for lot in lots}


def _without(version: Version) -> _Side:
    return _Side(version, None, None, None)


def _asked(frozen: FrozenShortlist, lot: Lot) -> dict[str, object]:
    """What decides who is a candidate of a lot, and how many of them are shown."""
    of_need: PlannedNeed = frozen.need
    own = {name: getattr(lot, name) for name in Lot.__struct_fields__ if name not in {"id", "title"}}
    inherited = {
        "reserved": lot.reserved or (),
        "territory": lot.territory or of_need.territory,
        "limit": of_need.limit,
        "on": frozen.stamp.on,
    }
    return own | inherited


def _changed(before: _Side, after: _Side) -> tuple[str, ...]:
    if before.lot is None or after.lot is None:
        return ()
    return tuple(name for name, value in after.asked.items() if before.asked[name] != value)


def _is_younger(supplier_id: UUID, moment: datetime) -> bool:
    """Whether a supplier was first known after that: its id (UUIDv7) tells."""
    return supplier_id.version == UUID7 and supplier_id.int >> 80 > int(moment.timestamp() * 1_000)


def _told(frozen: FrozenShortlist) -> ComparedVersion:
    return ComparedVersion(frozen.number, frozen.need_version, frozen.stamp, frozen.created_at)
