"""The import of a source's file into the database: rows are read, checked, located on the map, encoded and stored.

The heavy parts are done in other processes: rows read, placed and encoded, and suppliers put together. Both go on while
the database reads and writes what came before.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from datetime import datetime
from typing import BinaryIO, NamedTuple
from uuid import UUID

import msgspec
import structlog

from api.runtime.processes.forked_processes import (
    ForkedProcess,
    ForkedProcesses,
    NoProcess,
    ProcessEnded,
    reference_alone,
)
from db.core.engine import Engine, transaction
from db.imports.prepare_rows import (
    Assemble,
    Prepare,
    PreparedBatch,
    SupplierRow,
    Terms,
    assemble_in_thread,
    assemble_suppliers,
    prepare,
    prepare_here,
)
from db.imports.run import Order, run_import
from db.suppliers.sources import get_source
from db.suppliers.write import RecordRow
from domain.suppliers.source import Import, SourceMapping
from domain.text.bilingual import PARIS, said_by
from matching.reference import Reference
from matching.words.names import name_similarity
from sources.file_reader import ReadOptions, batches
from sources.rows import unreadable

AHEAD = 2
"""The number of batches asked for before the first of them is stored."""
BATCH_SECONDS = 20.0
"""Time of a core that some 2,000 rows may take to be read: thirty times what they do, while others wait for a
place."""
TOO_SLOW = said_by(__name__)["too_slow"]
FEW = 200
"""Of no more suppliers, a process would take longer to start than it saves."""

# A batch is encoded in a quarter of the time that pickle takes.
_encode = msgspec.msgpack.Encoder().encode
_read_prepared = msgspec.msgpack.Decoder(PreparedBatch).decode
_read_described = msgspec.msgpack.Decoder(dict[UUID, list[RecordRow]]).decode
_read_suppliers = msgspec.msgpack.Decoder(list[SupplierRow]).decode

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


def prepare_in_process(processes: ForkedProcesses, reading: ReadOptions, file: BinaryIO, otherwise: Prepare) -> Prepare:
    """A function that prepares the file's rows in another process, or by `otherwise` where no process can be had.

    Raises what went wrong there, such as UnreadableFile, and ProcessEnded.
    """

    def prepare_rows(terms: Terms, expects_new: Callable[[], bool]) -> Generator[PreparedBatch, None, None]:
        try:
            process = processes.start(RowReader, file)
        except NoProcess:
            log.warning("no process to prepare an import in: it is prepared here, more slowly")
            yield from otherwise(terms, expects_new)
            return
        try:
            process.ask(RowReader.open, reading, terms)
            for _ in range(AHEAD):
                process.ask(RowReader.next_batch, expects_new())
            process.answer()
            while (batch := process.answer()) is not None:
                process.ask(RowReader.next_batch, expects_new())
                yield _read_prepared(batch)
        finally:
            process.end()

    return prepare_rows


class RowReader:
    """Reads and prepares the rows of one import's file, in a process started for the import."""

    def __init__(self, reference: Reference, file: BinaryIO) -> None:
        self._reference, self._file = reference, file

    def open(self, reading: ReadOptions, terms: Terms) -> None:
        """Begin to read the file from its present position, in the format that `reading` names."""
        self._terms, self._batches = terms, batches(reading, self._file, self._reference)

        def raise_too_slow(*_: object) -> None:
            raise unreadable("too_slow", TOO_SLOW)

        signal.signal(signal.SIGVTALRM, raise_too_slow)

    def next_batch(self, expects_new: bool) -> bytes | None:
        """The next batch of rows, encoded; with `expects_new` also the suppliers that it makes if new; None at the end.

        Raises UnreadableFile where they take longer than `BATCH_SECONDS` of the processor to be read.
        """
        signal.setitimer(signal.ITIMER_VIRTUAL, BATCH_SECONDS)
        batch = next(self._batches, None)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        return None if batch is None else _encode(prepare(self._terms, batch, expects_new=expects_new))


@asynccontextmanager
async def assemble_in_process(processes: ForkedProcesses | None) -> AsyncIterator[Assemble]:
    """Yields a function that assembles suppliers from records: many in another process, few in this one.

    Where no process can be had, or it ends at its work, they are assembled here.
    """
    process: ForkedProcess[Reference] | None = None
    is_lost, one_at_a_time = processes is None, asyncio.Lock()

    async def assemble(change_set: int, records: Mapping[UUID, Sequence[RecordRow]]) -> Sequence[SupplierRow]:
        nonlocal process, is_lost
        if len(records) > FEW:
            async with one_at_a_time:
                try:
                    if processes is not None and not is_lost:
                        process = process or await processes.start_in_thread(reference_alone)
                        return _read_suppliers(await process.call(assemble_encoded, change_set, _encode(records)))
                except (NoProcess, ProcessEnded):
                    is_lost = True
        return await assemble_in_thread(change_set, records)

    try:
        yield assemble
    finally:
        if process is not None:
            process.end()


def assemble_encoded(_: Reference, change_set: int, encoded_rows: bytes) -> bytes:
    """Assemble suppliers from the encoded rows of their records; returns them encoded."""
    return _encode(assemble_suppliers(change_set, _read_described(encoded_rows)))


Observe = Callable[[PreparedBatch], None]


class SourceFile(NamedTuple):
    """A file that a source sends, read from the present position of `stream`."""

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
    """Import a source's file by the source's mapping; returns the report. `observe` gets each batch, in a thread.

    Rows are read, placed and encoded in one of `processes`, which reads the file by its descriptor, else in a thread.
    `order.format` and `file.media_type` are a pair of FORMATS, else KeyError. Raises what `run_import` does, and
    UnreadableFile for a file that cannot be read row by row; nothing is then stored.
    """
    async with transaction(engine) as connection:
        source = await get_source(connection, order.source)
    mapping = source.mapping if source else SourceMapping()
    today = clock().astimezone(PARIS).date()
    reading = ReadOptions(order.format, file.media_type, mapping, order.language, file.is_gzipped, order.source, today)
    preparing = prepare_here(batches(reading, file.stream, reference))
    if processes is not None:
        preparing = prepare_in_process(processes, reading, file.stream, otherwise=preparing)

    def prepare_and_observe(terms: Terms, expects_new: Callable[[], bool]) -> Generator[PreparedBatch, None, None]:
        with closing(preparing(terms, expects_new)) as prepared:
            for batch in prepared:
                if observe is not None:
                    observe(batch)
                yield batch

    async with assemble_in_process(processes) as assemble:
        return await run_import(engine, order, prepare_and_observe, clock, name_similarity, assemble)
