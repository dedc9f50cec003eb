"""The last step of an import: staged rows become records and suppliers, by statements over whole sets.

The planner's statistics on records and suppliers are refreshed where an import changed too much for the old ones.
"""

import asyncio
from collections import deque
from collections.abc import Collection, Sequence
from itertools import starmap
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, Table, TextClause, Uuid, bindparam, text
from sqlalchemy import Text as SqlText

from db.core.engine import Connection, LockKind, lock
from db.imports.prepare_rows import SUPPLIER_COLUMNS, SupplierRow
from db.imports.stage import RECORD_COLUMNS, ImportContext, copy
from db.schema.supplier_tables import records, suppliers
from db.suppliers.regroup import IS_SITE, NAMESAKES, lock_identities, regroup
from db.suppliers.write import REWRITTEN_AT_ONCE, record_rows, tombstone_values
from domain.decoding.stored import with_later_members
from domain.suppliers.deduplication import RecordKey
from domain.suppliers.source import WITHDRAWN
from domain.suppliers.supplier import Supplier

REGROUPED_AT_ONCE = 1_000

_CODES = ", ".join(f"'{code}'" for code in sorted(WITHDRAWN))
Unnamed = Literal["absent", "withdrawn"]
"""The records of a source that no row of the import names: not even a rejected one (absent), or a rejected one that
says that none may stay (withdrawn: `WITHDRAWN`)."""
_NOT_SEEN = "r.source = :source AND NOT EXISTS (SELECT FROM seen s WHERE s.external_id = r.external_id)"
_REJECTED = "EXISTS (SELECT FROM rejects x WHERE x.external_id = r.external_id"
# Asked for one by one: where they are joined by OR, all rejected rows may be looked through for each record.
_IS_UNNAMED: dict[Unnamed, str] = {
    "absent": f"{_NOT_SEEN} AND NOT {_REJECTED})",
    "withdrawn": f"{_NOT_SEEN} AND {_REJECTED} AND x.code IN ({_CODES}))",
}
_IS_ANOTHER = "NOT ({0}.source = :source AND {0}.external_id = a.first_id AND {0}.external_id = a.last_id)"
# Columns that a changed record keeps; its supplier is decided afterwards.
_KEPT = {"source", "external_id", "supplier_id", "created_at"}


def _text_with_now(statement: str) -> TextClause:
    return text(statement).bindparams(bindparam("now", type_=DateTime(timezone=True)))


