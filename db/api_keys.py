"""API keys, of which only the digest is stored, and the organisations that they belong to.

The requests of keys with a quota, and attempts in vain, are counted by the minute for all processes of all servers; the
minute is that of the database's clock.
"""

import hmac
import re
from collections.abc import Collection, Sequence
from datetime import datetime
from hashlib import sha256
from secrets import token_bytes
from typing import Any, NamedTuple
from uuid import UUID
from zlib import crc32

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from db.core.engine import Connection, bind, is_above, read_all, read_first
from db.core.uuid7 import new_id
from db.schema.organisation_tables import audit_entries
from db.schema.person_tables import desk_accounts, persons
from db.schema.supplier_tables import api_keys, organisations
from domain.decoding.stored import read_row
from domain.organisation import Client, Key, Organisation, OrganisationSettings, Scope

PLATFORM: Scope = "platform"
PREFIX = "viv_"
SECRET_BYTES = 24
_SHOWN = len(PREFIX) + 8
_FORM = re.compile(rf"{PREFIX}[0-9a-f]{{{2 * SECRET_BYTES}}}([0-9a-f]{{8}})")
_FORM_BEFORE = re.compile(rf"vivier_[0-9a-f]{{{2 * SECRET_BYTES}}}")
"""The form of keys made by releases before the check: they work until they are revoked."""


def secret_of(random: bytes) -> str:
    """Make the secret of a key from random bytes: a prefix, the bytes in hexadecimal digits, a CRC-32."""
    unchecked = PREFIX + random.hex()
    return f"{unchecked}{crc32(unchecked.encode()):08x}"


def is_well_formed(secret: str) -> bool:
    """Whether a text has the form of a key and right check digits, which keys of earlier releases do not have."""
    if found := _FORM.fullmatch(secret):
        return crc32(secret[: -len(found[1])].encode()) == int(found[1], 16)
    return _FORM_BEFORE.fullmatch(secret) is not None


async def ensure_organisation(connection: Connection, name: str, now: datetime) -> UUID:
    """The id of the organisation with this name, which is inserted if there is none yet."""
    row = {"id": new_id(now), "name": name, "created_at": now}
    await connection.execute(insert(organisations).values(row).on_conflict_do_nothing(index_elements=["name"]))
    found: UUID = (await connection.execute(sa.select(organisations.c.id).filter_by(name=name))).scalar_one()
    return found


async def insert_organisation(
    connection: Connection, settings: OrganisationSettings, now: datetime
) -> Organisation | None:
    """Insert an organisation; None, and nothing inserted, where another has the name or SIRET."""
    row = {"id": new_id(now), "created_at": now, **msgspec.structs.asdict(settings)}
    return await _write_unless_taken(connection, insert(organisations).values(row).returning(organisations))


async def update_organisation(
    connection: Connection, organisation_id: UUID, settings: OrganisationSettings
) -> Organisation | None:
    """Change an organisation's settings; None, and nothing changed, where another has the name or SIRET."""
    bind(connection, f"organisation:{organisation_id}")
    changed = sa.update(organisations).where(organisations.c.id == organisation_id)
    return await _write_unless_taken(
        connection, changed.values(msgspec.structs.asdict(settings)).returning(organisations)
    )


async def find_organisation(
    connection: Connection, organisation_id: UUID, *, lock: bool = False
) -> Organisation | None:
    """The organisation with this id; with `lock`, nobody else changes it until the transaction ends."""
    query = sa.select(organisations).where(organisations.c.id == organisation_id)
    # keys and needs may refer to it meanwhile
    return await read_first(connection, query.with_for_update(key_share=True) if lock else query, Organisation)


async def find_by_name_or_id(connection: Connection, wanted: str) -> Organisation | None:
    """The organisation with the id `wanted`, or else with the name `wanted`; the id comes first."""
    try:
        found = await find_organisation(connection, UUID(wanted))
    except ValueError:
        found = None
    return found or await read_first(connection, sa.select(organisations).filter_by(name=wanted), Organisation)


async def find_by_siret(connection: Connection, siret: str) -> Organisation | None:
    """The organisation with this SIRET; None where there is none."""
    return await read_first(connection, sa.select(organisations).filter_by(siret=siret), Organisation)


