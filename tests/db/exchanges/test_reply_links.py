"""A link is the right to one exchange, for a time, unless it is taken away."""

from datetime import datetime, timedelta

from sqlalchemy import select

from db.core.engine import Engine, transaction
from db.exchanges.reply_links import ReplyLink, insert_links, recipients_with_links_revoked, revoke_links, select_link
from db.schema.exchange_tables import message_mails, reply_links
from tests.db.exchanges.samples import ANNE, PAUL, OpenedExchange, exchange
from tests.db.suppliers.samples import LATER, NOW

DAYS = timedelta(days=60)


async def found(told: OpenedExchange, token: str, now: datetime = LATER) -> ReplyLink | None:
    async with transaction(told.engine) as connection:
        return await select_link(connection, token, now)


async def revoke(told: OpenedExchange) -> bool:
    async with transaction(told.engine) as connection:
        return await revoke_links(connection, told.exchange.id, ANNE, LATER)


async def test_a_token_leads_to_one_thread_as_one_recipient(engine: Engine) -> None:
    told = await exchange(engine)
    link = await found(told, told.tokens[ANNE])
    assert link is not None
    assert (link.exchange_id, link.supplier_id, link.need_id) == (told.exchange.id, ANNE, told.need_id)
    assert link.organisation_id == told.organisation_id


async def test_tokens_cannot_be_guessed_and_are_not_kept(engine: Engine) -> None:
    told = await exchange(engine)
    async with transaction(engine) as connection:
        kept = (await connection.execute(select(reply_links))).all()
    assert all(len(token) >= 43 for token in told.tokens.values())
    assert not [token for token in told.tokens.values() if token in str(kept)]


async def test_what_is_no_token_leads_nowhere(engine: Engine) -> None:
    told = await exchange(engine)
    for wrong in ("", told.tokens[ANNE][:-1], told.tokens[ANNE] + "a", "é\ud800"):
        assert await found(told, wrong) is None


async def test_a_link_ends_at_its_time(engine: Engine) -> None:
    told = await exchange(engine)
    assert await found(told, told.tokens[ANNE], NOW + DAYS - timedelta(seconds=1))
    assert await found(told, told.tokens[ANNE], NOW + DAYS) is None


async def test_revoking_takes_away_all_of_a_recipients_links_and_no_others(engine: Engine) -> None:
    told = await exchange(engine)
    async with transaction(engine) as connection:
        await insert_links(connection, told.exchange.id, {ANNE: "another"}, NOW, NOW + DAYS)
    assert await revoke(told)
    assert await found(told, told.tokens[ANNE]) is None
    assert await found(told, "another") is None
    assert await found(told, told.tokens[PAUL])
    assert not await revoke(told), "nothing is left to be revoked"


async def test_revoking_stops_mail_on_its_way(engine: Engine) -> None:
    told = await exchange(engine, emails=("anne@example.org", "paul@example.org"))
    await told.say(NOW)
    await revoke(told)
    async with transaction(engine) as connection:
        mails = {row.supplier_id: row for row in await connection.execute(select(message_mails))}
    assert (mails[ANNE].status, mails[ANNE].due_at, mails[PAUL].status) == ("cancelled", None, "waiting")


async def test_who_has_no_link_left_is_shut_out_until_given_another(engine: Engine) -> None:
    told = await exchange(engine)
    async with transaction(engine) as connection:
        assert await recipients_with_links_revoked(connection, told.exchange.id) == frozenset()
        await revoke_links(connection, told.exchange.id, ANNE, LATER)
        assert await recipients_with_links_revoked(connection, told.exchange.id) == {ANNE}
        await insert_links(connection, told.exchange.id, {ANNE: "another"}, LATER, LATER + DAYS)
        assert await recipients_with_links_revoked(connection, told.exchange.id) == frozenset()
