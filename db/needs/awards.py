"""Awards as they are kept: every function takes the organisation. One entered by mistake is withdrawn, not erased."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Row, and_, insert, select, update

from db.core.engine import Connection
from db.schema.need_tables import awards
from db.schema.supplier_tables import records
from db.suppliers.write import survivors
from domain.needs.award import Award

_COLUMNS = [awards.c[name] for name in Award.__struct_fields__]


async def create_award(connection: Connection, organisation_id: UUID, award: Award) -> None:
    """Keep a new award. The need is held, and is the organisation's."""
    row = {name: getattr(award, name) for name in Award.__struct_fields__}
    lists = {"segments": list(award.segments), "reserved": list(award.reserved)}
    await connection.execute(insert(awards).values(**(row | lists), organisation_id=organisation_id))


async def get_award(connection: Connection, organisation_id: UUID, need_id: UUID, award_id: UUID) -> Award | None:
    """An award of a need; None where there is none of this id, or it was withdrawn."""
    query = select(*_COLUMNS).where(_stands(organisation_id), awards.c.need_id == need_id, awards.c.id == award_id)
    row = (await connection.execute(query)).first()
    return None if row is None else _award(row)


async def list_awards(
    connection: Connection, organisation_id: UUID, need_id: UUID, after: UUID | None, limit: int
) -> Sequence[Award]:
    """Up to `limit` awards of a need in the order in which they were entered, from after the award `after`."""
    query = select(*_COLUMNS).where(_stands(organisation_id), awards.c.need_id == need_id)
    if after is not None:
        query = query.where(awards.c.id > after)
    rows = await connection.execute(query.order_by(awards.c.id).limit(limit))
    return [_award(row) for row in rows]


async def awards_until(connection: Connection, organisation_id: UUID, on: date) -> Sequence[Award]:
    """What the organisation awarded on that day or before, each to the supplier that its winner is now.

    It may be part of another one since; or have left the directory and come back, which its SIRET tells.
    """
    query = select(*_COLUMNS).where(_stands(organisation_id), awards.c.awarded_on <= on)
    found = [_award(row) for row in await connection.execute(query)]
    living = await survivors(connection, {award.supplier_id for award in found}) if found else {}
    lost = {award.supplier_siret for award in found if award.supplier_siret and award.supplier_id not in living}
    back = await _bearers(connection, lost) if lost else {}
    return [
        msgspec.structs.replace(award, supplier_id=living.get(award.supplier_id) or _back(award, back))
        for award in found
    ]


async def withdraw_award(
    connection: Connection, organisation_id: UUID, need_id: UUID, award_id: UUID, now: datetime
) -> bool:
    """Withdraw an award that was entered by mistake; False where there is none that stands."""
    one = and_(_stands(organisation_id), awards.c.need_id == need_id, awards.c.id == award_id)
    done = await connection.execute(update(awards).where(one).values(withdrawn_at=now).returning(awards.c.id))
    return done.first() is not None


async def _bearers(connection: Connection, sirets: Collection[str]) -> dict[str | None, UUID]:
    """The supplier of each SIRET; where several share it, none."""
    query = select(records.c.siret, records.c.supplier_id).where(records.c.siret.in_(sirets)).distinct()
    bearers: dict[str | None, list[UUID]] = {}
    for row in await connection.execute(query):
        bearers.setdefault(row.siret, []).append(row.supplier_id)
    return {siret: ids[0] for siret, ids in bearers.items() if len(ids) == 1}


def _back(award: Award, back: Mapping[str | None, UUID]) -> UUID:
    return back.get(award.supplier_siret, award.supplier_id)


def _stands(organisation_id: UUID) -> ColumnElement[bool]:
    return and_(awards.c.organisation_id == organisation_id, awards.c.withdrawn_at.is_(None))


def _award(row: Row[Any]) -> Award:
    fields = row._asdict()
    return Award(**(fields | {name: tuple(fields[name]) for name in ("segments", "reserved")}))
