"""The entries of the journal in words."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from api.admin.audit import AuditEntry
from db.core.engine import Connection
from db.suppliers.read import living_suppliers
from domain.text.bilingual import Text, listed
from domain.text.labels import DECISIONS, NEED_FIELDS


class Deed(NamedTuple):
    """An entry of the journal in words. `about`: the name of what it is about; `path`: of the page on that.

    Each is None where there is none.
    """

    entry: AuditEntry
    words: Text
    about: str | None = None
    path: str | None = None


def in_words(entry: AuditEntry, names: Mapping[str, str]) -> Text:
    """The act in words. `names`: of suppliers, by their ids."""
    detail = entry.detail
    supplier = names.get(_supplier_of(entry), "")
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


def talk_in_words(entry: AuditEntry, names: Mapping[str, str], title: str) -> Text:
    """An act in an exchange, or on a meeting, of that title. `names`: of suppliers, by their ids."""
    deed = DEEDS.get(entry.action, Text(entry.action, entry.action))
    supplier = names.get(_supplier_of(entry), "")
    about = f", {supplier}" if supplier else ""
    return Text(f"{deed.fr} : « {title} »{about}", f"{deed.en}: “{title}”{about}")


async def supplier_names(connection: Connection, shown: Sequence[AuditEntry]) -> dict[str, str]:
    """The names of the suppliers that the entries are about, by their ids."""
    found = await living_suppliers(connection, {UUID(each) for each in map(_supplier_of, shown) if each})
    return {str(supplier_id): supplier.name for supplier_id, supplier in found.items()}


def _supplier_of(entry: AuditEntry) -> str:
    """The id of the supplier that an entry is about, or that holds the link used; empty for none."""
    by_link = entry.actor_id if entry.means == "reply_link" else None
    return str(entry.detail.get("supplier_id") or by_link or "")


DEEDS = {
    "need.created": Text("Besoin gardé", "Need stored"),
    "need.sourcing": Text("Sourcing commencé", "Sourcing begun"),
    "need.published": Text("Avis publié", "Notice published"),
    "need.closed": Text("Dossier clos", "Record closed"),
    "need.abandoned": Text("Besoin abandonné", "Need abandoned"),
    "need.deleted": Text("Besoin supprimé", "Need deleted"),
    "need.purged": Text("Dossier effacé après sa durée de conservation", "Record erased after its retention period"),
    "award.withdrawn": Text("Attribution retirée", "Award withdrawn"),
    "exchange.opened": Text("Échange ouvert", "Exchange opened"),
    "exchange.read": Text("Réponses lues", "Answers read"),
    "message.sent": Text("Message envoyé", "Message sent"),
    "message.noted": Text("Réponse notée", "Answer noted"),
    "message.received": Text("Réponse reçue", "Answer received"),
    "question.published": Text("Question partagée avec tous", "Question shared with all"),
    "message.handed_over": Text("Remise confirmée à un destinataire", "Delivery to a recipient confirmed"),
    "reply_link.created": Text("Lien pour répondre donné", "Link to answer given"),
    "reply_link.revoked": Text("Lien pour répondre retiré", "Link to answer taken away"),
    "meeting.created": Text("Rencontre notée", "Meeting entered"),
    "meeting.changed": Text("Rencontre changée", "Meeting changed"),
    "meeting.held": Text("Rencontre tenue", "Meeting held"),
    "meeting.cancelled": Text("Rencontre annulée", "Meeting cancelled"),
    "meeting.purged": Text("Rencontre effacée après sa durée de conservation", "Meeting erased after its period"),
    "calendar_feed.created": Text("Adresse de calendrier créée", "Address of a calendar made"),
    "calendar_feed.revoked": Text("Adresse de calendrier révoquée", "Address of a calendar revoked"),
    "key.created": Text("Clé créée", "Key made"),
    "key.revoked": Text("Clé révoquée", "Key revoked"),
    "person.signed_in": Text("Connexion sans clé", "Signed in without a key"),
    "person.signed_out": Text("Connexions d'une personne finies", "Sessions of a person ended"),
    "person.erased": Text("Personne oubliée", "Person forgotten"),
    "person.exported": Text("Données d'une personne extraites", "Data of a person exported"),
    "organisation.created": Text("Organisation ajoutée", "Organisation added"),
    "organisation.changed": Text("Organisation changée", "Organisation changed"),
    "source.created": Text("Source nommée", "Source named"),
    "source.changed": Text("Réglages d'une source changés", "Settings of a source changed"),
    "source.ranked": Text("Rang d'une source changé", "Rank of a source changed"),
    "source.imported": Text("Fichier importé", "File imported"),
    "record.deleted": Text("Fiche retirée", "Record removed"),
    "supplier.merged": Text("Fournisseurs réunis", "Suppliers merged"),
    "supplier.split": Text("Fournisseur séparé", "Supplier split"),
    "webhook.created": Text("Abonnement aux changements créé", "Webhook made"),
    "webhook.changed": Text("Abonnement aux changements modifié", "Webhook changed"),
    "webhook.deleted": Text("Abonnement aux changements supprimé", "Webhook deleted"),
    "retention.purged": Text("Données effacées après leur durée de conservation", "Data erased after their period"),
}
"""By the action, where it says all; others say more."""
