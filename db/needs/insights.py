"""Figures over an organisation's needs and exchanges, counted by the database."""

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Double, Subquery, Table, and_, cast, distinct, extract, func, or_, select

from db.core.engine import Connection, is_below, read_all
from db.schema.organisation_tables import (
    exchange_recipients,
    exchanges,
    message_handovers,
    message_mails,
    messages,
    needs,
    shortlists,
)
from domain.decoding.stored import stored_decoder
from domain.insights import (
    MOST_NOTES,
    BarrierFigure,
    BarrierNote,
    BarrierNotes,
    FirstAnswer,
    LotSupply,
    NeedFacts,
    ReplyFigures,
)

READ_AT_ONCE = 50
_CONTENT = ("barriers", "barriers_note", "confidential")


class _ShortlistSupply(msgspec.Struct, frozen=True):
    """The part of a shortlist's stored answer that is counted: the supply of each lot."""

    lots: tuple[LotSupply, ...]


async def needs_with_supply(
    connection: Connection, organisation_id: UUID, made_from: datetime | None, made_before: datetime | None
) -> AsyncIterator[Sequence[NeedFacts]]:
    """Yield batches of the organisation's needs with a shortlist, created in a period, with the latest one's supply."""
    latest = and_(shortlists.c.need_id == needs.c.id, shortlists.c.number == needs.c.shortlists)
    query = (
        select(needs.c.id, needs.c.status, needs.c.content, shortlists.c.need, shortlists.c.body)
        .join(shortlists, latest)
        .where(needs.c.organisation_id == organisation_id, is_below(needs.c.created_at, made_before))
        .order_by(needs.c.id)
    )
    if made_from is not None:
        query = query.where(needs.c.created_at >= made_from)
    decode = stored_decoder(_ShortlistSupply)
    rows = await connection.stream(query, execution_options={"yield_per": READ_AT_ONCE})
    async for batch in rows.partitions():
        yield [
            NeedFacts(id=row.id, status=row.status, content=row.content, matched=row.need, lots=decode(row.body).lots)
            for row in batch
        ]


async def exchanges_about(
    connection: Connection, organisation_id: UUID, need_ids: Collection[UUID]
) -> Sequence[tuple[UUID, UUID, tuple[str, ...]]]:
    """The id, need and lots (() for the whole need) of each exchange of the organisation about these needs."""
    query = select(exchanges.c.id, exchanges.c.need_id, exchanges.c.lot_ids).where(
        exchanges.c.organisation_id == organisation_id, exchanges.c.need_id == func.any(list(need_ids))
    )
    return [(row.id, row.need_id, row.lot_ids) for row in await connection.execute(query)]


async def reply_figures(connection: Connection, organisation_id: UUID, exchange_ids: Sequence[UUID]) -> ReplyFigures:
    """Count the recipients of these exchanges that were reached and that answered, with the hours to their answers."""
    answers = (
        select(messages.c.exchange_id, messages.c.supplier_id, func.min(messages.c.created_at).label("at"))
        .where(messages.c.author == "supplier", messages.c.exchange_id == func.any(list(exchange_ids)))
        .group_by(messages.c.exchange_id, messages.c.supplier_id)
        .subquery()
    )
    sent = message_mails.c.status == "delivered"
    mails = _by_recipient(
        message_mails,
        exchange_ids,
        sent=func.bool_or(sent),
        lost=~func.bool_or(sent | message_mails.c.due_at.is_not(None)),
    )
    brought = _by_recipient(
        message_handovers, exchange_ids, confirmed=func.bool_or(message_handovers.c.handed_on.is_not(None))
    )
    hours = cast(extract("epoch", answers.c.at - exchanges.c.opened_at), Double) / 3_600
    # of exchanges before deliveries were confirmed, nothing is known of those that had no e-mail
    is_unknown = and_(mails.c.sent.is_(None), brought.c.confirmed.is_(None))
    is_reached = or_(answers.c.at.is_not(None), mails.c.sent.is_(True), brought.c.confirmed.is_(True), is_unknown)
    is_lost = and_(~is_reached, mails.c.lost.is_(True), brought.c.confirmed.is_(None))
    to = exchange_recipients.c
    query = (
        select(
            func.count().filter(is_reached).label("contacted"),
            func.count(answers.c.at).label("answered"),
            func.count().filter(is_lost).label("undelivered"),
            func.count().filter(~is_reached & ~is_lost).label("pending"),
            func.percentile_cont(0.5).within_group(hours).label("median"),
            func.percentile_cont(0.9).within_group(hours).label("p90"),
        )
        .select_from(exchange_recipients)
        .join(exchanges, exchanges.c.id == to.exchange_id)
        .outerjoin(answers, and_(answers.c.exchange_id == to.exchange_id, answers.c.supplier_id == to.supplier_id))
        .outerjoin(mails, and_(mails.c.exchange_id == to.exchange_id, mails.c.supplier_id == to.supplier_id))
        .outerjoin(brought, and_(brought.c.exchange_id == to.exchange_id, brought.c.supplier_id == to.supplier_id))
        .where(exchanges.c.organisation_id == organisation_id, exchanges.c.id == func.any(list(exchange_ids)))
    )
    figures = (await connection.execute(query)).one()._asdict()
    rate = figures["answered"] / figures["contacted"] if figures["contacted"] else None
    hours_until = (figures.pop("median"), figures.pop("p90"))
    first = FirstAnswer(*(None if value is None else round(value, 2) for value in hours_until))
    return ReplyFigures(**figures, rate=rate, first_answer_hours=first)


