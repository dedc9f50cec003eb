"""The pages of the journal, in words: of a need with its exchanges and meetings, and of an organisation."""

from collections.abc import Mapping, Sequence
from functools import partial
from urllib.parse import quote
from uuid import UUID

from litestar import Response

from api.admin.audit import AuditEntry, with_names
from api.admin.organisations import NO_ORGANISATION, visible_organisation
from api.desk.frame.layout import CODE_WORDS
from api.desk.frame.page import page
from api.desk.frame.visit import Visit, id_in
from api.desk.record.stored_need import own_need_of, stored_need_page
from db.core.engine import Connection, transaction
from db.exchanges.exchanges import subjects_of
from db.journal.entries import entries, key_names, latest_entries, person_names
from db.meetings import meetings_of
from db.needs.needs import select_need_names
from db.suppliers.read import living_suppliers
from domain.text.bilingual import Text, listed, same_text
from domain.text.labels import DECISIONS, NEED_FIELDS

Deed = tuple[AuditEntry, Text, str | None, str | None]
"""An entry of the journal, the act in words, the name of what it is about, and the path of the page on that."""


def entry_in_words(entry: AuditEntry, names: Mapping[str, str]) -> Text:
    """A journal entry as a sentence. `names`: the suppliers' names by id."""
    detail, supplier = entry.detail, names.get(_supplier_id_of(entry), "")
    action = "report.redacted" if entry.action == "report.made" and detail.get("redacted") else entry.action
    words = CODE_WORDS["deeds"].get(action, same_text(action))
    changed, number, lot = detail.get("fields"), str(detail.get("number")), str(detail.get("lot_id"))
    fields = [NEED_FIELDS.get(each, Text(each, each)) for each in (changed if isinstance(changed, list) else ())]
    return words.filled(
        fields=Text(listed([each.fr for each in fields]).fr, listed([each.en for each in fields]).en),
        decided=DECISIONS.get(str(detail.get("decision")), Text("Décision annulée", "No decision any more")),
        supplier=Text(f"« {supplier} »", f"“{supplier}”") if supplier else Text("un fournisseur", "a supplier"),
        lot=Text(lot, lot),
        number=Text(number, number),
    )


def titled_entry_in_words(entry: AuditEntry, names: Mapping[str, str], title: str) -> Text:
    """A journal entry about an exchange or meeting as a sentence; `title` is the exchange's or the meeting's."""
    deed = CODE_WORDS["deeds"].get(entry.action, same_text(entry.action))
    supplier = names.get(_supplier_id_of(entry), "")
    about = f", {supplier}" if supplier else ""
    return Text(f"{deed.fr} : « {title} »{about}", f"{deed.en}: “{title}”{about}")


async def supplier_names(connection: Connection, shown: Sequence[AuditEntry]) -> dict[str, str]:
    """The names of the suppliers that journal entries are about, by id."""
    found = await living_suppliers(connection, {UUID(each) for each in map(_supplier_id_of, shown) if each})
    return {str(supplier_id): supplier.name for supplier_id, supplier in found.items()}


def _supplier_id_of(entry: AuditEntry) -> str:
    """The id of the supplier that an entry is about, or whose reply link was used; empty for none."""
    by_link = entry.actor_id if entry.means == "reply_link" else None
    return str(entry.detail.get("supplier_id") or by_link or "")


ENTRIES_AT_ONCE = 50
PATHS = {"key": "admin/cles/{}", "person": "admin/personnes/{}", "need": "besoins/{}/journal"}


@page("GET", "/besoins/{need_id}/journal", scope="needs")
async def show_journal(visit: Visit, need_id: str) -> Response[bytes]:
    """The entries about a need, its exchanges and its meetings, the oldest first."""
    need = await own_need_of(visit, need_id)
    async with transaction(visit.services.database) as connection:
        organisation = visit.organisation_id
        subjects = await subjects_of(connection, organisation, need.id)
        titles = {f"exchange:{exchange_id}": subject for exchange_id, subject in subjects.items()}
        titles |= {f"meeting:{each.id}": each.title for each in await meetings_of(connection, organisation, need.id)}
        objects = [f"need:{need.id}", *titles]
        found, following = await visit.page_of_list(
            f"journal/{need.id}",
            int,
            lambda after, count: entries(connection, organisation, objects, after or 0, count),
            ENTRIES_AT_ONCE,
        )
        shown = await with_names(connection, found)
        names = await supplier_names(connection, shown)
    deeds: list[Deed] = []
    for entry in shown:
        title = titles.get(entry.object)
        deeds.append(
            (entry, titled_entry_in_words(entry, names, title) if title else entry_in_words(entry, names), None, None)
        )
    is_first = not visit.text("suite")
    return stored_need_page(visit, "record/journal.html", need, deeds=deeds, is_first=is_first, following=following)


@page("GET", "/admin/journal", scope="admin")
async def show_organisation_journal(visit: Visit) -> Response[bytes]:
    """The journal of the visitor's organisation, latest first; with `platform`, of one that the query names."""
    client, named = visit.call.bearer, visit.text("organisation")
    wanted = id_in(named, NO_ORGANISATION) if named else client.organisation_id
    async with transaction(visit.services.database) as connection:
        organisation = await visible_organisation(connection, client, wanted)
        fetch = partial(latest_entries, connection, wanted)
        found, following = await visit.page_of_list(f"admin/journal/{wanted}", int, fetch, ENTRIES_AT_ONCE)
        shown = await with_names(connection, found)
        suppliers = await supplier_names(connection, shown)
        ids: dict[str, set[UUID]] = {"key": set(), "person": set(), "need": set()}
        for kind, _, identity in (entry.object.partition(":") for entry in shown):
            if kind in ids:
                ids[kind].add(UUID(identity))
        keys, people = await key_names(connection, ids["key"]), await person_names(connection, ids["person"])
        names: dict[str, str | None] = {f"key:{key_id}": name for key_id, (name, _) in keys.items()}
        names |= {f"person:{person_id}": name for person_id, name in people.items()}
        if wanted == client.organisation_id and client.may("needs"):
            needs = await select_need_names(connection, wanted, (), ids["need"], len(ids["need"]))
            names |= {f"need:{need.id}": need.title for need in needs}
    deeds: list[Deed] = []
    for entry in shown:
        kind, _, identity = entry.object.partition(":")
        about, path = names.get(entry.object), PATHS[kind].format(identity) if entry.object in names else None
        if kind == "source":
            about, path = identity, f"sources/{quote(identity, safe='')}"
        deeds.append((entry, entry_in_words(entry, suppliers), about, path))
    is_first, template = not visit.text("suite"), "admin/admin_journal.html"
    return visit.page(template, organisation=organisation, deeds=deeds, is_first=is_first, following=following)
