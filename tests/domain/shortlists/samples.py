"""Frozen versions made by hand: candidates are named by a word, from which their id comes."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid5

import msgspec

from domain.needs.need import Lot, PlannedNeed, TerritoryRequest
from domain.shortlists.frozen import (
    Decision,
    DecisionCode,
    FrozenShortlist,
    LotTotal,
    Named,
    ShownCandidate,
    ShownLot,
    ShownNearMiss,
    ShownUnknown,
    ShownUnknownTrade,
)
from domain.shortlists.shortlist import Stamp

NAMES = UUID("0191d7c4-0000-7000-8000-000000000000")
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
STAMP = Stamp(7, "t", "c", "r", date(2026, 11, 24))
MORBIHAN = TerritoryRequest(codes=("departement:56",))


def id_of(name: str) -> UUID:
    return uuid5(NAMES, name)


def listed(
    lot_id: str,
    candidates: Sequence[str],
    missed: Sequence[str] = (),
    total: int | None = None,
    unknown: Sequence[str] = (),
) -> ShownLot:
    """A lot that lists these names, all near misses too far away; `unknown`: suppliers of unknown trade."""
    return ShownLot(
        lot_id,
        len(candidates) if total is None else total,
        tuple(ShownCandidate(rank, Named(id_of(name), name)) for rank, name in enumerate(candidates, 1)),
        tuple(ShownNearMiss(Named(id_of(name), name), "distance", "À 63 km : 3 km de trop") for name in missed),
        ShownUnknownTrade(tuple(ShownUnknown(Named(id_of(name), name)) for name in unknown)),
    )


def frozen(*lots: ShownLot, number: int = 1, decisions: Sequence[Decision] = (), **fields: Any) -> FrozenShortlist:
    """A version with these lots, of a need that asks for gardening in Morbihan in each, unless said otherwise."""
    asked = tuple(Lot(lot.id, segments=("ev-entretien",)) for lot in lots) or (Lot("1", segments=("ev-entretien",)),)
    usual: dict[str, Any] = {
        "number": number,
        "need_version": 1,
        "language": "fr",
        "stamp": STAMP,
        "totals": tuple(LotTotal(lot.id, lot.total, len(lot.candidates)) for lot in lots),
        "created_at": NOW,
        "need_id": UUID(int=1),
        "need": PlannedNeed(lots=asked, territory=MORBIHAN),
        "body": msgspec.json.encode({"reference": None, "lots": lots, "added_later": True}),
        "decisions": tuple(decisions),
    }
    return FrozenShortlist(**(usual | fields))


def decided(name: str, decision: DecisionCode = "set_aside", lot_id: str = "1", reason: str | None = None) -> Decision:
    return Decision(lot_id, id_of(name), decision, reason, NOW)