_RECEIVED = _text_with_now("""
    UPDATE records r SET received_at = :now FROM seen s
    WHERE r.source = :source AND r.external_id = s.external_id AND r.received_at <> :now
""")
# Records that are new, or whose identity changed.
_TOUCHED_BY_ADDED = _text_with_now("""
    INSERT INTO touched (external_id, siret, name_key, trade_key, lat, lon)
    SELECT external_id, siret, name_key, trade_key, lat, lon FROM records
    WHERE source = :source AND created_at = :now AND joins IS NULL
""")
_TOUCHED_BY_CHANGED = text(f"""
    INSERT INTO touched (external_id, supplier_id, siret, name_key, trade_key, lat, lon)
    SELECT external_id, r.supplier_id, s.siret, s.name_key, s.trade_key, s.lat, s.lon
    FROM staged_records s JOIN records r USING (source, external_id)
    WHERE r.joins IS NULL AND (s.siret, s.name, s.trade_name, s.lat, s.lon, s.in_prison, {IS_SITE.format("s")})
        IS DISTINCT FROM (r.siret, r.name, r.trade_name, r.lat, r.lon, r.in_prison, {IS_SITE.format("r")})
""")  # noqa: S608 - constants
# The SIRETs and SIRENs of records that add to suppliers: of those that came or changed, as they are and as they were.
_JOINED = _text_with_now("""
    INSERT INTO joined
    SELECT joins FROM records WHERE source = :source AND created_at = :now AND joins IS NOT NULL
    UNION
    SELECT unnest(ARRAY[s.joins, r.joins]) FROM staged_records s JOIN records r USING (source, external_id)
    WHERE r.joins IS NOT NULL
""")
_CHANGED = text(f"""
    UPDATE records r SET {", ".join(f"{name} = s.{name}" for name in RECORD_COLUMNS if name not in _KEPT)}
    FROM staged_records s WHERE r.source = s.source AND r.external_id = s.external_id
""")  # noqa: S608 - constants
_REMOVE = """
    WITH removed AS (DELETE FROM records r WHERE {which} RETURNING r.external_id, r.supplier_id, r.joins),
    rewritten AS (INSERT INTO to_rewrite SELECT supplier_id FROM removed WHERE joins IS NULL),
    parted AS (INSERT INTO joined SELECT joins FROM removed WHERE joins IS NOT NULL)
    INSERT INTO touched (external_id, supplier_id) SELECT external_id, supplier_id FROM removed WHERE joins IS NULL
"""
# Records that may have to be one supplier with one of the touched rows and are not, or the other way round; those of
# one SIRET and one supplier are in order already. Touched rows that are alike are taken together; where `first_id` and
# `last_id` are equal there is only one, and the record that it finds must be another than itself.
_FIND_SEEDS = f"""
    INSERT INTO seeds
    SELECT r.source, r.external_id, r.siret
    FROM (
        SELECT r.siret FROM (
            SELECT r.siret FROM (SELECT DISTINCT siret FROM touched) a JOIN records r USING (siret)
            GROUP BY r.siret HAVING count(*) > 1
        ) several JOIN records r USING (siret)
        GROUP BY r.siret HAVING min(r.supplier_id::text) <> max(r.supplier_id::text)
            OR bool_or(r.in_prison OR {IS_SITE.format("r")})
    ) a JOIN records r USING (siret)
    UNION
    SELECT r.source, r.external_id, r.siret
    FROM records r JOIN (
        SELECT supplier_id, min(external_id) AS first_id, max(external_id) AS last_id FROM touched
        WHERE supplier_id IS NOT NULL GROUP BY supplier_id
    ) a ON r.supplier_id = a.supplier_id AND {_IS_ANOTHER.format("r")}
    UNION
    SELECT n.source, n.external_id, n.siret
    FROM (
        SELECT key, lat, lon, siret IS NULL AS unregistered, min(external_id) AS first_id, max(external_id) AS last_id
        FROM touched, unnest(ARRAY[name_key, trade_key]) key
        WHERE key IS NOT NULL {{which_keys}} GROUP BY key, lat, lon, siret IS NULL
    ) a CROSS JOIN LATERAL ({NAMESAKES}) n WHERE {_IS_ANOTHER.format("n")}
    UNION
    SELECT r.source, r.external_id, r.siret
    FROM touched a JOIN merged_records m ON m.source = :source AND m.external_id = a.external_id
    JOIN merged_records o USING (decision_id) JOIN records r ON r.source = o.source AND r.external_id = o.external_id
    UNION
    SELECT r.source, r.external_id, r.siret
    FROM split_records s JOIN touched a ON s.external_id = a.external_id
    JOIN records r ON r.source = s.source AND r.external_id = s.external_id WHERE s.source = :source
"""  # noqa: S608 - constants
_SEEDS = text(_FIND_SEEDS.format(which_keys=""))
# Where many came, their keys are compared at once with those of the records without SIRET, the only ones that a record
# with a SIRET may be namesake of; most have none, and to look each up would take longer than all the rest.
_SEEDS_OF_MANY = text(
    _FIND_SEEDS.format(
        which_keys="""
        AND (siret IS NULL OR key IN (SELECT name_key FROM records WHERE siret IS NULL AND name_key IS NOT NULL)
            OR key IN (SELECT trade_key FROM records WHERE siret IS NULL AND trade_key IS NOT NULL))
        """
    )
)
# What many rows are sorted and joined in: within the usual 4 MB they would be written to disk several times over.
_MEMORY = text("""
    SELECT set_config('work_mem', greatest(pg_size_bytes(current_setting('work_mem')), 64 << 20) / 1024 || 'kB', true)
""")
# Queue for rewriting the suppliers of changed records that other records now describe too, or that moved.
_REWRITE_SHARED = text("""
    INSERT INTO to_rewrite
    SELECT r.supplier_id FROM staged_records s JOIN records r USING (source, external_id)
    WHERE r.joins IS NULL AND (
        NOT EXISTS (SELECT FROM staged_suppliers t WHERE t.id = r.supplier_id) OR EXISTS (
            SELECT FROM records o
            WHERE o.supplier_id = r.supplier_id AND (o.source, o.external_id) <> (r.source, r.external_id)
        )
    )
""")
# The same for the suppliers that records of this import add to, and for those of records that others add to. LATERAL
# with OFFSET 0 makes a look-up in an index for each: of an EXISTS the planner, which has not heard yet how much there
# is, reads the whole table each time. Where nothing adds to anybody nothing is looked up.
_REWRITE_JOINED = text("""
    INSERT INTO to_rewrite
    SELECT r.supplier_id FROM (SELECT DISTINCT number FROM joined) j CROSS JOIN LATERAL (
        SELECT r.supplier_id FROM records r
        WHERE r.siret BETWEEN rpad(j.number, 14, '0') AND rpad(j.number, 14, '9') OFFSET 0
    ) r
""")
_REWRITE_ADDED_TO = text("""
    INSERT INTO to_rewrite
    SELECT r.supplier_id
    FROM (
        SELECT external_id, siret FROM touched WHERE siret IS NOT NULL
        UNION
        SELECT external_id, siret FROM staged_records WHERE siret IS NOT NULL
    ) t CROSS JOIN LATERAL (VALUES (t.siret), (left(t.siret, 9))) n(number)
    CROSS JOIN LATERAL (SELECT FROM records x WHERE x.joins = n.number OFFSET 0) x
    CROSS JOIN LATERAL (
        SELECT r.supplier_id FROM records r WHERE r.source = :source AND r.external_id = t.external_id OFFSET 0
    ) r
    WHERE EXISTS (SELECT FROM records WHERE joins IS NOT NULL)
""")
_UNSTAGE_REWRITTEN = text("""
    DELETE FROM staged_suppliers t
    WHERE EXISTS (SELECT FROM to_rewrite w WHERE w.supplier_id = t.id)
    OR NOT EXISTS (SELECT FROM records r WHERE r.supplier_id = t.id)
""")
# An array makes look-ups in an index of what else is joined by reading all suppliers: the planner has not heard how few
# are staged or queued.
_SUPPLIERS = text(f"""
    UPDATE suppliers t SET {", ".join(f"{name} = s.{name}" for name in SUPPLIER_COLUMNS if name != "id")}
    FROM staged_suppliers s WHERE s.id = t.id AND t.id = ANY(ARRAY(SELECT id FROM staged_suppliers))
""")  # noqa: S608 - constants
_REPLACED = text("""
    SELECT s.id, t.document::text AS before, s.document::text AS after FROM staged_suppliers s
    JOIN suppliers t ON t.id = s.id AND t.id = ANY(ARRAY(SELECT id FROM staged_suppliers)) WHERE NOT t.deleted
""")
_KEEP = text("""
    UPDATE staged_suppliers s SET document = k.document::json FROM unnest(:ids, :documents) k(id, document)
    WHERE s.id = k.id
""").bindparams(bindparam("ids", type_=ARRAY(Uuid)), bindparam("documents", type_=ARRAY(SqlText)))
# Of those queued, the ones that some records describe are staged by now: nearly all.
_WITHOUT_RECORDS = text("""
    NOT suppliers.deleted AND suppliers.id = ANY(ARRAY(
        SELECT supplier_id FROM to_rewrite w
        WHERE NOT EXISTS (SELECT FROM staged_suppliers t WHERE t.id = w.supplier_id)
    ))
    AND NOT EXISTS (SELECT FROM records r WHERE r.supplier_id = suppliers.id)
""")


