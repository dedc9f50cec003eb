"""Exchanges as they are kept: opened, added to, read. What was said is never changed.

Writers hold the need (`db.needs.needs.hold_need`), so that nothing is said while it is published.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Row, Table, delete, func, insert, or_, select

from db.core.engine import Connection
from db.schema.exchange_tables import exchange_recipients, exchanges, message_mails, messages
from db.schema.supplier_tables import suppliers
from db.suppliers.write import survivors
from domain.exchanges.exchange import Delivery, DeliveryState, Exchange, ExchangeSummary, Message, Recipient
from domain.suppliers.supplier import Supplier

_STATES: dict[str, DeliveryState] = {
    "waiting": "queued",
    "delivered": "sent",
    "given_up": "failed",
    "cancelled": "cancelled",
}


async def open_exchange(
    connection: Connection, organisation_id: UUID, exchange: ExchangeSummary, first: Message
) -> None:
    """Keep a new exchange with its first message. The need is held, and is the organisation's."""
    row = {name: getattr(exchange, name) for name in ("id", "need_id", "subject", "lot_ids", "channel", "opened_at")}
    await connection.execute(insert(exchanges).values(**row, organisation_id=organisation_id))
    rows = [
        {
            "exchange_id": exchange.id,
            "supplier_id": each.supplier_id,
            "supplier_name": each.name,
            "siret": each.siret,
            "email": each.email,
            "why": each.why,
        }
        for each in exchange.recipients
    ]
    await connection.execute(insert(exchange_recipients), rows)
    await add_message(connection, exchange.id, first)


async def add_message(connection: Connection, exchange_id: UUID, message: Message) -> None:
    """Keep a message of an exchange whose need is held. Its id is later than those of the messages before it."""
    row = {name: getattr(message, name) for name in Message.__struct_fields__}
    await connection.execute(insert(messages).values(**row, exchange_id=exchange_id))


async def need_of(connection: Connection, organisation_id: UUID, exchange_id: UUID) -> UUID | None:
    """The need that the organisation's exchange is about; None where it has no such exchange."""
    own = exchanges.c.id == exchange_id, exchanges.c.organisation_id == organisation_id
    need: UUID | None = (await connection.execute(select(exchanges.c.need_id).where(*own))).scalar_one_or_none()
    return need


async def get_exchange(connection: Connection, organisation_id: UUID, exchange_id: UUID) -> Exchange | None:
    """The organisation's exchange; None where it has no such one."""
    found = await _whole_exchanges(
        connection, [exchanges.c.id == exchange_id, exchanges.c.organisation_id == organisation_id]
    )
    return found[0] if found else None


async def exchange_seen_by(
    connection: Connection, organisation_id: UUID, exchange_id: UUID, supplier_id: UUID
) -> Exchange | None:
    """As much of the exchange as this recipient may know, itself as the only recipient; None where it is none.

    What others said, and what was told them alone, is not even read. Without deliveries.
    """
    own = [exchanges.c.id == exchange_id, exchanges.c.organisation_id == organisation_id]
    for exchange in await _exchanges(connection, own, None):
        recipients = tuple(each for each in exchange.recipients if each.supplier_id == supplier_id)
        if not recipients:
            return None
        theirs = or_(messages.c.supplier_id == supplier_id, messages.c.supplier_id.is_(None))
        query = select(messages).where(messages.c.exchange_id == exchange_id, theirs).order_by(messages.c.id)
        said = tuple(_message(row) for row in await connection.execute(query))
        fields = msgspec.structs.asdict(exchange) | {"recipients": recipients}
        return Exchange(**fields, messages=said, deliveries=())
    return None


async def last_said(connection: Connection, exchange_id: UUID) -> datetime | None:
    """When the last message of the exchange was written."""
    query = select(func.max(messages.c.created_at)).where(messages.c.exchange_id == exchange_id)
    moment: datetime | None = (await connection.execute(query)).scalar_one()
    return moment


async def exchanges_of(connection: Connection, organisation_id: UUID, need_id: UUID) -> Sequence[Exchange]:
    """All exchanges about a need of the organisation, the oldest first."""
    return await _whole_exchanges(
        connection, [exchanges.c.need_id == need_id, exchanges.c.organisation_id == organisation_id]
    )


