"""Reply links: the right to read one exchange and answer in it as one of its recipients, for who holds a token.

The database stores the SHA-256 of a token, never the token. A recipient may hold several links, each e-mail bringing
one of its own; they are revoked together.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, exists, func, insert, select, update

from db.core.engine import Connection, read_first
from db.schema.exchange_tables import exchanges, message_mails, reply_links


class ReplyLink(msgspec.Struct, frozen=True):
    """The exchange of an organisation that a link opens, and the recipient it opens it for."""

    organisation_id: UUID
    need_id: UUID
    exchange_id: UUID
    supplier_id: UUID
    expires_at: datetime


async def insert_links(
    connection: Connection, exchange_id: UUID, tokens: Mapping[UUID, str], now: datetime, expires_at: datetime
) -> None:
    """Store a link for each of these recipients, beside those it may have. `tokens`: by supplier, not to be guessed."""
    common = {"exchange_id": exchange_id, "created_at": now, "expires_at": expires_at}
    rows = [{"supplier_id": each, "digest": digest(token), **common} for each, token in tokens.items()]
    await connection.execute(insert(reply_links), rows)


async def is_issued(connection: Connection, tokens: Iterable[str]) -> bool:
    """Whether a link was stored for any of these tokens, be it in force or not."""
    stored = exists().where(reply_links.c.digest == func.any([digest(token) for token in tokens]))
    return bool(await connection.scalar(select(stored)))


async def select_link_expiries(connection: Connection, exchange_id: UUID, now: datetime) -> dict[UUID, datetime]:
    """The latest expiry of each recipient's links to the exchange; recipients without a link in force are absent."""
    in_force = (reply_links.c.exchange_id == exchange_id) & _in_force(now)
    latest = select(reply_links.c.supplier_id, func.max(reply_links.c.expires_at).label("expires_at")).where(in_force)
    rows = await connection.execute(latest.group_by(reply_links.c.supplier_id))
    return {row.supplier_id: row.expires_at for row in rows}


async def select_link(connection: Connection, token: str, now: datetime, *, lock: bool = False) -> ReplyLink | None:
    """The link of the token; None where it is unknown, expired or revoked, all of which take the same time.

    `lock`: keep it from being revoked before the end of the transaction.
    """
    query = (
        select(reply_links, exchanges.c.organisation_id, exchanges.c.need_id)
        .join(exchanges, exchanges.c.id == reply_links.c.exchange_id)
        .where(reply_links.c.digest == digest(token), _in_force(now))
    )
    if lock:
        query = query.with_for_update(read=True, of=reply_links)
    return await read_first(connection, query, ReplyLink)


async def revoke_links(connection: Connection, exchange_id: UUID, supplier_id: UUID, now: datetime) -> bool:
    """Revoke every link of the recipient, and cancel e-mail on its way there. False where no link was in force."""
    theirs = {"exchange_id": exchange_id, "supplier_id": supplier_id}
    # before the links: an e-mail that is being written holds its row, and its link must be there to be revoked
    stop = update(message_mails).filter_by(**theirs, status="waiting")
    await connection.execute(stop.values(status="cancelled", due_at=None, lease=None, ended_at=now))
    gone = update(reply_links).filter_by(**theirs, revoked_at=None).values(revoked_at=now)
    revoked = (await connection.execute(gone.returning(reply_links.c.expires_at))).all()
    return any(row.expires_at > now for row in revoked)


async def recipients_with_links_revoked(connection: Connection, exchange_id: UUID) -> frozenset[UUID]:
    """The recipients of the exchange whose links were all revoked: nothing is sent to them until they get another."""
    theirs = select(reply_links.c.supplier_id).where(reply_links.c.exchange_id == exchange_id)
    revoked = func.bool_and(reply_links.c.revoked_at.is_not(None))
    rows = await connection.execute(theirs.group_by(reply_links.c.supplier_id).having(revoked))
    return frozenset(rows.scalars())


def _in_force(now: datetime) -> ColumnElement[bool]:
    return reply_links.c.revoked_at.is_(None) & (reply_links.c.expires_at > now)


def digest(token: str) -> bytes:
    """The stored form of a token. A plain hash is enough for 32 random bytes, which nobody can guess."""
    return sha256(token.encode(errors="replace")).digest()
