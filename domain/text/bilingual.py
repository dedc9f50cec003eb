"""Text for people in French and English; numbers, dates and lists in words; French spaces that do not break.

Texts of one line: what a header or a line of a calendar can hold without being taken for several. The names of places
within French sentences.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from domain.text.normalise import fold

Language = Literal["fr", "en"]


class Text(NamedTuple):
    """One message in French and in English; codes carry the meaning, text only explains it."""

    fr: str
    en: str

    def to(self, language: Language) -> str:
        return self.en if language == "en" else self.fr

    def filled(self, **values: "Text | str | int") -> "Text":
        """The message with `values` filled into its placeholders, each in its language."""
        fr, en = {}, {}
        for name, value in values.items():
            fr[name], en[name] = value if isinstance(value, Text) else (value, value)
        return Text(self.fr.format_map(fr), self.en.format_map(en))

    def capitalised(self) -> "Text":
        """The message as the beginning of a sentence."""
        return Text(self.fr[:1].upper() + self.fr[1:], self.en[:1].upper() + self.en[1:])


@cache
def _sentences_of_room(room: str) -> dict[str, dict[str, Text]]:
    path = files(room) / ("data/said.toml" if room == "domain" else "said.toml")
    return msgspec.toml.decode(path.read_bytes(), type=dict[str, dict[str, Text]])


def said_by(module: str) -> Mapping[str, Text]:
    """The sentences of a module by name: its table in its room's `said.toml`, which people who write no code edit."""
    room, _, name = module.partition(".")
    return _sentences_of_room(room)[name]


def same_text(words: str) -> Text:
    """Words that are the same in both languages, as a name or an address is."""
    return Text(words, words)


NOTHING = Text("", "")
AND, OR = Text("et", "and"), Text("ou", "or")
SEMICOLON, FULL_STOP = Text(" ; ", "; "), Text(". ", ". ")
_TO_FRENCH = str.maketrans(",.", " ,")


def decimal(number: float, language: Language, digits: int = 1) -> str:
    """`number` as people write it: a comma in French, a point in English."""
    written = f"{number:.{digits}f}"
    return written if language == "en" else written.replace(".", ",")


def whole(number: float) -> Text:
    """A whole number, its thousands set apart: “1 240”, “1,240”."""
    grouped = f"{round(number):,}"
    return Text(grouped.replace(",", " "), grouped)


def known_count(known: int, unknown: int) -> Text:
    """A number of suppliers, with those to ask beside them; “unknown” where none is known and somebody is to ask."""
    if not unknown:
        return whole(known)
    number, ask = Text("inconnu", "unknown") if not known else whole(known), whole(unknown)
    return Text(f"{number.fr} ({ask.fr} à interroger)", f"{number.en} ({ask.en} to ask)")


def euros(cents: int) -> Text:
    """An amount of money as people write it; cents are written only where there are some."""
    units, part = divmod(abs(cents), 100)
    en, sign = f"{units:,}", "-" if cents < 0 else ""
    fr = sign + en.replace(",", " ")
    return Text(f"{fr},{part:02d} €", f"{sign}€{en}.{part:02d}") if part else Text(f"{fr} €", f"{sign}€{en}")


def kilometres(distance_km: float, *, rough: bool = False) -> Text:
    """A distance with its unit: to one decimal, or in metres where one decimal would be zero.

    `rough`: from 10 km on without the decimal.
    """
    if 0 < distance_km < 0.05:
        metres = max(round(distance_km * 1_000), 1)
        return Text(f"{metres} m", f"{metres} m")
    digits = 0 if rough and not 0 < distance_km < 10 else 1
    en = f"{distance_km:,.{digits}f}"
    return Text(f"{en.translate(_TO_FRENCH)} km", f"{en} km")


def join_texts(texts: Iterable[Text], separator: Text = SEMICOLON) -> Text:
    """The texts joined, with the separator of each language between them."""
    sides = tuple(zip(*texts, strict=True)) or ((), ())
    return Text(separator.fr.join(sides[0]), separator.en.join(sides[1]))


def listed(parts: Sequence[str], last: Text = AND) -> Text:
    """The parts joined for reading, “1, 3 et 4”; `last`: the word before the last part."""
    *first, final = parts or ("",)
    if not first:
        return Text(final, final)
    return Text(*(f"{', '.join(first)} {word} {final}" for word in last))


