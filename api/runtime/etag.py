"""Entity tags (RFC 9110 §8.8.3): what a client has is not sent again, what it has not seen is not overwritten."""

import hashlib

from litestar import Response

from api.runtime.endpoint import Call
from api.web.problems import Refusal

IF_MATCH = {"If-Match": "The `ETag` of the object as it was read: 412 where it has changed since"}
IF_NONE_MATCH = {"If-None-Match": "The `ETag` of the answer already held: 304 where it still stands"}


def etag_of(content: bytes) -> str:
    """A strong entity tag that changes with `content`."""
    return f'"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'


def unless_known(
    call: Call, content: bytes, media_type: str, etag: str | None = None, max_age: int | None = 3_600
) -> Response[bytes]:
    """`content`, or 304 where the client already has it (`If-None-Match`).

    Cacheable by anyone for `max_age` seconds; None: by the caller alone, who asks each time whether it still stands.
    """
    etag = etag or etag_of(content)
    cache = "private, no-cache" if max_age is None else f"public, max-age={max_age}"
    headers = {"etag": etag, "cache-control": cache, "vary": "accept, accept-language"}
    known = call.headers.get("if-none-match", "")
    if known.strip() == "*" or etag in {tag.strip().removeprefix("W/") for tag in known.split(",")}:
        return Response(b"", status_code=304, headers=headers)
    return Response(content, headers={**headers, "content-type": media_type})


def require_match(call: Call, etag: str | None) -> None:
    """Raises Refusal (412) where `If-Match` names another state than the present one, `etag`; None: there is none.

    Call it in the transaction that writes, on a row that it holds: what is compared must not change meanwhile.
    """
    wanted = call.headers.get("if-match")
    if wanted is not None:
        tags = {tag.strip() for tag in wanted.split(",")}
        if etag is None or ("*" not in tags and etag not in tags):
            raise Refusal("stale-version")
