"""The search that a partner's portal shows in its pages: the address of its page, and the element that frames it.

The portal's server asks for an address with its key, which stays there. The address holds a token: the key's id, the
origin of the portal and an hour, sealed by this server and stored nowhere. It ends then, or with the key.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Annotated, NamedTuple
from uuid import UUID

import msgspec
from litestar import Response

from api.runtime.endpoint import Call, endpoint
from api.runtime.etag import HOUR, IF_NONE_MATCH, conditional_get
from domain.errors import InvalidContent, Problem
from domain.text.bilingual import said_by

TAG = "Embedded search"
OPEN_FOR = timedelta(hours=1)
ELEMENT = (Path(__file__).parent / "search.js").read_bytes()
JAVASCRIPT = "text/javascript"
NOT_ALLOWED = said_by(__name__)["not_allowed"]


class Ticket(NamedTuple):
    """The content of a search page's token: the key that pays for it, who may frame the page, and until when."""

    key_id: UUID
    origin: str
    until: int

    def sealed_with(self, key: bytes) -> str:
        """The token, which only a holder of `key` can make."""
        said = f"{self.key_id.hex} {self.until} {self.origin}".encode()
        return urlsafe_b64encode(hmac.digest(key, said, sha256) + said).decode().rstrip("=")


def open_ticket(token: str, key: bytes) -> Ticket | None:
    """The content of a token that was sealed with `key`; None of any other text."""
    try:
        raw = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except ValueError:
        return None
    seal, said = raw[: sha256().digest_size], raw[sha256().digest_size :]
    if not hmac.compare_digest(seal, hmac.digest(key, said, sha256)):
        return None
    key_id, until, origin = said.decode().split(" ")
    return Ticket(UUID(key_id), origin, int(until))


class EmbeddedSearchRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The portal that is to show a search."""

    origin: Annotated[str, msgspec.Meta(max_length=300)]
    """The origin of its pages, such as `https://portail.example.org`, among those that the server allows"""


class EmbeddedSearch(msgspec.Struct, frozen=True):
    """The page of a search, for one visitor of the portal."""

    url: str
    """The address to frame; whoever has it may search until it ends"""
    expires_at: datetime
    """The moment it ends"""

    def __repr__(self) -> str:
        return f"EmbeddedSearch(expires_at={self.expires_at})"


@endpoint("POST", "/embed/searches", tag=TAG, scope="match", answers=EmbeddedSearch, problems=("invalid-content",))
async def create_embedded_search(call: Call, body: EmbeddedSearchRequest) -> EmbeddedSearch:
    """Make the address of a search page that a portal's pages may frame.

    To be called by the portal's server, for each visitor: the key stays there, and the page has only the address. It
    opens for an hour, in pages of `origin` alone, and counts its searches on the quota of the key; those of one visitor
    are limited besides. What the organisation noted of suppliers is not searched. `GET /embed/search.js` is an element
    that frames it. Nothing is stored. How to: `docs/embedding.md`.
    """
    services, origin = call.services, body.origin.lower()
    if origin not in services.settings.embed_origins:
        raise InvalidContent((Problem("/origin", "unknown_origin", NOT_ALLOWED),))
    until = int((services.now() + OPEN_FOR).timestamp())
    token = Ticket(call.bearer.id, origin, until).sealed_with(services.embed_key)
    base = services.settings.public_url or str(call.base_url).rstrip("/")
    return EmbeddedSearch(f"{base}/embed/search/{token}", datetime.fromtimestamp(until, UTC))


@endpoint(
    "GET",
    "/embed/search.js",
    tag=TAG,
    scope=None,
    answers={JAVASCRIPT: str},
    status=(200, 304),
    headers=IF_NONE_MATCH,
)
async def get_search_element(call: Call) -> Response[bytes]:
    """The script that defines the element vivier-search, for pages of portals."""
    answer = conditional_get(call, ELEMENT, f"{JAVASCRIPT}; charset=utf-8", max_age=HOUR)
    answer.headers["cross-origin-resource-policy"] = "cross-origin"
    return answer
