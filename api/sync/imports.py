"""Routes of bulk imports: import a source's file and answer its report, list imports, read reports and rejected rows.

The body is written to a temporary file first, so that an import begins once all of it has arrived.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from hashlib import blake2b
from operator import itemgetter
from typing import Annotated, BinaryIO
from uuid import UUID

import msgspec
from litestar import Response

from api.runtime.actor import acting_of, actor_of, require_storage
from api.runtime.auth import require_source
from api.runtime.endpoint import Call, endpoint
from api.runtime.idempotency import IDEMPOTENCY_KEY, answer_once, idempotency_key, response_of
from api.runtime.processes.forked_processes import ProcessEnded
from api.sync.pipeline import Observe, SourceFile, import_file
from api.sync.sources import TAG, require_own_source
from api.web.content_negotiation import CSV, JSON, NDJSON
from api.web.pagination import Page, Paging, answer_page
from api.web.problems import Refusal
from api.web.query_string import invalid_query
from api.web.request_body import Gunzip, body_pieces, require_coding, require_media
from db.core.engine import Connection, transaction
from db.core.uuid7 import new_id
from db.idempotency import Answer
from db.imports import run as stored_imports
from domain.decoding.requests import hint_of_nearest
from domain.errors import Problem, require_found
from domain.suppliers.source import Import, ImportMode, RowError
from domain.text.bilingual import Text
from sources.file_reader import FORMATS, ZIP
from sources.file_types.workbook import ODS, XLSX
from sources.rows import RecordRow, UnreadableFile

UNDECODABLE = {"malformed_json", "not_utf8"}
NO_IMPORT = Text("Aucun import de cet identifiant", "No import with this id")

sources_endpoint = partial(endpoint, tag=TAG, scope=("sync", "admin"), problems=("source-not-on-key",))


class ImportQuery(msgspec.Struct, frozen=True):
    """The format and mode of an import, and whether it is a trial."""

    format: Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(FORMATS)})] = "vivier"
    """How its rows are written"""
    mode: ImportMode = "upsert"
    """`snapshot` also removes the records of the source that no row names"""
    dry_run: bool = False
    """Report what the import would do, and store nothing"""
    force: bool = False
    """Let a snapshot remove more than 20 % of the source's records"""


@sources_endpoint(
    "POST",
    "/sources/{source}/imports",
    answers=Import,
    takes={NDJSON: RecordRow, JSON: tuple[RecordRow, ...], CSV: str, XLSX: bytes, ODS: bytes, ZIP: bytes},
    headers=IDEMPOTENCY_KEY | {"Content-Encoding": "`gzip` where the body is compressed"},
    problems=("source-not-on-key", "too-many-removed", "too-many-vertices", "storage-quota", "too-many-requests"),
    example="import",
)
async def import_suppliers(call: Call, source: str, query: ImportQuery) -> Response[bytes]:
    """Import a file of suppliers.

    The body is streamed: one record per line (NDJSON), one array (JSON), or a table (CSV), at most 1 GiB before and
    after decompression. A table may also be the first one of a workbook (`.xlsx`, `.ods`) of at most 64 MiB, and the
    package that another directory gives at `GET /exports/pool.zip` is taken as it is. Each row is a record plus
    `external_id`. A bad row is rejected with its line (from 1) and reason, and stops no other; what is accepted is
    stored in one transaction, wholly or not at all. The same content again is `unchanged`, and makes no new
    `data_version`. Imports of one source wait for each other, and those of an organisation for its share of the
    server's places, before their bodies are read; 429 where 30 of a source already do, or where the bodies of others
    take all the disk there is for them.
    The answer lists the first 10,000 errors; `GET /imports/{id}/errors` has the first 100,000.
    """
    require_own_source(call, source)
    if query.format not in FORMATS:
        hint = hint_of_nearest(query.format, tuple(FORMATS))
        named = query.format[:80]
        unknown = Text(f"Format inconnu : « {named} »{hint.fr}", f"Unknown format: “{named}”{hint.en}")
        raise invalid_query(Problem("/format", "unknown_value", unknown))
    media_type = require_media(call.headers, tuple(FORMATS[query.format]))
    require_coding(call.headers, ("identity", "gzip", "x-gzip"))
    key = idempotency_key(call)
    services = call.services
    # its turn first: until then nothing of the body is read, and it takes no place on the disk
    async with services.import_slot(source, call.bearer), spooled_body(call, services.settings.import_limit) as spooled:
        stream, digest = spooled

        async def import_body() -> Answer:
            done = await import_source_file(call, source, query, media_type, stream)
            return Answer(200, {"content-type": JSON}, msgspec.json.encode(done))

        if key is None:
            return response_of(await import_body())
        async with transaction(services.database) as connection:
            # the answer, with its errors, is stored for a day
            await require_storage(connection, acting_of(call))
            return await answer_once(call, connection, media_type.encode() + digest, import_body)


@sources_endpoint("GET", "/sources/{source}/imports", answers=Page[Import])
async def list_imports(call: Call, source: str, query: Paging, connection: Connection) -> Response[bytes]:
    """The imports of a source, the latest first, those that run too; without their errors."""
    require_own_source(call, source)
    await stored_imports.close_interrupted(connection, call.services.now())
    return await answer_page(
        call, query, f"imports/{source}", UUID, partial(stored_imports.list_imports, connection, source)
    )


