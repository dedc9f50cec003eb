"""Frozen versions made by hand: candidates are named by a word, from which their id comes."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid5

import msgspec

from domain.needs.need import Lot, PlannedNeed, TerritoryRequest
from domain.shortlists.listed_suppliers import (
    Candidate,
    Gate,
    NearMiss,
    PublicContact,
    SupplierSummary,
    UnknownSupplier,
    UnknownTrade,
)
from domain.shortlists.shortlist import (
    Alternatives,
    LotShortlist,
    Reservation,
    Shortlist,
    Stamp,
    Tension,
    TerritoryEcho,
)
from domain.shortlists.version import Decision, DecisionCode, FrozenShortlist, LotTotal

NAMES = UUID("0191d7c4-0000-7000-8000-000000000000")
NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
STAMP = Stamp(7, "t", "c", "r", date(2026, 11, 24))
MORBIHAN = TerritoryRequest(codes=("departement:56",))


def id_of(name: str) -> UUID:
    return uuid5(NAMES, name)


def summary(name: str, supplier_id: UUID | None = None) -> SupplierSummary:
    contact = PublicContact(None, None, None)
    return SupplierSummary(supplier_id or id_of(name), name, None, (), None, None, None, None, contact, NOW)


def missed(name: str, gate: Gate = "distance", said: str = "À 63 km : 3 km de trop") -> NearMiss:
    return NearMiss(summary(name), gate, None, (), said)


def listed(
    lot_id: str,
    candidates: Iterable[str | SupplierSummary],
    missing: Iterable[str] = (),
    total: int | None = None,
    unknown: Iterable[str | SupplierSummary] = (),
) -> LotShortlist:
    """A lot that lists these, by name, all near misses too far away; `unknown`: suppliers of unknown trade."""
    suppliers = [each if isinstance(each, SupplierSummary) else summary(each) for each in candidates]
    nearest = tuple(UnknownSupplier(summary(each) if isinstance(each, str) else each, None, ()) for each in unknown)
    return LotShortlist(
        id=lot_id,
        requested=(),
        territory=TerritoryEcho("Morbihan"),
        total=len(suppliers) if total is None else total,
        candidates=tuple(
            Candidate(rank, each, None, None, "local", (), (), ()) for rank, each in enumerate(suppliers, 1)
        ),
        near_misses=tuple(map(missed, missing)),
        unknown_trade=UnknownTrade(len(nearest), len(nearest), nearest, ""),
        coverage=(),
        alternatives=Alternatives({}, {}, {}),
        tension=Tension("good", ""),
        reservation=Reservation("ELIGIBLE", ()),
        advice=(),
    )


def frozen(*lots: LotShortlist, number: int = 1, decisions: Sequence[Decision] = (), **fields: Any) -> FrozenShortlist:
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
        "body": msgspec.json.encode({"added_later": True} | msgspec.structs.asdict(Shortlist(None, STAMP, lots, ()))),
        "decisions": tuple(decisions),
    }
    return FrozenShortlist(**(usual | fields))


def decided(name: str, decision: DecisionCode = "set_aside", lot_id: str = "1", reason: str | None = None) -> Decision:
    return Decision(lot_id, id_of(name), decision, reason, NOW)
