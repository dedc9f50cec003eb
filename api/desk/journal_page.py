"""The page of a need's journal: who did what with it, and when."""

from litestar import Response

from api.admin.audit import with_names
from api.desk.journal_words import Deed, in_words, supplier_names
from api.desk.page import page
from api.desk.stored_need import own_need_of, stored_need_page
from api.desk.visit import Visit
from api.web.pagination import read_cursor, write_cursor
from db.audit import entries
from db.core.engine import transaction

ENTRIES_AT_ONCE = 50


@page("GET", "/besoins/{need_id}/journal", scope="needs")
async def show_journal(visit: Visit, need_id: str) -> Response[bytes]:
    """The entries about a need, the oldest first."""
    need = await own_need_of(visit, need_id)
    name = f"journal/{need.id}"
    after = read_cursor(name, visit.text("suite") or None, int) or 0
    async with transaction(visit.services.database) as connection:
        organisation = visit.call.bearer.organisation_id
        found = await entries(connection, organisation, f"need:{need.id}", after, ENTRIES_AT_ONCE + 1)
        shown = await with_names(connection, found[:ENTRIES_AT_ONCE])
        names = await supplier_names(connection, shown)
    return stored_need_page(
        visit,
        "journal.html",
        need,
        deeds=[Deed(entry, in_words(entry, names)) for entry in shown],
        is_first=not after,
        following=write_cursor(name, shown[-1].number) if len(found) > len(shown) else None,
    )


PAGES = (show_journal,)
