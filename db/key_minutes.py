"""The requests of keys with a quota, and attempts in vain, counted by the minute for all processes of all servers.

Processes take shares of a minute's quota, not one request after the other; the minute is that of the database's clock.
"""

from typing import NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, Integer, Uuid, bindparam, text

from db.core.engine import Connection

# Beyond the quota nothing more is counted, so that no number of attempts overflows. A statement that waited for another
# may come with the minute before; a minute further ahead is that of a clock that was put back since.
_TAKE = text("""
    INSERT INTO key_minutes AS stored (key_id, minute, taken)
    VALUES (:key_id, date_trunc('minute', clock_timestamp()), :wanted)
    ON CONFLICT (key_id) DO UPDATE SET
        minute = CASE WHEN stored.minute - excluded.minute = interval '1 minute' THEN stored.minute
            ELSE excluded.minute END,
        taken = excluded.taken + CASE WHEN stored.minute - excluded.minute IN (interval '0', interval '1 minute')
            THEN least(stored.taken, :quota) ELSE 0 END
    RETURNING taken, 60 - extract(second FROM clock_timestamp())::double precision AS seconds
""").bindparams(
    bindparam("key_id", type_=Uuid), bindparam("wanted", type_=Integer), bindparam("quota", type_=BigInteger)
)


# Of no worth any more; a row that another process is counting in is left.
_REMOVE_PAST = text("""
    DELETE FROM key_minutes WHERE key_id IN (
        SELECT key_id FROM key_minutes WHERE minute < clock_timestamp() - interval '5 minutes' FOR UPDATE SKIP LOCKED
    )
""")


class Share(NamedTuple):
    """Requests granted to a process, of the `seconds` that are left of the minute; `untaken`: still to be had."""

    granted: int
    untaken: int
    seconds: float


async def take_share(connection: Connection, key_id: UUID, wanted: int, quota: int) -> Share:
    """At most `wanted` of the `quota` of requests that the key has in the present minute."""
    row = (await connection.execute(_TAKE, {"key_id": key_id, "wanted": wanted, "quota": quota})).one()
    return share_of(wanted, quota, row.taken - wanted, row.seconds)


async def remove_past(connection: Connection) -> None:
    """Remove the counts of minutes that are over."""
    await connection.execute(_REMOVE_PAST)


def share_of(wanted: int, quota: int, before: int, seconds: float) -> Share:
    """The share of who asks for `wanted` of the quota when `before` of it are taken."""
    return Share(max(0, min(wanted, quota - before)), max(0, quota - before - wanted), max(seconds, 0.001))
