"""Divisions and joins of lots: all ways in which what is bought makes up lots of some segments in some areas."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import combinations, islice
from typing import NamedTuple, TypeVar

T = TypeVar("T")

MOST_SIDES = 12
"""The segments, areas and given lots of a group for which every possible lot is looked at: two to that power."""
STEPS_PER_DIVISION = 8
"""The lots that are tried for each division that is looked at, found or not."""

Division = tuple["PossibleLot", ...]
"""Lots that together buy all that a group of given lots buys, each thing once."""


class GivenLot(NamedTuple):
    """One lot of the need, which buys each of its segments in each of its areas; `position`: the lot's in the need.

    Areas are numbers. `terms`: all else that lots which are joined must have in common.
    """

    position: int
    segments: tuple[str, ...]
    areas: tuple[int, ...]
    terms: object


class PossibleLot(NamedTuple):
    """A lot that could be proposed: its segments, its areas, and the positions of the need's lots that buy them."""

    lots: tuple[int, ...]
    segments: tuple[str, ...]
    areas: tuple[int, ...]


class AllowedDivisions(NamedTuple):
    """The divisions a buyer allows. `family`: that of a segment; `may_unite`: whether one lot may have these areas.

    `neighbours`: of each area a bit mask of those it borders on, where the areas of a lot must be reached from each
    other through neighbours; None where they need not be.
    `is_answered`: whether a supplier answers a whole lot by itself, without which lots are not joined.
    """

    by_segment: bool
    join: bool
    family: Callable[[str], str]
    may_unite: Callable[[tuple[int, ...]], bool]
    is_answered: Callable[[PossibleLot], bool]
    neighbours: Mapping[int, int] | None = None


class JoinableLots:
    """Given lots that can be joined with one another only, and all lots that can be made of what they buy.

    A cell is a segment in an area, as bought by one lot; a set of cells (`everything`: all) is a bit mask of them.
    """

    def __init__(self, lots: Sequence[GivenLot], freedom: AllowedDivisions) -> None:
        self.lots, self.freedom = tuple(lots), freedom
        self.segments = tuple(dict.fromkeys(segment for lot in lots for segment in lot.segments))
        self.areas = tuple(dict.fromkeys(area for lot in lots for area in lot.areas))
        self._given = {lot.position: lot for lot in lots}
        self._families = {segment: freedom.family(segment) for segment in self.segments}
        self._all_unite = freedom.neighbours is None and freedom.may_unite(self.areas)
        self._unite = cache(self._may_unite)
        self._cached_cells, self.join_lots = cache(self.cells), cache(self._join_lots)
        # the bits of what one lot buys: area by area, and in each segment by segment
        width, sides = len(self.segments), len(self.segments) * len(self.areas)
        row, column = (1 << width) - 1, sum(1 << width * area for area in range(len(self.areas)))
        self._of_area = {area: row << width * number for number, area in enumerate(self.areas)}
        self._of_segment = {segment: column << number for number, segment in enumerate(self.segments)}
        self._of_lot = {lot.position: self._bits_of(lot.segments, lot.areas) for lot in lots}
        self._before = {lot.position: sides * number for number, lot in enumerate(lots)}
        self.everything = sum(self._of_lot[position] << before for position, before in self._before.items())

    def cells(self, lot: PossibleLot) -> int:
        """A bit mask of the cells (segments in areas) that a lot buys; 0 if the need buys less or it is not allowed."""
        whole = self._bits_of(lot.segments, lot.areas)
        bought = wanted = 0
        for position in lot.lots:
            own = self._of_lot[position] & whole
            if not own:
                return 0
            wanted |= own
            bought |= own << self._before[position]
        return bought if wanted == whole and self._is_allowed(lot) else 0

    def _bits_of(self, segments: Iterable[str], areas: Iterable[int]) -> int:
        """A bit mask with all pairs of one of these segments and one of these areas."""
        of_segments = of_areas = 0
        for segment in segments:
            of_segments |= self._of_segment[segment]
        for area in areas:
            of_areas |= self._of_area[area]
        return of_segments & of_areas

    def finest_division(self, by_segment: bool, by_area: bool) -> Division:
        """Every given lot divided as far as allowed by segment, by area, or by both; with neither, as it is given."""
        return tuple(
            PossibleLot((lot.position,), segments, areas)
            for lot in self.lots
            for segments in (
                zip(lot.segments, strict=True) if by_segment and self.freedom.by_segment else (lot.segments,)
            )
            for areas in (zip(lot.areas, strict=True) if by_area else (lot.areas,))
        )

    def _join_lots(self, one: PossibleLot, other: PossibleLot) -> PossibleLot | None:
        """One lot made of two lots of a division; None where these may not be joined."""
        both = PossibleLot(
            _unite_in_order(one.lots, other.lots, self._given),
            _unite_in_order(one.segments, other.segments, self._of_segment),
            _unite_in_order(one.areas, other.areas, self._of_area),
        )
        cells = self.cells(both)
        return both if cells and cells == self._cached_cells(one) | self._cached_cells(other) else None

    def possible_lots(self) -> Iterator[tuple[PossibleLot, int]]:
        """Yield every lot that can be made of these, with a bit mask of its cells; feasible for small groups only."""
        most = len(self.lots) if self.freedom.join else 1
        sets = [chosen for size in range(1, most + 1) for chosen in combinations(self._given, size)]
        for segments in _subsets(self.segments):
            for areas in _subsets(self.areas):
                for lots in sets:
                    lot = PossibleLot(lots, segments, areas)
                    if cells := self.cells(lot):
                        yield lot, cells

    def divisions(self, limit: int, most_lots: int) -> list[Division] | None:
        """Every division of the group into at most `most_lots` lots; None where there are more than `limit`.

        Also where so many are tried in vain that these are not all found soon.
        """
        if len(self.segments) + len(self.areas) + (len(self.lots) if self.freedom.join else 0) > MOST_SIDES:
            return None
        by_first: dict[int, list[tuple[PossibleLot, int]]] = {}
        for lot, cells in self.possible_lots():
            by_first.setdefault(cells & -cells, []).append((lot, cells))
        steps = STEPS_PER_DIVISION * limit

        def choose_lots(wanted: int, most: int) -> Iterator[Division]:
            """Every set of at most `most` lots that covers each cell of the bit mask `wanted` exactly once."""
            nonlocal steps
            steps -= 1
            if not wanted:
                yield ()
            elif most:
                for lot, cells in by_first.get(wanted & -wanted, ()):
                    if steps < 0:
                        return
                    if not cells & ~wanted:
                        yield from ((lot, *others) for others in choose_lots(wanted & ~cells, most - 1))

        found = list(islice(choose_lots(self.everything, most_lots), limit + 1))
        return None if len(found) > limit or steps < 0 else found

    def _is_allowed(self, lot: PossibleLot) -> bool:
        """Whether a lot may be proposed: its division by segment, its join of what one supplier does, its areas."""
        positions, freedom = lot.lots, self.freedom
        if not freedom.by_segment:
            segments = {*lot.segments}
            if not all(segments.issuperset(self._given[position].segments) for position in positions):
                return False
        if len(positions) > 1:
            families = self._families
            if not freedom.join or len({families[segment] for segment in lot.segments}) > 1:
                return False
        if not (self._all_unite or len(lot.areas) == 1 or self._unite(lot.areas)):
            return False
        return len(positions) == 1 or freedom.is_answered(lot)

    def _may_unite(self, areas: tuple[int, ...]) -> bool:
        """Whether one lot may have these areas: they can be said together, and are neighbours where they must be."""
        beside = self.freedom.neighbours
        return self.freedom.may_unite(areas) and (beside is None or are_connected(areas, beside))


