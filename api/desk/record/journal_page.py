"""The page of a need's journal: who did what with it, its exchanges and its meetings, and when."""

from uuid import UUID

from litestar import Response

from api.admin.audit import with_names
from api.desk.frame.page import page
from api.desk.frame.visit import Visit
from api.desk.record.journal_words import Deed, in_words, supplier_names, talk_in_words
from api.desk.record.stored_need import own_need_of, stored_need_page
from api.web.pagination import read_cursor, write_cursor
from db.core.engine import Connection, transaction
from db.exchanges.exchanges import subjects_of
from db.journal.entries import entries
from db.meetings import meetings_of

ENTRIES_AT_ONCE = 50


@page("GET", "/besoins/{need_id}/journal", scope="needs")
async def show_journal(visit: Visit, need_id: str) -> Response[bytes]:
    """The entries about a need, its exchanges and its meetings, the oldest first."""
    need = await own_need_of(visit, need_id)
    name = f"journal/{need.id}"
    after = read_cursor(name, visit.text("suite") or None, int) or 0
    async with transaction(visit.services.database) as connection:
        organisation = visit.call.bearer.organisation_id
        titles = await _titles(connection, organisation, need.id)
        objects = [f"need:{need.id}", *titles]
        found = await entries(connection, organisation, objects, after, ENTRIES_AT_ONCE + 1)
        shown = await with_names(connection, found[:ENTRIES_AT_ONCE])
        names = await supplier_names(connection, shown)
    return stored_need_page(
        visit,
        "record/journal.html",
        need,
        deeds=[
            Deed(
                entry,
                talk_in_words(entry, names, title) if (title := titles.get(entry.object)) else in_words(entry, names),
            )
            for entry in shown
        ],
        is_first=not after,
        following=write_cursor(name, shown[-1].number) if len(found) > len(shown) else None,
    )


async def _titles(connection: Connection, organisation_id: UUID, need_id: UUID) -> dict[str, str]:
    """The titles of the exchanges and meetings about a need, by the names that entries give them."""
    subjects = await subjects_of(connection, organisation_id, need_id)
    meetings = await meetings_of(connection, organisation_id, need_id)
    exchanged = {f"exchange:{exchange_id}": subject for exchange_id, subject in subjects.items()}
    return exchanged | {f"meeting:{each.id}": each.title for each in meetings}


PAGES = (show_journal,)
