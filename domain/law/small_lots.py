"""Small lots inside a large need: which of them may together take a lighter procedure."""

from bisect import bisect_left
from itertools import accumulate
from math import inf
from typing import NamedTuple

from domain.law.findings import LegalAdvice, advice, least_sure
from domain.law.need_value import Group
from domain.law.procedure import direct_threshold, formal_thresholds, level
from domain.law.rule_registry import applies
from domain.law.rules import InForce
from domain.needs.need import Need
from domain.text.bilingual import Text

MOST_NAMED = 650
"""The most lots that all sets together name, give or take one set: enough for the 126 sets of five of nine lots."""
MANY = Text(" (liste limitée)", " (list cut short)")
# of the need, and of a lot in one of its sets
ADAPTED = (
    Text(
        "Petits lots : chacun de ces ensembles peut être passé en procédure adaptée, dans la limite de {share} % de "
        "tous les lots{more}",
        "Small lots: each of these sets may take an adapted procedure, within {share}% of all lots{more}",
    ),
    Text(
        "Petit lot : procédure adaptée possible, seul ou avec d'autres, dans la limite de {share} % des lots",
        "Small lot: adapted procedure possible, alone or with others within {share}% of all lots",
    ),
)
DIRECT = (
    Text(
        "Petits lots : chacun de ces ensembles peut être acheté sans publicité ni mise en concurrence, dans la limite "
        "de {share} % de tous les lots{more}",
        "Small lots: each of these sets may be awarded without publicity or competition, within {share}% of all "
        "lots{more}",
    ),
    Text(
        "Petit lot : achat possible sans publicité ni mise en concurrence, seul ou avec d'autres dans la limite de "
        "{share} % de tous les lots",
        "Small lot: award without publicity or competition possible, alone or with others within {share}% of all lots",
    ),
)


class Sets(NamedTuple):
    """Advice on the largest sets of lots that a rule admits: on the need, and on each lot of a set (`members`)."""

    of_need: LegalAdvice
    of_lot: LegalAdvice
    members: frozenset[str]


@applies("small_lot_supplies_services", "small_lot_works", "small_lot_share")
def small_lots(need: Need, group: Group, view: InForce) -> Sets | None:
    """In a formal procedure, small lots may take an adapted one if together they stay within a share of all lots.

    A small lot is below an amount of its own for works, another for supplies and services. The answer is not yes or no
    but the sets of lots that may use it together: each set is admissible, and no other lot can be added to it.
    """
    if need.contract == "concession" or level(need, group, view) != "formal":
        return None
    bound = "small_lot_works" if group.works else "small_lot_supplies_services"
    return _sets(group, view, ADAPTED, "small_lot_share", bound, formal_thresholds(need, group))


@applies("direct_award_lot_share")
def direct_lots(need: Need, group: Group, view: InForce) -> Sets | None:
    """Above the direct-award amount, lots below it may be awarded directly if together within a share of all lots."""
    if need.contract == "concession" or level(need, group, view) in {None, "direct"}:
        return None
    return _sets(group, view, DIRECT, "direct_award_lot_share", direct_threshold(group))


def review_sets(need: Need, group: Group, view: InForce) -> list[Sets]:
    """SMALL_LOT_SETS for the need, and SMALL_LOT_OK for each lot that belongs to a set; nothing for a need of one lot.

    A contract that is not divided has no small lots, whatever more its stated total counts than its only lot.
    """
    rules = (small_lots, direct_lots) if len(need.lots) > 1 else ()
    return [found for rule in rules if (found := rule(need, group, view))]


def _sets(
    group: Group, view: InForce, texts: tuple[Text, Text], rule: str, bound_rule: str, formal: tuple[str, ...] = ()
) -> Sets | None:
    """The sets of lots below the amount of `bound_rule` and together within the share of `rule`.

    The advice is as sure as the least sure of the rules it rests on, `formal` among them.
    """
    bound, share = view.cents(bound_rule), view.number(rule)
    if group.total is None or bound is None or share is None:
        return None
    cap = group.total * share // 100
    below = ((lot.lot.id, lot.cents) for lot in group.lots if lot.cents is not None and lot.cents < bound)
    small = [(lot_id, value) for lot_id, value in below if value <= cap]
    found, complete = largest_sets(small, cap)
    if not found:
        return None
    more = Text("", "") if complete else MANY
    of_need, of_lot = (
        Text(text.fr.format(share=share, more=more.fr), text.en.format(share=share, more=more.en)) for text in texts
    )
    sure = "low" if group.doubtful else least_sure(*(view[rule_id] for rule_id in (rule, bound_rule, *formal)))
    return Sets(
        advice("SMALL_LOT_SETS", "info", view[rule], of_need, found, sure),
        advice("SMALL_LOT_OK", "info", view[rule], of_lot, (), sure),
        frozenset(lot_id for lot_id, _ in small),
    )


def largest_sets(lots: list[tuple[str, int]], cap: int) -> tuple[tuple[tuple[str, ...], ...], bool]:
    """The sets of lots (id, cents) within `cap` to which no other lot can be added; false where there may be more.

    Each lot alone is within `cap`. Ids keep the given order, in a set and between sets.
    """
    search = _Search([value for _, value in lots])
    if lots:
        search.explore(0, cap, ())
    ids = [lot_id for lot_id, _ in lots]
    return tuple(tuple(map(ids.__getitem__, places)) for places in sorted(map(sorted, search.found))), search.complete


class _Search:
    """Depth-first choice of places among values in decreasing order; none but the largest sets is ever reached."""

    def __init__(self, values: list[int]) -> None:
        self.places = tuple(sorted(range(len(values)), key=lambda place: -values[place]))
        self.negatives = [-values[place] for place in self.places]
        self.rest = [*reversed(list(accumulate((-value for value in reversed(self.negatives)), initial=0)))]
        self.found: list[tuple[int, ...]] = []
        self.least_two = -sum(self.negatives[-2:]) if len(values) > 1 else inf
        self.advised_lots = 0
        self.complete = True

    def explore(self, first: int, room: int, chosen: tuple[int, ...]) -> None:
        """Find the sets of those `chosen`, which leave `room`, and of some from `first` on.

        A value may be left out only as long as the smaller ones do not leave room for it.
        """
        if self.advised_lots >= MOST_NAMED:
            self.complete = False
            return
        first = bisect_left(self.negatives, -room, first)
        if self.rest[first] <= room:
            self._add([(*chosen, *self.places[first:])])
            return
        if self.least_two > room:  # one more of these at most, whichever: no need to look at each
            self._add([(*chosen, place) for place in self.places[first:]])
            return
        for step in range(first, len(self.places)):
            left = room + self.negatives[step]
            self.explore(step + 1, left, (*chosen, self.places[step]))
            if not self.complete or self.rest[step + 1] <= left:
                return

    def _add(self, sets: list[tuple[int, ...]]) -> None:
        """Add sets of one size, as many as may be named."""
        size = len(sets[0])
        added = sets[: (MOST_NAMED - self.advised_lots) // size + 1]
        self.found += added
        self.advised_lots += len(added) * size
        self.complete = len(added) == len(sets)
