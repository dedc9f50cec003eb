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
from domain.allotment.divisions import Division, JoinableLots, PossibleLot

Suppliers = int
"""A set of suppliers: a number with a bit for each."""


class LotFigures(NamedTuple):
    """The supply for one proposed lot. `alone`: the suppliers that can answer the whole lot by themselves."""

    has_supply: bool
    has_competition: bool
    is_reserved: bool
    eligible: int
    alone: Suppliers


class Tally(NamedTuple):
    """The figures of several lots, added up."""

    without_supply: int = 0
    with_competition: int = 0
    reserved: int = 0
    lots: int = 0
    alone: Suppliers = 0

    @property
    def suppliers_alone(self) -> int:
        """The number of suppliers that can answer a whole lot by themselves."""
        return self.alone.bit_count()

    def add(self, other: "Tally") -> "Tally":
        """The figures of these lots and of those in `other`, added up."""
        return Tally(
            self.without_supply + other.without_supply,
            self.with_competition + other.with_competition,
            self.reserved + other.reserved,
            self.lots + other.lots,
            self.alone | other.alone,
        )


Rank = tuple[int, int, int, int, int]
"""The less the better, criterion by criterion."""


def tally(lots: Iterable[LotFigures]) -> Tally:
    """The figures of these lots, added up."""
    without = competed = reserved = count = alone = 0
    for lot in lots:
        without += not lot.has_supply
        competed += lot.has_competition
        reserved += lot.is_reserved
        count += 1
        alone |= lot.alone
    return Tally(without, competed, reserved, count, alone)


def rank(figures: Tally | Summary) -> Rank:
    """The figures by which divisions are ordered, in the order of the criteria of `POST /allotment`; lower is better.

    Fewer lots without supply; more lots with competition; more suppliers that answer a whole lot alone; more lots
    that can be reserved with competition; fewer lots.
    """
    return figures.without_supply, -figures.with_competition, -figures.suppliers_alone, -figures.reserved, figures.lots


def rank_together(one: Tally, other: Tally) -> Rank:
    """The rank of two tallies' sum, found without making the sum: many pairs are ranked and few are taken."""
    return (
        one.without_supply + other.without_supply,
        -(one.with_competition + other.with_competition),
        -(one.alone | other.alone).bit_count(),
        -(one.reserved + other.reserved),
        one.lots + other.lots,
    )


def draw_number(seed: int, lots: Iterable[PossibleLot]) -> int:
    """The number that orders divisions which are equal by all criteria; the same seed and lots draw the same number."""
    content = repr((seed, sorted(lots))).encode()
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big")


MOST_COMBINED, FEWEST_OF_A_GROUP = 20_000, 1_500
"""The divisions of a need that are all looked at; those of one of its groups, however many groups there are."""
KEPT_OF_A_GROUP, KEPT_TOGETHER = 3, 8
"""By number of lots, the divisions of a group and of several groups that a bounded search goes on with."""
MOST_MERGED, MOST_PARTNERS = 150, 8
"""The lots of a group that are joined one by one; the other lots that each is tried with, the weakest first."""

FiguresOf = Callable[[PossibleLot], LotFigures]
FirstCriteria = tuple[int, int]


class ScoredDivision(NamedTuple):
    """A division with the figures of its lots together."""

    figures: Tally
    lots: Division


NONE = ScoredDivision(Tally(), ())
Numbered = list[tuple[int, ScoredDivision]]
WeakLot = tuple[int, int, PossibleLot]
"""The eligible candidates of a lot, its size, and the lot: the less the weaker."""


class BestDivisions(NamedTuple):
    """The best divisions, in order; whether all divisions of every group, and all combinations, were looked at."""

    best: tuple[ScoredDivision, ...]
    all_divisions: bool
    all_combinations: bool

    @property
    def complete(self) -> bool:
        """Whether every division and join was looked at."""
        return self.all_divisions and self.all_combinations


def best_divisions(
    groups: Sequence[JoinableLots], figures_of: FiguresOf, most_lots: int, count: int, seed: int
) -> BestDivisions:
    """The best divisions of all groups into at most `most_lots` lots, up to `count`; equal ones are drawn by `seed`.

    What is found depends on the need and the supply alone, never on time.
    """
    limit = max(MOST_COMBINED >> len(groups) - 1, FEWEST_OF_A_GROUP)
    listed = [group.divisions(limit, most_lots) for group in groups]
    menus = [
        [
            ScoredDivision(tally(map(figures_of, lots)), lots)
            for lots in (_merged_divisions(group, figures_of) if each is None else each)
        ]
        for group, each in zip(groups, listed, strict=True)
    ]
    few = prod(map(len, menus)) <= MOST_COMBINED
    ranked: dict[Rank, list[ScoredDivision]] = {}
    for each in _all_combinations(menus, most_lots) if few else _best_combinations(menus, most_lots):
        ranked.setdefault(rank(each.figures), []).append(each)
    # equals are drawn, each division once
    best: list[ScoredDivision] = []
    for key in sorted(ranked):
        distinct = {frozenset(each.lots): each for each in ranked[key]}.values()
        best += heapq.nsmallest(count - len(best), distinct, key=lambda each: draw_number(seed, each.lots))
        if len(best) == count:
            break
    return BestDivisions(tuple(best), None not in listed, few)


