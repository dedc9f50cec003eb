"""Single records of a source, put, read and deleted, and the encoding of a record for storage.

It is encoded as its columns, their digest, and the faults that keep it from being stored.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from hashlib import blake2b
from typing import Any, Literal
from uuid import UUID

import msgspec
from sqlalchemy import Select, delete, update
from sqlalchemy.dialects.postgresql import insert

from db.core.engine import Connection, LockKind, lock
from db.core.uuid7 import new_id
from db.schema.supplier_tables import records
from db.suppliers.regroup import lock_identities, records_of, regroup, supplier_of
from db.suppliers.sources import count_vertices, ensure_source
from db.suppliers.suppression_list import suppressions_of
from db.suppliers.write import (
    STORED_RECORDS,
    begin_change,
    current_version,
    has_additions,
    publish,
    rewrite_suppliers,
    stored_record,
    suppliers_with_numbers,
    write_suppliers,
)
from domain.decoding.stored import with_later_members
from domain.errors import InvalidContent, Problem, null_character_problem, pointer
from domain.suppliers.assembly import DOUBTFUL_POINT, StoredRecord, assemble
from domain.suppliers.deduplication import NameSimilarity, RecordKey, name_key, read_name
from domain.suppliers.record_check import (
    MOST_VERTICES,
    approved_until,
    drawn_vertices,
    require_vertices_left,
    shortcomings,
)
from domain.suppliers.source import LONGEST_EXTERNAL_ID
from domain.suppliers.supplier import Placement, SupplierRecord
from domain.text.bilingual import said_by

_HASH_BYTES = 16
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_UNSURE_PLACES = DOUBTFUL_POINT | {"placed_at_commune"}
_BAD_IDENTIFIER = said_by(__name__)["bad_identifier"].filled(longest_external_id=LONGEST_EXTERNAL_ID)

encode = msgspec.json.Encoder().encode
"""JSON, always the same bytes for the same content."""


_LATER_NULLS = re.compile(
    rb',"(?:(?:size|duration_months|in_group|yearly_capacity_eur|no_offer_until|offered_until|is_framework)":null'
    rb'|declared_by":(?:null|"network"),"declared_on":null)'
)
"""Members that say no more than their absence, such as that a directory declares what it says."""


def content_hash(payload: bytes, placement: Placement) -> bytes:
    """The BLAKE2b digest of a record in JSON and its placement, by which a change of either is seen.

    What a later release than that which stored a record can say of it, and does not, is no change.
    """
    said = _LATER_NULLS.sub(b"", payload)
    return blake2b(said + encode(placement), digest_size=_HASH_BYTES).digest()


def content_columns(record: SupplierRecord, placement: Placement, digest: bytes) -> dict[str, Any]:
    """The columns of a record for its content and its placement, in the order of the table."""
    location = placement.location
    return {
        "payload": record,
        "content_hash": digest,
        "commune": placement.commune,
        "lat": None if location is None else location.lat,
        "lon": None if location is None else location.lon,
        "flags": placement.flags,
        "vertices": drawn_vertices(record),
    }


def derived_columns(
    record: SupplierRecord, placement: Placement, now: datetime, joins: str | None = None
) -> dict[str, Any]:
    """A record's columns after those of its content, in the table's order; `joins`: SIRET or SIREN that it adds to.

    Names are among them, to find records of the same supplier by, only where the record's own point can be relied on.
    One that `joins` others has none of these, and nothing is missing in it.
    """
    is_sure = (
        joins is None
        and placement.location is not None
        and _UNSURE_PLACES.isdisjoint(flag.code for flag in placement.flags)
    )
    name, own_key = _keyed_name(record.name if is_sure else None)
    trade_name, trade_key = _keyed_name(record.trade_name if is_sure else None)
    return {
        "created_at": now,
        "changed_at": now,
        "received_at": now,
        "siret": None if joins else record.siret,
        "in_prison": joins is None and record.in_prison is True,
        "name": name,
        "name_key": own_key,
        "trade_name": trade_name,
        "trade_key": trade_key,
        "doubts": [] if joins else shortcomings(record, placement),
        "approved_until": approved_until(record.approvals),
        "joins": joins,
    }


def storage_problems(external_id: str, payload: bytes) -> tuple[Problem, ...]:
    """The problems that prevent storage of a record: an unusable identifier, null characters in its JSON."""
    found: list[Problem] = []
    if "\0" in external_id:
        found.append(null_character_problem(pointer("external_id")))
    elif not 1 <= len(external_id) <= LONGEST_EXTERNAL_ID:
        found.append(Problem(pointer("external_id"), "invalid_external_id", _BAD_IDENTIFIER))
    if b"\\u0000" in payload and _NUL.search(payload):
        found.extend(map(null_character_problem, _nul_pointers(msgspec.json.decode(payload), ())))
    return tuple(found)


def _keyed_name(name: str | None) -> tuple[str | None, str | None]:
    """The name, and the key that its spellings share; (None, None) where it has no key."""
    key = name_key(read_name(name)) if name else None
    return (name, key) if key else (None, None)


def _nul_pointers(value: Any, path: tuple[str | int, ...]) -> Iterator[str]:
    if isinstance(value, str) and "\0" in value:
        yield pointer(*path)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _nul_pointers(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _nul_pointers(inner, (*path, index))


class WrittenRecord(msgspec.Struct, frozen=True):
    """The outcome of storing a record. `data_version`: a directory version that contains the record."""

    status: Literal["created", "changed", "unchanged"]
    stored: StoredRecord
    data_version: int

    @property
    def supplier_id(self) -> UUID:
        """The id of the supplier that the record describes."""
        assert self.stored.supplier_id is not None  # noqa: S101 - as put_record writes it
        return self.stored.supplier_id


async def put_record(  # noqa: PLR0913 - keywords that say what is known besides
    connection: Connection,
    source: str,
    external_id: str,
    record: SupplierRecord,
    placement: Placement,
    *,
    now: datetime,
    similarity: NameSimilarity,
    most_vertices: int = MOST_VERTICES,
    of_supplier: UUID | None = None,
) -> WrittenRecord:
    """Store a record of the source, and rewrite the suppliers concerned; the caller commits.

    A new record is that of the living supplier `of_supplier`, if one is given. Any other joins the supplier that other
    records of the same describe (`domain.suppliers.deduplication`), and leaves one that it describes no longer. What
    was erased of a person is left out (`db.suppliers.suppression_list`), what only a later release knows of the record
    stays. The same content again only notes that it was received. Raises InvalidContent for what PostgreSQL cannot
    hold, and Conflict where the areas that the source draws would have more than `most_vertices` together.
    Waits while another put of this record, or the last step of an import of this source, is under way.
    """
    if found := storage_problems(external_id, encode(record)):
        raise InvalidContent(found)
    await _lock_source_and_record(connection, source, external_id)
    record = await _without_suppressed(connection, source, external_id, record)
    digest = content_hash(encode(record), placement)
    columns = records.c.content_hash, records.c.vertices
    known = (await connection.execute(_select_record(source, external_id).add_columns(*columns))).first()
    if known is not None and known.joins is None and known.content_hash == digest:
        noted = update(records).filter_by(source=source, external_id=external_id)
        await connection.execute(noted.values(received_at=now))
        unchanged = msgspec.structs.replace(stored_record(known), received_at=now)
        return WrittenRecord("unchanged", unchanged, await current_version(connection))
    await lock_identities(connection)
    if (more := drawn_vertices(record) - (0 if known is None else known.vertices)) > 0:
        require_vertices_left(drawn := await count_vertices(connection, source), drawn + more, most_vertices)
    change_set = await begin_change(connection)
    key = RecordKey(source, external_id)
    supplier_id = await supplier_of(connection, key) or of_supplier or new_id(now)
    stored = StoredRecord(source, external_id, record, placement, supplier_id, received_at=now, changed_at=now)
    added_to = await suppliers_with_numbers(connection, [known.joins]) if known is not None and known.joins else []
    if is_new := of_supplier is None and (known is None or known.supplier_id is None):
        await write_suppliers(connection, [assemble(supplier_id, [stored])], change_set)
    await _write_record(connection, stored, digest, None if known is None else known.payload)
    regrouped = await regroup(connection, [key], similarity, change_set, now)
    if not is_new or regrouped.moved or added_to or await has_additions(connection, record.siret):
        changed = {supplier_id, *added_to} - regrouped.absorbed | regrouped.to_rewrite
        await rewrite_suppliers(connection, changed, change_set, now)
    stored = msgspec.structs.replace(stored, supplier_id=regrouped.moved.get(key, supplier_id))
    return WrittenRecord("created" if known is None else "changed", stored, await publish(connection, change_set))


async def get_record(connection: Connection, source: str, external_id: str) -> StoredRecord | None:
    """The record as it was last received; None where there is none.

    Of one that only adds to suppliers, `supplier_id` is the oldest of these; None while it waits for one.
    """
    row = (await connection.execute(_select_record(source, external_id))).first()
    if row is None or row.joins is None:
        return None if row is None else stored_record(row)
    oldest = next(iter(await suppliers_with_numbers(connection, [row.joins])), None)
    return msgspec.structs.replace(stored_record(row), supplier_id=oldest)


async def lock_record(connection: Connection, source: str, external_id: str) -> StoredRecord | None:
    """The record, or None; locked against other writers until the transaction ends."""
    await _lock_source_and_record(connection, source, external_id)
    return await get_record(connection, source, external_id)


async def delete_record(
    connection: Connection, source: str, external_id: str, now: datetime, similarity: NameSimilarity
) -> int | None:
    """Delete a record; returns a directory version that lacks the record, None where there is no such record.

    The caller commits. A supplier without any other record becomes a tombstone.
    """
    await _lock_source_and_record(connection, source, external_id)
    await lock_identities(connection)
    gone = delete(records).filter_by(source=source, external_id=external_id)
    row = (await connection.execute(gone.returning(records.c.supplier_id, records.c.joins))).first()
    if row is None:
        return None
    change_set = await begin_change(connection)
    supplier_id: UUID | None = row.supplier_id
    if supplier_id is None:
        added_to = await suppliers_with_numbers(connection, [row.joins])
        await rewrite_suppliers(connection, added_to, change_set, now)
        return await publish(connection, change_set) if added_to else await current_version(connection)
    left = await records_of(connection, [supplier_id])
    regrouped = await regroup(connection, left, similarity, change_set, now)
    await rewrite_suppliers(connection, {supplier_id} - regrouped.absorbed | regrouped.to_rewrite, change_set, now)
    return await publish(connection, change_set)


async def _lock_source_and_record(connection: Connection, source: str, external_id: str) -> None:
    await lock(connection, LockKind.SOURCE, source, shared=True)
    await lock(connection, LockKind.RECORD, f"{source}/{external_id}")


async def _without_suppressed(
    connection: Connection, source: str, external_id: str, record: SupplierRecord
) -> SupplierRecord:
    if record.contact is None:
        return record
    suppressions = await suppressions_of(connection, source, external_id)
    return record if suppressions is None else suppressions.redact(external_id, record)


def _select_record(source: str, external_id: str) -> Select[*tuple[Any, ...]]:
    return STORED_RECORDS.add_columns(records.c.joins).where(
        records.c.source == source, records.c.external_id == external_id
    )


async def _write_record(connection: Connection, stored: StoredRecord, digest: bytes, replaced: str | None) -> None:
    """Insert a record, or store it in the place of the one with the payload `replaced`."""
    now, payload = stored.received_at, encode(stored.record)
    await ensure_source(connection, stored.source, now)
    key = {"source": stored.source, "external_id": stored.external_id}
    content = {
        "supplier_id": stored.supplier_id,
        **content_columns(stored.record, stored.placement, digest),
        "payload": msgspec.Raw(payload if replaced is None else with_later_members(payload, replaced, SupplierRecord)),
        **derived_columns(stored.record, stored.placement, now),
    }
    changes = {name: value for name, value in content.items() if name != "created_at"}
    write = insert(records).values(key | content)
    await connection.execute(write.on_conflict_do_update(index_elements=list(key), set_=changes))