def _by_recipient(table: Table, exchange_ids: Sequence[UUID], **figures: ColumnElement[bool]) -> Subquery:
    """A subquery of a table that aggregates `figures` (expressions by name) for each exchange and recipient."""
    of_recipient = table.c.exchange_id, table.c.supplier_id
    told = (figure.label(name) for name, figure in figures.items())
    found = select(*of_recipient, *told).where(table.c.exchange_id == func.any(list(exchange_ids)))
    return found.group_by(*of_recipient).subquery()


async def barrier_figures(
    connection: Connection, organisation_id: UUID, exchange_ids: Sequence[UUID]
) -> Sequence[BarrierFigure]:
    """Count how often suppliers named each barrier in these exchanges, the most frequent first."""
    last = _last_corrections(organisation_id, exchange_ids)
    named = func.unnest(last.c.barriers).label("barrier")
    each = select(last.c.exchange_id, last.c.supplier_id, last.c.need_id, named).distinct().subquery()
    replies = func.count().label("replies")
    query = select(
        each.c.barrier,
        replies,
        func.count(distinct(each.c.need_id)).label("needs"),
        func.count(distinct(each.c.supplier_id)).label("suppliers"),
    ).group_by(each.c.barrier)
    return await read_all(connection, query.order_by(replies.desc(), each.c.barrier), BarrierFigure)


async def barrier_notes(connection: Connection, organisation_id: UUID, exchange_ids: Sequence[UUID]) -> BarrierNotes:
    """Suppliers' notes on barriers in these exchanges, the latest first, except confidential ones."""
    last = _last_corrections(organisation_id, exchange_ids)
    is_noted = last.c.barriers_note.is_not(None)
    counts = select(func.count(), func.count().filter(last.c.confidential)).select_from(last).where(is_noted)
    total, confidential = (await connection.execute(counts)).one()
    shown = select(last.c.need_id, last.c.created_at, last.c.barriers_note).where(is_noted, ~last.c.confidential)
    rows = await connection.execute(shown.order_by(last.c.id.desc()).limit(MOST_NOTES))
    return BarrierNotes(tuple(BarrierNote(*row) for row in rows), total, confidential)


def _last_corrections(organisation_id: UUID, exchange_ids: Sequence[UUID]) -> Subquery:
    """A subquery of the suppliers' messages in these exchanges, each replaced by its last correction.

    `confidential`: the message or a correction of it is.
    """
    columns = [messages.c[name] for name in ("id", "exchange_id", "supplier_id", "created_at", *_CONTENT)]
    theirs = and_(messages.c.author == "supplier", messages.c.exchange_id == func.any(list(exchange_ids)))
    firsts = select(*columns, messages.c.id.label("root")).where(theirs, messages.c.corrects.is_(None))
    before = firsts.cte("versions", recursive=True)
    corrected = and_(messages.c.exchange_id == before.c.exchange_id, messages.c.corrects == before.c.id)
    # as the index on corrections says it: few messages are any, whatever the planner believes
    corrections = (
        select(*columns, before.c.root).join(before, corrected).where(theirs, messages.c.corrects.is_not(None))
    )
    every = before.union_all(corrections)
    marked = select(
        *(every.c[column.name] for column in columns if column.name != "confidential"),
        func.bool_or(every.c.confidential).over(partition_by=every.c.root).label("confidential"),
        func.row_number().over(partition_by=every.c.root, order_by=every.c.id.desc()).label("newest"),
    ).subquery()
    return (
        select(marked, exchanges.c.need_id)
        .join(exchanges, exchanges.c.id == marked.c.exchange_id)
        .where(exchanges.c.organisation_id == organisation_id, marked.c.newest == 1)
        .subquery()
    )
