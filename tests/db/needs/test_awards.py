"""Awards in a real database: each organisation its own, withdrawn ones kept but not read."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from db.api_keys import ensure_organisation
from db.core.engine import Connection
from db.needs.awards import awards_until, insert_award, mark_award_withdrawn
from db.needs.needs import insert_need
from db.schema.need_tables import awards
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


async def test_only_those_up_to_the_day_count(connection: Connection) -> None:
    own = await ensure_organisation(connection, "Morbihan", NOW)
    award = await noted(connection, own)
    await noted(connection, own, awarded_on=date(2026, 11, 25))
    assert [each.id for each in await awards_until(connection, own, DAY)] == [award.id]
    assert await awards_until(connection, own, date(2026, 11, 23)) == []


async def test_an_award_is_known_with_the_buyer_of_its_need(connection: Connection) -> None:
    own = await ensure_organisation(connection, "Morbihan", NOW)
    for buyer in (None, Buyer(name="Vannes"), Buyer(siret="21560260300016")):
        await noted(connection, own, buyer)
    found = [each.buyer_siret for each in await awards_until(connection, own, DAY)]
    assert found == [None, None, "21560260300016"]


async def test_a_withdrawn_award_stays_in_the_table_alone(connection: Connection) -> None:
    own = await ensure_organisation(connection, "Morbihan", NOW)
    award = await noted(connection, own)
    assert await mark_award_withdrawn(connection, own, award.need_id, award.id, NOW)
    assert not await mark_award_withdrawn(connection, own, award.need_id, award.id, NOW)
    assert await awards_until(connection, own, DAY) == []
    assert await connection.scalar(select(func.count()).where(awards.c.withdrawn_at == NOW)) == 1
