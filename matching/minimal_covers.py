"""Sets of members that together answer all that is wanted, none of them superfluous, the first ones in an order."""

from collections.abc import Iterator, Sequence

NEVER = 1 << 62
MOST_STEPS = 500_000
"""The members that are tried, for half a second: 3,000 that each answer another 4 of 12 things take a tenth of it."""


class TooManyCombinations(Exception):
    """More members would have to be tried than `MOST_STEPS`."""


class MinimalCovers:
    """Members stand in an order of preference; `masks[p]`: what the one at place `p` answers, a bit for each thing.

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
        """Whether there is a set of this size or a smaller one."""
        return self._earliest_of(self._whole, size) < NEVER

    def sets(self, size: int) -> Iterator[tuple[int, ...]]:
        """The places of the members of each set of this size, the last one first; the sets in order."""
        return self._sets((), self._whole, size, len(self._masks))

    def _sets(self, chosen: tuple[int, ...], lacking: int, more: int, end: int) -> Iterator[tuple[int, ...]]:
        """The chosen with `more` others from before `end` that answer what is `lacking`."""
        for place in range(end):
            self._spend(1)
            mask = self._masks[place]
            left = lacking & ~mask
            if left == lacking or (more > 1) == (left == 0) or self._earliest_of(left, more - 1) >= place:
                continue
            members = (*chosen, place)
            if not _each_is_needed([self._masks[each] for each in members]):
                continue
            if more == 1:
                yield members
            else:
                yield from self._sets(members, left, more - 1, place)

    def _earliest_of(self, lacking: int, members: int) -> int:
        """The earliest place by which at most so many members answer what is lacking; NEVER where none do."""
        if not lacking:
            return -1
        if members * self._most < lacking.bit_count():
            return NEVER
        found = self._earliest.get((lacking, members))
        if found is None:
            found = NEVER
            having = next(having for one, having in self._rarest_first if one & lacking)
            self._spend(len(having))
            for mask, place in having:
                if place >= found:
                    break
                found = min(found, max(place, self._earliest_of(lacking & ~mask, members - 1)))
            self._earliest[lacking, members] = found
        return found

    def _spend(self, steps: int) -> None:
        self._steps -= steps
        if self._steps < 0:
            raise TooManyCombinations


def _each_is_needed(masks: Sequence[int]) -> bool:
    """Whether each mask has a bit that no other has."""
    once = several = 0
    for mask in masks:
        several |= once & mask
        once |= mask
    return all(mask & ~several for mask in masks)
