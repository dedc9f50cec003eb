"""Awards of an organisation. One that was entered by mistake is marked as withdrawn, not deleted."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, and_, insert, select, update

from db.core.engine import Connection, above, read_all, read_first
from db.schema.need_tables import awards, needs
from db.schema.supplier_tables import records
from db.suppliers.write import survivors
from domain.needs.need import Award, PastAward

_COLUMNS = [awards.c[name] for name in Award.__struct_fields__]


async def insert_award(connection: Connection, organisation_id: UUID, award: Award) -> None:
    """Store a new award. The caller has locked its need, which is the organisation's."""
    await connection.execute(insert(awards).values(**msgspec.structs.asdict(award), organisation_id=organisation_id))


async def select_award(connection: Connection, organisation_id: UUID, need_id: UUID, award_id: UUID) -> Award | None:
    """An award of a need; None where there is none of this id, or it was withdrawn."""
    query = select(*_COLUMNS).where(_stands(organisation_id), awards.c.need_id == need_id, awards.c.id == award_id)
    return await read_first(connection, query, Award)


async def select_awards(
    connection: Connection, organisation_id: UUID, need_id: UUID, after: UUID | None, limit: int
) -> Sequence[Award]:
    """Up to `limit` awards of a need in the order in which they were entered, from after the award `after`."""
    own = (_stands(organisation_id), awards.c.need_id == need_id, above(awards.c.id, after))
    query = select(*_COLUMNS).where(*own).order_by(awards.c.id).limit(limit)
    return await read_all(connection, query, Award)


async def awards_until(connection: Connection, organisation_id: UUID, on: date) -> Sequence[PastAward]:
    """The organisation's awards of that day or before, with the buyer of their needs and the present id of each winner.

    A winner may have been merged since, or have left the directory and come back, which is found by its SIRET.
    """
    query = select(*_COLUMNS, needs.c.buyer_siret).join(needs).where(_stands(organisation_id))
    found = await read_all(connection, query.where(awards.c.awarded_on <= on), PastAward)
    living = await survivors(connection, {award.supplier_id for award in found}) if found else {}
    lost = {award.supplier_siret for award in found if award.supplier_siret and award.supplier_id not in living}
    by_siret: dict[str | None, set[UUID]] = {}
    if lost:
        of_lost = select(records.c.siret, records.c.supplier_id).where(records.c.siret.in_(lost)).distinct()
        for row in await connection.execute(of_lost):
            by_siret.setdefault(row.siret, set()).add(row.supplier_id)
    # a SIRET that several suppliers share says nothing
    only = {siret: suppliers.pop() for siret, suppliers in by_siret.items() if len(suppliers) == 1}
    ids = (living.get(award.supplier_id) or only.get(award.supplier_siret, award.supplier_id) for award in found)
    return [
        msgspec.structs.replace(award, supplier_id=present_id) for award, present_id in zip(found, ids, strict=True)
    ]


async def mark_award_withdrawn(
    connection: Connection, organisation_id: UUID, need_id: UUID, award_id: UUID, now: datetime
) -> bool:
    """Mark an award as withdrawn; False where there is none that stands."""
    one = and_(_stands(organisation_id), awards.c.need_id == need_id, awards.c.id == award_id)
    done = await connection.execute(update(awards).where(one).values(withdrawn_at=now).returning(awards.c.id))
    return done.first() is not None


def _stands(organisation_id: UUID) -> ColumnElement[bool]:
    return and_(awards.c.organisation_id == organisation_id, awards.c.withdrawn_at.is_(None))
