"""The journal in a real database: numbered without gaps, chained, and closed to changes."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from db.api_keys import ensure_organisation
from db.audit import entries, write_entry
from db.core.engine import Engine, transaction
from domain.audit import BEFORE_THE_FIRST, Actor, chained

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)


async def actor(engine: Engine, name: str = "Morbihan") -> Actor:
    async with transaction(engine) as connection:
        return Actor(await ensure_organisation(connection, name, NOW), "key", UUID(int=5))


async def note(engine: Engine, actor: Actor, object_: str = "need:1") -> None:
    async with transaction(engine) as connection:
        await write_entry(connection, actor, "need.changed", object_, NOW, version=2, detail={"fields": ["title"]})


async def test_writers_at_once_make_one_chain(engine: Engine) -> None:
    one = await actor(engine)
    await asyncio.gather(*(note(engine, one, f"need:{number}") for number in range(8)))

    async with transaction(engine) as connection:
        found = await entries(connection, one.organisation_id, None, 0, 50)
    assert [entry.number for entry in found] == list(range(1, 9))
    previous = BEFORE_THE_FIRST
    for entry in found:
        previous = chained(previous, one.organisation_id, entry)
        assert previous.hex() == entry.hash


async def test_organisations_have_journals_of_their_own(engine: Engine) -> None:
    one, other = await actor(engine), await actor(engine, "Vannes")
    for each in (one, other):
        await note(engine, each)

    async with transaction(engine) as connection:
        (found,) = await entries(connection, other.organisation_id, "need:1", 0, 50)
        assert found.number == 1
        assert await entries(connection, one.organisation_id, "need:2", 0, 50) == []


async def test_what_is_rolled_back_leaves_no_entry(engine: Engine) -> None:
    one = await actor(engine)
    async with transaction(engine) as connection:
        await write_entry(connection, one, "need.created", "need:1", NOW)
        await connection.rollback()
    async with transaction(engine) as connection:
        assert await entries(connection, one.organisation_id, None, 0, 50) == []


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_entries SET action = 'x'", "DELETE FROM audit_entries", "TRUNCATE audit_entries"],
)
async def test_no_statement_changes_an_entry(engine: Engine, statement: str) -> None:
    await note(engine, await actor(engine))
    with pytest.raises(IntegrityError) as refused:
        async with transaction(engine) as connection:
            await connection.execute(text(statement))
    assert isinstance(refused.value.orig, Exception)
    assert "append-only" in str(refused.value.orig)
