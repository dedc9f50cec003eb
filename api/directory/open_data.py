"""The directory as an open data package: rows of sources whose licence allows it, streamed as a zip."""

import asyncio
import gzip
import tempfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import ExitStack, aclosing
from importlib.metadata import version
from typing import IO, Any, BinaryIO, cast
from uuid import UUID
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import msgspec
from litestar import Response

from api.directory.search import WholeListResponse
from api.runtime.endpoint import Call, endpoint
from api.runtime.etag import IF_NONE_MATCH, conditional_get, etag_of
from api.runtime.services import Services
from api.web.content_negotiation import ZIP
from db.core.engine import transaction
from db.suppliers.feed import end_of_directory
from db.suppliers.read import extent_of_sources, open_records
from db.suppliers.sources import all_settings
from domain.suppliers.assembly import StoredRecord
from domain.suppliers.source import Source, open_licence, published_supplier
from sources.file_types.csv_cells import Cell, csv_of, csv_rows
from sources.formats.open_data import (
    OFFER_HEADER,
    OFFERS,
    SUPPLIER_HEADER,
    SUPPLIERS,
    PublishedSource,
    description_of_package,
    readme_of_package,
    rows_of_published,
)

_PART = 200
"""Suppliers that are read at once."""
_FEW = 20
"""Suppliers that are written at once, some 2 ms of work, which is how long others wait for the interpreter."""
_AT_ONCE = 1 << 17
"""Bytes of the offers that are read back at once, some milliseconds of work."""


@endpoint(
    "GET",
    "/exports/pool.zip",
    tag="Suppliers",
    scope=("read", "admin"),
    answers={ZIP: bytes},
    status=(200, 304),
    headers=IF_NONE_MATCH,
    problems=("too-many-requests",),
)
async def export_pool(call: Call) -> Response[Any]:
    """The directory as an open data package.

    A zip (Frictionless Data Package): `datapackage.json` with the schema of the tables, the licence and credit of each
    source and the date of its data; `suppliers.csv`; `offers.csv` with what each offer rests on, who declared it and
    when; `README.md`. Neither contact nor person is in it. Only what sources say whose licence is known to be open is
    in it (`PUT /sources/{source}` with `licence`); the others are named under `left_out`, with the reason. An import
    takes it as it is. Of an organisation one file is sent at a time. The same data are the same bytes.
    """
    return await answer_with_package(call)


async def answer_with_package(call: Call) -> Response[Any]:
    """The response with the package, or 304 where the client has it. Raises Refusal (429) where too many wait."""
    async with transaction(call.services.database) as connection:
        end = await end_of_directory(connection)
        settings = await all_settings(connection)
    etag = etag_of([end.version, end.uid, version("vivier"), settings])
    known = conditional_get(call, b"", ZIP, etag)
    if known.status_code == 304:
        return known
    return await _stream_package(call, settings, str(end.version), dict(known.headers))


async def _stream_package(call: Call, settings: Sequence[Source], of: str, headers: dict[str, str]) -> Response[Any]:
    """Stream the package of these sources; it is written as it is sent, as other files of the whole directory are.

    Raises Refusal (429) where too many wait.
    """
    services, key = call.services, str(call.bearer.organisation_id)
    with ExitStack() as line:
        turn = line.enter_context(services.exports.queue_of(key))
        await turn.acquire()
        line.callback(turn.release)
        published, left_out = await _published_sources(services, settings)
        description = description_of_package(published, left_out, of)
        offers = line.enter_context(tempfile.TemporaryFile(prefix="vivier-"))
        kept = line.pop_all()
    names = [each.settings.name for each in published]
    headers |= {"content-type": ZIP, "content-disposition": f'attachment; filename="vivier-pool-{of}.zip"'}
    return WholeListResponse(_package(services, description, names, offers), kept, headers)