async def page_of_exchanges(
    connection: Connection, organisation_id: UUID, need_id: UUID, after: UUID | None, limit: int
) -> Sequence[ExchangeSummary]:
    """Up to `limit` exchanges about a need, the oldest first, after the one of the id `after`."""
    conditions = [exchanges.c.need_id == need_id, exchanges.c.organisation_id == organisation_id]
    if after is not None:
        conditions.append(exchanges.c.id > after)
    return await _exchanges(connection, conditions, limit)


async def suppliers_by_id(connection: Connection, supplier_ids: Iterable[UUID]) -> dict[UUID, Supplier]:
    """The supplier that each id stands for in the directory now; ids of none are absent."""
    living = await survivors(connection, supplier_ids)
    query = select(suppliers.c.id, suppliers.c.document).where(
        suppliers.c.id == func.any(list(set(living.values()))), ~suppliers.c.deleted
    )
    found = {row.id: row.document for row in await connection.execute(query)}
    return {asked: found[survivor] for asked, survivor in living.items() if survivor in found}


async def purge_exchanges(connection: Connection, need_id: UUID) -> int:
    """Delete all that was said about a need, once the time for keeping it is over; how many exchanges that was.

    The database refuses unless the need has ended, and whenever else somebody deletes. Commit it with the end of the
    need itself, or with a note of it in the journal.
    """
    await connection.execute(select(func.set_config("vivier.purging", str(need_id), True)))
    own = select(exchanges.c.id).where(exchanges.c.need_id == need_id).scalar_subquery()
    for table in (messages, exchange_recipients):
        await connection.execute(delete(table).where(table.c.exchange_id.in_(own)))
    gone = await connection.execute(delete(exchanges).where(exchanges.c.need_id == need_id).returning(exchanges.c.id))
    purged = len(gone.all())
    await connection.execute(select(func.set_config("vivier.purging", "", True)))
    return purged


async def _whole_exchanges(connection: Connection, conditions: Sequence[ColumnElement[bool]]) -> list[Exchange]:
    found = await _exchanges(connection, conditions, None)
    ids = [each.id for each in found]
    said = await _parts(connection, messages, ids, messages.c.id)
    mails = await _parts(connection, message_mails, ids, message_mails.c.id)
    return [_whole(each, said.get(each.id, []), mails.get(each.id, [])) for each in found]


async def _exchanges(
    connection: Connection, conditions: Sequence[ColumnElement[bool]], limit: int | None
) -> list[ExchangeSummary]:
    query = select(exchanges).where(*conditions).order_by(exchanges.c.id).limit(limit)
    rows = (await connection.execute(query)).all()
    recipients = await _parts(
        connection, exchange_recipients, [row.id for row in rows], exchange_recipients.c.supplier_id
    )
    return [
        ExchangeSummary(
            id=row.id,
            need_id=row.need_id,
            subject=row.subject,
            lot_ids=tuple(row.lot_ids),
            channel=row.channel,
            opened_at=row.opened_at,
            recipients=tuple(_recipient(each) for each in recipients.get(row.id, ())),
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


def _recipient(row: Row[Any]) -> Recipient:
    return Recipient(supplier_id=row.supplier_id, name=row.supplier_name, siret=row.siret, email=row.email, why=row.why)


def _whole(exchange: ExchangeSummary, said: Sequence[Row[Any]], mails: Sequence[Row[Any]]) -> Exchange:
    """Of a buyer's message to a recipient without mail, nobody but the buyer knows whether it arrived."""
    mailed = {(row.message_id, row.supplier_id): row for row in mails}
    words = tuple(_message(row) for row in said)
    deliveries = tuple(
        _delivery(message, recipient, mailed.get((message.id, recipient.supplier_id)))
        for message in words
        if message.author == "buyer"
        for recipient in exchange.recipients
        if message.supplier_id in {None, recipient.supplier_id}
    )
    return Exchange(**msgspec.structs.asdict(exchange), messages=words, deliveries=deliveries)


def _message(row: Row[Any]) -> Message:
    values = {name: getattr(row, name) for name in Message.__struct_fields__}
    return Message(**values | {"barriers": tuple(row.barriers)})


def _delivery(message: Message, recipient: Recipient, mail: Row[Any] | None) -> Delivery:
    if mail is None:
        return Delivery(message.id, recipient.supplier_id, "to_be_delivered_by_you")
    return Delivery(message.id, recipient.supplier_id, _STATES[mail.status], mail.ended_at, mail.failure)
