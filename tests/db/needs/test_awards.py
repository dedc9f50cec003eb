"""Awards in a real database: each organisation its own, withdrawn ones kept but not read."""

from datetime import date

from sqlalchemy import func, select

from db.api_keys import ensure_organisation
from db.core.engine import Connection
from db.needs.awards import awards_until, mark_award_withdrawn
from db.schema.need_tables import awards
from domain.needs.need import Buyer
from tests.db.needs.steps import DAY, NOW, noted


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
