"""The parts of a workbook's archive read as XML, and its rows written as CSV; neither takes more than it may."""

import csv
import re
from collections.abc import Iterable, Iterator
from io import StringIO
from typing import IO, NamedTuple
from xml.etree.ElementTree import Element
from zipfile import ZipFile

from defusedxml.ElementTree import iterparse

from domain.text.bilingual import Text
from sources.formats.csv_table import MOST_COLUMNS
from sources.rows import unreadable

LARGEST_PART, LARGEST_TABLE = 64 << 20, 64 << 20
"""Bytes of a part once it is uncompressed, and of a table as CSV."""
MOST_ELEMENTS, MOST_HELD = 4_000_000, 200_000
"""Elements of a part: two million cells with their values, read in ten seconds; and of those, how many are held at
once: a row of a thousand cells takes some thousands."""
MOST_ROWS = 1_048_576
FED_AT_ONCE = 16 << 10
_BREAK = re.compile(r"[\r\n]")
_OTHER_DELIMITERS = ";\t"

_TOO_LARGE = Text(
    "Ce classeur est trop grand une fois décompressé : enregistrer la feuille au format CSV",
    "This workbook is too large once it is uncompressed: save the sheet as CSV",
)


class Sheet(NamedTuple):
    """The first sheet of a workbook that is shown, as CSV in UTF-8 with commas. `others`: names of those not read.

    A line of the CSV is a row of the sheet, by its number; breaks within cells are semicolons.
    """

    content: bytes
    name: str
    others: tuple[str, ...]


class _Feed:
    """Feeds the parser twice as much as before where nothing came of that: it begins a long tag anew each time."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self.size = stream, FED_AT_ONCE

    def read(self, _: int = -1) -> bytes:
        piece = self._stream.read(self.size)
        self.size *= 2
        return piece


def elements(book: ZipFile, part: str, *tags: str, largest: int = LARGEST_PART) -> Iterator[Element]:
    """The elements of a part by their names without prefix, each with all in it, and forgotten once it was used.

    Raises UnreadableFile for a part larger than `largest`, of more than `MOST_ELEMENTS`, or one that holds more than
    `MOST_HELD` of them at once, and as `defusedxml` for a document type.
    """
    if book.getinfo(part).file_size > largest:
        raise too_large()
    with book.open(part) as stream:
        open_ones, sizes, kept = list[Element](), list[int](), list[int]()
        count = held = wanted = 0
        feed = _Feed(stream)
        for event, element in iterparse(feed, ("start", "end"), forbid_dtd=True):
            feed.size = FED_AT_ONCE
            is_wanted = tag_of(element) in tags
            if event == "start":
                open_ones.append(element)
                sizes.append(1)
                kept.append(0)
                count, held, wanted = count + 1, held + 1, wanted + is_wanted
                if held > MOST_HELD or count > MOST_ELEMENTS:
                    raise too_large()
                continue
            open_ones.pop()
            kept.pop()
            size, wanted = sizes.pop(), wanted - is_wanted
            if is_wanted:
                yield element
            if open_ones and (is_wanted or not wanted):
                # it stands after those that were kept: looking for it would take quadratic time
                del open_ones[-1][kept[-1]]
                held -= size
            elif sizes:
                sizes[-1] += size
                kept[-1] += 1


def tag_of(element: Element) -> str:
    """The name of an element without its name space."""
    return str(element.tag).rpartition("}")[2]


def on_one_line(text: str) -> str:
    """The text of a cell, its breaks made semicolons."""
    return " ; ".join(filter(None, map(str.strip, _BREAK.split(text))))


def table_of(rows: Iterable[list[str]]) -> bytes:
    """The rows as CSV, an empty one as an empty line. Raises UnreadableFile for more than `LARGEST_TABLE`."""
    written = StringIO()
    table = csv.writer(written, lineterminator="\n")
    widest = 0
    for number, row in enumerate(rows, start=1):
        last = next((place for place in reversed(range(len(row))) if row[place].strip()), -1)
        cells = row[: min(last + 1, MOST_COLUMNS)]
        if sum(map(len, cells)) > LARGEST_TABLE:  # cells may share one text
            raise too_large()
        if cells:
            # a title full of semicolons is no row of a table with semicolons
            least = widest or 2 + max(" ".join(cells).count(other) for other in _OTHER_DELIMITERS)
            cells += [""] * (least - len(cells))
            widest = max(widest, len(cells))
        table.writerow(cells)
        if written.tell() > LARGEST_TABLE or number > MOST_ROWS:
            raise too_large()
    return written.getvalue().encode()


def too_large() -> Exception:
    """The error for a workbook that takes more memory than it may."""
    return unreadable("workbook", _TOO_LARGE)
