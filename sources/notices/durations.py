"""Durations and renewals as notices write them, in months: numbers with a unit, days, French sentences."""

import math
import re
from datetime import date

from domain.text.normalise import fold

DAYS_A_MONTH = 365.25 / 12
MOST_MONTHS = 1_200
_UNITS = {
    "DAY": 1 / DAYS_A_MONTH, "WEEK": 7 / DAYS_A_MONTH, "MONTH": 1.0, "QUARTER": 3.0, "YEAR": 12.0,
    "ANN": 12.0, "MON": 1.0,
}  # fmt: skip
_WORDS = {
    "un": 1, "une": 1, "deux": 2, "trois": 3, "quatre": 4, "cinq": 5, "six": 6, "sept": 7, "huit": 8, "neuf": 9,
    "dix": 10, "onze": 11, "douze": 12, "dix huit": 18, "vingt quatre": 24, "trente six": 36, "quarante huit": 48,
}  # fmt: skip
_NUMBER = r"(?P<{name}>\d{{1,3}}|" + "|".join(sorted(_WORDS, key=len, reverse=True)) + r")(?: \d{{1,3}})?"
# "trois (3) fois" folds to "trois 3 fois"
_COUNTS = (
    re.compile(r"\b" + _NUMBER.format(name="count") + r" (?:fois|reconduction|renouvellement|prolongation|periode)"),
    re.compile(r"\bnombre de (?:periodes|reconductions|renouvellements)[a-z ]{0,50}? " + _NUMBER.format(name="count")),
)
_LENGTH = re.compile(r"\b" + _NUMBER.format(name="length") + r" (?P<unit>mois|ans?|annees?|jours|semaines)\b")
_SENTENCE = re.compile(r"[.;\n]")
_YEARLY = re.compile(r"\b(?:annuelles?|annuellement|tous les ans|chaque annee|par an|d annee en annee)\b")
_WHOLE = re.compile(r"\b(?:totale?|globale?|maximale?s?|maximum|au total|exceder|depasser)\b")
_RENEWS = re.compile(r"recondu|renouvel", re.IGNORECASE)
_UNIT_MONTHS = {"mois": 1.0, "an": 12.0, "ans": 12.0, "annee": 12.0, "annees": 12.0, "jours": 1 / DAYS_A_MONTH,
                "semaines": 7 / DAYS_A_MONTH}  # fmt: skip
MOST_RENEWALS, MOST_DIGITS = 20, 9


def months_of(number: str, unit: str) -> int | None:
    """The whole months that `number` of a unit last, at least one; None where either is not known or it is too long.

    Units are those of eForms (MONTH, YEAR, DAY, WEEK), also in UN/CEFACT's letters (MON, ANN).
    """
    try:
        count = float(number.replace(",", "."))
    except ValueError:
        return None
    length = count * _UNITS.get(unit.strip().upper(), 0.0)
    return _whole_months(length)


def count_of(written: str) -> int | None:
    """The number of renewals that a field writes in digits; None where it writes another thing, or more of them."""
    # no longer than that: Python makes no number of thousands of digits
    return int(written) if len(written) <= MOST_DIGITS and written.isascii() and written.isdecimal() else None


def months_between(start: str, end: str) -> int | None:
    """The whole months from one day to another, that one included; None where either is no day, or not before."""
    days = [day_of(start), day_of(end)]
    if days[0] is None or days[1] is None or days[1] <= days[0]:
        return None
    return _whole_months(((days[1] - days[0]).days + 1) / DAYS_A_MONTH)


def renewal_months(words: str, count: int | None, first_months: int | None) -> tuple[int | None, bool]:
    """The months of all renewals together, and whether that is written rather than supposed.

    `count`: how often, where a field says it; `first_months`: how long the contract lasts before. Where no length of a
    renewal is written, each is supposed to last as long as the contract did at first. (None, True) where nothing tells.
    """
    sentences = [fold(sentence) for sentence in _SENTENCE.split(words)]
    count = _count_in(" ".join(sentences)) if count is None else count
    each, whole = _lengths_in(sentences)
    if count == 0:
        return 0, True
    if count is not None and each is not None:
        return _bounded(count * each), True
    if whole is not None and first_months is not None and whole > first_months and count is None:
        return _bounded(whole - first_months), True
    if count is not None and first_months is not None:
        return _bounded(count * first_months), False
    return None, True


def renewal_sentences(words: str) -> str:
    """The sentences of a text that speak of renewing the contract."""
    return ". ".join(sentence for sentence in _SENTENCE.split(words) if _RENEWS.search(sentence))


def _count_in(said: str) -> int | None:
    found = next((found for pattern in _COUNTS if (found := pattern.search(said))), None)
    count = 0 if found is None else _number(found["count"])
    return count if 0 < count <= MOST_RENEWALS else None


def _lengths_in(sentences: list[str]) -> tuple[int | None, int | None]:
    """The length of one renewal, and that of the whole contract with its renewals, in months.

    A length is that of the whole where what stands before it, back to another length, says so.
    """
    each: int | None = None
    whole: int | None = None
    for said in sentences:
        before = 0
        for found in _LENGTH.finditer(said):
            months = _whole_months(_number(found["length"]) * _UNIT_MONTHS[found["unit"]])
            if _WHOLE.search(said[before : found.start()]):
                whole = months if whole is None else whole
            else:
                each = months if each is None else each
            before = found.end()
        if each is None and _YEARLY.search(said):
            each = 12
    return each, whole


def _number(written: str) -> int:
    return int(written) if written.isdecimal() else _WORDS[written]


def day_of(written: str) -> date | None:
    """The day of a date that may have an offset behind it."""
    try:
        return date.fromisoformat(written.strip()[:10])
    except ValueError:
        return None


def _whole_months(months: float) -> int | None:
    """Rounded to the nearest month where that is near (30 or 31 days), else up."""
    if not (math.isfinite(months) and months > 0):
        return None
    near = round(months)
    return _bounded(near if near and abs(months - near) <= 0.1 else math.ceil(months))


def _bounded(months: int) -> int | None:
    return months if 0 <= months <= MOST_MONTHS else None
