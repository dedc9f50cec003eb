"""Why a supplier is not among the candidates of a version, in words."""

from collections.abc import Sequence

from domain.shortlists.frozen import Absence, AbsenceCode
from domain.text.bilingual import Text
from domain.text.labels import REFUSED_BY

PLAIN: dict[AbsenceCode, Text] = {
    "no_offer": REFUSED_BY["segment"],
    "inactive": Text("n'est pas en activité dans l'annuaire", "is not active in the directory"),
    "gone": Text("retiré de l'annuaire par sa source", "withdrawn from the directory by its source"),
    "not_yet": Text("n'était pas encore dans l'annuaire", "was not yet in the directory"),
    "no_such_lot": Text("ce lot n'y est pas", "this lot is not in it"),
    "not_considered": Text(
        "pas parmi les fournisseurs en activité qui proposent un segment demandé",
        "not among the active suppliers that offer a requested segment",
    ),
    "not_kept": Text(
        "pas parmi les candidats affichés ; les autres étaient trop nombreux pour que le motif soit gardé",
        "not among the candidates shown; the others were too many for the reason to be kept",
    ),
}
ONE_ROW = Text("du seul affiché", "the only one shown")
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


def absence_text(absence: Absence, number: int, shown: int, changed: Sequence[str]) -> Text:
    """A sentence on a supplier's absence from version `number`, which shows so many candidates of the lot.

    `changed`: what the lot asks differently in the version it is compared with, of what decides this.
    """
    said, differs = _said(absence, shown), _differs(changed)
    return Text(f"Version {number} : {said.fr}{differs.fr}", f"Version {number}: {said.en}{differs.en}")


def _said(absence: Absence, shown: int) -> Text:
    if absence.code == "refused":
        return absence.message or REFUSED_BY[absence.excluded_by or "segment"]
    if absence.code == "beyond_limit":
        rows = Text(f"des {shown} affichés", f"the {shown} shown") if shown > 1 else ONE_ROW
        return Text(
            f"candidat au rang {absence.rank}, au-delà {rows.fr}", f"candidate at rank {absence.rank}, beyond {rows.en}"
        )
    if absence.other is not None:
        return _as_another(absence.code, absence.other.name)
    return PLAIN[absence.code]


def _as_another(code: AbsenceCode, name: str) -> Text:
    if code == "merged":
        return Text(f"réuni avec « {name} » dans l'annuaire", f"made one with “{name}” in the directory")
    return Text(
        f"y figure comme « {name} », réuni avec lui depuis", f"listed there as “{name}”, since made one with it"
    )


def _differs(changed: Sequence[str]) -> Text:
    if not changed:
        return Text("", "")
    fr, en = (", ".join(FIELDS[name].to(language) for name in changed) for language in ("fr", "en"))
    return Text(f" (le lot diffère par : {fr})", f" (the lot differs in: {en})")
