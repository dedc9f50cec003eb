"""Organisations as they are administered; `db.api_keys` finds them by their names."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import Executable, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from db.core.engine import Connection
from db.core.uuid7 import new_id
from db.schema.supplier_tables import organisations
from domain.organisation import Organisation, OrganisationSettings


async def insert_organisation(
    connection: Connection, settings: OrganisationSettings, now: datetime
) -> Organisation | None:
    """The new organisation; None where another has its name or SIRET."""
    row = {"id": new_id(now), "created_at": now, **msgspec.structs.asdict(settings)}
    return await _stored_unless_taken(connection, insert(organisations).values(row).returning(organisations))


async def update_organisation(
    connection: Connection, organisation_id: UUID, settings: OrganisationSettings
) -> Organisation | None:
    """The organisation with other settings; None where another has that name or SIRET."""
    changed = update(organisations).where(organisations.c.id == organisation_id)
    return await _stored_unless_taken(
        connection, changed.values(msgspec.structs.asdict(settings)).returning(organisations)
    )


async def find_organisation(
    connection: Connection, organisation_id: UUID, *, lock: bool = False
) -> Organisation | None:
    """The organisation of that id; `lock`: until the transaction ends, nobody else changes it."""
    query = select(organisations).where(organisations.c.id == organisation_id)
    # keys and needs may refer to it meanwhile
    found = (await connection.execute(query.with_for_update(key_share=True) if lock else query)).first()
    return None if found is None else _organisation(found)


async def find_by_name(connection: Connection, name: str) -> Organisation | None:
    """The organisation of that name."""
    found = (await connection.execute(select(organisations).where(organisations.c.name == name))).first()
    return None if found is None else _organisation(found)


async def find_by_name_or_id(connection: Connection, text: str) -> Organisation | None:
    """The organisation of that id, or else of that name: none is found in the place of another by taking its id."""
    try:
        found = await find_organisation(connection, UUID(text))
    except ValueError:
        found = None
    return found or await find_by_name(connection, text)


async def find_by_siret(connection: Connection, siret: str) -> Organisation | None:
    """The organisation that has this SIRET."""
    found = (await connection.execute(select(organisations).where(organisations.c.siret == siret))).first()
    return None if found is None else _organisation(found)


async def list_organisations(
    connection: Connection, only: UUID | None, after: UUID | None, limit: int
) -> Sequence[Organisation]:
    """Organisations, the oldest first; `only`: the one of that id, None: all."""
    query = select(organisations).order_by(organisations.c.id).limit(limit)
    if only is not None:
        query = query.where(organisations.c.id == only)
    if after is not None:
        query = query.where(organisations.c.id > after)
    return [_organisation(row) for row in await connection.execute(query)]


async def _stored_unless_taken(connection: Connection, statement: Executable) -> Organisation | None:
    """The organisation that the statement writes; None where another has its name or SIRET."""
    try:
        async with connection.begin_nested():
            return _organisation((await connection.execute(statement)).one())
    except IntegrityError:
        return None


def _organisation(row: Row[tuple[object, ...]]) -> Organisation:
    return msgspec.convert(row, Organisation, from_attributes=True)
