"""Persons: those whom organisations name, and those who sign in to the desk, with their sessions.

A contact person is named once per organisation, and known by id wherever they took part. Who signs in without a key is
a person as their OpenID Connect provider knows them; the journal says their id. A session of the desk is a row for each
browser that signed in: the database stores the digest of the token in its cookie, never the token.
"""

import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from db.core.engine import Connection, bind, is_above, read_all, read_first
from db.core.uuid7 import new_id
from db.schema.organisation_tables import calendar_feeds
from db.schema.person_tables import PERSON_KEYS, desk_accounts, desk_sessions, passkeys, persons, sign_in_mails
from db.schema.supplier_tables import organisations
from domain.decoding.stored import read_row
from domain.organisation import Client, Scope
from domain.privacy import email_key, person_key, pseudonym
from domain.text.normalise import fold

_NEW_MEETING_VERSIONS = sa.text("""
    UPDATE meetings SET version = version + 1, sequence = sequence + (id = ANY(:in_calendars))::int, updated_at = :now
    WHERE id = ANY(:changed) OR id IN (
        SELECT meeting_id FROM meeting_participants WHERE person_id = ANY(:persons)
        UNION SELECT meeting_id FROM meeting_follow_ups WHERE person_id = ANY(:persons)
    )
""").bindparams(
    sa.bindparam("changed", type_=sa.ARRAY(sa.Uuid)),
    sa.bindparam("in_calendars", type_=sa.ARRAY(sa.Uuid)),
    sa.bindparam("persons", type_=sa.ARRAY(sa.Uuid)),
    sa.bindparam("now", type_=sa.DateTime(timezone=True)),
)


async def find_or_insert_person(
    connection: Connection, organisation_id: UUID, name: str, now: datetime, employer: str | None = None
) -> UUID:
    """The id of the organisation's person with this name, who is inserted where unknown; the caller commits.

    Two of one name are one person unless two employers tell them apart. An employer that was not known is added, one
    that was known stays. Someone erased is never found again.
    """
    keys = {"name_key": person_key(name), "employer_key": fold(employer or "")}
    given = (employer or "").strip() or None
    # the one of that employer, else the first who may be meant
    own = {"organisation_id": organisation_id, "erased_at": None, "name_key": keys["name_key"]}
    known: sa.Select[UUID] = sa.select(persons.c.id).filter_by(**own)
    if keys["employer_key"]:
        known = known.where(persons.c.employer_key.in_(("", keys["employer_key"])))
    is_other = persons.c.employer_key != keys["employer_key"]
    known = known.order_by(is_other, persons.c.id).limit(1).with_for_update()
    found = await connection.scalar(known)
    if found is None:
        row = {"id": new_id(now), "organisation_id": organisation_id, "name": name, "created_at": now}
        row |= {**keys, "employer": given, "email_key": ""}
        made = insert(persons).values(row).on_conflict_do_nothing().returning(persons.c.id)
        new = await connection.scalar(made)
        if new is not None:
            bind(connection, f"person:{new}")
        # where there was a conflict, somebody else has just named them
        return new if new is not None else (await connection.execute(known)).scalar_one()
    if given:
        bind(connection, f"person:{found}")
        key = sa.case((persons.c.employer_key == "", keys["employer_key"]), else_=persons.c.employer_key)
        completed = {"employer": sa.func.coalesce(persons.c.employer, given), "employer_key": key}
        await connection.execute(sa.update(persons).where(persons.c.id == found).values(completed))
    return found


async def erase_persons(
    connection: Connection,
    ids: Sequence[UUID],
    now: datetime,
    changed_meetings: Collection[UUID] = (),
    changed_in_calendars: Collection[UUID] = (),
) -> None:
    """Replace these persons' details by a pseudonym, end their sessions, and give the meetings changed a new version.

    Meetings that name them, and those whose texts were changed as well, get a new version: what was read before must
    not be written back. Those `changed_in_calendars`, which are changed too, also get a new SEQUENCE.
    """
    name = sa.case({each: pseudonym(each) for each in ids}, value=persons.c.id) if ids else ""
    nothing = dict.fromkeys(("email", "phone", "employer", "salt")) | dict.fromkeys(PERSON_KEYS, "")
    await connection.execute(
        sa.update(persons).where(persons.c.id.in_(ids)).values(**nothing, name=name, erased_at=now)
    )
    await end_access(connection, ids)
    changed = {"changed": list(changed_meetings), "in_calendars": list(changed_in_calendars)}
    await connection.execute(_NEW_MEETING_VERSIONS, changed | {"persons": ids, "now": now})


