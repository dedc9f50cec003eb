"""Signed statements of the last entries of all journals, queued from time to time for where the operator keeps them."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import exists, insert, select

from db.audit import head, journals
from db.core.advisory_locks import Subject, lock_if_free
from db.core.engine import Connection
from db.core.uuid7 import new_id
from db.schema.need_tables import audit_heads
from domain.audit import JournalHead


async def queue_heads(
    connection: Connection, write: Callable[[list[JournalHead]], str], every: timedelta, now: datetime
) -> bool:
    """Queue the heads of all journals as `write` puts them, unless that was done less than `every` ago; whether it was.

    The caller commits.
    """
    recent = exists().where(audit_heads.c.queued_at > now - every)
    if await connection.scalar(select(recent)) or not await lock_if_free(connection, Subject.AUDIT, "heads"):
        return False
    if await connection.scalar(select(recent)):
        return False
    heads = []
    for organisation_id, _ in await journals(connection):
        last = await head(connection, organisation_id)
        if last.number:
            heads.append(JournalHead(organisation_id, last.number, last.hash.hex()))
    row = {"id": new_id(now), "queued_at": now, "due_at": now, "line": write(heads)}
    await connection.execute(insert(audit_heads).values(row))
    return True
