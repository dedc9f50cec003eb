"""Exchanges in a real database: read as they were written, closed to changes, gone only when their time is over.

What is to be read and answered about needs is as the exchanges themselves say it. Messages wait for those that can be
written to, and tell what was said.
"""

import asyncio
import re
from datetime import timedelta
from os import urandom
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Executable, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from db.api_keys import ensure_organisation
from db.core.engine import Connection, Engine, transaction
from db.core.uuid7 import uuid7
from db.delivery.outbox import ClaimedRow, claim_rows
from db.exchanges.exchanges import (
    READ,
    count_answers_due,
    exchanges_of,
    insert_exchange,
    insert_message,
    select_exchange,
)
from db.exchanges.reply_links import (
    insert_links,
    recipients_with_links_revoked,
    revoke_links,
    select_link,
    select_outgoing_message,
)
from db.journal.entries import write_entry
from db.schema.organisation_tables import exchanges, message_mails, messages, needs
from domain.exchanges.exchange import ExchangeSummary, Message, Recipient
from domain.exchanges.letter import OutgoingMessage
from domain.journal import Actor
from domain.needs.need import Lot, PlannedNeed
from domain.text.bilingual import Text
from tests.conftest import ROOT
from tests.db.exchanges.samples import ANNE, PAUL, OpenedExchange, exchange
from tests.db.suppliers.samples import LATER, NOW, ask, execute, lock_is_awaited, new_id
from tests.domain.exchanges.samples import PLAIN

A, B = UUID(int=10), UUID(int=11)
OPERATING = ROOT / "docs" / "operating.md"


async def need(connection: Connection, organisation: str = "Morbihan", **fields: Any) -> tuple[UUID, UUID]:
    """A need; its organisation and its own id."""
    owner = await ensure_organisation(connection, organisation, NOW)
    usual = {"status": "sourcing", "version": 1, "content": PlannedNeed(lots=(Lot(id="1"),)), "year": 2026}
    row = {"organisation_id": owner, "created_at": NOW, "updated_at": NOW} | usual | fields
    need_id = new_id()
    await connection.execute(insert(needs).values(id=need_id, **row))
    return owner, need_id


def said(author: str = "buyer", supplier_id: UUID | None = None, **fields: Any) -> Message:
    usual: dict[str, Any] = {"id": new_id(), "body": "Bonjour", "channel": "email", "created_at": NOW}
    return Message(**PLAIN | usual | {"author": author, "supplier_id": supplier_id} | fields)


async def opened(connection: Connection, owner: UUID, need_id: UUID, *more: Message) -> ExchangeSummary:
    """An exchange with A and B, opened with a word to both."""
    recipients = tuple(
        Recipient(supplier_id=each, name=f"Atelier {each.int}", siret=None, email="a@b.example", why="named")
        for each in (A, B)
    )
    exchange = ExchangeSummary(
        id=new_id(),
        need_id=need_id,
        subject="Volumes",
        lot_ids=("1",),
        channel="email",
        opened_at=NOW,
        recipients=recipients,
    )
    await insert_exchange(connection, owner, exchange, said(id=uuid7(NOW - timedelta(days=1), urandom(10))))
    for message in more:
        await insert_message(connection, exchange.id, message)
    return exchange


async def test_a_delivery_is_the_buyers_until_mail_carries_it(connection: Connection) -> None:
    owner, need_id = await need(connection)
    exchange = await opened(connection, owner, need_id, said("buyer", B), said("supplier", A))
    whole = await select_exchange(connection, owner, exchange.id)
    assert whole is not None
    first, second, _ = (message.id for message in whole.messages)
    mail = {"exchange_id": exchange.id, "message_id": first, "supplier_id": A, "address": "a@b.example"}
    await connection.execute(
        insert(message_mails).values(id=new_id(), queued_at=NOW, due_at=NOW, language="fr", **mail)
    )
    queued = await select_exchange(connection, owner, exchange.id)
    await connection.execute(
        update(message_mails).values(status="given_up", due_at=None, ended_at=LATER, failure="refused")
    )
    failed = await select_exchange(connection, owner, exchange.id)
    assert queued is not None
    assert failed is not None
    unknown = "unconfirmed"  # nobody said that the buyer is to bring it
    assert [(each.message_id, each.supplier_id, each.state) for each in queued.deliveries] == [
        (first, A, "queued"),
        (first, B, unknown),
        (second, B, unknown),
    ]
    assert [(each.state, each.at, each.failure) for each in failed.deliveries[:1]] == [
        ("undeliverable", LATER, "refused")
    ]


