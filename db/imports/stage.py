"""Rows on their way in: what each would do, and where it is copied to.

New records and their suppliers are copied straight into their tables, changed ones beside them, to be merged at the
end; all in the one transaction of the import, so that nothing is seen before it commits. Temporary tables end with it.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Integer, bindparam, text
from sqlalchemy import Text as SqlText

from db.core.engine import Connection
from db.core.uuid7 import new_id
from db.imports.prepare_rows import (
    SUPPLIER_COLUMNS,
    SUPPLIER_ID,
    Arrival,
    Prepared,
    Terms,
    record_values,
    supplier_values,
)
from db.schema.supplier_tables import LONGEST_UNCOMPRESSED, records
from domain.errors import Problem, pointer
from domain.suppliers.deduplication import Likeness
from domain.suppliers.rows import Reject, reject
from domain.suppliers.source import RowError
from domain.text.bilingual import Text


class Counts(msgspec.Struct, frozen=True):
    """What became of the rows so far."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.added + other.added,
            self.changed + other.changed,
            self.unchanged + other.unchanged,
            self.rejected + other.rejected,
        )

    @property
    def received(self) -> int:
        return self.added + self.changed + self.unchanged + self.rejected


class Intake(msgspec.Struct, frozen=True):
    """One import under way. `dry`: its rows are compared and counted, nothing is written."""

    connection: Connection
    terms: Terms
    dry: bool
    likeness: Likeness


class _Known(NamedTuple):
    """A record as it was before the import. `shared`: other records describe its supplier too."""

    content_hash: bytes
    supplier_id: UUID
    shared: bool


class _Seen(NamedTuple):
    """What is known of the external ids of a batch.

    `known`: their records before the import. `lines`: where each that came up for the first time did; None: all did.
    """

    known: dict[str, _Known]
    lines: dict[str, int] | None


Id = UUID | str
"""Whose text COPY takes too."""
RECORD_COLUMNS = tuple(column.name for column in records.columns)
_REJECT_COLUMNS = tuple(RowError.__struct_fields__)

# As the tables that they are merged into, or else what is copied from one to the other stays compressed.
_UNCOMPRESSED = f"WITH (toast_tuple_target = {LONGEST_UNCOMPRESSED})"
_TABLES = (
    "CREATE TEMPORARY TABLE seen (external_id text PRIMARY KEY, line integer NOT NULL) ON COMMIT DROP",
    f"CREATE TEMPORARY TABLE staged_records (LIKE records) {_UNCOMPRESSED} ON COMMIT DROP",
    f"CREATE TEMPORARY TABLE staged_suppliers (LIKE suppliers) {_UNCOMPRESSED} ON COMMIT DROP",
    "CREATE TEMPORARY TABLE to_rewrite (supplier_id uuid) ON COMMIT DROP",
    """CREATE TEMPORARY TABLE stirred (
        external_id text NOT NULL, supplier_id uuid, siret text, name_key text, trade_key text,
        lat double precision, lon double precision) ON COMMIT DROP""",
    "CREATE TEMPORARY TABLE seeds (source text, external_id text, siret text) ON COMMIT DROP",
    """CREATE TEMPORARY TABLE rejects (
        line integer NOT NULL, external_id text, pointer text NOT NULL, code text NOT NULL, detail text NOT NULL)
        ON COMMIT DROP""",
)

