"""The way of a source's file into the database, whoever brings it: read, checked, placed, encoded and stored."""

from collections.abc import Callable, Generator
from contextlib import closing
from datetime import datetime
from typing import BinaryIO, NamedTuple

from api.runtime.processes.forked_processes import ForkedProcesses
from api.sync.import_processes import assemble_elsewhere, prepare_elsewhere
from db.core.engine import Engine, transaction
from db.imports.prepare_rows import Prepare, Prepared, Terms, prepare_here
from db.imports.run import Order, run_import
from db.suppliers.sources import get_source
from domain.suppliers.source import Import, SourceMapping
from domain.text.typography import PARIS
from matching.reference import Reference
from matching.words.names import name_similarity
from sources.file_reader import Reading, batches

Observe = Callable[[Prepared], None]


class SourceFile(NamedTuple):
    """A file as a source sends it; read from where `stream` stands."""

    stream: BinaryIO
    media_type: str
    is_gzipped: bool = False


async def import_file(
    engine: Engine,
    reference: Reference,
    order: Order,
    file: SourceFile,
    clock: Callable[[], datetime],
    *,
    processes: ForkedProcesses | None = None,
    observe: Observe | None = None,
) -> Import:
    """Import `file` as `order` says, with the mapping that its source has; `observe` is shown each batch, in a thread.

    Rows are read, placed and encoded in one of `processes`, which reads the file by its descriptor, else in a thread.
    `order.format` and `file.media_type` are a pair of FORMATS, else KeyError. Raises what `run_import` does, and
    UnreadableFile for a file that cannot be read row by row; nothing is then stored.
    """
    async with transaction(engine) as connection:
        source = await get_source(connection, order.source)
    mapping = source.mapping if source else SourceMapping()
    today = clock().astimezone(PARIS).date()
    reading = Reading(order.format, file.media_type, mapping, order.language, file.is_gzipped, order.source, today)
    prepare = prepare_here(batches(reading, file.stream, reference))
    if processes is not None:
        prepare = prepare_elsewhere(processes, reading, file.stream, otherwise=prepare)
    if observe is not None:
        prepare = _observed(prepare, observe)
    async with assemble_elsewhere(processes) as assemble:
        return await run_import(engine, order, prepare, clock, name_similarity, assemble)


def _observed(prepare: Prepare, observe: Observe) -> Prepare:
    def observed(terms: Terms, expects_new: Callable[[], bool]) -> Generator[Prepared, None, None]:
        with closing(prepare(terms, expects_new)) as prepared:
            for batch in prepared:
                observe(batch)
                yield batch

    return observed
