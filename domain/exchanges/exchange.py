"""Exchanges with suppliers before a contract is published: exchanges, what is said in them, and who may see what.

Nothing said is changed or taken back: a correction is a message of its own.
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
Why = Literal["named", "shortlist"]
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

    `why`: it was named by the buyer, or on the shortlist. `email` is null where none is known, or no longer kept.
    """

    supplier_id: UUID
    name: str
    siret: str | None
    email: str | None
    why: Why


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message, as it is kept. Messages of an exchange are in the order of their ids.

    `supplier_id`: the supplier who says it; of a buyer's message, the one recipient it goes to, null: all of them.
    `corrects`: the message that it corrects. `publishes`: the question that this answer shares with all, worded as
    `question`; only the buyer may know it, for it leads to who asked.
    """

    id: UUID
    author: Author
    supplier_id: UUID | None
    body: str
    stance: Stance | None = None
    barriers: tuple[Barrier, ...] = ()
    barriers_note: str | None = None
    confidential: bool = False
    corrects: UUID | None = None
    publishes: UUID | None = None
    question: str | None = None
    channel: Channel
    created_at: datetime


class Delivery(msgspec.Struct, frozen=True):
    """What became of a buyer's message to one recipient.

    `to_be_delivered_by_you`: by the message's channel, or because no e-mail can be sent. What is `queued` is attempted
    until it is `sent`, or `failed` for good. `at`: when it ended; `failure`: a stable word for what went wrong last.
    """

    message_id: UUID
    supplier_id: UUID
    state: DeliveryState
    at: datetime | None = None
    failure: str | None = None


class ExchangeSummary(msgspec.Struct, frozen=True, kw_only=True):
    """An exchange with its recipients, without what is said in it. `lot_ids` empty: about the whole need."""

    id: UUID
    need_id: UUID
    subject: str
    lot_ids: tuple[str, ...]
    channel: Channel
    opened_at: datetime
    recipients: tuple[Recipient, ...]


class Exchange(ExchangeSummary, frozen=True, kw_only=True):
    """An exchange with all that was said in it, as the buyer may see it."""

    messages: tuple[Message, ...]
    deliveries: tuple[Delivery, ...]


class Opening(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An exchange to be opened: its first message, and to whom it goes.

    `recipients`: ids of suppliers, or `shortlist`: all of the latest shortlist that are not set aside, in the lots of
    `lot_ids` or in all.
    """

    subject: ShortText
    body: Body
    channel: Channel
    recipients: (
        Annotated[tuple[UUID, ...], msgspec.Meta(min_length=1, max_length=MOST_RECIPIENTS)] | Literal["shortlist"]
    )
    lot_ids: Codes = ()


class NewMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message to be added by the buyer, who also notes what a supplier said by other means.

    `supplier_id`: the supplier who says it (then it is required), or the one recipient a buyer's message goes to.
    """

    author: Author
    body: Body
    supplier_id: UUID | None = None
    stance: Stance | None = None
    barriers: Barriers = ()
    barriers_note: BarriersNote | None = None
    confidential: bool = False
    corrects: UUID | None = None
    channel: Annotated[Channel | None, msgspec.Meta(description="Where it is not the exchange's")] = None


class Reply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a supplier answers by its reply link.

    `confidential`: for the buyer alone, who neither shares it with other suppliers nor publishes it. `corrects`: a
    message of its own.
    """

    body: Body
    stance: Stance | None = None
    barriers: Barriers = ()
    barriers_note: BarriersNote | None = None
    confidential: bool = False
    corrects: UUID | None = None


class Publication(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The answer to a question, for all recipients.

    `question`: the question in other words, for example where its own words hint at who asked; by default it is shared
    as it was put, with "[…]" in the place of the name, the address and the number of who asked.
    """

    answer: Body
    question: Body | None = None


class VisibleMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message as one recipient may see it: its own, or one of the buyer's that it gets.

    `question`: what was asked, by nobody knows whom, where the message is the answer given to all.
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
    at: datetime


def visible_to(supplier_id: UUID, messages: Iterable[Message]) -> tuple[VisibleMessage, ...]:
    """What this recipient may see of an exchange, in its order: what it said itself, and what the buyer told it or all.

    Nothing that another supplier said; of a question answered to all, its words and never the message it came from.
    """
    return tuple(_shown(message) for message in messages if _is_for(supplier_id, message))


def audience(message: Message) -> tuple[Author, UUID | None]:
    """Who says it and to whom: a correction must reach those who have what it corrects, and nobody else."""
    return message.author, message.supplier_id


def _is_for(supplier_id: UUID, message: Message) -> bool:
    if message.author == "supplier":
        return message.supplier_id == supplier_id
    return message.supplier_id is None or message.supplier_id == supplier_id


def _shown(message: Message) -> VisibleMessage:
    return VisibleMessage(
        id=message.id,
        author=message.author,
        body=message.body,
        question=message.question,
        stance=message.stance,
        barriers=message.barriers,
        barriers_note=message.barriers_note,
        confidential=message.confidential,
        corrects=message.corrects,
        at=message.created_at,
    )