async def count_unnamed(connection: Connection, source: str, kind: Unnamed, *, vertices: bool = False) -> int:
    """The number of a source's absent or withdrawn records (`kind`) or, with `vertices`, of their areas' vertices."""
    what, drawn = ("sum(r.vertices)", "r.vertices > 0") if vertices else ("count(*)", "true")
    query = text(f"SELECT {what} FROM records r WHERE {drawn} AND {_IS_UNNAMED[kind]}")  # noqa: S608 - constants
    return await connection.scalar(query, {"source": source}) or 0


async def apply_staged(context: ImportContext, *, added: int, remove_absent: bool, remove_withdrawn: bool) -> None:
    """Write the staged rows (`added` of them new), then the suppliers concerned; the caller publishes the change.

    `added`: how many records are new. Where they are many, what the planner knows of the tables is refreshed first:
    after a list of records that wait it would expect no SIRET in any.
    """
    connection = context.connection
    await lock_identities(connection)
    if added >= MANY:
        await connection.execute(_MEMORY)
        await refresh_statistics(connection)
    await connection.execute(_TOUCHED_BY_ADDED, {"source": context.terms.source, "now": context.terms.now})
    await connection.execute(_TOUCHED_BY_CHANGED)
    await connection.execute(text("ANALYZE touched (supplier_id, siret)"))
    await connection.execute(_JOINED, {"source": context.terms.source, "now": context.terms.now})
    await connection.execute(_CHANGED)
    removed: dict[Unnamed, bool] = {"absent": remove_absent, "withdrawn": remove_withdrawn}
    for kind, is_removed in removed.items():
        if is_removed:
            await connection.execute(text(_REMOVE.format(which=_IS_UNNAMED[kind])), {"source": context.terms.source})
    await _regroup(context, _SEEDS_OF_MANY if added >= MANY else _SEEDS)
    await connection.execute(_REWRITE_SHARED)
    await connection.execute(_REWRITE_JOINED)
    await connection.execute(_REWRITE_ADDED_TO, {"source": context.terms.source})
    await connection.execute(_UNSTAGE_REWRITTEN)
    await _stage_rewritten(context)
    await _keep_later_members(connection)
    await connection.execute(_SUPPLIERS)
    tombstone = tombstone_values(context.terms.change_set, context.terms.now)
    await connection.execute(suppliers.update().where(_WITHOUT_RECORDS).values(tombstone))


