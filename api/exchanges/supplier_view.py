"""Exchanges as one recipient reads them by its link, and answers in them."""

from datetime import datetime

import msgspec

from api.exchanges.write_message import time_after
from api.needs.routes import LotTitle
from db.api_keys import organisation_name
from db.core.engine import Connection
from db.core.uuid7 import new_id
from db.exchanges.exchanges import insert_message, last_message_at, select_exchange_for
from db.exchanges.reply_links import ReplyLink, select_link
from db.journal.entries import write_entry
from db.needs.needs import lock_need, select_need
from domain.audit import Actor, Detail
from domain.errors import NotFound
from domain.exchanges.exchange import MessageRequest, ReplyRequest, VisibleMessage, message_from, visible_to
from domain.exchanges.letter import buyer_name, lot_name, purchase_name
from domain.exchanges.rules import require_message
from domain.needs.status import OPEN, require_open
from domain.text.bilingual import Text

NO_LINK = Text(
    "Ce lien ne mène à rien : il est incomplet, il a expiré, ou l'acheteur l'a retiré",
    "This link leads nowhere: it is incomplete, it has expired, or the buyer took it away",
)


class VisibleExchange(msgspec.Struct, frozen=True, kw_only=True):
    """An exchange as one recipient may see it: without the messages and names of other suppliers."""

    buyer: str
    """The name of who asks"""
    need_title: str | None
    """What is bought, as the need's title or those of its lots say it; null: they do not"""
    subject: str
    """One line"""
    lots: tuple[LotTitle, ...]
    """Lots that it is about, named by what is bought; empty: the whole need"""
    recipient: str
    """In whose name one reads and answers"""
    can_reply: bool
    """False: the notice is published, or the need has ended"""
    opened_at: datetime
    """The moment it was opened"""
    link_expires_at: datetime
    """Until when this link works"""
    messages: tuple[VisibleMessage, ...]
    """In the order in which they were written"""


async def visible_exchange(connection: Connection, link: ReplyLink) -> VisibleExchange:
    """The exchange of the link, as far as its recipient may see it. Raises NotFound."""
    need = await select_need(connection, link.organisation_id, link.need_id)
    exchange = await select_exchange_for(connection, link.organisation_id, link.exchange_id, link.supplier_id)
    if need is None or exchange is None:
        raise NotFound(NO_LINK)
    organisation = await organisation_name(connection, link.organisation_id)
    names = {lot.id: lot_name(lot) for lot in need.content.lots if lot.id in exchange.lot_ids}
    purchase = purchase_name(need.content, exchange.lot_ids)
    return VisibleExchange(
        buyer=buyer_name(need.content, organisation),
        need_title=purchase and purchase.fr,
        subject=exchange.subject,
        lots=tuple(LotTitle(each, names.get(each)) for each in exchange.lot_ids),
        recipient=exchange.recipients[0].name,
        can_reply=need.status in OPEN,
        opened_at=exchange.opened_at,
        link_expires_at=link.expires_at,
        messages=visible_to(link.supplier_id, exchange.messages),
    )


async def add_reply(
    connection: Connection, link: ReplyLink, token: str, reply: ReplyRequest, now: datetime
) -> VisibleMessage:
    """Add a supplier's answer to the exchange of its link, whose token is `token`.

    Raises NotFound, Conflict (`after-publication`), InvalidContent.
    """
    need = await lock_need(connection, link.organisation_id, link.need_id)
    exchange = await select_exchange_for(connection, link.organisation_id, link.exchange_id, link.supplier_id)
    # the link may have been revoked meanwhile; from now on it cannot be
    in_force = await select_link(connection, token, now, lock=True)
    if need is None or exchange is None or in_force is None:
        raise NotFound(NO_LINK)
    require_open(need.status)
    request = MessageRequest(**msgspec.structs.asdict(reply), author="supplier", supplier_id=link.supplier_id)
    require_message(exchange, request)
    now = time_after(await last_message_at(connection, link.exchange_id), now)
    message = message_from(request, new_id(now), "portal", now)
    await insert_message(connection, link.exchange_id, message)
    actor = Actor(link.organisation_id, "reply_link", link.supplier_id)
    detail: Detail = {"message_id": str(message.id), "stance": reply.stance}
    name, about = f"exchange:{link.exchange_id}", (f"message:{message.id}",)
    await write_entry(connection, actor, "message.received", name, now, detail=detail, about=about)
    return visible_to(link.supplier_id, [message])[0]
