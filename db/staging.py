"""Rows on their way in: what each would do, and where it is copied to.

New records and their suppliers are copied straight into their tables, changed ones beside them, to be merged at the
end; all in the one transaction of the import, so that nothing is seen before it commits. Temporary tables end with it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Integer, bindparam, text
from sqlalchemy import Text as SqlText

from db.assembly import StoredRecord, assemble
from db.connect import Connection
from db.content import content_hash, encode, problems
from db.identity import identity_values
from db.ids import new_id, new_ids
from db.sources.rows import Reject, Row, reject
from db.suppliers import supplier_row
from db.suppressions import Suppressions
from db.tables import records, suppliers
from domain.errors import Problem, pointer
from domain.identity import Likeness
from domain.quality import approved_until, shortcomings
from domain.source import RowError
from domain.supplier import Placement
from domain.wording import Language, Text


class Batch(msgspec.Struct, frozen=True):
    """Some of the rows of an import: `placements[i]` is where `rows[i]` stands; `rejects` never became rows."""

    rows: Sequence[Row]
    placements: Sequence[Placement]
    rejects: Sequence[Reject] = ()


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
    """One import under way. `dry`: its rows are compared and counted, nothing is written.

    `held_back`: what was erased of persons and must not come back; None where there is nothing.
    """

    connection: Connection
    source: str
    change_set: int
    now: datetime
    dry: bool
    language: Language
    likeness: Likeness
    held_back: Suppressions | None = None


class _Arrival(msgspec.Struct, frozen=True, gc=False):
    """A row that can be stored.

    If it is likely to be new, also what it then becomes: `told`, its record's columns but for the keys, and `supplier`,
    the row of a supplier of its own.
    """

    row: Row
    placement: Placement
    payload: bytes
    content_hash: bytes
    told: Sequence[Any] | None = None
    supplier: Sequence[Any] | None = None


class Prepared(msgspec.Struct, frozen=True):
    """A batch of which all is known that can be known without the database."""

    arrivals: Sequence[_Arrival]
    rejects: Sequence[Reject]


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


RECORD_COLUMNS = tuple(column.name for column in records.columns)
SUPPLIER_COLUMNS = tuple(column.name for column in suppliers.columns)
_ID = SUPPLIER_COLUMNS.index("id")
_REJECT_COLUMNS = tuple(RowError.__struct_fields__)

_TABLES = (
    "CREATE TEMPORARY TABLE seen (external_id text PRIMARY KEY, line integer NOT NULL) ON COMMIT DROP",
    "CREATE TEMPORARY TABLE staged_records (LIKE records) ON COMMIT DROP",
    "CREATE TEMPORARY TABLE staged_suppliers (LIKE suppliers) ON COMMIT DROP",
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

_encode = msgspec.json.Encoder().encode


async def open_staging(connection: Connection) -> None:
    """Create the temporary tables of an import."""
    for table in _TABLES:
        await connection.execute(text(table))


def prepare(intake: Intake, batch: Batch, *, likely_new: bool) -> Prepared:
    """Do all the work on the rows that needs no database; in a thread, while an earlier batch waits for it.

    `likely_new`: most of them are probably new, so that what they become is worth making ready.
    """
    rejects = list(batch.rejects)
    arrivals = []
    for given, placement in zip(batch.rows, batch.placements, strict=True):
        row = given
        if intake.held_back is not None:
            row = given._replace(record=intake.held_back.applied(given.external_id, given.record))
        payload = encode(row.record)
        if found := problems(row.external_id, payload):
            rejects.append(reject(row.line, row.external_id, found, intake.language))
        else:
            arrivals.append(_Arrival(row, placement, payload, content_hash(payload, placement)))
    if likely_new:
        ids = new_ids(intake.now, len(arrivals))
        arrivals = [_made_ready(intake, *each) for each in zip(arrivals, ids, strict=True)]
    return Prepared(arrivals, rejects)


async def stage(intake: Intake, batch: Prepared) -> Counts:
    """Compare the rows with what is stored and copy them; returns what this batch would do.

    A repeated external id is rejected and names the line of its first row, which stands: neither of the two is more
    likely to be right, and a refusal can be seen and mended. What PostgreSQL cannot hold is rejected too.
    """
    fresh, repeated = _told_apart(batch.arrivals, await _seen(intake, batch.arrivals))
    rejects = [*batch.rejects, *await _repeated(intake, [item.row for item in repeated])]
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


def copied(row: dict[str, Any]) -> Sequence[Any]:
    """A row of `suppliers` as COPY takes it."""
    return tuple((row | {"document": _encode(row["document"]).decode()}).values())


def _made_ready(intake: Intake, item: _Arrival, supplier_id: UUID) -> _Arrival:
    supplier = _supplier(intake, item, supplier_id)
    return _Arrival(item.row, item.placement, item.payload, item.content_hash, _told(intake, item), supplier)


async def _seen(intake: Intake, arrivals: Sequence[_Arrival]) -> _Seen:
    parameters = {
        "source": intake.source,
        "ids": [arrival.row.external_id for arrival in arrivals],
        "lines": [arrival.row.line for arrival in arrivals],
    }
    (_, firsts, *_), *found = (await intake.connection.execute(_FIRST_SEEN, parameters)).all()
    known = {external_id: _Known(*before) for external_id, _, *before in found if before[0] is not None}
    return _Seen(known, None if firsts == len(arrivals) else {row.external_id: row.line for row in found})


def _told_apart(
    arrivals: Sequence[_Arrival], seen: _Seen
) -> tuple[list[tuple[_Arrival, _Known | None]], list[_Arrival]]:
    """Each arrival that came first, with its record before the import; and those whose external id came before.

    Several may stand on one line, in JSON without line breaks.
    """
    if seen.lines is None:
        return [(item, seen.known.get(item.row.external_id)) for item in arrivals], []
    unclaimed = dict(seen.lines)
    fresh: list[tuple[_Arrival, _Known | None]] = []
    repeated: list[_Arrival] = []
    for item in arrivals:
        external_id = item.row.external_id
        if unclaimed.get(external_id) == item.row.line:
            del unclaimed[external_id]
            fresh.append((item, seen.known.get(external_id)))
        else:
            repeated.append(item)
    return fresh, repeated


async def _repeated(intake: Intake, rows: Sequence[Row]) -> list[Reject]:
    if not rows:
        return []
    seen = await intake.connection.execute(_SEEN_AT, {"ids": [row.external_id for row in rows]})
    lines = {row.external_id: row.line for row in seen}
    return [reject(row.line, row.external_id, (_repeats(lines[row.external_id]),), intake.language) for row in rows]


def _repeats(line: int) -> Problem:
    return Problem(
        pointer("external_id"),
        "duplicate_external_id",
        Text(
            f"La ligne {line} porte déjà cet identifiant ; c'est elle qui est retenue",
            f"Line {line} already has this identifier, and is the one that counts",
        ),
    )


async def _copy_added(intake: Intake, added: Sequence[_Arrival]) -> None:
    """Each makes a supplier of its own, unless its SIRET has one: then it is most likely to stay with that."""
    known = await _suppliers_by_siret(intake, added)
    connection = intake.connection
    own, joining, rows = [], set(), []
    for item in added:
        siret = _sure_siret(item)
        supplier_id = known.get(siret) if siret is not None else None
        if supplier_id is None:
            supplier = item.supplier or _supplier(intake, item, new_id(intake.now))
            own.append(supplier)
            supplier_id = supplier[_ID]
            if siret is not None:
                known[siret] = supplier_id
        else:
            joining.add((supplier_id,))
        rows.append(_record(intake, item, supplier_id))
    await copy(connection, "suppliers", SUPPLIER_COLUMNS, own)
    await copy(connection, "records", RECORD_COLUMNS, rows)
    await copy(connection, "to_rewrite", ["supplier_id"], list(joining))


async def _suppliers_by_siret(intake: Intake, added: Sequence[_Arrival]) -> dict[str, UUID]:
    sirets = {siret for item in added if (siret := _sure_siret(item)) is not None}
    if not sirets:
        return {}
    found = await intake.connection.execute(_BY_SIRET, {"sirets": list(sirets)})
    return {row.siret: row.supplier_id for row in found}


def _sure_siret(item: _Arrival) -> str | None:
    """The SIRET, unless it may be that of several places."""
    return None if item.row.record.in_prison else item.row.record.siret


async def _copy_changed(intake: Intake, changed: Sequence[tuple[_Arrival, _Known]]) -> None:
    """A supplier that other records describe too must wait for them; one of its own is known already."""
    rows = [_record(intake, item, known.supplier_id) for item, known in changed]
    alone = [_supplier(intake, item, known.supplier_id) for item, known in changed if not known.shared]
    waiting = {(known.supplier_id,) for _, known in changed if known.shared}
    await copy(intake.connection, "staged_records", RECORD_COLUMNS, rows)
    await copy(intake.connection, "staged_suppliers", SUPPLIER_COLUMNS, alone)
    await copy(intake.connection, "to_rewrite", ["supplier_id"], list(waiting))


def _supplier(intake: Intake, item: _Arrival, supplier_id: UUID) -> Sequence[Any]:
    stored = StoredRecord(
        intake.source, item.row.external_id, item.row.record, item.placement, supplier_id, intake.now, intake.now
    )
    return copied(supplier_row(assemble(supplier_id, [stored]), intake.change_set))


def _record(intake: Intake, item: _Arrival, supplier_id: UUID) -> Sequence[Any]:
    return (intake.source, item.row.external_id, supplier_id, *(item.told or _told(intake, item)))


def _told(intake: Intake, item: _Arrival) -> Sequence[Any]:
    """The columns of a record after its source, external id and supplier."""
    location = item.placement.location
    return (
        item.payload.decode(),
        item.content_hash,
        item.placement.commune,
        None if location is None else location.lat,
        None if location is None else location.lon,
        _encode(item.placement.flags).decode(),
        intake.now,
        intake.now,
        intake.now,
        *identity_values(item.row.record, item.placement),
        shortcomings(item.row.record, item.placement),
        approved_until(item.row.record.approvals),
    )


def _reject_row(rejected: Reject) -> Sequence[Any]:
    """Its texts without NUL, which PostgreSQL cannot hold: the fault may be just that."""
    line, *texts = rejected
    return (line, *(value and value.replace("\0", "\N{REPLACEMENT CHARACTER}") for value in texts))
