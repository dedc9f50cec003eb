"""The sentences of an allotment: why a lot is made so, why a proposal comes before another, what was left out."""

from collections.abc import Iterator, Sequence

from domain.allotment.allotment import Summary
from domain.text.bilingual import Text, join_texts, listed
from domain.text.labels import RESERVED

Said = tuple[str, Text]
"""A code, and what it says."""

DIVISIONS_LEFT_OUT = Text(
    "Il y a trop de divisions et de réunions pour les examiner toutes : des lots qui en ont le plus, ont été examinés "
    "ces lots tels quels, divisés par métier, par territoire ou par les deux, et ce qui s'obtient de 150 lots au plus "
    "en réunissant chaque fois le lot où l'offre est la plus faible à celui, parmi les plus faibles, avec lequel la "
    "concurrence et les réponses seules y perdent le moins.",
    "There are too many divisions and joins to look at all of them: of the lots that have the most, those looked at "
    "are: as given, divided by trade, by territory or by both, and what comes of 150 lots at most when the one with "
    "the weakest supply is joined each time with the one, of the weakest, where competition and suppliers that answer "
    "alone lose the least.",
)
COMBINATIONS_LEFT_OUT = Text(
    "Les divisions des différents lots se combinent de trop de façons : seules les meilleures de chaque lot, pour "
    "chaque nombre de lots qu'il donne, ont été combinées.",
    "The divisions of the different lots combine in too many ways: only the best of each lot, for each number of lots "
    "that it gives, were combined.",
)
CRITERIA = {
    "without_supply": ("lot sans candidat", "lots sans candidat", "lots with no candidate"),
    "with_competition": (
        "lot avec au moins {least} candidats éligibles",
        "lots avec au moins {least} candidats éligibles",
        "lots with at least {least} eligible candidates",
    ),
    "suppliers_alone": (
        "fournisseur répond seul à un lot entier",
        "fournisseurs répondent seuls à un lot entier",
        "suppliers answer a whole lot by themselves",
    ),
    "reserved": ("lot réservé avec concurrence", "lots réservés avec concurrence", "lots reserved with competition"),
    "lots": ("lot en tout", "lots en tout", "lots in all"),
}
"""The criteria of the order, in that order, by the figure of a `Summary` that each compares: one, several, English."""
LONGEST_TITLE = 400
"""As long as the title of a lot may be."""
AS_GIVEN = Text("Lot tel que demandé", "Lot as given")
NO_SUPPLY = Text("Aucun candidat", "No candidate")
LOT_FORBIDDEN = Text(
    "La réservation demandée n'est pas permise pour ce lot : non réservé",
    "The reservation asked for is not allowed for this lot: not reserved",
)


def names_of(types: Sequence[str]) -> Text:
    """A reservation in words, to stand after “réservé”."""
    name = "_".join(sorted(types)) if len(types) > 1 else types[0]
    known = RESERVED.get(name)
    if known is not None:
        return known.to
    each = [RESERVED[kind].to for kind in types]
    return Text(listed([one.fr for one in each]).fr, listed([one.en for one in each]).en)


def divided(labels: Sequence[str], by_segment: bool, by_area: bool, area: str) -> Iterator[Said]:
    """That a lot buys only some segments of the lots that it is made of, or in only some of their areas."""
    if by_segment:
        what = _in_a_row(labels)
        yield "divided_by_segment", Text(f"Divisé par métier : {what.fr}", f"Divided by trade: {what.en}")
    if by_area:
        yield "divided_by_territory", Text(f"Divisé par territoire : {area}", f"Divided by territory: {area}")


def joined_lots(lots: Sequence[str]) -> Said:
    """That a lot joins what several lots buy."""
    named = listed(lots)
    return "joined", Text(f"Réunit ce qu'achètent les lots {named.fr}", f"Joins what lots {named.en} buy")


def reserved(types: Sequence[str], eligible: int, own: bool) -> Said:
    """That a lot is reserved, and whom that leaves."""
    name = names_of(types)
    fr, en = (
        ("Réservation demandée", "Reservation asked for") if own else ("Réservation possible", "Reservation possible")
    )
    message = Text(
        f"{fr} : réserver {name.fr} laisse {_candidates(eligible, 'éligible').fr}",
        f"{en}: reserving to {name.en} leaves {_candidates(eligible).en}",
    )
    return "reserved", message


def too_few(least: int) -> Said:
    """That the buyer's own reservation leaves too few."""
    return "reservation_left_out", Text(
        f"La réservation demandée laisse moins de {least} candidats éligibles : non réservé",
        f"The reservation asked for leaves fewer than {least} eligible candidates: not reserved",
    )


def competition(eligible: int, least: int) -> Said:
    """Whether a lot has competition."""
    count = _candidates(eligible, "éligible")
    if eligible >= least:
        return "competition", Text(f"Concurrence : {count.fr}", f"Competition: {count.en}")
    return "little_competition", Text(
        f"Concurrence limitée : {count.fr}, moins de {least}", f"Limited competition: {count.en}, fewer than {least}"
    )


def of_proposal(found: Summary, given: Summary, least: int) -> Iterator[Said]:
    """The figures of a proposal by the criteria of the order, each beside that of the lots as they are given."""
    for criterion in CRITERIA:
        here, before = _figure(criterion, found, least), getattr(given, criterion)
        fr, en = f"{here.fr} (besoin tel que demandé : {before})", f"{here.en} (need as given: {before})"
        yield criterion, Text(fr, en)


def ranked_after(found: Summary, better: Summary, number: int, least: int) -> Said:
    """The first criterion by which a proposal comes after the one before it, of that number; else the draw."""
    for criterion in CRITERIA:
        there = getattr(better, criterion)
        if getattr(found, criterion) != there:
            here = _figure(criterion, found, least)
            fr, en = f"{here.fr}, contre {there}", f"{here.en}, against {there}"
            return "ranked_after", Text(f"Après la proposition {number} : {fr}", f"After proposal {number}: {en}")
    return "drawn", Text(
        f"À égalité avec la proposition {number} : rang tiré au sort", f"Equal to proposal {number}: its rank is drawn"
    )


def _figure(criterion: str, found: Summary, least: int) -> Text:
    one, many, en = CRITERIA[criterion]
    count = getattr(found, criterion)
    return Text(f"{count} {one if count < 2 else many}".format(least=least), f"{count} {en}".format(least=least))


def _candidates(count: int, kind: str = "") -> Text:
    many = "s" if count > 1 else ""
    adjective = f" {kind}{many}" if kind else ""
    return Text(f"{count} candidat{many}{adjective}", f"{count} eligible candidate{many}")


def title(labels: Sequence[str], area: str | None, own: str | None) -> Text:
    """The title of a lot: what it buys, or its `own` where it is as given; and its area, where that is divided."""
    where = f" – {area}" if area else ""
    return Text(*(f"{own or what}{where}"[:LONGEST_TITLE] for what in _in_a_row(labels)))


def _in_a_row(labels: Sequence[str]) -> Text:
    """Labels set apart, which have commas of their own."""
    return join_texts(Text(label, label) for label in labels)
