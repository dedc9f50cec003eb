"""The pages that the menu and the site map lead to, with the rights that open them."""

from domain.organisation import Client, Scope
from domain.text.bilingual import Text

_PAGES: tuple[tuple[tuple[Scope, ...], str, Text, Text], ...] = (
    (
        ("match",),
        "besoin",
        Text("Nouveau besoin", "New need"),
        Text(
            "dire ce que l'on pense acheter, et voir qui pourrait répondre.",
            "say what you mean to buy, see who may answer.",
        ),
    ),
    (
        ("needs",),
        "besoins",
        Text("Besoins", "Needs"),
        Text(
            "les dossiers de l'organisation : listes, décisions, échanges, rencontres, attributions, rapport.",
            "the files of the organisation: shortlists, decisions, exchanges, meetings, awards, report.",
        ),
    ),
    (
        ("match",),
        "lotissement",
        Text("Découper en lots", "Cut into lots"),
        Text("comparer des découpages d'un achat.", "compare divisions of a purchase."),
    ),
    (
        ("read", "admin"),
        "annuaire",
        Text("Annuaire", "Directory"),
        Text("chercher un fournisseur, et lire sa fiche.", "look for a supplier, and read its record."),
    ),
    (
        ("match",),
        "territoires",
        Text("Un territoire", "A territory"),
        Text(
            "qui pourrait répondre dans un territoire, métier par métier.",
            "who may answer in a territory, trade by trade.",
        ),
    ),
    (
        ("sync", "admin"),
        "sources",
        Text("Sources", "Sources"),
        Text("d'où viennent les fournisseurs, et envoyer un fichier.", "where suppliers come from, and send a file."),
    ),
    (
        ("admin",),
        "admin",
        Text("Administration", "Administration"),
        Text("organisations, clés et personnes.", "organisations, keys and people."),
    ),
)


def main_pages(client: Client | None) -> list[tuple[str, tuple[str, str], tuple[str, str]]]:
    """The path, the name and the use of each page that a client may open, in the order of the menu."""
    return [
        (path, (name.fr, name.en), (use.fr, use.en))
        for scopes, path, name, use in _PAGES
        if client is not None and client.may(*scopes)
    ]
