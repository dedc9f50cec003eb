"""Two versions of a shortlist compared, in either direction: who came, who left, who moved, and why.

A version tells itself why its near misses, its suppliers of unknown trade and those of a later day are not among its
candidates. Why others are not (`unexplained`) is found by whoever asks for the comparison, with the data of that
moment.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Literal
from uuid import UUID

import msgspec

from domain.needs.status import changed_fields
from domain.shortlists.listed_suppliers import Gate
from domain.shortlists.version import ComparedVersion, DecisionCode, FrozenShortlist, IdAndName, SupplierName
from domain.text.bilingual import Language, Text
from domain.text.labels import ABSENCES, LOT_FIELDS, REFUSED_BY

AbsenceCode = Literal[
    "beyond_limit",
    "refused",
    "no_offer",
    "trade_unknown",
    "inactive",
    "merged",
    "listed_as",
    "gone",
    "not_yet",
    "not_kept",
    "no_such_lot",
]
TODAY = Text(" (d'après les données d'aujourd'hui)", " (by the data of today)")
OFFERS = ("segments", "cpv", "keywords", "title")
DECISIVE: dict[str, tuple[str, ...]] = {
    "segment": OFFERS,
    "no_offer": OFFERS,
    "service_area": (*OFFERS, "territory"),
    "distance": ("territory", "site", "max_distance_km"),
    "reservation": ("reserved", "on"),
    "beyond_limit": (*OFFERS, "territory", "site", "max_distance_km", "reserved", "limit"),
}
"""The fields of a lot that decide whether a gate refuses a supplier, or how far down it comes."""


class AbsenceReason(msgspec.Struct, frozen=True, omit_defaults=True):
    """The reason for which a supplier is not a candidate of a version, as a code and in words."""

    code: AbsenceCode
    """Stable in every language"""
    message: str
    """A sentence in the language of the request"""
    excluded_by: Gate | None = None
    """The gate that refused it"""
    rank: int | None = None
    """Its place beyond the rows shown"""
    other: UUID | None = None
    """The supplier that it is part of since (`merged`), or as which the version lists it (`listed_as`)"""
    changed: tuple[str, ...] = ()
    """Things that the lot asks differently in the two versions, of what decides this"""


class Absence(msgspec.Struct, frozen=True):
    """The cause of a supplier's absence among candidates, not yet in words; `message`: the failed gate's, where known.

    `data_changed`: this was found with data that are no longer those of the version.
    """

    code: AbsenceCode
    excluded_by: Gate | None = None
    message: str | None = None
    rank: int | None = None
    other: IdAndName | None = None
    data_changed: bool = False

    def in_words(self, number: int, shown: int, changed: Sequence[str], language: Language) -> AbsenceReason:
        """The reason in words, for version `number`, which shows `shown` candidates of the lot.

        `changed`: what the lot asks differently in the version it is compared with.
        """
        decisive = DECISIVE.get(self.excluded_by or self.code, ())
        named = tuple(name for name in changed if name in decisive)
        rows = Text("du seul affiché", "the only one shown")
        if shown > 1:
            rows = Text(f"des {shown} affichés", f"the {shown} shown")
        pattern = REFUSED_BY[self.excluded_by] if self.excluded_by else ABSENCES[self.code]
        other = self.other.name if self.other else ""
        sentence = self.message or pattern.to(language).format(rank=self.rank, rows=rows.to(language), other=other)
        today = TODAY.to(language) if self.data_changed and self.code != "not_kept" else ""
        fields = ", ".join(LOT_FIELDS[name].to(language) for name in named)
        differs = Text(f" (le lot diffère par : {fields})", f" (the lot differs in: {fields})").to(language)
        version = Text(f"Version {number} : ", f"Version {number}: ").to(language)
        return AbsenceReason(
            code=self.code,
            message=version + sentence + today + (differs if named else ""),
            excluded_by=self.excluded_by,
            rank=self.rank,
            other=self.other.id if self.other else None,
            changed=named,
        )


Absences = Mapping[str, Mapping[UUID, Absence]]
"""By lot and supplier."""
UUID7 = 7


class AddedCandidate(SupplierName, frozen=True):
    """A candidate that only the second version lists."""

    rank_before: int | None
    """Its place beyond the rows that the first version shows; null: none"""
    rank_after: int
    """In the second version"""
    why: AbsenceReason
    """The reason for which it was not among the candidates of the first"""


class RemovedCandidate(SupplierName, frozen=True):
    """A candidate that only the first version lists."""

    rank_before: int
    """In the first version"""
    rank_after: int | None
    """Its place beyond the rows that the second version shows; null: none"""
    why: AbsenceReason
    """The reason for which it is not among the candidates of the second"""


class MovedCandidate(SupplierName, frozen=True):
    """A candidate that both versions list, with its rank in each."""

    rank_before: int
    """In the first version"""
    rank_after: int
    """In the second version"""


class NearMissChange(SupplierName, frozen=True):
    """A near miss of both versions that is refused for another reason."""

    before: AbsenceReason
    """The reason for its refusal in the first version"""
    after: AbsenceReason
    """The reason for its refusal in the second version"""


class DecisionSummary(msgspec.Struct, frozen=True):
    """The buyer's decision on a supplier in one version."""

    decision: DecisionCode
    """`kept` or `set_aside`"""
    reason: str | None
    """In the buyer's words; null: none given"""


