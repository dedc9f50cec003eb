"""Meetings of an organisation, about needs of its own. Whom they name is kept apart, in persons."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Row, Table, delete, exists, insert, select, tuple_, update

from db.core.engine import Connection
from db.core.uuid7 import new_id
from db.meetings.persons import person_of, persons_by_id
from db.schema.meeting_tables import follow_ups, meeting_needs, meetings, participants
from db.schema.need_tables import needs
from domain.meetings.meeting import FollowUp, Meeting, MeetingRequest, Participant, calendar_changed
from domain.privacy.person import Person

_OWN = ("status", "format", "title", "starts_at", "ends_at", "place", "url", "agenda", "minutes")


class Position(NamedTuple):
    """A place in the list of meetings: after the one of this id, which starts then."""

    starts_at: datetime
    id: UUID


Named = dict[tuple[str, str | None], UUID]


class MeetingFilters(msgspec.Struct, frozen=True, kw_only=True):
    """Which meetings of an organisation: about a need, starting at `after` or later, starting before `before`."""

    need_id: UUID | None = None
    after: datetime | None = None
    before: datetime | None = None


async def create_meeting(
    connection: Connection, organisation_id: UUID, request: MeetingRequest, now: datetime
) -> Meeting:
    """Keep a meeting. The caller has checked that its needs are the organisation's (`unknown_needs`), and commits."""
    meeting = Meeting(**_fields(request), id=new_id(now), version=1, sequence=0, created_at=now, updated_at=now)
    row = {name: getattr(meeting, name) for name in ("id", "version", "sequence", "created_at", "updated_at", *_OWN)}
    await connection.execute(insert(meetings).values(organisation_id=organisation_id, **row))
    await _write_parts(connection, organisation_id, meeting, {}, now)
    return meeting


async def change_meeting(
    connection: Connection, organisation_id: UUID, before: Meeting, request: MeetingRequest, now: datetime
) -> Meeting:
    """Make of a meeting, as `hold_meeting` gave it, what was asked for; nothing is written where that is what it is."""
    if _fields(before) == _fields(request):
        return before
    after = Meeting(
        **_fields(request),
        id=before.id,
        version=before.version + 1,
        sequence=before.sequence + calendar_changed(before, request),
        created_at=before.created_at,
        updated_at=now,
    )
    row = {name: getattr(after, name) for name in ("version", "sequence", "updated_at", *_OWN)}
    await connection.execute(update(meetings).where(meetings.c.id == after.id).values(row))
    known = await _named_in(connection, before.id)
    for table in (meeting_needs, participants, follow_ups):
        await connection.execute(delete(table).where(table.c.meeting_id == after.id))
    await _write_parts(connection, organisation_id, after, known, now)
    return after


async def get_meeting(connection: Connection, organisation_id: UUID, meeting_id: UUID) -> Meeting | None:
    """The organisation's meeting; None if there is none."""
    found = await _read(connection, [meetings.c.id == meeting_id, meetings.c.organisation_id == organisation_id])
    return found[0] if found else None


async def hold_meeting(connection: Connection, organisation_id: UUID, meeting_id: UUID) -> Meeting | None:
    """As `get_meeting`; nobody else changes it until this transaction ends."""
    own = select(meetings.c.id).where(meetings.c.id == meeting_id, meetings.c.organisation_id == organisation_id)
    await connection.execute(own.with_for_update())
    return await get_meeting(connection, organisation_id, meeting_id)


async def page_of_meetings(
    connection: Connection, organisation_id: UUID, filters: MeetingFilters, after: Position | None, limit: int
) -> Sequence[Meeting]:
    """The organisation's meetings after a position, in the order in which they start."""
    conditions = [meetings.c.organisation_id == organisation_id]
    if filters.need_id is not None:
        about = exists().where(meeting_needs.c.meeting_id == meetings.c.id, meeting_needs.c.need_id == filters.need_id)
        conditions.append(about)
    if filters.after is not None:
        conditions.append(meetings.c.starts_at >= filters.after)
    if filters.before is not None:
        conditions.append(meetings.c.starts_at < filters.before)
    if after is not None:
        conditions.append(tuple_(meetings.c.starts_at, meetings.c.id) > after)
    return await _read(connection, conditions, limit)


async def meetings_of(connection: Connection, organisation_id: UUID, need_id: UUID) -> Sequence[Meeting]:
    """Every meeting about a need of the organisation, in the order in which they start."""
    return await page_of_meetings(connection, organisation_id, MeetingFilters(need_id=need_id), None, 10_000)


async def unknown_needs(connection: Connection, organisation_id: UUID, need_ids: Sequence[UUID]) -> set[UUID]:
    """Those of the ids that are no need of the organisation."""
    own = select(needs.c.id).where(needs.c.organisation_id == organisation_id, needs.c.id.in_(need_ids))
    return set(need_ids) - set((await connection.execute(own)).scalars())


