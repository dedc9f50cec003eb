"""What entries bind is found altered, gone or untold, whoever altered it."""

from datetime import timedelta
from hashlib import sha256
from uuid import UUID

import msgspec
from sqlalchemy import text

from db.core.engine import Engine, transaction
from db.exchanges.exchanges import insert_handovers, write_handovers
from db.journal.content import READ_AT_ONCE, content_digests, stored_name
from db.journal.entries import write_entry
from db.meetings import insert_meeting
from db.needs.needs import insert_award, insert_need
from db.needs.shortlists import write_decision
from db.privacy.erase import erase_person
from db.privacy.purge import plan, purge
from domain.journal import Actor, Break, Detail
from domain.needs.need import Lot, PlannedNeed
from domain.privacy import DataSubject, RetentionPeriods
from tests.db.exchanges.samples import ANNE, PAUL
from tests.db.journal.samples import AWARD, DECISION, VISIT, alter, altered, find, found, told
from tests.db.suppliers.samples import NOW, ask, execute

ALTERED = (
    ("UPDATE messages SET body = body || '.'", "message", "altered_content"),
    ("UPDATE messages SET confidential = NOT confidential", "message", "altered_content"),
    ("UPDATE exchanges SET subject = 'x'", "exchange", "altered_content"),
    (
        "DELETE FROM exchange_recipients WHERE supplier_id::text LIKE '%2'",
        "exchange recipients reply_links",
        "altered_content",
    ),
    ("DELETE FROM messages", "message", "missing_content"),
    ("UPDATE shortlists SET body = body || ' '", "shortlist", "altered_content"),
    ("UPDATE shortlists SET need = '{ }'", "shortlist", "altered_content"),
    ("UPDATE shortlists SET totals = '[1]'", "stamp", "altered_content"),
    ("UPDATE shortlists SET stamp = '[]'", "stamp", "altered_content"),
    ("UPDATE meetings SET minutes = 'Rien vu'", "meeting", "altered_content"),
    ("DELETE FROM meeting_participants WHERE position = 1", "meeting", "altered_content"),
    ("UPDATE meeting_follow_ups SET done = true", "meeting", "altered_content"),
    ("DELETE FROM meetings", "meeting meeting_scope", "missing_content"),
    ("UPDATE shortlist_decisions SET decision = 'discarded'", "decision", "altered_content"),
    ("DELETE FROM shortlist_decisions", "decision", "missing_content"),
    ("UPDATE awards SET value_eur = 39000", "award", "altered_content"),
    ("UPDATE awards SET withdrawn_at = now()", "award", "altered_content"),
    ("DELETE FROM awards", "award", "missing_content"),
    ("UPDATE needs SET content = replace(content::text, 'Vannes', 'Brest')::json", "need", "altered_content"),
    ("UPDATE needs SET published_at = now()", "need", "altered_content"),
)


async def test_what_was_altered_is_found(engine: Engine) -> None:
    """And nothing where all was left alone. Shortlists go with the decisions on them."""
    started = await told(engine)
    assert await found(engine, started.organisation_id) == []
    missing = [(kind, "missing_content") for kind in ("decision", "shortlist", "stamp")]
    stories = [
        *((statement, [(kind, code) for kind in kinds.split()]) for statement, kinds, code in ALTERED),
        ("DELETE FROM shortlists", missing),
    ]
    for statement, expected in stories:
        async with engine.connect() as connection:  # rolled back
            await alter(connection, statement)
            fallen = await find(connection, started.organisation_id)
        breaks = [((each.about or "").partition(":")[0], each.code) for each in fallen if isinstance(each, Break)]
        assert (sorted(breaks), len(fallen)) == (expected, len(expected)), statement


