"""Hours of a social clause proposed for a lot, from its amount and the share of labour in its trade.

An order of magnitude: `domain/data/insertion_hours.toml` has the figures and their sources.
"""

from functools import lru_cache
from importlib.resources import files

import msgspec


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
