"""The best divisions of a need: of all of them where there are few enough, else of those that a bounded search finds.

Groups of lots are divided independently; a division of the need takes one of each. Where they are too many, each group
gives its best for each number of lots, and these are put together group by group, the best of each number kept.

Divisions are ordered by criteria that can each be read aloud, then by a draw.
"""

import hashlib
import heapq
from bisect import insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby, islice, product
from math import prod
from typing import NamedTuple

from domain.allotment.allotment import Summary
from domain.allotment.divisions import Division, Group, PossibleLot

Suppliers = int
"""A set of suppliers: a number with a bit for each."""


class Figures(NamedTuple):
    """The supply of one lot as it would be proposed. `alone`: the suppliers that answer all of it by themselves."""

    has_supply: bool
    has_competition: bool
    is_reserved: bool
    eligible: int
    alone: Suppliers


class Tally(NamedTuple):
    """The figures of several lots together."""

    without_supply: int = 0
    with_competition: int = 0
    reserved: int = 0
    lots: int = 0
    alone: Suppliers = 0

    @property
    def suppliers_alone(self) -> int:
        """The number of those in `alone`."""
        return self.alone.bit_count()

    def add(self, other: "Tally") -> "Tally":
        """Return the figures of these lots and of others together."""
        return Tally(
            self.without_supply + other.without_supply,
            self.with_competition + other.with_competition,
            self.reserved + other.reserved,
            self.lots + other.lots,
            self.alone | other.alone,
        )


Rank = tuple[int, int, int, int, int]
"""The less the better, criterion by criterion."""


def tally(lots: Iterable[Figures]) -> Tally:
    """The figures of these lots together."""
    without = competed = reserved = count = alone = 0
    for lot in lots:
        without += not lot.has_supply
        competed += lot.has_competition
        reserved += lot.is_reserved
        count += 1
        alone |= lot.alone
    return Tally(without, competed, reserved, count, alone)


def rank(of: Tally | Summary) -> Rank:
    """The criteria in the contract's order.

    Fewer lots without supply; more lots with competition; more suppliers that answer a whole lot alone; more lots
    that can be reserved with competition; fewer lots.
    """
    return of.without_supply, -of.with_competition, -of.suppliers_alone, -of.reserved, of.lots


def rank_together(one: Tally, other: Tally) -> Rank:
    """The rank of some lots and others, without their tally: it is asked of many pairs, of which few are taken."""
    return (
        one.without_supply + other.without_supply,
        -(one.with_competition + other.with_competition),
        -(one.alone | other.alone).bit_count(),
        -(one.reserved + other.reserved),
        one.lots + other.lots,
    )


def first_criteria(one: Tally, other: Tally) -> tuple[int, int]:
    """The criteria that rank some lots and others first."""
    return one.without_supply + other.without_supply, -(one.with_competition + other.with_competition)


def draw(seed: int, lots: Iterable[PossibleLot]) -> int:
    """The number by which divisions are put in order that are equal by all criteria: the same for the same need."""
    content = repr((seed, sorted(lots))).encode()
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big")


MOST_COMBINED, FEWEST_OF_A_GROUP = 20_000, 1_500
"""The divisions of a need that are all looked at; those of one of its groups, however many groups there are."""
KEPT_OF_A_GROUP, KEPT_TOGETHER = 3, 8
"""By number of lots, the divisions of a group and of several groups that a bounded search goes on with."""
MOST_MERGED, MOST_PARTNERS = 150, 8
"""The lots of a group that are joined one by one; the other lots that each is tried with, the weakest first."""

Value = Callable[[PossibleLot], Figures]
FirstCriteria = tuple[int, int]


class Scored(NamedTuple):
    """A division with the figures of its lots together."""

    figures: Tally
    lots: Division


NONE = Scored(Tally(), ())
Numbered = list[tuple[int, Scored]]


class Found(NamedTuple):
    """The best divisions, in order. Whether all of each group were looked at, and all of these together."""

    best: tuple[Scored, ...]
    all_divisions: bool
    all_combinations: bool

    @property
    def complete(self) -> bool:
        """Whether every division and join was looked at."""
        return self.all_divisions and self.all_combinations


def best_divisions(groups: Sequence[Group], value: Value, most_lots: int, count: int, seed: int) -> Found:
    """The `count` best divisions into at most so many lots; `seed` decides between equals. Empty where there is none.

    What is found depends on the need and the supply alone, never on time.
    """
    limit = max(MOST_COMBINED >> len(groups) - 1, FEWEST_OF_A_GROUP)
    listed = [group.divisions(limit, most_lots) for group in groups]
    menus = [
        [Scored(tally(map(value, lots)), lots) for lots in (_merged(group, value) if each is None else each)]
        for group, each in zip(groups, listed, strict=True)
    ]
    few = prod(map(len, menus)) <= MOST_COMBINED
    ranked: dict[Rank, list[Scored]] = {}
    for each in _combined(menus, most_lots) if few else _bounded(menus, most_lots):
        ranked.setdefault(rank(each.figures), []).append(each)
    # equals are drawn, each division once
    best: list[Scored] = []
    for key in sorted(ranked):
        distinct = {frozenset(each.lots): each for each in ranked[key]}.values()
        best += heapq.nsmallest(count - len(best), distinct, key=lambda each: draw(seed, each.lots))
        if len(best) == count:
            break
    return Found(tuple(best), None not in listed, few)