async def list_organisations(
    connection: Connection, only: UUID | None, after: UUID | None, limit: int
) -> Sequence[Organisation]:
    """Up to `limit` organisations with ids after `after`, oldest first; with `only`, at most the one of that id."""
    query = (
        sa.select(organisations).where(is_above(organisations.c.id, after)).order_by(organisations.c.id).limit(limit)
    )
    return await read_all(connection, query if only is None else query.filter_by(id=only), Organisation)


async def _write_unless_taken(connection: Connection, statement: sa.Executable) -> Organisation | None:
    """Run a statement that writes an organisation; None where another has the name or SIRET."""
    try:
        async with connection.begin_nested():
            return await read_first(connection, statement, Organisation)
    except IntegrityError:
        return None


async def create_key(  # noqa: PLR0913 - keywords that say what a key is
    connection: Connection,
    *,
    name: str,
    organisation: str,
    scopes: Collection[Scope],
    sources: Collection[str] = (),
    now: datetime,
    expires_at: datetime | None = None,
    rate_per_minute: int | None = None,
    quota_of: UUID | None = None,
    secret: str | None = None,
) -> tuple[str, Key]:
    """Store a new key; returns its secret, by default a random one, to be shown only once, and the key as listed."""
    secret = secret or secret_of(token_bytes(SECRET_BYTES))
    row = {
        "id": new_id(now),
        "organisation_id": await ensure_organisation(connection, organisation, now),
        "name": name,
        "prefix": secret[:_SHOWN],
        "digest": _digest(secret),
        "scopes": sorted(set(scopes) - {PLATFORM}),
        "sources": sorted(set(sources)),
        "platform": PLATFORM in scopes,
        "created_at": now,
        "expires_at": expires_at,
        "rate_per_minute": rate_per_minute,
        "quota_of": quota_of,
    }
    await connection.execute(insert(api_keys).values(row))
    bind(connection, f"key:{row['id']}")
    shown = row | {"organisation": organisation, "scopes": sorted(set(scopes))}
    return secret, msgspec.convert(shown, Key)


async def list_keys(
    connection: Connection, organisation_id: UUID | None = None, after: UUID | None = None, limit: int | None = None
) -> Sequence[Key]:
    """Up to `limit` keys of an organisation, or of all, with ids after `after`, oldest first, revoked ones too."""
    query = _select_keys().where(is_above(api_keys.c.id, after)).order_by(api_keys.c.id).limit(limit)
    if organisation_id is not None:
        query = query.where(api_keys.c.organisation_id == organisation_id)
    return [read_row(row, Key) for row in await connection.execute(query)]


async def makers_who_left(connection: Connection, key_ids: Collection[UUID]) -> dict[UUID, str]:
    """By key, of these that are in force, the name of the person who made it, whose access has ended since."""
    query = (
        sa.select(api_keys.c.id, persons.c.name)
        .join(audit_entries, audit_entries.c.object == sa.func.concat("key:", api_keys.c.id))
        .join(persons, persons.c.id == audit_entries.c.actor_id)
        .where(api_keys.c.id.in_(key_ids), api_keys.c.revoked_at.is_(None), audit_entries.c.action == "key.created")
        .where(audit_entries.c.organisation_id == api_keys.c.organisation_id)
        .where(~sa.exists().where(desk_accounts.c.person_id == persons.c.id))
    )
    return {row.id: row.name for row in await connection.execute(query)}


async def find_key(connection: Connection, key_id: UUID) -> Key | None:
    """The key with this id, even if it is revoked."""
    found = (await connection.execute(_select_keys().where(api_keys.c.id == key_id))).first()
    return None if found is None else read_row(found, Key)


async def is_secret_of(connection: Connection, key_id: UUID, secret: str) -> bool:
    """Whether `secret` is the secret of the key with this id."""
    digest = await connection.scalar(sa.select(api_keys.c.digest).where(api_keys.c.id == key_id))
    return digest is not None and hmac.compare_digest(digest, _digest(secret))


