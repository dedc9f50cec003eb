"""Text for people, in the two languages the API speaks."""

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
