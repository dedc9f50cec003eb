"""Messages wait for those that can be written to, and tell what was said."""

import asyncio
from datetime import timedelta
from uuid import uuid4

from sqlalchemy import insert, select, text

from db.core.engine import Engine, transaction
from db.core.uuid7 import new_id
from db.delivery.outbox import ClaimedRow, claim_rows
from db.exchanges.reply_links import (
    insert_links,
    recipients_with_links_revoked,
    revoke_links,
    select_link,
    select_outgoing_message,
)
from db.schema.organisation_tables import message_mails, messages
from domain.exchanges.letter import OutgoingMessage
from domain.text.bilingual import Text
from tests.db.exchanges.samples import ANNE, PAUL, OpenedExchange, exchange
from tests.db.suppliers.samples import LATER, NOW

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
    async with transaction(engine) as connection:
        waiting = str((await connection.execute(select(message_mails))).all())
    assert "secret" not in waiting
    assert "http" not in waiting


async def test_a_link_made_while_links_are_revoked_is_revoked_too(engine: Engine) -> None:
    """An e-mail that is being written meanwhile brings a link that leads nowhere."""
    told = await exchange(engine, emails=("anne@example.org", None))
    await told.say(NOW)
    (mail,) = await claimed(told)

    async def revoke() -> None:
        async with transaction(engine) as connection:
            await revoke_links(connection, told.exchange.id, ANNE, NOW)

    async with transaction(engine) as connection:
        assert await select_outgoing_message(connection, mail) is not None
        await insert_links(connection, told.exchange.id, {ANNE: "another"}, NOW, LATER)
        revoking = asyncio.create_task(revoke())
        while not (revoking.done() or await somebody_waits(engine)):
            pass
    await revoking
    async with transaction(engine) as connection:
        assert await select_link(connection, "another", NOW) is None


async def somebody_waits(engine: Engine) -> bool:
    """Whether a transaction of this database waits for another one."""
    query = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with transaction(engine) as connection:
        return bool(await connection.scalar(query))


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
    asked = new_id(NOW)
    async with transaction(engine) as connection:
        row = {"id": asked, "exchange_id": told.exchange.id, "author": "supplier", "supplier_id": PAUL}
        said = {"body": "Quel tonnage ?", "barriers": [], "confidential": False, "channel": "portal"}
        await connection.execute(insert(messages).values(**row, **said, created_at=NOW))
    await told.say(LATER, body="12 t par an.", publishes=asked, question="Quel tonnage ?")
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