async def revoke_key(connection: Connection, key_id: UUID, now: datetime) -> bool:
    """Revoke a key for good; False if there is none with this id, or it is revoked already."""
    in_force = (api_keys.c.id == key_id) & api_keys.c.revoked_at.is_(None)
    revoked = await connection.execute(
        sa.update(api_keys).where(in_force).values(revoked_at=now).returning(api_keys.c.id)
    )
    bind(connection, f"key:{key_id}")
    return revoked.first() is not None


async def find_client(connection: Connection, secret: str, now: datetime) -> Client | None:
    """The client that authenticates with this secret of a key; None if unknown, revoked or expired.

    Looked up by digest: the timing of an index comparison reveals parts of a digest, from which no key can be derived.
    """
    return await _find_client_where(connection, api_keys.c.digest == _digest(secret), now)


async def find_client_of_key(connection: Connection, key_id: UUID, now: datetime) -> Client | None:
    """The client whose key has this id; None if there is none, or the key is revoked or expired."""
    return await _find_client_where(connection, api_keys.c.id == key_id, now)


async def _find_client_where(connection: Connection, is_key: sa.ColumnElement[bool], now: datetime) -> Client | None:
    unexpired = sa.or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > now)
    in_force = is_key & api_keys.c.revoked_at.is_(None) & unexpired
    whose_quota = api_keys.alias()
    query = _select_keys().add_columns(whose_quota.c.rate_per_minute.label("shared_rate"))
    query = query.outerjoin(whose_quota, whose_quota.c.id == api_keys.c.quota_of)
    found = (await connection.execute(query.where(in_force))).first()
    return None if found is None else read_row(found, Client)


def _digest(secret: str) -> bytes:
    """The unsalted SHA-256 of a secret: a random secret cannot be guessed, and every request computes the digest."""
    return sha256(secret.encode()).digest()


def _select_keys() -> sa.Select[Any]:
    joined = organisations.c.id == api_keys.c.organisation_id
    own = [column for column in api_keys.c if column.name not in {"digest", "platform", "scopes"}]
    with_platform = sa.func.array_append(api_keys.c.scopes, PLATFORM)
    scopes = sa.case((api_keys.c.platform, with_platform), else_=api_keys.c.scopes).label("scopes")
    return sa.select(*own, scopes, organisations.c.name.label("organisation")).join(organisations, joined)


# Beyond the quota nothing more is counted, so that no number of attempts overflows. A statement that waited for another
# may come with the minute before; a minute further ahead is that of a clock that was put back since.
_COUNT = sa.text("""
    INSERT INTO key_minutes AS stored (key_id, minute, taken)
    VALUES (:counted, date_trunc('minute', clock_timestamp()), 1)
    ON CONFLICT (key_id) DO UPDATE SET
        minute = CASE WHEN stored.minute - excluded.minute = interval '1 minute' THEN stored.minute
            ELSE excluded.minute END,
        taken = 1 + CASE WHEN stored.minute - excluded.minute IN (interval '0', interval '1 minute')
            THEN least(stored.taken, :quota) ELSE 0 END
    RETURNING taken, greatest(60 - extract(second FROM clock_timestamp())::double precision, 0.001)
""").bindparams(sa.bindparam("counted", type_=sa.Uuid), sa.bindparam("quota", type_=sa.Integer))

# Of no worth any more; a row that another process is counting in is left.
_REMOVE_PAST = sa.text("""
    DELETE FROM key_minutes WHERE key_id IN (
        SELECT key_id FROM key_minutes WHERE minute < clock_timestamp() - interval '5 minutes' FOR UPDATE SKIP LOCKED
    )
""")


class MinuteCount(NamedTuple):
    """The events counted in the present minute, at most one beyond the quota, and the seconds until the next minute."""

    taken: int
    seconds: float


async def count_in_minute(connection: Connection, counted: UUID, quota: int) -> MinuteCount:
    """Add 1 to the minute's count of `counted` (a key's id, or a name's digest), to one beyond `quota` at most."""
    return MinuteCount(*(await connection.execute(_COUNT, {"counted": counted, "quota": quota})).one())


async def remove_past_counts(connection: Connection) -> None:
    """Delete the counts of minutes that began over five minutes ago, except rows that others have locked."""
    await connection.execute(_REMOVE_PAST)
