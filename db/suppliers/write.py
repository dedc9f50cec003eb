"""Suppliers written from their records, and the version that the directory gets by each such change.

Every change is a change set. Suppliers carry its id, which is known from the start; `publish` gives it the next version
as the last step before the commit. The lock on the version is thus held for an instant, however large the change, and
the order of versions is the order of commits: a reader that has seen version n will never see an older one appear.

Some records make no supplier but add to those that other records make, by SIRET or SIREN: contracts won, approvals,
lists and flags of registers come about suppliers that may not be known yet. Such a record waits, and adds to its
suppliers from the day one of them comes. It is bound to none of them: whoever assembles a supplier looks for what adds
to it.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import Raw
from msgspec.json import encode
from sqlalchemy import ARRAY, Text, Uuid, bindparam, func, literal_column, select, text, true, type_coerce, update
from sqlalchemy.dialects.postgresql import insert

from db.core.engine import Connection
from db.schema.supplier_tables import change_set_ids, directory_version, records, sources, suppliers
from domain.decoding.stored import stored_decoder, with_later_members
from domain.suppliers.assembly import StoredRecord, assemble
from domain.suppliers.supplier import Flag, Placement, Point, Supplier, SupplierRecord
from domain.text.normalise import fold

CHANNEL = "vivier_suppliers"
REWRITTEN_AT_ONCE = 1_000

_PUBLISH = text(f"""
    WITH next AS (UPDATE directory_version SET version = version + 1 RETURNING version),
    published AS (INSERT INTO change_sets (id, version) SELECT :change_set, version FROM next)
    SELECT version, pg_notify('{CHANNEL}', version::text) FROM next
""")  # noqa: S608 - the channel is a constant


class RecordRow(NamedTuple):
    """A record's row as the query `STORED_RECORDS` returns it; `payload` and `flags` are JSON."""

    source: str
    external_id: str
    payload: str
    lat: float | None
    lon: float | None
    commune: str | None
    flags: str
    supplier_id: UUID | None
    received_at: datetime
    changed_at: datetime
    rank: int


_RECORD_COLUMNS = [name for name in RecordRow._fields if name in records.columns]
_COLUMNS_AS_STORED = [
    type_coerce(records.c[name], Text) if name in {"payload", "flags"} else records.c[name] for name in _RECORD_COLUMNS
]
STORED_RECORDS = select(*_COLUMNS_AS_STORED, sources.c.rank).join(sources, sources.c.name == records.c.source)
_DESCRIBING = STORED_RECORDS.add_columns(records.c.siret).where(records.c.supplier_id == func.any(bindparam("ids")))

_decode, _decode_flags = stored_decoder(SupplierRecord), stored_decoder(tuple[Flag, ...])

# LATERAL with OFFSET 0 makes a look-up in the index for each number, whatever the planner knows of the table.
_NUMBERS = bindparam("numbers", type_=ARRAY(Text))
_numbers = func.unnest(_NUMBERS).table_valued("number", name="n").render_derived()
_additions = (
    select(*_COLUMNS_AS_STORED, records.c.joins)
    .where(records.c.joins == _numbers.c.number)
    .offset(literal_column("0"))
    .lateral("additions")
)
_ADDITIONS = select(*(_additions.c[name] for name in _RECORD_COLUMNS), sources.c.rank, _additions.c.joins).select_from(
    _numbers.join(_additions, true()).join(sources, sources.c.name == _additions.c.source)
)

_STORED_DOCUMENTS = select(suppliers.c.id, type_coerce(suppliers.c.document, Text).label("document")).where(
    suppliers.c.id == func.any(bindparam("ids"))
)
_SURVIVORS = text("""
    WITH RECURSIVE trail AS (
        SELECT id AS asked, id, merged_into, deleted FROM suppliers WHERE id = ANY(:ids)
        UNION ALL
        SELECT trail.asked, s.id, s.merged_into, s.deleted FROM trail JOIN suppliers s ON s.id = trail.merged_into
    )
    SELECT asked, id FROM trail WHERE NOT deleted
""").bindparams(bindparam("ids", type_=ARRAY(Uuid)))