def _combined(menus: Sequence[Sequence[Scored]], most_lots: int, before: Scored = NONE) -> Iterator[Scored]:
    """One division of each group, in every way; `before`: those of the groups before."""
    if not menus:
        yield before
        return
    for each in menus[0]:
        if before.figures.lots + each.figures.lots <= most_lots:
            chosen = Scored(before.figures.add(each.figures), before.lots + each.lots)
            yield from _combined(menus[1:], most_lots, chosen)


def _bounded(menus: Sequence[Sequence[Scored]], most_lots: int) -> Iterator[Scored]:
    """One division of each group, of the best for each number of lots."""
    short: list[list[Scored]] = []
    for menu in menus:
        by_lots: dict[int, list[Scored]] = {}
        for each in menu:
            by_lots.setdefault(each.figures.lots, []).append(each)
        best = [
            heapq.nsmallest(KEPT_OF_A_GROUP, some, key=lambda each: rank(each.figures)) for some in by_lots.values()
        ]
        short.append([each for some in best for each in some])
    fewest = [min((each.figures.lots for each in menu), default=most_lots) for menu in short]
    kept = [NONE]
    for place, menu in enumerate(short):
        pairs = _best_pairs(kept, menu, most_lots - sum(fewest[place + 1 :]))
        kept = [Scored(one.figures.add(other.figures), one.lots + other.lots) for one, other in pairs]
    yield from kept


def _best_pairs(some: Sequence[Scored], others: Sequence[Scored], most_lots: int) -> Iterator[tuple[Scored, Scored]]:
    """The best pairs of each number of lots, in order; the first found of equals.

    Both have those of one number of lots behind each other, in order. The criteria that cost little to add up rule out
    most pairs of two numbers together, by their first, before any sets are united.
    """
    by_lots: dict[int, list[tuple[FirstCriteria, Numbered, Numbered]]] = {}
    for one, other in product(_by_number(some), _by_number(others)):
        best = one[0][1].figures, other[0][1].figures
        if (lots := best[0].lots + best[1].lots) <= most_lots:
            by_lots.setdefault(lots, []).append((first_criteria(*best), one, other))
    for runs in by_lots.values():
        runs.sort(key=lambda run: run[0])
        yield from (pair for *_, pair in heapq.nsmallest(KEPT_TOGETHER, _ranked_pairs(runs), key=lambda each: each[:3]))


def _by_number(scored: Sequence[Scored]) -> list[Numbered]:
    """The divisions with their places, in runs of one number of lots."""
    return [list(run) for _, run in groupby(enumerate(scored), key=lambda each: each[1].figures.lots)]


def _ranked_pairs(
    runs: Iterable[tuple[FirstCriteria, Numbered, Numbered]],
) -> Iterator[tuple[Rank, int, int, tuple[Scored, Scored]]]:
    """The pairs with their ranks and places, as long as there may be better ones than enough of those before."""
    worst_of_enough: list[FirstCriteria] = []
    for criteria, some, others in runs:
        if len(worst_of_enough) == KEPT_TOGETHER and criteria > worst_of_enough[-1]:
            return
        for (place, one), (beside, other) in product(some, others):
            found = rank_together(one.figures, other.figures)
            insort(worst_of_enough, found[:2])
            del worst_of_enough[KEPT_TOGETHER:]
            yield found, place, beside, (one, other)


def _merged(group: Group, value: Value) -> list[Division]:
    """The lots as given, and what comes of the finest divisions when the weakest lot is joined again and again.

    The weakest is the one with the fewest eligible candidates.
    """
    found: dict[frozenset[PossibleLot], Division] = {}
    for by_segment, by_area in product((False, True), repeat=2):
        lots = group.finest(by_segment, by_area)
        weakest_first = sorted((value(lot).eligible, lot) for lot in lots)
        while (distinct := frozenset(lots)) not in found:
            found[distinct] = lots
            joined = _joined_weakest(group, weakest_first, value) if len(lots) <= MOST_MERGED else None
            if joined is None:
                break
            both, *gone = joined
            lots = (*(lot for lot in lots if lot not in gone), both)
            for lot in gone:
                weakest_first.remove((value(lot).eligible, lot))
            insort(weakest_first, (value(both).eligible, both))
    return list(found.values())


def _joined_weakest(
    group: Group, weakest_first: Sequence[tuple[int, PossibleLot]], value: Value
) -> tuple[PossibleLot, PossibleLot, PossibleLot] | None:
    """The weakest lot that can be joined, joined with the weak one that this does the least harm, and these two."""
    for _, weakest in weakest_first:
        joins = (
            (both, other) for _, other in weakest_first if other != weakest and (both := group.join(weakest, other))
        )
        tried = list(islice(joins, MOST_PARTNERS))
        if tried:
            both, other = min(tried, key=lambda join: (_change(join[0], join[1], weakest, value), join[0]))
            return both, weakest, other
    return None


def _change(both: PossibleLot, one: PossibleLot, other: PossibleLot, value: Value) -> tuple[int, ...]:
    """By the criteria, in order, how much worse it is to have two lots as one; then how much supply the one has."""
    made, parts = value(both), (value(one), value(other))
    before = tally(parts)
    return (
        (not made.has_supply) - before.without_supply,
        before.with_competition - made.has_competition,
        before.suppliers_alone - made.alone.bit_count(),
        before.reserved - made.is_reserved,
        made.eligible,
    )
