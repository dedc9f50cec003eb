"""Exchanges with suppliers: their messages, which never change, and how these reach recipients.

Writers have locked the need (`db.needs.needs.lock_need`), so that nothing is added while it is being published.

Some messages the buyer brings to recipients: what is to be brought, and what the buyer says it brought. Messages of
suppliers about needs that nobody of the organisation has read or answered are read for many needs at once.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Row, Table, func, insert, literal, or_, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from db.core.engine import Connection, bind, is_above, read_all, read_grouped
from db.schema.organisation_tables import exchange_recipients, exchanges, message_handovers, message_mails, messages
from domain.exchanges.deliveries import CONFIRMED_STATE, TOLD
from domain.exchanges.exchange import Delivery, DeliveryState, Exchange, ExchangeSummary, Message, Recipient, Way
from domain.exchanges.rules import open_questions
from domain.text.bilingual import PARIS

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
    bind(connection, f"recipients:{exchange.id}", f"reply_links:{exchange.id}")
    await insert_message(connection, exchange.id, first)


async def insert_message(connection: Connection, exchange_id: UUID, message: Message) -> None:
    """Store a message. The caller has locked the need; the message's id is later than those of the messages before."""
    await connection.execute(insert(messages).values(**msgspec.structs.asdict(message), exchange_id=exchange_id))


async def select_need_id(connection: Connection, organisation_id: UUID, exchange_id: UUID) -> UUID | None:
    """The id of the need that the organisation's exchange is about; None where it has no such exchange."""
    query = select(exchanges.c.need_id).filter_by(id=exchange_id, organisation_id=organisation_id)
    return await connection.scalar(query)


async def select_exchange(connection: Connection, organisation_id: UUID, exchange_id: UUID) -> Exchange | None:
    """The organisation's exchange; None where there is none of that id."""
    found = await _whole_exchanges(connection, {"organisation_id": organisation_id, "id": exchange_id})
    return found[0] if found else None


async def select_exchange_for(
    connection: Connection, organisation_id: UUID, exchange_id: UUID, supplier_id: UUID
) -> Exchange | None:
    """The part of an exchange that one recipient may see; None where the supplier is no recipient.

    Messages of others, and those to another recipient alone, are not even read. Without deliveries.
    """
    found = await _exchanges(connection, {"organisation_id": organisation_id, "id": exchange_id})
    recipients = tuple(each for exchange in found for each in exchange.recipients if each.supplier_id == supplier_id)
    if not recipients:
        return None
    visible = or_(messages.c.supplier_id == supplier_id, messages.c.supplier_id.is_(None))
    query = select(messages).where(messages.c.exchange_id == exchange_id, visible).order_by(messages.c.id)
    written = tuple(await read_all(connection, query, Message))
    visible_parts = {"recipients": recipients, "messages": written, "deliveries": ()}
    return Exchange(**msgspec.structs.asdict(found[0]) | visible_parts)


async def last_message_at(connection: Connection, exchange_id: UUID) -> datetime:
    """The time of the last message of an exchange, which has at least the one that opened it."""
    query = select(func.max(messages.c.created_at)).where(messages.c.exchange_id == exchange_id)
    moment: datetime = (await connection.execute(query)).scalar_one()
    return moment


async def exchanges_of(connection: Connection, organisation_id: UUID, need_id: UUID) -> Sequence[Exchange]:
    """All exchanges about a need of the organisation, the oldest first."""
    return await _whole_exchanges(connection, {"organisation_id": organisation_id, "need_id": need_id})


async def subjects_of(connection: Connection, organisation_id: UUID, need_id: UUID) -> dict[UUID, str]:
    """The subjects of the exchanges about a need of the organisation, by id of the exchange."""
    query = select(exchanges.c.id, exchanges.c.subject).filter_by(organisation_id=organisation_id, need_id=need_id)
    return {row.id: row.subject for row in await connection.execute(query)}


async def select_exchanges(
    connection: Connection, organisation_id: UUID, need_id: UUID, after: UUID | None, limit: int
) -> Sequence[ExchangeSummary]:
    """Up to `limit` exchanges about a need with ids after `after`, the oldest first."""
    return await _exchanges(connection, {"organisation_id": organisation_id, "need_id": need_id}, after, limit)


async def _whole_exchanges(connection: Connection, which: Mapping[str, UUID]) -> list[Exchange]:
    """The exchanges with these values in these columns (`which`), with all messages and the state of each delivery."""
    found = await _exchanges(connection, which)
    ids = [each.id for each in found]
    written = await _group_rows(connection, messages, ids, messages.c.id)
    mails = await _group_rows(connection, message_mails, ids, message_mails.c.id)
    brought = await _group_rows(connection, message_handovers, ids, message_handovers.c.message_id)
    whole = []
    for exchange in found:
        said = msgspec.convert(written.get(exchange.id, ()), tuple[Message, ...], from_attributes=True)
        mailed, handed = (
            {(row.message_id, row.supplier_id): row for row in some.get(exchange.id, ())} for some in (mails, brought)
        )
        deliveries = tuple(
            _delivery(message.id, recipient.supplier_id, mailed.get(key), handed.get(key))
            for message in said
            if message.author == "buyer"
            for recipient in exchange.recipients
            if message.supplier_id in {None, recipient.supplier_id} and (key := (message.id, recipient.supplier_id))
        )
        whole.append(Exchange(**msgspec.structs.asdict(exchange), messages=said, deliveries=deliveries))
    return whole


