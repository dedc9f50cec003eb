"""CPU-only preparation of import rows: encode, hash, and assemble suppliers of one record."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Generator, Iterable, Mapping, Sequence
from datetime import date, datetime
from itertools import repeat
from typing import Any, NamedTuple, cast
from uuid import UUID

import msgspec

from db.core.uuid7 import increasing_ids
from db.schema.supplier_tables import suppliers
from db.suppliers.records import content_columns, content_hash, derived_columns, encode, storage_problems
from db.suppliers.suppression_list import Suppressions
from db.suppliers.write import RecordRow, stored_record, supplier_row
from domain.decoding.stored import stored_decoder
from domain.suppliers.assembly import StoredRecord, assemble
from domain.suppliers.deduplication import is_site_of_several
from domain.suppliers.source import Batch, RowError, reject
from domain.suppliers.supplier import Flag, Placement, Point, SupplierRecord
from domain.text.bilingual import Language


class Terms(msgspec.Struct, frozen=True):
    """The values shared by all rows of an import. `suppressions`: erased details, which must not come back."""

    source: str
    change_set: int
    now: datetime
    language: Language
    suppressions: Suppressions | None = None


TOLD = frozenset({"no_place", "not_understood", "outside_france", "point_far_from_commune", "siret_check_failed"})
"""Flags that a sender may mend in a row of its file."""

Derived = tuple[
    datetime, datetime, datetime, str | None, bool, str | None, str | None, str | None, str | None, list[str],
    date | None, str | None,
]  # fmt: skip
"""The columns of a record after its content, in the order of `derived_columns`."""
SupplierRow = tuple[Any, ...]
"""A supplier as COPY takes it."""


class EncodedRecord(NamedTuple):
    """A checked record encoded for COPY, in pieces that are cheap to send from one process to another.

    `siret`: of the supplier that it most likely joins; None also for a workshop in a prison and a site of an ESAT, as
    one SIRET may have several. `joins`: see `Row`. `content`: its columns from the payload to the vertices. Where it is
    expected to be new, `derived` are the columns after these, and `supplier` is the row of a supplier of its own.
    """

    line: int
    external_id: str
    siret: str | None
    content: tuple[Any, ...]
    derived: Derived | None = None
    supplier: SupplierRow | None = None
    joins: str | None = None

    @property
    def content_hash(self) -> bytes:
        return cast("bytes", self.content[1])

    @property
    def vertices(self) -> int:
        return cast("int", self.content[-1])

    @property
    def record(self) -> SupplierRecord:
        return _decode(self.content[0])

    @property
    def placement(self) -> Placement:
        _, _, commune, lat, lon, flags, _ = self.content
        return Placement(None if lat is None else Point(lat, lon), commune, _decode_flags(flags))


class PreparedBatch(msgspec.Struct, frozen=True):
    """A batch of encoded records, its rejects, the number of records by code of their flags, rows with `TOLD` ones."""

    records: Sequence[EncodedRecord]
    rejects: Sequence[RowError]
    flags: Mapping[str, int]
    flagged: Sequence[RowError] = ()


Prepare = Callable[[Terms, Callable[[], bool]], Generator[PreparedBatch, None, None]]
"""The encoded batches of an import, each made while it is waited for. The function says whether the next batch is
expected to hold new records, of which the suppliers are then made too."""

Assemble = Callable[[int, Mapping[UUID, Sequence[RecordRow]]], Awaitable[Sequence[SupplierRow]]]
"""The suppliers that some stored records describe, as `assemble_suppliers` makes them, wherever that is done."""

SUPPLIER_COLUMNS = tuple(column.name for column in suppliers.columns)
SUPPLIER_ID = SUPPLIER_COLUMNS.index("id")

_decode, _decode_flags = stored_decoder(SupplierRecord), stored_decoder(tuple[Flag, ...])


def prepare_here(batches: Iterable[Batch]) -> Prepare:
    """Return the function that an import calls to have these batches encoded, in this process."""

    def prepare_batches(terms: Terms, expects_new: Callable[[], bool]) -> Generator[PreparedBatch, None, None]:
        """Yield each batch encoded; where `expects_new()` is true, with a supplier made of each record as if new."""
        for batch in batches:
            yield prepare(terms, batch, expects_new=expects_new())

    return prepare_batches


def prepare(terms: Terms, batch: Batch, *, expects_new: bool) -> PreparedBatch:
    """Encode a batch of records; with `expects_new`, also a supplier made of each record as if it were new."""
    rejects = list(batch.rejects)
    encoded: list[EncodedRecord] = []
    positions = range(batch.before, batch.before + len(batch.records))
    ids = increasing_ids(terms.now, positions) if expects_new else repeat(None)
    for (line, external_id, sent, placement, joins), supplier_id in zip(batch.records, ids, strict=False):
        record = sent if terms.suppressions is None else terms.suppressions.redact(external_id, sent)
        payload = encode(record)
        if found := storage_problems(external_id, payload):
            rejects.append(reject(line, external_id, found, terms.language))
            continue
        siret = None if record.in_prison or joins or is_site_of_several(record) else record.siret
        derived = supplier = None
        if supplier_id is not None and joins is None:
            derived = cast("Derived", tuple(derived_columns(record, placement, terms.now).values()))
            supplier = supplier_values(terms, external_id, record, placement, supplier_id)
        columns = content_columns(record, placement, content_hash(payload, placement))
        columns["payload"] = payload.decode()
        columns["flags"] = encode(placement.flags).decode() if placement.flags else "[]"
        content = tuple(columns.values())
        encoded.append(EncodedRecord(line, external_id, siret, content, derived, supplier, joins))
    flagged = (item.placement.flags for item in batch.records if item.placement.flags)
    flags = Counter[str](code for found in flagged for code in {flag.code for flag in found})
    told = ((row, flag) for row in batch.records for flag in row.placement.flags if flag.code in TOLD)
    doubtful = [RowError(row.line, row.external_id, "", flag.code, flag.detail) for row, flag in told]
    return PreparedBatch(encoded, rejects, flags, doubtful)


def assemble_suppliers(change_set: int, described: Mapping[UUID, Sequence[RecordRow]]) -> list[SupplierRow]:
    """The rows, for COPY, of suppliers assembled for a change set from their records (`described`: by supplier)."""
    suppliers_of = (assemble(supplier_id, list(map(stored_record, rows))) for supplier_id, rows in described.items())
    return [copy_values(supplier_row(supplier, change_set)) for supplier in suppliers_of]


async def assemble_in_thread(change_set: int, described: Mapping[UUID, Sequence[RecordRow]]) -> Sequence[SupplierRow]:
    """The rows that `assemble_suppliers` makes, in a thread."""
    return await asyncio.to_thread(assemble_suppliers, change_set, described)


def supplier_values(
    terms: Terms, external_id: str, record: SupplierRecord, placement: Placement, supplier_id: UUID
) -> SupplierRow:
    """The row, for COPY, of a supplier assembled from this record alone."""
    stored = StoredRecord(terms.source, external_id, record, placement, supplier_id, terms.now, terms.now)
    return copy_values(supplier_row(assemble(supplier_id, (stored,)), terms.change_set))


def copy_values(row: dict[str, Any]) -> SupplierRow:
    """The values of a row of `suppliers` for COPY; id and document become text, which is cheap between processes."""
    row["id"], row["document"] = str(row["id"]), encode(row["document"]).decode()
    return tuple(row.values())
