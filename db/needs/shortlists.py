"""Frozen versions of shortlists, numbered from 1 in each need; the decisions on them, the law they were judged by."""

import zlib
from collections.abc import Sequence
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, LargeBinary, and_, bindparam, delete, func, insert, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert

from db.core.engine import Connection, is_below, read_all
from db.schema.organisation_tables import law_files, needs, shortlist_decisions, shortlists
from domain.decoding.stored import read_stored
from domain.needs.status import StoredNeed
from domain.shortlists.version import Decision, DecisionKey, FrozenShortlist, IdAndName, ShortlistVersion, ShownAnswer

_VERSION = [shortlists.c[name] for name in ShortlistVersion.__struct_fields__]
_DECISION = [shortlist_decisions.c[name] for name in Decision.__struct_fields__]


async def insert_shortlist(
    connection: Connection, organisation_id: UUID, need: StoredNeed, version: ShortlistVersion, body: bytes
) -> None:
    """Store the next version of a locked need's shortlist. `body`: the answer, byte for byte as it is sent."""
    row = {column.name: getattr(version, column.name) for column in _VERSION}
    await connection.execute(insert(shortlists).values(**row, need_id=need.id, need=need.content, body=body))
    own = and_(needs.c.organisation_id == organisation_id, needs.c.id == need.id)
    await connection.execute(update(needs).where(own).values(shortlists=version.number))


async def select_shortlist(
    connection: Connection, organisation_id: UUID, need_id: UUID, number: int | None
) -> FrozenShortlist | None:
    """A version of a need's shortlist (`number` None: the latest), with its decisions; None where there is none."""
    columns = (*_VERSION, shortlists.c.need_id, shortlists.c.need, shortlists.c.body)
    query = select(*columns).where(_is_of_need(organisation_id, need_id)).order_by(shortlists.c.number.desc()).limit(1)
    row = (await connection.execute(query if number is None else query.where(shortlists.c.number == number))).first()
    if row is None:
        return None
    chosen = await select_decisions(connection, organisation_id, need_id, row.number, None, None)
    return FrozenShortlist(**row._asdict(), decisions=tuple(chosen))


async def select_shortlists(
    connection: Connection, organisation_id: UUID, need_id: UUID, before: int | None, limit: int
) -> Sequence[ShortlistVersion]:
    """Up to `limit` versions of a need's shortlist before number `before`, the latest first."""
    earlier = select(*_VERSION).where(_is_of_need(organisation_id, need_id), is_below(shortlists.c.number, before))
    return await read_all(connection, earlier.order_by(shortlists.c.number.desc()).limit(limit), ShortlistVersion)


async def select_listed_supplier(
    connection: Connection, organisation_id: UUID, need_id: UUID, supplier_id: UUID
) -> IdAndName | None:
    """The id and name of a supplier in the latest version that lists it; None where no version does."""
    mentions = func.position(bindparam("id", str(supplier_id).encode(), LargeBinary).op("IN")(shortlists.c.body)) > 0
    query = select(shortlists.c.body).where(_is_of_need(organisation_id, need_id), mentions)
    body = await connection.scalar(query.order_by(shortlists.c.number.desc()).limit(1))
    if body is None:
        return None
    return next(
        (each for lot in read_stored(body, ShownAnswer).lots for each in lot.listed if each.id == supplier_id), None
    )


async def select_decisions(
    connection: Connection,
    organisation_id: UUID,
    need_id: UUID,
    number: int,
    after: DecisionKey | None,
    limit: int | None,
) -> Sequence[Decision]:
    """Up to `limit` decisions on a version, after the decision `after`, sorted by lot and supplier."""
    place = shortlist_decisions.c.lot_id, shortlist_decisions.c.supplier_id
    query = select(*_DECISION).where(
        shortlist_decisions.c.need_id == need_id,
        shortlist_decisions.c.number == number,
        _is_own_need(organisation_id, need_id),
    )
    if after is not None:
        query = query.where(tuple_(*place) > (after.lot_id, after.supplier_id))
    return await read_all(connection, query.order_by(*place).limit(limit), Decision)


async def earlier_decisions(
    connection: Connection, organisation_id: UUID, need_id: UUID, number: int
) -> Sequence[Decision]:
    """The decisions on all versions of a need's shortlist before version `number`, in the order of versions."""
    of_earlier = and_(shortlist_decisions.c.need_id == need_id, shortlist_decisions.c.number < number)
    query = select(*_DECISION).where(of_earlier, _is_own_need(organisation_id, need_id))
    place = (shortlist_decisions.c[name] for name in ("number", "lot_id", "supplier_id"))
    return await read_all(connection, query.order_by(*place), Decision)


async def write_decision(connection: Connection, need_id: UUID, number: int, decision: Decision) -> None:
    """Store a decision, in the place of an earlier one on the same supplier. The caller has locked the need."""
    write = upsert(shortlist_decisions).values(**msgspec.structs.asdict(decision), need_id=need_id, number=number)
    await connection.execute(
        write.on_conflict_do_update(
            index_elements=["need_id", "number", "lot_id", "supplier_id"],
            set_={name: write.excluded[name] for name in ("decision", "reason", "decided_at")},
        )
    )


async def remove_decision(connection: Connection, need_id: UUID, number: int, key: DecisionKey) -> None:
    """Delete a decision. The caller has locked the need."""
    table = shortlist_decisions.c
    of_version = and_(table.need_id == need_id, table.number == number)
    about = and_(table.lot_id == key.lot_id, table.supplier_id == key.supplier_id)
    await connection.execute(delete(shortlist_decisions).where(of_version, about))


def _is_own_need(organisation_id: UUID, need_id: UUID) -> ColumnElement[bool]:
    return select(needs.c.id).where(needs.c.organisation_id == organisation_id, needs.c.id == need_id).exists()


def _is_of_need(organisation_id: UUID, need_id: UUID) -> ColumnElement[bool]:
    return and_(shortlists.c.need_id == need_id, _is_own_need(organisation_id, need_id))


async def keep_law_file(connection: Connection, version: str, content: bytes) -> None:
    """Store a file of law under its version, unless it is stored already."""
    known = select(law_files.c.version).where(law_files.c.version == version)
    if (await connection.execute(known)).first() is None:
        row = {"version": version, "content": zlib.compress(content)}
        await connection.execute(upsert(law_files).values(**row).on_conflict_do_nothing())


async def select_law_file(connection: Connection, version: str) -> bytes | None:
    """The file of law of a version; None where none was kept."""
    found = await connection.scalar(select(law_files.c.content).where(law_files.c.version == version))
    return None if found is None else zlib.decompress(found)
