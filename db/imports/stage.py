"""Batches of an import compared with the records stored before, and copied into staging tables.

New records and their suppliers are copied straight into their tables, changed ones into temporary tables, to be merged
at the end; all in the one transaction of the import, so that nothing is seen before it commits.
"""

import asyncio
from collections.abc import Sequence
from operator import add
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Boolean, Integer, bindparam, text
from sqlalchemy import Text as SqlText

from db.core.engine import Connection
from db.core.uuid7 import new_id
from db.imports.prepare_rows import (
    SUPPLIER_COLUMNS,
    SUPPLIER_ID,
    Assemble,
    EncodedRecord,
    PreparedBatch,
    Terms,
    supplier_values,
)
from db.schema.supplier_tables import LONGEST_UNCOMPRESSED, records
from db.suppliers.records import derived_columns
from domain.decoding.stored import with_later_members
from domain.errors import Problem, pointer
from domain.suppliers.deduplication import NameSimilarity
from domain.suppliers.source import RowError, reject
from domain.suppliers.supplier import SupplierRecord
from domain.text.bilingual import said_by


class Counts(msgspec.Struct, frozen=True):
    """The numbers of rows of an import by outcome; `waiting`: rows that only add to a supplier not yet known."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    waiting: int = 0
    rejected: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*map(add, msgspec.structs.astuple(self), msgspec.structs.astuple(other)))

    @property
    def received(self) -> int:
        return sum(msgspec.structs.astuple(self))


class ImportContext(msgspec.Struct, frozen=True):
    """The connection and options of a running import. `dry_run`: rows are compared, nothing is written.

    `stored`: how many records the source had before it, and `drawn` how many vertices in the areas that they draw.
    """

    connection: Connection
    terms: Terms
    dry_run: bool
    similarity: NameSimilarity
    assemble: Assemble
    stored: int
    drawn: int


class _RecordBefore(NamedTuple):
    """A record as it was stored before the import; `shared`: other records describe the same supplier.

    `supplier_id` null: the record makes no supplier.
    """

    content_hash: bytes
    supplier_id: UUID | None
    vertices: int
    shared: bool


class _ComparedBatch(NamedTuple):
    """The records of a batch by how they compare with those stored; `duplicates`: of an external id seen before.

    `misplaced`: those that make a supplier where the record stored so far does not, or the other way round.
    """

    added: list[EncodedRecord]
    changed: list[tuple[EncodedRecord, _RecordBefore]]
    unchanged: list[EncodedRecord]
    duplicates: list[EncodedRecord]
    misplaced: list[EncodedRecord]


MOST_ERRORS = 100_000
"""Rejected rows of an import that are stored, from the first; three bytes sent make one of 150."""
RECORD_COLUMNS = tuple(column.name for column in records.columns if column.name != "former_id")
REJECT_COLUMNS = tuple(RowError.__struct_fields__)

# As the tables that they are merged into, or else what is copied from one to the other stays compressed. A column that
# a later release added has its default here too.
_UNCOMPRESSED = f"WITH (toast_tuple_target = {LONGEST_UNCOMPRESSED})"
_TABLES = (
    "CREATE TEMPORARY TABLE seen (external_id text PRIMARY KEY, line integer NOT NULL) ON COMMIT DROP",
    f"CREATE TEMPORARY TABLE staged_records (LIKE records INCLUDING DEFAULTS) {_UNCOMPRESSED} ON COMMIT DROP",
    f"CREATE TEMPORARY TABLE staged_suppliers (LIKE suppliers INCLUDING DEFAULTS) {_UNCOMPRESSED} ON COMMIT DROP",
    "CREATE TEMPORARY TABLE to_rewrite (supplier_id uuid) ON COMMIT DROP",
    "CREATE TEMPORARY TABLE joined (number text) ON COMMIT DROP",
    """CREATE TEMPORARY TABLE touched (
        external_id text NOT NULL, supplier_id uuid, siret text, name_key text, trade_key text,
        lat double precision, lon double precision) ON COMMIT DROP""",
    "CREATE TEMPORARY TABLE seeds (source text, external_id text, siret text) ON COMMIT DROP",
    """CREATE TEMPORARY TABLE rejects (
        line integer NOT NULL, external_id text, pointer text NOT NULL, code text NOT NULL, detail text NOT NULL)
        ON COMMIT DROP""",
)

# The first row counts the external ids that are new to the import; then come those of a stored record, or all of the
# new ones where some of the batch came before, in this batch or an earlier one. LATERAL with a LIMIT makes
# it one look-up in an index per row: the plan is made while the tables are small, and is kept while they grow.
_FIRST_SEEN = text("""
    WITH first AS (
        INSERT INTO seen (external_id, line) SELECT * FROM unnest(:ids, :lines) ON CONFLICT DO NOTHING
        RETURNING external_id, line
    ),
    counted AS (SELECT count(*)::integer AS firsts FROM first)
    SELECT NULL AS external_id, firsts AS line, NULL::bytea, NULL::uuid, NULL::integer, NULL::boolean FROM counted
    UNION ALL
    SELECT f.external_id, f.line, known.*
    FROM first f CROSS JOIN counted LEFT JOIN LATERAL (
        SELECT r.content_hash, r.supplier_id, r.vertices, EXISTS (
            SELECT FROM records o
            WHERE o.supplier_id = r.supplier_id AND (o.source, o.external_id) <> (r.source, r.external_id)
        ) AS shared
        FROM records r WHERE :has_stored AND r.source = :source AND r.external_id = f.external_id LIMIT 1
    ) known ON true
    WHERE known.content_hash IS NOT NULL OR counted.firsts < cardinality(:ids)
