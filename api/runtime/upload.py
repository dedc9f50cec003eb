"""Large bodies, kept in a temporary file while they arrive: an import is not read before it is there as a whole."""

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
    """A body, uncompressed, at its beginning; `digest` tells it from any other."""

    stream: BinaryIO
    digest: bytes


@asynccontextmanager
async def spooled(call: Call, limit: int) -> AsyncIterator[Spooled]:
    """The body of the request in a file that is gone after the block; `limit` holds for both sides of its compression.

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