@sources_endpoint("GET", "/imports/{id}", answers=Import)
async def get_import(call: Call, id: UUID, connection: Connection) -> Import:
    """An import: its report, or while it runs the rows so far; “interrupted” where its server was stopped meanwhile.

    Lists the first 10,000 errors; `GET /imports/{id}/errors` has more. A dry run leaves nothing to show.
    """
    return await own_import(call, connection, id)


@sources_endpoint("GET", "/imports/{id}/errors", answers=Page[RowError])
async def list_import_errors(call: Call, id: UUID, query: Paging, connection: Connection) -> Response[bytes]:
    """The rejected rows of an import by line, at most 100,000. Of a source the latest million stay."""
    await own_import(call, connection, id)

    async def fetch_errors(after: int | None, count: int) -> Sequence[tuple[int, RowError]]:
        found = await stored_imports.list_errors(connection, id, after or 0, count)
        return list(enumerate(found, start=(after or 0) + 1))

    return await answer_page(call, query, f"errors/{id}", int, fetch_errors, key=itemgetter(0), show=itemgetter(1))


async def import_source_file(
    call: Call,
    source: str,
    query: ImportQuery,
    media_type: str,
    stream: BinaryIO,
    *,
    observe: Observe | None = None,
) -> Import:
    """Import a source's file and return the report; the caller has taken an import slot. `observe`: see `import_file`.

    Raises UnreadableFile, Refusal: 400 as malformed, 503 where the process that read the file was ended.
    """
    services = call.services
    order = stored_imports.Order(
        id=new_id(services.now()),
        source=source,
        language=call.language,
        actor=actor_of(call.bearer),
        most_vertices=services.settings.source_vertices,
        **msgspec.structs.asdict(query),
    )
    file, processes = SourceFile(stream, media_type), services.forked_processes
    try:
        return await import_file(
            services.database, services.reference, order, file, services.now, processes=processes, observe=observe
        )
    except UnreadableFile as unreadable:
        if UNDECODABLE.issuperset(problem.code for problem in unreadable.problems):
            raise Refusal("malformed-body", unreadable.detail, unreadable.problems) from None
        raise
    except ProcessEnded:
        raise Refusal("stopping") from None


async def own_import(call: Call, connection: Connection, import_id: UUID) -> Import:
    """The import of this id. Raises NotFound, and Refusal (403) where the key does not list its source."""
    await stored_imports.close_interrupted(connection, call.services.now())
    found = require_found(await stored_imports.get_import(connection, import_id), NO_IMPORT)
    require_source(call.bearer, found.source)
    return found


WRITTEN_AT_ONCE = 1 << 20
LARGEST_AT_ONCE = 2
"""The room on the disk for the bodies that are arriving, decompressed, in the largest that the settings admit."""
SILENCE_SECONDS = 30.0
START_SECONDS, BYTES_PER_SECOND = 60.0, 32 << 10
"""The longest that a body may take: so long, and a second for so many bytes. Others wait for who sends it."""
TOO_SLOW = Text("Le corps arrive trop lentement", "The body arrives too slowly")


@asynccontextmanager
async def spooled_body(call: Call, limit: int) -> AsyncIterator[tuple[BinaryIO, bytes]]:
    """Yields the request's body, decompressed into a temporary file open at its beginning, and its BLAKE2 digest.

    `limit` holds before and after decompression.

    Raises Refusal: 400 for a body that breaks off, comes too slowly, or whose compression breaks off, 413, 415 for
    another coding than gzip, 429 where the bodies of others take the disk that is set apart for all.
    """
    coding = require_coding(call.headers, ("identity", "gzip", "x-gzip"))
    gunzip = None if coding == "identity" else Gunzip(limit)
    digest = blake2b(digest_size=32)
    services = call.services
    together = max(LARGEST_AT_ONCE * services.settings.import_limit, limit)
    with tempfile.TemporaryFile(prefix="vivier-") as stream, services.spool.share(together) as take:

        def write_block(block: bytes | bytearray) -> None:
            digest.update(block)
            stream.write(block)

        async def write_decompressed(block: bytearray) -> None:
            if gunzip is None:
                await asyncio.to_thread(write_block, block)
                return
            pieces = gunzip.pieces(block)
            while piece := await asyncio.to_thread(next, pieces, b""):
                take(len(piece))
                await asyncio.to_thread(write_block, piece)

        waiting = bytearray()
        async for chunk in _limit_time(body_pieces(call, limit)):
            if gunzip is None:
                take(len(chunk))
            waiting += chunk
            if len(waiting) >= WRITTEN_AT_ONCE:
                await write_decompressed(waiting)
                waiting = bytearray()
        await write_decompressed(waiting)
        if gunzip:
            gunzip.end()
        stream.seek(0)
        yield stream, digest.digest()


async def _limit_time(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yields the pieces of a body; raises Refusal (400) where a piece, or the whole body, takes too long to arrive."""
    waited, received = 0.0, 0
    while True:
        began, longest = time.monotonic(), START_SECONDS + received / BYTES_PER_SECOND - waited
        try:
            async with asyncio.timeout(min(SILENCE_SECONDS, longest)):
                piece = await anext(pieces, None)
        except TimeoutError:
            raise Refusal("bad-request", TOO_SLOW) from None
        waited += time.monotonic() - began
        if piece is None:
            return
        received += len(piece)
        yield piece
