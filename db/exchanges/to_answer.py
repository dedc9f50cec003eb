"""Messages of suppliers about needs that nobody of the organisation has read or answered, for many needs at once."""

from collections import Counter
from collections.abc import Collection
from typing import NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import func, literal, select, text

from db.core.engine import Connection
from db.schema.exchange_tables import exchange_recipients, exchanges, messages
from domain.exchanges.exchange import Message
from domain.exchanges.questions import unanswered

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


class ToAnswer(NamedTuple):
    """The numbers of messages that came by a link and are unread, and of questions without an answer, by need."""

    unread: Counter[UUID]
    questions: Counter[UUID]


async def to_answer(connection: Connection, organisation_id: UUID, need_ids: Collection[UUID]) -> ToAnswer:
    """The numbers for these needs of the organisation. No text of a message is read."""
    wanted = {"organisation": organisation_id, "needs": list(need_ids), "read": READ}
    unread = Counter({row.need_id: row.number for row in await connection.execute(_UNREAD, wanted)})
    columns = [column for column in messages.c if column.name != "body"]
    query = (
        select(exchanges.c.need_id, *columns, literal("").label("body"))
        .join(messages, messages.c.exchange_id == exchanges.c.id)
        .where(exchanges.c.organisation_id == organisation_id, exchanges.c.need_id == func.any(list(need_ids)))
        .order_by(messages.c.id)
    )
    by_exchange: dict[tuple[UUID, UUID], list[Message]] = {}
    for row in await connection.execute(query):
        said = msgspec.convert(row, Message, from_attributes=True)
        by_exchange.setdefault((row.need_id, row.exchange_id), []).append(said)
    recipients: dict[UUID, list[UUID]] = {}
    in_them = exchange_recipients.c.exchange_id == func.any([exchange_id for _, exchange_id in by_exchange])
    for row in await connection.execute(select(exchange_recipients).where(in_them)):
        recipients.setdefault(row.exchange_id, []).append(row.supplier_id)
    questions: Counter[UUID] = Counter()
    for (need_id, exchange_id), said_there in by_exchange.items():
        questions[need_id] += len(unanswered(said_there, recipients[exchange_id]))
    return ToAnswer(unread, questions)