async def _published_sources(
    services: Services, settings: Sequence[Source]
) -> tuple[list[PublishedSource], dict[str, Source]]:
    """The sources with an open licence, as they are described, and the others by name."""
    licences = {each.name: open_licence(each.licence) for each in settings}
    async with services.exports.slot(), transaction(services.database) as connection:
        found = await extent_of_sources(connection, [name for name, licence in licences.items() if licence])
    published = [
        PublishedSource(each, licence, *(found.get(each.name) or (0, None)))
        for each in settings
        if (licence := licences[each.name]) is not None
    ]
    return published, {each.name: each for each in settings if licences[each.name] is None}


class _Written:
    """A stream that cannot go back, and gives what was written since it was last asked."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: bytes) -> int:
        self._pieces.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        """Nothing to do: what is written is taken."""

    def take(self) -> bytes:
        """The bytes since the last call."""
        whole, self._pieces = b"".join(self._pieces), []
        return whole


def _entry(name: str) -> ZipInfo:
    """The head of a file in the zip, the same at any time."""
    entry = ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    entry.compress_type, entry.external_attr, entry.create_system = ZIP_DEFLATED, 0o644 << 16, 3
    return entry


async def _package(
    services: Services, description: dict[str, Any], names: Sequence[str], offers: BinaryIO
) -> AsyncGenerator[bytes, None]:
    """Yields the bytes of the zip; the offers wait in a file, compressed, until all suppliers are written.

    Rows are written in a thread, while the next suppliers are read from the database.
    """
    written = _Written()
    with ZipFile(cast("BinaryIO", written), "w", ZIP_DEFLATED) as package:
        package.writestr(_entry("datapackage.json"), msgspec.json.format(msgspec.json.encode(description), indent=2))
        package.writestr(_entry("README.md"), readme_of_package(description))
        with gzip.GzipFile(fileobj=offers, mode="wb", compresslevel=1) as waiting:
            waiting.write(csv_of(OFFER_HEADER, ()))
            with package.open(_entry(SUPPLIERS), "w", force_zip64=True) as table:
                table.write(csv_of(SUPPLIER_HEADER, ()))
                async with aclosing(_stored_suppliers(services, names)) as parts:
                    async for part in parts:
                        for at in range(0, len(part), _FEW):
                            await asyncio.to_thread(_write_rows, part[at : at + _FEW], table, waiting)
                        if piece := written.take():
                            yield piece
        offers.seek(0)
        with gzip.GzipFile(fileobj=offers) as waiting, package.open(_entry(OFFERS), "w", force_zip64=True) as table:
            while some := waiting.read(_AT_ONCE):
                await asyncio.to_thread(table.write, some)
                if piece := written.take():
                    yield piece
    yield written.take()


_Part = Sequence[tuple[UUID, Sequence[StoredRecord]]]


async def _stored_suppliers(services: Services, names: Sequence[str]) -> AsyncGenerator[_Part, None]:
    """Yields the suppliers of these sources, some at a time, each with its records; the next are read meanwhile."""
    reading = asyncio.create_task(_read_part(services, names, None))
    try:
        while found := await reading:
            if len(found) == _PART:
                reading = asyncio.create_task(_read_part(services, names, found[-1][0]))
            yield found
            if len(found) < _PART:
                break
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def _read_part(services: Services, names: Sequence[str], after: UUID | None) -> _Part:
    """Read some suppliers after an id; a place is taken for that alone.

    Whoever takes long to receive keeps no other organisation waiting.
    """
    async with services.exports.slot(), transaction(services.database) as connection:
        return await open_records(connection, names, after, _PART)


def _write_rows(part: _Part, suppliers: IO[bytes], offers: gzip.GzipFile) -> None:
    """Write the rows of some suppliers and of their offers."""
    rows: list[Sequence[Cell]] = []
    rows_of_offers: list[Sequence[Cell]] = []
    for supplier_id, stored in part:
        if (supplier := published_supplier(supplier_id, stored)) is not None:
            row, own = rows_of_published(supplier)
            rows.append(row)
            rows_of_offers += own
    suppliers.write(csv_rows(rows, "plain"))
    offers.write(csv_rows(rows_of_offers, "plain"))
