"""People who sign in without a key, as their OpenID Connect provider knows them; in the journal, a person's id."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import Select, func, select
from sqlalchemy.dialects.postgresql import insert

from db.core.engine import Connection
from db.core.uuid7 import new_id
from db.desk.sessions import delete_sessions_of_person
from db.schema.person_tables import desk_accounts, desk_sessions, persons
from db.schema.supplier_tables import organisations
from domain.privacy.data_subject import email_key, person_key


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who signed in. `sessions`: the number of those that are open."""

    id: UUID
    name: str
    email: str | None
    organisation: str
    organisation_id: UUID
    seen_at: datetime
    sessions: int


async def note_sign_in(
    connection: Connection,
    organisation_id: UUID,
    issuer: str,
    subject: str,
    name: str,
    email: str | None,
    now: datetime,
) -> UUID:
    """The id of the person, known by that account, name and address or made now; the caller commits.

    Two accounts are never one person, whatever name and address their provider says. Someone erased is never found
    again. Who comes back under another name is another person, of the same account: what the journal says of the first
    stays so, and the sessions of the first end.
    """
    # in the place of an employer: nobody who is named elsewhere is of that key
    account_key = hashlib.sha256(f"{issuer}\n{subject}".encode()).hexdigest()
    keys = {"name_key": person_key(name), "email_key": email_key(email or ""), "employer_key": account_key}
    row = {"id": new_id(now), "organisation_id": organisation_id, "name": name, "email": email, "created_at": now}
    made = insert(persons).values(row | keys).on_conflict_do_nothing().returning(persons.c.id)
    person_id = await connection.scalar(made)
    if person_id is None:
        known = select(persons.c.id).filter_by(organisation_id=organisation_id, erased_at=None, **keys)
        person_id = (await connection.execute(known.with_for_update())).scalar_one()
    account = {"issuer": issuer, "subject": subject, "organisation_id": organisation_id}
    known_as = select(desk_accounts.c.person_id).filter_by(**account).with_for_update()
    former = await connection.scalar(known_as)
    if former is not None and former != person_id:
        await delete_sessions_of_person(connection, former)
    seen = {"person_id": person_id, "seen_at": now}
    upserted = insert(desk_accounts).values(account | seen | {"created_at": now})
    await connection.execute(
        upserted.on_conflict_do_update(
            index_elements=list(account), set_={name: upserted.excluded[name] for name in seen}
        )
    )
    found: UUID = person_id
    return found


async def list_accounts(
    connection: Connection,
    organisation_id: UUID | None,
    now: datetime,
    after: UUID | None = None,
    limit: int | None = None,
) -> Sequence[Account]:
    """The people of an organisation, or of all, who signed in, in the order of their ids."""
    query = _accounts(now).order_by(persons.c.id).limit(limit)
    if organisation_id is not None:
        query = query.where(persons.c.organisation_id == organisation_id)
    if after is not None:
        query = query.where(persons.c.id > after)
    return msgspec.convert((await connection.execute(query)).all(), list[Account], from_attributes=True)


async def find_account(connection: Connection, person_id: UUID, now: datetime) -> Account | None:
    """The person of that id, where they signed in."""
    found = (await connection.execute(_accounts(now).where(persons.c.id == person_id))).first()
    return None if found is None else msgspec.convert(found, Account, from_attributes=True)


def _accounts(now: datetime) -> Select[tuple[object, ...]]:
    is_open = (desk_sessions.c.person_id == persons.c.id) & (desk_sessions.c.expires_at > now)
    last = select(func.max(desk_accounts.c.seen_at)).where(desk_accounts.c.person_id == persons.c.id)
    return (
        select(
            persons.c.id,
            persons.c.name,
            persons.c.email,
            persons.c.organisation_id,
            organisations.c.name.label("organisation"),
            last.scalar_subquery().label("seen_at"),
            select(func.count()).where(is_open).scalar_subquery().label("sessions"),
        )
        .join(organisations, organisations.c.id == persons.c.organisation_id)
        .where(select(desk_accounts.c.person_id).where(desk_accounts.c.person_id == persons.c.id).exists())
    )
