"""JSON documents of any size read item by item in bounded memory: a list, or pages (objects that hold a list).

Readers of other directories make records of them.

A page is an object that holds its items as a list under one member: `{"count": 2, "results": [{…}, {…}]}`. Items are
left as written, so that each is decoded, and rejected where it does not fit, alone; a document that is no JSON is
refused with the line of its fault. The standard library's scanner says where an item ends: of 27 MiB it takes 0.23 s
(a tenth of an import). `list[msgspec.Raw]` takes 0.02 s, and 60 bytes of memory for each element of the whole document,
30 GB for the longest of `0,0,0…`; ijson knows neither lines nor repeated keys, and holds an element of any length.
"""

import io
import json
import re
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import BinaryIO, NamedTuple, TypeVar

import msgspec

from domain.decoding.requests import explain, find_null_character
from domain.errors import InvalidContent, Problem
from domain.suppliers.source import Row, RowError, reject
from domain.suppliers.supplier import Flag
from domain.text.bilingual import Text, said_by
from sources.rows import (
    LONGEST,
    NOT_UTF8,
    TOO_LONG,
    Context,
    Document,
    Reader,
    UnreadableFile,
    lines,
    row_of,
    unreadable,
    without_mark,
)

_SAID = said_by(__name__)

T = TypeVar("T")
Members = Mapping[str, msgspec.Raw]
Scalar = str | int | float | bool | None
UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""The errors of a decoder that JSON does not fit."""

CHUNK = 64 * 1024
_NO_PAGE: Members = {}
_BLANKS = re.compile(r"[ \t\r\n]*+")
_BEGIN_VALUES = '{"-tfn0123456789'
_LONGEST_WORD = 16
"""Characters at the end of what was read, at least, that may be the beginning of a number, a word or an escape."""

# a text with a tabulation in it, and a number that no record holds, are for whoever decodes the item
_value_at = json.JSONDecoder(strict=False, parse_int=float).raw_decode
_decode_name = msgspec.json.Decoder(str).decode
_decode_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Item(NamedTuple):
    """An item's JSON as written, and the line (from 1) where it starts; `data` is None for a line that is too long.

    `page`: the other members of the page that it stands on, as far as they were read before it.
    """

    line: int
    data: bytes | None
    page: Members = _NO_PAGE


def elements(stream: BinaryIO, longest: int = LONGEST, chunk_size: int = CHUNK) -> Iterator[Item]:
    """Yield the elements of a document that is one JSON array, each undecoded.

    Raises UnreadableFile, at the first element or later, where the document is not an array, is malformed, or goes on
    after its end, and where an element takes more than `longest`.
    """
    document = _Document(stream, longest, chunk_size)
    start = document.peek()
    if start != "[":
        raise unreadable("wrong_type" if start and start in _BEGIN_VALUES else "malformed_json", _SAID["not_an_array"])
    yield from document.elements()
    document.require_end()


def read_items(
    stream: BinaryIO, lists: tuple[str, ...], longest: int = LONGEST, chunk_size: int = CHUNK, wrapper: str = ""
) -> Iterator[Item]:
    """Yield the items of a document, a list or a page; `lists` names the members that may hold a page's items.

    `wrapper`: the member of a document that holds the page itself, where there is one.
    A page may be of any size, one that stands in a list takes `longest` characters, and so does what stands around it.
    Raises UnreadableFile, at the first item or later, for what is neither an object nor an array, or malformed.
    """
    document = _Document(stream, longest, chunk_size)
    match document.peek():
        case "[":
            for element in document.elements():
                yield from _items_of_page(element, lists)
        case "{":
            yield from document.page(lists, {}, wrapper)
        case _:
            raise unreadable("malformed_json", _SAID["not_items"])
    document.require_end()


def read_item_lines(stream: BinaryIO, lists: tuple[str, ...], wrapper: str = "") -> Iterator[Item]:
    """Yield the items of NDJSON: a line is an item, a whole page or blank. `lists`, `wrapper`: see `read_items`."""
    for line in lines(stream):
        if line.data is None or line.data.strip():
            yield from _items_of_page(Item(line.number, line.data), lists, wrapper)


def page_members(stream: BinaryIO, lists: tuple[str, ...]) -> Members:
    """The members of the page in `stream` except its list of items; the stream is rewound to where it was.

    {} for a document that is no page or is faulty, and for a stream that cannot be read twice.
    """
    if not stream.seekable():
        return _NO_PAGE
    start = stream.tell()
    found: dict[str, msgspec.Raw] = {}
    try:
        document = _Document(stream, LONGEST, CHUNK)
        if document.peek() == "{":
            for _ in document.page(lists, found):
                pass
            document.require_end()
    except UnreadableFile:
        return _NO_PAGE
    finally:
        stream.seek(start)
    return found


def _items_of_page(item: Item, lists: tuple[str, ...], wrapper: str = "") -> Iterator[Item]:
    """Yield the items inside `item` where it is a page, else `item` itself."""
    members = _NO_PAGE
    if item.data is not None and item.data.lstrip().startswith(b"{"):
        with suppress(*UNDECODABLE):
            members = _decode_members(item.data)
    name = next((name for name in (*lists, wrapper) if name in members), None)
    if item.data is None or name is None or "id" in members:
        yield item
        return
    around = {other: value for other, value in members.items() if other != name}
    page = _Document(io.BytesIO(item.data), LONGEST, CHUNK, item.line)
    page.peek()
    for inner in page.page(lists, {}, wrapper):
        yield inner._replace(page=around)


class _Document:
    """A scanner of a JSON document from start to end, which buffers at most about twice `longest` characters.

    What is no UTF-8 is left as it is, for whoever decodes the item.
    """

    def __init__(self, stream: BinaryIO, longest: int, chunk_size: int, line: int = 1) -> None:
        self._stream, self._longest, self._chunk_size = stream, longest, chunk_size
        self._decoder = getincrementaldecoder("utf-8")("surrogateescape")
        self._text = self._decoder.decode(without_mark(stream.read(max(chunk_size, 3))))
        self._at = 0
        self._line = line

    def peek(self) -> str:
        """Skip blanks and look at the next character, which is not consumed; "" at the end."""
        while True:
            self._advance_to(self._position_after_blanks(self._at))
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._fill():
                return ""

    def require_end(self) -> None:
        """Raise UnreadableFile where anything but blanks follows."""
        if self.peek():
            raise unreadable("malformed_json", _SAID["goes_on"])

    def elements(self) -> Iterator[Item]:
        """Yield the elements of the array that begins at the next character."""
        self._at += 1
        if self.peek() != "]":
            yield self._value(",]")
            while self.peek() == ",":
                self._at += 1
                yield self._value(",]")
        self._at += 1

    def page(self, lists: tuple[str, ...], around: dict[str, msgspec.Raw], wrapper: str = "") -> Iterator[Item]:
        """Yield the items of the page that begins at the next character; its other members are put into `around`.

        Without a list it is the object itself, or the one that stands in the place of a list. Of a page in a `wrapper`
        all lists are read, else the first.
        """
        line, size, has_list = self._line, 0, False
        singles: dict[str, Item] = {}
        self._at += 1
        while self.peek() != "}":
            name = self._name()
            start = self.peek()
            if name == wrapper and start == "{":
                has_list = True
                yield from self.page(lists, {}, wrapper)
            elif name in lists and start == "[" and (wrapper or not has_list):
                has_list = True
                yield from (element._replace(page=around) for element in self.elements())
            else:
                member = self._value(",}")
                around[name] = msgspec.Raw(member.data or b"")
                size += len(around[name])
                if size > self._longest:
                    raise self._too_long_error()
                if name in lists:
                    singles[name] = member
            if self.peek() == ",":
                self._at += 1
            elif self.peek() != "}":
                raise self._malformed_error(self._at)
        self._at += 1
        if has_list:
            return
        single = next((name for name in lists if name in singles), None)
        if single is None or "id" in around:
            yield Item(line, msgspec.json.encode(around))
        else:
            del around[single]
            yield Item(singles[single].line, singles[single].data, around)

    def _name(self) -> str:
        """Read the name of a member and the colon after it; returns the name."""
        name = self._value(":")
        self._at += 1
        try:
            return _decode_name(name.data or b"")
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise self._malformed_error(self._at) from None

    def _value(self, closing: str) -> Item:
        """Read the next value, up to one of the `closing` characters. Raises UnreadableFile where there is none."""
        self.peek()
        while True:
            is_in_text = False
            try:
                _, end = _value_at(self._text, self._at)
                fault = self._position_after_blanks(end)
                if fault < len(self._text) and self._text[fault] in closing:
                    value = self._text[self._at : end].encode("utf-8", "surrogateescape")
                    if len(value) > self._longest:
                        raise self._too_long_error()
                    item = Item(self._line, value)
                    self._advance_to(fault)
                    return item
            except json.JSONDecodeError as error:
                fault, is_in_text = error.pos, error.msg.startswith("Unterminated string")
            except RecursionError:
                raise self._malformed_error(self._at) from None
            if fault < len(self._text) - _LONGEST_WORD and not is_in_text:
                raise self._malformed_error(fault)
            if len(self._text) - self._at > self._longest:
                raise self._too_long_error()
            fault -= self._at
            if not self._fill():
                raise self._malformed_error(fault)

    def _position_after_blanks(self, at: int) -> int:
        found = _BLANKS.match(self._text, at)
        return found.end() if found else at

    def _advance_to(self, at: int) -> None:
        self._line += self._text.count("\n", self._at, at)
        self._at = at

    def _fill(self) -> bool:
        """Read more into the buffer, and drop what was consumed; False at the end of the stream."""
        left = self._text[self._at :]
        chunk = self._stream.read(max(self._chunk_size, min(len(left), self._longest)))
        self._text, self._at = left + self._decoder.decode(chunk, final=not chunk), 0
        return bool(chunk)

    def _malformed_error(self, at: int) -> UnreadableFile:
        line = self._line + self._text.count("\n", self._at, at)
        detail = _SAID["malformed"].filled(line=line)
        return unreadable("malformed_json", detail)

    def _too_long_error(self) -> UnreadableFile:
        detail = _SAID["too_long"].filled(line=self._line)
        return unreadable(TOO_LONG.code, detail)


class Draft(NamedTuple):
    """An unchecked record made of an item, with flags for what a record has no field for.

    `document`: the error instead, where one of several records of an item cannot be taken.
    """

    external_id: str | None
    document: Document | InvalidContent
    flags: tuple[Flag, ...] = ()


class _ItemId(msgspec.Struct):
    """The id of an item, decoded alone for the reject of an item that is faulty."""

    id: str | int | None = None


_id_decoder = msgspec.json.Decoder(_ItemId)


def make_readers(
    lists: tuple[str, ...],
    kind: type[T],
    drafts_in: Callable[[Context], Callable[[T], Iterable[Draft]]],
    wrapper: str = "",
) -> tuple[Reader, Reader]:
    """Make a reader of JSON and one of NDJSON: items decode as `kind`, and `drafts_in(context)` makes drafts of each.

    `lists`: the members that hold the items of a page; `wrapper`: the one that may hold the page.
    """
    decoder = msgspec.json.Decoder(kind)

    def rows_of_kind(items: Iterable[Item], context: Context) -> Iterator[Row | RowError]:
        return rows_of_items(items, kind, lambda _, data: decoder.decode(data), drafts_in(context), context)

    return (
        lambda stream, context: rows_of_kind(read_items(stream, lists, wrapper=wrapper), context),
        lambda stream, context: rows_of_kind(read_item_lines(stream, lists, wrapper), context),
    )


def rows_of_items(
    items: Iterable[Item],
    kind: object,
    decode: Callable[[Item, bytes], T],
    drafts: Callable[[T], Iterable[Draft]],
    context: Context,
) -> Iterator[Row | RowError]:
    """Make records of JSON items: `decode` decodes an item, `drafts` makes one or several records of the result.

    `kind` is the type that items are decoded to. Where one does not decode, the place in its reject is one in the item;
    otherwise it is one in the record. `drafts` may raise InvalidContent.
    """
    for item in items:
        if item.data is None:
            yield reject(item.line, None, (TOO_LONG,), context.language)
            continue
        try:
            made = list(drafts(decode(item, item.data)))
        except UNDECODABLE as error:
            problems: tuple[Problem, ...] = (decoding_problem(error, kind, item.data),)
        except InvalidContent as invalid:
            problems = invalid.problems
        else:
            for draft in made:
                if isinstance(draft.document, InvalidContent):
                    yield reject(item.line, draft.external_id, draft.document.problems, context.language)
                else:
                    yield row_of(item.line, draft.external_id, draft.document, context, draft.flags)
            continue
        known_id = None
        with suppress(*UNDECODABLE):
            known_id = text_of(_id_decoder.decode(item.data).id) or None
        yield reject(item.line, known_id, problems, context.language)


def text_of(value: Scalar) -> str:
    """The value as text without blanks around it; "" for what is not known. Whole numbers have no decimal point."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def decoding_problem(error: Exception, kind: object, data: bytes) -> Problem:
    """The problem to report where `data` failed to decode as `kind` with `error`; a null character is told first."""
    if isinstance(error, msgspec.ValidationError):
        return find_null_character(data) or explain(error, kind)
    if isinstance(error, UnicodeDecodeError):
        return NOT_UTF8
    if "truncated" in str(error):
        return Problem("", "malformed_json", Text("Ce JSON est incomplet", "This JSON is incomplete"))
    byte = re.search(r"\(byte ([0-9]+)\)", str(error))
    fr, en = (f" (octet {byte[1]})", f" (byte {byte[1]})") if byte else ("", "")
    detail = Text(f"Ce n'est pas du JSON bien formé{fr}", f"This is not well-formed JSON{en}")
    return Problem("", "malformed_json", detail)