async def end_access(connection: Connection, ids: Sequence[UUID]) -> None:
    """Delete the accounts of persons, with their sessions, passkeys, calendar addresses, and mails that let them in."""
    of_person = [table.c.person_id for table in (desk_sessions, desk_accounts, passkeys, sign_in_mails)]
    for own in (*of_person, calendar_feeds.c.key_id):
        await connection.execute(sa.delete(own.table).where(own.in_(ids)))


MOST_SESSIONS = 200
"""Open sessions of a key, which colleagues may share, or of a person; one more ends the earliest."""


SEEN_DAYS = 90
"""The time since a last sign-in after which somebody may have left, whom their provider does not know any more."""


def may_see_needs(person_id: sa.ColumnElement[UUID], now: datetime | sa.ColumnElement[datetime]) -> sa.Exists:
    """The condition that a person has access, with the right to see needs, and signed in in the last SEEN_DAYS."""
    return sa.exists().where(
        desk_accounts.c.person_id == person_id,
        desk_accounts.c.scopes.is_(None) | (sa.literal("needs") == sa.any_(desk_accounts.c.scopes)),
        desk_accounts.c.seen_at > now - timedelta(days=SEEN_DAYS),
    )


INVITATION = "invitation"
"""The issuer of the accounts of people who were invited."""


class Session(NamedTuple):
    """A session at the desk of a key or, where `key_id` is None, of a person.

    `issuer`: of the person's account. `ground`: what made the person one of the organisation, which has this `siret`;
    None for one who was invited, and where an earlier release began the session.
    """

    key_id: UUID | None
    person: Client | None
    issuer: str | None = None
    ground: str | None = None
    siret: str | None = None


async def insert_session(
    connection: Connection, digest: bytes, now: datetime, expires_at: datetime, **holder: object
) -> None:
    """Store a session of a key or person (`holder`); delete expired ones, and the holder's oldest over MOST_SESSIONS.

    `holder`: its `key_id`, or its `person_id` with the `scopes` that it has, and with the `id_token` and the `ground`
    that it began with at a provider.
    """
    await connection.execute(sa.delete(desk_sessions).where(desk_sessions.c.expires_at <= now))
    row = {"digest": digest, "created_at": now, "expires_at": expires_at, **holder}
    await connection.execute(insert(desk_sessions).values(row))
    bind(connection, f"session:{digest.hex()}")
    of_one = {name: holder[name] for name in ("key_id", "person_id") if name in holder}
    latest_first = sa.select(desk_sessions.c.digest).filter_by(**of_one).order_by(desk_sessions.c.created_at.desc())
    beyond = latest_first.offset(MOST_SESSIONS).scalar_subquery()
    await connection.execute(sa.delete(desk_sessions).where(desk_sessions.c.digest.in_(beyond)))


async def find_session(connection: Connection, digests: Sequence[bytes], now: datetime) -> Session | None:
    """The session with one of these digests of tokens; None where there is none, or it has expired."""
    query = (
        sa.select(
            desk_sessions.c.key_id,
            desk_sessions.c.ground,
            sa.func.coalesce(desk_accounts.c.scopes, desk_sessions.c.scopes).label("scopes"),
            desk_accounts.c.issuer,
            organisations.c.siret,
            persons.c.id,
            persons.c.organisation_id,
            persons.c.name.label("person"),
            organisations.c.name.label("organisation"),
        )
        .outerjoin(persons, persons.c.id == desk_sessions.c.person_id)
        .outerjoin(organisations, organisations.c.id == persons.c.organisation_id)
        .outerjoin(desk_accounts, desk_accounts.c.person_id == persons.c.id)
    )
    in_force = desk_sessions.c.digest.in_(digests) & (desk_sessions.c.expires_at > now)
    found = (await connection.execute(query.where(in_force))).first()
    if found is None:
        return None
    if found.key_id is not None:
        return Session(found.key_id, None)
    return Session(None, read_row(found, Client), found.issuer, found.ground, found.siret)


async def session_began_at(connection: Connection, digests: Sequence[bytes]) -> datetime | None:
    """The moment at which the session with one of these digests began; None where there is none."""
    return await connection.scalar(sa.select(desk_sessions.c.created_at).where(desk_sessions.c.digest.in_(digests)))


async def delete_session(connection: Connection, digests: Sequence[bytes]) -> str | None:
    """Delete the session with one of these digests; returns the identity provider's ID token of it, if any."""
    ended = sa.delete(desk_sessions).where(desk_sessions.c.digest.in_(digests)).returning(desk_sessions.c.id_token)
    return await connection.scalar(ended)


