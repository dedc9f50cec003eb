"""Strict request bodies: media type, size, then a typed decoder over the raw bytes; merge patches of stored documents.

The web framework's own decoding is not used: it takes "1" for a number, ignores Content-Type and stops with a 500 on
deep nesting. Merge patches are those of RFC 7396.
"""

import asyncio
import gc
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Generic, TypeVar

import msgspec
from litestar import Request

from api.web.content_negotiation import CSV, JSON, MERGE_PATCH
from api.web.problems import Refusal
from domain.decoding.requests import (
    decode_with_plain,
    explain,
    find_lone_surrogate,
    find_null_character,
    find_repeated_key,
)
from domain.errors import InvalidContent, Problem
from domain.text.bilingual import Text, said_by

_SAID = said_by(__name__)

T = TypeVar("T")
LARGE, PAUSE_SECONDS = 64 << 10, 0.01
"""Bytes of a body that is decoded in its turn, and the time before it in which others are answered. Nothing is
collected meanwhile: each collection would look at all that is decoded yet."""
FEW_MEMBERS, BYTES_OF_MEMBER = 1_000, 1 << 10
"""The members of a gzip body may be so many, and one more for so many bytes in them: an empty one takes time too."""
PIECE, WINDOW = 1 << 20, 16 << 10
AnyRequest = Request[Any, Any, Any]
_UTF8 = frozenset({"utf-8", "utf8", "us-ascii"})
_WESTERN = frozenset({"windows-1252", "cp1252", "iso-8859-1", "latin1"})
"""What tables may be in besides UTF-8: spreadsheets mean Windows-1252 by all of these."""
MemoryShare = Callable[[], AbstractContextManager[Callable[[int], None]]]
"""A share of the memory for bodies: what it yields takes so many bytes more, or raises Refusal (429)."""
Turn = Callable[[], AbstractAsyncContextManager[None]]
"""The turn of a caller to have a large body decoded."""


class JsonBody(Generic[T]):
    """Reads a JSON body of the type `kind`; a merge patch where `patch` is true."""

    def __init__(self, kind: type[T], *, patch: bool = False) -> None:
        self.kind = kind
        self.media = (MERGE_PATCH,) if patch else (JSON,)
        self._decoder = msgspec.json.Decoder(kind)

    async def read(self, request: AnyRequest, limit: int, share: MemoryShare, turn: Turn | None = None) -> T:
        """Read and decode the body of a request, of at most `limit` bytes; `share` reserves the memory for it.

        A large one is decoded in its `turn`, by default at once.

        Raises Refusal (400, 413, 415, 429) or InvalidContent (422, the first place where it fails).
        """
        headers = request.headers
        require_media(headers, self.media)
        require_coding(headers, ("identity",))
        raw = (await whole_body(request, limit, share)).removeprefix(b"\xef\xbb\xbf")
        if not raw.strip():
            raise missing_body()
        if turn is None or len(raw) < LARGE:
            return self.decode(raw)
        with share() as take:
            take(len(raw))  # while it waits
            async with turn():
                await asyncio.sleep(PAUSE_SECONDS)  # others go on first
                return self.decode(raw)

    def decode(self, raw: bytes) -> T:
        """The bytes of a body, decoded as a `kind`. Raises as `read`."""
        if len(raw) < LARGE or not gc.isenabled():
            return self._decode_or_refuse(raw)
        gc.disable()
        try:
            return self._decode_or_refuse(raw)
        finally:
            gc.enable()

    def _decode_or_refuse(self, raw: bytes) -> T:
        try:
            value, document = decode_with_plain(raw, self._decoder)
        except msgspec.ValidationError as error:
            # its own code, also where a text of that form or an enumeration was due
            raise InvalidContent((find_null_character(raw) or explain(error, self.kind),)) from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            if problem := find_lone_surrogate(raw):
                raise InvalidContent((problem,)) from None
            detail = Text("Le corps JSON est incomplet", "The JSON body is cut short")
            if isinstance(error, UnicodeDecodeError):
                detail = Text("Le corps n'est pas de l'UTF-8", "The body is not UTF-8")
            elif (byte := str(error).rpartition("(byte ")[2].rstrip(")")).isdecimal():
                detail = Text(f"Le corps n'est pas du JSON : octet {byte}", f"The body is not JSON: byte {byte}")
            raise Refusal("malformed-body", detail) from None
        if problem := find_null_character(raw) or (find_repeated_key(raw) if document is None else None):
            raise InvalidContent((problem,))
        return value


