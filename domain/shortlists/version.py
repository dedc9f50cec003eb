"""Frozen shortlists: the answer as it was sent, and the decisions on it."""

from collections.abc import Collection
from datetime import datetime
from functools import cached_property
from typing import Literal
from uuid import UUID

import msgspec

from domain.decoding.stored import read_stored
from domain.needs.need import PlannedNeed
from domain.shortlists.listed_suppliers import Gate, SupplierSummary
from domain.shortlists.shortlist import Shortlist, Stamp
from domain.text.bilingual import Language

DecisionCode = Literal["kept", "set_aside"]


class IdAndName(msgspec.Struct, frozen=True, omit_defaults=True):
    """A supplier's id, name and SIRET, as a version has them or, if another was merged with it since, as of today."""

    id: UUID
    name: str
    siret: str | None = None


class SupplierName(msgspec.Struct, frozen=True):
    """A supplier by its name."""

    supplier_id: UUID
    """UUID, as in `GET /suppliers/{id}`"""
    name: str
    """Its legal or usual name"""


class LotTotal(msgspec.Struct, frozen=True):
    """The number of a lot's candidates, and of those that the shortlist shows."""

    id: str
    """That of the lot in the need"""
    total: int
    """All of its candidates"""
    shown: int
    """Those that the shortlist lists"""

    @property
    def is_truncated(self) -> bool:
        """Whether the lot has candidates that the shortlist does not list."""
        return self.total > self.shown


class DecisionKey(msgspec.Struct, frozen=True):
    """The lot and the supplier that a decision is about; the sort key of decisions."""

    lot_id: str
    """The lot that it is about"""
    supplier_id: UUID
    """The supplier that it is about"""


class Decision(DecisionKey, frozen=True):
    """The buyer's decision on a supplier of a version, for one lot."""

    decision: DecisionCode
    """`kept`: to go on with; `set_aside`: left out where an exchange is opened with `shortlist`"""
    reason: str | None
    """In the buyer's words; null: none given"""
    decided_at: datetime
    """The moment it was last changed"""


class ShownSupplier(msgspec.Struct, frozen=True):
    """A supplier that a version shows: as a candidate (`rank`), a near miss (`excluded_by`), or of unknown trade."""

    supplier: IdAndName
    rank: int = 0
    excluded_by: Gate | None = None
    message: str = ""


class ShownUnknownTrade(msgspec.Struct, frozen=True):
    """The suppliers of unknown trade that a version shows for a lot."""

    nearest: tuple[ShownSupplier, ...] = ()


class ShownSegment(msgspec.Struct, frozen=True, rename={"sources": "from"}):
    """A segment that a lot asks for; `sources`: the parts of the request that name the segment."""

    sources: tuple[str, ...]


class ShownLot(msgspec.Struct, frozen=True):
    """The part of a lot's answer that can be read in every version, however old: the suppliers listed."""

    id: str
    total: int
    candidates: tuple[ShownSupplier, ...]
    near_misses: tuple[ShownSupplier, ...]
    unknown_trade: ShownUnknownTrade = ShownUnknownTrade()
    requested: tuple[ShownSegment, ...] = ()

    @property
    def read_by_title(self) -> bool:
        """Whether a title, in whole or part, says what the lot asks for."""
        return any(source.startswith("title:") for segment in self.requested for source in segment.sources)

    @property
    def listed(self) -> tuple[IdAndName, ...]:
        """The suppliers listed: candidates in order, then near misses, then those of unknown trade."""
        return tuple(row.supplier for row in self.candidates + self.near_misses + self.unknown_trade.nearest)


class ShownAnswer(msgspec.Struct, frozen=True):
    """The part of an answer that can be read in every version, however old, and ten times faster than the whole."""

    stamp: Stamp
    lots: tuple[ShownLot, ...]


class ShownStatement(msgspec.Struct, frozen=True):
    """A piece of advice or a legal finding that a version tells."""

    code: str
    message: str


