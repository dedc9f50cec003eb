"""The estimated value of a lot as the law counts it, with its renewals and options (R2121-1), in cents."""

from collections.abc import Iterable
from fractions import Fraction
from math import ceil, floor
from typing import NamedTuple

from domain.needs.need import Lot, Need
from domain.text.bilingual import NOTHING, Text, euros, joined

PLUS = Text(" + ", " + ")
NONE = Fraction(0)


class Estimate(NamedTuple):
    """The parts of a lot's estimated value, in cents; `renewals` null: they have no duration to be counted by.

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
        """The part of it that is known."""
        return self.stated + (self.renewals or 0) + self.options


def estimate_of(lot: Lot) -> Estimate | None:
    """The estimated value of a lot: its amount × (duration + renewals) / duration + options; None without an amount.

    An amount that covers all is the estimate, and options stated beside it are a part of it. Reckoned exactly, and then
    rounded up to the cent: it never falls below a threshold that it reaches.
    """
    if lot.value_eur is None:
        return None
    stated, months = cents_up(lot.value_eur), lot.renewal_months or 0
    if lot.value_covers == "all":
        return Estimate(stated)
    options = cents_up(lot.options_eur or 0)
    if not months:
        return Estimate(stated, 0, options)
    if lot.duration_months is None:
        return Estimate(stated, None, options)
    amount = Fraction(stated, 100) if stated / 100 == lot.value_eur else Fraction(repr(lot.value_eur))
    whole = amount * (lot.duration_months + months) / lot.duration_months
    rounded = _up(whole)
    return Estimate(stated, max(0, rounded - stated), options, max(NONE, rounded - whole * 100))


def estimated_cents(lot: Lot) -> int | None:
    """The estimated value of a lot in cents; None where it is not known."""
    estimate = estimate_of(lot)
    return estimate.total if estimate else None


def known_total(estimates: Iterable[Estimate | None]) -> int:
    """The sum of estimated values as far as they are known, in cents: rounded up once, not lot by lot."""
    known = [each for each in estimates if each]
    excess = sum([each.excess for each in known if each.excess], NONE)
    return sum([each.known for each in known]) - floor(round(excess, 4))


def stated_total(need: Need) -> int | None:
    """The total that a need states, in cents; None where it states none."""
    return None if need.estimated_total_eur is None else cents_up(need.estimated_total_eur)


def cents_up(amount_eur: float) -> int:
    """Euros as integer cents, a part of a cent counted as one."""
    nearest = round(amount_eur * 100)
    return nearest if nearest / 100 == amount_eur else _up(Fraction(repr(amount_eur)))


def _up(amount_eur: Fraction) -> int:
    # what is beyond a millionth of a euro is no amount, but how floating point numbers are written
    return ceil(round(amount_eur * 100, 4))


def sum_in_words(lot: Lot) -> Text | None:
    """The estimated value as a sum: “50 000 € + 3 reconductions de 50 000 € = 200 000 €”; None where nothing adds."""
    found = estimate_of(lot)
    if found is None or found.total is None or found.total == found.stated:
        return None
    parts = [euros(found.stated)]
    first, months = lot.duration_months or 1, lot.renewal_months or 0
    if found.renewals and months % first == 0 and found.renewals == found.stated * (months // first):
        parts.append(_renewals(months // first, parts[0]))
    elif found.renewals:
        firm, more = parts.pop(), euros(found.renewals)
        parts += [_over(firm, first, NOTHING), _over(more, months, Text(" de reconduction", " of renewal"))]
    if found.options:
        options = euros(found.options)
        parts.append(Text(f"{options.fr} d'options", f"{options.en} of options"))
    return joined((joined(parts, PLUS), euros(found.total)), Text(" = ", " = "))


def _renewals(count: int, each: Text) -> Text:
    many = "s" if count > 1 else ""
    return Text(f"{count} reconduction{many} de {each.fr}", f"{count} renewal{many} of {each.en}")


def _over(amount: Text, months: int, of: Text) -> Text:
    return Text(
        f"{amount.fr} ({months} mois{of.fr})", f"{amount.en} ({months} month{'s' if months > 1 else ''}{of.en})"
    )
