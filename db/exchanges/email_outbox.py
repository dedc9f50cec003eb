"""Buyers' messages on their way to suppliers by e-mail.

A row says which message goes to whom; neither its text nor a link stands in it. Both are put together at each attempt,
so that a link's token is never stored, not even for a while.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, select, update

from db.core.engine import Connection
from db.core.uuid7 import increasing_ids
from db.delivery.outbox import Claimed, wake
from db.exchanges.reply_links import shut_out
from db.schema.exchange_tables import exchanges, message_mails, messages
from db.schema.need_tables import needs
from db.schema.supplier_tables import organisations
from domain.delivery.backoff import Result
from domain.exchanges.exchange import Recipient
from domain.exchanges.letter import Telling
from domain.needs.need import PlannedNeed


async def queue_mails(
    connection: Connection,
    exchange_id: UUID,
    message_id: UUID,
    recipients: Iterable[Recipient],
    language: str,
    now: datetime,
) -> None:
    """Have the message sent to those of its recipients that have an address, once this transaction commits.

    Those whose links were revoked get none: what is for them stays with the buyer.
    """
    silent = await shut_out(connection, exchange_id)
    reached = [each for each in recipients if each.email and each.supplier_id not in silent]
    if not reached:
        return
    common = {"exchange_id": exchange_id, "message_id": message_id, "language": language}
    when = {"queued_at": now, "due_at": now}
    rows = [
        {"id": id_, "lane": each.supplier_id, "supplier_id": each.supplier_id, "address": each.email, **common, **when}
        for id_, each in zip(increasing_ids(now, range(len(reached))), reached, strict=True)
    ]
    await connection.execute(insert(message_mails), rows)
    await wake(connection)


async def telling_of(connection: Connection, mail: Claimed) -> Telling | None:
    """What the e-mail is to tell; None where its recipient is to get none any more.

    Until the transaction ends, the recipient's links are not revoked: one made in it will be among them.
    """
    exchange_id, supplier_id = mail.row["exchange_id"], mail.row["supplier_id"]
    held = select(message_mails.c.status).where(message_mails.c.id == mail.id).with_for_update(read=True)
    if (await connection.execute(held)).scalar_one_or_none() != "waiting":
        return None
    if supplier_id in await shut_out(connection, exchange_id):
        return None
    first = select(messages.c.id).where(messages.c.exchange_id == exchange_id).order_by(messages.c.id).limit(1)
    query = (
        select(
            organisations.c.name.label("organisation"),
            needs.c.content,
            exchanges.c.subject,
            messages.c.body,
            messages.c.question,
            messages.c.corrects,
            (messages.c.id == first.scalar_subquery()).label("is_first"),
        )
        .join(exchanges, exchanges.c.id == messages.c.exchange_id)
        .join(needs, needs.c.id == exchanges.c.need_id)
        .join(organisations, organisations.c.id == exchanges.c.organisation_id)
        .where(messages.c.id == mail.row["message_id"])
    )
    row = (await connection.execute(query)).one()
    need: PlannedNeed = row.content
    return Telling(
        buyer=buyer_name(need, row.organisation),
        need_title=need.title,
        subject=row.subject,
        body=row.body,
        question=row.question,
        is_correction=row.corrects is not None,
        is_first=row.is_first,
    )


def buyer_name(need: PlannedNeed, organisation: str) -> str:
    """Who asks, as suppliers know it: the buyer that the need names, else the organisation whose need it is."""
    return (need.buyer.name if need.buyer else None) or organisation


async def note_outcome(connection: Connection, mail: Claimed, result: Result) -> None:
    """Note what came of an attempt beside the row's state, for the buyer to see."""
    outcome, ended = result.outcome, result.due_at is None
    noted = update(message_mails).where(message_mails.c.id == mail.id)
    await connection.execute(
        noted.values(failure=outcome.failure, failure_code=outcome.code, ended_at=result.at if ended else None)
    )
