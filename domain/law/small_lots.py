"""Small lots inside a large need: which of them may together take a lighter procedure."""

from bisect import bisect_left
from collections.abc import Mapping
from itertools import accumulate
from math import inf
from typing import NamedTuple

from domain.law.citation import listed_briefly
from domain.law.findings import LegalAdvice, advice, least_sure
from domain.law.need_value import Group, as_one_market
from domain.law.procedure import LEVELS, formal_thresholds, level
from domain.law.rule_registry import applies
from domain.law.rules import InForce, RuleRow
from domain.needs.need import Need
from domain.text.bilingual import Text

MOST_NAMED = 650
"""The most lots that all sets together name, give or take one set: enough for the 126 sets of five of nine lots."""
MANY = Text(" ; liste limitée", "; list cut short")
ADAPTED = Text(
    "Petits lots : chacun de ces ensembles peut être passé en procédure adaptée, dans une enveloppe de {share} de tous "
    "les lots",
    "Small lots: each of these sets may take an adapted procedure, within an envelope of {share} of all lots",
)
DIRECT = Text(
    "Petits lots : chacun de ces ensembles peut être acheté sans publicité ni mise en concurrence, dans une enveloppe "
    "de {share} de tous les lots",
    "Small lots: each of these sets may be awarded without publicity or competition, within an envelope of {share} of "
    "all lots",
)
BOTH = Text(
    "Petits lots : chacun de ces ensembles peut être passé en procédure adaptée, dans une enveloppe de {share} de tous "
    "les lots ; dans cette même enveloppe, {lots} sans publicité ni mise en concurrence selon {article}",
    "Small lots: each of these sets may take an adapted procedure, within an envelope of {share} of all lots; within "
    "this same envelope, {lots} without publicity or competition under {article}",
)
ONE_MARKET = Text(
    " ; travaux et autres lots comptés comme un seul marché", "; works and other lots counted as one contract"
)
APART = Text(" ; travaux et autres lots comptés à part", "; works and other lots counted apart")
# of a lot, by whether it may take an adapted procedure and whether it may be a direct award
OF_LOT = {
    (True, False): Text(
        "Petit lot : procédure adaptée possible, seul ou avec d'autres dans une enveloppe de {share} de tous les lots",
        "Small lot: adapted procedure possible, alone or with others within an envelope of {share} of all lots",
    ),
    (False, True): Text(
        "Petit lot : achat possible sans publicité ni mise en concurrence, seul ou avec d'autres dans une enveloppe "
        "de {share} de tous les lots",
        "Small lot: award without publicity or competition possible, alone or with others within an envelope of "
        "{share} of all lots",
    ),
    (True, True): Text(
        "Petit lot : procédure adaptée, ou achat sans publicité ni mise en concurrence ({article}), possibles seul ou "
        "avec d'autres dans une même enveloppe de {share} de tous les lots",
        "Small lot: adapted procedure, or award without publicity or competition ({article}), possible alone or with "
        "others within one envelope of {share} of all lots",
    ),
}


class Sets(NamedTuple):
    """Advice on the largest sets of lots that may take a lighter procedure: on the need, and on each lot of a set."""

    of_need: LegalAdvice
    of_lots: Mapping[str, LegalAdvice]


class Opened(NamedTuple):
    """The lots (id → cents) to which `rule` opens a lighter procedure, and all the rules that this rests on."""

    rule: RuleRow
    lots: dict[str, int]
    rows: tuple[RuleRow, ...]


def review_sets(need: Need, divided: tuple[Group, ...], view: InForce) -> Sets | None:
    """SMALL_LOT_SETS for the need, and SMALL_LOT_OK for each lot that belongs to a set; nothing for a need of one lot.

    A contract that is not divided has no small lots, whatever more its stated total counts than its only lot. The share
    is one, of the value of all lots, for those in an adapted procedure and direct awards together: the sets are those
    of all small lots, and of each set any part may be direct awards as far as its lots are below that amount.
    """
    if need.contract == "concession" or len(need.lots) == 1:
        return None
    markets = _markets(need, divided, view)
    adapted, direct = small_lots(need, markets, view), direct_lots(need, markets, view)
    widest, values = adapted if adapted.lots else direct, direct.lots | adapted.lots
    if not values:
        return None
    sets, complete = _sets_of_all(markets, values, view.number(widest.rule.id) or 0)
    joined = len(markets) < len(divided)
    doubtful = joined or any(group.doubtful for group in divided)
    sure = "low" if doubtful else least_sure(*adapted.rows, *direct.rows)
    remarks = [*([] if complete else [MANY]), *([ONE_MARKET if joined else APART] if len(divided) > 1 else [])]
    message = Text(*("".join(part) for part in zip(_of_need(adapted, direct, view), *remarks, strict=True)))
    kinds = {lot_id: (lot_id in adapted.lots, lot_id in direct.lots) for lot_id in values}
    of_kinds = {kind: _of_lot(kind, adapted, direct, view, doubtful) for kind in set(kinds.values())}
    return Sets(
        advice("SMALL_LOT_SETS", "info", widest.rule, message, sets, sure),
        {lot_id: of_kinds[kind] for lot_id, kind in kinds.items()},
    )


