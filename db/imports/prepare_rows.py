"""Rows of an import made ready for the database: all the work on them that needs none."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Mapping, Sequence
from datetime import datetime
from itertools import repeat
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from db.core.uuid7 import ids_in_order
from db.schema.supplier_tables import suppliers
from db.suppliers.encoding import content_hash, encode, problems
from db.suppliers.regroup import identity_values
from db.suppliers.suppression_list import Suppressions
from db.suppliers.write import supplier_row
from domain.suppliers.assembly import StoredRecord, assemble
from domain.suppliers.completeness import approved_until, shortcomings
from domain.suppliers.rows import Batch, Reject, reject
from domain.suppliers.supplier import Flag, Placement, Point, SupplierRecord
from domain.text.bilingual import Language


class Terms(msgspec.Struct, frozen=True):
    """What preparing must know of the import.

    `held_back`: what was erased of persons and must not come back; None where there is nothing.
    """

    source: str
    change_set: int
    now: datetime
    language: Language
    held_back: Suppressions | None = None


class Arrival(NamedTuple):
    """A row that can be stored, in parts that are cheap to send from one process to another.

    `siret`: None also where it may be that of several places. From `payload` to `flags` it is what its record's columns
    hold. If the row is likely to be new, also what it then becomes: `told`, the columns of its record after these, and
    `supplier`, the row of a supplier of its own.
    """

    line: int
    external_id: str
    siret: str | None
    payload: str
    content_hash: bytes
    commune: str | None
    lat: float | None
    lon: float | None
    flags: str
    told: Sequence[Any] | None = None
    supplier: Sequence[Any] | None = None

    @property
    def record(self) -> SupplierRecord:
        return _decode(self.payload)

    @property
    def placement(self) -> Placement:
        location = None if self.lat is None or self.lon is None else Point(self.lat, self.lon)
        return Placement(location, self.commune, _decode_flags(self.flags))


class Prepared(msgspec.Struct, frozen=True):
    """A batch of which all is known that can be known without the database; `flags`: how many rows carry each code."""

    arrivals: Sequence[Arrival]
    rejects: Sequence[Reject]
    flags: Mapping[str, int]


Preparing = Callable[[Terms, Callable[[], bool]], AsyncGenerator[Prepared, None]]
"""The prepared batches of an import. The function tells, before each batch, whether its rows are likely to be new."""

SUPPLIER_COLUMNS = tuple(column.name for column in suppliers.columns)
SUPPLIER_ID = SUPPLIER_COLUMNS.index("id")

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(SupplierRecord).decode
_decode_flags = msgspec.json.Decoder(tuple[Flag, ...]).decode
_PAYLOAD, _TOLD = Arrival._fields.index("payload"), Arrival._fields.index("told")


def prepare(terms: Terms, batch: Batch, *, likely_new: bool) -> Prepared:
    """Check and encode the rows; make ready what they become if they are new, where that is likely to be of use."""
    rejects = list(batch.rejects)
    arrivals: list[Arrival] = []
    ids = ids_in_order(terms.now, range(batch.before, batch.before + len(batch.rows))) if likely_new else repeat(None)
    for (line, external_id, record, _), placement, supplier_id in zip(batch.rows, batch.placements, ids, strict=False):
        if terms.held_back is not None:
            record = terms.held_back.applied(external_id, record)  # noqa: PLW2901 - what is stored of it
        encoded = encode(record)
        if found := problems(external_id, encoded):
            rejects.append(reject(line, external_id, found, terms.language))
            continue
        told = supplier = None
        if supplier_id is not None:
            told = _told(terms, record, placement)
            supplier = _alone(terms, external_id, record, placement, supplier_id)
        location = placement.location
        arrivals.append(
            Arrival(
                line,
                external_id,
                None if record.in_prison else record.siret,
                encoded.decode(),
                content_hash(encoded, placement),
                placement.commune,
                None if location is None else location.lat,
                None if location is None else location.lon,
                _encode(placement.flags).decode(),
                told,
                supplier,
            )
        )
    flags = Counter[str](code for placement in batch.placements for code in {flag.code for flag in placement.flags})
    return Prepared(arrivals, rejects, flags)


def record_values(terms: Terms, item: Arrival) -> Sequence[Any]:
    """The columns of its record after its source, external id and supplier."""
    return (*item[_PAYLOAD:_TOLD], *(item.told or _told(terms, item.record, item.placement)))


def supplier_values(terms: Terms, item: Arrival, supplier_id: UUID) -> Sequence[Any]:
    """The row of a supplier that this record alone describes, as COPY takes it."""
    return _alone(terms, item.external_id, item.record, item.placement, supplier_id)


def _told(terms: Terms, record: SupplierRecord, placement: Placement) -> Sequence[Any]:
    now = terms.now
    return (
        now,
        now,
        now,
        *identity_values(record, placement),
        shortcomings(record, placement),
        approved_until(record.approvals),
    )


def _alone(
    terms: Terms, external_id: str, record: SupplierRecord, placement: Placement, supplier_id: UUID
) -> Sequence[Any]:
    stored = StoredRecord(terms.source, external_id, record, placement, supplier_id, terms.now, terms.now)
    return copied(supplier_row(assemble(supplier_id, (stored,)), terms.change_set))


def copied(row: dict[str, Any]) -> Sequence[Any]:
    """A row of `suppliers` as COPY takes it, its id as text: that is sent between processes for less."""
    return tuple((row | {"id": str(row["id"]), "document": _encode(row["document"]).decode()}).values())


def in_thread(batches: AsyncIterable[Batch]) -> Preparing:
    """The batches, each asked for and prepared, in a thread, while its predecessor is being written."""

    async def preparing(terms: Terms, likely_new: Callable[[], bool]) -> AsyncGenerator[Prepared, None]:
        iterator = aiter(batches)

        async def following() -> Prepared | None:
            batch = await anext(iterator, None)
            return None if batch is None else await asyncio.to_thread(prepare, terms, batch, likely_new=likely_new())

        upcoming = asyncio.ensure_future(following())
        try:
            while (prepared := await upcoming) is not None:
                upcoming = asyncio.ensure_future(following())
                yield prepared
        finally:
            upcoming.cancel()
            await asyncio.gather(upcoming, return_exceptions=True)

    return preparing
