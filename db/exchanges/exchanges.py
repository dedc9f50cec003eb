"""Exchanges with suppliers: opened, added to, read. No message is ever changed.

Writers have locked the need (`db.needs.needs.lock_need`), so that nothing is added while it is being published.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Row, Table, func, insert, or_, select, true

from db.core.engine import Connection
from db.schema.exchange_tables import exchange_recipients, exchanges, message_handovers, message_mails, messages
from domain.exchanges.deliveries import CONFIRMED_STATE
from domain.exchanges.exchange import Delivery, DeliveryState, Exchange, ExchangeSummary, Message, Recipient
from domain.text.typography import PARIS

_STATES: dict[str, DeliveryState] = {
    "waiting": "queued",
    "delivered": "sent",
    "given_up": "undeliverable",
    "cancelled": "cancelled",
}
_COLUMNS = [column for column in exchanges.c if column.name in ExchangeSummary.__struct_fields__]


async def insert_exchange(
    connection: Connection, organisation_id: UUID, exchange: ExchangeSummary, first: Message
) -> None:
    """Store a new exchange with its first message. The caller has locked the need, which is the organisation's."""
    row = {column.name: getattr(exchange, column.name) for column in _COLUMNS}
    await connection.execute(insert(exchanges).values(**row, organisation_id=organisation_id))
    recipients = [msgspec.structs.asdict(each) | {"exchange_id": exchange.id} for each in exchange.recipients]
    await connection.execute(insert(exchange_recipients), recipients)
    await insert_message(connection, exchange.id, first)


async def insert_message(connection: Connection, exchange_id: UUID, message: Message) -> None:
    """Store a message. The caller has locked the need; the message's id is later than those of the messages before."""
    await connection.execute(insert(messages).values(**msgspec.structs.asdict(message), exchange_id=exchange_id))


async def select_need_id(connection: Connection, organisation_id: UUID, exchange_id: UUID) -> UUID | None:
    """The id of the need that the organisation's exchange is about; None where it has no such exchange."""
    query = select(exchanges.c.need_id).filter_by(id=exchange_id, organisation_id=organisation_id)
    need: UUID | None = (await connection.execute(query)).scalar_one_or_none()
    return need


async def select_exchange(connection: Connection, organisation_id: UUID, exchange_id: UUID) -> Exchange | None:
    """The organisation's exchange; None where it has no such one."""
    found = await _whole_exchanges(connection, {"organisation_id": organisation_id, "id": exchange_id})
    return found[0] if found else None


async def select_exchange_for(
    connection: Connection, organisation_id: UUID, exchange_id: UUID, supplier_id: UUID
) -> Exchange | None:
    """The exchange as far as this recipient may see it, itself as the only recipient; None for any other supplier.

    Messages of others, and those to another recipient alone, are not even read. Without deliveries.
    """
    found = await _exchanges(connection, {"organisation_id": organisation_id, "id": exchange_id})
    recipients = tuple(each for exchange in found for each in exchange.recipients if each.supplier_id == supplier_id)
    if not recipients:
        return None
    visible = or_(messages.c.supplier_id == supplier_id, messages.c.supplier_id.is_(None))
    query = select(messages).where(messages.c.exchange_id == exchange_id, visible).order_by(messages.c.id)
    written = msgspec.convert((await connection.execute(query)).all(), tuple[Message, ...], from_attributes=True)
    visible_parts = {"recipients": recipients, "messages": written, "deliveries": ()}
    return Exchange(**msgspec.structs.asdict(found[0]) | visible_parts)


async def last_message_at(connection: Connection, exchange_id: UUID) -> datetime:
    """The time of the last message of the exchange; there is at least the one that opened it."""
    query = select(func.max(messages.c.created_at)).where(messages.c.exchange_id == exchange_id)
    moment: datetime = (await connection.execute(query)).scalar_one()
    return moment


async def exchanges_of(connection: Connection, organisation_id: UUID, need_id: UUID) -> Sequence[Exchange]:
    """All exchanges about a need of the organisation, the oldest first."""
    return await _whole_exchanges(connection, {"organisation_id": organisation_id, "need_id": need_id})


