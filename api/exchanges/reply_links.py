"""Use cases of reply links: issued, revealed to the caller they were issued to, revoked.

The answer that issues links is stored for a request sent twice, so it holds a seed in the place of each token. A token
is derived from its seed and the caller's secret: the same caller is shown the same links again, while nothing that is
stored leads to a token, nor does one token lead to another or to the secret.
"""

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from secrets import token_urlsafe
from uuid import UUID

from api.exchanges.buyer_view import CreatedReplyLink, ReplyLinkDocument
from api.exchanges.own_exchange import lock_own_exchange, write_letter
from api.runtime.actor import Acting
from db.core.engine import Connection
from db.exchanges.reply_links import insert_links, is_issued, revoke_links
from db.journal.entries import write_entry
from domain.audit import Detail
from domain.errors import NotFound
from domain.exchanges.exchange import Exchange
from domain.exchanges.letter import Link
from domain.needs.status import StoredNeed
from domain.text.bilingual import Text
from domain.text.typography import PARIS

PATH = "/replies/"
TOKEN_BYTES = 32
_SEED = re.compile(rb"(?<=/replies/)[\w-]{43}")
NO_RECIPIENT = Text(
    "Ce fournisseur n'est pas destinataire de cet échange", "This supplier is no recipient of this exchange"
)
NO_LINK = Text(
    "Ce destinataire n'a pas de lien en vigueur dans cet échange",
    "This recipient has no link in force in this exchange",
)


async def issue_links(
    connection: Connection, acting: Acting, exchange_id: UUID, supplier_ids: Iterable[UUID]
) -> tuple[ReplyLinkDocument, ...]:
    """Store a new link for each of these recipients, and return the links with seeds in the place of tokens."""
    now = acting.now()
    expires_at = expiry(now, acting.services.settings.reply_link_days)
    seeds = {each: token_urlsafe(TOKEN_BYTES) for each in supplier_ids}
    tokens = {each: _token(acting, seed) for each, seed in seeds.items()}
    await insert_links(connection, exchange_id, tokens, now, expires_at)
    return tuple(ReplyLinkDocument(each, address(acting.base_url, seed), expires_at) for each, seed in seeds.items())


async def reveal_tokens(
    connection: Connection, acting: Acting, links: Iterable[ReplyLinkDocument], document: bytes
) -> bytes | None:
    """`document` with tokens in the place of the seeds of `links`; None where another caller was issued them."""
    seeds = [each.url.rpartition("/")[2] for each in links]
    tokens = {seed.encode(): _token(acting, seed).encode() for seed in seeds}
    if not await is_issued(connection, map(bytes.decode, tokens.values())):
        return None
    return _SEED.sub(lambda found: tokens.get(found[0], found[0]), document)


async def create_link(connection: Connection, acting: Acting, exchange_id: UUID, supplier_id: UUID) -> CreatedReplyLink:
    """Store another link for a recipient, with a letter that holds its seed. Raises NotFound."""
    (link,) = await create_links(connection, acting, exchange_id, [supplier_id])
    return link


async def create_links(
    connection: Connection, acting: Acting, exchange_id: UUID, supplier_ids: Sequence[UUID]
) -> tuple[CreatedReplyLink, ...]:
    """Store another link for each of these recipients, as `create_link` does. Raises NotFound."""
    need, exchange = await _lock_recipients(connection, acting, exchange_id, supplier_ids)
    links = await issue_links(connection, acting, exchange_id, supplier_ids)
    created = []
    for link in links:
        letter = write_letter(acting, need, exchange, exchange.messages[0], Link(link.url, last_day(link.expires_at)))
        detail: Detail = {"supplier_id": str(link.supplier_id)}
        about = f"exchange:{exchange_id}"
        await write_entry(connection, acting.actor, "reply_link.created", about, acting.now(), detail=detail)
        created.append(CreatedReplyLink(link.supplier_id, link.url, link.expires_at, letter))
    return tuple(created)


async def revoke_link(connection: Connection, acting: Acting, exchange_id: UUID, supplier_id: UUID) -> None:
    """Revoke every link of a recipient to the exchange. Raises NotFound, also where no link was in force."""
    await _lock_recipients(connection, acting, exchange_id, [supplier_id])
    now = acting.now()
    if not await revoke_links(connection, exchange_id, supplier_id, now):
        raise NotFound(NO_LINK)
    detail: Detail = {"supplier_id": str(supplier_id)}
    await write_entry(connection, acting.actor, "reply_link.revoked", f"exchange:{exchange_id}", now, detail=detail)


def address(base: str, token: str) -> str:
    """The URL of a token. `base`: the address under which suppliers reach this server."""
    return f"{base}{PATH}{token}"


def expiry(now: datetime, days: int) -> datetime:
    """The expiry of a link made now: the end of a day in France, so that its last day can be named."""
    last = now.astimezone(PARIS).date() + timedelta(days=days)
    return datetime.combine(last + timedelta(days=1), time(), PARIS).astimezone(UTC)


def last_day(expires_at: datetime) -> date:
    """The last day, in France, on which a link with this expiry works."""
    return (expires_at.astimezone(PARIS) - timedelta(microseconds=1)).date()


def _token(acting: Acting, seed: str) -> str:
    return urlsafe_b64encode(hmac.digest(acting.secret, f"reply link {seed}".encode(), "sha256")).rstrip(b"=").decode()


async def _lock_recipients(
    connection: Connection, acting: Acting, exchange_id: UUID, supplier_ids: Sequence[UUID]
) -> tuple[StoredNeed, Exchange]:
    """The exchange and its locked need, so that no link is revoked while an answer by it is being stored."""
    need, exchange = await lock_own_exchange(connection, acting, exchange_id)
    if not {*supplier_ids} <= {each.supplier_id for each in exchange.recipients}:
        raise NotFound(NO_RECIPIENT)
    return need, exchange