# the empty object that many clients send to a route without a body
_empty: JsonBody[Any] = JsonBody(msgspec.defstruct("EmptyBody", (), forbid_unknown_fields=True))


def missing_body() -> InvalidContent:
    """The refusal (422) of a body that is empty where one is needed."""
    return InvalidContent((Problem("", "missing_body", Text("Un corps est attendu", "A body is expected")),))


async def require_empty(request: AnyRequest, limit: int, share: MemoryShare) -> None:
    """Raises as `JsonBody.read` unless the body is empty, `null` or `{}`, for a route that takes no content."""
    raw = (await whole_body(request, limit, share)).strip()
    if raw not in {b"", b"null"}:
        require_media(request.headers, (JSON,))
        _empty.decode(raw)


async def body_pieces(request: AnyRequest, limit: int) -> AsyncIterator[bytes]:
    """Yields the pieces of the body as they arrive. Raises Refusal (413) beyond `limit` bytes."""
    _require_short(request.headers, limit)
    received, more = 0, True
    while more:
        piece, more = await _receive_piece(request, received, limit)
        received += len(piece)
        if piece:
            yield piece


async def whole_body(request: AnyRequest, limit: int, share: MemoryShare) -> bytes:
    """The whole body as one byte string. Raises as `body_pieces`, and Refusal (429) where `share` refuses the memory.

    Only a body of several pieces takes of its `share`; one of a single piece is read without the loop, which is slow.
    """
    _require_short(request.headers, limit)
    first, more = await _receive_piece(request, 0, limit)
    if not more:
        return first
    with share() as take:
        take(len(first))
        pieces, received = [first], len(first)
        while more:
            piece, more = await _receive_piece(request, received, limit)
            take(len(piece))
            received += len(piece)
            pieces.append(piece)
        return b"".join(pieces)


def _require_short(headers: Mapping[str, str], limit: int) -> None:
    """Raises Refusal: 413 where Content-Length is more than `limit`, 400 where it is no number."""
    announced = headers.get("content-length", "0")
    if not (announced.isascii() and announced.isdecimal()):
        raise Refusal("bad-request")
    if int(announced) > limit:
        raise too_large(limit)


async def _receive_piece(request: AnyRequest, received: int, limit: int) -> tuple[bytes, bool]:
    """The next piece of the body, and whether more follow. Raises Refusal (413) beyond `limit` bytes in all."""
    message = await request.receive()
    if message["type"] != "http.request":
        raise Refusal("bad-request", Text("Le corps s'est interrompu", "The body broke off"))
    piece = message.get("body", b"")
    if received + len(piece) > limit:
        raise too_large(limit)
    return piece, message.get("more_body", False)


