"""Proposals of lots for a need, as `POST /allotment` answers them."""

from typing import Annotated

import msgspec

from domain.needs.need import Reserved
from domain.shortlists.shortlist import Advice, Reason, Reservation, Stamp, Tension, TerritoryEcho


class Summary(msgspec.Struct, frozen=True):
    """The figures of some lots together.

    `without_supply`: lots with no candidate. `with_competition`: lots with at least `min_candidates` eligible ones.
    `suppliers_reached`: suppliers that are a candidate of some lot. `suppliers_alone`: those that answer some whole lot
    by themselves.
    """

    lots: int
    without_supply: int
    with_competition: int
    reserved: int
    suppliers_reached: int
    suppliers_alone: int


class ProposedLot(msgspec.Struct, frozen=True, kw_only=True):
    """A lot that is proposed; its counts are those of `POST /match` for it.

    `from_lots`: the lots of the need that it buys something of; all else that these say (site, distance, duration)
    holds for it. `cpv`: their codes that stand for its segments alone. `eligible`: candidates that are ELIGIBLE or
    ELIGIBLE_IF. `local`: candidates located in its territory.
    """

    id: str
    title: str
    from_lots: tuple[str, ...]
    segments: tuple[str, ...]
    cpv: tuple[str, ...]
    territory: TerritoryEcho
    reserved: tuple[Reserved, ...]
    value_eur: float | None
    total: int
    eligible: int
    local: int
    tension: Tension
    reservation: Reservation
    reasons: tuple[Reason, ...]


class Proposal(msgspec.Struct, frozen=True):
    """A division of the whole need into lots.

    `reasons`: its figures by the criteria of the order, in that order, and what puts it after the proposal before it.
    """

    rank: int
    lots: tuple[ProposedLot, ...]
    summary: Summary
    reasons: tuple[Reason, ...]
    advice: tuple[Advice, ...]


class Allotment(msgspec.Struct, frozen=True, omit_defaults=True):
    """The lots of a need as they are given, and at most five proposals of others, the best first."""

    stamp: Stamp
    as_given: Summary
    proposals: tuple[Proposal, ...]
    complete: Annotated[bool, msgspec.Meta(description="Whether every division and join was looked at")]
    left_out: Annotated[str | None, msgspec.Meta(description="The divisions not looked at, in words")] = None
