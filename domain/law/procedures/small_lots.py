"""Small lots inside a large need: which of them may together take a lighter procedure."""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate
from typing import NamedTuple

from domain.law.findings import LegalAdvice, advice, bracketed_lots, listed_briefly, sentence, weakest
from domain.law.procedures.procedure import Procedure, Procedures
from domain.law.rules import InForce
from domain.needs.need import Need
from domain.shortlists.listed_suppliers import Confidence
from domain.text.bilingual import NOTHING, Text, join_texts

MOST_NAMED = 650
"""The most lots that all sets together name, give or take one set: enough for the 126 sets of five of nine lots."""
SMALL_SHARE, DIRECT_SHARE = "small_lot_share", "direct_award_lot_share"
# of a lot, by whether it may take an adapted procedure and whether it may be a direct award
OF_LOT = {
    (True, False): "small_lot_adapted",
    (False, True): "small_lot_direct",
    (True, True): "small_lot_adapted_or_direct",
}


class LighterProcedure(NamedTuple):
    """The lots (id → cents) that may take a lighter procedure by the first of `rules`; other rules support it.

    `unsure`: of these lots, those to which only a text that was not read may open it.
    """

    rules: tuple[str, ...]
    lots: dict[str, int]
    unsure: tuple[str, ...] = ()


class SmallLotScope(NamedTuple):
    """A group of lots, its name in messages (`of`), and its lots small enough for a lighter procedure (id → cents)."""

    part: Procedure
    of: Text
    adapted: LighterProcedure
    direct: LighterProcedure
    small: dict[str, int]

    @property
    def lighter_procedures(self) -> tuple[LighterProcedure, ...]:
        """The lighter procedures that some of the lots may take; the first is the one that more lots may take."""
        return tuple(use for use in (self.adapted, self.direct) if use.lots)


def advise_sets(need: Need, decided: Procedures, view: InForce) -> tuple[LegalAdvice | None, dict[str, LegalAdvice]]:
    """The advice SMALL_LOT_SETS on the need, and SMALL_LOT_OK on each small lot by id; nothing for a need of one lot.

    A contract that is not divided has no small lots, whatever more its stated total counts than its only lot. The share
    is one, of the value of all lots, for those in an adapted procedure and direct awards together: the sets are those
    of all small lots, and of each set any part may be direct awards as far as its lots are below that amount.
    """
    no_lots = need.contract == "concession" or len(need.lots) == 1
    scopes = [] if no_lots else _small_lot_scopes(decided, view)
    if not scopes:
        return None, {}
    rule = SMALL_SHARE if any(scope.adapted.lots for scope in scopes) else DIRECT_SHARE
    joint = scopes[0].part is decided.whole and len(decided.parts) > 1
    sure = weakest("low" if joint else "high", *(part.group.sure for part in decided.parts))
    sets: list[tuple[str, ...]] = []
    complete = True
    for scope in scopes:
        small = [(lot_id, scope.small[lot_id]) for lot_id in scope.part.group.lot_ids if lot_id in scope.small]
        found, all_found = largest_sets(small, _cents_limit(scope.part, scope.lighter_procedures[0].rules[0], view))
        sets, complete = [*sets, *found], complete and all_found
    parts = [_scope_in_words(scope, rule, view) for scope in scopes]
    unsure = tuple(lot_id for scope in scopes for lot_id in scope.direct.unsure)
    if unsure:
        parts.append(sentence(view, "works_lots_to_be_read", about=bracketed_lots(unsure)))
    if not complete:
        parts.append(sentence(view, "list_cut_short"))
    if len(decided.parts) > 1:
        parts.append(sentence(view, "counted_as_one" if joint else "counted_apart"))
    rests_on = [each for scope in scopes for use in scope.lighter_procedures for each in use.rules]
    told = join_texts(parts).capitalised()
    of_all: Confidence = "low" if unsure else sure
    of_need = advice(view, "small_lot_sets", tuple(sets), rule=rule, rests_on=rests_on, sure=of_all, message=told)
    return of_need, {lot_id: each for scope in scopes for lot_id, each in _advise_lots(scope, view, sure)}


def _cents_limit(part: Procedure, share: str, view: InForce) -> int:
    """The most that small lots of a group may be worth together, in cents; `share`: the rule with the percentage."""
    return (part.group.total or 0) * (view.number(share) or 0) // 100


