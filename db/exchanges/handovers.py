"""Buyers' messages that the buyer brings to recipients: what is to be brought, and what the buyer says it brought."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from db.core.engine import Connection
from db.schema.exchange_tables import message_handovers, message_mails
from domain.exchanges.deliveries import TOLD
from domain.exchanges.exchange import Message, Way
from domain.text.typography import PARIS


async def insert_handovers(
    connection: Connection, exchange_id: UUID, message: Message, supplier_ids: Iterable[UUID]
) -> Sequence[UUID]:
    """Store that the message goes by the buyer to those of these recipients for whom no e-mail was queued.

    A letter waits to be posted; a call, a talk or a portal is noted as it took place, on the day of the message: those
    recipients are returned.
    """
    mailed = select(message_mails.c.supplier_id).where(message_mails.c.message_id == message.id)
    by_mail = set((await connection.execute(mailed)).scalars())
    # without an e-mail, the buyer sends a letter
    way = "letter" if message.channel == "email" else message.channel
    common: dict[str, object] = {"exchange_id": exchange_id, "message_id": message.id, "way": way}
    if way in TOLD:
        day = message.created_at.astimezone(PARIS).date()
        common |= {"handed_on": day, "confirmed_at": message.created_at}
    brought = [each for each in supplier_ids if each not in by_mail]
    if brought:
        await connection.execute(insert(message_handovers), [common | {"supplier_id": each} for each in brought])
    return brought if way in TOLD else ()


async def write_handovers(
    connection: Connection,
    exchange_id: UUID,
    message_id: UUID,
    supplier_ids: Collection[UUID],
    way: Way,
    handed_on: date,
    confirmed_at: datetime,
) -> None:
    """Store that the buyer brought the message to these recipients in this way on that day."""
    told = {"way": way, "handed_on": handed_on, "confirmed_at": confirmed_at}
    rows = [
        {"exchange_id": exchange_id, "message_id": message_id, "supplier_id": each, **told} for each in supplier_ids
    ]
    write = insert(message_handovers)
    changed = {name: write.excluded[name] for name in told}
    own = [message_handovers.c.message_id, message_handovers.c.supplier_id]
    await connection.execute(write.on_conflict_do_update(index_elements=own, set_=changed), rows)
