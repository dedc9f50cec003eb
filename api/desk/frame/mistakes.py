"""Corrections that a form asks for; numbers as people write them."""

from typing import NamedTuple

from domain.text.bilingual import Text


class Mistake(NamedTuple):
    """Something to correct: the id of the field, and what would be right."""

    field: str
    detail: Text


def number_in(text: str, field: str, mistakes: list[Mistake]) -> float | None:
    """A number as people write it in French or English: “240 000”, “12,5”; None where there is none."""
    plain = "".join(text.split()).removesuffix("€").removesuffix("km").replace(",", ".")
    if not plain:
        return None
    if plain.replace(".", "", 1).isdecimal() and plain.isascii() and len(plain) <= 15:
        return float(plain)
    mistakes.append(Mistake(field, NO_NUMBER))
    return None


NO_NUMBER = Text("Un nombre est attendu, tel que 24 ou 240 000", "A number is expected, such as 24 or 240 000")
