"""Queries of suppliers: for the index, for the change feed, and page by page."""

from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    and_,
    any_,
    bindparam,
    case,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    text,
    true,
)
from sqlalchemy import Text as SqlText
from sqlalchemy.dialects.postgresql import ARRAY

from db.core.engine import Connection, Engine, is_above
from db.schema.supplier_tables import change_sets, directory_version, records, suppliers
from db.suppliers.regroup import KEY_ARRAYS, key_arrays
from db.suppliers.write import SIREN_DIGITS, survivors
from domain.suppliers.deduplication import RecordKey
from domain.suppliers.supplier import Point, SourceRef, Supplier
from domain.text.normalise import fold

# Decoding a batch holds the event loop for a few milliseconds, not more.
READ_AT_ONCE = 500
_ENTRIES = (
    select(change_sets.c.version, suppliers.c.document)
    .join(change_sets, change_sets.c.id == suppliers.c.change_set)
    .where(~suppliers.c.deleted)
)
_NEWEST = select(directory_version.c.version, change_sets.c.uid).select_from(
    directory_version.outerjoin(change_sets, change_sets.c.version == directory_version.c.version)
)
# As arrays: the records that add to a page of suppliers may be more than a query takes parameters.
_RECEIVED = text("""
    SELECT r.* FROM unnest(:sources, :ids) AS k(source, external_id) CROSS JOIN LATERAL (
        SELECT r.source, r.external_id, r.received_at FROM records r
        WHERE r.source = k.source AND r.external_id = k.external_id OFFSET 0
    ) r
""").bindparams(*KEY_ARRAYS)


class Position(NamedTuple):
    """A place in the change feed: after this supplier of this version. `START` is before everything.

    `uid`: of that version, as another history of the directory may have one of the same number; None where it is not
    known.
    """

    version: int
    supplier_id: UUID
    uid: UUID | None = None


START = Position(0, UUID(int=0))
LAST_ID = UUID(int=(1 << 128) - 1)


class Change(msgspec.Struct, frozen=True):
    """The latest change of one supplier, and the version it came with. `supplier` null: it was deleted.

    `uid`: of that version.
    """

    version: int
    id: UUID
    supplier: Supplier | None
    uid: UUID | None = None

    @property
    def position(self) -> Position:
        return Position(self.version, self.id, self.uid)


class Entry(msgspec.Struct, frozen=True):
    """A supplier and the version of its last change."""

    version: int
    supplier: Supplier


Box = tuple[float, float, float, float]


class Ground(NamedTuple):
    """Ground that a supplier may stand on: boxes that may hold its point, and communes."""

    boxes: tuple[Box, ...]
    communes: tuple[str, ...]


class Filters(msgspec.Struct, frozen=True):
    """The filters of a page of suppliers; None does not narrow, an empty tuple lets nothing through.

    `activities`: segment and family ids, one of which an offer names, and CPV codes (8 digits), one of which an offer
    without segments carries. `ground`: boxes, one of which holds the point, or communes (current INSEE codes), one of
    which is the supplier's. `q`: words that all occur in the name or trade name, whole or in part, whatever their case
    and accents. `bbox` and boxes: west, south, east, north in degrees; west > east crosses the antimeridian.
    """

    activities: tuple[str, ...] | None = None
    ground: Ground | None = None
    kinds: tuple[str, ...] | None = None
    source: str | None = None
    siret: str | None = None
    siren: str | None = None
    q: str | None = None
    bbox: Box | None = None
    active: bool | None = None


class Snapshot(msgspec.Struct, frozen=True):
    """The directory at one version, unmoved by later changes while it is read. `uid`: of that version.

    `sources` of suppliers may show an older receipt.
    """

    connection: Connection
    version: int
    uid: UUID | None

    async def has_had_version(self, version: int, uid: UUID | None) -> bool:
        """Whether this directory has had the version under that uid; a restored copy's history has not."""
        return await _has_had_version(self.connection, version, uid)

    async def has_more_changes(self, since: int, than: int) -> bool:
        """Whether more suppliers than that changed after version `since`."""
        versions = await self._versions_since(since)
        one_more = select(suppliers.c.id).where(_of_change_sets(versions)).offset(than).limit(1)
        return await self.connection.scalar(one_more) is not None

    async def changes(self, since: int) -> AsyncIterator[Sequence[Change]]:
        """Every supplier changed after version `since`, in batches and in no order: inactive and deleted ones too."""
        versions = await self._versions_since(since)
        query = select(suppliers.c.change_set, suppliers.c.id, suppliers.c.document).where(_of_change_sets(versions))
        rows = await self.connection.stream(query, execution_options={"yield_per": READ_AT_ONCE})
        async for batch in rows.partitions():
            yield [Change(versions[row.change_set], row.id, row.document) for row in batch]

    async def _versions_since(self, since: int) -> dict[int, int]:
        """The later versions by change set.

        Asked for by themselves: the planner takes a third of all change sets for later ones, and would read all
        suppliers to join them.
        """
        later = select(change_sets.c.id, change_sets.c.version).where(change_sets.c.version > since)
        return {row.id: row.version for row in await self.connection.execute(later)}