REFUSED = (
    "UPDATE messages SET body = 'x'",
    "UPDATE messages SET created_at = now()",
    "DELETE FROM messages",
    "TRUNCATE messages CASCADE",
    "UPDATE exchange_recipients SET supplier_id = gen_random_uuid()",
    "UPDATE exchange_recipients SET supplier_name = 'x'",
    "DELETE FROM exchange_recipients",
    "TRUNCATE exchange_recipients CASCADE",
    "UPDATE exchanges SET subject = 'x'",
    "DELETE FROM exchanges",
    "TRUNCATE exchanges CASCADE",
    "TRUNCATE needs CASCADE",
    "DELETE FROM needs",
)


UNLOCKING = (
    "ALTER TABLE messages DISABLE TRIGGER ALL",
    "DROP TRIGGER append_only ON messages",
    "CREATE OR REPLACE FUNCTION refuse_to_alter() RETURNS trigger LANGUAGE sql AS 'SELECT NULL'",
    "SET LOCAL session_replication_role = replica",
    "DROP TABLE messages CASCADE",
)


async def refuse(connection: Connection, statement: Executable) -> None:
    """Expect that the statement is refused for what it would do to rows."""
    with pytest.raises(IntegrityError):
        async with connection.begin_nested():
            await connection.execute(statement)


async def test_no_statement_alters_what_was_said(connection: Connection) -> None:
    """Not even one that says it purges the need, as long as the need has not ended."""
    owner, need_id = await need(connection)
    await opened(connection, owner, need_id, said("supplier", A))
    _, ended = await need(connection, status="closed", ended_at=NOW)
    for purged in ("", str(ended), str(need_id)):
        await connection.execute(select(func.set_config("vivier.purging", purged, True)))
        for statement in REFUSED:
            await refuse(connection, text(statement))


async def test_a_user_who_does_not_own_the_tables_cannot_unlock_them(connection: Connection) -> None:
    """The rights that docs/operating.md gives are enough to write, and too few to switch off what refuses changes."""
    owner, need_id = await need(connection)
    exchange = await opened(connection, owner, need_id)
    _, ended = await need(connection, status="closed", ended_at=NOW)
    await opened(connection, owner, ended)
    if not await connection.scalar(text("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")):
        pytest.skip("this user makes no other users")
    await connection.execute(text("CREATE ROLE vivier_test_server"))
    for right in re.findall(r"^GRANT .* TO vivier_server;$", OPERATING.read_text(), re.MULTILINE):
        await connection.execute(text(right.replace("vivier_server", "vivier_test_server")))
    await connection.execute(text("SET LOCAL ROLE vivier_test_server"))
    await insert_message(connection, exchange.id, said())
    await connection.execute(text("SELECT set_config('vivier.purging', CAST(:id AS text), true)"), {"id": str(ended)})
    for statement in (*REFUSED, *UNLOCKING):
        with pytest.raises(DBAPIError):
            async with connection.begin_nested():
                await connection.execute(text(statement))
    await connection.execute(text("CREATE TEMPORARY TABLE needs AS SELECT * FROM public.needs"))
    await connection.execute(text("UPDATE pg_temp.needs SET ended_at = created_at"))
    with pytest.raises(DBAPIError):
        async with connection.begin_nested():
            await connection.execute(select(func.purge_need(need_id, NOW, 0, "command", None)))
    # what they may do is purge a need that has ended, which notes itself
    await connection.execute(select(func.purge_need(ended, NOW, 0, "command", None)))
    journal = await connection.execute(text("SELECT action, object FROM audit_entries"))
    assert journal.all() == [("need.purged", f"need:{ended}")]