async def note_received(context: ImportContext) -> None:
    """Set the time of receipt of every record that a row of the import names, changed or not."""
    await lock(context.connection, LockKind.MOVE, "", shared=True)
    await context.connection.execute(_RECEIVED, {"source": context.terms.source, "now": context.terms.now})


async def _regroup(context: ImportContext, find_seeds: TextClause) -> None:
    """Regroup the new, changed and removed records that `find_seeds` finds, and all records linked to them.

    Those with one SIRET come one after the other, so that few groups are looked at twice, which does no harm.
    """
    await context.connection.execute(find_seeds, {"source": context.terms.source})
    ordered = text("SELECT source, external_id FROM seeds ORDER BY siret, source, external_id")
    seeds = await context.connection.stream(ordered)
    seen: Collection[RecordKey] = ()
    change = (context.similarity, context.terms.change_set, context.terms.now)
    async for some in seeds.partitions(REGROUPED_AT_ONCE):
        unseen = [key for key in starmap(RecordKey, some) if key not in seen]
        done = await regroup(context.connection, unseen, *change)
        await copy(context.connection, "to_rewrite", ["supplier_id"], [(each,) for each in done.to_rewrite])
        seen = done.seen


async def _keep_later_members(connection: Connection) -> None:
    """Copy members that this release does not know from stored suppliers' documents to the staged ones."""

    def changed_documents(pairs: Sequence[Any]) -> dict[UUID, str]:
        """The documents to which members were added, by id of the supplier."""
        kept = ((row, with_later_members(row.after.encode(), row.before, Supplier).decode()) for row in pairs)
        return {row.id: document for row, document in kept if document != row.after}

    pairs = await connection.stream(_REPLACED, execution_options={"yield_per": REWRITTEN_AT_ONCE})
    async for some in pairs.partitions():
        if kept := await asyncio.to_thread(changed_documents, some):
            await connection.execute(_KEEP, {"ids": list(kept), "documents": list(kept.values())})


async def _stage_rewritten(context: ImportContext) -> None:
    """Assemble the suppliers in the table `to_rewrite` from all their records, and copy them to the staging table."""
    connection, change_set = context.connection, context.terms.change_set
    ids = await connection.stream(text("SELECT DISTINCT supplier_id FROM to_rewrite"))
    under_way: deque[asyncio.Future[Sequence[SupplierRow]]] = deque()

    async def copy_oldest_batch() -> None:
        await copy(connection, "staged_suppliers", SUPPLIER_COLUMNS, await under_way[0])
        under_way.popleft()

    try:
        async for some in ids.scalars().partitions(REWRITTEN_AT_ONCE):
            described = await record_rows(connection, some)
            under_way.append(asyncio.ensure_future(context.assemble(change_set, described)))
            if len(under_way) > 1:
                await copy_oldest_batch()
        while under_way:
            await copy_oldest_batch()
    finally:
        for each in under_way:
            each.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


# After so many changes they are not left to the next automatic round, up to minutes away.
MANY = 5_000


def _indexed_columns(table: Table) -> str:
    """The name of a table and, in brackets, its indexed columns, as ANALYZE takes them."""
    indexed = [*table.primary_key.columns, *(column for index in table.indexes for column in index.columns)]
    columns = dict.fromkeys(column.name for column in indexed)
    return f"{table.name} ({', '.join(columns)})"


# A sample of a fifth of the usual size serves until then.
_ROUGHLY = text("SET LOCAL default_statistics_target TO 20")
# Only of what indexes are on: sampling and sorting the rest takes most of the time, and nothing is looked up by it.
_ANALYZE = text(f"ANALYZE {_indexed_columns(records)}, {_indexed_columns(suppliers)}")


async def refresh_statistics(connection: Connection) -> None:
    """Refresh the planner's statistics on records and suppliers; other refreshes wait until this transaction ends."""
    await connection.execute(_ROUGHLY)
    await connection.execute(_ANALYZE)
