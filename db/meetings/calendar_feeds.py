"""Addresses of the calendar of meetings that open without a key: one for each key, while that is in force, or person.

The database stores the digest of the token in an address, never the token.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import delete, exists, or_, select
from sqlalchemy.dialects.postgresql import insert as upsert

from db.core.engine import Connection
from db.schema.meeting_tables import calendar_feeds
from db.schema.person_tables import desk_accounts
from db.schema.supplier_tables import api_keys

SEEN_DAYS = 90


class CalendarFeed(NamedTuple):
    """The organisation whose meetings an address shows, and the key that it was made with, or the person."""

    organisation_id: UUID
    key_id: UUID


async def store_feed(connection: Connection, feed: CalendarFeed, digest: bytes, now: datetime) -> None:
    """Store the address of a key; the one that it had before no longer opens."""
    row = {"organisation_id": feed.organisation_id, "digest": digest, "created_at": now}
    statement = upsert(calendar_feeds).values(key_id=feed.key_id, **row)
    await connection.execute(statement.on_conflict_do_update(index_elements=["key_id"], set_=row))


async def feed_made_at(connection: Connection, key_id: UUID) -> datetime | None:
    """The moment at which the address of a key was made; None where it has none."""
    query = select(calendar_feeds.c.created_at).filter_by(key_id=key_id)
    moment: datetime | None = await connection.scalar(query)
    return moment


async def revoke_feed(connection: Connection, key_id: UUID) -> bool:
    """Take the address of a key away; False where it has none."""
    gone = delete(calendar_feeds).where(calendar_feeds.c.key_id == key_id).returning(calendar_feeds.c.key_id)
    return (await connection.execute(gone)).first() is not None


async def select_feed(
    connection: Connection, digests: Sequence[bytes], now: datetime, not_stored: UUID
) -> CalendarFeed | None:
    """The address of one of these digests; None where there is none, or its key was revoked or has expired.

    That of a person who signs in without a key is in force while they have done so in the last `SEEN_DAYS`.
    `not_stored`: the id of the administrator's key, which has no row and is in force wherever its digest is given.
    """
    unexpired = or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > now)
    in_force = exists().where(api_keys.c.id == calendar_feeds.c.key_id, api_keys.c.revoked_at.is_(None), unexpired)
    has_signed_in = exists().where(
        desk_accounts.c.person_id == calendar_feeds.c.key_id, desk_accounts.c.seen_at > now - timedelta(days=SEEN_DAYS)
    )
    query = select(calendar_feeds.c.organisation_id, calendar_feeds.c.key_id).where(
        calendar_feeds.c.digest.in_(digests), or_(in_force, has_signed_in, calendar_feeds.c.key_id == not_stored)
    )
    found = (await connection.execute(query)).first()
    return None if found is None else CalendarFeed(*found)
