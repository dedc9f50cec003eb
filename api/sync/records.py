"""Routes of a source's single records, put, read and deleted under the source's own identifiers."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date
from functools import partial
from uuid import UUID

import msgspec
from litestar import Response

from api.runtime.actor import actor_of
from api.runtime.endpoint import Call, Tail, endpoint
from api.runtime.etag import IF_MATCH, IF_NONE_MATCH, conditional_get, etag_of, etag_response, require_match
from api.runtime.services import Services
from api.sync.sources import require_own_source
from db.core.engine import Connection, transaction
from db.journal.entries import write_entry
from db.suppliers.records import WrittenRecord, delete_record, get_record, lock_record, put_record
from db.suppliers.regroup import supplier_of
from db.suppliers.write import current_version
from domain.errors import InvalidContent, require_found
from domain.journal import Actor, Detail
from domain.suppliers.assembly import StoredRecord, as_directory_word, record_with_declarers
from domain.suppliers.deduplication import RecordKey
from domain.suppliers.record_check import expiry_flags
from domain.suppliers.supplier import NO_RECORD, Flag, SupplierRecord
from matching.words.names import name_similarity
from sources.validation import check, placements_of, takes_long

TAG = "Records"

record_endpoint = partial(endpoint, path="/sources/{source}/suppliers/{external_id}", tag=TAG, scope=("sync", "admin"))


class RecordDocument(SupplierRecord, frozen=True, kw_only=True):
    """A record as its source sent it (without erased personal data), and the supplier made of it.

    Its declared offers say who declared them: a `network`, where the source does not say so.
    A service area that is drawn with many vertices is simplified to 25 m, and flagged `area_simplified`.
    """

    source: str
    """The name of the source"""
    external_id: str
    """The record's identifier in that source"""
    supplier_id: UUID | None
    """The supplier it describes; null while it waits for one that it only adds to"""
    flags: tuple[Flag, ...]
    """Doubtful things about it"""
    data_version: int
    """A version of the directory that holds it"""


@record_endpoint(
    "PUT",
    answers=RecordDocument,
    status=(200, 201),
    headers=IF_MATCH,
    problems=("source-not-on-key", "unknown-territory", "unknown-segment", "too-many-vertices", "stale-version"),
    example="record",
)
async def put_supplier_record(call: Call, source: str, external_id: Tail, body: SupplierRecord) -> Response[bytes]:
    """Store what a source says of a supplier.

    201 where the source had no such record, 200 where it had, whether or not this changes anything. Every server
    matches the new content within a second. `external_id` is any text of at most 400 characters, percent-encoded.
    What is doubtful (a SIRET that fails its check, a point far from the commune) is flagged, not refused. 409 where the
    areas that the source draws would have more vertices together than the server allows. Only the supplier's own page
    speaks for a supplier: an offer sent as `declared_by` the `supplier` is taken as declared by a `network`.
    """
    require_own_source(call, source)
    services = call.services
    require_known = partial(_require_match, call, source=source, external_id=external_id)
    record = as_directory_word(body)
    written = await store_record(services, actor_of(call.bearer), source, external_id, record, require_known)
    document = _record_document(written.stored, written.data_version, services.today())
    return etag_response(document, _etag(written.stored), status=201 if written.status == "created" else 200)


@record_endpoint(
    "GET", answers=RecordDocument, status=(200, 304), headers=IF_NONE_MATCH, problems=("source-not-on-key",)
)
async def get_supplier_record(call: Call, source: str, external_id: Tail, connection: Connection) -> Response[bytes]:
    """The record of a supplier that a source last sent."""
    require_own_source(call, source)
    stored = require_found(await get_record(connection, source, external_id), NO_RECORD)
    document = _record_document(stored, await current_version(connection), call.services.today())
    return conditional_get(call, document, etag=_etag(stored))


@record_endpoint("DELETE", answers=None, status=204, headers=IF_MATCH, problems=("source-not-on-key", "stale-version"))
async def delete_supplier_record(call: Call, source: str, external_id: Tail) -> None:
    """Withdraw what a source said of a supplier; the records of other sources stay.

    A supplier that no record describes any more is a tombstone in `GET /suppliers/changes`.
    """
    require_own_source(call, source)
    services = call.services
    async with services.writes.slot_of(source), transaction(services.database) as connection:
        await _require_match(call, connection, source, external_id)
        supplier_id = await supplier_of(connection, RecordKey(source, external_id))
        deleted = await delete_record(connection, source, external_id, services.now(), name_similarity)
        version = require_found(deleted, NO_RECORD)
        about, detail = _object_and_detail(source, supplier_id, version)
        await write_entry(connection, actor_of(call.bearer), "record.deleted", about, services.now(), detail=detail)


async def store_record(
    services: Services,
    actor: Actor,
    source: str,
    external_id: str,
    record: SupplierRecord,
    require_known: Callable[[Connection], Awaitable[None]] | None = None,
) -> WrittenRecord:
    """Store a source's record of a supplier in a transaction of its own, in which `require_known` may refuse that.

    It raises where the record is not as the caller knows it. The caller has checked the right to write. Raises
    InvalidContent with everything wrong in the record, and as `put_record`.
    """
    reference = services.reference
    known = reference.territories, reference.taxonomy, reference.cpv
    checked = await asyncio.to_thread(check, record, *known) if takes_long(record) else check(record, *known)
    if checked.problems:
        raise InvalidContent(checked.problems)
    (placement,) = placements_of([checked.record], reference.geography, [checked.flags])
    async with services.writes.slot_of(source), transaction(services.database) as connection:
        if require_known is not None:
            await require_known(connection)
        now = services.now()
        written = await put_record(
            connection,
            source,
            external_id,
            checked.record,
            placement,
            now=now,
            similarity=name_similarity,
            most_vertices=services.settings.source_vertices,
        )
        if written.status != "unchanged":
            about, detail = _object_and_detail(source, written.stored.supplier_id, written.data_version)
            await write_entry(connection, actor, f"record.{written.status}", about, now, detail=detail)
    return written


async def _require_match(call: Call, connection: Connection, source: str, external_id: str) -> None:
    """Raises Refusal (412) where `If-Match` does not name the present entity tag of the record."""
    if "if-match" in call.headers:
        stored = await lock_record(connection, source, external_id)
        require_match(call, None if stored is None else _etag(stored))


def _object_and_detail(source: str, supplier_id: UUID | None, data_version: int) -> tuple[str, Detail]:
    """The object and detail of a journal entry about a record, without its `external_id`, which may name a person.

    The source stands for a record that waits for its supplier.
    """
    about = f"source:{source}" if supplier_id is None else f"supplier:{supplier_id}"
    return about, {"source": source, "data_version": data_version}


def _record_document(stored: StoredRecord, version: int, on: date) -> RecordDocument:
    return RecordDocument(
        **msgspec.structs.asdict(record_with_declarers(stored)),
        source=stored.source,
        external_id=stored.external_id,
        supplier_id=stored.supplier_id,
        flags=stored.placement.flags + expiry_flags(stored.record.approvals, on),
        data_version=version,
    )


def _etag(stored: StoredRecord) -> str:
    """The entity tag of a record and its placement; changes of other suppliers do not change the tag."""
    return etag_of((stored.record, stored.placement, stored.supplier_id))
