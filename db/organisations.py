"""Organisations as they are administered; `db.api_keys` finds them by their names."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import Executable, insert, select, update
from sqlalchemy.exc import IntegrityError

from db.core.engine import Connection, above, read_all, read_first
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
    return await read_first(connection, query.with_for_update(key_share=True) if lock else query, Organisation)


async def find_by_name_or_id(connection: Connection, text: str) -> Organisation | None:
    """The organisation of that id, or else of that name: none is found in the place of another by taking its id."""
    try:
        found = await find_organisation(connection, UUID(text))
    except ValueError:
        found = None
    return found or await read_first(connection, select(organisations).filter_by(name=text), Organisation)


async def find_by_siret(connection: Connection, siret: str) -> Organisation | None:
    """The organisation that has this SIRET."""
    return await read_first(connection, select(organisations).filter_by(siret=siret), Organisation)


async def list_organisations(
    connection: Connection, only: UUID | None, after: UUID | None, limit: int
) -> Sequence[Organisation]:
    """Organisations, the oldest first; `only`: the one of that id, None: all."""
    query = select(organisations).where(above(organisations.c.id, after)).order_by(organisations.c.id).limit(limit)
    return await read_all(connection, query if only is None else query.filter_by(id=only), Organisation)


async def _stored_unless_taken(connection: Connection, statement: Executable) -> Organisation | None:
    """The organisation that the statement writes; None where another has its name or SIRET."""
    try:
        async with connection.begin_nested():
            return await read_first(connection, statement, Organisation)
    except IntegrityError:
        return None