# The first row counts the external ids that came up for the first time; then come those of a record that is known, or
# all of these ids where some of the batch came up before, in this batch or an earlier one. LATERAL with a LIMIT makes
# it one look-up in an index per row: the plan is made while the tables are small, and is kept while they grow.
_FIRST_SEEN = text("""
    WITH first AS (
        INSERT INTO seen (external_id, line) SELECT * FROM unnest(:ids, :lines) ON CONFLICT DO NOTHING
        RETURNING external_id, line
    ),
    counted AS (SELECT count(*)::integer AS firsts FROM first)
    SELECT NULL AS external_id, firsts AS line, NULL::bytea, NULL::uuid, NULL::boolean FROM counted
    UNION ALL
    SELECT f.external_id, f.line, known.*
    FROM first f CROSS JOIN counted LEFT JOIN LATERAL (
        SELECT r.content_hash, r.supplier_id, EXISTS (
            SELECT FROM records o
            WHERE o.supplier_id = r.supplier_id AND (o.source, o.external_id) <> (r.source, r.external_id)
        ) AS shared
        FROM records r WHERE r.source = :source AND r.external_id = f.external_id LIMIT 1
    ) known ON true
    WHERE known.supplier_id IS NOT NULL OR counted.firsts < cardinality(:ids)
""").bindparams(bindparam("ids", type_=ARRAY(SqlText)), bindparam("lines", type_=ARRAY(Integer)))

_BY_SIRET = text("""
    SELECT s.siret, known.supplier_id FROM unnest(:sirets) AS s(siret) CROSS JOIN LATERAL (
        SELECT r.supplier_id FROM records r WHERE r.siret = s.siret LIMIT 1
    ) known
""").bindparams(bindparam("sirets", type_=ARRAY(SqlText)))

_SEEN_AT = text("SELECT external_id, line FROM seen WHERE external_id = ANY(:ids)").bindparams(
    bindparam("ids", type_=ARRAY(SqlText))
)


async def open_staging(connection: Connection) -> None:
    """Create the temporary tables of an import."""
    for table in _TABLES:
        await connection.execute(text(table))


async def stage(intake: Intake, batch: Prepared) -> Counts:
    """Compare the rows with what is stored and copy them; returns what this batch would do.

    A repeated external id is rejected and names the line of its first row, which stands: neither of the two is more
    likely to be right, and a refusal can be seen and mended. What PostgreSQL cannot hold is rejected too.
    """
    fresh, repeated = _told_apart(batch.arrivals, await _seen(intake, batch.arrivals))
    rejects = [*batch.rejects, *await _repeated(intake, repeated)]
    added = [item for item, known in fresh if known is None]
    changed = [(item, known) for item, known in fresh if known and known.content_hash != item.content_hash]
    if not intake.dry:
        await _copy_added(intake, added)
        await _copy_changed(intake, changed)
    await copy(intake.connection, "rejects", _REJECT_COLUMNS, [_reject_row(item) for item in rejects])
    return Counts(len(added), len(changed), len(fresh) - len(added) - len(changed), len(rejects))


async def settle(connection: Connection) -> None:
    """Let the planner know the size of what was staged, once all of it is."""
    await connection.execute(text("ANALYZE seen, staged_records, staged_suppliers, to_rewrite, rejects"))


async def listed_rejects(connection: Connection, limit: int) -> tuple[RowError, ...]:
    """The first rejects by line."""
    columns = ", ".join(_REJECT_COLUMNS)
    query = text(f"SELECT {columns} FROM rejects ORDER BY line LIMIT :limit")  # noqa: S608 - names of fields
    return tuple(RowError(*row) for row in await connection.execute(query, {"limit": limit}))


