"""The order of divisions: criteria that can each be read aloud, then a draw."""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from domain.allotment.allotment import Summary
from domain.allotment.divisions import PossibleLot

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

    def plus(self, other: "Tally") -> "Tally":
        """Those of these lots and of others."""
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