async def test_what_was_said_goes_once_its_need_has_ended(connection: Connection) -> None:
    """With corrections and publications, which refer to other messages; and that of other needs stays."""
    owner, need_id = await need(connection)
    asked = said("supplier", A, stance="question")
    mended = said("supplier", A, corrects=asked.id)
    shared = said("buyer", publishes=asked.id, question="?")
    await opened(connection, owner, need_id, asked, mended, shared)
    _, other = await need(connection)
    kept = await opened(connection, owner, other)

    purge = select(func.purge_need(need_id, NOW, 0, "command", None))
    await refuse(connection, purge)
    await connection.execute(update(needs).values(status="closed", ended_at=NOW))
    await connection.execute(purge)
    assert await exchanges_of(connection, owner, need_id) == []
    assert (await connection.execute(select(exchanges.c.id))).scalars().all() == [kept.id]
    await refuse(connection, text("DELETE FROM messages"))


NONSENSE: tuple[dict[str, Any], ...] = (
    {"supplier_id": UUID(int=12)},
    {"author": "supplier"},
    {"stance": "interested"},
    {"barriers": ("price",)},
    {"corrects": uuid4()},
    {"publishes": uuid4(), "question": "?"},
    {"question": "?"},
)


async def test_the_tables_take_no_nonsense(connection: Connection) -> None:
    """A message is corrected and published in its own exchange, and published once."""
    owner, need_id = await need(connection)
    asked = said("supplier", A, stance="question")
    exchange = await opened(connection, owner, need_id, asked, said(publishes=asked.id, question="?"))
    other = await opened(connection, owner, need_id)
    again = said(publishes=asked.id, question="?")
    elsewhere = ((other, again), (other, said("supplier", A, corrects=asked.id)))
    for into, message in ((exchange, again), *elsewhere, *((exchange, said(**fields)) for fields in NONSENSE)):
        with pytest.raises(IntegrityError):
            async with connection.begin_nested():
                await insert_message(connection, into.id, message)
    assert len((await connection.execute(select(messages))).all()) == 4


async def waiting(one: OpenedExchange, organisation_id: UUID | None = None) -> tuple[int, int]:
    """The numbers of unread messages and of open questions about the need."""
    found = await ask(one.engine, count_answers_due, organisation_id or one.organisation_id, [one.need_id])
    return found.unread[one.need_id], found.questions[one.need_id]


async def test_messages_are_unread_until_the_journal_says_so(engine: Engine) -> None:
    one = await exchange(engine)
    read = await one.hear(1)
    await one.hear(2, channel="phone")
    assert await waiting(one) == (1, 0)
    actor, about = Actor(one.organisation_id, "server"), f"exchange:{one.exchange.id}"
    await ask(engine, write_entry, actor, READ, about, NOW, detail={"message_id": str(read.id)})
    assert await waiting(one) == (0, 0)
    await one.hear(3, supplier_id=PAUL)
    assert await waiting(one) == (1, 0)
    assert await waiting(one, UUID(int=5)) == (0, 0)


async def test_a_question_is_open_until_it_is_answered_or_published(engine: Engine) -> None:
    one = await exchange(engine)
    asked = await one.hear(1, stance="question")
    corrected = await one.hear(2, stance="question", corrects=asked.id)
    other = await one.hear(3, stance="question", supplier_id=PAUL)
    assert (await waiting(one))[1] == 2
    await one.hear(4, author="buyer", publishes=corrected.id, question="Combien ?", supplier_id=None)
    assert (await waiting(one))[1] == 1
    await one.hear(5, author="buyer", supplier_id=PAUL, answers=())
    assert (await waiting(one))[1] == 1
    await one.hear(6, author="buyer", supplier_id=PAUL, answers=(other.id,))
    assert (await waiting(one))[1] == 0
    await one.hear(7, stance="question", supplier_id=PAUL)
    await one.hear(8, author="buyer", supplier_id=PAUL)
    assert (await waiting(one))[1] == 0


