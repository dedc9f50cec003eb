"""Exchanges as one recipient reads them by its link."""

from datetime import datetime
from typing import NamedTuple

import msgspec

from db.api_keys import organisation_name
from db.core.engine import Connection
from db.exchanges.exchanges import select_exchange_for
from db.exchanges.reply_links import ReplyLink
from db.needs.needs import lock_need, select_need
from domain.errors import NotFound
from domain.exchanges.exchange import Exchange, VisibleMessage, visible_to
from domain.exchanges.letter import buyer_name
from domain.needs.status import OPEN, StoredNeed
from domain.text.bilingual import Text

NO_LINK = Text(
    "Ce lien ne mène à rien : il est incomplet, il a expiré, ou l'acheteur l'a retiré",
    "This link leads nowhere: it is incomplete, it has expired, or the buyer took it away",
)


class LotSeen(msgspec.Struct, frozen=True):
    """A lot that the exchange is about."""

    id: str
    title: str | None


class SeenExchange(msgspec.Struct, frozen=True, kw_only=True):
    """An exchange as one recipient may see it: nothing that others said, nor who they are.

    `recipient`: in whose name one reads and answers. `can_reply` false: the notice is published, or the need has ended.
    `lots` empty: about the whole need. `link_expires_at`: until when this link works.
    """

    buyer: str
    need_title: str | None
    subject: str
    lots: tuple[LotSeen, ...]
    recipient: str
    can_reply: bool
    opened_at: datetime
    link_expires_at: datetime
    messages: tuple[VisibleMessage, ...]


class Sight(NamedTuple):
    """What a link gives access to: the exchange as far as its recipient may know it, and as it is told."""

    need: StoredNeed
    exchange: Exchange
    seen: SeenExchange


async def sight(connection: Connection, link: ReplyLink, *, hold: bool = False) -> Sight:
    """What the link gives access to now; `hold`: keep the need as it is until the transaction ends. Raises NotFound."""
    need = await (lock_need if hold else select_need)(connection, link.organisation_id, link.need_id)
    exchange = await select_exchange_for(connection, link.organisation_id, link.exchange_id, link.supplier_id)
    if need is None or exchange is None:
        raise NotFound(NO_LINK)
    organisation = await organisation_name(connection, link.organisation_id)
    return Sight(need, exchange, _seen(link, need, exchange, buyer_name(need.content, organisation)))


def _seen(link: ReplyLink, need: StoredNeed, exchange: Exchange, buyer: str) -> SeenExchange:
    titles = {lot.id: lot.title for lot in need.content.lots}
    return SeenExchange(
        buyer=buyer,
        need_title=need.content.title,
        subject=exchange.subject,
        lots=tuple(LotSeen(each, titles.get(each)) for each in exchange.lot_ids),
        recipient=exchange.recipients[0].name,
        can_reply=need.status in OPEN,
        opened_at=exchange.opened_at,
        link_expires_at=link.expires_at,
        messages=visible_to(link.supplier_id, exchange.messages),
    )
