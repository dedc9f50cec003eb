"""A source's file on its way in, whoever brings it: its rows read and checked, placed, and stored in batches."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime
from itertools import islice
from typing import BinaryIO

from api.admission import drawing_faults, flagged, placed
from db.connect import Engine, transaction
from db.import_log import Order
from db.imports import run_import
from db.known_sources import get_source
from db.sources.formats import FORMATS
from db.sources.rows import Context, Reject, Row, reject
from db.staging import Batch
from domain.source import Import, Mapping
from domain.wording import Language
from matching.engine import Reference
from matching.geography import Geography
from matching.identity import likeness

ROWS_AT_ONCE = 2_000

Observe = Callable[[Batch], None]


async def take_in(
    engine: Engine,
    reference: Reference,
    order: Order,
    stream: BinaryIO,
    media_type: str,
    clock: Callable[[], datetime],
    observe: Observe = lambda _: None,
) -> Import:
    """Import the file `stream` as `order` says, with the mapping that the source has; `observe` is shown each batch.

    Reading and placing happen in a thread. `order.format` and `media_type` are a pair of FORMATS, else KeyError.
    Raises what `run_import` does, and UnreadableFile for a file that cannot be read row by row; nothing is then stored.
    """
    async with transaction(engine) as connection:
        source = await get_source(connection, order.source)
    mapping = source.mapping if source else Mapping()
    context = Context(reference.territories, reference.taxonomy, reference.cpv, mapping, order.language)
    rows = _drawn_well(FORMATS[order.format].read(stream, media_type, context), order.language)
    return await run_import(engine, order, _batches(rows, reference.geography, observe), clock, likeness)


async def _batches(rows: Iterator[Row | Reject], geography: Geography, observe: Observe) -> AsyncIterator[Batch]:
    while (batch := await asyncio.to_thread(_next_batch, rows, geography)) is not None:
        observe(batch)
        yield batch


def _next_batch(rows: Iterator[Row | Reject], geography: Geography) -> Batch | None:
    read = list(islice(rows, ROWS_AT_ONCE))
    if not read:
        return None
    accepted = [row for row in read if isinstance(row, Row)]
    rejects = [row for row in read if isinstance(row, Reject)]
    found = placed([row.record for row in accepted], geography)
    return Batch(accepted, [flagged(one, row.flags) for row, one in zip(accepted, found, strict=True)], rejects)


def _drawn_well(rows: Iterator[Row | Reject], language: Language) -> Iterator[Row | Reject]:
    """The same rows, those that draw an impossible service area turned into rejects."""
    for row in rows:
        if isinstance(row, Row) and (faults := tuple(drawing_faults(row.record))):
            yield reject(row.line, row.external_id, faults, language)
        else:
            yield row
