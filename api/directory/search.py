"""Searches of the directory: a page of suppliers that pass the filters, and how many there are in all."""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple
from uuid import UUID

from api.directory.filters import Narrowing, SupplierQuery, narrowing
from api.runtime.services import Services
from api.web.pagination import Paging, read_cursor, write_cursor
from db.core.engine import Connection, transaction
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


class FoundSuppliers(NamedTuple):
    """A page of suppliers, and the cursor of the next; null: there is none."""

    suppliers: Sequence[Supplier]
    next_cursor: str | None


Find = Callable[[UUID | None, int], Awaitable[tuple[Sequence[Supplier], UUID | None]]]
"""Up to so many suppliers after an id, and the id to continue after; None where there are no more."""


def finder(services: Services, query: SupplierQuery) -> Find:
    """A function that reads the suppliers that pass the filters. Raises Refusal (422) for a faulty query."""
    narrowed = narrowing(query, services.reference, services.today())

    async def find(after: UUID | None, limit: int) -> tuple[Sequence[Supplier], UUID | None]:
        async with transaction(services.database) as connection:
            return await _find(connection, narrowed, after, limit)

    return find


async def search(services: Services, query: SupplierQuery) -> FoundSuppliers:
    """The suppliers that pass the filters, from the query's cursor. Raises Refusal (400, 422) for a faulty query."""
    find = finder(services, query)
    found, goes_on = await find(read_cursor(LIST, query.cursor, UUID), query.limit or Paging().limit)
    return FoundSuppliers(found, None if goes_on is None else write_cursor(LIST, goes_on))


async def count(services: Services, query: SupplierQuery) -> int | None:
    """The number of suppliers that pass the filters, counted to one more than `COUNTED_AT_MOST`.

    None where it takes tests of whole suppliers, or of too many points. Raises Refusal (422) for a faulty query.
    """
    narrowed = narrowing(query, services.reference, services.today())
    if narrowed.tests:
        return None
    if narrowed.stands is not None:
        found = await _in_brief(services, narrowed, LOOKED_AT_MOST)
        return None if found is None else min(len(found), COUNTED_AT_MOST + 1)
    async with transaction(services.database) as connection:
        return await count_suppliers(connection, narrowed.filters, COUNTED_AT_MOST + 1)


async def placed(services: Services, query: SupplierQuery) -> Sequence[PlacedSupplier]:
    """The suppliers that pass the filters, where they are no more than `COUNTED_AT_MOST`; else ().

    Also () where it takes tests of whole suppliers, or of too many points. Raises Refusal (422) for a faulty query.
    """
    narrowed = narrowing(query, services.reference, services.today())
    if narrowed.tests:
        return ()
    found = await _in_brief(services, narrowed, COUNTED_AT_MOST if narrowed.stands is None else LOOKED_AT_MOST)
    return found if found is not None and len(found) <= COUNTED_AT_MOST else ()


async def _in_brief(services: Services, narrowed: Narrowing, most: int) -> Sequence[PlacedSupplier] | None:
    """Those that pass the filters and stand where they ask; None where the database finds more than `most`."""
    async with transaction(services.database) as connection:
        found = await placed_suppliers(connection, narrowed.filters, most + 1)
    return None if len(found) > most else narrowed.standing(found)


async def _find(
    connection: Connection, narrowed: Narrowing, after: UUID | None, limit: int
) -> tuple[Sequence[Supplier], UUID | None]:
    """Up to `limit` suppliers that pass the filters, and the id to continue after; None where there are no more."""
    size = READ_AT_ONCE if narrowed.tests else limit + 1
    found: list[Supplier] = []
    for _ in range(READ_AT_MOST // READ_AT_ONCE):
        entries = await page_of_suppliers(connection, narrowed.filters, after, size)
        found += narrowed.passed([entry.supplier for entry in entries])
        if len(found) > limit:
            return found[:limit], found[limit - 1].id
        if len(entries) < size:
            return found, None
        after = entries[-1].supplier.id
    return found, after
