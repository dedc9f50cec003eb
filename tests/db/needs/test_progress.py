"""The progress of a need, as its exchanges say."""

from datetime import timedelta

from db.core.engine import Engine, transaction
from db.core.uuid7 import new_id
from db.exchanges.exchanges import insert_message
from db.exchanges.handovers import insert_handovers, write_handovers
from db.needs.progress import progress_of
from domain.exchanges.exchange import Channel, Message
from tests.db.exchanges.samples import ANNE, PAUL, exchange
from tests.db.suppliers.samples import NOW
from tests.domain.exchanges.samples import PLAIN


async def test_what_waits_for_the_buyer_is_neither_confirmed_nor_answered(engine: Engine) -> None:
    one = await exchange(engine)
    async with transaction(engine) as connection:

        async def waiting() -> int:
            return (await progress_of(connection, one.organisation_id, [one.need_id]))[one.need_id].to_deliver

        assert await waiting() == 0
        await insert_handovers(connection, one.exchange.id, one.first, (ANNE, PAUL))
        assert await waiting() == 2
        await write_handovers(connection, one.exchange.id, one.first.id, [ANNE], "letter", NOW.date(), NOW)
        assert await waiting() == 1
        at = NOW + timedelta(hours=1)
        said = {"author": "supplier", "supplier_id": PAUL, "body": "Oui", "channel": "portal", "created_at": at}
        await insert_message(connection, one.exchange.id, Message(**PLAIN | said | {"id": new_id(at)}))
        assert await waiting() == 0


async def test_an_answer_noted_by_the_buyer_shows_that_of_the_opening_alone(engine: Engine) -> None:
    """As the exchange, the matrix and the report say it; an answer by the link shows all that was sent before."""
    one = await exchange(engine)
    async with transaction(engine) as connection:

        async def written(hours: int, **said: object) -> Message:
            at = NOW + timedelta(hours=hours)
            message = Message(**PLAIN | said | {"id": new_id(at), "created_at": at})
            await insert_message(connection, one.exchange.id, message)
            return message

        async def waiting_after(hours: int, channel: Channel) -> int:
            await written(hours, author="supplier", supplier_id=PAUL, body="Oui", channel=channel)
            return (await progress_of(connection, one.organisation_id, [one.need_id]))[one.need_id].to_deliver

        for each in (
            one.first,
            await written(1, author="buyer", supplier_id=None, body="Et en mai ?", channel="email"),
        ):
            await insert_handovers(connection, one.exchange.id, each, (PAUL,))
        assert await waiting_after(2, "phone") == 1
        assert await waiting_after(3, "portal") == 0
