"""Needs as they are kept: every function takes the organisation, and knows no need of another one."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Date, Row, Select, and_, cast, delete, exists, insert, literal, select, update
from sqlalchemy import Text as SqlText
from sqlalchemy.exc import IntegrityError

from db.core.engine import Connection
from db.core.uuid7 import new_id
from db.schema.need_tables import awards, needs
from domain.errors import Conflict
from domain.needs.need import PlannedNeed
from domain.needs.status import Status, StoredNeed
from domain.text.bilingual import Text

_COLUMNS = [needs.c[name] for name in StoredNeed.__struct_fields__]


class NeedFilters(msgspec.Struct, frozen=True):
    """What a list of needs is narrowed to; None does not narrow. The days are of the planned publication, inclusive."""

    statuses: tuple[Status, ...] | None = None
    planned_from: date | None = None
    planned_to: date | None = None


async def create_need(connection: Connection, organisation_id: UUID, content: PlannedNeed, now: datetime) -> StoredNeed:
    """Keep a new need, as a draft."""
    need = StoredNeed(
        id=new_id(now), status="draft", version=1, content=content, shortlists=0, created_at=now, updated_at=now
    )
    row = {name: getattr(need, name) for name in StoredNeed.__struct_fields__}
    await connection.execute(insert(needs).values(**row, organisation_id=organisation_id))
    return need


async def get_need(connection: Connection, organisation_id: UUID, need_id: UUID) -> StoredNeed | None:
    """The need; None where the organisation has none of this id."""
    return await _one(connection, _is(organisation_id, need_id))


async def hold_need(connection: Connection, organisation_id: UUID, need_id: UUID) -> StoredNeed | None:
    """As `get_need`; until the transaction ends nobody else holds, changes or deletes it."""
    return await _one(connection, _is(organisation_id, need_id), hold=True)


async def list_needs(
    connection: Connection, organisation_id: UUID, filters: NeedFilters, before: UUID | None, limit: int
) -> Sequence[StoredNeed]:
    """Up to `limit` needs, the newest first, made before the need `before`."""
    query = select(*_COLUMNS).where(needs.c.organisation_id == organisation_id, *_conditions(filters))
    if before is not None:
        query = query.where(needs.c.id < before)
    rows = await connection.execute(query.order_by(needs.c.id.desc()).limit(limit))
    return [_stored(row) for row in rows]


async def save_need(connection: Connection, organisation_id: UUID, need: StoredNeed) -> None:
    """Write a need that is held."""
    row = {name: getattr(need, name) for name in StoredNeed.__struct_fields__}
    await connection.execute(update(needs).where(_is(organisation_id, need.id)).values(row))


async def delete_need(connection: Connection, organisation_id: UUID, need_id: UUID) -> None:
    """Remove a need that is held, with its shortlists and the decisions on them; the journal keeps its entries.

    Raises Conflict (`need_in_use`) where exchanges or awards refer to it.
    """
    awarded = (await connection.execute(select(exists().where(awards.c.need_id == need_id)))).scalar_one()
    if awarded:
        raise Conflict("need_in_use", _IN_USE)
    try:
        await connection.execute(delete(needs).where(_is(organisation_id, need_id)))
    except IntegrityError:
        raise Conflict("need_in_use", _IN_USE) from None


_IN_USE = Text(
    "Des échanges ou des attributions portent sur ce besoin : il s'abandonne, il ne s'efface pas",
    "Exchanges or awards are about this need: it can be abandoned, not deleted",
)


def _is(organisation_id: UUID, need_id: UUID) -> ColumnElement[bool]:
    return and_(needs.c.organisation_id == organisation_id, needs.c.id == need_id)


async def _one(connection: Connection, condition: ColumnElement[bool], *, hold: bool = False) -> StoredNeed | None:
    query: Select[Any] = select(*_COLUMNS).where(condition)
    if hold:
        # lets others refer to the need meanwhile: a message sent need not wait for a shortlist
        query = query.with_for_update(key_share=True)
    row = (await connection.execute(query)).first()
    return None if row is None else _stored(row)


def _conditions(filters: NeedFilters) -> Iterator[ColumnElement[bool]]:
    planned = cast(needs.c.content.op("->>")(literal("planned_publication_on", SqlText)), Date)
    if filters.statuses is not None:
        yield needs.c.status.in_(filters.statuses)
    if filters.planned_from is not None:
        yield planned >= filters.planned_from
    if filters.planned_to is not None:
        yield planned <= filters.planned_to


def _stored(row: Row[Any]) -> StoredNeed:
    return StoredNeed(**row._asdict())
