"""Entity tags and conditional requests (RFC 9110 §8.8.3, §13.1)."""

import hashlib
from functools import partial

import msgspec
from litestar import Response

from api.runtime.endpoint import Call, endpoint
from api.web.content_negotiation import JSON, VARY, accepts_gzip, is_worth_compressing
from api.web.problems import Refusal

IF_MATCH = {"If-Match": "The `ETag` of the object as it was read: 412 where it has changed since"}
IF_NONE_MATCH = {"If-None-Match": "The `ETag` of the answer already held: 304 where it still stands"}
alteration = partial(endpoint, "PATCH", headers=IF_MATCH)
"""The decorator of a route that changes an object as it was read."""
HOUR, DAY = 3_600, 86_400
_COMPRESSED = '-gzip"'
"""The end of the tag of an answer that is sent compressed: other bytes, so another tag (RFC 9110 §8.8.3.3)."""


def etag_of(content: object) -> str:
    """A strong entity tag that changes with `content`: bytes, or what is encoded as JSON."""
    body = content if isinstance(content, bytes) else msgspec.json.encode(content)
    return f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def etag_response(document: object, etag: str | None = None, *, status: int = 200) -> Response[bytes]:
    """The response to a change: the object after the change as JSON, with its entity tag."""
    body = msgspec.json.encode(document)
    headers = {"content-type": JSON, "etag": etag or etag_of(body)}
    return Response(body, status_code=status, headers=headers)


def conditional_get(
    call: Call, content: object, media_type: str = JSON, etag: str | None = None, *, max_age: int | None = None
) -> Response[bytes]:
    """The response with `content` (bytes, or to be encoded as JSON) and its entity tag; 304 where the client has it.

    `max_age`: seconds for which anyone may cache it; None: only the caller may, and asks again each time.
    """
    body = content if isinstance(content, bytes) else msgspec.json.encode(content)
    etag = etag or etag_of(body)
    cache = "private, no-cache" if max_age is None else f"public, max-age={max_age}"
    headers = {"etag": etag, "cache-control": cache, "vary": "accept, accept-language"}
    if is_worth_compressing(len(body), media_type):
        headers["vary"] += f", {VARY}"
        if accepts_gzip(call.headers.get("accept-encoding", "")):
            headers["etag"] = etag.removesuffix('"') + _COMPRESSED
    known = call.headers.get("if-none-match", "")
    if known.strip() == "*" or etag in {
        _without_gzip_suffix(tag.strip().removeprefix("W/")) for tag in known.split(",")
    }:
        return Response(b"", status_code=304, headers=headers)
    return Response(body, headers={**headers, "content-type": media_type})


def _without_gzip_suffix(tag: str) -> str:
    """The entity tag without `-gzip`, so that who read the compressed answer may change the object too.

    Marked tags are strong as well. Answers to what writes have the plain tag of what was written: their own content may
    be more than that.
    """
    return tag.removesuffix(_COMPRESSED) + '"' if tag.endswith(_COMPRESSED) else tag


def require_match(call: Call, etag: str | None) -> None:
    """Raises Refusal (412) where `If-Match` is given and does not name the present `etag` (None: no object).

    Call it in the transaction that writes, on a row that it has locked: the row must not change meanwhile.
    """
    require_if_match(call.headers.get("if-match"), etag)


def require_if_match(if_match: str | None, etag: str | None) -> None:
    """Raises Refusal (412) where the header `if_match` is given (not None) and does not name the present `etag`."""
    if if_match is not None:
        tags = {_without_gzip_suffix(tag.strip()) for tag in if_match.split(",")}
        if etag is None or ("*" not in tags and etag not in tags):
            raise Refusal("stale-version")
