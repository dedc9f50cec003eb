"""Reply links: the right to read one exchange and answer in it as one of its recipients, for who holds a token.

A token is known to whom it was given, never to the database, which keeps its SHA-256. A recipient may hold several
links, each e-mail bringing one of its own; they are revoked together.
"""

from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from secrets import token_urlsafe
from typing import NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import func, insert, select, update

from db.core.engine import Connection
from db.schema.exchange_tables import exchanges, message_mails, reply_links

TOKEN_BYTES = 32


class NewLink(NamedTuple):
    """A link just made; its token is known nowhere else."""

    supplier_id: UUID
    token: str
    expires_at: datetime


class ReplyLink(msgspec.Struct, frozen=True):
    """What a link gives access to: an exchange of an organisation, as one of its recipients. `digest`: of its token."""

    digest: bytes
    organisation_id: UUID
    need_id: UUID
    exchange_id: UUID
    supplier_id: UUID
    expires_at: datetime


async def create_links(
    connection: Connection, exchange_id: UUID, supplier_ids: Iterable[UUID], now: datetime, expires_at: datetime
) -> tuple[NewLink, ...]:
    """A link for each of these recipients of the exchange, beside those it may have."""
    links = tuple(NewLink(each, token_urlsafe(TOKEN_BYTES), expires_at) for each in supplier_ids)
    await keep_links(connection, exchange_id, links, now)
    return links


async def keep_links(connection: Connection, exchange_id: UUID, links: Iterable[NewLink], now: datetime) -> None:
    """Put links to the exchange in force, whose tokens the caller made from `TOKEN_BYTES` nobody can guess."""
    common = {"exchange_id": exchange_id, "created_at": now}
    rows = [
        {"digest": digest(link.token), "supplier_id": link.supplier_id, "expires_at": link.expires_at, **common}
        for link in links
    ]
    if rows:
        await connection.execute(insert(reply_links), rows)


async def made_before(connection: Connection, links: Iterable[NewLink]) -> tuple[NewLink, ...]:
    """Those of the links that were put in force once, and may still be."""
    digests = {digest(link.token): link for link in links}
    known = select(reply_links.c.digest).where(reply_links.c.digest == func.any(list(digests)))
    found = set((await connection.execute(known)).scalars())
    return tuple(link for each, link in digests.items() if each in found)


async def links_in_force(connection: Connection, exchange_id: UUID, now: datetime) -> dict[UUID, datetime]:
    """Until when each recipient of the exchange can read and answer; those without a link in force are absent."""
    in_force = (
        (reply_links.c.exchange_id == exchange_id)
        & reply_links.c.revoked_at.is_(None)
        & (reply_links.c.expires_at > now)
    )
    latest = select(reply_links.c.supplier_id, func.max(reply_links.c.expires_at).label("expires_at")).where(in_force)
    rows = await connection.execute(latest.group_by(reply_links.c.supplier_id))
    return {row.supplier_id: row.expires_at for row in rows}


async def find_link(connection: Connection, token: str, now: datetime, *, hold: bool = False) -> ReplyLink | None:
    """What the token gives access to; None where it is unknown, expired or revoked, all of which take the same time.

    `hold`: keep it from being revoked before the end of the transaction.
    """
    query = (
        select(reply_links, exchanges.c.organisation_id, exchanges.c.need_id)
        .join(exchanges, exchanges.c.id == reply_links.c.exchange_id)
        .where(
            reply_links.c.digest == digest(token),
            reply_links.c.expires_at > now,
            reply_links.c.revoked_at.is_(None),
        )
    )
    if hold:
        query = query.with_for_update(read=True, of=reply_links)
    row = (await connection.execute(query)).first()
    if row is None:
        return None
    return ReplyLink(row.digest, row.organisation_id, row.need_id, row.exchange_id, row.supplier_id, row.expires_at)


async def revoke_links(connection: Connection, exchange_id: UUID, supplier_id: UUID, now: datetime) -> bool:
    """Take every link of the recipient out of force for good, and stop e-mail on its way there.

    False where none is in force.
    """
    waiting = (
        (message_mails.c.exchange_id == exchange_id)
        & (message_mails.c.supplier_id == supplier_id)
        & (message_mails.c.status == "waiting")
    )
    # before the links: an e-mail that is being written holds its row, and its link must be there to be revoked
    stop = update(message_mails).where(waiting)
    await connection.execute(stop.values(status="cancelled", due_at=None, lease=None, ended_at=now))
    theirs = (reply_links.c.exchange_id == exchange_id) & (reply_links.c.supplier_id == supplier_id)
    in_force = theirs & reply_links.c.revoked_at.is_(None)
    gone = update(reply_links).where(in_force).values(revoked_at=now)
    revoked = (await connection.execute(gone.returning(reply_links.c.expires_at))).all()
    return any(row.expires_at > now for row in revoked)


async def shut_out(connection: Connection, exchange_id: UUID) -> frozenset[UUID]:
    """The recipients of the exchange whose links were all revoked: sent nothing until given another."""
    theirs = select(reply_links.c.supplier_id).where(reply_links.c.exchange_id == exchange_id)
    revoked = func.bool_and(reply_links.c.revoked_at.is_not(None))
    rows = await connection.execute(theirs.group_by(reply_links.c.supplier_id).having(revoked))
    return frozenset(rows.scalars())


def digest(token: str) -> bytes:
    """How a token is kept: a plain hash will do, since nothing can be guessed of random 32 bytes."""
    return sha256(token.encode(errors="replace")).digest()
