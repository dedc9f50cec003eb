"""The progress of needs: what is frozen, decided, sent, awarded; for a whole page of needs at once."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Select, and_, bindparam, exists, func, or_, select

from db.core.engine import Connection
from db.schema.exchange_tables import exchanges, message_handovers, messages
from db.schema.meeting_tables import meeting_needs, meetings
from db.schema.need_tables import awards, needs, shortlist_decisions, shortlists
from domain.needs.status import Progress


async def progress_of(
    connection: Connection, organisation_id: UUID, need_ids: Collection[UUID]
) -> dict[UUID, Progress]:
    """The progress of each of these needs, which are the organisation's."""
    ids = {"ids": list(need_ids)}
    own = and_(needs.c.organisation_id == organisation_id, needs.c.id == func.any(bindparam("ids")))
    latest = and_(shortlists.c.need_id == needs.c.id, shortlists.c.number == needs.c.shortlists)
    found = {need_id: Progress() for need_id in need_ids}
    versions = select(needs.c.id, shortlists.c.need, shortlists.c.totals).join(shortlists, latest).where(own)
    for row in await connection.execute(versions, ids):
        listed = frozenset(lot.id for lot in row.totals if lot.shown)
        found[row.id] = msgspec.structs.replace(found[row.id], frozen=row.need, listed=listed)
    on_latest = and_(shortlist_decisions.c.need_id == needs.c.id, shortlist_decisions.c.number == needs.c.shortlists)
    decided = select(needs.c.id, func.array_agg(shortlist_decisions.c.lot_id).label("lots")).where(own)
    for row in await connection.execute(decided.join(shortlist_decisions, on_latest).group_by(needs.c.id), ids):
        found[row.id] = msgspec.structs.replace(found[row.id], decided=frozenset(row.lots))
    opened = select(needs.c.id, func.count().label("number")).where(own)
    for row in await connection.execute(
        opened.join(exchanges, exchanges.c.need_id == needs.c.id).group_by(needs.c.id), ids
    ):
        found[row.id] = msgspec.structs.replace(found[row.id], exchanges=row.number)
    waiting = _waiting_for_the_buyer().where(own).group_by(needs.c.id)
    for row in await connection.execute(waiting, ids):
        found[row.id] = msgspec.structs.replace(found[row.id], to_deliver=row.number)
    met = and_(meetings.c.id == meeting_needs.c.meeting_id, meetings.c.status != "cancelled")
    invited = select(needs.c.id, func.count().label("number")).where(own).group_by(needs.c.id)
    invited = invited.join(meeting_needs, meeting_needs.c.need_id == needs.c.id).join(meetings, met)
    for row in await connection.execute(invited, ids):
        found[row.id] = msgspec.structs.replace(found[row.id], meetings=row.number)
    stands = and_(awards.c.need_id == needs.c.id, awards.c.withdrawn_at.is_(None))
    awarded = select(needs.c.id, func.array_agg(awards.c.lot_id).label("lots")).where(own)
    for row in await connection.execute(awarded.join(awards, stands).group_by(needs.c.id), ids):
        found[row.id] = msgspec.structs.replace(found[row.id], awarded=frozenset(row.lots))
    return found


def _waiting_for_the_buyer() -> Select[Any]:
    """By need, the number of messages that the buyer is to bring, as `arrivals` of domain/exchanges/deliveries.py.

    An answer by the link shows that all before it was read, one that the buyer noted shows the opening alone.
    """
    first, brought = messages.alias(), message_handovers.c
    opening = select(first.c.id).where(first.c.exchange_id == exchanges.c.id).order_by(first.c.id).limit(1)
    is_opening = brought.message_id == opening.correlate(exchanges).scalar_subquery()
    answered = exists().where(
        messages.c.exchange_id == brought.exchange_id,
        messages.c.supplier_id == brought.supplier_id,
        messages.c.author == "supplier",
        messages.c.corrects.is_(None),
        messages.c.id > brought.message_id,
        or_(messages.c.channel == "portal", is_opening),
    )
    waiting = select(needs.c.id, func.count().label("number")).join(exchanges, exchanges.c.need_id == needs.c.id)
    waiting = waiting.join(message_handovers, brought.exchange_id == exchanges.c.id)
    return waiting.where(brought.handed_on.is_(None), ~answered)
