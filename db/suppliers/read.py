"""Queries of suppliers: one, a page of them, their number, their places for a map, those of open sources, payees."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from db.core.engine import Connection, is_above
from db.schema.supplier_tables import change_sets, records, suppliers
from db.suppliers.regroup import KEY_ARRAYS, key_arrays
from db.suppliers.write import SIREN_DIGITS, record_rows, stored_record, survivors
from domain.decoding.stored import stored_decoder
from domain.spending.payment import Payee
from domain.suppliers.assembly import StoredRecord
from domain.suppliers.deduplication import RecordKey
from domain.suppliers.source import SELF_EMPLOYED
from domain.suppliers.supplier import Point, SourceRef, Supplier
from domain.text.normalise import fold

_ENTRIES = (
    sa.select(change_sets.c.version, suppliers.c.document)
    .join(change_sets, change_sets.c.id == suppliers.c.change_set)
    .where(~suppliers.c.deleted)
)
# As arrays: the records that add to a page of suppliers may be more than a query takes parameters.
_RECEIVED = sa.text("""
    SELECT r.* FROM unnest(:sources, :ids) AS k(source, external_id) CROSS JOIN LATERAL (
        SELECT r.source, r.external_id, r.received_at FROM records r
        WHERE r.source = k.source AND r.external_id = k.external_id OFFSET 0
    ) r
""").bindparams(*KEY_ARRAYS)


class VersionedSupplier(msgspec.Struct, frozen=True):
    """A supplier, and the directory version of its last change."""

    version: int
    supplier: Supplier


Box = tuple[float, float, float, float]


class PlaceFilter(NamedTuple):
    """A condition on where suppliers are: their point in one of the boxes, or their commune among these."""

    boxes: tuple[Box, ...]
    communes: tuple[str, ...]


class Filters(msgspec.Struct, frozen=True):
    """The filters of a list of suppliers; None is no filter, an empty tuple lets nothing pass.

    `activities`: segment and family ids, one of which an offer names, and CPV codes (8 digits), one of which an offer
    without segments carries. `ground`: boxes, one of which holds the point, or communes (current INSEE codes), one of
    which is the supplier's. `q`: words that all occur in the name or trade name, whole or in part, whatever their case
    and accents. `bbox` and boxes: west, south, east, north in degrees; west > east crosses the antimeridian.
    """

    activities: tuple[str, ...] | None = None
    ground: PlaceFilter | None = None
    kinds: tuple[str, ...] | None = None
    source: str | None = None
    siret: str | None = None
    siren: str | None = None
    q: str | None = None
    bbox: Box | None = None
    active: bool | None = None


async def get_supplier(connection: Connection, supplier_id: UUID) -> VersionedSupplier | None:
    """The supplier with this id, or the one it was merged into; None if it is unknown or deleted."""
    wanted = _ENTRIES.where(suppliers.c.id == sa.bindparam("wanted"))
    row = (await connection.execute(wanted, {"wanted": supplier_id})).first()
    if row is None:
        survivor = (await survivors(connection, [supplier_id])).get(supplier_id)
        row = (await connection.execute(wanted, {"wanted": survivor})).first()
    if row is None:
        return None
    received = await with_last_receipts(connection, [row.document])
    return VersionedSupplier(row.version, received[row.document.id])


async def living_suppliers(connection: Connection, supplier_ids: Collection[UUID]) -> dict[UUID, Supplier]:
    """The supplier with each id, or the one it was merged into; unknown and deleted ids are absent."""
    if not supplier_ids:
        return {}
    living = await survivors(connection, supplier_ids)
    query = sa.select(suppliers.c.id, suppliers.c.document).where(suppliers.c.id == sa.func.any(sa.bindparam("ids")))
    found = {row.id: row.document for row in await connection.execute(query, {"ids": list(set(living.values()))})}
    return {asked: found[each] for asked, each in living.items()}


async def active_suppliers(connection: Connection, supplier_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """The id of each of these suppliers, or of the one it was merged into, where that is active; others are absent."""
    living = await survivors(connection, supplier_ids)
    query = sa.select(suppliers.c.id).where(suppliers.c.id == sa.func.any(list(living.values())), suppliers.c.active)
    active = set((await connection.execute(query)).scalars())
    return {asked: each for asked, each in living.items() if each in active}


async def page_of_suppliers(
    connection: Connection, filters: Filters, after: UUID | None, limit: int
) -> Sequence[VersionedSupplier]:
    """Up to `limit` suppliers that pass the filters, with ids after `after`, in the order of their ids."""
    query = _ENTRIES.where(*_conditions(filters), is_above(suppliers.c.id, after)).order_by(suppliers.c.id).limit(limit)
    rows = (await connection.execute(query)).all()
    received = await with_last_receipts(connection, [row.document for row in rows])
    return [VersionedSupplier(row.version, received[row.document.id]) for row in rows]


async def count_suppliers(connection: Connection, filters: Filters, most: int) -> int:
    """The number of suppliers that pass the filters, counted up to `most`."""
    passed = sa.select(suppliers.c.id).where(~suppliers.c.deleted, *_conditions(filters)).limit(most).subquery()
    return (await connection.execute(sa.select(sa.func.count()).select_from(passed))).scalar_one()


class PlacedSupplier(NamedTuple):
    """A supplier as a map shows it; `location` null: it has no point."""

    id: UUID
    name: str
    commune: str | None
    location: Point | None


async def placed_suppliers(connection: Connection, filters: Filters, most: int) -> Sequence[PlacedSupplier]:
    """Up to `most` suppliers that pass the filters, with id, name, commune and point alone."""
    columns = suppliers.c
    name = columns.document.op("->>", return_type=sa.Text())(sa.literal("name", sa.Text))
    query = sa.select(columns.id, name, columns.commune, columns.lat, columns.lon).where(
        ~columns.deleted, *_conditions(filters)
    )
    rows = await connection.execute(query.order_by(columns.id).limit(most))
    return [
        PlacedSupplier(id_, called, commune, None if lat is None else Point(lat, lon))
        for id_, called, commune, lat, lon in rows
    ]


def _has_record(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """The condition that a supplier has a record that meets `condition`."""
    return suppliers.c.id.in_(sa.select(records.c.supplier_id).where(condition))


def _has_record_of(source: str) -> sa.ColumnElement[bool]:
    """The condition that a record of the source describes the supplier or adds to it."""
    addition = records.alias()
    own = records.c.supplier_id == suppliers.c.id
    adds = addition.c.joins.in_([records.c.siret, sa.func.left(records.c.siret, SIREN_DIGITS)])
    added = sa.exists().where(own, adds, addition.c.source == source)
    return sa.or_(sa.exists().where(own, records.c.source == source), added)


def _name_contains(q: str) -> sa.ColumnElement[bool]:
    """The condition that every word of `q` is in the supplier's name; false for a `q` without words."""
    words = fold(q).split()
    return sa.and_(*(suppliers.c.name_folded.contains(word) for word in words)) if words else sa.false()


