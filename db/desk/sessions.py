"""Sessions of the buyer's desk: a row for each browser that signed in with a key.

The database stores the digest of the token in the browser's cookie, never the token.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, insert, select

from db.core.engine import Connection
from db.schema.desk_tables import desk_sessions


async def insert_session(
    connection: Connection, digest: bytes, key_id: UUID, now: datetime, expires_at: datetime
) -> None:
    """Store the session of a key, and remove those that have expired."""
    await connection.execute(delete(desk_sessions).where(desk_sessions.c.expires_at <= now))
    row = {"digest": digest, "key_id": key_id, "created_at": now, "expires_at": expires_at}
    await connection.execute(insert(desk_sessions).values(row))


async def find_session(connection: Connection, digests: Sequence[bytes], now: datetime) -> UUID | None:
    """The id of the key of the session that has one of these digests; None where there is none, or it has expired."""
    mine = desk_sessions.c.digest.in_(digests) & (desk_sessions.c.expires_at > now)
    found: UUID | None = await connection.scalar(select(desk_sessions.c.key_id).where(mine))
    return found


async def delete_session(connection: Connection, digests: Sequence[bytes]) -> None:
    """Remove the session that has one of these digests, where there is one."""
    await connection.execute(delete(desk_sessions).where(desk_sessions.c.digest.in_(digests)))