_MOIS = (
    "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre",
    "décembre",
)  # fmt: skip
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def long_date(day: date) -> Text:
    """A day with its month in words: “1er mars 2027”, “1 March 2027”."""
    jour = "1er" if day.day == 1 else str(day.day)
    return Text(f"{jour} {_MOIS[day.month - 1]} {day.year}", f"{day.day} {_MONTHS[day.month - 1]} {day.year}")


PARIS = ZoneInfo("Europe/Paris")
NO_BREAK, NARROW = "\N{NO-BREAK SPACE}", "\N{NARROW NO-BREAK SPACE}"
_DIGITS = re.compile(r"(?<=\d) (?=\d{3}(?!\d))")
_BEFORE = re.compile(r" (?=[:»€%](?!\w))")
_BEFORE_NARROW = re.compile(r" (?=[;?!](?!\w))")
_UNIT = re.compile(r"(?<=\d) (?=(?:€|km|mois|months|HT)\b|€)")


def typeset(text: str, language: Language) -> str:
    """A sentence with the no-break spaces of print; in English, only amounts are kept together."""
    text = _UNIT.sub(NO_BREAK, _DIGITS.sub(NARROW, text))
    if language == "en":
        return text
    text = _BEFORE_NARROW.sub(NARROW, _BEFORE.sub(NO_BREAK, text))
    text = text.replace("« ", f"«{NO_BREAK}").replace("€ HT", f"€{NO_BREAK}HT").replace("n° ", f"n°{NO_BREAK}")
    return text.replace("'", "’")


def printed_count(number: float, language: Language) -> str:
    """A whole number, its thousands set apart."""
    return typeset(whole(number).to(language), language)


def printed_euros(amount: float, language: Language) -> str:
    """An amount excluding tax, as printed; cents where there are some."""
    return printed_before_tax(euros(round(amount * 100))).to(language)


def printed_before_tax(amount: Text) -> Text:
    """An amount or a sum of amounts, as printed, said to be without tax."""
    return Text(typeset(f"{amount.fr} HT", "fr"), typeset(f"{amount.en} excl. tax", "en"))


def printed_kilometres(distance_km: float, language: Language) -> str:
    """A distance with its unit, as printed: to one decimal below 10 km, else without."""
    return typeset(kilometres(distance_km, rough=True).to(language), language)


def day(when: date | datetime, language: Language) -> str:
    """A day in words, “1er mars 2027”; of a moment, the day in France."""
    if isinstance(when, datetime):
        when = when.astimezone(PARIS).date()
    return long_date(when).to(language).replace(" ", NO_BREAK, 1)


def time_of_day(when: datetime, language: Language) -> str:
    """The time of day in France: 9 h 05 in French, 09:05 in English."""
    local = when.astimezone(PARIS)
    if language == "en":
        return f"{local:%H:%M}"
    minutes = f"{NO_BREAK}{local:%M}" if local.minute else ""
    return f"{local.hour}{NO_BREAK}h{minutes}"


_BREAKING = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
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
    """Whether the text holds no line break, no control character but tabs, and none that turns its direction."""
    return _BREAKING.search(text) is None


def is_plain_text(text: str) -> bool:
    """Whether each line of the text is one, as `is_one_line` says."""
    return all(map(is_one_line, text.replace("\r\n", "\n").split("\n")))


def cut(text: str, most: int = 60) -> str:
    """The text to be quoted in a message, cut to `most` characters and an ellipsis where it is longer."""
    return text if len(text) <= most else f"{text[:most].rstrip()}…"


def on_one_line(text: str) -> str:
    """The text without line breaks and other control characters, for a header or a title."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


ARTICLES: Mapping[str, tuple[str, ...]] = {
    "le ": ("registre", "répertoire", "fichier", "marché", "réseau", "département", "centre", "conseil", "syndicat"),
    "la ": ("liste", "base", "plateforme", "ville", "commune", "communauté", "métropole", "région", "mairie"),
    "l'": ("annuaire", "inventaire", "agence", "établissement", "hôpital", "office", "université"),
}
"""The common nouns that names of sources and of buyers begin with, by their article."""


def article_of(name: str) -> str:
    """The French article with which a name stands in a sentence; empty where it begins with no noun that is known."""
    first = name.split(" ", 1)[0].lower()
    return next((article for article, nouns in ARTICLES.items() if first in nouns), "")


def place_after_de(name: str) -> str:
    """The name of a place after French “de”: "de Redon", "d'Étel", "du Mans", "des Herbiers"."""
    if name.startswith("Le "):
        return "du " + name.removeprefix("Le ")
    if name.startswith("Les "):
        return "des " + name.removeprefix("Les ")
    return ("d'" if fold(name)[:1] in tuple("aeiouy") else "de ") + name
