"""Amounts of notices in euros: the values of lots, and of the whole need where these do not tell it."""

import re

import msgspec

from domain.needs.need import Lot
from domain.text.typography import cut
from sources.notices.notice import Amount, Notice, NoticeLot

MOST_EUROS = 1e12
LEAST_EUROS = 1.0
"""An amount up to this is a field filled in because it had to be, and no value."""
_SPACES = re.compile(r"[\s\u00a0\u202f']")


def with_values(notice: Notice, made: list[tuple[NoticeLot, Lot]]) -> tuple[list[Lot], float | None]:
    """The lots with their values, and the total of the need where it is not their sum, in euros.

    `made`: the lots as they were read, and as they are so far. The total is the greater of the estimate and of the
    maximum of a framework agreement, which counts for the procedure (R2121-8). An estimate that may not
    count renewals is no total, which does (R2121-1).
    """
    read = [_value(notice, each) for each, _ in made]
    whole = [_euros(notice, each) for each in (notice.value, notice.maximum)]
    total = max((value for value in whole if value is not None), default=None)
    values = [value for value, _ in read]
    if values == [None]:
        values = [total if whole[0] is None else whole[0]]
    greatest = [max((each for each in (value, most) if each is not None), default=None) for value, most in read]
    if total is None and None not in greatest:
        total = sum(each for each in greatest if each is not None)
    known = None if None in values else sum(each for each in values if each is not None)
    lots = [_valued(notice, each, lot, value) for (each, lot), value in zip(made, values, strict=True)]
    if total is None or total == known:
        return lots, None
    if total == whole[0] and notice.value and notice.value_covers == "firm" and any(lot.renewal_months for lot in lots):
        notice.note(
            notice.value.path,
            "Rien ne dit si ce total compte les reconductions : il n'est pas repris",
            "Nothing says whether this total counts the renewals: it is not taken over",
        )
        return lots, None
    return lots, min(total, MOST_EUROS)


def _valued(notice: Notice, read: NoticeLot, lot: Lot, value: float | None) -> Lot:
    """The lot with its value, and what that covers; where its form does not say this of renewals, it is noted."""
    if value is None:
        return lot
    amount = read.value or read.maximum or notice.value or notice.maximum
    if notice.value_covers == "firm" and lot.renewal_months and amount is not None:
        notice.note(
            amount.path,
            "Rien ne dit si ce montant compte les reconductions : il est lu comme celui de la durée ferme",
            "Nothing says whether this amount counts the renewals: it is read as that of the firm duration",
        )
    return msgspec.structs.replace(lot, value_eur=value, value_covers=notice.value_covers)


def _value(notice: Notice, lot: NoticeLot) -> tuple[float | None, float | None]:
    """The value of a lot, and the most that it may be worth."""
    value, most = _euros(notice, lot.value), _euros(notice, lot.maximum)
    if value is None and most is not None and lot.maximum is not None:
        notice.note(
            lot.maximum.path,
            "La valeur du lot est le maximum de l'accord-cadre, faute d'estimation",
            "The value of the lot is the maximum of the framework agreement, as there is no estimate",
        )
        return most, most
    return value, most


def _euros(notice: Notice, amount: Amount | None) -> float | None:
    """The amount in euros; None, which is noted, for another currency and for what is no value."""
    if amount is None:
        return None
    written = _SPACES.sub("", amount.text)
    if written.count(",") == 1 and "." not in written:
        written = written.replace(",", ".")
    try:
        value = float(written)
    except ValueError:
        value = -1.0
    if amount.currency and amount.currency.upper() != "EUR":
        why = "n'est pas en euros", "is not in euros"
    elif not 0 <= value <= MOST_EUROS:
        why = "ne se lit pas", "cannot be read"
    elif value <= LEAST_EUROS:
        why = "n'est pas une valeur", "is no value"
    else:
        return value
    shown = f"{cut(amount.text)} {cut(amount.currency, 10)}".strip()
    notice.note(amount.path, f"Le montant « {shown} » {why[0]}", f"The amount “{shown}” {why[1]}")
    return None
