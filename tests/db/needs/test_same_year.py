"""The other needs of a year in a real database: which ones, and no more of them than is added up."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest

from db.api_keys import ensure_organisation
from db.core.engine import Connection, Engine, transaction
from db.needs.needs import insert_need, write_need
from db.needs.same_year import needs_of_year
from domain.needs.need import Buyer, Lot, Need, Place, PlannedNeed, TerritoryRequest
from domain.needs.same_year import OtherNeed, year_of
from domain.needs.status import StoredNeed
from tests.db.needs.steps import NOW

BESIDES = UUID(int=1)
LOT = Lot("1", segments=("ev-entretien",), cpv=("77310000",), keywords=("tonte",), nature="services", value_eur=5.25)


async def stored(connection: Connection, own: UUID, at: datetime = NOW, **fields: Any) -> StoredNeed:
    content = PlannedNeed(**({"lots": (LOT,)} | fields))
    return await insert_need(connection, own, content, at)


async def test_only_what_is_added_up_is_read(engine: Engine) -> None:
    """Places and territories are left in the database, however large they are."""
    async with transaction(engine) as connection:
        own = await ensure_organisation(connection, "Morbihan", NOW)
        lots = (msgspec.structs.replace(LOT, title="Parcs", site=Place(commune="56260"), duration_months=12), Lot("2"))
        need = await stored(
            connection,
            own,
            lots=lots,
            reference="R",
            title="T",
            buyer=Buyer(name="Mairie", siret="22560001400016"),
            estimated_total_eur=10,
            territory=TerritoryRequest(codes=("departement:56",)),
        )
        kept = Need((LOT, Lot("2")), "R", "T", buyer=Buyer(siret="22560001400016"), estimated_total_eur=10)
        assert await needs_of_year(connection, own, 2026, BESIDES) == (OtherNeed(need.id, kept),)


async def test_the_need_itself_the_abandoned_and_those_of_others_are_left_out(engine: Engine) -> None:
    async with transaction(engine) as connection:
        own, other = [await ensure_organisation(connection, name, NOW) for name in ("Morbihan", "Vannes")]
        need, dropped, closed = [await stored(connection, own) for _ in range(3)]
        await write_need(connection, own, msgspec.structs.replace(dropped, status="abandoned"))
        await write_need(connection, own, msgspec.structs.replace(closed, status="closed"))
        await stored(connection, other)
        assert [each.id for each in await needs_of_year(connection, own, 2026, need.id)] == [closed.id]


@pytest.mark.parametrize(
    ("planned", "created"),
    [
        (date(2026, 1, 1), datetime(2025, 6, 1, tzinfo=UTC)),
        (date(2026, 12, 31), datetime(2027, 6, 1, tzinfo=UTC)),
        (date(2027, 1, 1), datetime(2026, 6, 1, tzinfo=UTC)),
        (None, datetime(2025, 12, 31, 22, 59, tzinfo=UTC)),
        (None, datetime(2025, 12, 31, 23, tzinfo=UTC)),
        (None, datetime(2026, 12, 31, 22, 59, tzinfo=UTC)),
        (None, datetime(2026, 12, 31, 23, tzinfo=UTC)),
        (date(9999, 12, 31), NOW),
        (date(1, 1, 1), NOW),
    ],
)
async def test_the_year_is_counted_as_in_the_code(engine: Engine, planned: date | None, created: datetime) -> None:
    async with transaction(engine) as connection:
        own = await ensure_organisation(connection, "Morbihan", NOW)
        need = await stored(connection, own, created, planned_publication_on=planned)
        year = year_of(planned, created)
        for asked in (year - 1, year, year + 1):
            found = [each.id for each in await needs_of_year(connection, own, asked, BESIDES)]
            assert found == ([need.id] if asked == year else [])