async def test_a_confirmed_delivery_is_bound(engine: Engine) -> None:
    """One that waits to be confirmed is not, and one that nobody noted is found."""
    started = await told(engine)
    message, actor = started.first.id, Actor(started.organisation_id, "server")
    name, said = stored_name("handover", message, ANNE), {"message_id": str(message), "supplier_id": str(ANNE)}
    key = started.exchange.id, message
    await ask(engine, insert_handovers, started.exchange.id, started.first, [ANNE, PAUL])
    await ask(engine, write_handovers, *key, [ANNE], "letter", NOW.date(), NOW)
    assert await found(engine, started.organisation_id) == [name]
    about = f"exchange:{started.exchange.id}"
    detail: Detail = {**said, "way": "letter", "on": NOW.date().isoformat()}
    await ask(engine, write_entry, actor, "message.handed_over", about, NOW, detail=detail, about=[name])
    assert await found(engine, started.organisation_id) == []
    for statement, code in (
        ("UPDATE message_handovers SET handed_on = '2026-01-02'", "altered_content"),
        ("UPDATE message_handovers SET way = 'phone'", "altered_content"),
        ("UPDATE message_handovers SET handed_on = NULL, confirmed_at = NULL", "missing_content"),
        ("DELETE FROM message_handovers", "missing_content"),
    ):
        async with engine.connect() as connection:  # rolled back
            await alter(connection, f"{statement} WHERE supplier_id = '{ANNE}'")
            fallen = [each for each in await find(connection, started.organisation_id) if isinstance(each, Break)]
        assert [(each.code, each.about) for each in fallen] == [(code, name)], statement


async def test_what_no_entry_tells_of_is_found(engine: Engine) -> None:
    """Written by somebody who may write to the tables, and nothing else."""
    started = await told(engine)
    need, owner = started.need_id, started.organisation_id
    message = await started.say(NOW)
    other = msgspec.structs.replace(DECISION, supplier_id=UUID(int=2))
    await ask(engine, write_decision, need, 1, other)
    await ask(engine, insert_award, owner, msgspec.structs.replace(AWARD, id=UUID(int=8), need_id=need))
    made = await ask(engine, insert_need, owner, PlannedNeed(lots=(Lot(id="1"),)), NOW)
    decision = stored_name("decision", need, 1, other.supplier_id, other.lot_id)
    names = sorted([decision, f"message:{message.id}", f"award:{UUID(int=8)}", f"need:{made.id}"])
    assert await found(engine, owner) == names


async def test_that_a_message_was_read_does_not_say_that_it_was_written(engine: Engine) -> None:
    """The server notes what its buyers open, also where somebody slipped it in."""
    started = await told(engine)
    message, actor = await started.say(NOW), Actor(started.organisation_id, "server")
    read: Detail = {"message_id": str(message.id)}
    await ask(engine, write_entry, actor, "exchange.read", f"exchange:{started.exchange.id}", NOW, detail=read)
    assert await found(engine, started.organisation_id) == [f"message:{message.id}"]


async def test_an_entry_that_binds_nothing_hides_no_alteration(engine: Engine) -> None:
    started = await told(engine)
    actor, need = Actor(started.organisation_id, "server"), f"need:{started.need_id}"
    await altered(engine, "UPDATE needs SET version = 2", "UPDATE awards SET withdrawn_at = now()")
    await ask(engine, write_entry, actor, "need.changed", need, NOW, version=2)
    await ask(engine, write_entry, actor, "award.withdrawn", need, NOW, detail={"award_id": str(AWARD.id)})
    fallen = await found(engine, started.organisation_id)
    assert {each.about for each in fallen if isinstance(each, Break)} == {need, f"award:{AWARD.id}"}


async def test_an_address_may_be_erased_and_a_need_purged(engine: Engine) -> None:
    started = await told(engine)
    await execute(engine, "UPDATE exchange_recipients SET email = NULL")
    await execute(engine, f"UPDATE needs SET status = 'closed', ended_at = '{NOW}'")
    actor, need = Actor(started.organisation_id, "server"), f"need:{started.need_id}"
    await ask(engine, write_entry, actor, "need.closed", need, NOW, about=(need,))
    assert await found(engine, started.organisation_id) == []
    await execute(engine, "SELECT purge_need(id, ended_at, 0, 'command', NULL) FROM needs")
    assert await found(engine, started.organisation_id) == []


