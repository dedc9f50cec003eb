"""A document to print, in words: sections of paragraphs, tables and figures, without a word on how they look."""

from collections.abc import Iterable
from typing import Literal

import msgspec

from domain.text.bilingual import Language

LineStyle = Literal["plain", "strong", "small"]
ParagraphStyle = Literal["plain", "note", "alert"]
FigureName = Literal["map", "coverage", "barriers"]


class Line(msgspec.Struct, frozen=True):
    """A line in a cell."""

    text: str
    style: LineStyle = "plain"


Cell = tuple[Line, ...]


class Column(msgspec.Struct, frozen=True):
    """A column; `weight`: how wide it is beside the others. Of numbers, it is set to the right."""

    title: str
    weight: int = 1
    numeric: bool = False


def lot_column(lot_ids: Iterable[str]) -> Column:
    """The column of lots' ids: wide enough that words as ids ("mobilier") stay whole, beside columns of some 50."""
    return Column("Lot", min(8, max(3, (3 * max(map(len, lot_ids), default=0) + 3) // 4)))


class Paragraph(msgspec.Struct, frozen=True, tag="paragraph"):
    """A paragraph; an `alert` is for what must not be overlooked."""

    text: str
    style: ParagraphStyle = "plain"


class Quotation(msgspec.Struct, frozen=True, tag="quotation"):
    """What somebody wrote, as it was written, and who and when. `mark`: said of it in bold: that it is secret."""

    text: str
    source: str
    mark: str | None = None


class Bullets(msgspec.Struct, frozen=True, tag="bullets"):
    """A list."""

    items: tuple[str, ...]


class Term(msgspec.Struct, frozen=True):
    """Something with what is said of it."""

    name: str
    lines: Cell


class Terms(msgspec.Struct, frozen=True, tag="terms"):
    """Names, each with what is said of it."""

    items: tuple[Term, ...]


class Table(msgspec.Struct, frozen=True, tag="table"):
    """A table; each row has a cell for each column, and its first says what the row is about."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


class Number(msgspec.Struct, frozen=True):
    """A figure to remember."""

    value: str
    label: str


class Numbers(msgspec.Struct, frozen=True, tag="numbers"):
    """Figures side by side."""

    items: tuple[Number, ...]


class Figure(msgspec.Struct, frozen=True, tag="figure"):
    """A drawing, in as many parts as it has; `alt` says in words what it shows."""

    name: FigureName
    caption: str
    alt: str


Block = Paragraph | Quotation | Bullets | Terms | Table | Numbers | Figure


class Section(msgspec.Struct, frozen=True):
    """A part of a document with its own parts."""

    id: str
    title: str
    blocks: tuple[Block, ...] = ()
    sections: tuple["Section", ...] = ()


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A document. `notice`: who it is for. `running`: what stands at the head of each page."""

    language: Language
    kicker: str
    title: str
    subtitle: str
    author: str
    notice: str
    running: str
    contents: str
    front: Terms
    sections: tuple[Section, ...]
    colophon: str


def cell(*lines: str | Line | None) -> Cell:
    """A cell of these lines, without those that are empty."""
    found = (Line(line) if isinstance(line, str) else line for line in lines if line)
    return tuple(line for line in found if line.text)


def strong(text: str) -> Line:
    return Line(text, "strong")


def small(text: str) -> Line:
    return Line(text, "small")
