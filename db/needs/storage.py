"""The room that an organisation takes in the database with its needs, and all that belongs to them."""

from uuid import UUID

from sqlalchemy import func, select

from db.core.engine import Connection
from db.schema.exchange_tables import exchange_recipients, exchanges, messages
from db.schema.meeting_tables import follow_ups, meetings, participants
from db.schema.need_tables import needs, shortlists
from db.schema.supplier_tables import idempotency_keys

RECIPIENT_BYTES = 400
"""About what a recipient of an exchange takes, its name and reply link included."""

PARTICIPANT_BYTES = 150
"""About what a participant of a meeting takes, its names included."""


async def stored_bytes(connection: Connection, organisation_id: UUID) -> int:
    """The bytes of its needs, shortlists, exchanges and meetings, and of answers kept for a day, as compressed."""
    size, own = func.pg_column_size, needs.c.organisation_id == organisation_id
    own_exchange = exchanges.c.organisation_id == organisation_id
    own_meeting = meetings.c.organisation_id == organisation_id
    sums = (
        select(func.sum(size(needs.c.content))).where(own),
        select(func.sum(size(shortlists.c.body) + size(shortlists.c.need)))
        .join(needs, needs.c.id == shortlists.c.need_id)
        .where(own),
        select(func.sum(size(messages.c.body)))
        .join(exchanges, exchanges.c.id == messages.c.exchange_id)
        .where(own_exchange),
        select(func.count() * RECIPIENT_BYTES)
        .select_from(exchange_recipients)
        .join(exchanges, exchanges.c.id == exchange_recipients.c.exchange_id)
        .where(own_exchange),
        select(func.sum(size(meetings.c.agenda) + func.coalesce(size(meetings.c.minutes), 0))).where(own_meeting),
        select(func.sum(size(follow_ups.c.what)))
        .join(meetings, meetings.c.id == follow_ups.c.meeting_id)
        .where(own_meeting),
        select(func.count() * PARTICIPANT_BYTES)
        .select_from(participants)
        .join(meetings, meetings.c.id == participants.c.meeting_id)
        .where(own_meeting),
        select(func.sum(size(idempotency_keys.c.body))).where(idempotency_keys.c.organisation_id == organisation_id),
    )
    found = (await connection.execute(select(*(each.scalar_subquery() for each in sums)))).one()
    return sum(int(each or 0) for each in found)
