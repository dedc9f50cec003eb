"""Exchanges with suppliers before a contract is published, their messages, and who may see which of these.

Messages are never changed or withdrawn: a correction is a message of its own.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from domain.needs.need import Codes, ShortText

Channel = Literal["email", "phone", "portal", "letter", "in_person"]
Author = Literal["buyer", "supplier"]
Stance = Literal["interested", "declined", "question"]
Barrier = Literal["volume", "deadline", "guarantees", "certification", "price", "distance", "capacity", "other"]
Why = Literal["named", "shortlist", "unknown_trade"]
DeliveryState = Literal["to_be_delivered_by_you", "queued", "sent", "failed", "cancelled"]

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
BarriersNote = Annotated[
    str, msgspec.Meta(min_length=1, max_length=2_000, description="In words, where `barriers` has `other`")
]


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """A supplier that an exchange was opened with, as it was known then.

    `why`: it was named by the buyer, is on the shortlist, or is listed there as one of unknown trade. `email` is null
    where none is known, or it was erased.
    """

    supplier_id: UUID
    name: str
    siret: str | None
    email: str | None
    why: Why


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A stored message. Messages of an exchange are in the order of their ids.

    `supplier_id`: the author, where a supplier is; of a buyer's message, its one recipient, null: all of them.
    `corrects`: the message that it corrects. `publishes`: the question that this answer shares with all, worded as
    `question`; only the buyer may know it, for it leads to the author of the question.
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


class Delivery(msgspec.Struct, frozen=True):
    """The delivery of a buyer's message to one recipient.

    `to_be_delivered_by_you`: by the message's channel, or because no e-mail can be sent. What is `queued` is attempted
    until it is `sent`, or `failed` for good. `at`: when it ended; `failure`: a stable word for the last fault.
    """

    message_id: UUID
    supplier_id: UUID
    state: DeliveryState
    at: datetime | None = None
    failure: str | None = None


class ExchangeSummary(msgspec.Struct, frozen=True, kw_only=True):
    """An exchange with its recipients, without its messages. `lot_ids` empty: about the whole need."""

    id: UUID
    need_id: UUID
    subject: str
    lot_ids: tuple[str, ...]
    channel: Channel
    opened_at: datetime
    recipients: tuple[Recipient, ...]


class Exchange(ExchangeSummary, frozen=True, kw_only=True):
    """An exchange with all its messages and their deliveries, as the buyer may see it."""

    messages: tuple[Message, ...]
    deliveries: tuple[Delivery, ...]

    @property
    def last_message_at(self) -> datetime:
        return max(each.created_at for each in self.messages)


class ExchangeRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An exchange to be opened: its first message and its recipients.

    `recipients`: ids of suppliers, or `shortlist`: all of the latest shortlist that are not set aside, in the lots of
    `lot_ids` or in all. `include_unknown_trade`, for `shortlist` alone: those of unknown trade that it lists, too.
    """

    subject: ShortText
    body: Body
    channel: Channel
    recipients: (
        Annotated[tuple[UUID, ...], msgspec.Meta(min_length=1, max_length=MOST_RECIPIENTS)] | Literal["shortlist"]
    )
    lot_ids: Codes = ()
    include_unknown_trade: bool = False


class ReplyRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A supplier's answer by its reply link.

    `confidential`: for the buyer alone, who neither shares it with other suppliers nor publishes it. `corrects`: a
    message of its own.
    """

    body: Body
    stance: Stance | None = None
    barriers: Barriers = ()
    barriers_note: BarriersNote | None = None
    confidential: bool = False
    corrects: UUID | None = None


class MessageRequest(ReplyRequest, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A message to be added by the buyer, who also notes answers that suppliers gave by other means.

    `supplier_id`: the author, where a supplier is (then it is required), or the one recipient of a buyer's message.
    """

    author: Author
    supplier_id: UUID | None = None
    channel: Annotated[Channel | None, msgspec.Meta(description="Where it is not the exchange's")] = None


class PublicationRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The answer to a question, for all recipients.

    `question`: the question in other words, for example where its own words hint at its author; by default it is shared
    as it was put, with "[…]" in the place of its author's name, address and number.
    """

    answer: Body
    question: Body | None = None


class VisibleMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message as one recipient may see it: its own, or one of the buyer's that it gets.

    `question`: the words of the question, without its author, where the message is the answer given to all.
    """

    id: UUID
    author: Author
    body: str
    question: str | None = None
    stance: Stance | None = None
    barriers: tuple[Barrier, ...] = ()
    barriers_note: str | None = None
    confidential: bool = False
    corrects: UUID | None = None
    created_at: datetime = msgspec.field(name="at")


def message_from(
    written: MessageRequest,
    message_id: UUID,
    channel: Channel,
    now: datetime,
    publishes: UUID | None = None,
    question: str | None = None,
) -> Message:
    """The message to store of a request. `channel`: the exchange's, for a request that names none."""
    fields = msgspec.structs.asdict(written) | {"channel": written.channel or channel}
    return Message(**fields, id=message_id, created_at=now, publishes=publishes, question=question)


def visible_to(supplier_id: UUID, messages: Iterable[Message]) -> tuple[VisibleMessage, ...]:
    """The messages that this recipient may see, in their order: its own, and the buyer's to it or to all.

    Nothing that another supplier wrote; of a question answered to all, its words and never the message it came from.
    """
    visible = [each for each in messages if each.supplier_id == supplier_id or audience(each) == ("buyer", None)]
    return msgspec.convert(visible, tuple[VisibleMessage, ...], from_attributes=True)


def audience(message: Message) -> tuple[Author, UUID | None]:
    """The author and the supplier of a message: a correction must reach exactly those who have what it corrects."""
    return message.author, message.supplier_id


def correction_chains(messages: Iterable[Message]) -> dict[UUID, tuple[Message, ...]]:
    """All versions of each message, by the id of any of them: the first, then its corrections in their order."""
    roots: dict[UUID, UUID] = {}
    chains: dict[UUID, list[Message]] = {}
    for message in messages:
        root = roots[message.id] = roots.get(message.corrects, message.id) if message.corrects else message.id
        chains.setdefault(root, []).append(message)
    return {message_id: tuple(chains[root]) for message_id, root in roots.items()}
