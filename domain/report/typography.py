"""How our own sentences are set: French spaces that do not break, amounts that stay together."""

import re
from datetime import date, datetime
from zoneinfo import ZoneInfo

from domain.text.bilingual import Language, long_date

PARIS = ZoneInfo("Europe/Paris")
NO_BREAK, NARROW = "\N{NO-BREAK SPACE}", "\N{NARROW NO-BREAK SPACE}"
_DIGITS = re.compile(r"(?<=\d) (?=\d{3}(?!\d))")
_BEFORE = re.compile(r" (?=[:»€%](?!\w))")
_BEFORE_NARROW = re.compile(r" (?=[;?!](?!\w))")
_UNIT = re.compile(r"(?<=\d) (?=(?:€|km|mois|months|HT)\b|€)")


def typeset(text: str, language: Language) -> str:
    """A sentence of ours as it is printed; in English, amounts alone are kept together."""
    text = _UNIT.sub(NO_BREAK, _DIGITS.sub(NARROW, text))
    if language == "en":
        return text
    text = _BEFORE_NARROW.sub(NARROW, _BEFORE.sub(NO_BREAK, text))
    text = text.replace("« ", f"«{NO_BREAK}").replace("€ HT", f"€{NO_BREAK}HT").replace("no ", f"no{NO_BREAK}")
    return text.replace("'", "’")


def count(number: float, language: Language) -> str:
    """A whole number, its thousands set apart."""
    grouped = f"{number:,.0f}"
    return grouped if language == "en" else grouped.replace(",", NARROW)


def euros(amount: float, language: Language) -> str:
    """An amount excluding tax, to the euro; cents where there are some."""
    whole = f"{amount:,.0f}" if round(amount, 2) == round(amount) else f"{amount:,.2f}"
    if language == "en":
        return f"€{whole} excl. tax"
    return f"{whole.replace(',', NARROW).replace('.', ',')}{NO_BREAK}€{NO_BREAK}HT"


def day(when: date | datetime, language: Language) -> str:
    """A day in words; of a moment, the day in France."""
    if isinstance(when, datetime):
        when = when.astimezone(PARIS).date()
    return long_date(when).to(language).replace(" ", NO_BREAK, 1)


def time_of_day(when: datetime, language: Language) -> str:
    """The hour in France: 9 h 05, 09:05."""
    local = when.astimezone(PARIS)
    if language == "en":
        return f"{local:%H:%M}"
    minutes = f"{NO_BREAK}{local:%M}" if local.minute else ""
    return f"{local.hour}{NO_BREAK}h{minutes}"


def listed(parts: list[str], language: Language, *, last: tuple[str, str] = ("et", "and")) -> str:
    """ "a, b et c"."""
    if len(parts) < 2:
        return "".join(parts)
    word = last[1] if language == "en" else last[0]
    return f"{', '.join(parts[:-1])} {word} {parts[-1]}"
