"""Use cases: an exchange or a message as it would be sent, before anything is written."""

from uuid import UUID

import msgspec

from api.exchanges.open_exchange import recipients_of
from api.exchanges.own_exchange import own_exchange
from api.exchanges.reply_links import PATH, expiry, last_day
from api.exchanges.write_letter import write_letter
from api.needs.own_need import own_need
from api.runtime.actor import Acting
from db.core.engine import Connection
from db.core.uuid7 import new_id
from db.exchanges.reply_links import recipients_with_links_revoked
from domain.exchanges.deliveries import TOLD
from domain.exchanges.exchange import Channel, ExchangeRequest, MessageRequest, Recipient, message_from
from domain.exchanges.letter import Letter, Link, OutgoingMessage, buyer_name, letter, purchase_name, require_sender
from domain.exchanges.rules import require_message, require_opening
from domain.needs.status import require_open


class Preview(msgspec.Struct, frozen=True):
    """The recipients, those to whom Vivier would write, and the text, in which a first link opens nothing.

    `noted_way`: the way of a message that notes what was said already; its text is the note alone.
    """

    recipients: tuple[Recipient, ...]
    by_email: frozenset[UUID]
    letter: Letter
    noted_way: Channel | None = None


async def preview_exchange(connection: Connection, acting: Acting, need_id: UUID, request: ExchangeRequest) -> Preview:
    """The exchange that `open_exchange` would open. Raises as it does, but for quotas, and as `require_sender`."""
    need = await own_need(connection, acting.organisation_id, need_id)
    require_open(need.status)
    require_opening(request)
    require_sender(need.content, acting.organisation)
    recipients = await recipients_of(connection, acting, need, request)
    if request.channel in TOLD:
        return Preview(recipients, frozenset(), Letter(request.subject, request.body), request.channel)
    settings = acting.services.settings
    sends = request.channel == "email" and settings.smtp is not None
    outgoing = OutgoingMessage(
        buyer=buyer_name(need.content, acting.organisation),
        purchase=purchase_name(need.content, request.lot_ids),
        subject=request.subject,
        body=request.body,
        is_first=True,
    )
    link = Link(f"{acting.base_url}{PATH}…", last_day(expiry(acting.now(), settings.reply_link_days)))
    return Preview(
        recipients=recipients,
        by_email=frozenset(each.supplier_id for each in recipients if sends and each.email),
        letter=letter(outgoing, link, acting.language, by_server=sends),
    )


async def preview_message(
    connection: Connection, acting: Acting, exchange_id: UUID, request: MessageRequest
) -> Preview:
    """The message of the buyer's that `write_message` would add. Raises as it does, but for quotas."""
    exchange = await own_exchange(connection, acting.organisation_id, exchange_id)
    need = await own_need(connection, acting.organisation_id, exchange.need_id)
    require_open(need.status)
    require_message(exchange, request)
    require_sender(need.content, acting.organisation)
    now = acting.now()
    message = message_from(request, new_id(now), exchange.channel, now)
    receivers = tuple(each for each in exchange.recipients if message.supplier_id in {None, each.supplier_id})
    if message.channel in TOLD:
        return Preview(receivers, frozenset(), Letter(exchange.subject, message.body), message.channel)
    sends = message.channel == "email" and acting.services.settings.smtp is not None
    without_link = await recipients_with_links_revoked(connection, exchange_id) if sends else ()
    by_email = (each.supplier_id for each in receivers if sends and each.email)
    text = write_letter(acting, need, exchange, message)
    return Preview(receivers, frozenset(each for each in by_email if each not in without_link), text)
