"""An outbox as small as can be."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, MetaData, Table, Text, insert

from db.core.engine import Engine, transaction
from db.delivery.outbox import wake
from db.schema.supplier_tables import metadata, outbox_columns
from tests.db.suppliers.samples import NOW, new_id

LETTERS = Table(
    "letters", MetaData(naming_convention=metadata.naming_convention), *outbox_columns(), Column("body", Text)
)


async def create(engine: Engine) -> None:
    async with transaction(engine) as connection:
        await connection.run_sync(LETTERS.metadata.create_all)


async def queue(engine: Engine, *bodies: str, lane: UUID | None = None, due_at: datetime = NOW) -> Sequence[UUID]:
    """Queue letters in this order; their ids."""
    ids = [new_id() for _ in bodies]
    async with transaction(engine) as connection:
        for letter, body in zip(ids, bodies, strict=True):
            row = {"id": letter, "lane": lane, "queued_at": NOW, "due_at": due_at, "body": body}
            await connection.execute(insert(LETTERS).values(row))
        await wake(connection)
    return ids