_FORMER_IDS = text("""
    WITH RECURSIVE trail AS (
        SELECT CAST(:id AS uuid) AS id
        UNION
        SELECT s.id FROM trail JOIN suppliers s ON s.merged_into = trail.id
    )
    SELECT id FROM trail
""").bindparams(bindparam("id", type_=Uuid))


async def current_version(connection: Connection) -> int:
    """The version of the directory as this transaction sees it; 0 before the first change."""
    return await connection.scalar(select(directory_version.c.version)) or 0


async def begin_change(connection: Connection) -> int:
    """The id of a new change set, for suppliers written in this transaction."""
    return (await connection.execute(select(change_set_ids.next_value()))).scalar_one()


async def publish(connection: Connection, change_set: int) -> int:
    """Give a change set the directory's next version and notify listeners; call once, last before the commit."""
    version: int = (await connection.execute(_PUBLISH, {"change_set": change_set})).one().version
    return version


async def record_rows(connection: Connection, supplier_ids: Iterable[UUID]) -> dict[UUID, list[RecordRow]]:
    """The stored rows of the records that describe each supplier or add to it (see `stored_record`).

    A supplier that none makes is absent.
    """
    found: dict[UUID, list[RecordRow]] = {}
    numbers: dict[str, set[UUID]] = {}
    for *columns, siret in await connection.execute(_DESCRIBING, {"ids": list(supplier_ids)}):
        row = RecordRow(*columns)
        supplier_id = row.supplier_id
        assert supplier_id is not None  # noqa: S101 - it was asked for
        found.setdefault(supplier_id, []).append(row)
        if siret is not None:
            for number in (siret, siret[:SIREN_DIGITS]):
                numbers.setdefault(number, set()).add(supplier_id)
    for *columns, joins in await connection.execute(_ADDITIONS, {"numbers": list(numbers)}):
        for supplier_id in numbers[joins]:
            found[supplier_id].append(RecordRow(*columns))
    return found


