"""Needs of an organisation: every function takes the organisation, and finds no need of another one."""

from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Date, and_, cast, delete, func, insert, literal, or_, select, update
from sqlalchemy import Text as SqlText
from sqlalchemy.exc import IntegrityError

from db.core.engine import Connection, kept_document
from db.core.uuid7 import new_id
from db.schema.need_tables import needs
from domain.errors import Conflict
from domain.needs.need import PlannedNeed
from domain.needs.status import Status, StoredNeed
from domain.text.bilingual import Text

_COLUMNS = [needs.c[name] for name in StoredNeed.__struct_fields__]


class NeedFilters(msgspec.Struct, frozen=True):
    """Conditions of a list of needs; None sets none. The days are of the planned publication, inclusive."""

    statuses: tuple[Status, ...] | None = None
    planned_from: date | None = None
    planned_to: date | None = None


class NeedName(msgspec.Struct, frozen=True):
    """A need by the words that name it."""

    id: UUID
    title: str | None
    reference: str | None


async def insert_need(connection: Connection, organisation_id: UUID, content: PlannedNeed, now: datetime) -> StoredNeed:
    """Store a new need, as a draft."""
    need = StoredNeed(
        id=new_id(now), status="draft", version=1, content=content, shortlists=0, created_at=now, updated_at=now
    )
    row = msgspec.structs.asdict(need) | {"organisation_id": organisation_id}
    await connection.execute(insert(needs).values(row))
    return need


async def select_need(connection: Connection, organisation_id: UUID, need_id: UUID) -> StoredNeed | None:
    """The need; None where the organisation has none of this id."""
    row = (await connection.execute(select(*_COLUMNS).where(_is(organisation_id, need_id)))).first()
    return None if row is None else msgspec.convert(row, StoredNeed, from_attributes=True)


async def lock_need(connection: Connection, organisation_id: UUID, need_id: UUID) -> StoredNeed | None:
    """As `select_need`; until the transaction ends nobody else locks, changes or deletes it."""
    # a message sent need not wait for a shortlist: other rows may refer to the need meanwhile
    query = select(*_COLUMNS).where(_is(organisation_id, need_id)).with_for_update(key_share=True)
    row = (await connection.execute(query)).first()
    return None if row is None else msgspec.convert(row, StoredNeed, from_attributes=True)


async def select_needs(
    connection: Connection, organisation_id: UUID, filters: NeedFilters, before: UUID | None, limit: int
) -> Sequence[StoredNeed]:
    """Up to `limit` needs, the newest first, made before the need `before`."""
    query = select(*_COLUMNS).where(needs.c.organisation_id == organisation_id, *_conditions(filters))
    if before is not None:
        query = query.where(needs.c.id < before)
    rows = await connection.execute(query.order_by(needs.c.id.desc()).limit(limit))
    return msgspec.convert(rows.all(), list[StoredNeed], from_attributes=True)


async def select_need_names(
    connection: Connection, organisation_id: UUID, statuses: Collection[Status], ids: Collection[UUID], limit: int
) -> Sequence[NeedName]:
    """Up to `limit` needs: those of these ids, then the newest in these statuses."""
    named, own = needs.c.id == func.any(list(ids)), needs.c.organisation_id == organisation_id
    word = needs.c.content.op("->>", return_type=SqlText())
    words = [word(literal(name, SqlText)).label(name) for name in ("title", "reference")]
    query = select(needs.c.id, *words).where(own, or_(named, needs.c.status.in_(statuses)))
    rows = await connection.execute(query.order_by(named.desc(), needs.c.id.desc()).limit(limit))
    return msgspec.convert(rows.all(), list[NeedName], from_attributes=True)


async def write_need(connection: Connection, organisation_id: UUID, need: StoredNeed) -> None:
    """Store a change of a need that the caller has locked; what only a later release knows of its content stays."""
    own = _is(organisation_id, need.id)
    content = await kept_document(connection, needs.c.content, own, need.content)
    await connection.execute(update(needs).where(own).values(msgspec.structs.asdict(need) | {"content": content}))


async def remove_need(connection: Connection, organisation_id: UUID, need_id: UUID) -> None:
    """Delete a need that the caller has locked, with its shortlists and decisions; the journal keeps its entries.

    Raises Conflict (`need_in_use`) where exchanges or awards refer to it.
    """
    try:
        await connection.execute(delete(needs).where(_is(organisation_id, need_id)))
    except IntegrityError:
        detail = Text(
            "Des échanges ou des attributions portent sur ce besoin : il s'abandonne, il ne s'efface pas",
            "Exchanges or awards are about this need: it can be abandoned, not deleted",
        )
        raise Conflict("need_in_use", detail) from None


def _is(organisation_id: UUID, need_id: UUID) -> ColumnElement[bool]:
    return and_(needs.c.organisation_id == organisation_id, needs.c.id == need_id)


def _conditions(filters: NeedFilters) -> Iterator[ColumnElement[bool]]:
    planned = cast(needs.c.content.op("->>")(literal("planned_publication_on", SqlText)), Date)
    if filters.statuses is not None:
        yield needs.c.status.in_(filters.statuses)
    if filters.planned_from is not None:
        yield planned >= filters.planned_from
    if filters.planned_to is not None:
        yield planned <= filters.planned_to
