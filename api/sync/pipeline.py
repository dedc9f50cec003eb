"""A source's file on its way in, whoever brings it: its rows read and checked, placed, and stored in batches."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing
from datetime import datetime
from typing import BinaryIO

from api.runtime.import_processes import Preparers
from db.core.engine import Engine, transaction
from db.imports.log import Order
from db.imports.prepare_rows import Prepared, Preparing, Terms, in_thread
from db.imports.run import run_import
from db.suppliers.sources import get_source
from domain.suppliers.rows import Batch
from domain.suppliers.source import Import, Mapping
from matching.reference import Reference
from matching.words.name_similarity import likeness
from sources.file_reader import Reading, batches

Observe = Callable[[Prepared], None]


async def take_in(
    engine: Engine,
    reference: Reference,
    order: Order,
    stream: BinaryIO,
    media_type: str,
    clock: Callable[[], datetime],
    *,
    preparers: Preparers | None = None,
    observe: Observe = lambda _: None,
) -> Import:
    """Import the file `stream` as `order` says, with the mapping that the source has; `observe` is shown each batch.

    Rows are read, placed and prepared in a process of `preparers`, else in a thread. `order.format` and `media_type`
    are a pair of FORMATS, else KeyError. Raises what `run_import` does, and UnreadableFile for a file that cannot be
    read row by row; nothing is then stored.
    """
    async with transaction(engine) as connection:
        source = await get_source(connection, order.source)
    reading = Reading(order.format, media_type, source.mapping if source else Mapping(), order.language)
    preparing = in_thread(_in_thread(batches(reading, stream, reference)))
    if preparers is not None:
        preparing = preparers.preparing(reading, stream, otherwise=preparing)
    return await run_import(engine, order, _observed(preparing, observe), clock, likeness)


async def _in_thread(rows: Iterator[Batch]) -> AsyncIterator[Batch]:
    while (batch := await asyncio.to_thread(next, rows, None)) is not None:
        yield batch


def _observed(preparing: Preparing, observe: Observe) -> Preparing:
    async def observed(terms: Terms, likely_new: Callable[[], bool]) -> AsyncGenerator[Prepared, None]:
        async with aclosing(preparing(terms, likely_new)) as prepared:
            async for batch in prepared:
                observe(batch)
                yield batch

    return observed
