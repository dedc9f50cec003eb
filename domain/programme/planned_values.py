"""Amounts, dates and durations as buyers write them in tables of purchases: “1,2 M€”, “T2 2027”, “1 an + 3 x 1 an”.

What says nothing known (“à définir”) is None; what is written and cannot be true raises FaultyCell.
"""

import re
from datetime import date, timedelta
from typing import NamedTuple

from domain.needs.lot_words import terms_in
from domain.text.bilingual import Text
from domain.text.normalise import fold

_DIGITS = r"\d{1,3}(?:[\s.,'’\u00a0\u202f]\d{3})+(?:[.,]\d{1,2})?(?!\d)|\d+(?:[.,]\d+)?"
_UNIT = r"(?:M\s?€|millions?\b(?:\s+d['’\s]\s?euros?)?|M\s?euros?\b|k\s?€|k\s?eur(?:os?)?\b|k\b|milliers?\b|m€)"
_AMOUNT = re.compile(
    rf"(?:(?P<lead>HT|TTC)\s*:?\s*)?(?P<number>{_DIGITS})\s*(?P<unit>{_UNIT})?\s*(?:€|euros?\b|eur\b)?\s*(?P<tax>HT|TTC)?",
    re.IGNORECASE,
)
_MILLIONS = re.compile(r"(?<![^\W\d])(?:M\s?(?:€|euros?\b)|millions?)", re.IGNORECASE)
_THOUSANDS = re.compile(r"(?<![^\W\d])(?:k\s?(?:€|eur|$)|milliers?)", re.IGNORECASE)
_SPANS = re.compile(r"(?<!\d)\d+(?:[.,]\d+)?\s*(?:%|ans?\b|années?\b|mois\b)|\b20\d\d\s*[:=]", re.IGNORECASE)
_TIMES = re.compile(
    r"^(\d{1,2})\s*(?:ans?\b|lots?\b)?\s*[x×*]\s*(?=\d)|(?<=[\d€])\s*(?:HT\s*)?[x×*]\s*(\d{1,2})(?:\s*(?:ans?|lots?))?$",
    re.IGNORECASE,
)
_GLUED_UNIT = re.compile(r"\d+\s?(?:k?eur(?:os?)?|keuros?|ans|mois|ttc|millions?)", re.IGNORECASE)
_A_YEAR = re.compile(r"/\s*an\b|\bpar an|\bannuel|\ban\b", re.IGNORECASE)
_PLAIN = re.compile(r"-?\d+\.\d+(?:[eE][-+]?\d+)?")
_TAX_RATE = 1.2
LONGEST_AMOUNT = 400
"""Characters of a cell in which an amount is looked for: patterns that find one take their square in steps."""
_SMALL = 3
"""Digits of a number that is hardly an amount, among words and without a currency."""


class FaultyCell(Exception):
    """Raised for a cell that cannot be what its column holds; `field`: that of the column."""

    def __init__(self, field: str, code: str, detail: Text) -> None:
        super().__init__(detail.en)
        self.field, self.code, self.detail = field, code, detail


class Amount(NamedTuple):
    """An amount in euros. `is_yearly`: that of one year; `with_tax`: it held value added tax, taken off at 20 %."""

    euros: float
    is_yearly: bool
    with_tax: bool