def _in_bbox(west: float, south: float, east: float, north: float) -> sa.ColumnElement[bool]:
    beyond = (suppliers.c.lon >= west, suppliers.c.lon <= east)
    return suppliers.c.lat.between(south, north) & (sa.and_(*beyond) if west <= east else sa.or_(*beyond))


_CONDITIONS: dict[str, Callable[[Any], sa.ColumnElement[bool]]] = {
    "activities": lambda wanted: suppliers.c.activities.overlap(list(wanted)),
    "ground": lambda ground: sa.or_(
        suppliers.c.commune == sa.func.any(list(ground.communes)), *(_in_bbox(*box) for box in ground.boxes)
    ),
    "kinds": lambda wanted: suppliers.c.kinds.overlap(list(wanted)),
    "source": _has_record_of,
    "siret": lambda siret: _has_record(records.c.siret == siret),
    "siren": lambda siren: _has_record(records.c.siret.between(f"{siren}00000", f"{siren}99999")),
    "q": _name_contains,
    "bbox": lambda box: _in_bbox(*box),
    "active": lambda active: suppliers.c.active == active,
}


def _conditions(filters: Filters) -> list[sa.ColumnElement[bool]]:
    return [meets(wanted) for name, meets in _CONDITIONS.items() if (wanted := getattr(filters, name)) is not None]


