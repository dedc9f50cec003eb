"""Lines of a file of any size, in bounded memory."""

import io
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from domain.errors import Problem
from domain.text.bilingual import Text
from sources.rows import unreadable

LONGEST = 4 * 1024 * 1024  # a record with 10,000 vertices takes a tenth of it
_BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")

NOT_UTF8 = Problem("", "not_utf8", Text("Ce texte n'est pas en UTF-8", "This text is not UTF-8"))
TOO_LONG = Problem("", "line_too_long", Text("Cette ligne est trop longue", "This line is too long"))


class Line(NamedTuple):
    """A line with its end, counted from 1; `data` is None where it is longer than the bound."""

    number: int
    data: bytes | None


def lines(stream: BinaryIO, longest: int = LONGEST) -> Iterator[Line]:
    """The lines of the file, without a byte order mark; no more than `longest` bytes are held at once.

    Raises UnreadableFile for UTF-16, which some spreadsheets write.
    """
    number = 0
    while data := stream.readline(longest + 1):
        number += 1
        if number == 1:
            data = without_mark(data)
        if len(data) > longest and not data.endswith(b"\n"):
            while (piece := stream.readline(io.DEFAULT_BUFFER_SIZE)) and not piece.endswith(b"\n"):
                pass
            yield Line(number, None)
        else:
            yield Line(number, data)


def without_mark(start: bytes) -> bytes:
    """The start of a file without its byte order mark; raises UnreadableFile if the mark is that of UTF-16."""
    if start.startswith(_UTF_16):
        detail = Text("Ce fichier est en UTF-16 : l'enregistrer en UTF-8", "This file is UTF-16: save it as UTF-8")
        raise unreadable("not_utf8", detail)
    return start.removeprefix(_BOM)
