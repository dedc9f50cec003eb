"""Meetings of an organisation about its own needs, and the addresses of their calendar that open without a key.

The people that meetings name are in `persons`, by reference. A key has one address while it is in force, a person too;
the database stores the digest of the token in it, never the token.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as upsert

from db.core.engine import Connection, bind, document_with_later_members, is_below, read_grouped
from db.core.uuid7 import new_id
from db.persons import find_or_insert_person, may_see_needs
from db.schema.organisation_tables import (
    calendar_feeds,
    follow_ups,
    meeting_needs,
    meetings,
    needs,
    participants,
)
from db.schema.person_tables import persons
from db.schema.supplier_tables import api_keys
from domain.meetings.meeting import CALENDAR_FIELDS, FollowUp, Meeting, MeetingRequest, Participant, changed_fields

_COLUMNS = [column for column in meetings.c if column.name in Meeting.__struct_fields__]
_PARTICIPANTS = sa.select(participants, persons.c.name).outerjoin(persons, persons.c.id == participants.c.person_id)
_FOLLOW_UPS = sa.select(follow_ups, persons.c.name.label("who")).outerjoin(
    persons, persons.c.id == follow_ups.c.person_id
)


class MeetingKey(NamedTuple):
    """A cursor in the list of meetings, sorted by start and id: after the meeting that has these."""

    starts_at: datetime
    id: UUID


PersonIds = dict[tuple[str, str | None], UUID]
"""The ids of persons, by name and organisation; organisation None for people who only follow up."""


class MeetingFilters(msgspec.Struct, frozen=True, kw_only=True):
    """Conditions of a list of meetings: about a need, starting at `after` or later, starting before `before`."""

    need_id: UUID | None = None
    after: datetime | None = None
    before: datetime | None = None


async def insert_meeting(
    connection: Connection, organisation_id: UUID, request: MeetingRequest, now: datetime
) -> Meeting:
    """Store a meeting. The caller has checked that its needs are the organisation's (`unknown_needs`)."""
    fields = msgspec.structs.asdict(request)
    meeting = Meeting(**fields, id=new_id(now), version=1, sequence=0, created_at=now, updated_at=now)
    await connection.execute(sa.insert(meetings).values(organisation_id=organisation_id, **_meeting_row(meeting)))
    await _write_related_rows(connection, organisation_id, meeting, {}, now)
    return meeting


async def write_meeting(
    connection: Connection, organisation_id: UUID, before: Meeting, request: MeetingRequest, now: datetime
) -> Meeting:
    """Store a change of a meeting that the caller has locked; returns `before` itself where nothing changes."""
    changed = changed_fields(before, request)
    if not changed:
        return before
    after = msgspec.structs.replace(
        before,
        **msgspec.structs.asdict(request),
        version=before.version + 1,
        sequence=before.sequence + (not CALENDAR_FIELDS.isdisjoint(changed)),
        updated_at=now,
    )
    own = meetings.c.id == after.id
    documents = {
        column.name: await document_with_later_members(connection, column, own, getattr(after, column.name))
        for column in (meetings.c.place, meetings.c.agenda, meetings.c.territory)
    }
    await connection.execute(sa.update(meetings).where(own).values(_meeting_row(after) | documents))
    follow_up_rows = (await connection.execute(_FOLLOW_UPS.where(follow_ups.c.meeting_id == before.id))).all()
    rows = (await connection.execute(_PARTICIPANTS.where(participants.c.meeting_id == before.id))).all()
    named_before: PersonIds = {(row.who, None): row.person_id for row in follow_up_rows if row.person_id}
    named_before |= {(row.name, row.organisation): row.person_id for row in rows if row.person_id}
    await _write_related_rows(connection, organisation_id, after, named_before, now)
    return after


async def select_meeting(
    connection: Connection, organisation_id: UUID, meeting_id: UUID, *, lock: bool = False
) -> Meeting | None:
    """The organisation's meeting with this id; with `lock`, nobody else changes it until the transaction ends."""
    own = [meetings.c.id == meeting_id, meetings.c.organisation_id == organisation_id]
    if lock:
        await connection.execute(sa.select(meetings.c.id).where(*own).with_for_update())
    found = await _read_meetings(connection, own)
    return found[0] if found else None


