"""Needs in a real database: kept, held, changed, narrowed; every function sees one organisation's alone."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from db.api_keys import ensure_organisation
from db.core.engine import Connection, Engine, transaction
from db.needs.needs import NeedFilters, insert_need, lock_need, remove_need, select_need, select_needs, write_need
from domain.errors import Conflict
from domain.needs.need import Lot, PlannedNeed, TerritoryRequest
from domain.needs.status import Status, StoredNeed
from tests.db.needs.steps import noted

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
LOTS = (Lot("1", title="Parcs", segments=("ev-entretien",), reserved=("iae",)),)
EVERYTHING = NeedFilters()


async def organisation(connection: Connection, name: str = "Morbihan") -> UUID:
    return await ensure_organisation(connection, name, NOW)


async def kept(connection: Connection, own: UUID, minute: int = 0, **fields: Any) -> StoredNeed:
    content = PlannedNeed(lots=LOTS, territory=TerritoryRequest(codes=("departement:56",)), **fields)
    return await insert_need(connection, own, content, NOW + timedelta(minutes=minute))


async def test_a_need_reads_back_as_it_was_kept(engine: Engine) -> None:
    async with transaction(engine) as connection:
        own = await organisation(connection)
        need = await kept(connection, own, description="Tonte", planned_publication_on=date(2027, 3, 1))
    async with transaction(engine) as connection:
        assert await select_need(connection, own, need.id) == need
        assert (need.status, need.version, need.shortlists) == ("draft", 1, 0)


async def test_another_organisation_neither_reads_nor_changes_it(engine: Engine) -> None:
    async with transaction(engine) as connection:
        own, other = await organisation(connection), await organisation(connection, "Vannes")
        need = await kept(connection, own)
        assert await select_need(connection, other, need.id) is None
        assert await lock_need(connection, other, need.id) is None
        assert await select_needs(connection, other, EVERYTHING, None, 5) == []
        await write_need(connection, other, msgspec.structs.replace(need, status="published"))
        await remove_need(connection, other, need.id)
        assert await select_need(connection, own, need.id) == need


async def test_needs_come_the_newest_first_in_pages(engine: Engine) -> None:
    async with transaction(engine) as connection:
        own = await organisation(connection)
        made = [await kept(connection, own, minute) for minute in range(3)]
        assert await select_needs(connection, own, EVERYTHING, None, 2) == [made[2], made[1]]
        assert await select_needs(connection, own, EVERYTHING, made[1].id, 2) == [made[0]]


async def test_needs_are_narrowed_by_status_and_planned_publication(engine: Engine) -> None:
    async with transaction(engine) as connection:
        own = await organisation(connection)
        days = (date(2027, 1, 31), date(2027, 2, 1), None)
        made = [await kept(connection, own, minute, planned_publication_on=day) for minute, day in enumerate(days)]
        sourced = msgspec.structs.replace(made[0], status="sourcing", version=2)
        await write_need(connection, own, sourced)

        async def listed(*statuses: Status, **days: date) -> list[StoredNeed]:
            return list(await select_needs(connection, own, NeedFilters(statuses or None, **days), None, 9))

        assert await listed("sourcing") == [sourced]
        assert await listed("draft", "sourcing") == [made[2], made[1], sourced]
        assert await listed(planned_from=date(2027, 2, 1)) == [made[1]]
        assert await listed(planned_to=date(2027, 1, 31)) == [sourced]
        assert await listed("draft", planned_from=date(2027, 1, 1)) == [made[1]]


async def test_who_holds_a_need_makes_others_wait(engine: Engine) -> None:
    """The second reads what the first has written."""
    async with transaction(engine) as connection:
        own = await organisation(connection)
        need = await kept(connection, own)

    async def count_up() -> None:
        async with transaction(engine) as connection:
            seen = await lock_need(connection, own, need.id)
            assert seen is not None
            await write_need(connection, own, msgspec.structs.replace(seen, version=seen.version + 1))

    await asyncio.gather(*(count_up() for _ in range(4)))
    async with transaction(engine) as connection:
        found = await select_need(connection, own, need.id)
        assert found is not None
        assert found.version == 5


async def test_what_was_awarded_is_not_deleted(engine: Engine) -> None:
    async with transaction(engine) as connection:
        own = await organisation(connection)
        award = await noted(connection, own)
        with pytest.raises(Conflict) as refused:
            await remove_need(connection, own, award.need_id)
        assert refused.value.code == "need_in_use"