class DecisionDifference(SupplierName, frozen=True):
    """A supplier on which the buyer decided otherwise in the two versions."""

    before: DecisionSummary | None
    """In the first version; null: nothing"""
    after: DecisionSummary | None
    """In the second version; null: nothing"""


AdviceChangeKind = Literal["came", "left", "changed"]


class AdviceChange(msgspec.Struct, frozen=True):
    """A piece of advice or a legal finding that only one of two versions tells, or that both tell in other words."""

    lot_id: str | None
    """The lot that it is about; null: the whole need"""
    code: str
    """Stable in every language, such as `MAPA`"""
    change: AdviceChangeKind
    """`came`: only the second version tells it; `left`: only the first does"""
    message: str
    """The words of the second version, of the first where it left, in the language of that version"""


class LotDiff(msgspec.Struct, frozen=True):
    """One lot compared."""

    id: str
    """That of the lot in the need"""
    title: str | None
    """In the later version that has the lot; null: none"""
    in_before: bool
    """Whether the first version has it"""
    in_after: bool
    """Whether the second version has it"""
    changed_fields: tuple[str, ...]
    """Things that the lot asks differently, with its territory and the rows asked for"""
    total_before: int | None
    """Null where the first version has not the lot"""
    total_after: int | None
    """Null where the second version has not the lot"""
    stayed: int
    """Candidates of both versions"""
    came: tuple[AddedCandidate, ...]
    """Candidates of the second version only"""
    left: tuple[RemovedCandidate, ...]
    """Candidates of the first version only"""
    moved: tuple[MovedCandidate, ...]
    """Candidates of both versions, at another place"""
    near_misses: tuple[NearMissChange, ...]
    """Near misses of both versions, refused for another reason"""
    decisions: tuple[DecisionDifference, ...]
    """Suppliers on which the buyer decided otherwise"""


class ShortlistDiff(msgspec.Struct, frozen=True):
    """The differences between two versions of a shortlist; those candidates are compared that each version shows."""

    before: ComparedVersion
    """The first version"""
    after: ComparedVersion
    """The second version"""
    changed_stamp: tuple[str, ...]
    """In what the data, rules or day differ"""
    changed_fields: tuple[str, ...]
    """Fields of the need that differ, its lots included"""
    lots: tuple[LotDiff, ...]
    """Those of `after`, then those only `before` has"""
    advice: tuple[AdviceChange, ...]
    """Advice and findings on reservations that came, left or changed: of the whole need first, then of each lot"""


def unexplained_absences(version: FrozenShortlist, other: FrozenShortlist) -> dict[str, list[UUID]]:
    """The candidates of `other`, by lot, that `version` neither shows nor gives a reason for leaving out."""
    found: dict[str, list[UUID]] = {}
    for lot in (each.id for each in version.need.lots):
        own, theirs = _Side(version, lot, {}), _Side(other, lot, {})
        found[lot] = [each for each in theirs.ranks if each not in own.ranks and own.known_absence(each) is None]
    return found


def diff_versions(
    before: FrozenShortlist, after: FrozenShortlist, absent_before: Absences, absent_after: Absences, language: Language
) -> ShortlistDiff:
    """The differences from one version of a need's shortlist to another, in the words of a language.

    `absent_before`, `absent_after`: why suppliers are no candidates of a version, where it does not say so itself.
    """
    lots = dict.fromkeys(lot.id for version in (after, before) for lot in version.need.lots)
    return ShortlistDiff(
        before=msgspec.convert(before, ComparedVersion, from_attributes=True),
        after=msgspec.convert(after, ComparedVersion, from_attributes=True),
        changed_stamp=before.stamp.differences(after.stamp),
        changed_fields=changed_fields(before.need, after.need),
        lots=tuple(
            _lot_diff(
                _Side(before, lot, absent_before.get(lot, {})), _Side(after, lot, absent_after.get(lot, {})), language
            )
            for lot in lots
        ),
        advice=tuple(_advice_changes(before, after)),
    )


def _advice_changes(before: FrozenShortlist, after: FrozenShortlist) -> Iterator[AdviceChange]:
    """Yield the differences in advice and findings; those of one code are paired in order.

    Messages are compared where both versions are in the same language.
    """
    was, now, in_words = before.advised.statements, after.advised.statements, before.language == after.language
    for lot_id in dict.fromkeys((*now, *was)):
        sides = was.get(lot_id, ()), now.get(lot_id, ())
        for code in dict.fromkeys(each.code for side in reversed(sides) for each in side):
            one, other = ([each.message for each in side if each.code == code] for side in sides)
            if in_words:  # those that both tell alike, in whatever order, are no difference
                one, other = [each for each in one if each not in other], [each for each in other if each not in one]
            for message, later in zip_longest(one, other):
                if message is None or later is None:
                    yield AdviceChange(lot_id, code, "came" if message is None else "left", later or message or "")
                elif in_words:
                    yield AdviceChange(lot_id, code, "changed", later)