""").bindparams(
    bindparam("ids", type_=ARRAY(SqlText)),
    bindparam("lines", type_=ARRAY(Integer)),
    bindparam("has_stored", type_=Boolean),
)

_BY_SIRET = text("""
    SELECT s.siret, known.supplier_id FROM unnest(:sirets) AS s(siret) CROSS JOIN LATERAL (
        SELECT r.supplier_id FROM records r WHERE r.siret = s.siret LIMIT 1
    ) known
""").bindparams(bindparam("sirets", type_=ARRAY(SqlText)))

# Those of the SIRETs and SIRENs that a supplier has.
_KNOWN_NUMBERS = text("""
    SELECT n.number FROM unnest(:numbers) AS n(number) CROSS JOIN LATERAL (
        SELECT FROM records r WHERE r.siret BETWEEN rpad(n.number, 14, '0') AND rpad(n.number, 14, '9')
        ORDER BY r.siret LIMIT 1
    ) known
""").bindparams(bindparam("numbers", type_=ARRAY(SqlText)))

_PAYLOADS = text("""
    SELECT external_id, payload::text AS payload FROM records WHERE source = :source AND external_id = ANY(:ids)
""").bindparams(bindparam("ids", type_=ARRAY(SqlText)))
_SEEN_AT = text("SELECT external_id, line FROM seen WHERE external_id = ANY(:ids)").bindparams(
    bindparam("ids", type_=ARRAY(SqlText))
)


async def open_staging(connection: Connection) -> None:
    """Create the temporary tables of an import."""
    for table in _TABLES:
        await connection.execute(text(table))


async def stage(context: ImportContext, batch: PreparedBatch, rejected: int) -> tuple[Counts, int, int]:
    """Stage a batch's changes; returns its counts, the vertices it adds, the number of its rejects without external id.

    `rejected`: how many rows of earlier batches were. Beyond `MOST_ERRORS` only those that name a record are noted, so
    that it does not count as absent. A repeated external id is rejected and names the line of its first row, which
    stands: neither of the two is more likely to be right, and a refusal can be seen and mended.
    """
    split = await _compare_batch(context, batch.records)
    rejects = [*batch.rejects, *await _duplicate_errors(context, split.duplicates)]
    rejects += [reject(item.line, item.external_id, (_MISPLACED,), context.terms.language) for item in split.misplaced]
    if not context.dry_run:
        await _copy_added(context, split.added)
        if split.changed:
            await _copy_changed(context, split.changed)
    named = [item for item in rejects if item.external_id is not None]
    noted = rejects if rejected < MOST_ERRORS else named
    await copy(context.connection, "rejects", REJECT_COLUMNS, [_reject_row(item) for item in noted])
    vertices = sum(item.vertices for item in split.added)
    vertices += sum(item.vertices - known.vertices for item, known in split.changed)
    return await _count_outcomes(context, split, len(rejects)), vertices, len(rejects) - len(named)


async def copy(connection: Connection, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Write rows into a table by COPY, in the connection's transaction."""
    if rows:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None  # noqa: S101 - a connection that is in use has one
        await driver.copy_records_to_table(table, records=rows, columns=columns)


async def _compare_batch(context: ImportContext, records: Sequence[EncodedRecord]) -> _ComparedBatch:
    """Add a batch's external ids to the table `seen`, and compare its records with those stored before.

    Several records may stand on one line, in JSON without line breaks: the first of an external id counts.
    """
    ids = [item.external_id for item in records]
    lines = [item.line for item in records]
    parameters = {"source": context.terms.source, "ids": ids, "lines": lines, "has_stored": context.stored > 0}
    (_, firsts, *_), *found = (await context.connection.execute(_FIRST_SEEN, parameters)).all()
    known = {external_id: _RecordBefore(*before) for external_id, _, *before in found if before[0] is not None}
    first_lines = {row.external_id: row.line for row in found}
    split = _ComparedBatch([], [], [], [], [])
    for item in records:
        if firsts < len(records):
            if first_lines.get(item.external_id) != item.line:
                split.duplicates.append(item)
                continue
            del first_lines[item.external_id]
        if (before := known.get(item.external_id)) is None:
            split.added.append(item)
        elif (item.joins is None) != (before.supplier_id is not None):
            split.misplaced.append(item)
        elif item.content_hash != before.content_hash:
            split.changed.append((item, before))
        else:
            split.unchanged.append(item)
    return split


