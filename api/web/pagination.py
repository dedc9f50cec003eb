"""Pages of lists: keyset cursors, each valid for one list only, and the Link header to the next page."""

import base64
import binascii
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from operator import attrgetter
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import parse_qsl, urlencode

import msgspec
from litestar import Request, Response

from api.web.problems import Refusal
from domain.errors import Problem
from domain.text.bilingual import Text

T = TypeVar("T")
CHECK_BYTES = 6

Limit = Annotated[int, msgspec.Meta(ge=1, le=200, description="Items per page")]
# the length is documented only: a text that is no cursor is refused as a bad cursor, whatever its length and bytes
Cursor = Annotated[
    str,
    msgspec.Meta(
        description="The `next_cursor` of the page before",
        extra_json_schema={"minLength": 1, "maxLength": 2_000},
        extra={"opaque": True},
    ),
]


class Paging(msgspec.Struct, frozen=True, kw_only=True):
    """The query of a paged list; a list with filters inherits it."""

    limit: Limit = 50
    cursor: Cursor | None = None


class Page(msgspec.Struct, Generic[T], frozen=True):
    """One page of a list."""

    items: tuple[T, ...]
    """In the order that the route says"""
    next_cursor: str | None = None
    """To be sent as `cursor` for the next page; null: there is no more"""


def write_cursor(name: str, position: object) -> str:
    """An opaque cursor to `position`, which an item has in the order of the list `name`.

    Every other list refuses it.
    """
    payload = msgspec.json.encode(position)
    return base64.urlsafe_b64encode(_checksum(name, payload) + payload).decode().rstrip("=")


def read_cursor(name: str, cursor: str | None, kind: type[T]) -> T | None:
    """The position in a cursor of list `name`; None without a cursor. Raises Refusal (400) for one of another list.

    The check finds mistakes, not malice: a position grants no right to see what follows it.
    """
    if cursor is None:
        return None
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        check, payload = raw[:CHECK_BYTES], raw[CHECK_BYTES:]
        if check == _checksum(name, payload):
            return msgspec.json.decode(payload, type=kind)
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        pass
    detail = Text("Ce curseur n'est pas l'un de ceux de cette liste", "This cursor is not one that this list gave")
    raise bad_cursor("bad_cursor", detail)


def bad_cursor(code: str, detail: Text) -> Refusal:
    """The refusal (400) of a cursor, for the reason that `code` names."""
    return Refusal("bad-cursor", detail, (Problem("/cursor", code, detail),), place="query")


async def answer_page(
    call: Request[Any, Any, Any],
    paging: Paging,
    name: str,
    position_type: type[T],
    fetch: Callable[[T | None, int], Awaitable[Sequence[Any]]],
    *,
    key: Callable[[Any], object] = attrgetter("id"),
    show: Callable[[Any], object] | None = None,
) -> Response[bytes]:
    """Answer one page of the list `name`. `fetch(after, count)` returns at most `count` items after a position.

    `key`: the position of an item; `show`: the item as answered. Raises Refusal (400) for another list's cursor.
    """
    found = await fetch(read_cursor(name, paging.cursor, position_type), paging.limit + 1)
    shown = found[: paging.limit]
    next_cursor = write_cursor(name, key(shown[-1])) if len(found) > len(shown) else None
    return page_response(call, shown if show is None else [show(item) for item in shown], next_cursor)


def page_response(call: Request[Any, Any, Any], items: Sequence[Any], next_cursor: str | None) -> Response[bytes]:
    """The response with a page of items as JSON, and the Link header to the next page."""
    body = msgspec.json.encode({"items": items, "next_cursor": next_cursor})
    return Response(body, media_type="application/json", headers=next_link(call, next_cursor))


def next_link(call: Request[Any, Any, Any], next_cursor: str | None) -> dict[str, str]:
    """The Link header (RFC 8288) to the next page, with all other parameters; empty where there is none."""
    if next_cursor is None:
        return {}
    given = parse_qsl(call.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    others = [(name, value) for name, value in given if name != "cursor"]
    base = call.app.state.services.settings.public_url or ""
    path = (call.scope.get("raw_path") or call.scope["path"].encode()).decode("latin-1").partition("?")[0]
    return {"link": f'<{base}{path}?{urlencode([*others, ("cursor", next_cursor)])}>; rel="next"'}


def _checksum(list_name: str, payload: bytes) -> bytes:
    return hashlib.blake2b(payload, digest_size=CHECK_BYTES, key=list_name.encode()).digest()
