"""Records that make no supplier but add to those that other records make, by SIRET or SIREN.

Contracts won, approvals, lists and flags of registers come about suppliers that may not be known yet: such a record
waits, and adds to its suppliers from the day one of them comes. It is bound to none of them: whoever assembles a
supplier looks for what adds to it.
"""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import ARRAY, bindparam, text
from sqlalchemy import Text as SqlText

from db.core.engine import Connection

SIREN_DIGITS = 9

_SUPPLIERS = text("""
    SELECT DISTINCT r.supplier_id FROM unnest(:numbers) AS n(number) CROSS JOIN LATERAL (
        SELECT r.supplier_id FROM records r
        WHERE r.siret BETWEEN rpad(n.number, 14, '0') AND rpad(n.number, 14, '9') OFFSET 0
    ) r ORDER BY r.supplier_id
""").bindparams(bindparam("numbers", type_=ARRAY(SqlText)))
_IS_ADDED_TO = text("SELECT EXISTS (SELECT FROM records WHERE joins = ANY(:numbers))").bindparams(
    bindparam("numbers", type_=ARRAY(SqlText))
)
# Sets against sets, so that each number is not looked up by itself: there are as many as suppliers.
_WAITING = text("""
    SELECT x.source, count(*) AS waiting FROM records x
    WHERE x.joins IS NOT NULL AND x.source = ANY(:sources)
    AND NOT EXISTS (SELECT FROM records r WHERE r.siret = x.joins)
    AND NOT EXISTS (SELECT FROM records r WHERE r.siret IS NOT NULL AND left(r.siret, 9) = x.joins)
    GROUP BY x.source
""").bindparams(bindparam("sources", type_=ARRAY(SqlText)))


async def suppliers_with(connection: Connection, numbers: Iterable[str]) -> list[UUID]:
    """The suppliers with any of the SIRETs or SIRENs, the oldest first."""
    return list((await connection.execute(_SUPPLIERS, {"numbers": list(numbers)})).scalars())


async def is_added_to(connection: Connection, siret: str | None) -> bool:
    """Whether a record adds to the suppliers with this SIRET."""
    numbers = [] if siret is None else [siret, siret[:SIREN_DIGITS]]
    return bool(numbers) and bool(await connection.scalar(_IS_ADDED_TO, {"numbers": numbers}))


async def count_waiting(connection: Connection, sources: Iterable[str]) -> dict[str, int]:
    """By source, its records that add to no supplier known so far; a source without any is absent."""
    rows = await connection.execute(_WAITING, {"sources": list(sources)})
    return {row.source: row.waiting for row in rows}
