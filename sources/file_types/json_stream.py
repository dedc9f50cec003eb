"""The items of a JSON document of any size, one by one, in bounded memory: in a list, or on pages that wrap a list.

A page is an object that holds its items as a list under one member: `{"count": 2, "results": [{…}, {…}]}`. Items are
left as written, so that each is decoded, and rejected where it is faulty, alone. ijson stops at the first fault, knows
neither lines nor repeated keys, and took five times the CPU of this and decoding for an array of 220,000 records.
"""

import io
import re
from collections.abc import Iterator, Mapping
from typing import BinaryIO, NamedTuple

import msgspec

from domain.text.bilingual import Text
from sources.rows import LONGEST, UnreadableFile, lines, unreadable, without_mark

Members = Mapping[str, msgspec.Raw]

CHUNK = 64 * 1024
_NO_PAGE: Members = {}
_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_NAME = re.compile(rb"\s*+(" + _STRING + rb")\s*+:", re.DOTALL)
_NOT_BLANK = re.compile(rb"[^ \t\r\n]")
# Each runs up to the next byte that matters: a bracket, a comma between values, a string that goes on beyond the chunk.
_BETWEEN_VALUES = re.compile(rb'(?:[^"{}\[\],]++|' + _STRING + rb")*+", re.DOTALL)
_INSIDE_VALUE = re.compile(rb'(?:[^"{}\[\]]++|' + _STRING + rb")*+", re.DOTALL)
_OTHER_VALUES = (b"{", b'"', b"-", *(b"%d" % digit for digit in range(10)), b"true", b"false", b"null")

_members_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])

_NOT_AN_ARRAY = Text(
    "Une liste JSON est attendue ; pour un objet par ligne, envoyer application/x-ndjson",
    "A JSON array is expected; for one object per line, send application/x-ndjson",
)
_GOES_ON = Text("Il reste du texte après la fin du document", "There is text after the end of the document")
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
    page: Members = _NO_PAGE


def elements(stream: BinaryIO, longest: int = LONGEST, chunk_size: int = CHUNK) -> Iterator[Item]:
    """The elements of one array; what each holds is not checked, and one may be empty (after a stray comma).

    Raises UnreadableFile where the document is not an array, does not end, or goes on after its end.
    """
    document = _Document(stream, longest, chunk_size)
    if document.peek() != b"[":
        code = "wrong_type" if document.startswith(_OTHER_VALUES) else "malformed_json"
        raise unreadable(code, _NOT_AN_ARRAY)
    yield from document.elements()
    document.require_end()


def read_items(
    stream: BinaryIO, lists: tuple[str, ...], longest: int = LONGEST, chunk_size: int = CHUNK, wrapper: str = ""
) -> Iterator[Item]:
    """The items of one JSON document; `lists` are the members that hold the items of a page.

    `wrapper`: the member of a document that holds the page itself, where there is one.
    In bounded memory: a page may be of any size, one that stands in a list of `longest` bytes.
    Raises UnreadableFile, at the first item or later, for what is neither an object nor an array, or does not end.
    """
    document = _Document(stream, longest, chunk_size)
    match document.peek():
        case b"[":
            for element in document.elements():
                yield from _unwrapped(element, lists)
        case b"{":
            yield from document.page(lists, {}, wrapper)
        case _:
            raise unreadable("malformed_json", _NOT_ITEMS)
    document.require_end()


def read_item_lines(stream: BinaryIO, lists: tuple[str, ...], wrapper: str = "") -> Iterator[Item]:
    """The items of NDJSON, where a line is an item or a whole page; blank lines are none."""
    for line in lines(stream):
        if line.data is None or line.data.strip():
            yield from _unwrapped(Item(line.number, line.data), lists, wrapper)


def members_around(stream: BinaryIO, lists: tuple[str, ...]) -> Members:
    """The members of the page in `stream` without its list, wherever they stand; the stream is put back.

    {} for a document that is no page or is faulty, and for a stream that cannot be read twice.
    """
    if not stream.seekable():
        return _NO_PAGE
    start = stream.tell()
    found: dict[str, msgspec.Raw] = {}
    try:
        document = _Document(stream, LONGEST, CHUNK)
        if document.peek() == b"{":
            for _ in document.page(lists, found):
                pass
            document.require_end()
    except UnreadableFile:
        return _NO_PAGE
    finally:
        stream.seek(start)
    return found


def _unwrapped(item: Item, lists: tuple[str, ...], wrapper: str = "") -> Iterator[Item]:
    """The items of a page that is at hand as a whole; anything else is an item itself."""
    members = _members(item.data)
    name = next((name for name in (*lists, wrapper) if name in members), None)
    if item.data is None or name is None or "id" in members:
        yield item
        return
    around = {other: value for other, value in members.items() if other != name}
    page = _Document(io.BytesIO(item.data), LONGEST, CHUNK, item.line)
    page.peek()
    for inner in page.page(lists, {}, wrapper):
        yield inner._replace(page=around)


def _members(data: bytes | None) -> Members:
    if data is None or not data.lstrip().startswith(b"{"):
        return _NO_PAGE
    try:
        return _members_decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _NO_PAGE


