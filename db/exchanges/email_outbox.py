"""Buyers' messages on their way to suppliers by e-mail.

A row names a message and its receiver, without text or link: both are put together at each attempt, so that the token
of a link is never stored.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, insert, select, update

from db.core.engine import Connection
from db.core.uuid7 import increasing_ids
from db.delivery.outbox import Claimed, wake
from db.exchanges.reply_links import recipients_with_links_revoked
from db.schema.exchange_tables import exchanges, message_mails, messages
from db.schema.need_tables import needs
from db.schema.supplier_tables import organisations
from domain.delivery import Result
from domain.exchanges.exchange import Message, Recipient
from domain.exchanges.letter import OutgoingMessage, buyer_name, purchase_name


async def insert_mails(
    connection: Connection,
    exchange_id: UUID,
    message: Message,
    recipients: Iterable[Recipient],
    language: str,
    now: datetime,
) -> None:
    """Queue the message for those of its recipients that have an address; it is sent once this transaction commits.

    Recipients whose links were all revoked get no e-mail: the buyer brings them the message. `now`: when it is due, by
    the clock; messages have later times where the clock was set back meanwhile.
    """
    revoked = await recipients_with_links_revoked(connection, exchange_id)
    reached = [each for each in recipients if each.email and each.supplier_id not in revoked]
    if not reached:
        return
    common: dict[str, object] = {"exchange_id": exchange_id, "message_id": message.id, "language": language}
    common |= {"queued_at": now, "due_at": now}
    rows = [
        {"id": id_, "lane": each.supplier_id, "supplier_id": each.supplier_id, "address": each.email, **common}
        for id_, each in zip(increasing_ids(message.created_at, range(len(reached))), reached, strict=True)
    ]
    await connection.execute(insert(message_mails), rows)
    await wake(connection)


async def count_mails_since(connection: Connection, organisation_id: UUID, since: datetime) -> int:
    """The number of e-mails that the organisation queued after that moment."""
    return await connection.scalar(select(func.count()).where(*_queued_since(organisation_id, since))) or 0


async def mail_queued_since(connection: Connection, organisation_id: UUID, since: datetime, place: int) -> datetime:
    """The moment of the organisation's e-mail at `place`, counted from 0, of those queued since then."""
    mails = select(message_mails.c.queued_at).where(*_queued_since(organisation_id, since))
    query = mails.order_by(message_mails.c.queued_at).offset(place).limit(1)
    found: datetime = (await connection.execute(query)).scalar_one()
    return found


def _queued_since(organisation_id: UUID, since: datetime) -> tuple[ColumnElement[bool], ...]:
    is_own = and_(exchanges.c.id == message_mails.c.exchange_id, exchanges.c.organisation_id == organisation_id)
    return is_own, message_mails.c.queued_at > since


async def select_outgoing_message(connection: Connection, mail: Claimed) -> OutgoingMessage | None:
    """The message that the e-mail is made of; None where its recipient is to get none any more.

    Until the transaction ends the recipient's links are not revoked: one made in it will be among them.
    """
    exchange_id, supplier_id = mail.row["exchange_id"], mail.row["supplier_id"]
    locked = select(message_mails.c.status).where(message_mails.c.id == mail.id).with_for_update(read=True)
    if (await connection.execute(locked)).scalar_one_or_none() != "waiting":
        return None
    if supplier_id in await recipients_with_links_revoked(connection, exchange_id):
        return None
    first = select(messages.c.id).where(messages.c.exchange_id == exchange_id).order_by(messages.c.id).limit(1)
    query = (
        select(
            organisations.c.name.label("organisation"),
            needs.c.content.label("need"),
            exchanges.c.subject,
            exchanges.c.lot_ids,
            messages.c.body,
            messages.c.question,
            messages.c.corrects.is_not(None).label("is_correction"),
            (messages.c.id == first.scalar_subquery()).label("is_first"),
        )
        .join(exchanges, exchanges.c.id == messages.c.exchange_id)
        .join(needs, needs.c.id == exchanges.c.need_id)
        .join(organisations, organisations.c.id == exchanges.c.organisation_id)
        .where(messages.c.id == mail.row["message_id"])
    )
    fields = (await connection.execute(query)).one()._asdict()
    need, organisation, lots = fields.pop("need"), fields.pop("organisation"), fields.pop("lot_ids")
    return OutgoingMessage(buyer=buyer_name(need, organisation), purchase=purchase_name(need, lots), **fields)


async def write_outcome(connection: Connection, mail: Claimed, result: Result) -> None:
    """Store the outcome of an attempt beside the row's state, for the buyer to see."""
    outcome, ended_at = result.outcome, result.at if result.due_at is None else None
    write = update(message_mails).where(message_mails.c.id == mail.id)
    await connection.execute(write.values(failure=outcome.failure, failure_code=outcome.code, ended_at=ended_at))
