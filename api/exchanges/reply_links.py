"""Reply links as people get them: where they lead, how long they work, and how they are shown once but twice alike."""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from secrets import token_bytes
from uuid import UUID

import msgspec

from api.runtime.auth import secret_in
from api.runtime.endpoint import Call
from api.web.dates import PARIS
from db.core.engine import Connection
from db.exchanges.reply_links import TOKEN_BYTES, NewLink, insert_links, select_issued_tokens

PATH = "/replies/"


class Grant(msgspec.Struct, frozen=True):
    """Links to an exchange that were given to a caller, without their tokens.

    A token is made of `salt` and of the caller's key of the API: the same request sent again is answered with the same
    links, while nothing that is kept leads to them. Nor do links lead to each other, or to the key, for who has one.
    """

    exchange_id: UUID
    supplier_ids: tuple[UUID, ...]
    salt: bytes
    expires_at: datetime
    base: str

    def url(self, link: NewLink) -> str:
        """Where the link leads."""
        return address(self.base, link.token)


async def grant_links(call: Call, connection: Connection, exchange_id: UUID, supplier_ids: Iterable[UUID]) -> Grant:
    """Put a new link in force for each of these recipients."""
    services = call.services
    now = services.now()
    grant = Grant(
        exchange_id=exchange_id,
        supplier_ids=tuple(supplier_ids),
        salt=token_bytes(TOKEN_BYTES),
        expires_at=expiry(now, services.settings.reply_link_days),
        base=base_of(call),
    )
    await insert_links(connection, exchange_id, _links(call, grant), now)
    return grant


async def granted(call: Call, connection: Connection, grant: Grant) -> tuple[NewLink, ...]:
    """The links that were given, with their tokens; none where they were given to another key of the organisation."""
    return await select_issued_tokens(connection, _links(call, grant))


def address(base: str, token: str) -> str:
    """Where the link of a token leads. `base`: the address under which suppliers reach this server."""
    return f"{base}{PATH}{token}"


def base_of(call: Call) -> str:
    """The configured public address, else the one that this request came to."""
    return call.services.settings.public_url or str(call.base_url).rstrip("/")


def expiry(now: datetime, days: int) -> datetime:
    """When a link made now ends: with the last of so many days, so that a day can be named to people."""
    last = now.astimezone(PARIS).date() + timedelta(days=days)
    return datetime.combine(last + timedelta(days=1), time(), PARIS).astimezone(UTC)


def last_day(expires_at: datetime) -> date:
    """The last day on which a link that ends then still works."""
    return (expires_at.astimezone(PARIS) - timedelta(microseconds=1)).date()


def _links(call: Call, grant: Grant) -> tuple[NewLink, ...]:
    key = secret_in(call.headers.get("authorization", "")).encode()
    return tuple(NewLink(each, _token(key, grant, each), grant.expires_at) for each in grant.supplier_ids)


def _token(key: bytes, grant: Grant, supplier_id: UUID) -> str:
    content = b"reply link" + grant.salt + grant.exchange_id.bytes + supplier_id.bytes
    return urlsafe_b64encode(hmac.digest(key, content, "sha256")).rstrip(b"=").decode()
