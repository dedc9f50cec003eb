"""The journal, written in the transaction of what it records. The database itself refuses to change an entry.

Signed statements of the last entries of all journals are queued from time to time for where the operator keeps them.
"""

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import Row, Text, cast, exists, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import distinct_on

from db.core.engine import Connection, LockKind, is_below, lock, lock_if_free, take_names_to_bind
from db.core.uuid7 import new_id
from db.journal.content import content_digests
from db.schema.organisation_tables import audit_entries, audit_heads, exchanges, meeting_needs
from db.schema.person_tables import persons
from db.schema.supplier_tables import api_keys, organisations
from domain.journal import BEFORE_THE_FIRST, Actor, Detail, Entry, JournalHead, MerkleTree, entry_hash

READ_AT_ONCE = 5_000
MOST_BOUND = 1_000
"""Stored objects that an entry binds at most."""

_COLUMNS = [column for column in audit_entries.c if column.name not in {"organisation_id", "detail", "signature"}]
_decode_detail = msgspec.json.Decoder(Detail).decode


class Head(NamedTuple):
    """The number and hash of a journal's last entry; `number` is 0 where the journal is empty."""

    number: int
    hash: bytes


class StoredEntry(NamedTuple):
    """A journal entry as stored, for verification; `entry` is None where its content cannot be read."""

    number: int
    hash: bytes
    entry: Entry | None
    signature: bytes | None = None


class NextEntry(NamedTuple):
    """A journal entry to be written; `signature` is None where this process has no signing key."""

    entry: Entry
    hash: bytes
    signature: bytes | None


async def write_entry(
    connection: Connection,
    actor: Actor,
    action: str,
    object_: str,
    now: datetime,
    *,
    version: int | None = None,
    detail: Detail | None = None,
    about: Sequence[str] = (),
) -> None:
    """Add an entry to the journal: `actor` did `action` ("need.created", "message.sent"…) to `object_` ("need:<id>").

    `about`: what is stored that the entry binds, as `db.journal.content` names it, with what was given to `bind`. Call
    it last before the commit: until then, no other transaction can write to the organisation's journal.
    """

    names = [*about, *take_names_to_bind(connection)]
    if len(names) > MOST_BOUND:  # as the links of a campaign: one entry of them all would be long to read
        await write_entry(connection, actor, "rights.bound", object_, now, about=names[:MOST_BOUND])
        names = names[MOST_BOUND:]
        await write_entry(connection, actor, action, object_, now, version=version, detail=detail, about=names)
        return
    made = await next_entry(connection, actor, action, object_, now, version=version, detail=detail, about=names)
    row = msgspec.structs.asdict(made.entry) | {"organisation_id": actor.organisation_id}
    await connection.execute(insert(audit_entries).values(row | {"hash": made.hash, "signature": made.signature}))


async def next_entry(
    connection: Connection,
    actor: Actor,
    action: str,
    object_: str,
    now: datetime,
    *,
    version: int | None = None,
    detail: Detail | None = None,
    about: Sequence[str] | None = None,
) -> NextEntry:
    """The next entry of the organisation's journal, not yet stored; locks the journal until the transaction ends.

    `about`: see `write_entry`; the first entry also binds the organisation. None: it binds nothing.
    """
    # before anything is read to be bound: whoever changed the same meanwhile has committed, or binds both changes
    await lock(connection, LockKind.AUDIT, actor.organisation_id.hex)
    number, previous = await head(connection, actor.organisation_id)
    names = [*(about or ()), *([f"organisation:{actor.organisation_id}"] if number == 0 and about is not None else ())]
    content = [f"{name}={digest}" for name, digest in (await content_digests(connection, names)).items()]
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
        content=tuple(content),
    )
    digest = entry_hash(previous, actor.organisation_id, entry)
    signer = connection.sync_connection.get_execution_options().get("signer") if connection.sync_connection else None
    return NextEntry(entry, digest, signer(digest) if signer else None)


