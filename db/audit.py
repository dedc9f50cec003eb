"""The journal, written in the same transaction as what it tells of. The database itself refuses to change an entry."""

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import Row, Text, cast, exists, insert, select

from db.core.advisory_locks import Subject, lock
from db.core.engine import Connection
from db.schema.need_tables import audit_entries
from db.schema.supplier_tables import api_keys, organisations
from domain.audit import BEFORE_THE_FIRST, Actor, Detail, Entry, chained

READ_AT_ONCE = 5_000

_decode_detail = msgspec.json.Decoder(Detail).decode


class Head(NamedTuple):
    """The last entry of a journal; `number` 0 where there is none."""

    number: int
    hash: bytes


class KeyName(NamedTuple):
    """How people know a key: what it is for, and how it begins."""

    name: str
    prefix: str


class StoredEntry(NamedTuple):
    """An entry as it is stored, to be checked. `entry` None: its content cannot be read."""

    number: int
    hash: bytes
    entry: Entry | None


class EntryFilters(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries: about an object, of an action, noted at `since` or later, noted before `until`."""

    object: str | None = None
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def write_entry(
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
    number, previous = await head(connection, actor.organisation_id)
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
    connection: Connection,
    organisation_id: UUID,
    object_: str | None,
    after: int,
    limit: int,
    filters: EntryFilters | None = None,
) -> Sequence[Entry]:
    """The organisation's entries after number `after`, oldest first; about `object_` alone unless it is None."""
    filters = filters or EntryFilters()
    columns = audit_entries.c
    query = select(audit_entries).where(columns.organisation_id == organisation_id, columns.number > after)
    for column, value in ((columns.object, object_ or filters.object), (columns.action, filters.action)):
        if value is not None:
            query = query.where(column == value)
    if filters.since is not None:
        query = query.where(columns.at >= filters.since)
    if filters.until is not None:
        query = query.where(columns.at < filters.until)
    rows = await connection.execute(query.order_by(columns.number).limit(limit))
    return [_entry(row, row.detail) for row in rows]


async def is_told_of(connection: Connection, organisation_id: UUID, object_: str) -> bool:
    """Whether the organisation's journal has an entry about the object."""
    about = exists().where(audit_entries.c.organisation_id == organisation_id, audit_entries.c.object == object_)
    return bool(await connection.scalar(select(about)))


async def head(connection: Connection, organisation_id: UUID) -> Head:
    """The last entry of the organisation's journal."""
    query = (
        select(audit_entries.c.number, audit_entries.c.hash)
        .where(audit_entries.c.organisation_id == organisation_id)
        .order_by(audit_entries.c.number.desc())
        .limit(1)
    )
    last = (await connection.execute(query)).first()
    return Head(0, BEFORE_THE_FIRST) if last is None else Head(last.number, last.hash)


async def key_names(connection: Connection, ids: Collection[UUID]) -> dict[UUID, KeyName]:
    """How people know these keys, the revoked ones too; ids of no key are absent."""
    query = select(api_keys.c.id, api_keys.c.name, api_keys.c.prefix).where(api_keys.c.id.in_(ids))
    return {row.id: KeyName(row.name, row.prefix) for row in await connection.execute(query)}


async def journals(connection: Connection) -> Sequence[tuple[UUID, str]]:
    """Every organisation, with its name, in the order of names; some may have no entry yet."""
    rows = await connection.execute(select(organisations.c.id, organisations.c.name).order_by(organisations.c.name))
    return [(row.id, row.name) for row in rows]


async def stored_entries(connection: Connection, organisation_id: UUID) -> AsyncIterator[Sequence[StoredEntry]]:
    """Every entry of a journal as it is stored, in the order of numbers, some thousands at a time."""
    raw = cast(audit_entries.c.detail, Text).label("raw_detail")
    others = [column for column in audit_entries.c if column.name != "detail"]
    after: int | None = None
    while True:
        query = select(*others, raw).where(audit_entries.c.organisation_id == organisation_id)
        if after is not None:
            query = query.where(audit_entries.c.number > after)
        rows = (await connection.execute(query.order_by(audit_entries.c.number).limit(READ_AT_ONCE))).all()
        if rows:
            yield [StoredEntry(row.number, row.hash, _readable(row)) for row in rows]
        if len(rows) < READ_AT_ONCE:
            return
        after = rows[-1].number


def _readable(row: Row[*tuple[Any, ...]]) -> Entry | None:
    try:
        return _entry(row, _decode_detail(row.raw_detail))
    except msgspec.MsgspecError:
        return None


def _entry(row: Row[*tuple[Any, ...]], detail: Detail) -> Entry:
    return Entry(
        number=row.number,
        at=row.at,
        means=row.means,
        actor_id=row.actor_id,
        action=row.action,
        object=row.object,
        version=row.version,
        detail=detail,
        hash=row.hash.hex(),
    )