def _small_lot_scopes(decided: Procedures, view: InForce) -> list[SmallLotScope]:
    """The groups within which small lots are counted: all lots of the need together, or works and other lots apart.

    All together, unless that would have a lighter procedure than works or the others apart are told.
    """
    whole, parts, names = decided.whole, decided.parts, [NOTHING]
    if whole.level is not None and not any(whole.is_lighter_than(part) for part in parts):
        parts = (whole,)
    elif len(parts) > 1:
        names = [sentence(view, "other_than_works"), sentence(view, "of_works")]
    scopes = []
    for part, of in zip(parts, names, strict=True):
        adapted, direct = find_small_lots(part, view), find_direct_lots(part, view)
        if adapted.lots or direct.lots:
            scopes.append(SmallLotScope(part, of, adapted, direct, direct.lots | adapted.lots))
    return scopes


def find_small_lots(part: Procedure, view: InForce) -> LighterProcedure:
    """In a formal procedure, small lots may take an adapted one if together they stay within a share of all lots."""
    if part.level != "formal":
        return LighterProcedure((SMALL_SHARE,), {})
    opened = _lots_below_amount(SMALL_SHARE, "small_lot_supplies_services", "small_lot_works", part, view)
    return opened._replace(rules=(*opened.rules, *part.thresholds))


def find_direct_lots(part: Procedure, view: InForce) -> LighterProcedure:
    """Above the direct-award amount, lots below it may be awarded directly if together within a share of all lots."""
    if part.level not in {"adapted", "formal"}:
        return LighterProcedure((DIRECT_SHARE,), {})
    opened = _lots_below_amount(DIRECT_SHARE, "direct_award_supplies_services", "direct_award_works", part, view)
    sure = view["direct_award_lot_works"].cents
    if sure is None or "direct_award_works" not in opened.rules:
        return opened
    works = {lot.lot.id for lot in part.group.lots if lot.object.works}
    unsure = tuple(lot_id for lot_id, value in opened.lots.items() if lot_id in works and value >= sure)
    rules = tuple("direct_award_lot_works" if rule == "direct_award_works" else rule for rule in opened.rules)
    return LighterProcedure(rules, opened.lots, unsure)


def _lots_below_amount(share: str, of_others: str, of_works: str, part: Procedure, view: InForce) -> LighterProcedure:
    """The lots below the amount of rule `of_works` or `of_others`, each within the percentage of rule `share`."""
    found: dict[str, int] = {}
    bounds: dict[str, None] = {}
    group, cap = part.group, _cents_limit(part, share, view)
    for lot in group.lots:
        bound = of_works if lot.object.works and "division" not in group.assumptions else of_others
        if cap and lot.cents is not None and lot.cents <= cap and lot.cents < (view[bound].cents or 0):
            found[lot.lot.id] = lot.cents
            bounds[bound] = None
    return LighterProcedure((share, *bounds), found)


def _scope_in_words(scope: SmallLotScope, quoted_rule: str, view: InForce) -> Text:
    """The sentences on the lighter procedures of a scope; they cite the rule on direct awards if not `quoted_rule`."""
    adapted, direct, of, lots = scope.adapted, scope.direct, scope.of, tuple(scope.small)
    article = NOTHING if quoted_rule == DIRECT_SHARE else sentence(view, "under_direct_share")
    if len(lots) > 1:
        whose, each = sentence(view, "small_lots_of", of=of), sentence(view, "each_of_these_sets")
    else:
        whose, each = sentence(view, "small_lot_of", of=of), sentence(view, "the_lot", lot=lots[0])
    name = "small_lots_adapted" if adapted.lots else "small_lots_direct"
    told = sentence(view, name, whose=whose, each=each, of=of, article=article)
    if not (adapted.lots and direct.lots):
        return told
    may_be = "lot_may_be_bought" if len(direct.lots) == 1 else "lots_may_be_bought"
    if len(lots) == 1:
        may_be = "it_may_be_bought"
    elif direct.lots.keys() >= adapted.lots.keys():
        may_be = "all_may_be_bought"
    who = sentence(view, may_be, lots=listed_briefly(tuple(direct.lots)))
    also = sentence(view, "small_lots_partly_direct", lots=who, limit=_direct_share_in_words(view), article=article)
    return join_texts((told, also))


