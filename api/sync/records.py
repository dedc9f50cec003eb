"""Records, one at a time: what a source says of one supplier, under the identifier it has there."""

from datetime import date
from uuid import UUID

import msgspec
from litestar import Response

from api.runtime.auth import require_source
from api.runtime.endpoint import Call, Tail, endpoint
from api.runtime.etag import IF_MATCH, IF_NONE_MATCH, conditional_get, etag_of, require_match
from api.sync.sources import readable
from api.web.content_negotiation import JSON
from db.core.engine import Connection, transaction
from db.suppliers.records import delete_record, get_record, hold_record, put_record
from db.suppliers.write import current_version
from domain.errors import InvalidContent, NotFound
from domain.suppliers.assembly import StoredRecord
from domain.suppliers.completeness import expired
from domain.suppliers.supplier import Flag, SupplierRecord
from domain.text.bilingual import Text
from matching.words.name_similarity import likeness
from sources.validation import faults, placed

TAG = "Records"
NO_RECORD = Text("Cette source n'a pas de fiche de cet identifiant", "This source has no record of this identifier")


class RecordDocument(SupplierRecord, frozen=True, kw_only=True):
    """A record as its source sent it, less what was erased of a person, and what became of it.

    `supplier_id`: the supplier it describes. `flags`: what is doubtful about it. `data_version`: a version of the
    directory that holds it.
    """

    source: str
    external_id: str
    supplier_id: UUID
    flags: tuple[Flag, ...]
    data_version: int


@endpoint(
    "PUT",
    "/sources/{source}/suppliers/{external_id}",
    tag=TAG,
    scope=("sync", "admin"),
    answers=RecordDocument,
    status=(200, 201),
    headers=IF_MATCH,
    problems=("source-not-on-key", "unknown-territory", "unknown-segment", "stale-version"),
    example="record",
)
async def put_supplier_record(call: Call, source: str, external_id: Tail, body: SupplierRecord) -> Response[bytes]:
    """Store what a source says of a supplier.

    201 where the source had no such record, 200 where it had, whether or not this changes anything. Every server
    matches the new content within a second. `external_id` is any text of at most 400 characters, percent-encoded.
    What is doubtful (a SIRET that fails its check, a point far from the commune) is flagged, not refused.
    """
    _require(call, source)
    services = call.services
    if problems := faults(body, services.reference):
        raise InvalidContent(problems)
    (placement,) = placed([body], services.reference.geography)
    async with services.writes.of(source), transaction(services.database) as connection:
        await _require_match(call, connection, source, external_id)
        written = await put_record(connection, source, external_id, body, placement, services.now(), likeness)
    status = 201 if written.status == "created" else 200
    content = msgspec.json.encode(_document(written.stored, written.data_version, services.today()))
    return Response(content, status_code=status, headers={"content-type": JSON, "etag": _etag(written.stored)})


@endpoint(
    "GET",
    "/sources/{source}/suppliers/{external_id}",
    tag=TAG,
    scope=("sync", "admin"),
    answers=RecordDocument,
    status=(200, 304),
    headers=IF_NONE_MATCH,
    problems=("source-not-on-key",),
)
async def get_supplier_record(call: Call, source: str, external_id: Tail) -> Response[bytes]:
    """What a source last said of a supplier."""
    _require(call, source)
    async with transaction(call.services.database) as connection:
        stored = await get_record(connection, source, external_id)
        version = await current_version(connection)
    if stored is None:
        raise NotFound(NO_RECORD)
    content = msgspec.json.encode(_document(stored, version, call.services.today()))
    return conditional_get(call, content, JSON, _etag(stored))


@endpoint(
    "DELETE",
    "/sources/{source}/suppliers/{external_id}",
    tag=TAG,
    scope=("sync", "admin"),
    answers=None,
    status=204,
    headers=IF_MATCH,
    problems=("source-not-on-key", "stale-version"),
)
async def delete_supplier_record(call: Call, source: str, external_id: Tail) -> None:
    """Withdraw what a source said of a supplier; the records of other sources stay.

    A supplier that no record describes any more is a tombstone in `GET /suppliers/changes`.
    """
    _require(call, source)
    services = call.services
    async with services.writes.of(source), transaction(services.database) as connection:
        await _require_match(call, connection, source, external_id)
        version = await delete_record(connection, source, external_id, services.now(), likeness)
    if version is None:
        raise NotFound(NO_RECORD)


ROUTES = (put_supplier_record, get_supplier_record, delete_supplier_record)


def _require(call: Call, source: str) -> None:
    """Raises NotFound for what cannot be a source, Refusal (403) for one that is not on the key."""
    readable(source)
    require_source(call.bearer, source)


async def _require_match(call: Call, connection: Connection, source: str, external_id: str) -> None:
    """Raises Refusal (412) where `If-Match` names another state of the record than the present one."""
    if "if-match" in call.headers:
        stored = await hold_record(connection, source, external_id)
        require_match(call, None if stored is None else _etag(stored))


def _document(stored: StoredRecord, version: int, on: date) -> RecordDocument:
    return RecordDocument(
        **{name: getattr(stored.record, name) for name in SupplierRecord.__struct_fields__},
        source=stored.source,
        external_id=stored.external_id,
        supplier_id=stored.supplier_id,
        flags=stored.placement.flags + expired(stored.record.approvals, on),
        data_version=version,
    )


def _etag(stored: StoredRecord) -> str:
    """Changes with what the source sent and where it was placed, not with the version of the whole directory."""
    return etag_of(msgspec.json.encode((stored.record, stored.placement, stored.supplier_id)))