async def select_meetings(
    connection: Connection, organisation_id: UUID, filters: MeetingFilters, after: MeetingKey | None, limit: int
) -> Sequence[Meeting]:
    """Up to `limit` meetings of the organisation after a cursor, in the order in which they start."""
    conditions = [meetings.c.organisation_id == organisation_id, is_below(meetings.c.starts_at, filters.before)]
    if filters.need_id is not None:
        about = sa.select(meeting_needs.c.meeting_id).where(meeting_needs.c.need_id == filters.need_id)
        conditions.append(meetings.c.id.in_(about))
    if filters.after is not None:
        conditions.append(meetings.c.starts_at >= filters.after)
    if after is not None:
        conditions.append(sa.tuple_(meetings.c.starts_at, meetings.c.id) > after)
    return await _read_meetings(connection, conditions, limit)


async def meetings_of(connection: Connection, organisation_id: UUID, need_id: UUID) -> Sequence[Meeting]:
    """Every meeting about a need of the organisation, in the order in which they start."""
    return await select_meetings(connection, organisation_id, MeetingFilters(need_id=need_id), None, 10_000)


async def unknown_needs(connection: Connection, organisation_id: UUID, need_ids: Sequence[UUID]) -> set[UUID]:
    """The ids among `need_ids` of which the organisation has no need."""
    own = sa.select(needs.c.id).where(needs.c.organisation_id == organisation_id, needs.c.id.in_(need_ids))
    return set(need_ids) - set((await connection.execute(own)).scalars())


def _meeting_row(meeting: Meeting) -> dict[str, Any]:
    return {column.name: getattr(meeting, column.name) for column in _COLUMNS}


async def _write_related_rows(
    connection: Connection, organisation_id: UUID, meeting: Meeting, named_before: PersonIds, now: datetime
) -> None:
    """Store a meeting's needs, participants and follow-ups; persons not in `named_before` are found or inserted.

    Those named before keep their ids, so that one who was erased is not stored anew by pseudonym.
    """
    ids = dict(named_before)
    for each in meeting.participants:
        if each.name is not None and (each.name, each.organisation) not in ids:
            person = await find_or_insert_person(connection, organisation_id, each.name, now, each.organisation)
            ids[each.name, each.organisation] = person
    # a follow-up by name alone is a participant's of that name
    by_name = {name: person for (name, _), person in ids.items()}
    for who in dict.fromkeys(each.who for each in meeting.follow_ups if each.who is not None):
        if (who, None) not in ids:
            ids[who, None] = by_name.get(who) or await find_or_insert_person(connection, organisation_id, who, now)
    need_rows: list[dict[str, Any]] = [{"need_id": need_id} for need_id in meeting.need_ids]
    participant_rows = [msgspec.structs.asdict(each) for each in meeting.participants]
    for row in participant_rows:
        name = row.pop("name")
        row["person_id"] = name and ids[name, row["organisation"]]
    follow_up_rows = [msgspec.structs.asdict(each) for each in meeting.follow_ups]
    for row in follow_up_rows:
        who = row.pop("who")
        row["person_id"] = who and ids[who, None]
    for table, rows in ((meeting_needs, need_rows), (participants, participant_rows), (follow_ups, follow_up_rows)):
        keyed = [row | {"meeting_id": meeting.id, "position": position} for position, row in enumerate(rows)]
        await _replace_rows(connection, table, meeting.id, keyed)
    bind(connection, f"meeting_scope:{meeting.id}")


async def _replace_rows(connection: Connection, table: sa.Table, meeting_id: UUID, rows: list[dict[str, Any]]) -> None:
    """Replace a meeting's rows in a table; rows with the same `identity` are updated instead."""
    own = table.c.meeting_id == meeting_id
    # positions are keys: those that are stored are out of the way meanwhile
    await connection.execute(sa.update(table).where(own).values(position=-1 - table.c.position))
    stored = (await connection.execute(sa.select(table).where(own).order_by(table.c.position.desc()))).mappings()

    def identity(row: Mapping[Any, Any]) -> list[Any]:
        """The values that identify a row: its need, its participant, or its task and person."""
        named = ("need_id", "role", "supplier_id", "person_id", "organisation", "what")
        return [row.get(name) for name in named]

    left = [(row["position"], identity(row)) for row in stored]
    new, moved = list[dict[str, Any]](), list[dict[str, Any]]()
    for row in rows:
        before = next((each for each in left if each[1] == identity(row)), None)
        if before is None:
            new.append(row)
        else:
            left.remove(before)
            moved.append({"before": before[0]} | row)
    if moved:
        changed = {name: sa.bindparam(name, type_=table.c[name].type) for name in rows[0] if name != "meeting_id"}
        at_place = table.c.position == sa.bindparam("before", type_=sa.Integer)
        await connection.execute(sa.update(table).where(own, at_place).values(changed), moved)
    await connection.execute(sa.delete(table).where(own, table.c.position < 0))
    if new:
        await connection.execute(sa.insert(table), new)


