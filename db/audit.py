"""The journal, written in the same transaction as what it tells of. The database itself refuses to change an entry."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Row, insert, select

from db.connect import Connection
from db.locks import Subject, lock
from db.need_tables import audit_entries
from domain.audit import BEFORE_THE_FIRST, Actor, Detail, Entry, chained


async def record(
    connection: Connection,
    actor: Actor,
    action: str,
    object_: str,
    now: datetime,
    *,
    version: int | None = None,
    detail: Detail | None = None,
) -> None:
    """Note that `actor` did `action` ("need.created", "message.sent"…) to `object_` ("need:<id>").

    Call it last before the commit: until then, nobody else of the organisation can note anything.
    """
    await lock(connection, Subject.AUDIT, actor.organisation_id.hex)
    number, previous = await _last(connection, actor.organisation_id)
    entry = Entry(
        number=number + 1,
        at=now,
        means=actor.means,
        actor_id=actor.id,
        action=action,
        object=object_,
        version=version,
        detail=detail or {},
        hash="",
    )
    digest = chained(previous, actor.organisation_id, entry)
    row = msgspec.structs.asdict(entry) | {"organisation_id": actor.organisation_id, "hash": digest}
    await connection.execute(insert(audit_entries).values(row))


async def entries(
    connection: Connection, organisation_id: UUID, object_: str | None, after: int, limit: int
) -> Sequence[Entry]:
    """The organisation's entries after number `after`, oldest first; about `object_` alone unless it is None."""
    query = select(audit_entries).where(
        audit_entries.c.organisation_id == organisation_id, audit_entries.c.number > after
    )
    if object_ is not None:
        query = query.where(audit_entries.c.object == object_)
    rows = await connection.execute(query.order_by(audit_entries.c.number).limit(limit))
    return [_entry(row) for row in rows]


async def _last(connection: Connection, organisation_id: UUID) -> tuple[int, bytes]:
    query = (
        select(audit_entries.c.number, audit_entries.c.hash)
        .where(audit_entries.c.organisation_id == organisation_id)
        .order_by(audit_entries.c.number.desc())
        .limit(1)
    )
    last = (await connection.execute(query)).first()
    return (0, BEFORE_THE_FIRST) if last is None else (last.number, last.hash)


def _entry(row: Row[Any]) -> Entry:
    return Entry(
        number=row.number,
        at=row.at,
        means=row.means,
        actor_id=row.actor_id,
        action=row.action,
        object=row.object,
        version=row.version,
        detail=row.detail,
        hash=row.hash.hex(),
    )
