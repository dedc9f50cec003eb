"""Exchanges as the buyer reads them: recipients with their links, messages with their deliveries."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from uuid import UUID

import msgspec

from domain.exchanges.deliveries import arrivals, by_recipient, contact
from domain.exchanges.exchange import (
    Delivery,
    DeliveryState,
    Exchange,
    ExchangeSummary,
    MailState,
    Message,
    Recipient,
    Way,
)
from domain.exchanges.letter import Letter

_MAIL_STATES: dict[DeliveryState, MailState] = {
    "queued": "queued",
    "sent": "sent",
    "undeliverable": "failed",
    "cancelled": "cancelled",
}


class RecipientDocument(Recipient, frozen=True, kw_only=True):
    """A recipient."""

    reply_link_expires_at: datetime | None = None
    """Until when it can read and answer; null: it has no link in force"""
    way: Way = "none"
    """By which a message first reached it, else by which it is written to; `none`: not known"""
    state: DeliveryState = "unconfirmed"
    """Of that delivery, see `docs/exchanges.md`; it is contacted once that is `sent`, `posted`, `told` or `answered`"""
    since: date | None = None
    """The day in France since which it is in this state; null: not known, or nothing was sent yet"""


class DeliveryDocument(msgspec.Struct, frozen=True):
    """The delivery of the message to one recipient; see `docs/mail.md` for the states and failures."""

    supplier_id: UUID
    """The recipient"""
    state: MailState
    """Of Vivier's e-mail; `to_be_delivered_by_you`: Vivier does not write to this recipient"""
    at: datetime | None = None
    """Of the last change of state; null: not known"""
    failure: str | None = None
    """A word of `docs/mail.md`; null: none"""
    way: Way = "none"
    """By which the message goes or went to it; `none`: not known"""
    delivery_state: DeliveryState = "unconfirmed"
    """How far it has come, whoever brings it; see `docs/exchanges.md`"""
    since: date | None = None
    """The day in France since which it is in this state; null: not known, or nothing was sent yet"""


class MessageDocument(Message, frozen=True, kw_only=True):
    """One message."""

    deliveries: tuple[DeliveryDocument, ...] = ()
    """Of a buyer's message, by recipient"""


class CreatedMessage(MessageDocument, frozen=True, kw_only=True):
    """A message that was just added."""

    letter: Letter | None = None
    """Its text, for recipients in the state `to_be_delivered_by_you`; null: none is"""


class ExchangeDocument(ExchangeSummary, frozen=True, kw_only=True):
    """A whole exchange."""

    recipients: tuple[RecipientDocument, ...]
    """Suppliers, as they were known then"""
    messages: tuple[MessageDocument, ...]
    """In the order in which they were written"""


class ReplyLinkDocument(msgspec.Struct, frozen=True):
    """A recipient's link to read and answer by; it cannot be shown again."""

    supplier_id: UUID
    """The recipient"""
    url: str
    """Opens the exchange without a key"""
    expires_at: datetime
    """The last moment it works"""


class RecipientLetter(Letter, frozen=True, kw_only=True):
    """The first message for one recipient, with its link: to be sent or printed by the buyer."""

    supplier_id: UUID
    """The recipient"""


class CreatedExchange(ExchangeDocument, frozen=True, kw_only=True):
    """An exchange that was just opened."""

    reply_links: tuple[ReplyLinkDocument, ...]
    """The link of each recipient, shown this once"""
    to_be_delivered_by_you: tuple[RecipientLetter, ...]
    """The text for each recipient that Vivier does not write to, with its link, shown this once"""


class CreatedReplyLink(ReplyLinkDocument, frozen=True):
    """A recipient's new link."""

    letter: Letter
    """The first message with the link, to be sent or printed by the buyer"""


def exchange_document(exchange: Exchange, link_expiries: Mapping[UUID, datetime]) -> ExchangeDocument:
    """The whole exchange. `link_expiries`: until when recipients' links work."""
    fields = msgspec.structs.asdict
    arrived = arrivals(exchange)
    deliveries, reached = _by_message(exchange, arrived), by_recipient(arrived)
    recipients = []
    for each in exchange.recipients:
        first = contact(reached[each.supplier_id])
        told = {"way": first.way, "state": first.state, "since": first.since}
        recipients.append(fields(each) | {"reply_link_expires_at": link_expiries.get(each.supplier_id)} | told)
    messages = [fields(each) | {"deliveries": deliveries.get(each.id, ())} for each in exchange.messages]
    document = fields(exchange) | {"recipients": recipients, "messages": messages}
    return msgspec.convert(document, ExchangeDocument, from_attributes=True)


def created_message(exchange: Exchange, message: Message, letter: Letter | None) -> CreatedMessage:
    """A message of the exchange, with its deliveries and its letter."""
    deliveries = _by_message(exchange, arrivals(exchange)).get(message.id, ())
    fields = msgspec.structs.asdict(message) | {"deliveries": deliveries, "letter": letter}
    return msgspec.convert(fields, CreatedMessage, from_attributes=True)


def _by_message(exchange: Exchange, arrived: Iterable[Delivery]) -> dict[UUID, list[DeliveryDocument]]:
    """The deliveries of each message: what became of its e-mail, and what is known of its arrival, also by answers."""
    mails = {(each.message_id, each.supplier_id): each for each in exchange.deliveries if each.by_server}
    found: dict[UUID, list[DeliveryDocument]] = {}
    for each in arrived:
        mail = mails.get((each.message_id, each.supplier_id))
        document = DeliveryDocument(
            supplier_id=each.supplier_id,
            state=_MAIL_STATES[mail.state] if mail else "to_be_delivered_by_you",
            at=mail.at if mail else None,
            failure=mail.failure if mail else None,
            way=each.way,
            delivery_state=each.state,
            since=each.since,
        )
        found.setdefault(each.message_id, []).append(document)
    return found
