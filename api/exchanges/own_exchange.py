"""The organisation's exchanges as the buyer reads them: recipients with their links, messages with their deliveries.

Use cases read them here, with what is unread in them, and as letters: a letter is a buyer's message as a text that the
buyer brings to recipients.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

import msgspec

from api.needs.freeze_shortlist import own_need
from api.runtime.actor import Acting
from db.core.engine import Connection
from db.exchanges.exchanges import READ, exchanges_of, select_exchange, select_need_id
from db.journal.entries import last_details, write_entry
from domain.errors import require_found
from domain.exchanges.deliveries import UP_TO_THE_BUYER, arrivals, by_recipient, decisive_delivery
from domain.exchanges.exchange import DeliveryState, Exchange, ExchangeSummary, MailState, Message, Recipient, Way
from domain.exchanges.letter import Letter, Link, OutgoingMessage, buyer_name, letter, purchase_name
from domain.exchanges.rules import ExchangeQuestions, questions_of
from domain.journal import Detail
from domain.needs.status import StoredNeed
from domain.text.bilingual import Text, said_by

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
    """The state of the delivery, by e-mail or by the buyer; see `docs/exchanges.md`"""
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
    """The exchange as the API shows it. `link_expiries`: when each recipient's reply link expires."""
    fields = msgspec.structs.asdict
    mails = {(each.message_id, each.supplier_id): each for each in exchange.deliveries if each.by_server}
    arrived = arrivals(exchange)
    deliveries: dict[UUID, list[DeliveryDocument]] = {}
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
        deliveries.setdefault(each.message_id, []).append(document)
    reached, recipients = by_recipient(arrived), []
    for recipient in exchange.recipients:
        first, until = decisive_delivery(reached[recipient.supplier_id]), link_expiries.get(recipient.supplier_id)
        told = {"reply_link_expires_at": until, "way": first.way, "state": first.state, "since": first.since}
        recipients.append(fields(recipient) | told)
    messages = [fields(each) | {"deliveries": deliveries.get(each.id, ())} for each in exchange.messages]
    whole = fields(exchange) | {"recipients": recipients, "messages": messages}
    return msgspec.convert(whole, ExchangeDocument, from_attributes=True)


NO_EXCHANGE = Text("Aucun échange de cet identifiant", "No exchange with this id")


def moment_after(last: datetime, now: datetime) -> datetime:
    """The time `now`, or just after `last` if that is later: ids sort by millisecond, and servers' clocks differ."""
    return max(now, last + timedelta(milliseconds=1))


async def own_exchange(connection: Connection, organisation_id: UUID, exchange_id: UUID) -> Exchange:
    """The organisation's exchange. Raises NotFound."""
    return require_found(await select_exchange(connection, organisation_id, exchange_id), NO_EXCHANGE)


async def lock_own_exchange(connection: Connection, acting: Acting, exchange_id: UUID) -> tuple[StoredNeed, Exchange]:
    """The organisation's exchange and its need, locked until the transaction ends. Raises NotFound."""
    need_id = require_found(await select_need_id(connection, acting.organisation_id, exchange_id), NO_EXCHANGE)
    need = await own_need(connection, acting.organisation_id, need_id, lock=True)
    return need, await own_exchange(connection, acting.organisation_id, exchange_id)


NO_LETTER = said_by(__name__)["no_letter"]


def write_letter(
    acting: Acting,
    need: StoredNeed,
    exchange: Exchange,
    message: Message,
    link: Link | None = None,
    *,
    by_server: bool = False,
) -> Letter:
    """A buyer's message as a letter, or `by_server` as an e-mail. Without `link`: for recipients who have theirs."""
    outgoing = OutgoingMessage(
        buyer=buyer_name(need.content, acting.organisation),
        purchase=purchase_name(need.content, exchange.lot_ids),
        subject=exchange.subject,
        body=message.body,
        reply_by=exchange.reply_by,
        contact=exchange.contact,
        question=message.question,
        is_correction=message.corrects is not None,
        is_first=message.id == exchange.messages[0].id,
    )
    return letter(outgoing, link, acting.language, by_server=by_server)


