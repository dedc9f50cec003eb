"""Routes of the directory: search, one supplier, the columns of its tables, the feed of changes."""

from contextlib import nullcontext
from datetime import date
from functools import partial
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response

from api.directory.formats import (
    SupplierChange,
    SupplierDocument,
    SupplierFeatureCollection,
    supplier_document,
    supplier_feature,
    suppliers_as_csv,
)
from api.directory.search import SupplierQuery, finder_of_suppliers, search_page, stream_suppliers
from api.runtime.endpoint import Call, endpoint
from api.runtime.etag import HOUR, IF_NONE_MATCH, conditional_get
from api.web.content_negotiation import CSV, GEOJSON, JSON
from api.web.pagination import Page, Paging, bad_cursor, next_link, page_response, read_cursor, write_cursor
from db.core.engine import Connection, transaction
from db.suppliers.feed import START, Position, changes_after, end_of_directory, is_in_history
from db.suppliers.read import get_supplier as find_supplier
from domain.errors import require_found
from domain.suppliers.supplier import NO_SUPPLIER
from domain.text.bilingual import said_by
from sources.formats.vivier_columns import TableSchema, table_schema

TAG = "Suppliers"
readers_endpoint = partial(endpoint, "GET", tag=TAG, scope=("read", "admin"))
FEED = "supplier changes"

OTHER_HISTORY = "other_history", said_by(__name__)["other_history"]


@readers_endpoint(
    "/suppliers",
    answers={JSON: Page[SupplierDocument], GEOJSON: SupplierFeatureCollection, CSV: str},
    problems=("unknown-segment", "unknown-territory", "too-many-requests"),
    example="suppliers",
    file="fournisseurs",
)
async def list_suppliers(call: Call, query: SupplierQuery) -> Response[Any]:
    """Search the directory.

    Suppliers that pass every filter, in an order that does not change; inactive ones too, unless `active=true`. As
    JSON, 50 to a page where no `limit` is given; as GeoJSON or CSV without `limit` and `cursor`, all of them in one
    file, of which an organisation is sent one at a time. The `Link` header leads to the next page of each. With
    `reserved` or `near` a page may hold fewer than `limit`, or none, and still have a next one. CSV has a row for each
    offer of a supplier, and can be imported again as it is: its columns are those of `GET /schemas/suppliers.json`;
    `external_id` is that of the record at `source`, where that is given.
    """
    today = call.services.today()
    media_type = call.media_type
    if media_type != JSON and query.limit is None and query.cursor is None:
        return await stream_suppliers(call, finder_of_suppliers(call.services, query), query.source)
    found, next_cursor = await search_page(call.services, query)
    if media_type == JSON:
        return page_response(call, [supplier_document(supplier, today) for supplier in found], next_cursor)
    headers = {**next_link(call, next_cursor), "vary": "accept"}
    if media_type == CSV:
        table = suppliers_as_csv(found, today, query.source, call.csv)
        return Response(table, headers=headers | {"content-type": f"{CSV}; charset=utf-8"})
    features = SupplierFeatureCollection(tuple(map(supplier_feature, found)))
    return Response(msgspec.json.encode(features), headers=headers | {"content-type": GEOJSON})


@readers_endpoint(
    "/suppliers/{id}", answers=SupplierDocument, status=(200, 304), headers=IF_NONE_MATCH, example="supplier"
)
async def get_supplier(call: Call, id: UUID, connection: Connection) -> Response[bytes]:
    """A supplier with all its fields, its flags (what is doubtful) and the records that it is made of."""
    return conditional_get(call, await find_document(connection, id, call.services.today()))


async def find_document(connection: Connection, supplier_id: UUID, on: date) -> SupplierDocument:
    """The document of the supplier with this id, or of the one it was merged into. Raises NotFound."""
    entry = require_found(await find_supplier(connection, supplier_id), NO_SUPPLIER)
    return supplier_document(entry.supplier, on)


@readers_endpoint("/schemas/suppliers.json", scope=None, answers=TableSchema, status=(200, 304), headers=IF_NONE_MATCH)
async def get_supplier_schema(call: Call) -> Response[bytes]:
    """The columns of suppliers as CSV, as a Table Schema (Frictionless Data).

    Those of the tables that `GET /suppliers` gives, and of those that imports of the format `vivier` take: there
    `external_id` and `name` are required, any other column may be missing, and `id`, `kinds`, `commune`, `sources` and
    `updated_at` are not read.
    """
    return conditional_get(call, table_schema(call.language), max_age=HOUR)


class FeedQuery(Paging, frozen=True, kw_only=True):
    """The cursor to go on from, and how long to wait for a change."""

    wait: Annotated[float, msgspec.Meta(ge=0, le=60)] = 0.0
    """Seconds to hold the answer back while there is nothing to tell"""


class SupplierChangePage(msgspec.Struct, frozen=True):
    """Changes in the order of commits."""

    items: tuple[SupplierChange, ...]  # type: ignore[valid-type]
    """Each supplier as it is now, or that it is no more"""
    next_cursor: str
    """The place to go on from; never null"""


@readers_endpoint(
    "/suppliers/changes", answers=SupplierChangePage, problems=("too-many-requests",), example="supplier-changes"
)
async def list_supplier_changes(call: Call, query: FeedQuery) -> Response[bytes]:
    """Follow what changes in the directory.

    Every supplier that changed since the cursor (without one: since the beginning), as it is now, in the order of
    commits; `{"id", "deleted": true}` where it is no more. Nothing is missed and nothing comes twice, but successive
    changes of one supplier may be folded into the last. An empty page means that there is nothing more for now: ask
    again with its `next_cursor`, and with `wait=20` to be answered as soon as something changes. Of one key, 20
    requests may wait at a time for each process of the server; one more is 429. A cursor from before the directory was
    restored, or failed over to a copy that lacked its last changes, is 400 with the code `other_history`: start again
    without, and drop what does not come.
    """
    position, services = read_cursor(FEED, query.cursor, Position) or START, call.services
    with services.long_polls.slot(call.bearer.id) if query.wait else nullcontext():
        items, last, end = await _changes_after(call, position, query.limit)
        if query.wait and last is None:
            await services.long_polls.wait(services.directory.wait_beyond(end.version, query.wait))
            # whatever their cursors say, all who waited for the same version go on from its end: it is read once
            items, last, _ = await _changes_after(call, end, query.limit)
    return page_response(call, items, write_cursor(FEED, last or position))


async def _changes_after(call: Call, position: Position, limit: int) -> tuple[msgspec.Raw, Position | None, Position]:
    """The changes after a position as a JSON list, the position of the last, and where the feed ended before the read.

    They are read once for all who ask for the same at the same time.
    Raises Refusal (400) where the directory has not been at the position.
    """
    database, today = call.services.database, call.services.today()

    async def read_changes() -> tuple[msgspec.Raw, Position | None, Position]:
        async with transaction(database) as connection:
            end = await end_of_directory(connection)
            if not await is_in_history(connection, position, end):
                raise bad_cursor(*OTHER_HISTORY)
            changes = await changes_after(connection, position, limit)
        items: list[msgspec.Struct] = [
            supplier_document(each.supplier, today) if each.supplier else SupplierChange(id=each.id, deleted=True)
            for each in changes
        ]
        return msgspec.Raw(msgspec.json.encode(items)), changes[-1].position if changes else None, end

    return await call.services.feed_reads.read((position, limit, today), read_changes)
