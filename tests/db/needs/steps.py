"""Short ways to keep awards."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from db.core.engine import Connection
from db.needs.awards import insert_award
from db.needs.needs import insert_need
from domain.needs.need import Award, Buyer, Lot, PlannedNeed
from tests.db.suppliers.samples import new_id

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
DAY = date(2026, 11, 24)


async def noted(connection: Connection, organisation: UUID, buyer: Buyer | None = None, **fields: Any) -> Award:
    """Keep an award of a need of its own."""
    content = PlannedNeed(lots=(Lot("1", segments=("ev-entretien",)),), buyer=buyer)
    need = await insert_need(connection, organisation, content, NOW)
    usual: dict[str, Any] = {
        "id": new_id(),
        "need_id": need.id,
        "lot_id": "1",
        "supplier_id": UUID(int=5),
        "supplier_name": "Jardin",
        "segments": ("ev-entretien", "pr-locaux"),
        "awarded_on": DAY,
        "value_eur": 1_000.5,
        "reserved": ("ess",),
        "duration_months": None,
        "direct": True,
        "created_at": NOW,
    }
    award = Award(**(usual | fields))
    await insert_award(connection, organisation, award)
    return award
