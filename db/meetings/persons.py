"""Contact persons: named once per organisation, and known by id wherever they took part."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, Select, Uuid, bindparam, case, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from db.core.engine import Connection
from db.core.uuid7 import new_id
from db.schema.meeting_tables import calendar_feeds
from db.schema.person_tables import desk_accounts, desk_sessions, persons
from domain.privacy.data_subject import person_key, pseudonym
from domain.text.normalise import fold

_NEW_MEETING_VERSIONS = text("""
    UPDATE meetings SET version = version + 1, sequence = sequence + (id = ANY(:in_calendars))::int, updated_at = :now
    WHERE id = ANY(:changed) OR id IN (
        SELECT meeting_id FROM meeting_participants WHERE person_id = ANY(:persons)
        UNION SELECT meeting_id FROM meeting_follow_ups WHERE person_id = ANY(:persons)
    )
""").bindparams(
    bindparam("changed", type_=ARRAY(Uuid)),
    bindparam("in_calendars", type_=ARRAY(Uuid)),
    bindparam("persons", type_=ARRAY(Uuid)),
    bindparam("now", type_=DateTime(timezone=True)),
)


async def find_or_insert_person(
    connection: Connection, organisation_id: UUID, name: str, now: datetime, employer: str | None = None
) -> UUID:
    """The id of the person of this name whom the organisation knows, or else of one made now; the caller commits.

    Two of one name are one person unless two employers tell them apart. An employer that was not known is added, one
    that was known stays. Someone erased is never found again.
    """
    keys = {"name_key": person_key(name), "employer_key": fold(employer or "")}
    given = (employer or "").strip() or None
    known = _best_known(organisation_id, **keys)
    found = await connection.scalar(known)
    if found is None:
        row = {"id": new_id(now), "organisation_id": organisation_id, "name": name, "created_at": now}
        row |= {**keys, "employer": given, "email_key": ""}
        made = insert(persons).values(row).on_conflict_do_nothing().returning(persons.c.id)
        new = await connection.scalar(made)
        # where there was a conflict, somebody else has just named them
        return new if new is not None else (await connection.execute(known)).scalar_one()
    if given:
        key = case((persons.c.employer_key == "", keys["employer_key"]), else_=persons.c.employer_key)
        completed = {"employer": func.coalesce(persons.c.employer, given), "employer_key": key}
        await connection.execute(update(persons).where(persons.c.id == found).values(completed))
    return found


async def erase_persons(
    connection: Connection,
    ids: Sequence[UUID],
    now: datetime,
    changed_meetings: Collection[UUID] = (),
    changed_in_calendars: Collection[UUID] = (),
) -> None:
    """Leave nothing of these persons but a pseudonym, wherever they took part; they are signed in no more.

    Meetings that name them, and those whose texts were changed as well, get a new version: what was read before must
    not be written back. Those `changed_in_calendars`, which are changed too, also get a new SEQUENCE.
    """
    name = case({each: pseudonym(each) for each in ids}, value=persons.c.id) if ids else ""
    nothing = {"email": None, "phone": None, "employer": None, "name_key": "", "email_key": "", "employer_key": ""}
    await connection.execute(update(persons).where(persons.c.id.in_(ids)).values(**nothing, name=name, erased_at=now))
    for own in (desk_sessions.c.person_id, desk_accounts.c.person_id, calendar_feeds.c.key_id):
        await connection.execute(delete(own.table).where(own.in_(ids)))
    changed = {"changed": list(changed_meetings), "in_calendars": list(changed_in_calendars)}
    await connection.execute(_NEW_MEETING_VERSIONS, changed | {"persons": ids, "now": now})


def _best_known(organisation_id: UUID, *, name_key: str, employer_key: str) -> Select[UUID]:
    """The one meant by this naming: of its employer, else the first who may be meant."""
    query = select(persons.c.id).filter_by(organisation_id=organisation_id, erased_at=None, name_key=name_key)
    if employer_key:
        query = query.where(persons.c.employer_key.in_(("", employer_key)))
    return query.order_by(persons.c.employer_key != employer_key, persons.c.id).limit(1).with_for_update()