def read_amount(cell: str, head: str = "", *, as_computed: bool = False) -> Amount | None:
    """The amount in a cell under a head; None where it has no digit. Of two (“40 à 90 k€”) the larger, before tax.

    `as_computed`: a point in the cell is a decimal one, as in numbers of workbooks and of JSON. Raises FaultyCell.
    """
    text = cell.strip()
    if not any(map(str.isdigit, text)):
        return None
    folded = fold(head).split()
    factor = scale_of(head)
    yearly = bool(_A_YEAR.search(text)) or not {"annuel", "annuelle", "an"}.isdisjoint(folded)
    taxed = "ttc" in folded and "ht" not in folded
    if text.startswith(("-", "−")):
        negative = Text(f"Montant négatif : « {cell[:40]} »", f"Negative amount: “{cell[:40]}”")
        raise FaultyCell("amount", "negative_amount", negative)
    if as_computed and _PLAIN.fullmatch(text):
        return _amount(float(text) * factor, yearly, taxed)
    detail = Text(f"Montant illisible : « {cell[:40]} »", f"Unreadable amount: “{cell[:40]}”")
    unreadable = FaultyCell("amount", "unreadable_amount", detail)
    if len(text) > LONGEST_AMOUNT:
        raise unreadable
    times = _TIMES.search(text)
    text = _TIMES.sub(" ", text)
    found = list(_AMOUNT.finditer(_SPANS.sub(" ", text)))
    rest = _AMOUNT.sub(" ", _SPANS.sub(" ", text))
    if not found or re.search(r"\d", rest) or _is_glued(text) or (factor == 1 and _counts_something(found, rest)):
        raise unreadable
    before_tax = [each for each in found if (each["lead"] or each["tax"] or "").upper() == "HT"]
    chosen = before_tax or found
    unit = next((each["unit"] for each in reversed(chosen) if each["unit"]), None)
    taxed = (taxed and not before_tax) or all((each["lead"] or each["tax"] or "").upper() == "TTC" for each in chosen)
    values = [_number(each["number"]) * scale_of(each["unit"] or unit or head) for each in chosen]
    return _amount(max(values) * (int(times[1] or times[2]) if times else 1), yearly, taxed)


def scale_of(words: str) -> float:
    """The euros that an amount in these words, or under this head, is counted in: 1,000 by “k€”, a million by “M€”."""
    return 1e6 if _MILLIONS.search(words) else 1e3 if _THOUSANDS.search(words) else 1.0


def _counts_something(found: list[re.Match[str]], rest: str) -> bool:
    """Whether small bare numbers stand among words, as in “3 lots”: they are no amounts."""
    bare = all(not each["unit"] and len(each[0].strip()) <= _SMALL for each in found)
    return bare and any(map(str.isalpha, rest))


def _is_glued(text: str) -> bool:
    """Whether digits stand within a word, as in “12abc”: no amount is written so."""
    words = re.findall(r"\d[\w]*[^\W\d_]{3,}|[^\W\d_]{2,}\d\w*", text)
    return not all(map(_GLUED_UNIT.fullmatch, words))


def _amount(euros: float, yearly: bool, taxed: bool) -> Amount:
    return Amount(round(euros / _TAX_RATE if taxed else euros, 2), yearly, taxed)


def _number(written: str) -> float:
    """The number that French digits write: “1 234,5”, “40.000”, “40,000”."""
    bare = re.sub(r"[\s'’\u00a0\u202f]", "", written)
    if re.fullmatch(r"\d{1,3}(?:[.,]\d{3})+(?:[.,]\d{1,2})?", bare):
        whole = re.sub(r"[.,](?=\d{3}(?:\D|$))", "", bare)
        return float(whole.replace(",", "."))
    return float(bare.replace(",", "."))


_MONTHS = (
    ("janv", "jan"), ("fev", "feb"), ("mars", "mar"), ("avr", "apr"), ("mai", "may"), ("juin", "jun"), ("juil", "jul"),
    ("aou", "aug"), ("sept", "sep"), ("oct",), ("nov",), ("dec",),
)  # fmt: skip
_NO_MONTHS = {"marche", "marches", "maintenance"}
_SEASONS = {
    "printemps": 3, "spring": 3, "ete": 6, "summer": 6, "rentree": 9, "automne": 9, "autumn": 9, "hiver": 12,
    "winter": 12, "fin": 10,
}  # fmt: skip
_ISO = re.compile(r"\b((?:19|20)\d\d)(?:-(\d{1,2})(?:-(\d{1,2}))?|(\d\d)(\d\d)|/(\d\d)(?:/(\d\d))?)(?!\d)")
_FRENCH = re.compile(r"(?<!\d)(\d{1,2})\s?[/.-]\s?(\d{1,2})\s?[/.-]\s?((?:19|20)\d\d|\d\d)(?!\d)")
_MONTH_OF = re.compile(r"(?<![A-Za-z\d])(\d{1,2})\s?[/-]\s?(20\d\d)(?!\d)")
_SERIAL = re.compile(r"([34]\d{4})(?:\.\d+)?")
"""A day as a spreadsheet counts it, from 1982 to 2036, where its cell is not said to be a date."""
_QUARTER = re.compile(
    r"\b(?:t|q|trim|trimestre|quarter)\s?(\d)\b|\b(\d)\s?(?:er|e|eme|ere|nd|rd|th|st)?\s?(?:t|q|trim|trimestre|quarter)(?:\b|(?=20))|\bt(\d)(?=20)"
)
_HALF = re.compile(
    r"\b(?:s|semestre)\s?([12])\b|\b([12])\s?(?:er|e|eme|nd)?\s?(?:s|sem|semestre)(?:\b|(?=20))|\bs([12])(?=20)"
)
_ORDINALS = {"premier": 1, "deuxieme": 2, "second": 2, "troisieme": 3, "quatrieme": 4}
_YEAR = re.compile(r"((?:19|20)\d\d)(?!\d)")