def _of_change_sets(versions: Mapping[int, int]) -> ColumnElement[bool]:
    """The condition that a supplier's last change is of one of these change sets."""
    return suppliers.c.change_set == any_(bindparam(None, list(versions), ARRAY(BigInteger)))


@asynccontextmanager
async def snapshot(engine: Engine) -> AsyncIterator[Snapshot]:
    """A view of the directory that does not move, on a connection of its own; one query of it at a time."""
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        end = await end_of_directory(connection)
        yield Snapshot(connection, end.version, end.uid)


async def _has_had_version(connection: Connection, version: int, uid: UUID | None) -> bool:
    # 0: nothing had been written yet
    return version == 0 or uid == (await end_of_version(connection, version)).uid


async def end_of_version(connection: Connection, version: int) -> Position:
    """The position after everything that a version changed; without uid if the directory has not had that version."""
    uid: UUID | None = await connection.scalar(select(change_sets.c.uid).where(change_sets.c.version == version))
    return Position(version, LAST_ID, uid)


async def end_of_directory(connection: Connection) -> Position:
    """The position after everything that has been changed so far."""
    newest = (await connection.execute(_NEWEST)).first()
    return START if newest is None else Position(newest.version, LAST_ID, newest.uid)


async def is_in_history(connection: Connection, position: Position, end: Position) -> bool:
    """Whether a position of the feed is of this directory's history, not a restored copy's; without uid, by version."""
    if position.uid is None:
        return position.version <= end.version
    if position.version == end.version:
        return position.uid == end.uid
    return await _has_had_version(connection, position.version, position.uid)


async def changes_after(connection: Connection, position: Position, limit: int) -> Sequence[Change]:
    """Up to `limit` suppliers changed after `position`, in the order of commits; go on from the last one's position.

    A supplier that changes again moves to its new place, so a reader that follows the feed sees its last state.
    """
    # along an index: one version may hold every supplier, and is not sorted for each page
    from_id = case((change_sets.c.version == position.version, position.supplier_id), else_=START.supplier_id)
    changed = (
        select(suppliers.c.id, suppliers.c.document)
        .where(suppliers.c.change_set == change_sets.c.id, suppliers.c.id > from_id)
        .order_by(suppliers.c.id)
        .limit(limit)
        .lateral("changed")
    )
    query = (
        select(change_sets.c.version, change_sets.c.uid, changed.c.id, changed.c.document)
        .select_from(change_sets.join(changed, true()))
        .where(change_sets.c.version >= position.version)
        .order_by(change_sets.c.version, changed.c.id)
        .limit(limit)
    )
    rows = (await connection.execute(query)).all()
    received = await _as_received(connection, [row.document for row in rows if row.document is not None])
    return [Change(row.version, row.id, received.get(row.id), row.uid) for row in rows]


async def get_supplier(connection: Connection, supplier_id: UUID) -> Entry | None:
    """The supplier, or the one that it is part of now; None if it never was or is deleted."""
    wanted = _ENTRIES.where(suppliers.c.id == bindparam("wanted"))
    row = (await connection.execute(wanted, {"wanted": supplier_id})).first()
    if row is None:
        survivor = (await survivors(connection, [supplier_id])).get(supplier_id)
        row = (await connection.execute(wanted, {"wanted": survivor})).first()
    if row is None:
        return None
    received = await _as_received(connection, [row.document])
    return Entry(row.version, received[row.document.id])


async def living_suppliers(connection: Connection, supplier_ids: Collection[UUID]) -> dict[UUID, Supplier]:
    """The supplier that each id stands for: itself, or the one that it is part of now. Other ids are absent."""
    if not supplier_ids:
        return {}
    living = await survivors(connection, supplier_ids)
    query = select(suppliers.c.id, suppliers.c.document).where(suppliers.c.id == func.any(bindparam("ids")))
    found = {row.id: row.document for row in await connection.execute(query, {"ids": list(set(living.values()))})}
    return {asked: found[each] for asked, each in living.items()}


