"""Frozen shortlists: the answer as it was sent, and the decisions on it."""

from datetime import datetime
from functools import cached_property
from typing import Literal
from uuid import UUID

import msgspec

from domain.needs.need import PlannedNeed
from domain.shortlists.shortlist import Gate, Shortlist, Stamp
from domain.text.bilingual import Language

Verdict = Literal["kept", "set_aside"]


class Named(msgspec.Struct, frozen=True, omit_defaults=True):
    """A supplier, as it was called when the version was frozen."""

    id: UUID
    name: str
    siret: str | None = None


class LotTotal(msgspec.Struct, frozen=True):
    """The number of a lot's candidates, and of those that the shortlist shows."""

    id: str
    total: int
    shown: int


class Decision(msgspec.Struct, frozen=True):
    """The buyer's decision on a supplier of a version, for one lot."""

    lot_id: str
    supplier_id: UUID
    decision: Verdict
    reason: str | None
    decided_at: datetime


class ShownCandidate(msgspec.Struct, frozen=True):
    """A candidate that a version shows."""

    rank: int
    supplier: Named


class ShownNearMiss(msgspec.Struct, frozen=True):
    """A near miss that a version shows."""

    supplier: Named
    excluded_by: Gate
    message: str


class ShownLot(msgspec.Struct, frozen=True):
    """The part of a lot's answer that can be read in every version, however old: the suppliers listed."""

    id: str
    total: int
    candidates: tuple[ShownCandidate, ...]
    near_misses: tuple[ShownNearMiss, ...]

    @property
    def listed(self) -> tuple[Named, ...]:
        """Candidates in order, then near misses."""
        return *(row.supplier for row in self.candidates), *(row.supplier for row in self.near_misses)

    @property
    def supplier_ids(self) -> frozenset[UUID]:
        """Candidates and near misses."""
        return frozenset(each.id for each in self.listed)


class _Shown(msgspec.Struct, frozen=True):
    lots: tuple[ShownLot, ...]


def lots_shown(body: bytes) -> tuple[ShownLot, ...]:
    """The suppliers listed for each lot, in the answer of a version."""
    return msgspec.json.decode(body, type=_Shown).lots


class ShortlistVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version in a list of versions. `need_version`: the version of the need that was matched."""

    number: int
    need_version: int
    language: Language
    stamp: Stamp
    totals: tuple[LotTotal, ...]
    created_at: datetime


class FrozenShortlist(ShortlistVersion, frozen=True, kw_only=True, dict=True):
    """A whole version. `body`: the answer as it was sent; `need`: the need as it was matched.

    The body is decoded when it is first used, which takes some time for many lots, and only once.
    """

    need_id: UUID
    need: PlannedNeed
    body: bytes
    decisions: tuple[Decision, ...]

    @cached_property
    def shown(self) -> tuple[ShownLot, ...]:
        """The suppliers listed for each lot."""
        return lots_shown(self.body)

    @cached_property
    def shortlist(self) -> Shortlist:
        """The answer; fields that it gains over the years need defaults."""
        return msgspec.json.decode(self.body, type=Shortlist)