def _sets_of_all(
    markets: tuple[Group, ...], values: dict[str, int], share: int
) -> tuple[tuple[tuple[str, ...], ...], bool]:
    """The largest sets of each market within its share; false where there may be more."""
    found: list[tuple[str, ...]] = []
    whole = True
    for market in markets:
        small = [(lot.lot.id, values[lot.lot.id]) for lot in market.lots if lot.lot.id in values]
        sets, complete = largest_sets(small, (market.total or 0) * share // 100)
        found += sets
        whole = whole and complete
    return tuple(found), whole


def _markets(need: Need, divided: tuple[Group, ...], view: InForce) -> tuple[Group, ...]:
    """The groups of lots of which a share is taken: one, unless works and the others are better off apart.

    They are not one market where that would have a lighter procedure than one of them apart is told.
    """
    whole = as_one_market(need, divided)
    heaviest = max((LEVELS.index(found) for group in divided if (found := level(need, group, view))), default=0)
    found = level(need, whole, view)
    return (whole,) if found and LEVELS.index(found) >= heaviest else divided


@applies("small_lot_supplies_services", "small_lot_works", "small_lot_share")
def small_lots(need: Need, markets: tuple[Group, ...], view: InForce) -> Opened:
    """In a formal procedure, small lots may take an adapted one if together they stay within a share of all lots.

    A small lot is below an amount of its own for works, another for supplies and services. The answer is not yes or no
    but the sets of lots that may use it together: each set is admissible, and no other lot can be added to it. Works
    and other lots are taken as one market, unless that market would not be formal while some of them apart are.
    """
    formal = [market for market in markets if level(need, market, view) == "formal"]
    opened = _opened("small_lot_share", "small_lot_supplies_services", "small_lot_works", formal, view)
    thresholds = [view[rule_id] for market in formal for rule_id in formal_thresholds(need, market)]
    return opened._replace(rows=(*opened.rows, *thresholds)) if opened.lots else opened


@applies("direct_award_lot_share")
def direct_lots(need: Need, markets: tuple[Group, ...], view: InForce) -> Opened:
    """Above the direct-award amount, lots below it may be awarded directly if together within a share of all lots.

    The share is the one that small lots in an adapted procedure have: both count towards it.
    """
    above = [market for market in markets if level(need, market, view) in {"adapted", "formal"}]
    return _opened("direct_award_lot_share", "direct_award_supplies_services", "direct_award_works", above, view)


def _opened(rule: str, of_others: str, of_works: str, markets: list[Group], view: InForce) -> Opened:
    """The lots below the amount of their nature, and alone within the share of their market that is `rule`'s value."""
    share = view.number(rule) or 0
    found: dict[str, int] = {}
    bounds: dict[str, None] = {}
    for market in markets:
        cap = (market.total or 0) * share // 100
        for lot in market.lots:
            bound = of_works if lot.works and "division" not in market.assumptions else of_others
            if lot.cents is not None and lot.cents <= cap and lot.cents < (view.cents(bound) or 0):
                found[lot.lot.id] = lot.cents
                bounds[bound] = None
    return Opened(view[rule], found, (view[rule], *(view[bound] for bound in bounds)) if found else ())


def _of_need(adapted: Opened, direct: Opened, view: InForce) -> Text:
    """The sentence on the need: the use of its sets, and where there are two, which lots may be direct awards."""
    if not adapted.lots or not direct.lots:
        text, opened = (ADAPTED, adapted) if adapted.lots else (DIRECT, direct)
        return _with(text, share=view.written(opened.rule.id))
    names = listed_briefly(tuple(direct.lots))
    if direct.lots.keys() >= adapted.lots.keys():
        who = Text("tous peuvent être achetés", "all may be awarded")
    elif len(direct.lots) == 1:
        who = Text(f"le lot {names.fr} peut être acheté", f"lot {names.en} may be awarded")
    else:
        who = Text(f"les lots {names.fr} peuvent être achetés", f"lots {names.en} may be awarded")
    article = Text(direct.rule.article or "", direct.rule.article or "")
    return _with(BOTH, share=view.written(adapted.rule.id), lots=who, article=article)


def _of_lot(kind: tuple[bool, bool], adapted: Opened, direct: Opened, view: InForce, doubtful: bool) -> LegalAdvice:
    """The advice on a small lot, by whether an adapted procedure and a direct award are open to it."""
    opened = [each for each, is_open in zip((adapted, direct), kind, strict=True) if is_open]
    article = Text(direct.rule.article or "", direct.rule.article or "")
    message = _with(OF_LOT[kind], share=view.written(opened[0].rule.id), article=article)
    sure = "low" if doubtful else least_sure(*(row for each in opened for row in each.rows))
    return advice("SMALL_LOT_OK", "info", opened[0].rule, message, (), sure)


def _with(text: Text, **values: Text) -> Text:
    """A sentence with its values, each in its language."""
    return Text(
        text.fr.format(**{name: value.fr for name, value in values.items()}),
        text.en.format(**{name: value.en for name, value in values.items()}),
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