def _all_combinations(
    menus: Sequence[Sequence[ScoredDivision]], most_lots: int, before: ScoredDivision = NONE
) -> Iterator[ScoredDivision]:
    """Every choice of one division from each group's menu, of at most `most_lots` lots; `before`: already chosen."""
    if not menus:
        yield before
        return
    for each in menus[0]:
        if before.figures.lots + each.figures.lots <= most_lots:
            chosen = ScoredDivision(before.figures.add(each.figures), before.lots + each.lots)
            yield from _all_combinations(menus[1:], most_lots, chosen)


def _best_combinations(menus: Sequence[Sequence[ScoredDivision]], most_lots: int) -> Iterator[ScoredDivision]:
    """Combinations of one division per group, trying only each group's best divisions of each number of lots."""
    short: list[list[ScoredDivision]] = []
    for menu in menus:
        by_lots: dict[int, list[ScoredDivision]] = {}
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
        kept = [ScoredDivision(one.figures.add(other.figures), one.lots + other.lots) for one, other in pairs]
    yield from kept


def _best_pairs(
    some: Sequence[ScoredDivision], others: Sequence[ScoredDivision], most_lots: int
) -> Iterator[tuple[ScoredDivision, ScoredDivision]]:
    """The best pairs (one of `some`, one of `others`) of each total number of lots; of equal pairs, those found first.

    Both have those of one number of lots behind each other, in order. The criteria that cost little to add up rule out
    most pairs of two numbers together, by their first, before any sets are united.
    """
    by_lots: dict[int, list[tuple[FirstCriteria, Numbered, Numbered]]] = {}
    for one, other in product(_runs_by_number_of_lots(some), _runs_by_number_of_lots(others)):
        best = one[0][1].figures, other[0][1].figures
        if (lots := best[0].lots + best[1].lots) <= most_lots:
            by_lots.setdefault(lots, []).append((rank_together(*best)[:2], one, other))
    for runs in by_lots.values():
        runs.sort(key=lambda run: run[0])
        yield from (pair for *_, pair in heapq.nsmallest(KEPT_TOGETHER, _ranked_pairs(runs), key=lambda each: each[:3]))


def _runs_by_number_of_lots(scored: Sequence[ScoredDivision]) -> list[Numbered]:
    """Runs of neighbours with the same number of lots: (position, division) for each, the position in `scored`."""
    return [list(run) for _, run in groupby(enumerate(scored), key=lambda each: each[1].figures.lots)]


def _ranked_pairs(
    runs: Iterable[tuple[FirstCriteria, Numbered, Numbered]],
) -> Iterator[tuple[Rank, int, int, tuple[ScoredDivision, ScoredDivision]]]:
    """Yield (rank, position, position, pair) of divisions, run by run, until no later run can better those found."""
    worst_of_enough: list[FirstCriteria] = []
    for criteria, some, others in runs:
        if len(worst_of_enough) == KEPT_TOGETHER and criteria > worst_of_enough[-1]:
            return
        for (place, one), (beside, other) in product(some, others):
            found = rank_together(one.figures, other.figures)
            insort(worst_of_enough, found[:2])
            del worst_of_enough[KEPT_TOGETHER:]
            yield found, place, beside, (one, other)


def _merged_divisions(group: JoinableLots, figures_of: FiguresOf) -> list[Division]:
    """The given lots and their finest divisions, and what each becomes as its weakest lot is joined again and again.

    The weakest is the one with the fewest eligible candidates, of equal ones the one that buys the least.
    """

    def weakness(lot: PossibleLot) -> WeakLot:
        return figures_of(lot).eligible, _size(lot), lot

    found: dict[frozenset[PossibleLot], Division] = {}
    for by_segment, by_area in product((False, True), repeat=2):
        lots = group.finest_division(by_segment, by_area)
        weakest_first = sorted(map(weakness, lots))
        while (distinct := frozenset(lots)) not in found:
            found[distinct] = lots
            joined = _join_weakest(group, weakest_first, figures_of) if len(lots) <= MOST_MERGED else None
            if joined is None:
                break
            both, *gone = joined
            lots = (*(lot for lot in lots if lot not in gone), both)
            for lot in gone:
                weakest_first.remove(weakness(lot))
            insort(weakest_first, weakness(both))
    return list(found.values())


def _size(lot: PossibleLot) -> int:
    """The number of segments in areas that a lot buys."""
    return len(lot.segments) * len(lot.areas)


def _join_weakest(
    group: JoinableLots, weakest_first: Sequence[WeakLot], figures_of: FiguresOf
) -> tuple[PossibleLot, PossibleLot, PossibleLot] | None:
    """The weakest lot joined with the one least harmed: the joined lot and both. `weakest_first`: (candidates, lot)."""

    def harm_of_join(join: tuple[PossibleLot, PossibleLot]) -> tuple[tuple[int, ...], PossibleLot]:
        """The sort key of a join (joined lot, partner): harm by criterion and candidates, then the joined lot."""
        both, other = join
        made, before = figures_of(both), tally((figures_of(other), figures_of(weakest)))
        harm = (
            (not made.has_supply) - before.without_supply,
            before.with_competition - made.has_competition,
            before.suppliers_alone - made.alone.bit_count(),
            before.reserved - made.is_reserved,
            made.eligible,
            _size(both),
        )
        return harm, both

    for *_, weakest in weakest_first:
        joins = ((both, lot) for *_, lot in weakest_first if lot != weakest and (both := group.join_lots(weakest, lot)))
        if tried := list(islice(joins, MOST_PARTNERS)):
            both, other = min(tried, key=harm_of_join)
            return both, weakest, other
    return None
