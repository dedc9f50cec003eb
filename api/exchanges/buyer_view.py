"""Exchanges as the buyer reads them: recipients with their links, messages with their deliveries."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import msgspec

from domain.exchanges.exchange import Delivery, DeliveryState, Exchange, ExchangeSummary, Message, Recipient
from domain.exchanges.letter import Letter


class RecipientDocument(Recipient, frozen=True, kw_only=True):
    """A recipient. `reply_link_expires_at`: until when it can read and answer; null: it has no link in force."""

    reply_link_expires_at: datetime | None = None


class DeliveryDocument(msgspec.Struct, frozen=True):
    """The delivery of the message to one recipient; see `docs/mail.md` for the states and failures."""

    supplier_id: UUID
    state: DeliveryState
    at: datetime | None = None
    failure: str | None = None


class MessageDocument(Message, frozen=True, kw_only=True):
    """One message. `deliveries`: of a buyer's message, by recipient.

    `publishes`: the question that this answer shared with all, in the words of `question`; only the buyer sees its id.
    """

    deliveries: tuple[DeliveryDocument, ...] = ()


class CreatedMessage(MessageDocument, frozen=True, kw_only=True):
    """A message that was just added. `letter`: its text, for recipients in the state `to_be_delivered_by_you`."""

    letter: Letter | None = None


class ExchangeDocument(ExchangeSummary, frozen=True, kw_only=True):
    """A whole exchange. `lot_ids` empty: about the whole need; messages in the order in which they were written."""

    recipients: tuple[RecipientDocument, ...]
    messages: tuple[MessageDocument, ...]


class ReplyLinkDocument(msgspec.Struct, frozen=True):
    """A recipient's link to read and answer by; it cannot be shown again."""

    supplier_id: UUID
    url: str
    expires_at: datetime


class RecipientLetter(Letter, frozen=True, kw_only=True):
    """The first message for one recipient, with its link: to be sent or printed by the buyer."""

    supplier_id: UUID


class CreatedExchange(ExchangeDocument, frozen=True, kw_only=True):
    """An exchange that was just opened. Its links are shown this once.

    `to_be_delivered_by_you`: the text for each recipient that Vivier does not write to.
    """

    reply_links: tuple[ReplyLinkDocument, ...]
    to_be_delivered_by_you: tuple[RecipientLetter, ...]


class CreatedReplyLink(ReplyLinkDocument, frozen=True):
    """A recipient's new link, and the first message with it, to be sent or printed by the buyer."""

    letter: Letter


def exchange_document(exchange: Exchange, link_expiries: Mapping[UUID, datetime]) -> ExchangeDocument:
    """The whole exchange. `link_expiries`: until when recipients' links work."""
    fields, deliveries = msgspec.structs.asdict, _by_message(exchange)
    recipients = [
        fields(each) | {"reply_link_expires_at": link_expiries.get(each.supplier_id)} for each in exchange.recipients
    ]
    messages = [fields(each) | {"deliveries": deliveries.get(each.id, ())} for each in exchange.messages]
    document = fields(exchange) | {"recipients": recipients, "messages": messages}
    return msgspec.convert(document, ExchangeDocument, from_attributes=True)


def created_message(exchange: Exchange, message: Message, letter: Letter | None) -> CreatedMessage:
    """A message of the exchange, with its deliveries and its letter."""
    deliveries = _by_message(exchange).get(message.id, ())
    fields = msgspec.structs.asdict(message) | {"deliveries": deliveries, "letter": letter}
    return msgspec.convert(fields, CreatedMessage, from_attributes=True)


def _by_message(exchange: Exchange) -> dict[UUID, list[Delivery]]:
    found: dict[UUID, list[Delivery]] = {}
    for each in exchange.deliveries:
        found.setdefault(each.message_id, []).append(each)
    return found
