"""Exchanges with suppliers before a contract is published, their messages, and who may see which of these.

Messages are never changed or withdrawn: a correction is a message of its own.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from domain.needs.need import Codes, ShortText

Channel = Literal["email", "phone", "portal", "letter", "in_person"]
Author = Literal["buyer", "supplier"]
Stance = Literal["interested", "declined", "question"]
Barrier = Literal["volume", "deadline", "guarantees", "certification", "price", "distance", "capacity", "other"]
Why = Literal["named", "shortlist", "unknown_trade"]
Way = Literal["email", "letter", "phone", "portal", "in_person", "none"]
DeliveryState = Literal[
    "queued", "sent", "undeliverable", "cancelled", "to_post", "posted", "told", "answered", "unconfirmed"
]
MailState = Literal["to_be_delivered_by_you", "queued", "sent", "failed", "cancelled"]
"""The state of Vivier's e-mail alone, in the words of clients that know no other deliveries."""

MOST_RECIPIENTS = 1_000

Body = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=20_000,
        pattern=r"\S",
        description="A text that is not blank",
        extra={"fr": "un texte qui ne soit pas que du blanc"},
    ),
]
Barriers = Annotated[tuple[Barrier, ...], msgspec.Meta(max_length=20)]
Answers = Annotated[tuple[UUID, ...], msgspec.Meta(max_length=100)]
BarriersNote = Annotated[
    str, msgspec.Meta(min_length=1, max_length=2_000, description="In words, where `barriers` has `other`")
]


class NamedContact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person or service whom those who are written to may ask."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    """The name of the person or service"""
    email: Annotated[str, msgspec.Meta(max_length=320)] | None = None
    """An e-mail address; null: none is given"""
    phone: Annotated[str, msgspec.Meta(max_length=50)] | None = None
    """A telephone number; null: none is given"""


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """A supplier that an exchange was opened with, as it was known then."""

    supplier_id: UUID
    """UUID, as in `GET /suppliers/{id}`"""
    name: str
    """Its legal or usual name"""
    siret: str | None
    """14 digits; null: not known"""
    email: str | None
    """Null where none is known, or it was erased"""
    why: Why
    """It was named by the buyer, is on the shortlist, or is listed there as one of unknown trade"""
    joined: tuple[UUID, ...] = ()
    """Others of the shortlist, of its legal unit and at its address, whom its letter is for too"""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A stored message. Messages of an exchange are in the order of their ids."""

    id: UUID
    """UUIDv7: sorted by time"""
    author: Author
    """The buyer, or a supplier"""
    supplier_id: UUID | None
    """The author, where a supplier is; of a buyer's message, its one recipient, null: all of them"""
    body: str
    """Plain text"""
    stance: Stance | None
    """A supplier's position, or that it asks; null: it took none"""
    barriers: tuple[Barrier, ...]
    """Obstacles to its answering"""
    barriers_note: str | None
    """The same in its words; null: none"""
    confidential: bool
    """Whether it is for the buyer alone"""
    corrects: UUID | None
    """The message that it corrects; null: none"""
    publishes: UUID | None
    """The question that this answer shares with all; only the buyer may know it, for it leads to its author"""
    question: str | None
    """The words in which that question is shared; null where none is"""
    channel: Channel
    """The means by which it went or came"""
    created_at: datetime
    """The moment it was written or noted"""
    answers: tuple[UUID, ...] | None = None
    """The questions that it says it answers, without publishing them; null: it does not say. Only the buyer knows"""


class Delivery(msgspec.Struct, frozen=True):
    """The way a buyer's message goes to one recipient, and how far it has come, as far as is known.

    Vivier's e-mail is `queued`, then `sent`, or `undeliverable` for good, or `cancelled` with the recipient's links.
    All else the buyer brings: a letter `to_post` is `posted` once this is confirmed; a message by telephone, in person
    or on a portal is a note of what was `told`; what only an answer shows to have arrived is `answered`.
    `unconfirmed`, by no known way: a message of before deliveries were confirmed. `since`: the day in France of its
    state, where it is known: of the sending, the posting, the talk, the answer, the failure. `at`: the moment, of
    Vivier's e-mails (`by_server`); `failure`: a stable word for the last fault of one.
    """

    message_id: UUID
    supplier_id: UUID
    state: DeliveryState
    way: Way = "none"
    since: date | None = None
    at: datetime | None = None
    failure: str | None = None
    by_server: bool = False


class ExchangeSummary(msgspec.Struct, frozen=True, kw_only=True):
    """An exchange with its recipients, without its messages."""

    id: UUID
    """UUID, given when it was opened"""
    need_id: UUID
    """The need that it is about"""
    subject: str
    """One line"""
    lot_ids: tuple[str, ...]
    """Lots of the need that it is about; empty: the whole need"""
    channel: Channel
    """By which messages go, unless a message says otherwise"""
    opened_at: datetime
    """The moment it was opened"""
    recipients: tuple[Recipient, ...]
    """Suppliers, as they were known then"""
    reply_by: date | None = None
    """The day by which the buyer asked for an answer; null: none was named"""
    contact: NamedContact | None = None
    """Whom suppliers may ask; null: nobody was named"""


class Exchange(ExchangeSummary, frozen=True, kw_only=True):
    """An exchange with all its messages and their deliveries, as the buyer may see it."""

    messages: tuple[Message, ...]
    deliveries: tuple[Delivery, ...]

    @property
    def last_message_at(self) -> datetime:
        return max(each.created_at for each in self.messages)


class ExchangeRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An exchange to be opened: its first message and its recipients."""

    subject: ShortText
    """One line"""
    body: Body
    """Of the first message, plain text"""
    channel: Channel
    """By which messages go; Vivier sends those by `email` where a mail server is set"""
    recipients: (
        Annotated[tuple[UUID, ...], msgspec.Meta(min_length=1, max_length=MOST_RECIPIENTS)] | Literal["shortlist"]
    )
    """Ids of suppliers, or `shortlist`: all of the latest one that are not set aside, in its lots"""
    lot_ids: Codes = ()
    """Lots of the need that it is about; empty: the whole need"""
    include_unknown_trade: bool = False
    """For `shortlist` alone: those of unknown trade that it lists, too"""
    reply_by: date | None = None
    """The day by which an answer is asked for; null: none is named"""
    contact: NamedContact | None = None
    """Whom suppliers may ask, told in every message; an answer is announced at its e-mail address. Null: nobody"""


class ReplyContent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of a supplier's answer to a buyer."""

    body: Body
    """Plain text"""
    stance: Stance | None = None
    """Its position, or that it asks; null: it takes none"""
    barriers: Barriers = ()
    """Obstacles to its answering"""
    barriers_note: BarriersNote | None = None
    """The same in its words, such as what `other` is"""
    confidential: bool = False
    """For the buyer alone, who neither shares it with other suppliers nor publishes it"""
    corrects: UUID | None = None
    """A message of its own that this one corrects"""


class MessageRequest(ReplyContent, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A message to be added by the buyer, who also notes answers that suppliers gave by other means."""

    author: Author
    """The buyer, or a supplier whose words the buyer notes"""
    supplier_id: UUID | None = None
    """The author, where a supplier is (then required), or the one recipient of a buyer's message"""
    channel: Annotated[Channel | None, msgspec.Meta(description="Where it is not the exchange's")] = None
    answers: Answers | None = None
    """A buyer's: the questions that it answers, to who asked or, the confidential ones, in words for all; empty: none.

    Null: it does not say. To one supplier, it is then taken as the answer to the questions of that supplier's that are
    open; to all, as that to the confidential ones."""


class PublicationRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The answer to a question, for all recipients."""

    answer: Body
    """Plain text"""
    question: Body | None = None
    """The question in other words, where its own hint at its author; null: as put, its author's name left out"""


class DeliveryConfirmation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A buyer's word that it brought a message itself: to whom, by which way, on which day."""

    recipients: Annotated[tuple[UUID, ...], msgspec.Meta(min_length=1, max_length=MOST_RECIPIENTS)] | Literal["waiting"]
    """Ids of suppliers, or `waiting`: all to whom the buyer is to bring it, as long as it has not confirmed that"""
    way: Channel = "letter"
    """By which it was brought: `letter` is posted, `email` sent from the buyer's own address, the others told"""
    on: date | None = None
    """The day in France, not before that of the message; null: today"""


class VisibleMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message as one recipient may see it: its own, or one of the buyer's that it gets."""

    id: UUID
    """UUIDv7: sorted by time"""
    author: Author
    """The buyer, or a supplier"""
    body: str
    """Plain text"""
    question: str | None = None
    """The words of the question, without its author, where the message is the answer given to all"""
    stance: Stance | None = None
    """Its position, or that it asks; null: it took none"""
    barriers: tuple[Barrier, ...] = ()
    """Obstacles to its answering"""
    barriers_note: str | None = None
    """The same in its words; null: none"""
    confidential: bool = False
    """Whether it is for the buyer alone"""
    corrects: UUID | None = None
    """The message that it corrects; null: none"""
    created_at: datetime = msgspec.field(name="at")
    """The moment it was written"""


def make_message(
    written: MessageRequest,
    message_id: UUID,
    channel: Channel,
    now: datetime,
    publishes: UUID | None = None,
    question: str | None = None,
) -> Message:
    """The message to store for a request. `channel`: where that names none; `publishes`, `question`: see `Message`."""
    fields = msgspec.structs.asdict(written) | {"channel": written.channel or channel}
    return Message(**fields, id=message_id, created_at=now, publishes=publishes, question=question)


def visible_to(supplier_id: UUID, messages: Iterable[Message]) -> tuple[VisibleMessage, ...]:
    """The messages that a recipient may see, in order: its own, and the buyer's to this recipient or to all.

    Nothing that another supplier wrote; of a question answered to all, its words and never the message it came from.
    """
    visible = [each for each in messages if each.supplier_id == supplier_id or audience(each) == ("buyer", None)]
    return msgspec.convert(visible, tuple[VisibleMessage, ...], from_attributes=True)


def audience(message: Message) -> tuple[Author, UUID | None]:
    """The author and the supplier of a message, which a correction must share with the message that it corrects."""
    return message.author, message.supplier_id


def correction_chains(messages: Iterable[Message]) -> dict[UUID, tuple[Message, ...]]:
    """All versions of each message, by the id of any of them: the first, then its corrections in their order."""
    roots: dict[UUID, UUID] = {}
    chains: dict[UUID, list[Message]] = {}
    for message in messages:
        root = roots[message.id] = roots.get(message.corrects, message.id) if message.corrects else message.id
        chains.setdefault(root, []).append(message)
    return {message_id: tuple(chains[root]) for message_id, root in roots.items()}
