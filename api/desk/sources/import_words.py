"""The words of the pages of imports: formats, states, and the columns of a file that a fault is in."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from domain.suppliers.rows import RowError
from domain.text.bilingual import Text
from sources.formats.spreadsheet_columns import ACTIVITIES, TITLES
from sources.formats.vivier_columns import COLUMNS

FORMAT_WORDS: Mapping[str, Text] = {
    "spreadsheet": Text("Tableau d'un réseau, avec des titres en français", "Table of a network, with French titles"),
    "vivier": Text("Fiches de Vivier, une ligne par fournisseur", "Records of Vivier, a row for each supplier"),
    "siae": Text("Liste des SIAE", "List of integration structures"),
    "esat": Text("ESAT du FINESS", "ESAT of FINESS"),
    "conventions": Text("Conventions de l'insertion et du handicap", "Conventions of integration and disability"),
    "emplois": Text("Les emplois de l'inclusion", "Les emplois de l'inclusion"),
    "sirene": Text("Établissements de Sirene", "Establishments of Sirene"),
    "geiq": Text("Liste des GEIQ", "List of GEIQ"),
    "ess-france": Text("Liste de l'ESS", "List of the social economy"),
    "rna": Text("Répertoire des associations", "Register of associations"),
    "directory": Text("Annuaire des entreprises", "Annuaire des entreprises"),
    "decp": Text("Marchés publics attribués (DECP)", "Public contracts awarded (DECP)"),
    "gogocarto": Text("Carte GoGoCarto", "GoGoCarto map"),
    "le-marche": Text("Le marché de l'inclusion", "Le marché de l'inclusion"),
    "recherche-entreprises": Text("API Recherche d'entreprises", "API Recherche d'entreprises"),
}
STATUSES_OF_IMPORTS: Mapping[str, Text] = {
    "running": Text("en cours", "under way"),
    "done": Text("terminé", "completed"),
    "refused": Text("refusé", "refused"),
    "failed": Text("échoué", "failed"),
    "interrupted": Text("interrompu", "interrupted"),
}


class ShownReject(NamedTuple):
    """A rejected row as a table shows it. `column`: where the first fault is; empty: the whole row."""

    line: int
    record: str | None
    column: str
    detail: str


_POINTER = re.compile(r"(?:(?<=et aussi )|(?<=also )|(?<=; ))/[a-z0-9_/]+(?=( :|:) )")
"""A place in a record that stands within the words on a fault, before those on another one."""


def column_words(format_: str, titles: Mapping[str, str] | None = None) -> Callable[[str], str]:
    """A function that gives the column of a table that a pointer into a record leads to.

    `titles`: of the table's own columns, where they are known; else the usual ones.
    """

    def column(pointer: str) -> str:
        path = tuple(int(step) if step.isdecimal() else step for step in pointer.split("/")[1:])
        inner = ("offers", 0, *path[2:]) if path[:1] == ("offers",) else path
        found = next((name for name, each in COLUMNS.items() if inner[: len(each.path)] == each.path), None)
        if format_ != "spreadsheet":
            return found or ".".join(map(str, path))
        name = ACTIVITIES if found == "segments" else found or ".".join(map(str, path))
        usual = TITLES[name].title if name in TITLES else name
        return (titles or {}).get(name, usual)

    return column


def in_columns(detail: str, column: Callable[[str], str]) -> str:
    """The words on a fault, with the columns of other faults for their pointers."""
    return _POINTER.sub(lambda found: f"« {column(found[0])} »", detail)


def shown_rejects(rejects: Sequence[RowError], column: Callable[[str], str]) -> list[ShownReject]:
    """The rejected rows as a table shows them."""
    return [
        ShownReject(each.line, each.external_id, column(each.pointer), in_columns(each.detail, column))
        for each in rejects
    ]
