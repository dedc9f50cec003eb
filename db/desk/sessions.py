"""Sessions of the buyer's desk: a row for each browser that signed in, with a key or as a person.

The database stores the digest of the token in the browser's cookie, never the token.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, delete, insert, select

from db.core.engine import Connection
from db.schema.person_tables import desk_sessions, persons
from db.schema.supplier_tables import organisations
from domain.decoding.stored import read_row
from domain.organisation import Client, Scope

MOST_OF_ONE = 200
"""Open sessions of a key, which colleagues may share, or of a person; one more ends the earliest."""


class Session(NamedTuple):
    """A session of a key or, where `key_id` is null, of a person."""

    key_id: UUID | None
    person: Client | None


async def insert_session(
    connection: Connection, digest: bytes, key_id: UUID, now: datetime, expires_at: datetime
) -> None:
    """Store the session of a key; remove those that have expired, and its earliest beyond `MOST_OF_ONE`."""
    await _insert(connection, now, digest=digest, key_id=key_id, expires_at=expires_at)
    await _end_earliest(connection, desk_sessions.c.key_id == key_id)


async def insert_session_of_person(
    connection: Connection,
    digest: bytes,
    person_id: UUID,
    scopes: Sequence[Scope],
    now: datetime,
    expires_at: datetime,
    id_token: str,
) -> None:
    """Store the session of a person with the rights that it has; remove others as `insert_session` does."""
    own = {"person_id": person_id, "scopes": scopes, "id_token": id_token}
    await _insert(connection, now, digest=digest, expires_at=expires_at, **own)
    await _end_earliest(connection, desk_sessions.c.person_id == person_id)


async def _insert(connection: Connection, now: datetime, **row: object) -> None:
    await connection.execute(delete(desk_sessions).where(desk_sessions.c.expires_at <= now))
    await connection.execute(insert(desk_sessions).values(row | {"created_at": now}))


async def _end_earliest(connection: Connection, of_one: ColumnElement[bool]) -> None:
    latest_first = select(desk_sessions.c.digest).where(of_one).order_by(desk_sessions.c.created_at.desc())
    beyond = latest_first.offset(MOST_OF_ONE).scalar_subquery()
    await connection.execute(delete(desk_sessions).where(desk_sessions.c.digest.in_(beyond)))


async def find_session(connection: Connection, digests: Sequence[bytes], now: datetime) -> Session | None:
    """The session that has one of these digests; None where there is none, or it has expired."""
    query = (
        select(
            desk_sessions.c.key_id,
            desk_sessions.c.scopes,
            persons.c.id,
            persons.c.organisation_id,
            persons.c.name.label("person"),
            organisations.c.name.label("organisation"),
        )
        .outerjoin(persons, persons.c.id == desk_sessions.c.person_id)
        .outerjoin(organisations, organisations.c.id == persons.c.organisation_id)
    )
    found = (await connection.execute(query.where(_in_force(digests, now)))).first()
    if found is None:
        return None
    if found.key_id is not None:
        return Session(found.key_id, None)
    return Session(None, read_row(found, Client))


async def delete_session(connection: Connection, digests: Sequence[bytes]) -> str | None:
    """Remove the session that has one of these digests; the ID token that it began with, if any."""
    ended = delete(desk_sessions).where(desk_sessions.c.digest.in_(digests)).returning(desk_sessions.c.id_token)
    id_token: str | None = await connection.scalar(ended)
    return id_token


async def delete_sessions_of_person(connection: Connection, person_id: UUID) -> int:
    """Remove all sessions of a person; their number."""
    ended = await connection.execute(delete(desk_sessions).where(desk_sessions.c.person_id == person_id))
    return ended.rowcount


def _in_force(digests: Sequence[bytes], now: datetime) -> ColumnElement[bool]:
    return desk_sessions.c.digest.in_(digests) & (desk_sessions.c.expires_at > now)
