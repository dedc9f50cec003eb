"""The database as a later release leaves it: a column more in each table, a field more in each object of a document."""

from typing import Any

import msgspec
from sqlalchemy import LargeBinary, Text, cast, func, literal, select, text, tuple_, update

import db.schema.organisation_tables
import db.schema.supplier_tables  # noqa: F401 - the metadata knows the tables of modules that were imported
from db.core.engine import Connection
from db.schema.supplier_tables import Document, metadata

ADDED = "of_a_later_release"
MAPS = {"provenance", "categories", "fields", "forbidden"}
"""Members whose own members are no fields: their names are ids or codes."""
NOT_DOCUMENTS = {"detail", "ledger"}
BODIES = {"shortlists", "idempotency_keys"}


def with_a_field_more(value: Any) -> Any:
    """The document with a member more in each of its objects that have fields."""
    if isinstance(value, list):
        return [with_a_field_more(each) for each in value]
    if not isinstance(value, dict):
        return value
    inner = {name: _inner(each) if name in MAPS else with_a_field_more(each) for name, each in value.items()}
    return inner | {ADDED: {"with": [1, {"parts": None}]}}


def _inner(value: Any) -> Any:
    if not isinstance(value, dict):
        return with_a_field_more(value)
    return {name: with_a_field_more(each) for name, each in value.items()}


async def write_as_a_later_release(connection: Connection) -> None:
    """Migrate to a schema that this release does not know, and write all documents with more in them."""
    await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for table in metadata.tables.values():
        await connection.execute(text(f"ALTER TABLE {table.name} DISABLE TRIGGER USER"))
        for column in table.c:
            is_document = isinstance(column.type, Document) and column.computed is None
            is_body = isinstance(column.type, LargeBinary) and column.name == "body" and table.name in BODIES
            if (is_document or is_body) and column.name not in NOT_DOCUMENTS:
                await _rewrite(connection, table, column)
        await connection.execute(text(f"ALTER TABLE {table.name} ENABLE TRIGGER USER"))
        await connection.execute(
            text(f"ALTER TABLE {table.name} ADD COLUMN {ADDED} text NOT NULL DEFAULT 'x', ADD COLUMN later_still jsonb")
        )


async def _rewrite(connection: Connection, table: Any, column: Any) -> None:
    key = list(table.primary_key)
    as_text = cast(column, Text) if isinstance(column.type, Document) else func.convert_from(column, "UTF8")
    for stored, *of in (await connection.execute(select(as_text, *key).where(column.is_not(None)))).all():
        later = msgspec.json.encode(with_a_field_more(msgspec.json.decode(stored)))
        value = msgspec.Raw(later) if isinstance(column.type, Document) else literal(later, LargeBinary)
        await connection.execute(update(table).where(tuple_(*key) == tuple(of)).values({column.name: value}))