async def letter_of(connection: Connection, acting: Acting, exchange_id: UUID, message_id: UUID) -> Letter:
    """The letter, without a reply link, of a buyer's message. Raises NotFound where the message is no buyer's."""
    exchange = await own_exchange(connection, acting.organisation_id, exchange_id)
    need = await own_need(connection, acting.organisation_id, exchange.need_id)
    message = next((each for each in exchange.messages if each.id == message_id and each.author == "buyer"), None)
    return write_letter(acting, need, exchange, require_found(message, NO_LETTER))


def recipients_up_to_buyer(
    exchange: Exchange, message_id: UUID, states: Collection[DeliveryState] = UP_TO_THE_BUYER
) -> list[UUID]:
    """The ids of the recipients to whom the buyer must bring a message: their delivery is in one of `states`."""
    of_message = (each for each in exchange.deliveries if each.message_id == message_id)
    return [each.supplier_id for each in of_message if each.state in states]


class ExchangeToRead(msgspec.Struct, frozen=True):
    """An exchange with its questions and, in `unread`, suppliers' messages that nobody of the organisation has read."""

    exchange: Exchange
    unread: tuple[Message, ...]
    questions: ExchangeQuestions

    @property
    def answered_by(self) -> set[UUID]:
        """The ids of the suppliers that wrote something in the exchange."""
        messages = self.exchange.messages
        return {each.supplier_id for each in messages if each.author == "supplier" and each.supplier_id}

    @property
    def to_be_brought(self) -> list[UUID]:
        """The ids of the suppliers who wrote nothing, and to whom the buyer must bring the first message."""
        first, answered = self.exchange.messages[0].id, self.answered_by
        brought = recipients_up_to_buyer(self.exchange, first, UP_TO_THE_BUYER | {"undeliverable"})
        return [each for each in brought if each not in answered]


async def exchanges_to_read(
    connection: Connection, organisation_id: UUID, need_id: UUID
) -> tuple[StoredNeed, list[ExchangeToRead]]:
    """The organisation's need and its exchanges, those with unread messages first, then the latest. Raises NotFound.

    An answer that the organisation noted itself is read.
    """
    need = await own_need(connection, organisation_id, need_id)
    found = await exchanges_of(connection, organisation_id, need_id)
    read = await _with_unread(connection, organisation_id, found)
    return need, sorted(read, key=lambda each: (bool(each.unread), each.exchange.last_message_at), reverse=True)


async def read_exchange(connection: Connection, acting: Acting, exchange: Exchange) -> ExchangeToRead:
    """The exchange with its unread messages, which are noted in the journal as read."""
    (read,) = await _with_unread(connection, acting.organisation_id, [exchange])
    if read.unread:
        detail: Detail = {"message_id": str(read.unread[-1].id)}
        await write_entry(connection, acting.actor, READ, f"exchange:{exchange.id}", acting.now(), detail=detail)
    return read


async def _with_unread(
    connection: Connection, organisation_id: UUID, exchanges: Sequence[Exchange]
) -> list[ExchangeToRead]:
    """The exchanges with their unread messages: suppliers' messages after the last one noted as read in the journal."""
    names = [f"exchange:{each.id}" for each in exchanges]
    details, found = await last_details(connection, organisation_id, READ, names), list[ExchangeToRead]()
    for name, exchange in zip(names, exchanges, strict=True):
        last = UUID(str(details[name]["message_id"])) if name in details else None
        came = (each for each in exchange.messages if each.author == "supplier" and each.channel == "portal")
        unread = tuple(each for each in came if last is None or each.id > last)
        found.append(ExchangeToRead(exchange, unread, questions_of(exchange)))
    return found
