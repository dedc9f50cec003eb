"""The end of an import: what was staged becomes the directory, by statements over whole sets."""

from sqlalchemy import DateTime, TextClause, bindparam, text

from db.assembly import assemble
from db.connect import Connection
from db.staging import SUPPLIER_COLUMNS, Intake, copied, copy
from db.suppliers import stored_records, supplier_row, tombstone_values
from db.tables import suppliers

REWRITTEN_AT_ONCE = 1_000

_IS_ABSENT = """
    r.source = :source
    AND NOT EXISTS (SELECT FROM seen s WHERE s.external_id = r.external_id)
    AND NOT EXISTS (SELECT FROM rejects x WHERE x.external_id = r.external_id)
"""


def _timed(statement: str) -> TextClause:
    return text(statement).bindparams(bindparam("now", type_=DateTime(timezone=True)))


_STORED = text("SELECT count(*) FROM records WHERE source = :source")
_ABSENT = text(f"SELECT count(*) FROM records r WHERE {_IS_ABSENT}")  # noqa: S608 - constants
_UNREADABLE = text("SELECT count(*) FROM rejects WHERE external_id IS NULL")
_RECEIVED = _timed("""
    UPDATE records r SET received_at = :now FROM seen s
    WHERE r.source = :source AND r.external_id = s.external_id AND r.received_at <> :now
""")
_CHANGED = text("""
    UPDATE records r SET
        payload = s.payload, content_hash = s.content_hash, commune = s.commune, lat = s.lat, lon = s.lon,
        flags = s.flags, changed_at = s.changed_at, received_at = s.received_at
    FROM staged_records s WHERE r.source = s.source AND r.external_id = s.external_id
""")
_REMOVED = text(f"""
    WITH removed AS (DELETE FROM records r WHERE {_IS_ABSENT} RETURNING r.supplier_id)
    INSERT INTO to_rewrite SELECT supplier_id FROM removed
""")  # noqa: S608 - constants
_SUPPLIERS = text(f"""
    UPDATE suppliers t SET {", ".join(f"{name} = s.{name}" for name in SUPPLIER_COLUMNS if name != "id")}
    FROM staged_suppliers s WHERE s.id = t.id
""")  # noqa: S608 - constants
_BEREFT = text("""
    EXISTS (SELECT FROM to_rewrite w WHERE w.supplier_id = suppliers.id)
    AND NOT EXISTS (SELECT FROM records r WHERE r.supplier_id = suppliers.id)
""")


async def count_stored(connection: Connection, source: str) -> int:
    """Records of the source now."""
    return await connection.scalar(_STORED, {"source": source}) or 0


async def count_absent(connection: Connection, source: str) -> tuple[int, int]:
    """Records of the source that no row names, not even a rejected one; and rejected rows that name no record."""
    absent = await connection.scalar(_ABSENT, {"source": source})
    return absent or 0, await connection.scalar(_UNREADABLE) or 0


async def merge(intake: Intake, *, remove_absent: bool) -> None:
    """Write what was staged, and what follows for the suppliers; `publish` is left to the caller."""
    connection = intake.connection
    await connection.execute(_CHANGED)
    await connection.execute(_RECEIVED, {"source": intake.source, "now": intake.now})
    if remove_absent:
        await connection.execute(_REMOVED, {"source": intake.source})
    await _stage_shared(intake)
    await connection.execute(_SUPPLIERS)
    bury = suppliers.update().where(_BEREFT).values(tombstone_values(intake.change_set, intake.now))
    await connection.execute(bury)


async def _stage_shared(intake: Intake) -> None:
    """Assemble anew the suppliers that more than one record describes."""
    ids = await intake.connection.stream(
        text("SELECT DISTINCT supplier_id FROM to_rewrite"), execution_options={"yield_per": REWRITTEN_AT_ONCE}
    )
    async for some in ids.scalars().partitions():
        described = await stored_records(intake.connection, some)
        whole = (assemble(supplier_id, stored) for supplier_id, stored in described.items())
        rows = [copied(supplier_row(supplier, intake.change_set)) for supplier in whole]
        await copy(intake.connection, "staged_suppliers", SUPPLIER_COLUMNS, rows)
