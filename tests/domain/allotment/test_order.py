"""The criteria are applied one after the other, and the draw decides what is left."""

from domain.allotment.divisions import PossibleLot
from domain.allotment.order import Figures, draw, rank, tally


def lot(*, supply: bool = True, competition: bool = True, reserved: bool = False, alone: int = 0b1) -> Figures:
    return Figures(supply, competition, reserved, alone.bit_count(), alone)


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


def test_a_supplier_counts_once_however_many_lots_it_answers() -> None:
    together = tally([lot(alone=0b011), lot(alone=0b110)])
    assert together.alone.bit_count() == 3
    assert tally([lot(alone=0b011)]).plus(tally([lot(alone=0b110)])) == together


def test_the_draw_depends_on_the_need_and_the_division_alone() -> None:
    one, other = PossibleLot((0,), ("a",), (0,)), PossibleLot((1,), ("b",), (0,))
    assert draw(1, [one, other]) == draw(1, [other, one])
    assert len({draw(1, [one]), draw(2, [one]), draw(1, [other])}) == 3
