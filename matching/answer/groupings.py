"""Groupings: sets of two to four candidates that together answer a lot which none of them answers alone.

Fewest members come first, then the better worst eligibility, then the smaller greatest distance, then a draw. One
criterion after the other narrows the candidates; for each, only the first few of those that answer the same segments
are tried, so that the work does not grow with the sets that their number allows.

They are minimal covers: sets of members that together answer all that is wanted, none of them superfluous.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.errors import InvalidContent, Problem
from domain.shortlists.listed_suppliers import Grouping, GroupingSupplier
from domain.shortlists.reach import reach_together
from domain.text.bilingual import Language, said_by
from matching.answer import messages
from matching.geo.projection import Floats, Positions, to_metre
from matching.geo.territory import Bools
from matching.index.offers import NO_OFFER
from matching.index.supplier_columns import CERTAIN_KM
from matching.lot_match import LotMatch
from matching.ranking import seeded_tie_break

_SAID = said_by(__name__)

NEVER = 1 << 62
MOST_STEPS = 500_000
"""The members that are tried, for half a second: 3,000 that each answer another 4 of 12 things take a tenth of it."""


class TooManyCombinations(Exception):
    """More members would have to be tried than `MOST_STEPS`."""


class MinimalCovers:
    """Finds the smallest sets of members whose bit masks together cover `whole`; `masks[p]`: the bits of member `p`.

    Sets are compared by their last members, then by those before: the first set is the one whose last member comes
    earliest. Work grows with the distinct masks, not with the number of sets that there are; where so many are so
    different that it takes more than `MOST_STEPS`, `exist` and `sets` raise TooManyCombinations.
    """

    def __init__(self, masks: Sequence[int], whole: int) -> None:
        self._masks, self._whole = masks, whole
        first: dict[int, int] = {}
        for place, mask in enumerate(masks):
            first.setdefault(mask, place)
        self._most = max((mask.bit_count() for mask in first), default=0)
        ones = (1 << number for number in range(whole.bit_length()))
        answers = [(one, tuple((mask, place) for mask, place in first.items() if mask & one)) for one in ones]
        self._rarest_first = sorted(answers, key=lambda each: len(each[1]))
        """Each bit with the distinct masks that have it, each with its first place."""
        self._earliest: dict[tuple[int, int], int] = {}
        self._steps = MOST_STEPS

    def exist(self, size: int) -> bool:
        """Whether a set of at most this many members covers the whole."""
        return self._earliest_of(self._whole, size) < NEVER

    def sets(self, size: int) -> Iterator[tuple[int, ...]]:
        """Each covering set of this size, in order, as the indices of its members, the last member first."""
        return self._sets((), self._whole, size, len(self._masks))

    def _sets(self, chosen: tuple[int, ...], lacking: int, more: int, end: int) -> Iterator[tuple[int, ...]]:
        """Each set made of the `chosen` and of `more` members before index `end` that covers the bits `lacking`."""
        for place in range(end):
            self._count_steps(1)
            mask = self._masks[place]
            left = lacking & ~mask
            if left == lacking or (more > 1) == (left == 0) or self._earliest_of(left, more - 1) >= place:
                continue
            members = (*chosen, place)
            once = several = 0
            for member in members:
                several |= once & self._masks[member]
                once |= self._masks[member]
            if not all(self._masks[member] & ~several for member in members):
                continue  # one of them is not needed: it answers nothing that no other does
            if more == 1:
                yield members
            else:
                yield from self._sets(members, left, more - 1, place)

    def _earliest_of(self, lacking: int, members: int) -> int:
        """The lowest index up to which at most `members` members cover the bits `lacking`; NEVER where none do."""
        if not lacking:
            return -1
        if members * self._most < lacking.bit_count():
            return NEVER
        found = self._earliest.get((lacking, members))
        if found is None:
            found = NEVER
            having = next(having for one, having in self._rarest_first if one & lacking)
            self._count_steps(len(having))
            for mask, place in having:
                if place >= found:
                    break
                found = min(found, max(place, self._earliest_of(lacking & ~mask, members - 1)))
            self._earliest[lacking, members] = found
        return found

    def _count_steps(self, steps: int) -> None:
        """Count steps of the search; raises TooManyCombinations beyond `MOST_STEPS` in all."""
        self._steps -= steps
        if self._steps < 0:
            raise TooManyCombinations


SIZES = range(2, 5)
BITS = 32
"""So many segments are told apart at a time, besides what was told apart before."""

Members = tuple[int, ...]
"""Rows of a lot's selection, in the order of the candidates."""


