"""Exchanges as the buyer reads them: who was asked, what was said, and what became of each message."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import msgspec

from domain.errors import NotFound
from domain.exchanges.exchange import (
    Author,
    Barrier,
    Channel,
    Delivery,
    DeliveryState,
    Exchange,
    ExchangeSummary,
    Message,
    Recipient,
    Stance,
)
from domain.exchanges.letter import Letter, Link, OutgoingMessage, buyer_name, letter
from domain.needs.status import StoredNeed
from domain.text.bilingual import Language, Text

NO_EXCHANGE = Text("Aucun échange de cet identifiant", "No exchange of this id")
NO_LETTER = Text(
    "Aucun message de l'acheteur de cet identifiant dans cet échange", "No message of the buyer's of this id here"
)
BY_HAND: DeliveryState = "to_be_delivered_by_you"


class RecipientDocument(Recipient, frozen=True, kw_only=True):
    """A recipient, and until when it can read and answer by its link; null: no link of its is in force."""

    reply_link_expires_at: datetime | None = None


class DeliveryDocument(msgspec.Struct, frozen=True):
    """What became of the message to one recipient; see `docs/mail.md` for the states and failures."""

    supplier_id: UUID
    state: DeliveryState
    at: datetime | None = None
    failure: str | None = None


class MessageDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One message. `deliveries`: what became of a buyer's message, by recipient.

    `publishes`: the question that this answer shared with all, in the words of `question`; nobody but the buyer is told
    its id.
    """

    id: UUID
    author: Author
    supplier_id: UUID | None
    body: str
    stance: Stance | None
    barriers: tuple[Barrier, ...]
    barriers_note: str | None
    confidential: bool
    corrects: UUID | None
    publishes: UUID | None
    question: str | None
    channel: Channel
    created_at: datetime
    deliveries: tuple[DeliveryDocument, ...] = ()


class LetterDocument(msgspec.Struct, frozen=True):
    """A message ready to be sent or printed."""

    subject: str
    text: str


class NewMessageDocument(MessageDocument, frozen=True, kw_only=True):
    """A message that was just added. `letter`: its text, for recipients in the state `to_be_delivered_by_you`."""

    letter: LetterDocument | None = None


class ExchangeDocument(msgspec.Struct, frozen=True, kw_only=True):
    """An exchange whole. `lot_ids` empty: about the whole need; messages in the order in which they were written."""

    id: UUID
    need_id: UUID
    subject: str
    lot_ids: tuple[str, ...]
    channel: Channel
    opened_at: datetime
    recipients: tuple[RecipientDocument, ...]
    messages: tuple[MessageDocument, ...]


class ReplyLinkDocument(msgspec.Struct, frozen=True):
    """A recipient's link to read and answer by; it cannot be shown again."""

    supplier_id: UUID
    url: str
    expires_at: datetime


class RecipientLetter(msgspec.Struct, frozen=True):
    """The first message for one recipient, with its link: to be sent or printed by the buyer."""

    supplier_id: UUID
    subject: str
    text: str


class NewExchangeDocument(ExchangeDocument, frozen=True, kw_only=True):
    """An exchange that was just opened, with what is shown this once.

    `to_be_delivered_by_you`: the text for each recipient that Vivier does not write to.
    """

    reply_links: tuple[ReplyLinkDocument, ...]
    to_be_delivered_by_you: tuple[RecipientLetter, ...]


class NewLinkDocument(ReplyLinkDocument, frozen=True):
    """A recipient's new link, and the first message with it, to be sent or printed by the buyer."""

    letter: LetterDocument


def exchange_document(exchange: Exchange, links: dict[UUID, datetime]) -> ExchangeDocument:
    """The exchange as it is told. `links`: until when recipients' links work."""
    deliveries: dict[UUID, list[Delivery]] = {}
    for each in exchange.deliveries:
        deliveries.setdefault(each.message_id, []).append(each)
    return ExchangeDocument(
        **{name: getattr(exchange, name) for name in ("id", "need_id", "subject", "lot_ids", "channel", "opened_at")},
        recipients=tuple(_recipient(each, links.get(each.supplier_id)) for each in exchange.recipients),
        messages=tuple(message_document(each, deliveries.get(each.id, ())) for each in exchange.messages),
    )


def message_document(message: Message, deliveries: Iterable[Delivery]) -> MessageDocument:
    """The message as it is told, with what became of it."""
    fields = {name: getattr(message, name) for name in Message.__struct_fields__}
    told = (DeliveryDocument(each.supplier_id, each.state, each.at, each.failure) for each in deliveries)
    return MessageDocument(**fields, deliveries=tuple(told))


def by_hand(deliveries: Iterable[Delivery], message_id: UUID) -> tuple[UUID, ...]:
    """The recipients to whom the buyer must bring the message itself."""
    return tuple(each.supplier_id for each in deliveries if each.message_id == message_id and each.state == BY_HAND)


def telling(
    need: StoredNeed, organisation: str, exchange: ExchangeSummary, message: Message, first: UUID
) -> OutgoingMessage:
    """What is told of a message of the buyer's, to whichever recipient. `first`: the message that opened it."""
    return OutgoingMessage(
        buyer=buyer_name(need.content, organisation),
        need_title=need.content.title,
        subject=exchange.subject,
        body=message.body,
        question=message.question,
        is_correction=message.corrects is not None,
        is_first=message.id == first,
    )


def letter_of(
    exchange: Exchange, need: StoredNeed, organisation: str, message_id: UUID, language: Language
) -> LetterDocument:
    """A message of the buyer's as it is sent, for recipients who have their link. Raises NotFound for any other."""
    message = next((each for each in exchange.messages if each.id == message_id and each.author == "buyer"), None)
    if message is None:
        raise NotFound(NO_LETTER)
    return written(telling(need, organisation, exchange, message, exchange.messages[0].id), None, language)


def written(told: OutgoingMessage, link: Link | None, language: Language) -> LetterDocument:
    """The text that the buyer brings to a recipient."""
    text: Letter = letter(told, link, language, by_server=False)
    return LetterDocument(text.subject, text.text)


def _recipient(recipient: Recipient, expires_at: datetime | None) -> RecipientDocument:
    fields = {name: getattr(recipient, name) for name in Recipient.__struct_fields__}
    return RecipientDocument(**fields, reply_link_expires_at=expires_at)