def are_connected(areas: Sequence[int], neighbours: Mapping[int, int]) -> bool:
    """Whether each of the areas can be reached from each other through neighbours among them."""
    left = sum(1 << area for area in areas)
    reached = left & -left
    while reached:
        left ^= reached
        beside = 0
        for area in areas:
            if reached >> area & 1:
                beside |= neighbours[area]
        reached = beside & left
    return not left


def joinable_groups(lots: Iterable[GivenLot], freedom: AllowedDivisions) -> list[JoinableLots]:
    """The given lots in groups: lots that might be joined, directly or by way of others, share a group."""

    def might_join(one: GivenLot, other: GivenLot) -> bool:
        if not freedom.join or one.terms != other.terms:
            return False
        families = [{freedom.family(code) for code in lot.segments} for lot in (one, other)]
        meet = set(one.segments) & set(other.segments) or set(one.areas) & set(other.areas)
        return bool(meet and families[0] & families[1])

    found: list[list[GivenLot]] = []
    for lot in lots:
        near = [group for group in found if any(might_join(lot, other) for other in group)]
        found = [group for group in found if group not in near] + [[*(one for group in near for one in group), lot]]
    ordered = [sorted(group, key=lambda lot: lot.position) for group in found]
    return [JoinableLots(group, freedom) for group in sorted(ordered, key=lambda group: group[0].position)]


def _unite_in_order(one: tuple[T, ...], other: tuple[T, ...], ordered: Iterable[T]) -> tuple[T, ...]:
    """The values of either tuple, each once, in the order of `ordered`."""
    if one == other:
        return one
    values = {*one, *other}
    return tuple(value for value in ordered if value in values)


def _subsets(values: tuple[T, ...]) -> Iterator[tuple[T, ...]]:
    """Every subset but the empty one, each in the given order."""
    for size in range(1, len(values) + 1):
        yield from combinations(values, size)
