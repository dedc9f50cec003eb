"""The page of administration that says who did what in an organisation, and when."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote
from uuid import UUID

from litestar import Response

from api.admin.audit import AuditEntry, with_names
from api.admin.organisations import NO_ORGANISATION, visible_organisation
from api.desk.frame.page import page
from api.desk.frame.visit import Visit
from api.desk.frame.written_once import id_in
from api.desk.record.journal_words import Deed, in_words, supplier_names
from api.web.pagination import read_cursor, write_cursor
from db.core.engine import Connection, transaction
from db.journal.entries import key_names, latest_entries, person_names
from db.needs.needs import select_need_names
from domain.organisation import Client

AT_ONCE = 50


@page("GET", "/admin/journal", scope="admin")
async def show_organisation_journal(visit: Visit) -> Response[bytes]:
    """The entries of the administrator's organisation, the latest first; of another that is named, for `platform`."""
    client, named = visit.call.bearer, visit.text("organisation")
    wanted = id_in(named, NO_ORGANISATION) if named else client.organisation_id
    async with transaction(visit.services.database) as connection:
        organisation = await visible_organisation(connection, client, wanted)
        cursor = f"admin/journal/{wanted}"
        before = read_cursor(cursor, visit.text("suite") or None, int)
        found = await latest_entries(connection, wanted, before, AT_ONCE + 1)
        shown = await with_names(connection, found[:AT_ONCE])
        suppliers = await supplier_names(connection, shown)
        names = await _names_of_objects(connection, client, wanted, shown)
    deeds = [_deed(entry, suppliers, names) for entry in shown]
    following = write_cursor(cursor, shown[-1].number) if len(found) > AT_ONCE else None
    return visit.page(
        "admin/admin_journal.html", organisation=organisation, deeds=deeds, following=following, is_first=before is None
    )


async def _names_of_objects(
    connection: Connection, client: Client, organisation_id: UUID, shown: Sequence[AuditEntry]
) -> Mapping[str, str | None]:
    """The names of what the entries are about, by kind and id; of needs, where the client may see them."""
    ids: dict[str, set[UUID]] = {"key": set(), "person": set(), "need": set()}
    for kind, _, identity in (entry.object.partition(":") for entry in shown):
        if kind in ids:
            ids[kind].add(UUID(identity))
    keys, people = await key_names(connection, ids["key"]), await person_names(connection, ids["person"])
    named = {f"key:{key_id}": name for key_id, (name, _) in keys.items()}
    named |= {f"person:{person_id}": name for person_id, name in people.items()}
    if organisation_id == client.organisation_id and client.may("needs"):
        needs = await select_need_names(connection, organisation_id, (), ids["need"], len(ids["need"]))
        return named | {f"need:{need.id}": need.title for need in needs}
    return named


def _deed(entry: AuditEntry, suppliers: Mapping[str, str], named: Mapping[str, str | None]) -> Deed:
    """The entry with the name of what it is about, and the page on that, where the administrator may see it."""
    kind, _, identity = entry.object.partition(":")
    words = in_words(entry, suppliers)
    if kind == "source":
        return Deed(entry, words, identity, f"sources/{quote(identity, safe='')}")
    if entry.object not in named:
        return Deed(entry, words)
    return Deed(entry, words, named[entry.object], PATHS[kind].format(identity))


PATHS = {"key": "admin/cles/{}", "person": "admin/personnes/{}", "need": "besoins/{}/journal"}

PAGES = (show_organisation_journal,)