async def survivors(connection: Connection, supplier_ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """The id of each supplier, or of the one it was merged into; unknown and deleted ids are absent."""
    return {row.asked: row.id for row in await connection.execute(_SURVIVORS, {"ids": list(supplier_ids)})}


async def ids_of(connection: Connection, supplier_id: UUID) -> set[UUID]:
    """The ids that lead to a supplier: its own, and those of all that became part of it."""
    return {*(await connection.execute(_FORMER_IDS, {"id": supplier_id})).scalars()}


async def suppliers_that_others_joined(connection: Connection, supplier_ids: Iterable[UUID]) -> set[UUID]:
    """The ids, of these suppliers, of those that others became part of."""
    joined = select(suppliers.c.merged_into).where(suppliers.c.merged_into == func.any(list(supplier_ids)))
    return set((await connection.execute(joined)).scalars())


async def rewrite_suppliers(
    connection: Connection, supplier_ids: Iterable[UUID], change_set: int, now: datetime, *, erases: bool = False
) -> None:
    """Assemble and write suppliers anew from their records; a supplier without records becomes a tombstone.

    What only a later release knows of them stays, unless something is erased: it may be told there too.
    Their records must not change meanwhile: the caller holds the lock on identities (`db.suppliers.regroup`).
    """
    wanted = sorted(supplier_ids)
    for some in (wanted[start : start + REWRITTEN_AT_ONCE] for start in range(0, len(wanted), REWRITTEN_AT_ONCE)):
        described = await record_rows(connection, some)
        anew = [assemble(supplier_id, list(map(stored_record, rows))) for supplier_id, rows in described.items()]
        await write_suppliers(connection, anew, change_set, keeps=not erases)
        if bereft := [each for each in some if each not in described]:
            bury = update(suppliers).where(suppliers.c.id == func.any(bereft))
            await connection.execute(bury.values(tombstone_values(change_set, now)))


async def write_suppliers(
    connection: Connection, some: Iterable[Supplier], change_set: int, *, keeps: bool = False
) -> None:
    """Insert or update suppliers; with `keeps`, members of stored documents that this release does not know stay."""
    if rows := [supplier_row(supplier, change_set) for supplier in some]:
        if keeps:
            stored = await connection.execute(_STORED_DOCUMENTS, {"ids": [row["id"] for row in rows]})
            before = {row.id: row.document for row in stored}
            for row in rows:
                if (document := before.get(row["id"])) is not None:
                    row["document"] = Raw(with_later_members(encode(row["document"]), document, Supplier))
        upsert = insert(suppliers)
        # not the id: whoever says that it changes must wait for every import that refers to it
        content = {column.name: column for column in upsert.excluded if column.name != "id"}
        await connection.execute(upsert.on_conflict_do_update(index_elements=["id"], set_=content), rows)


def stored_record(row: Any) -> StoredRecord:
    """Decode a row of the query `STORED_RECORDS` into a record."""
    location = None if row.lat is None else Point(row.lat, row.lon)
    return StoredRecord(
        row.source,
        row.external_id,
        _decode(row.payload),
        Placement(location, row.commune, _decode_flags(row.flags)),
        row.supplier_id,
        row.received_at,
        row.changed_at,
        row.rank,
    )


def supplier_row(supplier: Supplier, change_set: int) -> dict[str, Any]:
    """The columns of the table `suppliers` for a supplier that is not deleted, in their order."""
    location = supplier.location
    named = {segment for offer in supplier.offers for segment in offer.segments}
    coded = {code.partition("-")[0] for offer in supplier.offers if not offer.segments for code in offer.cpv}
    return {
        "id": supplier.id,
        "document": supplier,
        "deleted": False,
        "active": supplier.active,
        # as offered; of offers that name no segment the CPV codes, without check digit
        "activities": sorted(named | coded),
        "kinds": list(supplier.kinds),
        "commune": supplier.commune,
        "lat": None if location is None else location.lat,
        "lon": None if location is None else location.lon,
        "name_folded": fold(f"{supplier.name} {supplier.trade_name}" if supplier.trade_name else supplier.name),
        "updated_at": supplier.updated_at,
        "change_set": change_set,
        "merged_into": None,
    }


def tombstone_values(change_set: int, now: datetime) -> dict[str, Any]:
    """The columns of the table `suppliers` for a deleted supplier, without the id."""
    return {
        "document": None,
        "deleted": True,
        "active": False,
        "activities": [],
        "kinds": [],
        "commune": None,
        "lat": None,
        "lon": None,
        "name_folded": "",
        "updated_at": now,
        "change_set": change_set,
    }


SIREN_DIGITS = 9

_SUPPLIERS = text("""
    SELECT DISTINCT r.supplier_id FROM unnest(:numbers) AS n(number) CROSS JOIN LATERAL (
        SELECT r.supplier_id FROM records r
        WHERE r.siret BETWEEN rpad(n.number, 14, '0') AND rpad(n.number, 14, '9') OFFSET 0
    ) r ORDER BY r.supplier_id
""").bindparams(_NUMBERS)
_IS_ADDED_TO = text("SELECT EXISTS (SELECT FROM records WHERE joins = ANY(:numbers))").bindparams(_NUMBERS)
# Sets against sets, so that each number is not looked up by itself: there are as many as suppliers.
_WAITING = text("""
    SELECT x.source, count(*) AS waiting FROM records x
    WHERE x.joins IS NOT NULL AND x.source = ANY(:sources)
    AND NOT EXISTS (SELECT FROM records r WHERE r.siret = x.joins)
    AND NOT EXISTS (SELECT FROM records r WHERE r.siret IS NOT NULL AND left(r.siret, 9) = x.joins)
    GROUP BY x.source
""").bindparams(bindparam("sources", type_=ARRAY(Text)))


async def suppliers_with_numbers(connection: Connection, numbers: Iterable[str]) -> list[UUID]:
    """The ids of the suppliers with any of these SIRETs or SIRENs, the oldest first."""
    return list((await connection.execute(_SUPPLIERS, {"numbers": list(numbers)})).scalars())


async def has_additions(connection: Connection, siret: str | None) -> bool:
    """Whether any record adds to the suppliers with this SIRET, by the SIRET or by its SIREN."""
    numbers = [] if siret is None else [siret, siret[:SIREN_DIGITS]]
    return bool(numbers) and bool(await connection.scalar(_IS_ADDED_TO, {"numbers": numbers}))


async def count_waiting(connection: Connection, sources: Iterable[str]) -> dict[str, int]:
    """By source, the number of records that only add to suppliers not yet known; a source without any is absent."""
    rows = await connection.execute(_WAITING, {"sources": list(sources)})
    return {row.source: row.waiting for row in rows}
