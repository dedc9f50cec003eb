"""A person's address and number in frozen shortlists: found, and taken out.

Shortlists are many and long: they are read a slice at a time and worked on in a thread, so that a server goes on
answering others meanwhile and never holds many of them.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import Row, Select, Text, bindparam, func, select, update

from db.core.engine import Connection
from db.privacy.mention_pattern import mention_pattern
from db.schema.need_tables import needs, shortlists
from domain.privacy.data_subject import Identifiers
from domain.privacy.holdings import without_contacts

READ_AT_ONCE = 20
_CHANGE = (
    update(shortlists)
    .where(shortlists.c.need_id == bindparam("of_need"), shortlists.c.number == bindparam("as_number"))
    .values(body=bindparam("left"))
)


class RedactedShortlist(NamedTuple):
    """A frozen shortlist, and its body `left` without the fields `removed`, each with its text."""

    row: Row[Any]
    left: bytes
    removed: tuple[tuple[str, str], ...]


async def redacted_shortlists(
    connection: Connection,
    organisation_ids: Collection[UUID],
    known: Identifiers,
    supplier_ids: Collection[UUID],
    *,
    lock: bool = False,
) -> AsyncIterator[Sequence[RedactedShortlist]]:
    """Those without the person's address, and without their number as that of these suppliers; a slice at a time.

    `lock`: rows read stay as they are.
    """
    query = _mentioning(organisation_ids, known)
    if query is None:
        return
    query = query.with_for_update(of=shortlists) if lock else query
    rows = await connection.stream(query, execution_options={"yield_per": READ_AT_ONCE})
    async for some in rows.partitions():
        yield await asyncio.to_thread(_redacted, some, known, supplier_ids)


async def redact_shortlists(
    connection: Connection,
    organisation_ids: Collection[UUID],
    known: Identifiers,
    supplier_ids: Collection[UUID],
) -> None:
    """Write the shortlists without the person's contact details."""
    async for some in redacted_shortlists(connection, organisation_ids, known, supplier_ids):
        if some:
            changes = [{"of_need": row.need_id, "as_number": row.number, "left": left} for row, left, _ in some]
            await connection.execute(_CHANGE, changes)


def _mentioning(organisation_ids: Collection[UUID], known: Identifiers) -> Select[Any] | None:
    """The shortlists with an address or a number of the person, in the order of their keys; None without either."""
    pattern = mention_pattern(msgspec.structs.replace(known, names=frozenset()))
    if pattern is None:
        return None
    own = shortlists.c
    columns = (own.need_id, own.number, own.created_at.label("since"), own.body, needs.c.organisation_id)
    body = func.convert_from(own.body, "UTF8", type_=Text)
    is_own = (own.need_id == needs.c.id) & needs.c.organisation_id.in_(organisation_ids)
    return select(*columns).where(is_own, body.regexp_match(pattern)).order_by(own.need_id, own.number)


def _redacted(
    rows: Sequence[Row[Any]], known: Identifiers, supplier_ids: Collection[UUID]
) -> Sequence[RedactedShortlist]:
    def each() -> Iterator[RedactedShortlist]:
        for row in rows:
            left, removed = without_contacts(row.body, known, supplier_ids)
            if removed:
                yield RedactedShortlist(row, left, removed)

    return tuple(each())
