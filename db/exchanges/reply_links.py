"""Reply links: the right to read one exchange and answer in it as one of its recipients, for who holds a token.

The database stores the SHA-256 of a token, never the token. A recipient may hold several links, each e-mail bringing
one of its own; they are revoked together.

Buyers' messages on their way to suppliers by e-mail: a row names a message and its receiver, without text or link. Both
are put together at each attempt, so that the token of a link is never stored.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, exists, func, insert, select, update

from db.core.engine import Connection, bind, read_first
from db.delivery.outbox import ClaimedRow, queue_rows
from db.schema.organisation_tables import exchanges, message_mails, messages, needs, reply_links
from db.schema.supplier_tables import organisations
from domain.exchanges.exchange import Message, Recipient
from domain.exchanges.letter import OutgoingMessage, buyer_name, purchase_name


class ReplyLink(msgspec.Struct, frozen=True):
    """A reply link: the exchange that it opens, the recipient for whom, and when it ends."""

    organisation_id: UUID
    need_id: UUID
    exchange_id: UUID
    supplier_id: UUID
    expires_at: datetime


async def insert_links(
    connection: Connection, exchange_id: UUID, tokens: Mapping[UUID, str], now: datetime, expires_at: datetime
) -> None:
    """Store one more reply link for each recipient; `tokens`: the random token of each link, by id of the supplier."""
    common = {"exchange_id": exchange_id, "created_at": now, "expires_at": expires_at}
    rows = [{"supplier_id": each, "digest": digest(token), **common} for each, token in tokens.items()]
    await connection.execute(insert(reply_links), rows)
    bind(connection, f"reply_links:{exchange_id}")


async def is_issued(connection: Connection, tokens: Iterable[str]) -> bool:
    """Whether one of these tokens was issued: a link with it is stored, in force or not."""
    stored = exists().where(reply_links.c.digest == func.any([digest(token) for token in tokens]))
    return bool(await connection.scalar(select(stored)))


async def select_link_expiries(connection: Connection, exchange_id: UUID, now: datetime) -> dict[UUID, datetime]:
    """The latest expiry of each recipient's links to the exchange; recipients without a link in force are absent."""
    in_force = (reply_links.c.exchange_id == exchange_id) & _is_link_in_force(now)
    latest = select(reply_links.c.supplier_id, func.max(reply_links.c.expires_at).label("expires_at")).where(in_force)
    rows = await connection.execute(latest.group_by(reply_links.c.supplier_id))
    return {row.supplier_id: row.expires_at for row in rows}


async def select_link(connection: Connection, token: str, now: datetime, *, lock: bool = False) -> ReplyLink | None:
    """The link with this token; None where it is unknown, expired or revoked, each answered as fast.

    `lock`: keep it from being revoked before the end of the transaction.
    """
    query = (
        select(reply_links, exchanges.c.organisation_id, exchanges.c.need_id)
        .join(exchanges, exchanges.c.id == reply_links.c.exchange_id)
        .where(reply_links.c.digest == digest(token), _is_link_in_force(now))
    )
    if lock:
        query = query.with_for_update(read=True, of=reply_links)
    return await read_first(connection, query, ReplyLink)


async def extend_link(connection: Connection, token: str, exchange_id: UUID, until: datetime) -> None:
    """Have the link with this token last at least until a moment, as what was declared by it does."""
    own = reply_links.c
    later = update(reply_links).where(own.digest == digest(token), own.expires_at < until).values(expires_at=until)
    if (await connection.execute(later)).rowcount:
        bind(connection, f"reply_links:{exchange_id}")


async def revoke_links(connection: Connection, exchange_id: UUID, supplier_id: UUID, now: datetime) -> bool:
    """Revoke all links of a recipient and cancel its waiting e-mails; False where none of its links was in force."""
    theirs = {"exchange_id": exchange_id, "supplier_id": supplier_id}
    # before the links: an e-mail that is being written holds its row, and its link must be there to be revoked
    stop = update(message_mails).filter_by(**theirs, status="waiting")
    await connection.execute(stop.values(status="cancelled", due_at=None, lease=None, ended_at=now))
    gone = update(reply_links).filter_by(**theirs, revoked_at=None).values(revoked_at=now)
    bind(connection, f"reply_links:{exchange_id}")
    revoked = (await connection.execute(gone.returning(reply_links.c.expires_at))).all()
    return any(row.expires_at > now for row in revoked)


async def recipients_with_links_revoked(connection: Connection, exchange_id: UUID) -> frozenset[UUID]:
    """The recipients of an exchange whose links were all revoked; nothing is sent to them before a new link."""
    theirs = select(reply_links.c.supplier_id).where(reply_links.c.exchange_id == exchange_id)
    revoked = func.bool_and(reply_links.c.revoked_at.is_not(None))
    rows = await connection.execute(theirs.group_by(reply_links.c.supplier_id).having(revoked))
    return frozenset(rows.scalars())


def _is_link_in_force(now: datetime) -> ColumnElement[bool]:
    return reply_links.c.revoked_at.is_(None) & (reply_links.c.expires_at > now)


def digest(token: str) -> bytes:
    """The SHA-256 by which a token is stored: enough for 32 random bytes, which nobody can guess."""
    return sha256(token.encode(errors="replace")).digest()


async def insert_mails(
    connection: Connection,
    exchange_id: UUID,
    message: Message,
    recipients: Iterable[Recipient],
    language: str,
    now: datetime,
) -> None:
    """Queue an e-mail of the message to each recipient with an address; sent once this transaction commits.

    Recipients whose links were all revoked get no e-mail: the buyer brings them the message. `now`: when it is due, by
    the clock; messages have later times where the clock was set back meanwhile.
    """
    revoked = await recipients_with_links_revoked(connection, exchange_id)
    reached = [each for each in recipients if each.email and each.supplier_id not in revoked]
    common = {"exchange_id": exchange_id, "message_id": message.id, "language": language}
    rows = [
        {"lane": each.supplier_id, "supplier_id": each.supplier_id, "address": each.email, **common} for each in reached
    ]
    await queue_rows(connection, message_mails, rows, now, at=message.created_at)


async def select_outgoing_message(connection: Connection, mail: ClaimedRow) -> OutgoingMessage | None:
    """The message to be sent by a queued e-mail; None where the recipient may not get it any more.

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
            exchanges.c.reply_by,
            exchanges.c.contact,
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