async def subjects_of(connection: Connection, organisation_id: UUID, need_id: UUID) -> dict[UUID, str]:
    """The subjects of the exchanges about a need of the organisation, by their ids."""
    query = select(exchanges.c.id, exchanges.c.subject).filter_by(organisation_id=organisation_id, need_id=need_id)
    return {row.id: row.subject for row in await connection.execute(query)}


async def select_exchanges(
    connection: Connection, organisation_id: UUID, need_id: UUID, after: UUID | None, limit: int
) -> Sequence[ExchangeSummary]:
    """Up to `limit` exchanges about a need, the oldest first, after the one of the id `after`."""
    return await _exchanges(connection, {"organisation_id": organisation_id, "need_id": need_id}, after, limit)


async def _whole_exchanges(connection: Connection, which: Mapping[str, UUID]) -> list[Exchange]:
    found = await _exchanges(connection, which)
    ids = [each.id for each in found]
    written = await _parts(connection, messages, ids, messages.c.id)
    mails = await _parts(connection, message_mails, ids, message_mails.c.id)
    brought = await _parts(connection, message_handovers, ids, message_handovers.c.message_id)
    return [_whole(each, written.get(each.id, ()), mails.get(each.id, ()), brought.get(each.id, ())) for each in found]


async def _exchanges(
    connection: Connection, which: Mapping[str, UUID], after: UUID | None = None, limit: int | None = None
) -> list[ExchangeSummary]:
    """The exchanges whose columns have the values `which`, in the order of their ids."""
    later = exchanges.c.id > after if after is not None else true()
    query = select(*_COLUMNS).filter_by(**which).where(later).order_by(exchanges.c.id).limit(limit)
    rows = (await connection.execute(query)).all()
    ids, order = [row.id for row in rows], exchange_recipients.c.supplier_id
    recipients = await _parts(connection, exchange_recipients, ids, order)
    return [
        ExchangeSummary(
            **row._asdict(),
            recipients=msgspec.convert(recipients.get(row.id, ()), tuple[Recipient, ...], from_attributes=True),
        )
        for row in rows
    ]


async def _parts(
    connection: Connection, table: Table, ids: Sequence[UUID], order: ColumnElement[Any]
) -> dict[UUID, list[Row[Any]]]:
    query = select(table).where(table.c.exchange_id == func.any(list(ids))).order_by(order)
    found: dict[UUID, list[Row[Any]]] = {}
    for row in await connection.execute(query):
        found.setdefault(row.exchange_id, []).append(row)
    return found


def _whole(
    exchange: ExchangeSummary, rows: Sequence[Row[Any]], mails: Sequence[Row[Any]], brought: Sequence[Row[Any]]
) -> Exchange:
    mailed, handed = ({(row.message_id, row.supplier_id): row for row in some} for some in (mails, brought))
    written = msgspec.convert(rows, tuple[Message, ...], from_attributes=True)
    deliveries = tuple(
        _delivery(message.id, recipient.supplier_id, mailed.get(key), handed.get(key))
        for message in written
        if message.author == "buyer"
        for recipient in exchange.recipients
        if message.supplier_id in {None, recipient.supplier_id} and (key := (message.id, recipient.supplier_id))
    )
    return Exchange(**msgspec.structs.asdict(exchange), messages=written, deliveries=deliveries)


def _delivery(message_id: UUID, supplier_id: UUID, mail: Row[Any] | None, handover: Row[Any] | None) -> Delivery:
    """The state of a message to a recipient: that which the buyer confirmed, else the e-mail's; without an e-mail, the
    buyer is to bring it, or nothing is known of it."""
    if handover is not None and (mail is None or handover.handed_on is not None):
        state: DeliveryState = "to_post" if handover.handed_on is None else CONFIRMED_STATE[handover.way]
        return Delivery(message_id, supplier_id, state, handover.way, handover.handed_on)
    if mail is None:
        return Delivery(message_id, supplier_id, "unconfirmed")
    day = None if mail.ended_at is None else mail.ended_at.astimezone(PARIS).date()
    state = _STATES[mail.status]
    return Delivery(message_id, supplier_id, state, "email", day, mail.ended_at, mail.failure, by_server=True)
