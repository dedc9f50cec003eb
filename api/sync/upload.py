"""Large request bodies, written to a temporary file, so that an import begins once all of it has arrived."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import blake2b
from typing import BinaryIO, NamedTuple

from api.runtime.endpoint import Call
from api.web.problems import Refusal
from api.web.request_body import Gunzip, chunks, require_coding
from domain.text.bilingual import Text

WRITTEN_AT_ONCE = 1 << 20
LARGEST_AT_ONCE = 2
"""The room on the disk for the bodies that are arriving, decompressed, in the largest that the settings admit."""
SILENCE_SECONDS = 30.0
START_SECONDS, BYTES_PER_SECOND = 60.0, 32 << 10
"""The longest that a body may take: so long, and a second for so many bytes. Others wait for who sends it."""
TOO_SLOW = Text("Le corps arrive trop lentement", "The body arrives too slowly")


class SpooledBody(NamedTuple):
    """A request body in a temporary file, uncompressed and open at its beginning, and its BLAKE2 digest."""

    stream: BinaryIO
    digest: bytes


@asynccontextmanager
async def spooled_body(call: Call, limit: int) -> AsyncIterator[SpooledBody]:
    """Write the body of the request to a file that lasts for the block; `limit` holds before and after decompression.

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

        async def write_uncompressed(block: bytearray) -> None:
            if gunzip is None:
                await asyncio.to_thread(write_block, block)
                return
            pieces = gunzip.pieces(block)
            while piece := await asyncio.to_thread(next, pieces, b""):
                take(len(piece))
                await asyncio.to_thread(write_block, piece)

        waiting = bytearray()
        async for chunk in _with_time_limit(chunks(call, limit)):
            if gunzip is None:
                take(len(chunk))
            waiting += chunk
            if len(waiting) >= WRITTEN_AT_ONCE:
                await write_uncompressed(waiting)
                waiting = bytearray()
        await write_uncompressed(waiting)
        if gunzip:
            gunzip.end()
        stream.seek(0)
        yield SpooledBody(stream, digest.digest())


async def _with_time_limit(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The pieces of a body; raises Refusal (400) where one is long in coming, or all together take too long."""
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
