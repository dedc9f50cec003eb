"""Suppliers as tables for a spreadsheet: those that a search of the directory finds, and those of a source."""

from litestar import Response

from api.desk.directory.directory_form import read_directory_form
from api.desk.frame.page import page
from api.desk.frame.visit import Visit
from api.directory.filters import SupplierQuery
from api.directory.formats import table_rows
from api.directory.search import COUNTED_AT_MOST, count, finder
from api.sync.sources import NO_SOURCE, one_source, require_source_name
from domain.errors import Conflict, NotFound
from domain.text.bilingual import Text
from domain.text.typography import PARIS
from sources.formats.registry import CSV

AT_ONCE = 50
"""Suppliers read and written at once: some milliseconds of work."""
MOST_OF_A_SOURCE = 20_000
"""Records of a source of which a page gives the table; of more, the API streams it."""


@page("GET", "/annuaire/tableau", scope=("read", "admin"))
async def get_search(visit: Visit) -> Response[bytes]:
    """The suppliers that a search finds. Raises Conflict where they are too many, or not counted."""
    query = read_directory_form(visit.fields, visit.services.reference).query()
    total = await count(visit.services, query)
    if total is None or total > COUNTED_AT_MOST:
        raise Conflict("too_many", TOO_MANY)
    return table_file(await _table(visit, query), f"vivier-annuaire-{_today(visit)}")


@page("GET", "/sources/{source}/fiches", scope=("read", "admin"))
async def get_suppliers_of_source(visit: Visit, source: str) -> Response[bytes]:
    """The suppliers that a source describes, by its own ids, with their flags. Raises NotFound, Conflict."""
    require_source_name(source)
    found = await one_source(visit.services, source)
    if found is None:
        raise NotFound(NO_SOURCE)
    if found.records > MOST_OF_A_SOURCE:
        raise Conflict("too_many", TOO_MANY)
    return table_file(await _table(visit, SupplierQuery(source=source)), f"vivier-fiches-{_today(visit)}")


def table_file(content: bytes, name: str) -> Response[bytes]:
    """A table as a file of its own."""
    return Response(content, media_type=CSV, headers={"content-disposition": f'attachment; filename="{name}.csv"'})


async def _table(visit: Visit, query: SupplierQuery) -> bytes:
    """All that the query finds; the number of tables made at once is bounded. Raises Refusal (429)."""
    find, today = finder(visit.services, query), visit.services.today()
    exports, key = visit.services.exports, str(visit.call.bearer.organisation_id)
    parts, after = [table_rows((), today, query.source, "excel")], None
    async with exports.turn_of(key):
        while True:
            async with exports.place():
                suppliers, after = await find(after, AT_ONCE)
                parts.append(table_rows(suppliers, today, query.source, "excel", with_header=False))
            if after is None:
                return b"".join(parts)


def _today(visit: Visit) -> str:
    return f"{visit.services.now().astimezone(PARIS):%Y-%m-%d}"


TOO_MANY = Text(
    "Ils sont trop nombreux pour un tableau : ajoutez un filtre, retirez la réservation, ou passez par l'API",
    "They are too many for a table: add a filter, take the reservation away, or use the API",
)

PAGES = (get_search, get_suppliers_of_source)
