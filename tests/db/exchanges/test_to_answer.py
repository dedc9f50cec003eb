"""What is to be read and answered about needs: as the exchanges themselves say it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from db.core.engine import Engine, transaction
from db.core.uuid7 import new_id
from db.exchanges.exchanges import insert_message
from db.exchanges.to_answer import READ, to_answer
from db.journal.entries import write_entry
from domain.audit import Actor
from domain.exchanges.exchange import Message
from tests.db.exchanges.samples import ANNE, PAUL, OpenedExchange, exchange
from tests.db.suppliers.samples import NOW
from tests.domain.exchanges.samples import PLAIN


async def say(one: OpenedExchange, hours: int, **fields: Any) -> Message:
    at = NOW + timedelta(hours=hours)
    usual: dict[str, Any] = {"id": new_id(at), "author": "supplier", "supplier_id": ANNE, "created_at": at}
    said = Message(**PLAIN | usual | {"body": "…", "channel": "portal"} | fields)
    async with transaction(one.engine) as connection:
        await insert_message(connection, one.exchange.id, said)
    return said


async def waiting(one: OpenedExchange, organisation_id: UUID | None = None) -> tuple[int, int]:
    """The numbers of unread messages and of open questions about the need."""
    async with transaction(one.engine) as connection:
        found = await to_answer(connection, organisation_id or one.organisation_id, [one.need_id])
    return found.unread[one.need_id], found.questions[one.need_id]


async def test_messages_are_unread_until_the_journal_says_so(engine: Engine) -> None:
    one = await exchange(engine)
    read = await say(one, 1)
    await say(one, 2, channel="phone")
    assert await waiting(one) == (1, 0)
    async with transaction(engine) as connection:
        actor, detail = Actor(one.organisation_id, "server"), {"message_id": str(read.id)}
        await write_entry(connection, actor, READ, f"exchange:{one.exchange.id}", NOW, detail=dict(detail))
    assert await waiting(one) == (0, 0)
    await say(one, 3, supplier_id=PAUL)
    assert await waiting(one) == (1, 0)
    assert await waiting(one, UUID(int=5)) == (0, 0)


async def test_a_question_is_open_until_it_is_answered_or_published(engine: Engine) -> None:
    one = await exchange(engine)
    asked = await say(one, 1, stance="question")
    corrected = await say(one, 2, stance="question", corrects=asked.id)
    other = await say(one, 3, stance="question", supplier_id=PAUL)
    assert (await waiting(one))[1] == 2
    await say(one, 4, author="buyer", publishes=corrected.id, question="Combien ?", supplier_id=None)
    assert (await waiting(one))[1] == 1
    await say(one, 5, author="buyer", supplier_id=PAUL, answers=())
    assert (await waiting(one))[1] == 1
    await say(one, 6, author="buyer", supplier_id=PAUL, answers=(other.id,))
    assert (await waiting(one))[1] == 0
    await say(one, 7, stance="question", supplier_id=PAUL)
    await say(one, 8, author="buyer", supplier_id=PAUL)
    assert (await waiting(one))[1] == 0
