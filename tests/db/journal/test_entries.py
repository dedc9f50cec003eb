"""The journal in a real database: numbered without gaps, chained, and closed to changes.

It is read to be checked, after somebody with every right on the database has been at it.
"""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from db.api_keys import ensure_organisation
from db.core.engine import Engine, transaction
from db.journal import entries as audit
from db.journal.entries import entries, has_entries, head, journals, stored_entries, write_entry
from domain.journal import BEFORE_THE_FIRST, Actor, Break, Chain, Detail, Entry, entry_hash
from tests.db.suppliers.samples import LATER, ask, execute
from tests.db.suppliers.samples import NOW as SAMPLES_NOW

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)


async def actor(engine: Engine, name: str = "Morbihan") -> Actor:
    return Actor(await ask(engine, ensure_organisation, name, NOW), "key", UUID(int=5))


async def note(engine: Engine, actor: Actor, object_: str = "need:1") -> None:
    await ask(engine, write_entry, actor, "need.changed", object_, NOW, version=2, detail={"fields": ["title"]})


async def test_writers_at_once_make_one_chain(engine: Engine) -> None:
    one = await actor(engine)
    await asyncio.gather(*(note(engine, one, f"need:{number}") for number in range(8)))

    found = await ask(engine, entries, one.organisation_id, None, 0, 50)
    assert [entry.number for entry in found] == list(range(1, 9))
    previous = BEFORE_THE_FIRST
    for entry in found:
        previous = entry_hash(previous, one.organisation_id, entry)
        assert previous.hex() == entry.hash


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_entries SET action = 'x'", "DELETE FROM audit_entries", "TRUNCATE audit_entries"]
)
async def test_no_statement_changes_an_entry(engine: Engine, statement: str) -> None:
    await note(engine, await actor(engine))
    with pytest.raises(IntegrityError) as refused:
        await execute(engine, statement)
    assert isinstance(refused.value.orig, Exception)
    assert "append-only" in str(refused.value.orig)


@pytest.fixture(autouse=True)
def by_threes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every journal here takes more than one reading."""
    monkeypatch.setattr(audit, "READ_AT_ONCE", 3)


async def written(engine: Engine, name: str, count: int) -> UUID:
    async with transaction(engine) as connection:
        actor = Actor(await ensure_organisation(connection, name, SAMPLES_NOW), "server")
        for number in range(1, count + 1):
            detail: Detail = {"fields": ["title", "été"], "lots": number, "draft": True, "left": None}
            now = SAMPLES_NOW if number < count else LATER
            await audit.write_entry(connection, actor, "need.changed", f"need:{number}", now, version=1, detail=detail)
    return actor.organisation_id


async def checked(engine: Engine, organisation_id: UUID) -> Chain:
    chain = Chain(organisation_id)
    async with transaction(engine) as connection:
        async for some in stored_entries(connection, organisation_id):
            for stored in some:
                chain.verify_entry(*stored)
    return chain


@pytest.mark.parametrize("length", [0, 1, 3, 7])
async def test_a_journal_reads_back_as_it_was_written(engine: Engine, length: int) -> None:
    organisation_id = await written(engine, "Morbihan", length)
    await written(engine, "Vannes", 4)
    chain = await checked(engine, organisation_id)
    assert (chain.breaks, (chain.number, chain.hash)) == ([], tuple(await ask(engine, head, organisation_id)))


async def test_what_binds_very_much_is_several_entries(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last one says what was done; all together bind everything, once."""
    monkeypatch.setattr(audit, "MOST_BOUND", 2)
    names = [f"key:{UUID(int=number)}" for number in range(5)]
    owner = await written(engine, "Morbihan", 1)
    await ask(engine, write_entry, Actor(owner, "server"), "a.b", "need:1", SAMPLES_NOW, about=names)
    _, *found = await ask(engine, entries, owner, None, 0, 9)
    assert [each.action for each in found] == ["rights.bound", "rights.bound", "a.b"]
    assert [name for each in found for name in each.content] == [f"{name}=" for name in names]


async def test_it_is_known_what_a_journal_tells_of(engine: Engine) -> None:
    one, other = await written(engine, "Morbihan", 2), await written(engine, "Vannes", 1)
    assert [await ask(engine, has_entries, each, "need:2") for each in (one, other)] == [True, False]
    assert await ask(engine, journals) == [(one, "Morbihan"), (other, "Vannes")]


async def test_an_entry_of_an_earlier_server_follows_and_is_told_as_unsigned(engine: Engine) -> None:
    """It was written beside newer servers, without what they bind and sign."""
    signing = engine.execution_options(signer=lambda digest: digest)
    organisation_id = await written(signing, "Morbihan", 1)
    columns = "organisation_id, number, at, means, action, object, detail, hash"
    async with transaction(engine) as connection:
        last = await head(connection, organisation_id)
        entry = Entry(
            number=2,
            at=SAMPLES_NOW,
            means="server",
            actor_id=None,
            action="a.b",
            object="c",
            version=None,
            detail={},
            hash="",
        )
        await connection.execute(
            text(f"INSERT INTO audit_entries ({columns}) VALUES (:id, 2, :at, 'server', 'a.b', 'c', '{{}}', :hash)"),
            {"id": organisation_id, "at": SAMPLES_NOW, "hash": entry_hash(last.hash, organisation_id, entry)},
        )
    await written(signing, "Morbihan", 1)
    chain = await checked(engine, organisation_id)
    assert (chain.breaks, chain.signed, chain.number) == ([Break(2, "unsigned_entry")], 2, 3)
