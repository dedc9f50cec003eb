"""Searches of the directory: a page of suppliers that pass the filters, their number, and all of them as one file."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import ExitStack, aclosing
from typing import Any
from uuid import UUID

import msgspec
from litestar.response import Stream
from litestar.types import Receive, Scope, Send

from api.directory.filters import SupplierQuery, SupplierSelection, selection_of_query
from api.directory.formats import supplier_feature, suppliers_as_csv
from api.runtime.endpoint import Call
from api.runtime.services import Services
from api.web.content_negotiation import CSV, GEOJSON
from api.web.pagination import Paging, read_cursor, write_cursor
from db.core.engine import transaction
from db.suppliers.read import PlacedSupplier, count_suppliers, page_of_suppliers, placed_suppliers
from domain.suppliers.supplier import Supplier

LIST = "suppliers"
READ_AT_ONCE = 200
READ_AT_MOST = 2_000
"""Suppliers tested for one page, where the database cannot apply all filters: the page may then be short or empty, and
still have a next one."""
COUNTED_AT_MOST = 1_000
LOOKED_AT_MOST = 20_000
"""Suppliers in the boxes around a territory whose points are looked at, to count those that stand in it."""

FoundPage = tuple[Sequence[Supplier], UUID | None]
"""Suppliers, and the id to continue after; None where there are no more."""
FindPage = Callable[[UUID | None, int], Awaitable[FoundPage]]
"""Up to so many suppliers after an id."""


def finder_of_suppliers(services: Services, query: SupplierQuery) -> FindPage:
    """A function that reads the suppliers that pass the filters. Raises Refusal (422) for a faulty query."""
    narrowed = selection_of_query(query, services.reference, services.today())

    async def find_page(after: UUID | None, limit: int) -> FoundPage:
        size = READ_AT_ONCE if narrowed.tests else limit + 1
        found: list[Supplier] = []
        async with transaction(services.database) as connection:
            for _ in range(READ_AT_MOST // READ_AT_ONCE):
                entries = await page_of_suppliers(connection, narrowed.filters, after, size)
                found += narrowed.apply_tests([entry.supplier for entry in entries])
                if len(found) > limit:
                    return found[:limit], found[limit - 1].id
                if len(entries) < size:
                    return found, None
                after = entries[-1].supplier.id
        return found, after

    return find_page


async def search_page(services: Services, query: SupplierQuery) -> tuple[Sequence[Supplier], str | None]:
    """A page of the suppliers that pass the filters, and the cursor of the next page; None: there is none.

    Raises Refusal (400, 422) for a faulty query.
    """
    find = finder_of_suppliers(services, query)
    found, goes_on = await find(read_cursor(LIST, query.cursor, UUID), query.limit or Paging().limit)
    return found, None if goes_on is None else write_cursor(LIST, goes_on)


async def count_of_query(services: Services, query: SupplierQuery) -> int | None:
    """The number of suppliers that pass the filters, counted to one more than `COUNTED_AT_MOST`.

    None where it takes tests of whole suppliers, or of too many points. Raises Refusal (422) for a faulty query.
    """
    narrowed = selection_of_query(query, services.reference, services.today())
    if narrowed.tests:
        return None
    if narrowed.stands is not None:
        found = await _placed_in_territory(services, narrowed, LOOKED_AT_MOST)
        return None if found is None else min(len(found), COUNTED_AT_MOST + 1)
    async with transaction(services.database) as connection:
        return await count_suppliers(connection, narrowed.filters, COUNTED_AT_MOST + 1)


async def placed_of_query(services: Services, query: SupplierQuery) -> Sequence[PlacedSupplier]:
    """The places of the suppliers that pass the filters; () where these are more than `COUNTED_AT_MOST`.

    Also () where it takes tests of whole suppliers, or of too many points. Raises Refusal (422) for a faulty query.
    """
    narrowed = selection_of_query(query, services.reference, services.today())
    if narrowed.tests:
        return ()
    found = await _placed_in_territory(
        services, narrowed, COUNTED_AT_MOST if narrowed.stands is None else LOOKED_AT_MOST
    )
    return found if found is not None and len(found) <= COUNTED_AT_MOST else ()


async def _placed_in_territory(
    services: Services, narrowed: SupplierSelection, most: int
) -> Sequence[PlacedSupplier] | None:
    """The places of the suppliers selected; None where the database finds more than `most`."""
    async with transaction(services.database) as connection:
        found = await placed_suppliers(connection, narrowed.filters, most + 1)
    return None if len(found) > most else narrowed.in_territory(found)


PART = 50
"""Suppliers read and written at once: some milliseconds of work, between which other requests have their turn."""

MAP_BEGINS = b'{"type":"FeatureCollection","features":['


class WholeListResponse(Stream):
    """A file sent while it is written; the organisation's turn ends with the answer, even one never begun."""

    def __init__(self, parts: AsyncGenerator[bytes, None], line: ExitStack, headers: dict[str, str]) -> None:
        super().__init__(parts, headers=headers)
        self._parts, self._line = parts, line

    def to_asgi_response(self, *given: Any, **named: Any) -> Any:
        """The answer to be sent, which gives the turn back at its end."""
        answer = super().to_asgi_response(*given, **named)

        async def send_all(scope: Scope, receive: Receive, send: Send) -> None:
            with self._line:
                async with aclosing(self._parts):
                    await answer(scope, receive, send)

        return send_all


async def whole_list(call: Call, find: FindPage, source: str | None) -> WholeListResponse:
    """All suppliers as CSV or GeoJSON, in the order of pages; the number of files written at once is bounded.

    `source`: that whose `external_id` the table has. What is wrong with the first part, or that too many wait (429), is
    a refusal like any other; where a later part cannot be read, the answer breaks off, so that nobody takes a part for
    the whole.
    """
    exports, key = call.services.exports, str(call.bearer.organisation_id)
    with ExitStack() as line:
        # before the head: once that is sent, nothing can be refused any more, neither now nor by a server that stops
        turn = line.enter_context(exports.queue_of(key))
        await turn.acquire()
        line.callback(turn.release)
        first = await find(None, PART)
        kept = line.pop_all()

    is_map, today = call.media_type == GEOJSON, call.services.today()

    def encode_part(suppliers: Sequence[Supplier], *, begins: bool) -> bytes:
        if is_map:
            features = b",".join(msgspec.json.encode(supplier_feature(each)) for each in suppliers)
            return (MAP_BEGINS if begins else b",") + features
        return suppliers_as_csv(suppliers, today, source, call.csv, with_header=begins)

    async def written_parts() -> AsyncGenerator[bytes, None]:
        (suppliers, goes_on), begins = first, True
        while begins or goes_on is not None:
            # a place is for reading and writing: whoever takes long to receive keeps no other organisation waiting
            async with exports.slot():
                while goes_on is not None and not suppliers:
                    suppliers, goes_on = await find(goes_on, PART)
                part = encode_part(suppliers, begins=begins) if suppliers or begins else b""
            if part:
                yield part
            suppliers, begins = (), False
        if is_map:
            yield b"]}"

    media_type = GEOJSON if is_map else f"{CSV}; charset=utf-8"
    return WholeListResponse(written_parts(), kept, {"vary": "accept", "content-type": media_type})
