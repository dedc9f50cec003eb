"""The recipients of exchanges as a report tells them: what reached each, by which way and since when, or why not.

That a supplier asked a question shows that a message reached it; here it does not count, or it would tell who asked.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Literal, NamedTuple
from uuid import UUID

import msgspec

from domain.exchanges.deliveries import ARRIVED, arrival_moment, arrivals, contact, delivery_words, rank
from domain.exchanges.exchange import Channel, Delivery, DeliveryState, Exchange, Message, Way
from domain.report.lots import ReportSupplier
from domain.report.redaction import Redaction
from domain.text.bilingual import Language

Position = Literal["interested", "declined", "answered"]


class ReportDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """A message to all recipients of an exchange, on its way to one of them."""

    subject: str
    """Of the exchange"""
    written_at: datetime
    """The moment it was written"""
    way: Way
    """By which it goes or went to this recipient; `none`: not known"""
    state: DeliveryState
    """How far it has come, see `docs/exchanges.md`"""
    since: date | None
    """The day in France since which it is in this state; null: not known, or not told, for it is that of an answer"""
    failure: str | None
    """A word of `docs/mail.md`; null: none"""
    words: str
    """All this in the language of the report"""


class ReportRecipient(msgspec.Struct, frozen=True, kw_only=True):
    """A recipient of exchanges, and what is known of its deliveries."""

    supplier: ReportSupplier
    """As it was known then"""
    way: Way
    """By which it was first contacted, else by which it is written to; `none`: not known"""
    state: DeliveryState
    """Of that delivery, see `docs/exchanges.md`"""
    since: date | None
    """The day in France since which it is contacted, or the delivery in that state; null: not known, or not told"""
    words: str
    """All this in the language of the report"""
    deliveries: tuple[ReportDelivery, ...]
    """The messages to all recipients that went to it, in order"""


class Contacted(ReportRecipient, frozen=True, kw_only=True):
    """A recipient of an exchange whom a message reached."""

    first_at: datetime | None
    """The moment of the first, of what the buyer brought the beginning of its day; null: only its answer shows it"""
    channels: tuple[Channel, ...]
    """By which messages reached it; none where only its answer shows that one did"""
    position: Position | None
    """Its last one, `answered` where it took none; null: no answer, though perhaps questions, attributed to nobody"""
    answered_at: datetime | None
    """Null in a redacted report, where it would tell whose an answer is"""
    confidential: bool
    """Whether some of its answers are"""


class DeliveryCount(msgspec.Struct, frozen=True):
    """The number of recipients to whom a message went in one way, with one result so far."""

    way: Way
    """By which it goes or went; `none`: not known"""
    state: DeliveryState
    """How far it has come, see `docs/exchanges.md`"""
    recipients: int
    """The number of them"""


class MessageDeliveries(msgspec.Struct, frozen=True):
    """The deliveries of one message to all recipients of an exchange."""

    written_at: datetime
    """The moment it was written"""
    counts: tuple[DeliveryCount, ...]
    """By way and state, those that arrived first"""


class Sent(NamedTuple):
    """A message of the buyer's on its way to one recipient."""

    exchange: Exchange
    message: Message
    delivery: Delivery


def all_sent(exchanges: Iterable[Exchange], *, dated: bool) -> dict[UUID, list[Sent]]:
    """All messages of the buyer by recipient, in order. `dated`: also the days of answers, where only these show it."""
    found: dict[UUID, list[Sent]] = {}
    for exchange in exchanges:
        messages = {each.id: each for each in exchange.messages}
        for each in arrivals(exchange, by_questions=False):
            told = msgspec.structs.replace(each, since=None) if each.state == "answered" and not dated else each
            found.setdefault(each.supplier_id, []).append(Sent(exchange, messages[each.message_id], told))
    return found


def recipient(
    supplier: ReportSupplier, sent: Sequence[Sent], redaction: Redaction, language: Language
) -> ReportRecipient:
    """A recipient with what was sent to it, which is at least one message."""
    first = contact(each.delivery for each in sent)
    return ReportRecipient(
        supplier=supplier,
        way=first.way,
        state=first.state,
        since=first.since,
        words=delivery_words(first).to(language),
        deliveries=tuple(
            ReportDelivery(
                subject=redaction.text(each.exchange.subject),
                written_at=each.message.created_at,
                way=each.delivery.way,
                state=each.delivery.state,
                since=each.delivery.since,
                failure=each.delivery.failure,
                words=delivery_words(each.delivery).to(language),
            )
            for each in sent
            if each.message.supplier_id is None
        ),
    )


def first_moment(sent: Iterable[Sent]) -> datetime | None:
    """The first moment at which a message is known to have arrived."""
    arrived = (each for each in sent if each.delivery.state in ARRIVED)
    return min(filter(None, (arrival_moment(each.delivery, each.message.created_at) for each in arrived)), default=None)


def ways_that_arrived(sent: Iterable[Sent]) -> tuple[Channel, ...]:
    """The ways by which messages are known to have gone, each once."""
    ways = (each.delivery.way for each in sent if each.delivery.state in ARRIVED - {"answered"})
    return tuple(dict.fromkeys(way for way in ways if way != "none"))


def message_deliveries(exchange: Exchange) -> tuple[MessageDeliveries, ...]:
    """The deliveries of each of the buyer's messages to all, in numbers."""
    to_all = {each.id: each.created_at for each in exchange.messages if each.supplier_id is None}
    counts: dict[UUID, Counter[tuple[Way, DeliveryState]]] = {}
    for each in sorted(arrivals(exchange, by_questions=False), key=lambda each: (each.message_id, rank(each.state))):
        if each.message_id in to_all:
            counts.setdefault(each.message_id, Counter())[each.way, each.state] += 1
    return tuple(
        MessageDeliveries(to_all[message_id], tuple(DeliveryCount(*way, number) for way, number in ways.items()))
        for message_id, ways in counts.items()
    )