class ShownReservation(msgspec.Struct, frozen=True):
    """The legal findings that a version tells on the reservation of a lot."""

    findings: tuple[ShownStatement, ...] = ()


class AdvisedLot(msgspec.Struct, frozen=True):
    """The part of a lot's answer that says what law and counsel say of it, as it can be read in every version."""

    id: str
    reservation: ShownReservation = ShownReservation()
    advice: tuple[ShownStatement, ...] = ()


class AdvisedAnswer(msgspec.Struct, frozen=True):
    """The advice and legal findings of an answer, as they can be read in every version, however old."""

    lots: tuple[AdvisedLot, ...]
    advice: tuple[ShownStatement, ...] = ()

    @property
    def statements(self) -> dict[str | None, tuple[ShownStatement, ...]]:
        """By lot, None for the whole need: its legal findings, then its advice."""
        found: dict[str | None, tuple[ShownStatement, ...]] = {None: self.advice}
        return found | {lot.id: lot.reservation.findings + lot.advice for lot in self.lots}


class ComparedVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a shortlist."""

    number: int
    """From 1 for each need"""
    need_version: int
    """The version of the need that was matched"""
    stamp: Stamp
    """The versions of data and rules behind it"""
    created_at: datetime
    """The moment it was frozen"""


class ShortlistVersion(ComparedVersion, frozen=True, kw_only=True):
    """A version in a list of versions."""

    language: Language
    """The language of its messages"""
    totals: tuple[LotTotal, ...]
    """The candidates of each lot"""


class FrozenShortlist(ShortlistVersion, frozen=True, kw_only=True, dict=True):
    """A frozen version of a shortlist. `body`: the answer as it was sent; `need`: the need as it was matched.

    The body is decoded when it is first used, which takes some time for many lots, and only once.
    """

    need_id: UUID
    need: PlannedNeed
    body: bytes
    decisions: tuple[Decision, ...]

    @cached_property
    def shown_lots(self) -> tuple[ShownLot, ...]:
        """The lots of the frozen answer, each with the suppliers listed for it."""
        return read_stored(self.body, ShownAnswer).lots

    @property
    def advised(self) -> AdvisedAnswer:
        """The advice and legal findings of the frozen answer."""
        return read_stored(self.body, AdvisedAnswer)

    @cached_property
    def shortlist(self) -> Shortlist:
        """The frozen answer, decoded; fields added to `Shortlist` later need defaults."""
        return read_stored(self.body, Shortlist)


def suppliers_to_contact(
    version: FrozenShortlist, lot_ids: Collection[str], *, of_unknown_trade: bool = False
) -> tuple[SupplierSummary, ...]:
    """The candidates for any of these lots (all lots where none is given) that the buyer did not set aside.

    `of_unknown_trade`: the suppliers of unknown trade that it lists, in the place of candidates.
    """
    aside = {(each.lot_id, each.supplier_id) for each in version.decisions if each.decision == "set_aside"}
    found: dict[UUID, SupplierSummary] = {}
    for lot in version.shortlist.lots:
        for row in lot.unknown_trade.nearest if of_unknown_trade else lot.candidates:
            if (lot.id, row.supplier.id) not in aside and (not lot_ids or lot.id in lot_ids):
                found[row.supplier.id] = row.supplier
    return tuple(found.values())


def everyone_shown(version: FrozenShortlist) -> dict[UUID, SupplierSummary]:
    """Every supplier that the version shows (candidate, near miss or of unknown trade), by id."""
    shown: dict[UUID, SupplierSummary] = {}
    for row in (row for lot in version.shortlist.lots for row in lot.rows):
        shown.setdefault(row.supplier.id, row.supplier)
    return shown


def members_of_groupings(version: FrozenShortlist) -> set[UUID]:
    """The ids of the members of groupings; some may be candidates beyond those that the version lists."""
    groupings = (grouping for lot in version.shortlist.lots for grouping in lot.groupings)
    return {each.id for grouping in groupings for each in grouping.suppliers}
