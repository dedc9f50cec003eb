"""The best divisions are found, all of them looked at or not.

The criteria are applied one after the other, and the draw decides what is left.
"""

from functools import cache
from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.allotment import search
from domain.allotment.divisions import AllowedDivisions, GivenLot, JoinableLots, PossibleLot, joinable_groups
from domain.allotment.search import FiguresOf, LotFigures, best_divisions, draw_number, rank, tally


def lot(*, supply: bool = True, competition: bool = True, reserved: bool = False, alone: int = 0b1) -> LotFigures:
    return LotFigures(supply, competition, reserved, alone.bit_count(), alone)


def test_each_criterion_goes_before_the_next() -> None:
    """From the best to the worst, each is better than the next by one criterion and worse by all later ones."""
    ordered = [
        [lot(competition=False), lot(competition=False)],
        [lot(competition=True), lot(supply=False, competition=False, alone=0)],
        [lot(competition=False, alone=0b111), lot(supply=False, competition=False, alone=0)],
        [lot(competition=False, alone=0b11, reserved=True), lot(supply=False, competition=False, alone=0)],
        [lot(competition=False, alone=0b11), lot(supply=False, competition=False, alone=0)],
        [lot(competition=False, alone=0b11), lot(competition=False), lot(supply=False, competition=False, alone=0)],
    ]
    ranks = [rank(tally(lots)) for lots in ordered]
    assert ranks == sorted(ranks)
    assert len(set(ranks)) == len(ranks)


def test_a_supplier_counts_once_and_the_draw_is_the_needs_own() -> None:
    """However many lots it answers; the draw depends on the need and the division alone."""
    together = tally([lot(alone=0b011), lot(alone=0b110)])
    assert together.alone.bit_count() == 3
    assert tally([lot(alone=0b011)]).add(tally([lot(alone=0b110)])) == together
    one, other = PossibleLot((0,), ("a",), (0,)), PossibleLot((1,), ("b",), (0,))
    assert draw_number(1, [one, other]) == draw_number(1, [other, one])
    assert len({draw_number(1, [one]), draw_number(2, [one]), draw_number(1, [other])}) == 3


ANY = AllowedDivisions(True, True, lambda code: code[:2], lambda _: True, lambda _: True)


def supply(seed: int, suppliers: int = 12) -> FiguresOf:
    """Suppliers that each answer some segments in some areas, drawn by the seed."""

    @cache
    def answering(segment: str, area: int) -> int:
        return Random(f"{seed} {segment} {area}").getrandbits(suppliers) & Random(f"{seed} {area}").getrandbits(
            suppliers
        )

    def value(lot: PossibleLot) -> LotFigures:
        by_segment = [0] * len(lot.segments)
        for (place, segment), area in product(enumerate(lot.segments), lot.areas):
            by_segment[place] |= answering(segment, area)
        some, every = 0, (1 << suppliers) - 1
        for answered in by_segment:
            some, every = some | answered, every & answered
        return LotFigures(some > 0, some.bit_count() >= 4, some.bit_count() >= 6, some.bit_count(), every)

    return value


def lots(*made: tuple[str, tuple[int, ...]]) -> list[JoinableLots]:
    given_lots = [GivenLot(place, tuple(codes.split()), areas, None) for place, (codes, areas) in enumerate(made)]
    return joinable_groups(given_lots, ANY)


@given(seed=st.integers(0, 10**6), most_lots=st.integers(2, 9))
def test_the_best_of_all_are_found(seed: int, most_lots: int) -> None:
    """Of several groups together, put in order by hand."""
    divided, value = lots(("de-a de-b", (0, 1)), ("pr-a pr-b pr-c", (0,)), ("de-c", (0,))), supply(seed)
    found = best_divisions(divided, value, most_lots, 5, seed)
    menus = [group.divisions(10_000, 99) or [] for group in divided]
    ranks = sorted(
        rank(tally(value(lot) for division in chosen for lot in division))
        for chosen in product(*menus)
        if sum(map(len, chosen)) <= most_lots
    )
    assert found.complete
    assert [rank(each.figures) for each in found.best] == ranks[:5]
    assert all(each.figures == tally(map(value, each.lots)) for each in found.best)


@given(seed=st.integers(0, 10**6))
def test_a_bounded_search_finds_divisions_that_are_no_worse_than_the_lots_as_given(seed: int) -> None:
    """Whole divisions, each thing bought once; it says that it did not look at all."""
    divided, value = lots(("de-a de-b de-c de-d", tuple(range(10))), ("pr-a pr-b", (0, 1, 2))), supply(seed)
    found = best_divisions(divided, value, 40, 5, seed)
    assert not found.all_divisions
    assert found.best
    as_given = tally(value(lot) for group in divided for lot in group.finest_division(False, False))
    assert rank(found.best[0].figures) <= rank(as_given)
    for each in found.best:
        bought = sorted(
            (place, *cell) for lot in each.lots for place in lot.lots for cell in product(lot.segments, lot.areas)
        )
        wanted = sorted(
            (lot.position, *cell) for some in divided for lot in some.lots for cell in product(lot.segments, lot.areas)
        )
        assert bought == wanted


def test_many_groups_are_combined_by_their_best(monkeypatch: pytest.MonkeyPatch) -> None:
    """No combination is then said to be left out that might have been better by the criteria that add up."""
    divided, value = lots(*((f"{code}-a {code}-b {code}-c", (0,)) for code in ("de", "pr", "ev", "re"))), supply(3)
    whole = best_divisions(divided, value, 8, 5, 1)
    monkeypatch.setattr(search, "MOST_COMBINED", 100)
    bounded = best_divisions(divided, value, 8, 5, 1)
    assert (whole.complete, bounded.all_divisions, bounded.all_combinations) == (True, True, False)
    assert rank(bounded.best[0].figures)[:2] == rank(whole.best[0].figures)[:2]


def test_a_weak_area_is_joined_with_another() -> None:
    """Where not all can be looked at, the lot without supply does not stay alone."""

    def value(lot: PossibleLot) -> LotFigures:
        reached = sum(1 << 4 * area + number for area in lot.areas if area for number in range(4))
        return LotFigures(reached > 0, reached > 0, False, reached.bit_count(), reached)

    divided = lots(("de-a", tuple(range(20))))
    found = best_divisions(divided, value, 20, 1, 1)
    assert (found.best[0].figures.without_supply, found.best[0].figures.lots) == (0, 19)


def test_equal_areas_make_parts_of_neighbours_about_as_large() -> None:
    """Where not all can be looked at: of sixteen areas in a row that all suppliers answer, two halves."""
    row = {number: (1 << number >> 1 | 2 << number) & 0xFFFF for number in range(16)}
    given_lot = GivenLot(0, ("de-a",), tuple(range(16)), None)
    divided = joinable_groups([given_lot], ANY._replace(neighbours=row))
    found = best_divisions(divided, lambda _: lot(alone=0b1111), 2, 1, 1)
    assert [each.areas for each in sorted(found.best[0].lots)] == [tuple(range(8)), tuple(range(8, 16))]


def test_no_division_is_small_enough() -> None:
    divided = lots(("de-a", (0,)), ("pr-a", (0,)))
    assert best_divisions(divided, supply(1), 1, 5, 1).best == ()