async def _exchanges(
    connection: Connection, which: Mapping[str, UUID], after: UUID | None = None, limit: int | None = None
) -> list[ExchangeSummary]:
    """Up to `limit` exchanges with these values in these columns (`which`) and ids after `after`, by id."""
    query = select(*_COLUMNS).filter_by(**which).where(is_above(exchanges.c.id, after)).order_by(exchanges.c.id)
    rows = (await connection.execute(query.limit(limit))).all()
    ids, order = [row.id for row in rows], exchange_recipients.c.supplier_id
    recipients = await _group_rows(connection, exchange_recipients, ids, order)
    return [
        ExchangeSummary(
            **row._asdict(),
            recipients=msgspec.convert(recipients.get(row.id, ()), tuple[Recipient, ...], from_attributes=True),
        )
        for row in rows
    ]


async def _group_rows(
    connection: Connection, table: Table, exchange_ids: Sequence[UUID], order: ColumnElement[Any]
) -> dict[UUID, list[Row[Any]]]:
    query = select(table).where(table.c.exchange_id == func.any(list(exchange_ids))).order_by(order)
    return await read_grouped(connection, query, "exchange_id")


def _delivery(message_id: UUID, supplier_id: UUID, mail: Row[Any] | None, handover: Row[Any] | None) -> Delivery:
    """The delivery of a message to a supplier: by the `handover` if confirmed or without `mail`, else by the mail."""
    if handover is not None and (mail is None or handover.handed_on is not None):
        state: DeliveryState = "to_post" if handover.handed_on is None else CONFIRMED_STATE[handover.way]
        return Delivery(message_id, supplier_id, state, handover.way, handover.handed_on)
    if mail is None:
        return Delivery(message_id, supplier_id, "unconfirmed")
    day = None if mail.ended_at is None else mail.ended_at.astimezone(PARIS).date()
    state = _STATES[mail.status]
    return Delivery(message_id, supplier_id, state, "email", day, mail.ended_at, mail.failure, by_server=True)


async def insert_handovers(
    connection: Connection, exchange_id: UUID, message: Message, supplier_ids: Iterable[UUID]
) -> Sequence[UUID]:
    """Store a handover for each recipient without a queued e-mail; returns them if the handover has taken place.

    A letter waits to be posted; a call, a talk or a portal is noted as it took place, on the day of the message.
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
    """Store that the buyer handed a message over to these recipients, in which way and on which day."""
    told = {"way": way, "handed_on": handed_on, "confirmed_at": confirmed_at}
    rows = [
        {"exchange_id": exchange_id, "message_id": message_id, "supplier_id": each, **told} for each in supplier_ids
    ]
    write = upsert(message_handovers)
    changed = {name: write.excluded[name] for name in told}
    own = [message_handovers.c.message_id, message_handovers.c.supplier_id]
    await connection.execute(write.on_conflict_do_update(index_elements=own, set_=changed), rows)


READ = "exchange.read"
"""The action of the journal's entries that say up to which message an exchange was read."""

_UNREAD = text("""
    SELECT exchanges.need_id, count(*) AS number
    FROM exchanges JOIN messages ON messages.exchange_id = exchanges.id
    WHERE exchanges.organisation_id = :organisation AND exchanges.need_id = ANY(:needs)
        AND messages.author = 'supplier' AND messages.channel = 'portal'
        AND NOT EXISTS (
            SELECT FROM audit_entries
            WHERE audit_entries.organisation_id = :organisation
                AND audit_entries.object = 'exchange:' || exchanges.id AND audit_entries.action = :read
                AND CAST(audit_entries.detail ->> 'message_id' AS uuid) >= messages.id
        )
    GROUP BY exchanges.need_id
""")


class AnswersDue(NamedTuple):
    """The numbers of unread messages that came by a reply link, and of unanswered questions, by need."""

    unread: Counter[UUID]
    questions: Counter[UUID]


async def count_answers_due(connection: Connection, organisation_id: UUID, need_ids: Collection[UUID]) -> AnswersDue:
    """Count unread messages and unanswered questions about these needs of the organisation; bodies are not fetched."""
    wanted = {"organisation": organisation_id, "needs": list(need_ids), "read": READ}
    unread = Counter({row.need_id: row.number for row in await connection.execute(_UNREAD, wanted)})
    columns = [column for column in messages.c if column.name != "body"]
    query = (
        select(exchanges.c.need_id, *columns, literal("").label("body"))
        .join(messages, messages.c.exchange_id == exchanges.c.id)
        .where(exchanges.c.organisation_id == organisation_id, exchanges.c.need_id == func.any(list(need_ids)))
        .order_by(messages.c.id)
    )
    by_exchange = await read_grouped(connection, query, "exchange_id")
    recipients = await _group_rows(connection, exchange_recipients, [*by_exchange], exchange_recipients.c.supplier_id)
    questions: Counter[UUID] = Counter()
    for exchange_id, rows in by_exchange.items():
        said = msgspec.convert(rows, list[Message], from_attributes=True)
        questions[rows[0].need_id] += len(open_questions(said, [each.supplier_id for each in recipients[exchange_id]]))
    return AnswersDue(unread, questions)
