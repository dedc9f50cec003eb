"""Contact persons: named once per organisation, and known by id wherever they took part."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, Select, Uuid, bindparam, case, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from db.core.engine import Connection
from db.core.uuid7 import new_id
from db.schema.person_tables import persons
from domain.privacy.person import email_key, person_key, pseudonym
from domain.text.normalise import fold

_GIVEN = ("email", "phone", "employer")
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
    connection: Connection,
    organisation_id: UUID,
    name: str,
    now: datetime,
    employer: str | None = None,
    email: str | None = None,
    phone: str | None = None,
) -> UUID:
    """The id of the person of this name whom the organisation knows, or else of one made now; the caller commits.

    Two of one name are one person unless two addresses, or two employers without an address in common, tell them apart.
    What was not known of them is added, what was known stays. Someone erased is never found again.
    """
    keys = {"name_key": person_key(name), "email_key": email_key(email or ""), "employer_key": fold(employer or "")}
    given = {name: (text or "").strip() or None for name, text in zip(_GIVEN, (email, phone, employer), strict=True)}
    known = _best_known(organisation_id, **keys)
    found = await connection.scalar(known)
    if found is None:
        row = {"id": new_id(now), "organisation_id": organisation_id, "name": name, "created_at": now}
        made = insert(persons).values({**row, **given, **keys}).on_conflict_do_nothing().returning(persons.c.id)
        new = await connection.scalar(made)
        # where there was a conflict, somebody else has just named them
        return new if new is not None else (await connection.execute(known)).scalar_one()
    if any(given.values()):
        await connection.execute(update(persons).where(persons.c.id == found).values(_completed(given, keys)))
    return found


async def erase_persons(
    connection: Connection,
    ids: Sequence[UUID],
    now: datetime,
    changed_meetings: Collection[UUID] = (),
    changed_in_calendars: Collection[UUID] = (),
) -> None:
    """Leave nothing of these persons but a pseudonym, wherever they took part.

    Meetings that name them, and those whose texts were changed as well, get a new version: what was read before must
    not be written back. Those `changed_in_calendars`, which are changed too, also get a new SEQUENCE.
    """
    name = case({each: pseudonym(each) for each in ids}, value=persons.c.id) if ids else ""
    nothing = {"email": None, "phone": None, "employer": None, "name_key": "", "email_key": "", "employer_key": ""}
    await connection.execute(update(persons).where(persons.c.id.in_(ids)).values(**nothing, name=name, erased_at=now))
    changed = {"changed": list(changed_meetings), "in_calendars": list(changed_in_calendars)}
    await connection.execute(_NEW_MEETING_VERSIONS, changed | {"persons": ids, "now": now})


def _best_known(organisation_id: UUID, *, name_key: str, email_key: str, employer_key: str) -> Select[UUID]:
    """The one meant by this naming: of its address, else of its employer, else the first who may be meant."""
    same_address = (persons.c.email_key == email_key) & (persons.c.email_key != "")
    same_employer = persons.c.employer_key == employer_key
    query = select(persons.c.id).where(
        persons.c.organisation_id == organisation_id, persons.c.erased_at.is_(None), persons.c.name_key == name_key
    )
    if email_key:
        query = query.where(persons.c.email_key.in_(("", email_key)))
    if employer_key:
        query = query.where(same_address | persons.c.employer_key.in_(("", employer_key)))
    nearest = (case((same_address, 0), else_=1), case((same_employer, 0), else_=1), persons.c.id)
    return query.order_by(*nearest).limit(1).with_for_update()


def _completed(given: dict[str, str | None], keys: dict[str, str]) -> dict[str, Any]:
    """The columns with what is given put where nothing was known."""
    values: dict[str, Any] = {name: func.coalesce(persons.c[name], given[name]) for name in _GIVEN}
    for name in ("email_key", "employer_key"):
        values[name] = case((persons.c[name] == "", keys[name]), else_=persons.c[name])
    return values
