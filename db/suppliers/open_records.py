"""Suppliers as the records of open sources alone describe them, page by page, and how recent these records are."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa

from db.core.engine import Connection, is_above
from db.schema.supplier_tables import records, suppliers
from db.suppliers.write import record_rows, stored_record
from domain.suppliers.assembly import StoredRecord
from domain.suppliers.open_data import SELF_EMPLOYED


class SourceExtent(NamedTuple):
    """The number of a source's records that describe suppliers, and the last change of their content."""

    records: int
    changed_at: datetime


async def open_records(
    connection: Connection, sources: Sequence[str], after: UUID | None, limit: int
) -> list[tuple[UUID, list[StoredRecord]]]:
    """Up to `limit` active suppliers that these sources describe, by id and after `after`, each with their records.

    Suppliers who are persons are left out.
    """
    described = sa.exists().where(
        records.c.supplier_id == suppliers.c.id, records.c.source == sa.func.any(list(sources))
    )
    query = (
        sa.select(suppliers.c.id)
        .where(~suppliers.c.deleted, suppliers.c.active, ~suppliers.c.kinds.overlap(list(SELF_EMPLOYED)))
        .where(described, is_above(suppliers.c.id, after))
        .order_by(suppliers.c.id)
        .limit(limit)
    )
    ids = list((await connection.execute(query)).scalars())
    rows, wanted = await record_rows(connection, ids), frozenset(sources)
    return [(each, [stored_record(row) for row in rows[each] if row.source in wanted]) for each in ids]


async def extent_of_sources(connection: Connection, sources: Sequence[str]) -> dict[str, SourceExtent]:
    """The extent of each of these sources that describes any supplier, by name."""
    query = (
        sa.select(records.c.source, sa.func.count(), sa.func.max(records.c.changed_at))
        .where(records.c.source == sa.func.any(list(sources)), records.c.supplier_id.is_not(None))
        .group_by(records.c.source)
    )
    return {source: SourceExtent(count, at) for source, count, at in await connection.execute(query)}