async def page_of_suppliers(
    connection: Connection, filters: Filters, after: UUID | None, limit: int
) -> Sequence[Entry]:
    """Up to `limit` suppliers that pass the filters, by id from the one after `after`; go on from the last one's id."""
    query = _ENTRIES.where(*_conditions(filters), is_above(suppliers.c.id, after)).order_by(suppliers.c.id).limit(limit)
    rows = (await connection.execute(query)).all()
    received = await _as_received(connection, [row.document for row in rows])
    return [Entry(row.version, received[row.document.id]) for row in rows]


async def count_suppliers(connection: Connection, filters: Filters, most: int) -> int:
    """The number of suppliers that pass the filters, counted to `most`."""
    passed = select(suppliers.c.id).where(~suppliers.c.deleted, *_conditions(filters)).limit(most).subquery()
    return (await connection.execute(select(func.count()).select_from(passed))).scalar_one()


class PlacedSupplier(NamedTuple):
    """A supplier as a map shows it; `location` null: it has no point."""

    id: UUID
    name: str
    commune: str | None
    location: Point | None


async def placed_suppliers(connection: Connection, filters: Filters, most: int) -> Sequence[PlacedSupplier]:
    """Up to `most` of the suppliers that pass the filters, in brief."""
    columns = suppliers.c
    name = columns.document.op("->>", return_type=SqlText())(literal("name", SqlText))
    query = select(columns.id, name, columns.commune, columns.lat, columns.lon).where(
        ~columns.deleted, *_conditions(filters)
    )
    rows = await connection.execute(query.order_by(columns.id).limit(most))
    return [
        PlacedSupplier(id_, called, commune, None if lat is None else Point(lat, lon))
        for id_, called, commune, lat, lon in rows
    ]


def _conditions(filters: Filters) -> Iterator[ColumnElement[bool]]:
    if filters.activities is not None:
        yield suppliers.c.activities.overlap(list(filters.activities))
    if filters.ground is not None:
        in_commune = suppliers.c.commune == func.any(list(filters.ground.communes))
        yield or_(in_commune, *(_in_bbox(*box) for box in filters.ground.boxes))
    if filters.kinds is not None:
        yield suppliers.c.kinds.overlap(list(filters.kinds))
    if filters.source is not None:
        yield _has_record_of(filters.source)
    if filters.siret is not None:
        yield _has_record(records.c.siret == filters.siret)
    if filters.siren is not None:
        yield _has_record(records.c.siret.between(f"{filters.siren}00000", f"{filters.siren}99999"))
    if filters.q is not None:
        yield _name_contains(filters.q)
    if filters.bbox is not None:
        yield _in_bbox(*filters.bbox)
    if filters.active is not None:
        yield suppliers.c.active == filters.active


def _has_record(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether a record of the supplier meets the condition: a merged one may have several SIRETs."""
    return suppliers.c.id.in_(select(records.c.supplier_id).where(condition))


def _has_record_of(source: str) -> ColumnElement[bool]:
    """Whether a record of the source makes the supplier or adds to it."""
    addition = records.alias()
    own = records.c.supplier_id == suppliers.c.id
    adds = addition.c.joins.in_([records.c.siret, func.left(records.c.siret, SIREN_DIGITS)])
    added = exists().where(own, adds, addition.c.source == source)
    return or_(exists().where(own, records.c.source == source), added)


def _name_contains(q: str) -> ColumnElement[bool]:
    """Whether every word of `q` is in the name; false without words. Folded words hold no wildcard."""
    words = fold(q).split()
    return and_(*(suppliers.c.name_folded.contains(word) for word in words)) if words else false()


def _in_bbox(west: float, south: float, east: float, north: float) -> ColumnElement[bool]:
    beyond = (suppliers.c.lon >= west, suppliers.c.lon <= east)
    return suppliers.c.lat.between(south, north) & (and_(*beyond) if west <= east else or_(*beyond))


async def _as_received(connection: Connection, found: Sequence[Supplier]) -> dict[UUID, Supplier]:
    """The suppliers by id, with the last receipt of each record behind them: later than in their documents."""
    columns = (records.c.source, records.c.external_id, records.c.received_at)
    query = select(*columns).where(records.c.supplier_id == func.any([supplier.id for supplier in found]))
    received = {(source, external_id): at for source, external_id, at in await connection.execute(query)}
    behind = {RecordKey(each.source, each.external_id) for supplier in found for each in supplier.sources}
    if adding := behind - received.keys():
        rows = await connection.execute(_RECEIVED, key_arrays(adding))
        received |= {(source, external_id): at for source, external_id, at in rows}

    def latest(each: SourceRef) -> SourceRef:
        at = received.get((each.source, each.external_id), each.received_at)
        return SourceRef(each.source, each.external_id, at)

    return {each.id: msgspec.structs.replace(each, sources=tuple(map(latest, each.sources))) for each in found}