async def _count_outcomes(context: ImportContext, split: _ComparedBatch, rejected: int) -> Counts:
    """The numbers of rows of a batch by outcome; a row that only adds to a supplier not yet known is waiting."""
    parts = (split.added, [item for item, _ in split.changed], split.unchanged)
    numbers = {item.joins for part in parts for item in part if item.joins is not None}
    if not numbers:
        return Counts(len(split.added), len(split.changed), len(split.unchanged), 0, rejected)
    known = set((await context.connection.execute(_KNOWN_NUMBERS, {"numbers": list(numbers)})).scalars())
    added, changed, unchanged = (sum(item.joins is None or item.joins in known for item in part) for part in parts)
    return Counts(added, changed, unchanged, sum(map(len, parts)) - added - changed - unchanged, rejected)


async def _duplicate_errors(context: ImportContext, rows: Sequence[EncodedRecord]) -> list[RowError]:
    if not rows:
        return []
    seen = await context.connection.execute(_SEEN_AT, {"ids": [row.external_id for row in rows]})
    lines = {row.external_id: row.line for row in seen}
    rejects = []
    for row in rows:
        line = lines[row.external_id]
        detail = said_by(__name__)["duplicate_line"].filled(line=line)
        problem = Problem(pointer("external_id"), "duplicate_external_id", detail)
        rejects.append(reject(row.line, row.external_id, (problem,), context.terms.language))
    return rejects


_MISPLACED = Problem(pointer("external_id"), "other_kind_of_record", said_by(__name__)["other_kind_of_record"])


async def _copy_added(context: ImportContext, added: Sequence[EncodedRecord]) -> None:
    """Copy new records, each with a new supplier unless one with the record's SIRET exists already.

    One that only adds to suppliers has none.
    """
    known: dict[str, UUID | str] = {}
    if sirets := list({item.siret for item in added if item.siret is not None}):
        found = await context.connection.execute(_BY_SIRET, {"sirets": sirets})
        known = {row.siret: row.supplier_id for row in found}
    suppliers, joined, rows = [], set(), []
    for item in added:
        supplier_id = None if item.siret is None else known.get(item.siret)
        if supplier_id is not None:
            joined.add((supplier_id,))
        elif item.joins is None:
            supplier = item.supplier or supplier_values(
                context.terms, item.external_id, item.record, item.placement, new_id(context.terms.now)
            )
            suppliers.append(supplier)
            supplier_id = supplier[SUPPLIER_ID]
            if item.siret is not None:
                known[item.siret] = supplier_id
        rows.append(_record_row(context, item, supplier_id))
    await copy(context.connection, "suppliers", SUPPLIER_COLUMNS, suppliers)
    await copy(context.connection, "records", RECORD_COLUMNS, rows)
    await copy(context.connection, "to_rewrite", ["supplier_id"], list(joined))


async def _copy_changed(context: ImportContext, changed: Sequence[tuple[EncodedRecord, _RecordBefore]]) -> None:
    """Stage changed records, with members of the stored documents that this release does not know.

    Their suppliers are copied where no other record describes them; others are rewritten later.
    """
    ids = [item.external_id for item, _ in changed]
    found = await context.connection.execute(_PAYLOADS, {"source": context.terms.source, "ids": ids})
    stored = {row.external_id: row.payload for row in found}

    def with_stored_members(item: EncodedRecord) -> EncodedRecord:
        payload, *others = item.content
        whole = with_later_members(payload.encode(), stored[item.external_id], SupplierRecord)
        return item._replace(content=(whole.decode(), *others))

    written = await asyncio.to_thread(list, (with_stored_members(item) for item, _ in changed))
    rows = [_record_row(context, item, known.supplier_id) for item, (_, known) in zip(written, changed, strict=True)]
    own = [
        supplier_values(context.terms, item.external_id, item.record, item.placement, known.supplier_id)
        for item, known in changed
        if known.supplier_id is not None and not known.shared
    ]
    shared = {(known.supplier_id,) for _, known in changed if known.shared}
    await copy(context.connection, "staged_records", RECORD_COLUMNS, rows)
    await copy(context.connection, "staged_suppliers", SUPPLIER_COLUMNS, own)
    await copy(context.connection, "to_rewrite", ["supplier_id"], list(shared))


def _record_row(context: ImportContext, item: EncodedRecord, supplier_id: UUID | str | None) -> Sequence[Any]:
    """The row of the table `records` for a record, as COPY takes the row."""
    derived = item.derived or derived_columns(item.record, item.placement, context.terms.now, item.joins).values()
    return (context.terms.source, item.external_id, supplier_id, *item.content, *derived)


def _reject_row(rejected: RowError) -> Sequence[Any]:
    """The row of the table `rejects` for a reject, without the null characters that PostgreSQL cannot hold."""
    line, *texts = msgspec.structs.astuple(rejected)
    return (line, *(text and text.replace("\0", "\N{REPLACEMENT CHARACTER}") for text in texts))