async def delete_sessions_of_person(connection: Connection, person_id: UUID) -> int:
    """Delete all sessions of a person; returns their number."""
    ended = await connection.execute(sa.delete(desk_sessions).where(desk_sessions.c.person_id == person_id))
    return ended.rowcount


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A person who may sign in to the desk. `seen_at`: their last sign-in; `sessions`: the number of their open ones.

    `invited`: the rights of one who was invited; None for one whom a provider knows, who has those of the settings.
    """

    id: UUID
    name: str
    email: str | None
    organisation: str
    organisation_id: UUID
    seen_at: datetime | None
    sessions: int
    invited: tuple[Scope, ...] | None = None


class AccountKey(NamedTuple):
    """The key of an account in an organisation: whoever vouches for it, and the name that it has there."""

    organisation_id: UUID
    issuer: str
    subject: str


async def note_sign_in(
    connection: Connection, key: AccountKey, name: str, email: str | None, now: datetime, language: str | None = None
) -> UUID:
    """Note that an account signed in, with a browser of this language; returns the id of the person.

    That is the one with its name and address, inserted if unknown. Two accounts are never one person,
    whatever name and address their provider says. Someone erased is never found again. Who comes back under another
    name is another person, of the same account: what the journal says of the first stays so, and its sessions end.
    """
    person_id, account = await insert_person_of_account(connection, key, name, email, now), key._asdict()
    known_as = sa.select(desk_accounts.c.person_id).filter_by(**account).with_for_update()
    former = await connection.scalar(known_as)
    if former is not None and former != person_id:
        await delete_sessions_of_person(connection, former)
        bind(connection, f"person:{former}")
    seen = {"person_id": person_id, "seen_at": now, "language": language}
    upserted = insert(desk_accounts).values(account | seen | {"created_at": now})
    await connection.execute(
        upserted.on_conflict_do_update(
            index_elements=list(account), set_={name: upserted.excluded[name] for name in seen}
        )
    )
    bind(connection, f"person:{person_id}")
    return person_id


async def insert_person_of_account(
    connection: Connection, key: AccountKey, name: str, email: str | None, now: datetime
) -> UUID:
    """The id of the person whom an account knows by this name and address, inserted if unknown."""
    # in the place of an employer: nobody who is named elsewhere is of that key
    account_key = hashlib.sha256(f"{key.issuer}\n{key.subject}".encode()).hexdigest()
    keys = {"name_key": person_key(name), "email_key": email_key(email or ""), "employer_key": account_key}
    row = {"id": new_id(now), "organisation_id": key.organisation_id, "name": name, "email": email, "created_at": now}
    made = insert(persons).values(row | keys).on_conflict_do_nothing().returning(persons.c.id)
    found: UUID | None = await connection.scalar(made)
    if found is None:
        known = sa.select(persons.c.id).filter_by(organisation_id=key.organisation_id, erased_at=None, **keys)
        found = (await connection.execute(known.with_for_update())).scalar_one()
    return found


async def list_accounts(
    connection: Connection,
    organisation_id: UUID | None,
    now: datetime,
    after: UUID | None = None,
    limit: int | None = None,
) -> Sequence[Account]:
    """Up to `limit` persons of an organisation, or of all, who sign in without a key; by id, those after `after`."""
    query = _select_accounts(now).where(is_above(persons.c.id, after)).order_by(persons.c.id).limit(limit)
    if organisation_id is not None:
        query = query.where(persons.c.organisation_id == organisation_id)
    return await read_all(connection, query, Account)


async def find_account(connection: Connection, person_id: UUID, now: datetime) -> Account | None:
    """The person with this id, if they may sign in without a key; else None."""
    return await read_first(connection, _select_accounts(now).where(persons.c.id == person_id), Account)


def _select_accounts(now: datetime) -> sa.Select[tuple[object, ...]]:
    is_open = (desk_sessions.c.person_id == persons.c.id) & (desk_sessions.c.expires_at > now)
    is_new = (desk_accounts.c.issuer == INVITATION) & (desk_accounts.c.seen_at == desk_accounts.c.created_at)
    seen_at = sa.func.max(sa.case((~is_new, desk_accounts.c.seen_at)))
    last = sa.select(seen_at).where(desk_accounts.c.person_id == persons.c.id)
    invited = sa.select(desk_accounts.c.scopes).where(desk_accounts.c.person_id == persons.c.id).limit(1)
    return (
        sa.select(
            persons.c.id,
            persons.c.name,
            persons.c.email,
            persons.c.organisation_id,
            organisations.c.name.label("organisation"),
            last.scalar_subquery().label("seen_at"),
            invited.scalar_subquery().label("invited"),
            sa.select(sa.func.count()).where(is_open).scalar_subquery().label("sessions"),
        )
        .join(organisations, organisations.c.id == persons.c.organisation_id)
        .where(sa.select(desk_accounts.c.person_id).where(desk_accounts.c.person_id == persons.c.id).exists())
    )