def groupings(lot: LotMatch, count: int, seed: int, language: Language) -> tuple[Grouping, ...]:
    """The first `count` groupings of a lot, as an answer shows them."""
    objects, columns = lot.query.understood.segments, lot.live.base.columns
    found = []
    for members in first_groupings(lot, count, seed):
        some = np.array(members, dtype=np.intp)
        answers = (lot.selection.best[: len(objects), some] != NO_OFFER).T
        suppliers = [
            GroupingSupplier(
                called.id,
                called.name,
                tuple([code for code, has in zip(objects, answered, strict=True) if has]),
                to_metre(away),
            )
            for called, answered, away in zip(
                map(columns.supplier, lot.ordinals[some].tolist()),
                answers.tolist(),
                lot.passing.distances.measure_rows(some).tolist(),
                strict=True,
            )
        ]
        sizes = [columns.sizes.size_at(each) for each in lot.ordinals[some].tolist()]
        reach = reach_together(lot.query.yearly_eur, sizes, lot.sector_eur, language)
        found.append(Grouping(tuple(suppliers), messages.grouping(len(members), len(objects)).to(language), reach))
    return tuple(found)


def is_whole_answered(lot: LotMatch) -> bool | None:
    """Whether a candidate, or a grouping of candidates, answers every segment of a lot's object.

    None where these answer them in so many ways that it is not found out soon.
    """
    objects = len(lot.query.subject.objects)
    if not all(one.candidates for one in lot.counts.covered[:objects]):
        return False
    if objects <= SIZES[-1]:  # a candidate for each
        return True
    answered = (lot.selection.best[:objects] != NO_OFFER)[:, lot.passing.order]
    try:
        return len(_GroupingSearch(lot, lot.passing.order, answered, 0).sizes()) > 0
    except TooManyCombinations:
        return None


def first_groupings(lot: LotMatch, count: int, seed: int) -> list[Members]:
    """The first `count` groupings of a lot as rows of candidates; none where a candidate answers the lot alone.

    Raises InvalidContent where the candidates answer its segments in so many ways that these take too long to combine.
    """
    rows, objects = lot.passing.order, len(lot.query.subject.objects)
    if not count or objects < SIZES[0] or not len(rows):
        return []
    answered = (lot.selection.best[:objects] != NO_OFFER)[:, rows]
    most = int(answered.sum(axis=0).max())
    if most == objects or most * SIZES[-1] < objects:
        return []
    search, found = _GroupingSearch(lot, rows, answered, seed), list[Members]()
    try:
        for size in search.sizes():
            found += search.first_of_size(size, count - len(found))
            if len(found) == count:
                break
    except TooManyCombinations:
        name = lot.query.lot.id[:40]
        message = _SAID["too_many_groupings"].filled(name=name, objects=objects)
        raise InvalidContent((Problem("/groupings", "too_many_combinations", message),)) from None
    return found


