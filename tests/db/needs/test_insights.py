"""What exchanges tell together: barriers as last corrected, who answered, and when."""

from datetime import timedelta
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import update

from db.core.engine import Engine, transaction
from db.core.uuid7 import new_id
from db.exchanges.exchanges import insert_exchange, insert_handovers, write_handovers
from db.needs.insights import barrier_figures, barrier_notes, exchanges_about, needs_with_supply, reply_figures
from db.needs.needs import select_need
from db.needs.shortlists import insert_shortlist
from db.schema.organisation_tables import message_mails
from domain.insights import FirstAnswer
from tests.db.exchanges.samples import ANNE, PAUL, OpenedExchange, exchange
from tests.db.suppliers.samples import NOW, ask
from tests.domain.equal_treatment.samples import frozen


@pytest.fixture
async def asked(engine: Engine) -> OpenedExchange:
    return await exchange(engine)


async def barriers(one: OpenedExchange) -> list[tuple[str, int, int, int]]:
    found = await ask(one.engine, barrier_figures, one.organisation_id, [one.exchange.id])
    return [(each.barrier, each.replies, each.needs, each.suppliers) for each in found]


async def test_a_barrier_counts_once_for_a_supplier_in_a_thread(asked: OpenedExchange) -> None:
    await asked.hear(1, barriers=("volume", "price"))
    await asked.hear(2, barriers=("volume",))
    await asked.hear(3, PAUL, barriers=("volume", "distance"))
    assert await barriers(asked) == [("volume", 2, 1, 2), ("distance", 1, 1, 1), ("price", 1, 1, 1)]


async def test_a_corrected_message_counts_as_it_was_last_corrected(asked: OpenedExchange) -> None:
    first = await asked.hear(1, barriers=("price",))
    second = await asked.hear(2, barriers=("volume",), corrects=first.id)
    await asked.hear(3, barriers=("deadline",), corrects=second.id)
    assert await barriers(asked) == [("deadline", 1, 1, 1)]
    await asked.hear(4, barriers=(), corrects=first.id)
    assert await barriers(asked) == []


async def test_notes_in_confidence_are_counted_and_not_told(asked: OpenedExchange) -> None:
    await asked.hear(1, barriers=("other",), barriers_note="Le quai est trop haut")
    secret = await asked.hear(2, PAUL, barriers=("other",), barriers_note="Nous fermons", confidential=True)
    notes = await ask(asked.engine, barrier_notes, asked.organisation_id, [asked.exchange.id])
    assert ([each.note for each in notes.items], notes.total, notes.confidential) == (["Le quai est trop haut"], 2, 1)
    await asked.hear(3, PAUL, barriers=("other",), barriers_note="Nous fermons en mai", corrects=secret.id)
    notes = await ask(asked.engine, barrier_notes, asked.organisation_id, [asked.exchange.id])
    assert (len(notes.items), notes.total, notes.confidential) == (1, 2, 1)


async def test_the_first_answer_of_each_recipient_counts(asked: OpenedExchange) -> None:
    await asked.hear(4)
    await asked.hear(9)
    await asked.hear(2, PAUL)
    found = await ask(asked.engine, reply_figures, asked.organisation_id, [asked.exchange.id])
    assert (found.contacted, found.answered, found.rate) == (2, 2, 1.0)
    assert found.first_answer_hours.median == 3.0
    assert found.first_answer_hours.p90 == pytest.approx(3.8)


async def test_who_could_not_be_reached_was_not_contacted(engine: Engine) -> None:
    """Unless it answered all the same."""
    one = await exchange(engine, emails=("anne@example.org", "paul@example.org"))
    await one.say(NOW + timedelta(minutes=1))
    async with transaction(one.engine) as connection:
        lost = update(message_mails).where(message_mails.c.supplier_id == PAUL)
        await connection.execute(lost.values(status="given_up", due_at=None, ended_at=NOW))
        found = await reply_figures(connection, one.organisation_id, [one.exchange.id])
        assert (found.contacted, found.answered, found.undelivered, found.pending, found.rate) == (0, 0, 1, 1, None)
        arrived = update(message_mails).where(message_mails.c.supplier_id == ANNE)
        await connection.execute(arrived.values(status="delivered", due_at=None, ended_at=NOW))
        found = await reply_figures(connection, one.organisation_id, [one.exchange.id])
        assert (found.contacted, found.answered, found.undelivered, found.pending, found.rate) == (1, 0, 1, 0, 0.0)
        assert found.first_answer_hours == FirstAnswer(None, None)
    await one.hear(5, PAUL)
    found = await ask(one.engine, reply_figures, one.organisation_id, [one.exchange.id])
    assert (found.contacted, found.answered, found.undelivered) == (2, 1, 0)


async def test_who_was_brought_the_message_is_contacted_once_that_is_confirmed(asked: OpenedExchange) -> None:
    async def figures() -> tuple[int, int, int]:
        found = await reply_figures(connection, asked.organisation_id, [asked.exchange.id])
        return found.contacted, found.undelivered, found.pending

    async with transaction(asked.engine) as connection:
        assert await figures() == (2, 0, 0)  # of before deliveries were confirmed
        await insert_handovers(connection, asked.exchange.id, asked.first, (ANNE, PAUL))
        assert await figures() == (0, 0, 2)
        key = asked.exchange.id, asked.first.id
        await write_handovers(connection, *key, [ANNE], "letter", NOW.date(), NOW)
        assert await figures() == (1, 0, 1)


async def test_a_need_is_told_with_its_latest_shortlist_and_of_its_time(asked: OpenedExchange) -> None:
    async with transaction(asked.engine) as connection:
        need = await select_need(connection, asked.organisation_id, asked.need_id)
        assert need is not None
        for number, letters in ((1, "A"), (2, "AB")):
            version = msgspec.structs.replace(frozen({str(number): letters}, ()), number=number)
            await insert_shortlist(connection, asked.organisation_id, need, version, version.body)
        later = NOW + timedelta(seconds=1)
        periods = {(None, None): True, (NOW, later): True, (later, None): False, (None, NOW): False}
        for period, is_told in periods.items():
            batches = needs_with_supply(connection, asked.organisation_id, *period)
            found = [(each.id, each.lots[0].id) async for some in batches for each in some]
            assert found == ([(asked.need_id, "2")] if is_told else []), period


async def test_threads_of_other_needs_stay_out(asked: OpenedExchange) -> None:
    other = msgspec.structs.replace(asked.exchange, id=new_id(NOW), lot_ids=("1",))
    first = msgspec.structs.replace(asked.first, id=new_id(NOW))
    await ask(asked.engine, insert_exchange, asked.organisation_id, other, first)
    found = await ask(asked.engine, exchanges_about, asked.organisation_id, [asked.need_id])
    assert {(id_, lot_ids) for id_, _, lot_ids in found} == {(asked.exchange.id, ()), (other.id, ("1",))}
    assert await ask(asked.engine, exchanges_about, asked.organisation_id, [UUID(int=99)]) == []