class _Document:
    """A document that is read from its beginning to its end; at most `longest` bytes and a chunk are held at once."""

    def __init__(self, stream: BinaryIO, longest: int, chunk_size: int, line: int = 1) -> None:
        self._stream, self._longest, self._chunk_size = stream, longest, chunk_size
        self._data = without_mark(stream.read(max(chunk_size, 3)))
        self._at = 0
        self._line = line

    def peek(self) -> bytes:
        """The next byte that is not blank, up to which all is read; b"" at the end."""
        while (found := _NOT_BLANK.search(self._data, self._at)) is None:
            self._read_to(len(self._data))
            if not self._fill():
                return b""
        self._read_to(found.start())
        return found[0]

    def startswith(self, prefixes: tuple[bytes, ...]) -> bool:
        return self._data.startswith(prefixes, self._at)

    def require_end(self) -> None:
        """Raises UnreadableFile where anything but blanks is left."""
        if self.peek():
            raise unreadable("malformed_json", _GOES_ON)

    def elements(self) -> Iterator[Item]:
        """The elements of the array that begins at the next byte."""
        self._at += 1
        if self.peek() != b"]":
            yield self._value(b"]")
            while self.peek() == b",":
                self._at += 1
                yield self._value(b"]")
        self._at += 1

    def page(self, lists: tuple[str, ...], around: dict[str, msgspec.Raw], wrapper: str = "") -> Iterator[Item]:
        """The items of the page that begins at the next byte, with its other members, which are put into `around`.

        Without a list it is the object itself, or the one that stands in the place of a list. Of a page in a `wrapper`
        all lists are read, else the first.
        """
        line, size, has_list = self._line, 0, False
        singles: dict[str, Item] = {}
        self._at += 1
        while self.peek() != b"}":
            name = self._name()
            inner = self._inner(name, () if has_list and not wrapper else lists, around, wrapper)
            if inner is not None:
                has_list = True
                yield from inner
            else:
                member = self._value(b"}")
                around[name] = _checked_member(member)
                size += len(member.data or b"")
                if size > self._longest:
                    raise _broken_page()
                if name in lists:
                    singles[name] = member
            if self.peek() == b",":
                self._at += 1
            elif self.peek() != b"}":
                raise _broken_page()
        self._at += 1
        if has_list:
            return
        single = next((name for name in lists if name in singles), None)
        if single is None or "id" in around:
            yield Item(line, msgspec.json.encode(around))
        else:
            del around[single]
            yield Item(singles[single].line, singles[single].data, around)

    def _inner(
        self, name: str, lists: tuple[str, ...], around: dict[str, msgspec.Raw], wrapper: str
    ) -> Iterator[Item] | None:
        """The items of the member that comes next, where it is a list of them or the page in a wrapper."""
        start = self.peek()
        if name == wrapper and start == b"{":
            return self.page(lists, {}, wrapper)
        if name in lists and start == b"[":
            return (Item(element.line, element.data, around) for element in self.elements())
        return None

    def _name(self) -> str:
        """The name of a member, with the colon after it."""
        while (found := _NAME.match(self._data, self._at)) is None:
            if len(self._data) - self._at > self._longest or not self._fill():
                raise _broken_page()
        self._read_to(found.end())
        try:
            return msgspec.json.decode(found[1], type=str)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise _broken_page() from None

    def _value(self, closing: bytes) -> Item:
        """The text before the next comma or `closing` bracket. Raises UnreadableFile where there is none."""
        self.peek()
        line, depth, is_too_long, end = self._line, 0, False, self._at
        while True:
            run = (_INSIDE_VALUE if depth else _BETWEEN_VALUES).match(self._data, end)
            end = run.end() if run else end
            mark = self._data[end : end + 1]
            if mark in (b"", b'"'):
                if len(self._data) - self._at > self._longest:
                    if closing == b"}":
                        raise _broken_page()  # what stands beside the list is kept, and so is bounded
                    is_too_long = True
                    self._drop_to(end)
                    end = 0
                end -= self._at
                if not self._fill():
                    raise _broken_page() if closing == b"}" else unreadable("malformed_json", _unfinished(line))
            elif depth == 0 and mark in (b",", closing):
                is_too_long = is_too_long or end - self._at > self._longest
                item = Item(line, None if is_too_long else self._data[self._at : end])
                self._read_to(end)
                return item
            else:
                depth = max(0, depth + (1 if mark in b"{[" else -1))
                end += 1

    def _read_to(self, at: int) -> None:
        self._line += self._data.count(b"\n", self._at, at)
        self._at = at

    def _drop_to(self, at: int) -> None:
        """Drop all that was read; of a string that goes on from `at`, keep its opening quote and a pending escape."""
        self._read_to(len(self._data))
        rest = self._data[at:]
        is_in_escape = (len(rest) - len(rest.rstrip(b"\\"))) % 2 == 1
        self._data, self._at = rest[:1] + b"\\" * is_in_escape, 0

    def _fill(self) -> bool:
        """Read a chunk, and drop what is behind; False at the end of the stream."""
        chunk = self._stream.read(self._chunk_size)
        self._data, self._at = self._data[self._at :] + chunk, 0
        return bool(chunk)


def _checked_member(member: Item) -> msgspec.Raw:
    """The value of a page's member. Raises UnreadableFile where it is too long or no JSON."""
    try:
        msgspec.json.decode(member.data or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _broken_page() from None
    return msgspec.Raw(member.data or b"")


def _broken_page() -> UnreadableFile:
    return unreadable("malformed_json", _BROKEN_PAGE)


def _unfinished(line: int) -> Text:
    return Text(
        f"La liste ne se termine pas : ce qui commence ligne {line} n'est pas refermé",
        f"The array does not end: what begins on line {line} is never closed",
    )
