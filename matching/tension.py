"""The tension of a supply: whether enough candidates answer for competition to be likely."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from domain.reference.taxonomy import Taxonomy
from domain.shortlists.shortlist import Tension, TensionLevel
from domain.text.bilingual import Language, Text

TENSIONS: tuple[tuple[int, TensionLevel], ...] = ((0, "none"), (2, "critical"), (4, "low"))
"""The most candidates each level of tension goes with; above the last, the supply is good."""
MANY_UNKNOWN = 3
"""The least number of suppliers nearby, eligible but of unknown trade, from which a scarce supply is called unknown."""

NOBODY_FOR_THE_WHOLE = Text(
    ", mais personne ne répond à tout le lot, ni seul ni dans un groupement de quatre au plus",
    ", but nobody answers the whole lot, neither alone nor in a grouping of four at most",
)


class SegmentCounts(NamedTuple):
    """The numbers of candidates for a wanted segment: all, the eligible (surely or on proof), the local ones."""

    candidates: int
    eligible: int
    local: int


def tension_of(
    segments: Sequence[str], counts: Sequence[SegmentCounts], unknown: int, taxonomy: Taxonomy, language: Language
) -> Tension:
    """The tension of a lot's supply, by the segment of its object (`segments`) that has the fewest candidates.

    `counts`: of these segments, then of others. `unknown`: suppliers nearby that might answer, of unknown trade.
    """
    candidates = [one.candidates for one in counts[: len(segments)]]
    fewest = min(candidates, default=0)
    level = tension_level(fewest, unknown)
    label = taxonomy.label(segments[candidates.index(fewest)]) if candidates else None
    return Tension(level, tension_message(level, fewest, label, unknown).to(language))


def tension_of_whole_lot(
    tension: Tension, unknown: int, is_answered: Callable[[], bool], language: Language
) -> Tension:
    """The tension of a lot's segments as that of the whole lot, with the number of suppliers of unknown trade nearby.

    Never good unless the whole `is_answered` by a candidate or a grouping of candidates.
    """
    level, message = tension.level, tension.message
    if level == "good" and not is_answered():
        level, message = "low", f"{message}{NOBODY_FOR_THE_WHOLE.to(language)}"
    return Tension(level, message, unknown)


def tension_level(fewest: int, unknown: int) -> TensionLevel:
    """The tension where a segment has `fewest` candidates and `unknown` eligible suppliers nearby of unknown trade."""
    level: TensionLevel = next((level for most, level in TENSIONS if fewest <= most), "good")
    return "unknown" if level in {"none", "critical"} and unknown >= MANY_UNKNOWN else level


def tension_message(level: TensionLevel, fewest: int, label: str | None, unknown: int = 0) -> Text:
    """A sentence on whether competition is likely; `label`: of the requested segment with the fewest candidates.

    `unknown`: the suppliers nearby that might answer but whose trade is not known.
    """
    if label is None:
        return Text(
            "Aucun métier n'a été reconnu dans ce lot : préciser l'objet",
            "No trade was recognised in this lot: specify its object",
        )
    match level:
        case "none":
            return Text(
                f"Aucun candidat pour « {label} » : le lot risque de rester sans offre",
                f"No candidate for “{label}”: the lot risks no offer",
            )
        case "critical":
            few = _few_candidates_text(fewest)
            return Text(f"{few.fr} pour « {label} »", f"{few.en} for “{label}”")
        case "unknown":
            few = _few_candidates_text(fewest) if fewest else Text("Aucun candidat connu", "No known candidate")
            return Text(
                f"{few.fr} pour « {label} », mais on ne sait pas ce que proposent {unknown} fournisseurs proches : "
                "rien ne permet de conclure",
                f"{few.en} for “{label}”, but what {unknown} suppliers nearby offer is not known: "
                "nothing can be concluded",
            )
        case "low":
            return Text(f"Peu de candidats ({fewest}) pour « {label} »", f"Few candidates ({fewest}) for “{label}”")
        case _:
            return Text(
                f"Au moins {fewest} candidats par métier demandé",
                f"At least {fewest} candidates per requested trade",
            )


def _few_candidates_text(fewest: int) -> Text:
    if fewest == 1:
        return Text("Un seul candidat", "Only one candidate")
    return Text(f"{fewest} candidats seulement", f"Only {fewest} candidates")