async def entries(
    connection: Connection,
    organisation_id: UUID,
    object_: str | Sequence[str] | None,
    after: int,
    limit: int,
    *,
    action: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Sequence[Entry]:
    """Up to `limit` journal entries after number `after` that pass the filters, oldest first; `until` is exclusive.

    `object_`: the object that they are about, or several.
    """
    columns = audit_entries.c
    wanted = [columns.organisation_id == organisation_id, columns.number > after, is_below(columns.at, until)]
    about = [object_] if isinstance(object_, str) else object_
    wanted += [columns.object == func.any(list(about))] if about is not None else []
    wanted += [columns.action == action] if action is not None else []
    wanted += [columns.at >= since] if since is not None else []
    query = select(*_COLUMNS, columns.detail).where(*wanted).order_by(columns.number).limit(limit)
    return [_entry_of_row(row, row.detail) for row in await connection.execute(query)]


async def latest_entries(
    connection: Connection, organisation_id: UUID, before: int | None, limit: int
) -> Sequence[Entry]:
    """Up to `limit` journal entries of the organisation before a number (None: any), the latest first."""
    columns = audit_entries.c
    wanted = (columns.organisation_id == organisation_id, is_below(columns.number, before))
    query = select(*_COLUMNS, columns.detail).where(*wanted).order_by(columns.number.desc()).limit(limit)
    return [_entry_of_row(row, row.detail) for row in await connection.execute(query)]


async def has_entries(connection: Connection, organisation_id: UUID, object_: str) -> bool:
    """Whether the organisation's journal has an entry about the object."""
    about = exists().where(audit_entries.c.organisation_id == organisation_id, audit_entries.c.object == object_)
    return bool(await connection.scalar(select(about)))


async def last_details(
    connection: Connection, organisation_id: UUID, action: str, objects: Collection[str]
) -> dict[str, Detail]:
    """The details of the last journal entry with this action, by object; objects without one are absent."""
    columns = audit_entries.c
    wanted = (columns.organisation_id == organisation_id, columns.action == action, columns.object.in_(objects))
    query = select(columns.object, columns.detail).where(*wanted).ext(distinct_on(columns.object))
    rows = await connection.execute(query.order_by(columns.object, columns.number.desc()))
    return {row.object: row.detail for row in rows}


async def head(connection: Connection, organisation_id: UUID) -> Head:
    """The number and hash of the last entry in the organisation's journal."""
    query = select(audit_entries.c.number, audit_entries.c.hash).filter_by(organisation_id=organisation_id)
    last = (await connection.execute(query.order_by(audit_entries.c.number.desc()).limit(1))).first()
    return Head(0, BEFORE_THE_FIRST) if last is None else Head(last.number, last.hash)


async def key_names(connection: Connection, ids: Collection[UUID | None]) -> dict[UUID | None, tuple[str, str | None]]:
    """The name and prefix of each of these keys, revoked ones included; ids of no key are absent."""
    query = select(api_keys.c.id, api_keys.c.name, api_keys.c.prefix).where(api_keys.c.id.in_(ids))
    return {row.id: (row.name, row.prefix) for row in await connection.execute(query)}


async def person_names(connection: Connection, ids: Collection[UUID | None]) -> dict[UUID | None, str]:
    """The name of each of these persons; for an erased person, the pseudonym."""
    query = select(persons.c.id, persons.c.name).where(persons.c.id.in_(ids))
    return {row.id: row.name for row in await connection.execute(query)}


async def journals(connection: Connection) -> Sequence[tuple[UUID, str]]:
    """The id and name of every organisation, each of which has a journal, if only an empty one; sorted by name."""
    rows = await connection.execute(select(organisations.c.id, organisations.c.name).order_by(organisations.c.name))
    return [(row.id, row.name) for row in rows]


async def read_one_snapshot(connection: Connection) -> None:
    """Make the whole transaction read one snapshot of the database; to be called first in the transaction."""
    await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))


