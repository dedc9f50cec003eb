"""Proposals of lots for a need, as `POST /allotment` answers them."""

from typing import Annotated

import msgspec

from domain.needs.need import Reserved
from domain.shortlists.shortlist import Advice, Reason, Reservation, Stamp, Tension, TerritoryEcho


class Summary(msgspec.Struct, frozen=True):
    """The figures of some lots together."""

    lots: int
    """The number of them"""
    without_supply: int
    """Lots with no candidate"""
    with_competition: int
    """Lots with at least `min_candidates` eligible ones"""
    reserved: int
    """Lots that are reserved"""
    suppliers_reached: int
    """Suppliers that are a candidate of some lot"""
    suppliers_alone: int
    """Suppliers that answer some whole lot by themselves"""


class ProposedLot(msgspec.Struct, frozen=True, kw_only=True):
    """A lot that is proposed; its counts are those of `POST /match` for it."""

    id: str
    """From `1` in each proposal"""
    title: str
    """In words, by its segments and territory"""
    from_lots: tuple[str, ...]
    """Lots of the need that it buys something of; all else that these say (site, distance) holds for it"""
    segments: tuple[str, ...]
    """Ids of what it buys"""
    cpv: tuple[str, ...]
    """Codes of those lots that stand for its segments alone"""
    territory: TerritoryEcho
    """The place of performance"""
    reserved: tuple[Reserved, ...]
    """Empty: not reserved"""
    value_eur: float | None
    """Euros excluding tax, which hold what those of the lots it comes from hold; null: not known for its part"""
    options_eur: float | None
    """Euros excluding tax of the options; null: none, or not known for its part"""
    total: int
    """Suppliers that pass every gate"""
    eligible: int
    """Candidates that are ELIGIBLE or ELIGIBLE_IF"""
    local: int
    """Candidates located in its territory"""
    tension: Tension
    """The competition to expect"""
    reservation: Reservation
    """Findings of law on its reservation"""
    reasons: tuple[Reason, ...]
    """Reasons for proposing this lot"""


class Proposal(msgspec.Struct, frozen=True):
    """A division of the whole need into lots."""

    rank: int
    """From 1, the best"""
    lots: tuple[ProposedLot, ...]
    """All that the need buys, each part once"""
    summary: Summary
    """Its figures"""
    reasons: tuple[Reason, ...]
    """Its figures by the criteria of the order, in that order, and what puts it after the proposal before it"""
    advice: tuple[Advice, ...]
    """Findings of law on the need so divided"""


class Allotment(msgspec.Struct, frozen=True, omit_defaults=True):
    """The lots of a need as they are given, and at most five proposals of others, the best first."""

    stamp: Stamp
    """The versions of data and rules behind it"""
    as_given: Summary
    """The figures of the need's own lots"""
    proposals: tuple[Proposal, ...]
    """The best first, at most five"""
    complete: Annotated[bool, msgspec.Meta(description="Whether every division and join was looked at")]
    left_out: Annotated[str | None, msgspec.Meta(description="The divisions not looked at, in words")] = None
