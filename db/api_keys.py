"""API keys and the organisations they belong to. A key is shown once; only its digest is kept."""

from collections.abc import Collection, Sequence
from datetime import datetime
from hashlib import sha256
from secrets import token_hex
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Select, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from db.core.engine import Connection
from db.core.uuid7 import new_id
from db.schema.supplier_tables import api_keys, organisations
from domain.client import Client, Key, Scope

PREFIX = "vivier_"
_SECRET_BYTES = 24
_SHOWN = len(PREFIX) + 8


async def ensure_organisation(connection: Connection, name: str, now: datetime) -> UUID:
    """The organisation of that name, made if there is none yet."""
    row = {"id": new_id(now), "name": name, "created_at": now}
    await connection.execute(upsert(organisations).values(row).on_conflict_do_nothing(index_elements=["name"]))
    found: UUID = (await connection.execute(select(organisations.c.id).filter_by(name=name))).scalar_one()
    return found


async def organisation_name(connection: Connection, organisation_id: UUID) -> str:
    """The name of the organisation."""
    found: str = (await connection.execute(select(organisations.c.name).filter_by(id=organisation_id))).scalar_one()
    return found


async def create_key(
    connection: Connection,
    *,
    name: str,
    organisation: str,
    scopes: Collection[Scope],
    sources: Collection[str] = (),
    now: datetime,
) -> tuple[str, Key]:
    """The secret of a new key, to be shown this once, and the key as it is listed."""
    secret = PREFIX + token_hex(_SECRET_BYTES)
    row = {
        "id": new_id(now),
        "organisation_id": await ensure_organisation(connection, organisation, now),
        "name": name,
        "prefix": secret[:_SHOWN],
        "digest": _digest(secret),
        "scopes": sorted(set(scopes)),
        "sources": sorted(set(sources)),
        "created_at": now,
    }
    await connection.execute(insert(api_keys).values(row))
    return secret, msgspec.convert(row | {"organisation": organisation}, Key)


async def list_keys(connection: Connection) -> Sequence[Key]:
    """All keys, the revoked ones too, oldest first."""
    rows = (await connection.execute(_keys().order_by(api_keys.c.id))).all()
    return msgspec.convert(rows, list[Key], from_attributes=True)


async def revoke_key(connection: Connection, key_id: UUID, now: datetime) -> bool:
    """Revoke the key for good; False if there is no such key, or it is revoked already."""
    in_force = (api_keys.c.id == key_id) & api_keys.c.revoked_at.is_(None)
    revoked = await connection.execute(update(api_keys).where(in_force).values(revoked_at=now).returning(api_keys.c.id))
    return revoked.first() is not None


async def find_client(connection: Connection, secret: str) -> Client | None:
    """The bearer of this key; None if it is unknown or revoked.

    Looked up by digest: the timing of an index comparison reveals parts of a digest, from which no key can be derived.
    """
    in_force = (api_keys.c.digest == _digest(secret)) & api_keys.c.revoked_at.is_(None)
    found = (await connection.execute(_keys().where(in_force))).first()
    return None if found is None else msgspec.convert(found, Client, from_attributes=True)


def _digest(secret: str) -> bytes:
    """A plain SHA-256: a random secret cannot be guessed, and every request computes it."""
    return sha256(secret.encode()).digest()


def _keys() -> Select[Any]:
    joined = organisations.c.id == api_keys.c.organisation_id
    return select(api_keys, organisations.c.name.label("organisation")).join(organisations, joined)