async def with_last_receipts(connection: Connection, found: Sequence[Supplier]) -> dict[UUID, Supplier]:
    """The suppliers by id, each with its sources' `received_at` set to when their records were last received."""
    columns = (records.c.source, records.c.external_id, records.c.received_at)
    query = sa.select(*columns).where(records.c.supplier_id == sa.func.any([supplier.id for supplier in found]))
    received = {(source, external_id): at for source, external_id, at in await connection.execute(query)}
    behind = {RecordKey(each.source, each.external_id) for supplier in found for each in supplier.sources}
    if adding := behind - received.keys():
        rows = await connection.execute(_RECEIVED, key_arrays(adding))
        received |= {(source, external_id): at for source, external_id, at in rows}

    def with_receipt(each: SourceRef) -> SourceRef:
        at = received.get((each.source, each.external_id), each.received_at)
        return SourceRef(each.source, each.external_id, at)

    return {each.id: msgspec.structs.replace(each, sources=tuple(map(with_receipt, each.sources))) for each in found}


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


async def sources_of_approvals(connection: Connection, supplier_id: UUID) -> tuple[str, ...]:
    """The sources whose records say of which kinds a supplier is."""
    rows = (await record_rows(connection, [supplier_id])).get(supplier_id, ())
    return tuple(dict.fromkeys(each.source for each in map(stored_record, rows) if each.record.approvals))


async def extent_of_sources(connection: Connection, sources: Sequence[str]) -> dict[str, SourceExtent]:
    """The extent of each of these sources that describes any supplier, by name."""
    query = (
        sa.select(records.c.source, sa.func.count(), sa.func.max(records.c.changed_at))
        .where(records.c.source == sa.func.any(list(sources)), records.c.supplier_id.is_not(None))
        .group_by(records.c.source)
    )
    return {source: SourceExtent(count, at) for source, count, at in await connection.execute(query)}


AT_ONCE = 500
MOST_OF_A_UNIT = 100
"""Establishments of one legal unit that are read beside those that were paid: some have thousands."""
# As a lateral join: each legal unit is a range of the index on SIRETs.
_OF_UNITS = sa.text("""
    SELECT found.siret, s.document::text AS document
    FROM unnest(:sirens) AS k(siren) CROSS JOIN LATERAL (
        SELECT DISTINCT r.siret, r.supplier_id FROM records r
        WHERE r.siret BETWEEN k.siren || '00000' AND k.siren || '99999' AND r.supplier_id IS NOT NULL
        ORDER BY r.siret LIMIT :most
    ) found JOIN suppliers s ON s.id = found.supplier_id WHERE NOT s.deleted
""").bindparams(sa.bindparam("sirens", type_=ARRAY(sa.Text)), most=MOST_OF_A_UNIT)
_OF_SIRETS = sa.text("""
    SELECT DISTINCT ON (r.siret, r.supplier_id) r.siret, s.document::text AS document
    FROM records r JOIN suppliers s ON s.id = r.supplier_id
    WHERE r.siret = ANY(:sirets) AND NOT s.deleted
    ORDER BY r.siret, r.supplier_id
""").bindparams(sa.bindparam("sirets", type_=ARRAY(sa.Text)))


_decode = stored_decoder(Payee)


async def payees_of(connection: Connection, sirets: Iterable[str], sirens: Iterable[str]) -> list[Payee]:
    """The suppliers with one of these SIRETs, and of these legal units, each under the SIRET of its record.

    Also those that are not active any more: they may have been when they were paid.
    """
    found, known = list[Payee](), set[str]()
    for some in _in_parts(sirets):
        for siret, document in await connection.execute(_OF_SIRETS, {"sirets": some}):
            found.append(msgspec.structs.replace(_decode(document), siret=siret))
            known.add(siret)
    for some in _in_parts(sirens):
        for siret, document in await connection.execute(_OF_UNITS, {"sirens": some}):
            if siret not in known:
                found.append(msgspec.structs.replace(_decode(document), siret=siret))
    return found


def _in_parts(numbers: Iterable[str]) -> Iterator[list[str]]:
    """The numbers, each once and in order, in lists that one query takes."""
    ordered = sorted(set(numbers))
    yield from (ordered[first : first + AT_ONCE] for first in range(0, len(ordered), AT_ONCE))