class _GroupingSearch:
    """Searches candidates (`rows` of a lot's selection) for groupings; `answered`: by segment, who answers it.

    `_combination`: by row of the selection, the position of what it answers in `_masks`.
    """

    def __init__(self, lot: LotMatch, rows: Positions, answered: Bools, seed: int) -> None:
        self._lot, self._rows, self._seed = lot, rows, seed
        # the distinct columns, each as bits of a number, and the place among them of every column
        number = np.zeros(answered.shape[1], dtype=np.int64)
        first = number
        for start in range(0, len(answered), BITS):
            for row in answered[start : start + BITS]:
                number = 2 * number + row
            _, first, number = np.unique(number, return_index=True, return_inverse=True)
        columns = np.packbits(answered[:, first], axis=0, bitorder="little").T
        self._masks, combination = [int.from_bytes(column.tobytes(), "little") for column in columns], number
        self._combination = np.zeros(len(lot.ordinals), dtype=np.int64)
        self._combination[rows] = combination
        self._whole = (1 << len(answered)) - 1

    def sizes(self) -> range:
        """The numbers of members that a grouping of the lot may have."""
        covers = MinimalCovers(self._masks, self._whole)
        return next((range(size, SIZES.stop) for size in SIZES if covers.exist(size)), range(0))

    def first_of_size(self, size: int, count: int) -> list[Members]:
        """The first `count` groupings of one size.

        By each criterion as many are found as are asked for; the next one is tried on whoever is not worse than the
        last of these. What is better by an earlier one was found with it.
        """
        found: set[Members] = set()
        rows = self._rows
        criteria = (self._outcomes, self._kilometres, self._tie_breaks)
        for value in criteria if self._lot.reserved_types else criteria[1:]:
            some = list[Members]()
            if value == self._kilometres:  # first those whose distance is known: of some who are farther it is not
                known = self._lot.passing.distances.known[rows]
                some = self._sets(rows[known <= CERTAIN_KM], known[known <= CERTAIN_KM], size, count)
            if len(some) < count:
                some = self._sets(rows, value(rows), size, count)
            found.update(tuple(sorted(each)) for each in some)
            if len(some) < count:
                break
            limit = value(np.array(some[-1])).max()
            if value == self._kilometres and limit <= CERTAIN_KM:
                rows = rows[self._lot.passing.distances.known[rows] <= limit]
            else:
                rows = rows[value(rows) <= limit]
        first = [np.array(each) for each in sorted(found, key=self._order_key)[:count]]
        # the members in the order of the candidates
        classes = self._lot.passing.classes
        orders = [np.lexsort((self._tie_breaks(each), self._kilometres(each), classes[each])) for each in first]
        return [tuple(each[order].tolist()) for each, order in zip(first, orders, strict=True)]

    def _outcomes(self, rows: Positions) -> NDArray[np.int8]:
        return self._lot.passing.outcome[rows]

    def _kilometres(self, rows: Positions) -> Floats:
        return self._lot.passing.distances.measure_rows(rows)

    def _tie_breaks(self, rows: Positions) -> NDArray[np.uint64]:
        return seeded_tie_break(self._lot.passing.distances.tie_break_bits(self._lot.ordinals[rows]), self._seed)

    def _sets(self, rows: Positions, values: NDArray[Any], size: int, count: int) -> list[Members]:
        """The first `count` groupings among rows, those of lower values first; rows of equal value keep their order."""
        rows = rows[np.argsort(values, kind="stable")]
        combination = self._combination[rows]
        order = np.argsort(combination, kind="stable")
        starts = np.searchsorted(combination[order], combination[order])
        rows = rows[np.sort(order[np.arange(len(order)) - starts < count])]  # others are never in the first sets
        masks, numbers = [self._masks[place] for place in self._combination[rows].tolist()], rows.tolist()
        sets = islice(MinimalCovers(masks, self._whole).sets(size), count)
        return [tuple([numbers[place] for place in places]) for places in sets]

    def _order_key(self, members: Members) -> tuple[Any, ...]:
        rows = np.array(members)
        draws = sorted(self._tie_breaks(rows).tolist(), reverse=True)
        return int(self._outcomes(rows).max()), float(self._kilometres(rows).max()), draws
