"""Text for people, in the two languages the API speaks."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Literal, NamedTuple

Language = Literal["fr", "en"]


class Text(NamedTuple):
    """One message in French and in English; codes carry the meaning, text only explains it."""

    fr: str
    en: str

    def to(self, language: Language) -> str:
        return self.en if language == "en" else self.fr

    def filled(self, **values: "Text") -> "Text":
        """The message with its places filled, each in its language."""
        fr, en = {}, {}
        for name, value in values.items():
            fr[name], en[name] = value
        return Text(self.fr.format_map(fr), self.en.format_map(en))

    def capitalised(self) -> "Text":
        """The message as the beginning of a sentence."""
        return Text(self.fr[:1].upper() + self.fr[1:], self.en[:1].upper() + self.en[1:])


NOTHING = Text("", "")
AND, OR = Text("et", "and"), Text("ou", "or")
SEMICOLON = Text(" ; ", "; ")
_TO_FRENCH = str.maketrans(",.", " ,")


def decimal(number: float, language: Language, digits: int = 1) -> str:
    """`number` as people write it: a comma in French, a point in English."""
    written = f"{number:.{digits}f}"
    return written if language == "en" else written.replace(".", ",")


def whole(number: float) -> Text:
    """A whole number, its thousands set apart: “1 240”, “1,240”."""
    grouped = f"{round(number):,}"
    return Text(grouped.replace(",", " "), grouped)


def euros(cents: int) -> Text:
    """An amount; cents are written only where there are some."""
    units, part = divmod(cents, 100)
    en = f"{units:,}"
    fr = en.replace(",", " ")
    return Text(f"{fr},{part:02d} €", f"€{en}.{part:02d}") if part else Text(f"{fr} €", f"€{en}")


def kilometres(distance_km: float, *, rough: bool = False) -> Text:
    """A distance with its unit: to one decimal, or in metres where that would read as nothing.

    `rough`: from 10 km on without the decimal.
    """
    if 0 < distance_km < 0.05:
        metres = max(round(distance_km * 1_000), 1)
        return Text(f"{metres} m", f"{metres} m")
    digits = 0 if rough and not 0 < distance_km < 10 else 1
    en = f"{distance_km:,.{digits}f}"
    return Text(f"{en.translate(_TO_FRENCH)} km", f"{en} km")


def join_texts(texts: Iterable[Text], separator: Text = SEMICOLON) -> Text:
    """Texts in a row, set apart as each language does."""
    sides = tuple(zip(*texts, strict=True)) or ((), ())
    return Text(separator.fr.join(sides[0]), separator.en.join(sides[1]))


def listed(parts: Sequence[str], last: Text = AND) -> Text:
    """Parts join_texts for reading: “1, 3 et 4”."""
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
