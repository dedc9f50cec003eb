"""Text for people, in the two languages the API speaks."""

from datetime import date
from typing import Literal, NamedTuple

Language = Literal["fr", "en"]


class Text(NamedTuple):
    """One message in French and in English; codes carry the meaning, text only explains it."""

    fr: str
    en: str

    def to(self, language: Language) -> str:
        return self.en if language == "en" else self.fr


def decimal(number: float, language: Language, digits: int = 1) -> str:
    """`number` as people write it: a comma in French, a point in English."""
    written = f"{number:.{digits}f}"
    return written if language == "en" else written.replace(".", ",")


def kilometres(distance_km: float) -> Text:
    """A distance with its unit: to one decimal, or in metres where that would read as nothing."""
    if 0 < distance_km < 0.05:
        metres = max(round(distance_km * 1_000), 1)
        return Text(f"{metres} m", f"{metres} m")
    return Text(f"{decimal(distance_km, 'fr')} km", f"{decimal(distance_km, 'en')} km")


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