def _direct_share_in_words(view: InForce) -> Text:
    """The sentence on the share of direct awards; empty unless that is less than the share of all small lots."""
    is_less = (view.number(DIRECT_SHARE) or 0) < (view.number(SMALL_SHARE) or 0)
    return sentence(view, "direct_share_limit") if is_less else NOTHING


def _advise_lots(scope: SmallLotScope, view: InForce, sure: Confidence) -> Iterator[tuple[str, LegalAdvice]]:
    """Yield each small lot's id, and advice SMALL_LOT_OK on whether an adapted procedure or a direct award is open."""
    told: dict[tuple[bool, bool, bool], LegalAdvice] = {}
    article, limit = sentence(view, "under_direct_share"), _direct_share_in_words(view)
    for lot_id in scope.small:
        kind = lot_id in scope.adapted.lots, lot_id in scope.direct.lots
        unsure = lot_id in scope.direct.unsure
        if (*kind, unsure) not in told:
            uses = [use for use, is_open in zip((scope.adapted, scope.direct), kind, strict=True) if is_open]
            message = sentence(view, OF_LOT[kind], of=scope.of, article=article, limit=limit)
            if unsure:
                message = join_texts((message, sentence(view, "works_lots_to_be_read", about=NOTHING)))
            rests_on = [rule for use in uses for rule in use.rules]
            told[*kind, unsure] = advice(
                view, OF_LOT[kind], rests_on=rests_on, doubtful=unsure, sure=sure, message=message
            )
        yield lot_id, told[*kind, unsure]


def largest_sets(lots: list[tuple[str, int]], cap: int) -> tuple[tuple[tuple[str, ...], ...], bool]:
    """The sets of lots (id, cents) worth at most `cap`, to which no lot can be added; then whether these are all.

    There is a lot, and each alone is within `cap`. Ids keep the given order, in a set and between sets.
    """
    ids, values = [lot_id for lot_id, _ in lots], [value for _, value in lots]
    found: list[int] = []
    named, complete = 0, True
    for sets, size in _search_largest_sets(values, cap):
        added = sets[: (MOST_NAMED - named) // size + 1] if named < MOST_NAMED else []
        found, named = found + added, named + len(added) * size
        if len(added) < len(sets):
            complete = False
            break
    # the first id has the highest bit
    bits = [(each, 1 << len(ids) - 1 - place) for place, each in enumerate(ids)]
    return tuple(tuple(each for each, bit in bits if places & bit) for places in sorted(found, reverse=True)), complete


def _search_largest_sets(values: list[int], cap: int) -> Iterator[tuple[list[int], int]]:
    """Yield the sets of values within `cap` that no other can join, one size at a time: their bit masks, and the size.

    A set of places is a number with a bit for each, the highest one for the first place: in decreasing order of these
    numbers, sets are in the order of their places.
    """
    places = sorted(range(len(values)), key=lambda place: -values[place])
    bits = [1 << len(values) - 1 - place for place in places]
    negatives = [-values[place] for place in places]
    # from each place on, and of none
    rest = [*accumulate((-each for each in reversed(negatives)), initial=0)][::-1]
    all_from = [*accumulate(reversed(bits), initial=0)][::-1]
    least_two = -sum(negatives[-2:])

    def extend_chosen(first: int, room: int, chosen: int, size: int) -> Iterator[tuple[list[int], int]]:
        """Yield the sets that add positions from `first` on, worth at most `room`, to the `size` ones of mask `chosen`.

        A value may be left out only as long as the smaller ones do not leave room for it.
        """
        first = bisect_left(negatives, -room, first)
        if rest[first] <= room:
            yield [chosen | all_from[first]], size + len(bits) - first
            return
        if least_two > room:  # one more of these at most, whichever: no need to look at each
            yield [chosen | bit for bit in bits[first:]], size + 1
            return
        for step in range(first, len(bits)):
            left = room + negatives[step]
            yield from extend_chosen(step + 1, left, chosen | bits[step], size + 1)
            if rest[step + 1] <= left:
                return

    yield from extend_chosen(0, cap, 0, 0)
