"""Notes of organisations on suppliers: each follows its supplier where that is merged, and stays with its id.

Each change of an organisation's notes draws its column `notes` anew, and that of the directory's version, so that every
server hears of it as of a supplier that changed.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from db.core.engine import Connection, bind
from db.journal.entries import key_names, person_names
from db.schema.organisation_tables import supplier_notes
from db.schema.supplier_tables import directory_version, organisations
from db.suppliers.write import CHANNEL, survivors
from domain.errors import Conflict
from domain.journal import Actor
from domain.suppliers.note import MOST_NOTES, NoteBody, NotedSupplier, SupplierNote
from domain.suppliers.supplier import Offer
from domain.text.bilingual import said_by

_TOO_MANY = said_by(__name__)["too_many"].filled(most_notes=MOST_NOTES)


async def put_note(
    connection: Connection, actor: Actor, supplier_id: UUID, body: NoteBody, offers: tuple[Offer, ...], now: datetime
) -> None:
    """Store what an organisation notes of a supplier, in the place of what it noted of it before.

    `supplier_id`: of a supplier that is no part of another; `offers`: as they are stored. Raises Conflict
    (`too_many_notes`).
    """
    await _remove(connection, actor.organisation_id, supplier_id)
    ours = sa.select(sa.func.count()).select_from(supplier_notes).filter_by(organisation_id=actor.organisation_id)
    if (await connection.scalar(ours) or 0) >= MOST_NOTES:
        raise Conflict("too_many_notes", _TOO_MANY)
    row = {
        "organisation_id": actor.organisation_id,
        "supplier_id": supplier_id,
        "offers": offers,
        "told_on": body.told_on,
        "how": body.how,
        "means": actor.means,
        "actor_id": actor.id,
        "noted_at": now,
    }
    await connection.execute(insert(supplier_notes), row)
    bind(connection, f"note:{actor.organisation_id}/{supplier_id}")
    await _tell_servers(connection, actor.organisation_id)


async def delete_note(connection: Connection, organisation_id: UUID, supplier_id: UUID) -> bool:
    """Delete what an organisation noted of a supplier; False where it noted nothing."""
    if not await _remove(connection, organisation_id, supplier_id):
        return False
    await _tell_servers(connection, organisation_id)
    return True


async def get_note(
    connection: Connection, organisation_id: UUID, supplier_id: UUID, *, lock: bool = False
) -> SupplierNote | None:
    """The note of an organisation on a supplier, with those on suppliers merged into it; None where there is none.

    `lock`: no other transaction writes notes of the organisation before the end of this one.
    """
    if lock:
        await connection.execute(
            sa.select(organisations.c.id).filter_by(id=organisation_id).with_for_update(key_share=True)
        )
    rows = await _rows_of_supplier(connection, organisation_id, supplier_id)
    if not rows:
        return None
    latest = rows[0]
    ids = [latest.actor_id]
    names: Mapping[UUID | None, Any] = (
        await person_names(connection, ids)
        if latest.means == "person"
        else {each: name for each, (name, _) in (await key_names(connection, ids)).items()}
    )
    return SupplierNote(
        supplier_id=supplier_id,
        offers=tuple(dict.fromkeys(offer for row in rows for offer in row.offers)),
        told_on=latest.told_on,
        how=latest.how,
        noted_at=latest.noted_at,
        noted_by=names.get(latest.actor_id),
    )


async def version_of_notes(connection: Connection) -> UUID | None:
    """An id drawn when notes of any organisation last changed; None where there never were any."""
    version: UUID | None = await connection.scalar(sa.select(directory_version.c.notes))
    return version


async def versions_of_notes(connection: Connection) -> dict[UUID, UUID]:
    """Of each organisation that ever noted anything, an id drawn when its notes last changed."""
    query = sa.select(organisations.c.id, organisations.c.notes).where(organisations.c.notes.is_not(None))
    return {row.id: row.notes for row in await connection.execute(query)}


async def noted_suppliers(
    connection: Connection, organisation_ids: Collection[UUID]
) -> dict[UUID, tuple[NotedSupplier, ...]]:
    """The notes of each of these organisations, by the suppliers that there are now; in the order of their ids."""
    rows = await _rows(connection, supplier_notes.c.organisation_id.in_(organisation_ids))
    living = await survivors(connection, {row.supplier_id for row in rows})
    found: dict[UUID, tuple[NotedSupplier, ...]] = dict.fromkeys(organisation_ids, ())
    for row in rows:
        # what somebody may be named in is not held in memory
        offers = tuple(msgspec.structs.replace(offer, label=None) for offer in row.offers)
        noted = NotedSupplier(living.get(row.supplier_id, row.supplier_id), offers, row.supplier_id)
        found[row.organisation_id] += (noted,)
    return found


async def _rows(connection: Connection, condition: sa.ColumnElement[bool]) -> list[sa.Row[Any]]:
    query = sa.select(supplier_notes).where(condition).order_by(supplier_notes.c.supplier_id)
    return list(await connection.execute(query))


async def _rows_of_supplier(connection: Connection, organisation_id: UUID, supplier_id: UUID) -> list[sa.Row[Any]]:
    """The notes on a supplier and on those that were merged into it, the latest first."""
    rows = await _rows(connection, supplier_notes.c.organisation_id == organisation_id)
    living = await survivors(connection, [row.supplier_id for row in rows])
    found = [row for row in rows if living.get(row.supplier_id) == supplier_id]
    return sorted(found, key=lambda row: row.noted_at, reverse=True)


async def _remove(connection: Connection, organisation_id: UUID, supplier_id: UUID) -> bool:
    """Remove the notes on a supplier and on those that were merged into it; False where there was none."""
    ids = [row.supplier_id for row in await _rows_of_supplier(connection, organisation_id, supplier_id)]
    bind(connection, *(f"note:{organisation_id}/{each}" for each in ids))
    theirs = (supplier_notes.c.organisation_id == organisation_id) & supplier_notes.c.supplier_id.in_(ids)
    return bool(ids) and bool((await connection.execute(sa.delete(supplier_notes).where(theirs))).rowcount)


async def _tell_servers(connection: Connection, organisation_id: UUID) -> None:
    """Note that the notes of an organisation have changed, and notify listeners once the transaction commits."""
    changed = uuid4()
    await connection.execute(sa.update(organisations).filter_by(id=organisation_id).values(notes=changed))
    await connection.execute(sa.update(directory_version).values(notes=changed))
    await connection.execute(sa.select(sa.func.pg_notify(CHANNEL, "notes")))