async def _read_meetings(
    connection: Connection, conditions: Sequence[sa.ColumnElement[bool]], limit: int | None = None
) -> list[Meeting]:
    query = sa.select(*_COLUMNS).where(*conditions).order_by(meetings.c.starts_at, meetings.c.id).limit(limit)
    rows = (await connection.execute(query)).all()
    ids = [row.id for row in rows]
    need_rows = await _rows_by_meeting(connection, sa.select(meeting_needs), meeting_needs, ids)
    participant_rows = await _rows_by_meeting(connection, _PARTICIPANTS, participants, ids)
    follow_up_rows = await _rows_by_meeting(connection, _FOLLOW_UPS, follow_ups, ids)
    return [
        Meeting(
            **row._asdict() | {"segments": tuple(row.segments)},
            need_ids=tuple(part.need_id for part in need_rows.get(row.id, ())),
            participants=msgspec.convert(
                participant_rows.get(row.id, ()), tuple[Participant, ...], from_attributes=True
            ),
            follow_ups=msgspec.convert(follow_up_rows.get(row.id, ()), tuple[FollowUp, ...], from_attributes=True),
        )
        for row in rows
    ]


async def _rows_by_meeting(
    connection: Connection, query: sa.Select[Any], table: sa.Table, ids: Sequence[UUID]
) -> dict[UUID, list[sa.Row[Any]]]:
    of_meetings = query.where(table.c.meeting_id.in_(ids)).order_by(table.c.meeting_id, table.c.position)
    return await read_grouped(connection, of_meetings, "meeting_id")


class CalendarFeed(NamedTuple):
    """The organisation whose meetings a calendar address shows, and the key or person that made the address."""

    organisation_id: UUID
    key_id: UUID


async def store_feed(connection: Connection, feed: CalendarFeed, digest: bytes, now: datetime) -> None:
    """Store the digest of a key's calendar address, in the place of the one before."""
    row = {"organisation_id": feed.organisation_id, "digest": digest, "created_at": now}
    statement = upsert(calendar_feeds).values(key_id=feed.key_id, **row)
    await connection.execute(statement.on_conflict_do_update(index_elements=["key_id"], set_=row))
    bind(connection, f"calendar_feed:{feed.key_id}")


async def feed_made_at(connection: Connection, key_id: UUID) -> datetime | None:
    """The moment at which the calendar address of a key was made; None where the key has none."""
    return await connection.scalar(sa.select(calendar_feeds.c.created_at).filter_by(key_id=key_id))


async def revoke_feed(connection: Connection, key_id: UUID) -> bool:
    """Delete the calendar address of a key; False where the key has none."""
    bind(connection, f"calendar_feed:{key_id}")
    gone = sa.delete(calendar_feeds).where(calendar_feeds.c.key_id == key_id).returning(calendar_feeds.c.key_id)
    return (await connection.execute(gone)).first() is not None


async def select_feed(
    connection: Connection, digests: Sequence[bytes], now: datetime, admin_key: UUID
) -> CalendarFeed | None:
    """The calendar address with one of these digests; None if unknown or its key (not `admin_key`) is not in force.

    That of a person who signs in without a key is in force while they may see needs, and have done so of late.
    `admin_key`: the id of the administrator's key, which has no row and is in force wherever its digest is given.
    """
    unexpired = sa.or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > now)
    in_force = sa.exists().where(api_keys.c.id == calendar_feeds.c.key_id, api_keys.c.revoked_at.is_(None), unexpired)
    of_person = may_see_needs(calendar_feeds.c.key_id, now)
    query = sa.select(calendar_feeds.c.organisation_id, calendar_feeds.c.key_id).where(
        calendar_feeds.c.digest.in_(digests), sa.or_(in_force, of_person, calendar_feeds.c.key_id == admin_key)
    )
    found = (await connection.execute(query)).first()
    return None if found is None else CalendarFeed(*found)
