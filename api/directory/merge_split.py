"""Routes by which an administrator merges suppliers that are one, and splits off a record about another supplier.

The merge itself is in `db/suppliers/regroup.py`.
"""

from collections.abc import Sequence
from functools import partial
from typing import Annotated
from uuid import UUID

import msgspec

from api.directory.formats import SupplierDocument
from api.directory.routes import TAG, find_document
from api.runtime.actor import actor_of
from api.runtime.auth import require_source
from api.runtime.endpoint import Call, endpoint
from db.core.engine import Connection
from db.journal.entries import write_entry
from db.suppliers import regroup
from domain.journal import Detail
from domain.suppliers.deduplication import RecordKey, RecordReference
from domain.suppliers.supplier import DECLARATIONS
from matching.words.names import name_similarity

MOST_MERGED = 100


class SupplierMerge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The ids of suppliers that are one and the same."""

    ids: Annotated[tuple[UUID, ...], msgspec.Meta(min_length=2, max_length=MOST_MERGED)]
    """Of suppliers; the oldest is that of the one they become"""


class SupplierSplit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A record that is about another supplier."""

    record: RecordReference
    """The record to be taken out"""


class SupplierSplitResult(msgspec.Struct, frozen=True):
    """The two suppliers after a split."""

    kept: SupplierDocument
    """The supplier without the record"""
    split: SupplierDocument
    """The one that the record describes now"""


grouping_endpoint = partial(endpoint, "POST", tag=TAG, scope="admin")


@grouping_endpoint("/suppliers/merge", answers=SupplierDocument, problems=("source-not-on-key",), example="merge")
async def merge_suppliers(call: Call, body: SupplierMerge, connection: Connection) -> SupplierDocument:
    """Say that suppliers are one.

    The oldest id stays and is answered with what all their records say; the others become tombstones in the change
    feed, and lead to it in `GET /suppliers/{id}`. It holds for good: whatever their sources send later, these records
    describe one supplier. Splits between them are taken back. The same again changes nothing. A key without the scope
    `platform` names all sources whose records describe them.
    """
    services, now = call.services, call.services.now()
    await _require_sources(call, connection, body.ids)
    merged = await regroup.merge_suppliers(connection, body.ids, name_similarity, now)
    detail: Detail = {"ids": [str(each) for each in body.ids]}
    await write_entry(connection, actor_of(call.bearer), "supplier.merged", f"supplier:{merged}", now, detail=detail)
    return await find_document(connection, merged, services.today())


@grouping_endpoint(
    "/suppliers/{id}/split", answers=SupplierSplitResult, problems=("source-not-on-key", "conflict"), example="split"
)
async def split_supplier(call: Call, id: UUID, body: SupplierSplit, connection: Connection) -> SupplierSplitResult:
    """Say that a record is about another supplier.

    The other records keep the id; the record describes a supplier of its own, or another one that it fits. It holds for
    good: whatever their sources send later, the record and those it was with stay apart. Merges of the record are taken
    back. The same again changes nothing; 409 where no other record describes the supplier. A key without the scope
    `platform` names all sources whose records describe it.
    """
    services, now = call.services, call.services.now()
    key = RecordKey(body.record.source, body.record.external_id)
    await _require_sources(call, connection, (id,))
    parted = await regroup.split_record(connection, id, key, name_similarity, now)
    detail: Detail = {"source": key.source, "external_id": key.external_id, "split": str(parted.split)}
    await write_entry(
        connection, actor_of(call.bearer), "supplier.split", f"supplier:{parted.kept}", now, detail=detail
    )
    both = [await find_document(connection, each, services.today()) for each in (parted.kept, parted.split)]
    return SupplierSplitResult(*both)


async def _require_sources(call: Call, connection: Connection, supplier_ids: Sequence[UUID]) -> None:
    """Raises Refusal (403) where one of the suppliers has records of a source that the key does not list."""
    if not call.bearer.may("platform"):
        for source in sorted(await regroup.sources_of(connection, supplier_ids) - {DECLARATIONS}):
            require_source(call.bearer, source)