async def copy(connection: Connection, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """COPY the rows into the table, in the transaction that the connection has begun."""
    if rows:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None  # noqa: S101 - a connection that is in use has one
        await driver.copy_records_to_table(table, records=rows, columns=columns)


async def _seen(intake: Intake, arrivals: Sequence[Arrival]) -> _Seen:
    parameters = {
        "source": intake.terms.source,
        "ids": [arrival.external_id for arrival in arrivals],
        "lines": [arrival.line for arrival in arrivals],
    }
    (_, firsts, *_), *found = (await intake.connection.execute(_FIRST_SEEN, parameters)).all()
    known = {external_id: _Known(*before) for external_id, _, *before in found if before[0] is not None}
    return _Seen(known, None if firsts == len(arrivals) else {row.external_id: row.line for row in found})


def _told_apart(arrivals: Sequence[Arrival], seen: _Seen) -> tuple[list[tuple[Arrival, _Known | None]], list[Arrival]]:
    """Each arrival that came first, with its record before the import; and those whose external id came before.

    Several may stand on one line, in JSON without line breaks.
    """
    if seen.lines is None:
        return [(item, seen.known.get(item.external_id)) for item in arrivals], []
    unclaimed = dict(seen.lines)
    fresh: list[tuple[Arrival, _Known | None]] = []
    repeated: list[Arrival] = []
    for item in arrivals:
        external_id = item.external_id
        if unclaimed.get(external_id) == item.line:
            del unclaimed[external_id]
            fresh.append((item, seen.known.get(external_id)))
        else:
            repeated.append(item)
    return fresh, repeated


async def _repeated(intake: Intake, rows: Sequence[Arrival]) -> list[Reject]:
    if not rows:
        return []
    seen = await intake.connection.execute(_SEEN_AT, {"ids": [row.external_id for row in rows]})
    lines = {row.external_id: row.line for row in seen}
    return [
        reject(row.line, row.external_id, (_repeats(lines[row.external_id]),), intake.terms.language) for row in rows
    ]


def _repeats(line: int) -> Problem:
    return Problem(
        pointer("external_id"),
        "duplicate_external_id",
        Text(
            f"La ligne {line} porte déjà cet identifiant ; c'est elle qui est retenue",
            f"Line {line} already has this identifier, and is the one that counts",
        ),
    )


async def _copy_added(intake: Intake, added: Sequence[Arrival]) -> None:
    """Each makes a supplier of its own, unless its SIRET has one: then it is most likely to stay with that."""
    known = await _suppliers_by_siret(intake, added)
    connection = intake.connection
    own, joining, rows = [], set(), []
    for item in added:
        supplier_id = None if item.siret is None else known.get(item.siret)
        if supplier_id is None:
            supplier = item.supplier or supplier_values(intake.terms, item, new_id(intake.terms.now))
            own.append(supplier)
            supplier_id = supplier[SUPPLIER_ID]
            if item.siret is not None:
                known[item.siret] = supplier_id
        else:
            joining.add((supplier_id,))
        rows.append(_record(intake, item, supplier_id))
    await copy(connection, "suppliers", SUPPLIER_COLUMNS, own)
    await copy(connection, "records", RECORD_COLUMNS, rows)
    await copy(connection, "to_rewrite", ["supplier_id"], list(joining))


async def _suppliers_by_siret(intake: Intake, added: Sequence[Arrival]) -> dict[str, Id]:
    sirets = {item.siret for item in added if item.siret is not None}
    if not sirets:
        return {}
    found = await intake.connection.execute(_BY_SIRET, {"sirets": list(sirets)})
    return {row.siret: row.supplier_id for row in found}


async def _copy_changed(intake: Intake, changed: Sequence[tuple[Arrival, _Known]]) -> None:
    """A supplier that other records describe too must wait for them; one of its own is known already."""
    rows = [_record(intake, item, known.supplier_id) for item, known in changed]
    alone = [supplier_values(intake.terms, item, known.supplier_id) for item, known in changed if not known.shared]
    waiting = {(known.supplier_id,) for _, known in changed if known.shared}
    await copy(intake.connection, "staged_records", RECORD_COLUMNS, rows)
    await copy(intake.connection, "staged_suppliers", SUPPLIER_COLUMNS, alone)
    await copy(intake.connection, "to_rewrite", ["supplier_id"], list(waiting))


def _record(intake: Intake, item: Arrival, supplier_id: Id) -> Sequence[Any]:
    return (intake.terms.source, item.external_id, supplier_id, *record_values(intake.terms, item))


def _reject_row(rejected: Reject) -> Sequence[Any]:
    """Its texts without NUL, which PostgreSQL cannot hold: the fault may be just that."""
    line, *texts = rejected
    return (line, *(value and value.replace("\0", "\N{REPLACEMENT CHARACTER}") for value in texts))
