"""Our own sentences, numbers and dates as they are printed: French spaces that do not break, amounts kept together.

Texts of one line: what a header or a line of a calendar can hold without being taken for several. The names of places
within French sentences.
"""

import re
from datetime import date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec

from domain.text import bilingual
from domain.text.bilingual import Language, Text, long_date, whole
from domain.text.normalise import fold

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
    text = text.replace("« ", f"«{NO_BREAK}").replace("€ HT", f"€{NO_BREAK}HT").replace("n° ", f"n°{NO_BREAK}")
    return text.replace("'", "’")


def count(number: float, language: Language) -> str:
    """A whole number, its thousands set apart."""
    return typeset(whole(number).to(language), language)


def euros(amount: float, language: Language) -> str:
    """An amount excluding tax; cents where there are some."""
    written = bilingual.euros(round(amount * 100))
    return typeset(Text(f"{written.fr} HT", f"{written.en} excl. tax").to(language), language)


def kilometres(distance_km: float, language: Language) -> str:
    """A distance, to a decimal below 10 km."""
    return typeset(bilingual.kilometres(distance_km, rough=True).to(language), language)


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


_BREAKING = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
"""Control characters but the tab, and what some programs take for the end of a line."""

WebAddress = Annotated[
    str,
    msgspec.Meta(
        max_length=2_000,
        pattern=r"^https?://[^\u0000-\u0020\u007f-\u009f\u2028\u2029]+$",
        description="An http or https address",
        extra={"fr": "une adresse http ou https"},
    ),
]


def is_one_line(text: str) -> bool:
    """Whether the text holds no line break and no other control character but tabs."""
    return _BREAKING.search(text) is None


def cut(text: str, most: int = 60) -> str:
    """The text to be quoted in a message: as it is, or so many characters of it and an ellipsis."""
    return text if len(text) <= most else f"{text[:most].rstrip()}…"


def on_one_line(text: str) -> str:
    """The text without line breaks and other control characters, for a header or a title."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def of_place(name: str) -> str:
    """ "de Redon", "d'Étel", "du Mans", "des Herbiers"."""
    if name.startswith("Le "):
        return "du " + name.removeprefix("Le ")
    if name.startswith("Les "):
        return "des " + name.removeprefix("Les ")
    return ("d'" if fold(name)[:1] in tuple("aeiouy") else "de ") + name