class Gunzip:
    """Decompresses a gzip body, which may have several members, block by block; to be used in a thread.

    `limit`: of the bytes that come out.
    """

    def __init__(self, limit: int) -> None:
        self._limit, self._produced = limit, 0
        self._member, self._members = zlib.decompressobj(wbits=31), 1

    def pieces(self, block: bytes | bytearray) -> Iterator[bytes]:
        """Yields the decompressed bytes of a block, in pieces of about `PIECE` bytes.

        Raises Refusal: 400 where the compression is broken or its members hold next to nothing, 413.
        """
        piece, at = bytearray(), 0
        while at < len(block):
            if self._member.eof:
                self._members += 1
                if self._members > FEW_MEMBERS + self._produced // BYTES_OF_MEMBER:
                    raise Refusal("malformed-body", _SAID["too_many_members"])
                self._member = zlib.decompressobj(wbits=31)
            # what is left of it after a member is copied: of all the block, that would take quadratic time
            window = block[at : at + WINDOW]
            try:
                more = self._member.decompress(window, PIECE)
            except zlib.error:
                raise Refusal("malformed-body", _SAID["broken_gzip"]) from None
            at += len(window) - len(self._member.unused_data if self._member.eof else self._member.unconsumed_tail)
            self._produced += len(more)
            if self._produced > self._limit:
                raise too_large(self._limit)
            piece += more
            if len(piece) >= PIECE:
                yield bytes(piece)
                piece.clear()
        if piece:
            yield bytes(piece)

    def end(self) -> None:
        """Raises Refusal (400) where the last member is cut short."""
        if not self._member.eof:
            raise Refusal("malformed-body", _SAID["broken_gzip"])


def require_media(headers: Mapping[str, str], accepted: tuple[str, ...]) -> str:
    """The media type of the body, one of `accepted`; application/json also stands for types ending in +json.

    Raises Refusal (415), also where the header is missing or announces another charset than UTF-8 (or, of CSV,
    Windows-1252).
    """
    header = headers.get("content-type", "")
    if header in accepted:
        return header
    media, *parameters = (part.strip().lower() for part in header.split(";"))
    charset = next((p.partition("=")[2].strip('" ') for p in parameters if p.startswith("charset")), "utf-8")
    if charset in _UTF8 or (media == CSV and charset in _WESTERN):
        if media in accepted:
            return media
        if JSON in accepted and media.startswith("application/") and media.endswith("+json") and media != MERGE_PATCH:
            return JSON
    wanted = ", ".join(accepted)
    received = header[:100] or "—"
    raise Refusal(
        "unsupported-media-type",
        _SAID["unsupported_media_type"].filled(received=received, wanted=wanted),
        headers={"accept-patch" if MERGE_PATCH in accepted else "accept-post": wanted},
    )


def require_coding(headers: Mapping[str, str], accepted: tuple[str, ...]) -> str:
    """The Content-Encoding of the body, one of `accepted`. Raises Refusal (415) for any other."""
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding not in accepted:
        wanted = ", ".join(accepted)
        raise Refusal(
            "unsupported-media-type",
            Text(f"Content-Encoding admis ici : {wanted}", f"Content-Encoding allowed here: {wanted}"),
            headers={"accept-encoding": wanted},
        )
    return coding


def too_large(limit: int) -> Refusal:
    """The refusal of a body over `limit` bytes; the connection is closed, since the rest of the body is not read."""
    size = f"{limit / (1 << 20):g}"
    return Refusal(
        "body-too-large",
        Text(f"Le corps dépasse {size} Mio", f"The body is larger than {size} MiB"),
        headers={"connection": "close"},
    )


Patch = dict[str, Any]


def apply_patch(current: T, patch: Patch, kind: type[T]) -> T:
    """`current` with the merge patch applied, as a `kind`; other fields than those of `kind` cannot be changed.

    Members that the patch leaves out stay, null restores a member's default, objects are merged, lists replaced.
    Raises InvalidContent at the first place where the result is not a `kind`.
    """
    names = [field.encode_name for field in msgspec.structs.fields(kind)]  # type: ignore[arg-type]
    before = msgspec.to_builtins(current)
    merged = _merge({name: before[name] for name in names if name in before}, patch)
    # refused also where null would only have removed it
    unknown = {name: None for name in patch if name not in names}
    try:
        return msgspec.convert(merged | unknown, kind)
    except msgspec.ValidationError as error:
        raise InvalidContent((explain(error, kind),)) from None


def _merge(before: Any, patch: Any) -> Any:
    """`before` with `patch` applied: the algorithm of RFC 7396 §2."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(before) if isinstance(before, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merge(merged.get(name), value)
    return merged
