"""Why a supplier is not among the candidates of a version, in a code and in words."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from domain.shortlists.frozen import Named
from domain.shortlists.shortlist import Gate
from domain.text.bilingual import Language, Text
from domain.text.labels import REFUSED_BY

AbsenceCode = Literal[
    "beyond_limit",
    "refused",
    "no_offer",
    "inactive",
    "merged",
    "listed_as",
    "gone",
    "not_yet",
    "not_kept",
    "no_such_lot",
]


class Absence(msgspec.Struct, frozen=True):
    """Why a supplier is not among the candidates that a version shows.

    `excluded_by`: the gate, where one refused it, with its `message` where one is known; `rank`: its place beyond the
    rows shown; `other`: the supplier that it is part of since (`merged`), or as which it was listed (`listed_as`).
    `data_changed`: this was found with data that are no longer those of the version.
    """

    code: AbsenceCode
    excluded_by: Gate | None = None
    message: str | None = None
    rank: int | None = None
    other: Named | None = None
    data_changed: bool = False


CODES: dict[AbsenceCode, Text] = {
    "beyond_limit": Text("candidat au rang {rank}, au-delà {rows}", "candidate at rank {rank}, beyond {rows}"),
    "no_offer": REFUSED_BY["segment"],
    "inactive": Text("n'est pas en activité dans l'annuaire", "is not active in the directory"),
    "merged": Text("réuni avec « {other} » dans l'annuaire", "made one with “{other}” in the directory"),
    "listed_as": Text(
        "y figure comme « {other} », réuni avec lui depuis", "listed there as “{other}”, since made one with it"
    ),
    "gone": Text("retiré de l'annuaire par sa source", "withdrawn from the directory by its source"),
    "not_yet": Text("n'était pas encore dans l'annuaire", "was not yet in the directory"),
    "no_such_lot": Text("ce lot n'y est pas", "this lot is not in it"),
    "not_kept": Text(
        "pas parmi les candidats affichés ; les données ont changé depuis et n'en disent plus la raison",
        "not among the candidates shown; the data have changed since and no longer tell why",
    ),
}
TODAY = Text(" (d'après les données d'aujourd'hui)", " (by the data of today)")
FIELDS: dict[str, Text] = {
    "segments": Text("segments", "segments"),
    "cpv": Text("codes CPV", "CPV codes"),
    "keywords": Text("mots", "keywords"),
    "territory": Text("territoire", "territory"),
    "site": Text("lieu d'exécution", "place of performance"),
    "max_distance_km": Text("distance maximale", "greatest distance"),
    "reserved": Text("réservation", "reservation"),
    "on": Text("date d'évaluation", "evaluation date"),
    "limit": Text("nombre de candidats affichés", "number of candidates shown"),
}


def absence_text(absence: Absence, number: int, shown: int, changed: Sequence[str], language: Language) -> str:
    """A sentence on a supplier's absence from version `number`, which shows so many candidates of the lot.

    `changed`: what the lot asks differently in the version it is compared with, of what decides this.
    """
    rows = Text("du seul affiché", "the only one shown")
    if shown > 1:
        rows = Text(f"des {shown} affichés", f"the {shown} shown")
    pattern = REFUSED_BY[absence.excluded_by] if absence.excluded_by else CODES[absence.code]
    other = absence.other.name if absence.other else ""
    sentence = absence.message or pattern.to(language).format(rank=absence.rank, rows=rows.to(language), other=other)
    today = TODAY.to(language) if absence.data_changed and absence.code != "not_kept" else ""
    fields = ", ".join(FIELDS[name].to(language) for name in changed)
    differs = Text(f" (le lot diffère par : {fields})", f" (the lot differs in: {fields})").to(language)
    version = Text(f"Version {number} : ", f"Version {number}: ").to(language)
    return version + sentence + today + (differs if changed else "")