def read_period(cell: str, year: int | None = None) -> tuple[date, date] | None:
    """The first and last day of the day, month, quarter, half or year in a cell; None where it says none of these.

    `year`: of the table, for a cell that says none. Raises FaultyCell for a day or quarter that no calendar has.
    """
    if (found := _part_of_calendar(cell.strip(), year)) is None:
        return None
    of_year, month, day, months = found
    try:
        first = date(of_year, month, day)
        after = month - 1 + months
        following = date(of_year + after // 12, after % 12 + 1, 1) if months else first + timedelta(1)
    except ValueError:
        impossible = Text(f"Date impossible : « {cell[:40]} »", f"Impossible date: “{cell[:40]}”")
        raise FaultyCell("date", "unreadable_date", impossible) from None
    return first, following - timedelta(1)


def _part_of_calendar(  # noqa: PLR0911 - one for each way of writing it
    text: str, year: int | None
) -> tuple[int, int, int, int] | None:
    """The year, month and day where what a text says begins, and how many months it lasts, 0: a day."""
    folded = fold(text)
    if found := _SERIAL.fullmatch(text):
        counted = date(1899, 12, 30) + timedelta(int(found[1]))
        return counted.year, counted.month, counted.day, 0
    if found := _ISO.search(text):
        month, day = found[2] or found[4] or found[6], found[3] or found[5] or found[7]
        return int(found[1]), int(month), int(day or 1), 0 if day else 1
    if found := _FRENCH.search(text):
        return int(f"20{found[3]}"[-4:]), int(found[2]), int(found[1]), 0
    if found := _MONTH_OF.search(text):
        return int(found[2]), int(found[1]), 1, 1
    said = _YEAR.search(folded)
    of_year = int(said[1]) if said else year
    if (named := _month_in(folded)) is not None:
        number, word_end = named
        if said is None and (short := re.match(r"\s?(\d\d)(?!\d)", folded[word_end:])):
            of_year = 2000 + int(short[1])
        day_of = re.search(r"\b(\d{1,2})(?:er)?\s+[a-z]", folded) if said else None
        return None if of_year is None else (of_year, number, int(day_of[1]) if day_of else 1, 0 if day_of else 1)
    if (part := _part_of_year(folded)) is not None:
        if said is None and (short := re.search(r"\b(\d\d)$", folded)):
            of_year = 2000 + int(short[1])
        return None if of_year is None else (of_year, part[0], 1, part[1])
    return (int(said[1]), 1, 1, 12) if said else None


def _month_in(folded: str) -> tuple[int, int] | None:
    """The first month that is named, and where its word ends."""
    for found in re.finditer(r"[a-z]{3,}", folded):
        for number, beginnings in enumerate(_MONTHS, 1):
            if found[0].startswith(beginnings) and len(found[0]) <= 9 and found[0] not in _NO_MONTHS:
                return number, found.end()
    return None


def _part_of_year(folded: str) -> tuple[int, int] | None:
    """The first month of the quarter, half or season that is named, and how many months it lasts."""
    for word, number in _ORDINALS.items():
        folded = folded.replace(f"{word} ", f"{number} ")
    for pattern, months in ((_QUARTER, 3), (_HALF, 6)):
        if found := pattern.search(folded):
            return months * (int(found[1] or found[2] or found[3]) - 1) + 1, months
    return next(((month, 3) for season, month in _SEASONS.items() if season in folded.split()), None)


class Duration(NamedTuple):
    """The months of a contract, and those that renewals add; None where not known."""

    months: int | None
    renewal: int | None = None


LONGEST = 1_200
_BARE = re.compile(r"(\d{1,4})(?:[.,]0+)?")
_LISTED = re.compile(r"\d{1,2}(?:\s?\+\s?\d{1,2})+")
_PLUS = re.compile(
    r"(\d{1,3})\s*(ans?|années?|mois|years?|months?)(?:\s+fermes?)?\s*\+\s*(?:(\d{1,2})\s*(?:x|fois|×|\*)\s*)?"
    r"(\d{1,3})\s*(ans?|années?|mois|years?|months?|reconductions?)",
    re.IGNORECASE,
)
_SPAN = re.compile(
    r"(\d{1,3}(?:[.,]5)?)\s*(ans?|années?|mois|years?|months?|jours?|semaines?|days?|weeks?)\b", re.IGNORECASE
)
_AT_MOST_YEARS = 5
_MONTHS_IN = {"a": 12, "y": 12, "j": 1 / 30, "d": 1 / 30, "s": 1 / 4.3, "w": 1 / 4.3}


def read_duration(  # noqa: PLR0911 - one for each way of writing it
    cell: str, head: str = "", *, in_months: bool = False
) -> Duration | None:
    """The duration in a cell; None where it says none surely: a bare number of at most 5 may be years or months.

    `in_months`: a bare number is one of months, as in JSON.
    """
    text, folded = cell.strip(), fold(head).split()
    months = not {"mois", "months", "month"}.isdisjoint(folded)
    years = not {"ans", "annees", "years", "an"}.isdisjoint(folded)
    if found := _BARE.fullmatch(text):
        number = int(found[1])
        if years and not months:
            number *= 12
        elif not months and not in_months and number <= _AT_MOST_YEARS:
            return None
        return Duration(number) if 1 <= number <= LONGEST else None
    if _LISTED.fullmatch(text):
        parts = [int(each) for each in re.findall(r"\d+", text)]
        unit = 1 if months or max(parts) > _AT_MOST_YEARS else 12
        return Duration(parts[0] * unit, sum(parts[1:]) * unit)
    if found := _PLUS.search(text):
        firm = _months(found[1], found[2])
        each = firm if found[5].lower().startswith("recond") else _months(found[4], found[5])
        times = int(found[4]) if found[5].lower().startswith("recond") else int(found[3] or 1)
        return Duration(firm, each * times) if firm else None
    terms = {term.kind: int(term.value) for term in terms_in(text) if term.kind in {"months", "renewal"}}
    if "months" in terms:
        return Duration(terms["months"], terms.get("renewal"))
    if found := _SPAN.search(text):
        return Duration(_months(found[1], found[2]), terms.get("renewal"))
    return None


def read_renewal(cell: str, head: str, firm: int | None) -> int | None:
    """The months that renewals add, as their own column says: a number of times, or a duration."""
    text = cell.strip()
    if (found := _BARE.fullmatch(text)) is not None:
        number = int(found[1])
        if "mois" in fold(head).split() or number > _AT_MOST_YEARS:
            return number if number <= LONGEST else None
        return number * firm if firm else None
    if found := re.search(r"(\d{1,2})\s*(?:x|fois|×|\*)\s*(?:(\d{1,2})\s*(ans?|mois)\b)?", text, re.IGNORECASE):
        each = _months(found[2], found[3]) if found[2] else firm
        return int(found[1]) * each if each else None
    return _months(span[1], span[2]) if (span := _SPAN.search(text)) else None


def _months(number: str, unit: str) -> int:
    """The months of a span, at least one: “18 mois”, “1,5 an”, “10 jours”."""
    return max(1, round(float(number.replace(",", ".")) * _MONTHS_IN.get(unit[0].lower(), 1)))
