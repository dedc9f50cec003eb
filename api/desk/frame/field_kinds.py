"""Kinds of fields: how a text that people write is read as a part of a request, and shown from it."""

from collections.abc import Callable, Collection
from datetime import date
from math import inf
from typing import Any, NamedTuple

from api.desk.frame.words import SAID
from domain.text.bilingual import Text


class Unreadable(Exception):
    """A text that a field cannot have. `detail`: what would be right."""

    def __init__(self, detail: Text) -> None:
        super().__init__(detail.en)
        self.detail = detail


class Kind(NamedTuple):
    """A way to read the text of a field, or its texts, as a part of a request, and to show it from that.

    `read` raises Unreadable.
    """

    read: Callable[[Any], Any]
    show: Callable[[Any], Any]


def _number(text: str) -> float | None:
    plain = "".join(text.split()).removesuffix("€").removesuffix("km").replace(",", ".")
    if not plain:
        return None
    if plain.replace(".", "", 1).isdecimal() and plain.isascii() and len(plain) <= 15:
        return float(plain)
    raise Unreadable(SAID["no_number"])


def plain_number(number: float | None) -> str:
    """A number as people write it, to the cent: “240 000”, “12.5”."""
    if number is None:
        return ""
    whole, _, part = f"{number:,.2f}".partition(".")
    return ".".join(filter(None, (whole.replace(",", " "), part.rstrip("0"))))


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Unreadable(SAID["no_day"]) from None


def one_of(codes: Collection[str]) -> Kind:
    """A choice among these codes; what is none of them says nothing."""
    return Kind(lambda text: text if text in codes else None, lambda code: code or "")


def some_of(codes: Collection[str]) -> Kind:
    """The codes among these that are ticked, in their order."""
    return Kind(lambda texts: tuple(code for code in codes if code in texts), lambda ticked: tuple(ticked or ()))


def required(kind: Kind, missing: Text) -> Kind:
    """The same, where the field must be filled in."""

    def read(text: Any) -> Any:
        if not text:
            raise Unreadable(missing)
        return kind.read(text)

    return Kind(read, kind.show)


def bounded_text(kind: Kind, most: int) -> Kind:
    """The same, where the text has at most that many characters."""

    def read(text: str) -> Any:
        if len(text) > most:
            raise Unreadable(Text(f"{most} caractères au plus", f"At most {most} characters"))
        return kind.read(text)

    return Kind(read, kind.show)


def bounded_number(kind: Kind, no_number: Text, least: float = -inf, most: float = inf, *, whole: bool = False) -> Kind:
    """The same, where the number must be within these bounds, and a `whole` one if asked for."""

    def read(text: str) -> float | int | None:
        number = kind.read(text)
        if number is not None and not (least <= number <= most and (number.is_integer() or not whole)):
            raise Unreadable(no_number)
        return int(number) if whole and number is not None else number

    return Kind(read, kind.show)


WORDS = Kind(lambda text: text or None, lambda words: words or "")
AS_TYPED = Kind(str, str)
SEVERAL = Kind(tuple, tuple)
NUMBER = Kind(_number, plain_number)
"""As people write it in French or English: “240 000”, “12,5”."""
DAY = Kind(_day, lambda day: day.isoformat() if day else "")
TICKED = Kind(bool, lambda is_so: "oui" if is_so else "")
YES_OR_NO = Kind({"oui": True, "non": False}.get, {True: "oui", False: "non", None: ""}.get)