BOTH = ("anne@example.org", "paul@example.org")


async def claimed(told: OpenedExchange) -> list[ClaimedRow]:
    async with transaction(told.engine) as connection:
        return list(await claim_rows(connection, message_mails, uuid4(), LATER, LATER, 10))


async def tellings(told: OpenedExchange) -> list[OutgoingMessage | None]:
    mails = await claimed(told)
    async with transaction(told.engine) as connection:
        return [await select_outgoing_message(connection, mail) for mail in mails]


async def test_neither_words_nor_links_wait_in_the_outbox(engine: Engine) -> None:
    told = await exchange(engine, emails=BOTH)
    await told.say(NOW, body="Un secret")
    waiting = str(await execute(engine, select(message_mails)))
    assert ("secret" in waiting, "http" in waiting) == (False, False)


async def test_a_link_made_while_links_are_revoked_is_revoked_too(engine: Engine) -> None:
    """An e-mail that is being written meanwhile brings a link that leads nowhere."""
    told = await exchange(engine, emails=("anne@example.org", None))
    await told.say(NOW)
    (mail,) = await claimed(told)

    async with transaction(engine) as connection:
        assert await select_outgoing_message(connection, mail) is not None
        await insert_links(connection, told.exchange.id, {ANNE: "another"}, NOW, LATER)
        revoking = asyncio.create_task(ask(engine, revoke_links, told.exchange.id, ANNE, NOW))
        await lock_is_awaited(engine, "transactionid")
    await revoking
    assert await ask(engine, select_link, "another", NOW) is None


async def test_it_tells_who_asks_and_what_is_said(engine: Engine) -> None:
    told = await exchange(engine, emails=("anne@example.org", None))
    await told.say(LATER, body="Et le samedi ?", corrects=told.first.id)
    (telling,) = await tellings(told)
    assert telling == OutgoingMessage(
        buyer="Centre hospitalier de Vannes",
        purchase=Text("Collecte des biodéchets", "Collecte des biodéchets"),
        subject="Volumes et fréquences",
        body="Et le samedi ?",
        is_correction=True,
    )


async def test_a_published_question_is_told_without_who_asked(engine: Engine) -> None:
    told = await exchange(engine, emails=("anne@example.org", None))
    asked = await told.hear(0, PAUL, body="Quel tonnage ?")
    await told.say(LATER, body="12 t par an.", publishes=asked.id, question="Quel tonnage ?")
    (telling,) = await tellings(told)
    assert telling is not None
    assert (telling.question, telling.body, telling.is_first) == ("Quel tonnage ?", "12 t par an.", False)


DAYS = timedelta(days=60)


async def test_revoking_takes_away_all_links_of_a_recipient_and_stops_its_mail(engine: Engine) -> None:
    """It is shut out until it is given another link; nobody else is."""
    told = await exchange(engine, emails=BOTH)
    await told.say(NOW)
    async with transaction(engine) as connection:
        await insert_links(connection, told.exchange.id, {ANNE: "another"}, NOW, NOW + DAYS)
        assert await recipients_with_links_revoked(connection, told.exchange.id) == frozenset()
        assert await revoke_links(connection, told.exchange.id, ANNE, LATER)
        assert not await revoke_links(connection, told.exchange.id, ANNE, LATER), "nothing is left to be revoked"
        assert await recipients_with_links_revoked(connection, told.exchange.id) == {ANNE}
        found = [await select_link(connection, token, LATER) for token in (*told.tokens.values(), "another")]
        assert [each and each.supplier_id for each in found] == [None, PAUL, None]
        mails = {row.supplier_id: row for row in await connection.execute(select(message_mails))}
        await insert_links(connection, told.exchange.id, {ANNE: "a third"}, LATER, LATER + DAYS)
        assert await recipients_with_links_revoked(connection, told.exchange.id) == frozenset()
    assert (mails[ANNE].status, mails[ANNE].due_at, mails[PAUL].status) == ("cancelled", None, "waiting")
