"""The page of a need's journal: who did what with it, and when."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from litestar import Response

from api.admin.audit import AuditEntry, with_names
from api.desk.page import page
from api.desk.stored_need import own_need_of, stored_need_page
from api.desk.visit import Visit
from api.web.pagination import read_cursor, write_cursor
from db.audit import entries
from db.core.engine import Connection, transaction
from db.suppliers.read import living_suppliers
from domain.text.bilingual import Text, listed
from domain.text.labels import DECISIONS, NEED_FIELDS

ENTRIES_AT_ONCE = 50


class Deed(NamedTuple):
    """An entry of the journal in words."""

    entry: AuditEntry
    words: Text


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
        names = await _names(connection, shown)
    return stored_need_page(
        visit,
        "journal.html",
        need,
        deeds=[Deed(entry, in_words(entry, names)) for entry in shown],
        is_first=not after,
        following=write_cursor(name, shown[-1].number) if len(found) > len(shown) else None,
    )


def in_words(entry: AuditEntry, names: Mapping[str, str]) -> Text:
    """The act in words. `names`: of suppliers, by their ids."""
    detail = entry.detail
    supplier = names.get(str(detail.get("supplier_id")), "")
    named = Text(f"« {supplier} »", f"“{supplier}”") if supplier else Text("un fournisseur", "a supplier")
    if entry.action == "need.changed" and isinstance(fields := detail.get("fields"), list):
        known = [NEED_FIELDS.get(each, Text(each, each)) for each in fields]
        french, english = listed([each.fr for each in known]).fr, listed([each.en for each in known]).en
        return Text(f"Besoin changé : {french}", f"Need changed: {english}")
    if entry.action == "decision.made":
        code = str(detail.get("decision"))
        decided = DECISIONS.get(code, Text("Plus de décision", "No decision any more"))
        lot = detail.get("lot_id")
        return Text(f"{decided.fr} : {named.fr}, lot {lot}", f"{decided.en}: {named.en}, lot {lot}")
    if entry.action == "award.noted":
        lot = detail.get("lot_id")
        return Text(f"Attribution notée : lot {lot} à {named.fr}", f"Award entered: lot {lot} to {named.en}")
    if entry.action == "shortlist.frozen":
        number = detail.get("number")
        return Text(f"Version {number} de la liste figée", f"Version {number} of the shortlist frozen")
    if entry.action == "report.made":
        redacted = Text("Rapport expurgé établi", "Redacted report made")
        return redacted if detail.get("redacted") else Text("Rapport intégral établi", "Full report made")
    return DEEDS.get(entry.action, Text(entry.action, entry.action))


async def _names(connection: Connection, shown: Sequence[AuditEntry]) -> dict[str, str]:
    ids = {str(entry.detail["supplier_id"]) for entry in shown if entry.detail.get("supplier_id")}
    found = await living_suppliers(connection, {UUID(each) for each in ids})
    return {str(supplier_id): supplier.name for supplier_id, supplier in found.items()}


DEEDS = {
    "need.created": Text("Besoin gardé", "Need stored"),
    "need.sourcing": Text("Sourcing commencé", "Sourcing begun"),
    "need.published": Text("Avis publié", "Notice published"),
    "need.closed": Text("Dossier clos", "Record closed"),
    "need.abandoned": Text("Besoin abandonné", "Need abandoned"),
    "award.withdrawn": Text("Attribution retirée", "Award withdrawn"),
}

PAGES = (show_journal,)