async def stored_entries(connection: Connection, organisation_id: UUID) -> AsyncIterator[Sequence[StoredEntry]]:
    """Yield all entries of a journal as stored, in the order of numbers, `READ_AT_ONCE` at a time."""
    raw_detail = cast(audit_entries.c.detail, Text).label("detail")
    query = select(*_COLUMNS, raw_detail, audit_entries.c.signature).filter_by(organisation_id=organisation_id)
    in_order = query.order_by(audit_entries.c.number)
    rows = await connection.stream(in_order, execution_options={"yield_per": READ_AT_ONCE})
    async for page in rows.partitions():
        stored = []
        for row in page:
            entry = None
            with suppress(msgspec.MsgspecError):
                entry = _entry_of_row(row, _decode_detail(row.detail))
            stored.append(StoredEntry(row.number, row.hash, entry, row.signature))
        yield stored


def _entry_of_row(row: Row[*tuple[Any, ...]], detail: Detail) -> Entry:
    fields = {column.name: getattr(row, column.name) for column in _COLUMNS}
    return Entry(**fields | {"detail": detail, "hash": row.hash.hex()})


async def organisation_of(connection: Connection, object_: str) -> UUID | None:
    """The organisation whose journal has entries about the object; None where none has."""
    owners = select(audit_entries.c.organisation_id).where(audit_entries.c.object == object_)
    return (await connection.execute(owners.limit(1))).scalar()


async def objects_about(connection: Connection, need_id: UUID) -> frozenset[str]:
    """The objects whose journal entries tell of a need: itself, its exchanges, and the meetings about it."""
    talks = select(exchanges.c.id).filter_by(need_id=need_id)
    held = select(meeting_needs.c.meeting_id).filter_by(need_id=need_id)
    named = [f"exchange:{each}" for each in (await connection.execute(talks)).scalars()]
    named += [f"meeting:{each}" for each in (await connection.execute(held)).scalars()]
    return frozenset({f"need:{need_id}", *named})


async def read_tree(connection: Connection, organisation_id: UUID) -> MerkleTree:
    """The tree over all entries of a journal, which tells its root alone."""
    tree = MerkleTree()
    hashes = select(audit_entries.c.hash).filter_by(organisation_id=organisation_id).order_by(audit_entries.c.number)
    async for page in (await connection.stream(hashes, execution_options={"yield_per": READ_AT_ONCE})).partitions():
        for row in page:
            tree.append(row.hash)
    return tree


async def signed_lines(connection: Connection) -> Sequence[str]:
    """The lines with signed heads that were queued, the earliest first."""
    return (await connection.execute(select(audit_heads.c.line).order_by(audit_heads.c.queued_at))).scalars().all()


async def replace_line(connection: Connection, line_id: UUID, line: str) -> None:
    """Store a line with signed heads again, now that it has a time-stamp."""
    await connection.execute(update(audit_heads).where(audit_heads.c.id == line_id).values(line=line))


async def queue_heads(
    connection: Connection, write_line: Callable[[list[JournalHead]], str], every: timedelta, now: datetime
) -> bool:
    """Queue the line that `write_line` makes of all journals' last hashes; False if one was queued in the time `every`.

    Also False where another transaction is doing it. The caller commits.
    """
    recent = exists().where(audit_heads.c.queued_at > now - every)
    if await connection.scalar(select(recent)) or not await lock_if_free(connection, LockKind.AUDIT, "heads"):
        return False
    if await connection.scalar(select(recent)):
        return False
    heads = []
    for organisation_id, _ in await journals(connection):
        last = await head(connection, organisation_id)
        if last.number:
            root = (await read_tree(connection, organisation_id)).root()
            heads.append(JournalHead(organisation_id, last.number, last.hash.hex(), root.hex()))
    row = {"id": new_id(now), "queued_at": now, "due_at": now, "line": write_line(heads)}
    await connection.execute(insert(audit_heads).values(row))
    return True
