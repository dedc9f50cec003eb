"""The items of what other directories answer: alone, in a list, or in pages that wrap a list; one page or several.

A page is an object that holds its items as a list under one member: `{"count": 2, "results": [{…}, {…}]}`.
"""

import io
import json
from collections.abc import Iterator, Mapping
from typing import BinaryIO, NamedTuple

import msgspec

from domain.text.bilingual import Text
from sources.formats.json_array import CHUNK, Beginning, Element, array_elements, beginning, elements, only_array
from sources.formats.lines import LONGEST, lines
from sources.rows import UnreadableFile, unreadable

Members = Mapping[str, msgspec.Raw]

_ALONE: Members = {}
_BLANK = " \t\r\n"
_members_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
_skip = json.JSONDecoder(strict=False).raw_decode

_NOT_ITEMS = Text("Un objet ou une liste JSON est attendu", "A JSON object or array is expected")
_BROKEN_PAGE = Text(
    "Cette page JSON est mal formée hors de sa liste, ou ne se termine pas",
    "This JSON page is malformed outside its list, or does not end",
)


class Item(NamedTuple):
    """An item as written and the line (from 1) where it starts; `data` is None where it is too long.

    `page`: the other members of the page that it stands on, as far as they were read before it.
    """

    line: int
    data: bytes | None
    page: Members


def read_items(
    stream: BinaryIO, lists: tuple[str, ...], longest: int = LONGEST, chunk_size: int = CHUNK
) -> Iterator[Item]:
    """The items of one JSON document; `lists` are the members that hold the items of a page.

    In bounded memory: a page may be of any size, one that stands in a list of `longest` bytes.
    Raises UnreadableFile, at the first item or later, for what is neither an object nor an array, or does not end.
    """
    first = beginning(stream, chunk_size)
    if first.text.startswith(b"["):
        for element in only_array(stream, first, longest, chunk_size):
            yield from _unfolded(element.line, element.data, lists)
    elif first.text.startswith(b"{"):
        yield from _Page(stream, lists, longest, chunk_size).items(first)
    else:
        raise unreadable("malformed_json", _NOT_ITEMS)


def read_item_lines(stream: BinaryIO, lists: tuple[str, ...]) -> Iterator[Item]:
    """The items of NDJSON, where a line is an item or a whole page; blank lines are none."""
    for line in lines(stream):
        if line.data is None or line.data.strip():
            yield from _unfolded(line.number, line.data, lists)


def members_around(stream: BinaryIO, lists: tuple[str, ...]) -> Members:
    """The members of the page that `stream` holds but its list, wherever they stand; the stream is as it was then.

    Nothing for a document that is no page, that is faulty, or for a stream that cannot be read twice.
    """
    if not stream.seekable():
        return _ALONE
    start = stream.tell()
    try:
        first = beginning(stream)
        return _Page(stream, lists, LONGEST, CHUNK).members(first) if first.text.startswith(b"{") else _ALONE
    except UnreadableFile:
        return _ALONE
    finally:
        stream.seek(start)


def _unfolded(line: int, data: bytes | None, lists: tuple[str, ...]) -> Iterator[Item]:
    """The items of a page that is at hand as a whole; anything else is an item itself."""
    data = None if data is None else data.lstrip()
    members = _members(data) if data is not None and data.startswith(b"{") else _ALONE
    name = next((name for name in lists if name in members), None)
    if data is None or name is None or "id" in members:
        yield Item(line, data, _ALONE)
        return
    held = bytes(members[name])
    around = {other: value for other, value in members.items() if other != name}
    start = line + data.count(b"\n", 0, data.index(held))
    if held.startswith(b"["):
        for element in elements(io.BytesIO(held)):
            yield Item(start + element.line - 1, element.data, around)
    else:
        yield Item(start, held, around)


def _members(data: bytes) -> Members:
    try:
        return _members_decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _ALONE


class _Incomplete(Exception):
    """More bytes are needed to tell."""


class _Page:
    """An object at the top of a document, read up to its list, through it, and to the end."""

    def __init__(self, stream: BinaryIO, lists: tuple[str, ...], longest: int, chunk_size: int) -> None:
        self._stream, self._lists = stream, lists
        self._longest, self._chunk_size = longest, chunk_size
        self._around: dict[str, msgspec.Raw] = {}
        self._read = b""

    def items(self, first: Beginning) -> Iterator[Item]:
        """The items of the list; without one the object itself, or the one that stands in the place of a list."""
        inside = self._find_list(first)
        if inside is not None:
            for element in self._elements(inside):
                yield Item(element.line, element.data, self._around)
            return
        whole = self._read + self._stream.read(self._longest)
        yield from _unfolded(first.line, whole if len(whole) <= self._longest else None, self._lists)

    def members(self, first: Beginning) -> Members:
        """The members beside the list, wherever they stand."""
        inside = self._find_list(first)
        if inside is not None:
            for _ in self._elements(inside):
                pass
        return self._around

    def _elements(self, inside: Beginning) -> Iterator[Element]:
        beyond = yield from array_elements(self._stream, inside, self._longest, self._chunk_size)
        tail = (beyond + self._stream.read(self._longest)).strip()
        try:
            self._around |= _members_decoder.decode(b"{" + tail.removeprefix(b","))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise _broken() from None

    def _find_list(self, first: Beginning) -> Beginning | None:
        """What follows the bracket of the list; None where the object ends without it."""
        self._read = first.text
        while True:
            try:
                at = self._scan()
            except _Incomplete:
                more = self._stream.read(max(self._chunk_size, len(self._read)))
                if not more or len(self._read) > self._longest:
                    raise _broken() from None
                self._read += more
            else:
                if at is None:
                    return None
                return Beginning(first.line + self._read.count(b"\n", 0, at), self._read[at:])

    def _scan(self) -> int | None:
        """Where the list begins in what was read; None where the object ends before. Notes the members on the way.

        Raises _Incomplete where neither can be told, be it that more is to come or that this is no JSON.
        """
        text = self._read.decode("latin-1")  # a character per byte: positions are those of the bytes
        try:
            at = _after_blanks(text, 1)
            while text[at] != "}":
                start = at
                _, at = _skip(text, at)
                name = msgspec.json.decode(self._read[start:at], type=str)
                at = _after_blanks(text, _after(text, at, ":"))
                if name in self._lists and text[at] == "[":
                    return at + 1
                start = at
                _, at = _skip(text, at)
                self._around[name] = msgspec.Raw(self._read[start:at])
                at = _after_blanks(text, at)
                at = _after_blanks(text, at + 1) if text[at] == "," else _before(text, at, "}")
        except (IndexError, ValueError, msgspec.DecodeError, RecursionError):
            raise _Incomplete from None
        return None


def _after_blanks(text: str, at: int) -> int:
    while text[at] in _BLANK:
        at += 1
    return at


def _after(text: str, at: int, mark: str) -> int:
    return _before(text, _after_blanks(text, at), mark) + 1


def _before(text: str, at: int, mark: str) -> int:
    if text[at] != mark:
        raise ValueError(mark)
    return at


def _broken() -> UnreadableFile:
    return unreadable("malformed_json", _BROKEN_PAGE)
