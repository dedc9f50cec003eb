"""The estimated value of a lot and of a need, in cents: what the law counts, with renewals and options (R2121-1).

And hours of a social clause proposed for a lot, an order of magnitude from its amount and the share of labour in its
trade: `domain/data/insertion_hours.toml` has the figures and their sources.
"""

from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache
from importlib.resources import files
from math import ceil, floor
from typing import NamedTuple

import msgspec

from domain.needs.need import Lot, Need, value_per_year

NONE = Fraction(0)


class Estimate(NamedTuple):
    """The parts of a lot's estimated value, in cents; `renewals` null where no duration is stated to count by.

    `excess`: the part of a cent that rounding the renewals up added.
    """

    stated: int
    renewals: int | None = 0
    options: int = 0
    excess: Fraction = NONE

    @property
    def total(self) -> int | None:
        """The estimated value; None where it is not known."""
        return None if self.renewals is None else self.stated + self.renewals + self.options

    @property
    def known(self) -> int:
        """The known part of the estimated value."""
        return self.stated + (self.renewals or 0) + self.options


def estimate_of(lot: Lot) -> Estimate | None:
    """The estimated value of a lot: its amount × (duration + renewals) / duration + options; None without an amount.

    An amount that covers all is the estimate, and options stated beside it are a part of it. Reckoned exactly, and then
    rounded up to the cent: it never falls below a threshold that it reaches.
    """
    if lot.value_eur is None:
        return None
    stated, months = cents_rounded_up(lot.value_eur), lot.renewal_months or 0
    if lot.value_covers == "all":
        return Estimate(stated)
    options = cents_rounded_up(lot.options_eur or 0)
    if not months:
        return Estimate(stated, 0, options)
    if lot.duration_months is None:
        return Estimate(stated, None, options)
    if stated / 100 == lot.value_eur and stated * months % lot.duration_months == 0:
        return Estimate(stated, stated * months // lot.duration_months, options)
    amount = Fraction(stated, 100) if stated / 100 == lot.value_eur else Fraction(repr(lot.value_eur))
    whole = amount * (lot.duration_months + months) / lot.duration_months
    rounded = _fraction_to_cents_up(whole)
    return Estimate(stated, max(0, rounded - stated), options, max(NONE, rounded - whole * 100))


def estimated_cents(lot: Lot) -> int | None:
    """The estimated value of a lot in cents; None where it is not known."""
    estimate = estimate_of(lot)
    return estimate.total if estimate else None


def yearly_value(lot: Lot, total_eur: float | None = None) -> float | None:
    """The euros a year of a lot: its estimated value over its months, renewals included; None where it is not known.

    `total_eur`: of a need of this lot alone, the total that is stated. The whole value where it lasts less than a year,
    or no duration is stated.
    """
    cents = estimated_cents(lot) if total_eur is None else cents_rounded_up(total_eur)
    months = (lot.duration_months or 0) + (lot.renewal_months or 0)
    return None if cents is None else value_per_year(cents / 100, months)


def known_total(estimates: Iterable[Estimate | None]) -> int:
    """The sum of the known parts of estimated values, in cents: rounded up once, not lot by lot."""
    known = [each for each in estimates if each]
    excess = sum([each.excess for each in known if each.excess], NONE)
    return sum([each.known for each in known]) - floor(round(excess, 4))


def stated_total(need: Need) -> int | None:
    """The total that a need states, in cents; None where it states none."""
    return None if need.estimated_total_eur is None else cents_rounded_up(need.estimated_total_eur)


def cents_rounded_up(amount_eur: float) -> int:
    """An amount of euros in whole cents, rounded up."""
    nearest = round(amount_eur * 100)
    return nearest if nearest / 100 == amount_eur else _fraction_to_cents_up(Fraction(repr(amount_eur)))


def _fraction_to_cents_up(amount_eur: Fraction) -> int:
    # what is beyond a millionth of a euro is no amount, but how floating point numbers are written
    return ceil(round(amount_eur * 100, 4))


class LabourShare(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The share of an amount that pays labour, from 0 to 1, and its source."""

    value: float
    source: str


class HoursFigures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of insertion_hours.toml; `shares`: by segment, by family of trades, and of the `other` ones."""

    hourly_cost_eur: float
    hourly_cost_source: str
    rate: float
    rate_source: str
    shares: dict[str, LabourShare]


class ProposedHours(msgspec.Struct, frozen=True):
    """Hours of work integration for an amount, and the figures that they are made of."""

    hours: int
    amount_eur: float
    share: LabourShare
    rate: float
    hourly_cost_eur: float


@lru_cache(maxsize=1)
def hours_figures() -> HoursFigures:
    """The figures of the proposal, each with its source."""
    return msgspec.toml.decode((files("domain") / "data" / "insertion_hours.toml").read_bytes(), type=HoursFigures)


def proposed_hours(amount_eur: float, segment: str, rate: float | None = None) -> ProposedHours:
    """The hours proposed for an amount of a segment (or family), rounded to ten; `rate`: None for the usual one."""
    figures = hours_figures()
    shares, family = figures.shares, segment.partition("-")[0]
    share = shares.get(segment) or shares.get(family) or shares["other"]
    chosen = figures.rate if rate is None else rate
    hours = amount_eur * share.value * chosen / figures.hourly_cost_eur
    return ProposedHours(round(hours / 10) * 10, amount_eur, share, chosen, figures.hourly_cost_eur)
