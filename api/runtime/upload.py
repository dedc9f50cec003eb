"""Large request bodies, written to a temporary file, so that an import begins once all of it has arrived."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import blake2b
from typing import BinaryIO, NamedTuple

from api.runtime.endpoint import Call
from api.web.request_body import uncompressed

WRITTEN_AT_ONCE = 1 << 20


class Spooled(NamedTuple):
    """An uncompressed body, at its beginning, and its BLAKE2 digest."""

    stream: BinaryIO
    digest: bytes


@asynccontextmanager
async def spooled(call: Call, limit: int) -> AsyncIterator[Spooled]:
    """The body of the request in a file that lasts for the block; `limit` holds before and after decompression.

    Raises Refusal: 400 for a body that breaks off or whose compression does, 413, 415 for another coding than gzip.
    """
    digest = blake2b(digest_size=32)
    with tempfile.TemporaryFile(prefix="vivier-") as stream:

        def write(block: bytearray) -> None:
            digest.update(block)
            stream.write(block)

        waiting = bytearray()
        async for piece in uncompressed(call, limit):
            waiting += piece
            if len(waiting) >= WRITTEN_AT_ONCE:
                await asyncio.to_thread(write, waiting)
                waiting = bytearray()
        await asyncio.to_thread(write, waiting)
        stream.seek(0)
        yield Spooled(stream, digest.digest())