async def test_meetings_go_with_the_need_that_they_were_about(engine: Engine) -> None:
    """One that is about another need too stays as it was bound."""
    started = await told(engine)
    owner, need = started.organisation_id, f"need:{started.need_id}"
    long_ago, actor = NOW - timedelta(days=3_000), Actor(owner, "server")
    async with transaction(engine) as connection:
        other = await insert_need(connection, owner, PlannedNeed(lots=(Lot(id="1"),)), NOW)
        await write_entry(connection, actor, "need.created", f"need:{other.id}", NOW, about=(f"need:{other.id}",))
        for needs in ((started.need_id,), (started.need_id, other.id)):
            about = msgspec.structs.replace(VISIT, need_ids=needs, starts_at=long_ago, ends_at=long_ago)
            name = f"meeting:{(await insert_meeting(connection, owner, about, long_ago)).id}"
            await write_entry(connection, actor, "meeting.created", name, NOW, about=(name,))
        for changed in (
            f"UPDATE needs SET status = 'closed', ended_at = '{long_ago}' WHERE id = '{started.need_id}'",
            f"UPDATE awards SET awarded_on = '{long_ago}', created_at = '{long_ago}'",
        ):
            await connection.execute(text(changed))
        await write_entry(connection, actor, "need.closed", need, NOW, about=(need, f"award:{AWARD.id}"))
    planned = await ask(engine, plan, RetentionPeriods(), NOW)
    done = await purge(engine, planned, "default")
    assert [(each.id, each.meetings) for each in done.needs] == [(started.need_id, 1)]
    assert await found(engine, owner) == []


async def test_an_erasure_binds_what_it_changed(engine: Engine) -> None:
    """Shortlists and decisions as they were left; altered later, they are found."""
    body = '{"contact":{"email":"a.legoff@esat.example","phone":null,"website":null}}'
    started = await told(engine, body=body)
    owner, need = started.organisation_id, started.need_id
    name = stored_name("decision", need, 1, DECISION.supplier_id, DECISION.lot_id)
    assert await found(engine, owner) == []
    who = DataSubject("a.legoff@esat.example", "Anne Le Goff")
    done = await erase_person(engine, who, [owner], Actor(owner, "command"), NOW)
    assert {each.field for each in done.changed} == {"contact.email", "reason"}
    paul = await erase_person(engine, DataSubject(name="Paul Martin"), [owner], Actor(owner, "command"), NOW)
    assert {each.where.partition(":")[0] for each in paul.changed} == {"meeting", "person"}
    assert await execute(engine, "SELECT salt FROM persons WHERE erased_at IS NOT NULL") == [(None,)]
    assert await found(engine, owner) == []
    await altered(engine, "UPDATE shortlist_decisions SET reason = 'x'", "UPDATE shortlists SET body = 'x'")
    assert {each.about for each in await found(engine, owner) if isinstance(each, Break)} == {
        name,
        stored_name("shortlist", need, 1),
    }


async def test_digests_come_in_the_order_of_the_names_however_many(engine: Engine) -> None:
    """That of a message that answers nothing is of its first columns: entries of before bind such."""
    started = await told(engine)
    names = [f"message:{UUID(int=number)}" for number in range(READ_AT_ONCE)] + [f"message:{started.first.id}"]
    digests = await ask(engine, content_digests, names)
    assert list(digests) == names
    assert [name for name, digest in digests.items() if digest] == names[-1:]
    name = f"message:{started.first.id}"
    columns = (
        "id, exchange_id, author, supplier_id, body, stance, barriers, barriers_note, confidential, corrects, "
        "publishes, question, channel, extract(epoch FROM created_at)::float8"
    )
    (row,) = await execute(engine, f"SELECT {columns} FROM messages WHERE id = '{started.first.id}'")
    assert digests[name] == sha256(msgspec.json.encode([*row])).hexdigest()