def _fields(request: MeetingRequest) -> dict[str, Any]:
    return {name: getattr(request, name) for name in MeetingRequest.__struct_fields__}


async def _write_parts(
    connection: Connection, organisation_id: UUID, meeting: Meeting, known: Named, now: datetime
) -> None:
    """`known`: who is named in the meeting already, so that who was erased is not made anew under a pseudonym."""
    named = await _named(connection, organisation_id, meeting, known, now)
    parts: list[tuple[Table, list[dict[str, Any]]]] = [
        (meeting_needs, [{"need_id": need_id} for need_id in meeting.need_ids]),
        (participants, [_participant_row(each, named) for each in meeting.participants]),
        (follow_ups, [_follow_up_row(each, named) for each in meeting.follow_ups]),
    ]
    for table, rows in parts:
        if rows:
            keyed = [{"meeting_id": meeting.id, "position": position, **row} for position, row in enumerate(rows)]
            await connection.execute(insert(table), keyed)


async def _named(connection: Connection, organisation_id: UUID, meeting: Meeting, known: Named, now: datetime) -> Named:
    """Everyone whom the meeting names, by name and employer; who is to follow up is most likely one who took part."""
    named = dict(known)
    for each in meeting.participants:
        if each.name is not None and (each.name, each.organisation) not in named:
            person = await person_of(connection, organisation_id, each.name, now, each.organisation)
            named[each.name, each.organisation] = person
    by_name = {name: person for (name, _), person in named.items()}
    for who in dict.fromkeys(each.who for each in meeting.follow_ups if each.who is not None):
        if (who, None) not in named:
            named[who, None] = by_name.get(who) or await person_of(connection, organisation_id, who, now)
    return named


def _participant_row(each: Participant, named: Named) -> dict[str, Any]:
    row = {name: getattr(each, name) for name in ("role", "supplier_id", "organisation", "invited_at", "attended")}
    return row | {"person_id": None if each.name is None else named[each.name, each.organisation]}


def _follow_up_row(each: FollowUp, named: Named) -> dict[str, Any]:
    person = None if each.who is None else named[each.who, None]
    return {"what": each.what, "person_id": person, "due_on": each.due_on, "done": each.done}


async def _named_in(connection: Connection, meeting_id: UUID) -> Named:
    """The persons named in a meeting, by the name that is shown and the organisation they came for."""
    came = (await _parts(connection, participants, [meeting_id])).get(meeting_id, [])
    follow = (await _parts(connection, follow_ups, [meeting_id])).get(meeting_id, [])
    persons = await persons_by_id(connection, _persons(came, follow))
    named: Named = {(persons[row.person_id].name, None): row.person_id for row in follow if row.person_id}
    return named | {(persons[row.person_id].name, row.organisation): row.person_id for row in came if row.person_id}


async def _read(
    connection: Connection, conditions: Sequence[ColumnElement[bool]], limit: int | None = None
) -> list[Meeting]:
    query = select(meetings).where(*conditions).order_by(meetings.c.starts_at, meetings.c.id).limit(limit)
    rows = (await connection.execute(query)).all()
    ids = [row.id for row in rows]
    about = await _parts(connection, meeting_needs, ids)
    came = await _parts(connection, participants, ids)
    follow = await _parts(connection, follow_ups, ids)
    persons = await persons_by_id(connection, _persons(*came.values(), *follow.values()))
    return [
        Meeting(
            **{name: getattr(row, name) for name in _OWN},
            id=row.id,
            version=row.version,
            sequence=row.sequence,
            created_at=row.created_at,
            updated_at=row.updated_at,
            need_ids=tuple(part.need_id for part in about.get(row.id, ())),
            participants=tuple(_participant(part, persons) for part in came.get(row.id, ())),
            follow_ups=tuple(_follow_up(part, persons) for part in follow.get(row.id, ())),
        )
        for row in rows
    ]


async def _parts(connection: Connection, table: Table, ids: Sequence[UUID]) -> dict[UUID, list[Row[Any]]]:
    query = select(table).where(table.c.meeting_id.in_(ids)).order_by(table.c.meeting_id, table.c.position)
    found: dict[UUID, list[Row[Any]]] = {}
    for row in await connection.execute(query):
        found.setdefault(row.meeting_id, []).append(row)
    return found


def _persons(*parts: Iterable[Row[Any]]) -> set[UUID]:
    return {row.person_id for rows in parts for row in rows if row.person_id is not None}


def _participant(row: Row[Any], persons: dict[UUID, Person]) -> Participant:
    name = None if row.person_id is None else persons[row.person_id].name
    return Participant(row.role, row.supplier_id, name, row.organisation, row.invited_at, row.attended)


def _follow_up(row: Row[Any], persons: dict[UUID, Person]) -> FollowUp:
    return FollowUp(row.what, None if row.person_id is None else persons[row.person_id].name, row.due_on, row.done)
