"""All suppliers that a search finds, as one file, sent as it is read: tools for tables and maps follow no cursors."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import ExitStack, aclosing
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from litestar.response import Stream
from litestar.types import Receive, Scope, Send

from api.directory.formats import feature, table_rows
from api.directory.search import Find
from api.runtime.endpoint import Call
from api.web.content_negotiation import CSV, GEOJSON
from domain.suppliers.supplier import Supplier
from sources.file_types.csv_cells import Dialect

PART = 50
"""Suppliers read and written at once: some milliseconds of work, between which other requests have their turn."""

Found = tuple[Sequence[Supplier], UUID | None]


class WholeList(Stream):
    """A file that is sent as it is written; its turn is over at its end, whether or not it was begun."""

    def __init__(self, parts: AsyncGenerator[bytes, None], line: ExitStack, headers: dict[str, str]) -> None:
        super().__init__(parts, headers=headers)
        self._parts, self._line = parts, line

    def to_asgi_response(self, *given: Any, **named: Any) -> Any:
        """The answer that is sent."""
        answer = super().to_asgi_response(*given, **named)

        async def sent(scope: Scope, receive: Receive, send: Send) -> None:
            with self._line:
                async with aclosing(self._parts):
                    await answer(scope, receive, send)

        return sent


async def whole_list(call: Call, find: Find, source: str | None) -> WholeList:
    """All suppliers as CSV or GeoJSON, in the order of pages; the number of files written at once is bounded.

    `source`: that whose `external_id` the table has. What is wrong with the first part, or that too many wait (429), is
    a refusal like any other; where a later part cannot be read, the answer breaks off, so that nobody takes a part for
    the whole.
    """
    exports, key = call.services.exports, str(call.bearer.organisation_id)
    with ExitStack() as line:
        # before the head: once that is sent, nothing can be refused any more, neither now nor by a server that stops
        turn = line.enter_context(exports.line_of(key))
        await turn.acquire()
        line.callback(turn.release)
        first = await find(None, PART)
        kept = line.pop_all()

    async def parts() -> AsyncGenerator[bytes, None]:
        today = call.services.today()
        written = (
            _as_map(first, find) if call.media_type == GEOJSON else _as_table(first, find, today, source, call.csv)
        )
        while (part := await next_of(written)) is not None:
            yield part

    async def next_of(written: AsyncIterator[bytes]) -> bytes | None:
        # a place is for reading and writing: whoever takes long to receive keeps no other organisation waiting
        async with exports.place():
            return await anext(written, None)

    media_type = GEOJSON if call.media_type == GEOJSON else f"{CSV}; charset=utf-8"
    return WholeList(parts(), kept, {"vary": "accept", "content-type": media_type})


async def _as_map(first: Found, find: Find) -> AsyncIterator[bytes]:
    start = b'{"type":"FeatureCollection","features":['
    async for suppliers in _parts(first, find):
        yield start + b",".join(msgspec.json.encode(feature(each)) for each in suppliers)
        start = b","
    yield (start if start != b"," else b"") + b"]}"


async def _as_table(first: Found, find: Find, on: date, source: str | None, dialect: Dialect) -> AsyncIterator[bytes]:
    with_header = True
    async for suppliers in _parts(first, find):
        yield table_rows(suppliers, on, source, dialect, with_header=with_header)
        with_header = False
    if with_header:
        yield table_rows((), on, source, dialect, with_header=True)


async def _parts(first: Found, find: Find) -> AsyncIterator[Sequence[Supplier]]:
    """The suppliers, part by part; parts are never empty."""
    suppliers, goes_on = first
    while True:
        if suppliers:
            yield suppliers
        if goes_on is None:
            return
        suppliers, goes_on = await find(goes_on, PART)