class _Side:
    """One lot in one of the two versions that are compared; a lot that the version does not have shows nobody."""

    def __init__(self, version: FrozenShortlist, lot_id: str, absences: Mapping[UUID, Absence]) -> None:
        self.version, self.lot_id, self.absences = version, lot_id, absences
        self.lot = next((lot for lot in version.need.lots if lot.id == lot_id), None)
        shown = self.shown = next((lot for lot in version.shown_lots if lot.id == lot_id), None)
        self.ranks = {row.supplier.id: row.rank for row in shown.candidates} if shown else {}
        self.missed = {row.supplier.id: row for row in shown.near_misses if row.excluded_by} if shown else {}
        self.trade_unknown = {row.supplier.id for row in shown.unknown_trade.nearest} if shown else set()
        self.names = {each.id: each.name for each in shown.listed} if shown else {}
        decided = (each for each in version.decisions if each.lot_id == lot_id)
        self.decisions = {each.supplier_id: DecisionSummary(each.decision, each.reason) for each in decided}

    def known_absence(self, supplier_id: UUID) -> Absence | None:
        """The cause that the version itself shows for a supplier's absence among candidates; None where it has none."""
        if self.shown is None:
            return Absence("no_such_lot")
        if (row := self.missed.get(supplier_id)) is not None:
            return Absence("refused", row.excluded_by, row.message)
        if supplier_id in self.trade_unknown:
            return Absence("trade_unknown")
        # the id (UUIDv7) begins with the moment at which the supplier was first known
        known_at = supplier_id.int >> 80 if supplier_id.version == UUID7 else 0
        return Absence("not_yet") if known_at > int(self.version.created_at.timestamp() * 1_000) else None

    def reasons(self, other: "_Side", changed: Sequence[str], language: Language) -> dict[UUID, AbsenceReason]:
        """The reason why each supplier shown by `other` is no candidate here. `changed`: the lot's differing fields."""
        heirs = {
            each.other.id: Absence("listed_as", other=IdAndName(part, self.names[part]))
            for part, each in other.absences.items()
            if each.other is not None and part in self.ranks
        }
        found: dict[UUID, AbsenceReason] = {}
        for each in other.names.keys() - self.ranks.keys():
            absence = heirs.get(each) or self.known_absence(each) or self.absences.get(each) or Absence("not_kept")
            if language != self.version.language and each in self.missed:
                absence = msgspec.structs.replace(absence, message=None)
            found[each] = absence.in_words(self.version.number, len(self.ranks), changed, language)
        return found

    def lot_criteria(self) -> dict[str, object]:
        """The lot's fields that decide who is a candidate and how many are shown; its title only where it is read."""
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


def _lot_diff(before: _Side, after: _Side, language: Language) -> LotDiff:
    """The differences of one lot between two versions."""
    names, lot = before.names | after.names, after.lot or before.lot
    criteria = after.lot_criteria()
    changed = tuple(name for name, value in before.lot_criteria().items() if criteria.get(name, value) != value)
    absent_before, absent_after = before.reasons(after, changed, language), after.reasons(before, changed, language)
    stayed = {each: (before.ranks[each], rank) for each, rank in after.ranks.items() if each in before.ranks}
    missed = {each: (before.missed[each], row) for each, row in after.missed.items() if each in before.missed}
    # messages are compared where both are in the same language
    in_words = before.version.language == after.version.language
    deciding = before.decisions.keys() | after.decisions.keys()
    decided = {each: (before.decisions.get(each), after.decisions.get(each)) for each in deciding}
    return LotDiff(
        id=after.lot_id,
        title=lot.title if lot else None,
        in_before=before.shown is not None,
        in_after=after.shown is not None,
        changed_fields=tuple(name for name in changed if name != "on"),
        total_before=before.shown.total if before.shown else None,
        total_after=after.shown.total if after.shown else None,
        stayed=len(stayed),
        came=tuple(
            AddedCandidate(each, names[each], absent_before[each].rank, rank, absent_before[each])
            for each, rank in after.ranks.items()
            if each not in stayed
        ),
        left=tuple(
            RemovedCandidate(each, names[each], rank, absent_after[each].rank, absent_after[each])
            for each, rank in before.ranks.items()
            if each not in stayed
        ),
        moved=tuple(MovedCandidate(each, names[each], was, now) for each, (was, now) in stayed.items() if was != now),
        near_misses=tuple(
            NearMissChange(each, row.supplier.name, absent_before[each], absent_after[each])
            for each, (was, row) in missed.items()
            if was.excluded_by != row.excluded_by or (in_words and was.message != row.message)
        ),
        decisions=tuple(
            DecisionDifference(each, names[each], was, became)
            for each, (was, became) in sorted(decided.items())
            if was != became
        ),
    )
