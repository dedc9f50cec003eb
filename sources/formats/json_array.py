"""The elements of one JSON array of any size, one by one, in bounded memory."""

import re
from collections.abc import Generator, Iterator
from typing import BinaryIO, NamedTuple

from domain.text.bilingual import Text
from sources.formats.lines import LONGEST, without_mark
from sources.rows import UnreadableFile, unreadable

CHUNK = 64 * 1024
_STRING = rb'"(?:[^"\\]++|\\.)*+"'
# Each runs up to the next byte that matters; strings that end within the chunk are stepped over.
_BETWEEN_COMMAS = re.compile(rb'(?:[^"{}\[\],]++|' + _STRING + rb")*+", re.DOTALL)
_BETWEEN_BRACKETS = re.compile(rb'(?:[^"{}\[\]]++|' + _STRING + rb")*+", re.DOTALL)
_OTHER_VALUES = (b"{", b'"', b"-", *(b"%d" % digit for digit in range(10)), b"true", b"false", b"null")
_IN_STRING = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)

_NOT_AN_ARRAY = Text(
    "Une liste JSON est attendue ; pour un objet par ligne, envoyer application/x-ndjson",
    "A JSON array is expected; for one object per line, send application/x-ndjson",
)
_GOES_ON = Text("Il reste du texte après la fin de la liste", "There is text after the end of the array")


class Element(NamedTuple):
    """An element as written, and the line (from 1) where it starts; `data` is None where it is too long."""

    line: int
    data: bytes | None


class Beginning(NamedTuple):
    """What a JSON document begins with, from its first byte that is not blank, and the line (from 1) of that byte."""

    line: int
    text: bytes


def elements(stream: BinaryIO, longest: int = LONGEST, chunk_size: int = CHUNK) -> Iterator[Element]:
    """The elements of the array; what each holds is not checked, and an element may be empty (after a stray comma).

    Raises UnreadableFile where the document is not an array, does not end, or goes on after its end.
    """
    yield from only_array(stream, beginning(stream, chunk_size), longest, chunk_size)


def only_array(
    stream: BinaryIO, first: Beginning, longest: int = LONGEST, chunk_size: int = CHUNK
) -> Iterator[Element]:
    """As `elements`, for a document whose beginning was read off the stream."""
    if not first.text.startswith(b"["):
        raise unreadable("wrong_type" if first.text.startswith(_OTHER_VALUES) else "malformed_json", _NOT_AN_ARRAY)
    chunk = yield from array_elements(stream, Beginning(first.line, first.text[1:]), longest, chunk_size)
    while chunk:
        if chunk.strip():
            raise unreadable("malformed_json", _GOES_ON)
        chunk = stream.read(chunk_size)


def beginning(stream: BinaryIO, chunk_size: int = CHUNK) -> Beginning:
    """The document's first chunk that is not blank, read off the stream; empty where all of it is blank."""
    line = 1
    chunk = without_mark(stream.read(max(chunk_size, 3)))
    while chunk and not chunk.strip():
        line += chunk.count(b"\n")
        chunk = stream.read(chunk_size)
    text = chunk.lstrip()
    return Beginning(line + chunk.count(b"\n", 0, len(chunk) - len(text)), text)


def array_elements(
    stream: BinaryIO, inside: Beginning, longest: int = LONGEST, chunk_size: int = CHUNK
) -> Generator[Element, None, bytes]:
    """The elements of an array whose opening bracket is behind: `inside` is what was read off the stream since.

    Returns what was read beyond the closing bracket. Raises UnreadableFile where there is none.
    """
    scan = _Scan(longest, inside.line)
    chunk = inside.text
    while not scan.closed:
        if (len(chunk) - len(chunk.rstrip(b"\\"))) % 2:
            chunk += stream.read(1)  # an escape is never cut in two
        chunk = yield from scan.feed(chunk)
        if not scan.closed:
            chunk = stream.read(chunk_size)
            if not chunk:
                raise _unfinished(scan.first or scan.line)
    return chunk


def _unfinished(line: int) -> UnreadableFile:
    return unreadable(
        "malformed_json",
        Text(
            f"La liste ne se termine pas : ce qui commence ligne {line} n'est pas refermé",
            f"The array does not end: what begins on line {line} is never closed",
        ),
    )


class _Scan:
    """Where the scan stands: `line` is that of the next byte, `first` that of the current element's first byte."""

    def __init__(self, longest: int, line: int) -> None:
        self.line = line
        self.first: int | None = None
        self.closed = False
        self._longest = longest
        self._depth = 1
        self._in_string = False
        self._commas = 0
        self._pieces: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> Generator[Element, None, bytes]:
        """Yield the elements that end in this chunk; return what follows the end of the array."""
        start = at = 0
        while (at := self._skip(chunk, at)) < len(chunk):
            mark, at = chunk[at : at + 1], at + 1
            if self._depth == 1 and mark in b",]":
                self._take(chunk[start : at - 1])
                start = at
                self._commas += mark == b","
                if mark == b",":
                    yield self._element()
                else:
                    self.closed = True
                    if self._commas or self.first is not None:
                        yield self._element()
                    return chunk[at:]
            else:
                self._pass(mark)
        self._take(chunk[start:])
        return b""

    def _skip(self, chunk: bytes, at: int) -> int:
        """The position of the next byte that matters."""
        outside = _BETWEEN_COMMAS if self._depth == 1 else _BETWEEN_BRACKETS
        found = (_IN_STRING if self._in_string else outside).match(chunk, at)
        return found.end() if found else at

    def _pass(self, mark: bytes) -> None:
        if mark == b'"':
            self._in_string = not self._in_string
        elif mark in b"{[":
            self._depth += 1
        elif mark in b"}]" and self._depth > 1:
            self._depth -= 1

    def _take(self, piece: bytes) -> None:
        if self.first is None and (text := piece.lstrip()):
            self.first = self.line + piece.count(b"\n", 0, len(piece) - len(text))
        self.line += piece.count(b"\n")
        self._size += len(piece)
        if self._size <= self._longest:
            self._pieces.append(piece)
        else:
            self._pieces.clear()

    def _element(self) -> Element:
        whole = b"".join(self._pieces) if self._size <= self._longest else None
        element = Element(self.first or self.line, whole)
        self.first, self._size = None, 0
        self._pieces.clear()
        return element
