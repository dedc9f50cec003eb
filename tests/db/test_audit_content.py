"""What entries bind is found altered, gone or untold, whoever altered it."""

from uuid import UUID

import pytest
from sqlalchemy import text

from db.audit import stored_entries, write_entry
from db.audit_content import READ_AT_ONCE, content_digests, decision_name, shortlist_name, unrecorded
from db.core.engine import Engine, transaction
from db.needs.shortlists import write_decision
from db.privacy.erase import erase_person
from domain.audit import Actor, BoundContent, Break, Detail, content_digest
from domain.privacy.data_subject import DataSubject
from domain.shortlists.frozen import Decision
from tests.db.exchanges.samples import OpenedExchange, exchange
from tests.db.suppliers.samples import NOW


async def told(engine: Engine, *, bound: bool = True, body: str = '{"lots":[]}') -> OpenedExchange:
    """An exchange with one message and a frozen shortlist, of which the journal tells."""
    started = await exchange(engine)
    actor, need, about = Actor(started.organisation_id, "server"), started.need_id, f"exchange:{started.exchange.id}"
    opened: Detail = {"need_id": str(need), "message_id": str(started.first.id)}
    names: tuple[str, ...] = (about, f"message:{started.first.id}") if bound else ()
    async with transaction(engine) as connection:
        await connection.execute(
            text("""
                INSERT INTO shortlists
                    (need_id, number, need_version, need, language, stamp, totals, ledger, body, created_at)
                VALUES (:need, 1, 1, '{}', 'fr', '{}', '[]', '[]', convert_to(:body, 'UTF8'), now())
            """),
            {"need": need, "body": body},
        )
        await write_entry(connection, actor, "exchange.opened", about, NOW, detail=opened, about=names)
        names = (shortlist_name(need, 1),) if bound else ()
        await write_entry(connection, actor, "shortlist.frozen", f"need:{need}", NOW, detail={"number": 1}, about=names)
    return started


async def altered(engine: Engine, *statements: str) -> None:
    """As the owner of the tables may, who can take their guards off."""
    async with transaction(engine) as connection:
        for table in ("messages", "exchanges", "exchange_recipients"):
            await connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        for statement in statements:
            await connection.execute(text(statement))
        for table in ("messages", "exchanges", "exchange_recipients"):
            await connection.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))


async def found(engine: Engine, organisation_id: UUID) -> list[Break | str]:
    """The breaks, and the names of what no entry tells of."""
    bound = BoundContent()
    async with transaction(engine) as connection:
        async for some in stored_entries(connection, organisation_id):
            for stored in some:
                assert stored.entry is not None
                bound.follow(stored.entry)
        breaks = bound.breaks(await content_digests(connection, bound.names))
        return [*breaks, *await unrecorded(connection, organisation_id, bound.recorded)]


async def test_what_was_left_alone_is_as_its_entries_say(engine: Engine) -> None:
    started = await told(engine)
    assert await found(engine, started.organisation_id) == []


@pytest.mark.parametrize(
    ("statement", "kind", "code"),
    [
        ("UPDATE messages SET body = body || '.'", "message", "altered_content"),
        ("UPDATE messages SET confidential = NOT confidential", "message", "altered_content"),
        ("UPDATE exchanges SET subject = 'x'", "exchange", "altered_content"),
        ("DELETE FROM exchange_recipients WHERE supplier_id::text LIKE '%2'", "exchange", "altered_content"),
        ("DELETE FROM messages", "message", "missing_content"),
        ("UPDATE shortlists SET body = body || ' '", "shortlist", "altered_content"),
        ("UPDATE shortlists SET need = '{ }'", "shortlist", "altered_content"),
        ("DELETE FROM shortlists", "shortlist", "missing_content"),
    ],
)
async def test_what_was_altered_is_found(engine: Engine, statement: str, kind: str, code: str) -> None:
    started = await told(engine)
    await altered(engine, statement)
    (only,) = await found(engine, started.organisation_id)
    assert isinstance(only, Break)
    assert (only.code, (only.about or "").partition(":")[0]) == (code, kind)


async def test_a_message_that_no_entry_tells_of_is_found(engine: Engine) -> None:
    started = await told(engine)
    message = await started.say(NOW)
    assert await found(engine, started.organisation_id) == [f"message:{message.id}"]


async def test_entries_of_earlier_versions_bind_nothing_and_tell_of_what_is_there(engine: Engine) -> None:
    started = await told(engine, bound=False)
    await altered(engine, "UPDATE messages SET body = body || '.'")
    assert await found(engine, started.organisation_id) == []


async def test_an_address_may_be_erased_and_a_need_purged(engine: Engine) -> None:
    started = await told(engine)
    async with transaction(engine) as connection:
        await connection.execute(text("UPDATE exchange_recipients SET email = NULL"))
        await connection.execute(text("UPDATE needs SET status = 'closed', ended_at = :now"), {"now": NOW})
    assert await found(engine, started.organisation_id) == []
    async with transaction(engine) as connection:
        await connection.execute(text("SELECT purge_need(id, ended_at, 0, 'command', NULL) FROM needs"))
    assert await found(engine, started.organisation_id) == []


async def test_an_erasure_binds_what_it_changed(engine: Engine) -> None:
    """Shortlists and decisions as they were left; altered later, they are found."""
    body = '{"contact":{"email":"a.legoff@esat.example","phone":null,"website":null}}'
    started = await told(engine, body=body)
    owner, need = started.organisation_id, started.need_id
    decision = Decision("1", UUID(int=1), "kept", "Vu Anne Le Goff", NOW)
    name = decision_name(need, 1, decision.supplier_id, decision.lot_id)
    async with transaction(engine) as connection:
        await write_decision(connection, need, 1, decision)
        actor = Actor(owner, "server")
        await write_entry(connection, actor, "decision.made", f"need:{need}", NOW, about=(name,))
    assert await found(engine, owner) == []
    who = DataSubject("a.legoff@esat.example", "Anne Le Goff")
    done = await erase_person(engine, who, [owner], Actor(owner, "command"), NOW)
    assert {each.field for each in done.changed} == {"contact.email", "reason"}
    assert await found(engine, owner) == []
    await altered(engine, "UPDATE shortlist_decisions SET reason = 'x'", "UPDATE shortlists SET body = 'x'")
    assert {each.about for each in await found(engine, owner) if isinstance(each, Break)} == {
        name,
        shortlist_name(need, 1),
    }


async def test_digests_come_in_the_order_of_the_names_however_many(engine: Engine) -> None:
    started = await told(engine)
    names = [f"message:{UUID(int=number)}" for number in range(READ_AT_ONCE)] + [f"message:{started.first.id}"]
    async with transaction(engine) as connection:
        digests = await content_digests(connection, names)
    assert list(digests) == names
    assert [name for name, digest in digests.items() if digest] == names[-1:]


async def test_the_digest_of_a_message_that_answers_nothing_is_that_of_its_first_columns(engine: Engine) -> None:
    """Entries of before bind messages that could not say which question they answer."""
    started = await told(engine)
    name = f"message:{started.first.id}"
    columns = (
        "id, exchange_id, author, supplier_id, body, stance, barriers, barriers_note, confidential, corrects, "
        "publishes, question, channel, extract(epoch FROM created_at)::float8"
    )
    async with transaction(engine) as connection:
        query = text(f"SELECT {columns} FROM messages WHERE id = :id")
        row = (await connection.execute(query, {"id": started.first.id})).one()
        assert (await content_digests(connection, [name]))[name] == content_digest(*row)
