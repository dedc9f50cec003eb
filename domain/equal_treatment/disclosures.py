"""The buyer's messages about a need, each information once, and who received it (parts: `concerned_suppliers`).

Messages in the same words are one information, in whatever exchange they were sent. The words of an opening include its
subject and lots, those of an answer the question. A message and its corrections are one information in versions.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from itertools import chain
from typing import Literal
from uuid import UUID

import msgspec

from domain.equal_treatment.concerned_suppliers import PresentIds
from domain.exchanges.deliveries import ARRIVED, LOST, UNDER_WAY, UP_TO_THE_BUYER, arrival_moment, arrivals
from domain.exchanges.exchange import Channel, Delivery, DeliveryState, Exchange, ExchangeSummary, Message, Way
from domain.exchanges.rules import questions_of

InformationKind = Literal["opening", "message", "reply", "answer"]
ReceiptKind = Literal["opening", "message", "reply", "answer", "correction"]
ReceiptState = Literal["received", "to_be_confirmed", "under_way", "not_delivered"]

EXCERPT = 120
_DELIVERY_STATES: dict[ReceiptState, frozenset[DeliveryState]] = {
    "received": ARRIVED,
    "to_be_confirmed": UP_TO_THE_BUYER,
    "under_way": frozenset(("queued",)),
    "not_delivered": LOST,
}
BEST_FIRST = tuple(_DELIVERY_STATES)
_STATES = {delivery: state for state, deliveries in _DELIVERY_STATES.items() for delivery in deliveries}


class MessageReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A buyer's message to one supplier, with the state of its delivery."""

    message_id: UUID
    """UUID of the message, as in `GET /exchanges/{id}`"""
    exchange_id: UUID
    """UUID of the exchange that it is in"""
    subject: str
    """That of the exchange"""
    kind: ReceiptKind
    """`opening`: the first of an exchange; `reply`: to one supplier's; `answer`: to a question, for all"""
    text: str
    """Its beginning, at most 120 characters"""
    to_one: bool
    """Whether nobody else was told with it"""
    confidential: bool
    """Whether the buyer marked it confidential"""
    channel: Channel
    """The means that was meant; `way` says by which it went"""
    told_at: datetime
    """The moment it was written"""
    state: ReceiptState
    """`to_be_confirmed`: the buyer delivers it, who alone knows whether it arrived"""
    way: Way
    """By which it goes or went to this supplier; `none`: not known"""
    delivery_state: DeliveryState
    """The state of the delivery, see `docs/exchanges.md`"""
    since: date | None
    """The day in France since which it is in this state; null: not known, or nothing was sent yet"""
    at: datetime
    """The moment it arrived or was given up; that of writing where it is not known"""
    failure: str | None
    """A word of `docs/mail.md`; null: none"""

    @property
    def delivery(self) -> Delivery:
        """The delivery that the receipt records; its `supplier_id`, not known here, is filled with the message's id."""
        state, way, since = self.delivery_state, self.way, self.since
        return Delivery(self.message_id, self.message_id, state, way, since, failure=self.failure)

    @property
    def may_have_arrived(self) -> bool:
        """Whether the delivery of the message is not known to have failed."""
        return self.state != "not_delivered"

    @property
    def is_under_way(self) -> bool:
        """Whether the message is not known to have arrived, and may still arrive."""
        return self.delivery_state in UNDER_WAY


class Disclosure(msgspec.Struct, frozen=True, kw_only=True):
    """A buyer's message with the receipt of each supplier addressed. `words`: normalised text, to find equal ones.

    `shared`: all suppliers of its lots need it (`domain.exchanges.rules.MessageToOne` says what is private).
    """

    message: Message
    exchange: ExchangeSummary
    kind: InformationKind
    shared: bool
    question: str | None
    words: str
    receipts: dict[UUID, MessageReceipt]


class DisclosedInformation(msgspec.Struct, frozen=True):
    """A piece of information that the buyer gave suppliers, with its corrections. `lots`: empty for the whole need.

    `receipts`: the best receipt of each supplier that the `last` wording was sent to; `given`: of any wording, for
    those that have one. `messages`: all that say it, in any wording from the `first` on.
    """

    first: Disclosure
    last: Disclosure
    corrected: bool
    lots: frozenset[str]
    receipts: dict[UUID, MessageReceipt]
    given: dict[UUID, MessageReceipt]
    messages: tuple[UUID, ...]


def disclosures(exchanges: Iterable[Exchange], living: PresentIds, *, by_questions: bool = True) -> list[Disclosure]:
    """The buyer's messages by time of writing, each with its receipts; `by_questions`: questions also prove arrival."""
    found = chain.from_iterable(_disclosures_in(each, living, by_questions) for each in exchanges)
    return sorted(found, key=lambda each: (each.message.created_at, each.message.id))


def group_disclosures(disclosed: Iterable[Disclosure]) -> tuple[DisclosedInformation, ...]:
    """Group disclosures by what they say; the groups are in the order in which each information was first given.

    A private message is an information of its own; whoever has its words has them also where others were told the same.
    """
    same_words: dict[str, list[Disclosure]] = {}
    groups: dict[UUID, list[Disclosure]] = {}
    group_of: dict[UUID | str, UUID] = {}
    known: dict[UUID, Disclosure] = {}
    for each in disclosed:
        own_id = each.message.id
        same_words.setdefault(each.words, []).append(each)
        corrected = known.get(each.message.corrects) if each.message.corrects else None
        if corrected is not None and corrected.shared == each.shared:
            group = group_of[corrected.message.id]
        else:
            group = group_of.get(each.words, own_id) if each.shared else own_id
        known[own_id], group_of[own_id] = each, group
        if each.shared:
            group_of.setdefault(each.words, group)
        groups.setdefault(group, []).append(each)
    found = []
    for versions in groups.values():
        current = ([each for each in versions if each.message.corrects] or versions)[-1].words
        wordings = dict.fromkeys(each.words for each in versions)
        said = [each for words in wordings for each in same_words[words]]
        lots = [each.exchange.lot_ids for each in versions]
        given = (pair for each in said for pair in each.receipts.items() if pair[1].may_have_arrived)
        information = DisclosedInformation(
            first=versions[0],
            last=next(each for each in versions if each.words == current),
            corrected=len(wordings) > 1,
            lots=frozenset(chain.from_iterable(lots)) if all(lots) else frozenset(),
            receipts=best_receipts(chain.from_iterable(each.receipts.items() for each in same_words[current])),
            given=best_receipts(given),
            messages=tuple(each.message.id for each in said),
        )
        found.append(information)
    return tuple(found)


def best_receipts(receipts: Iterable[tuple[UUID, MessageReceipt]]) -> dict[UUID, MessageReceipt]:
    """The best receipt of each supplier: the surest arrival first, then the earliest."""
    found: dict[UUID, MessageReceipt] = {}
    for who, receipt in receipts:
        found[who] = min(
            found.get(who, receipt),
            receipt,
            key=lambda each: (BEST_FIRST.index(each.state), each.is_under_way, each.at),
        )
    return found


def _disclosures_in(exchange: Exchange, living: PresentIds, by_questions: bool) -> Iterator[Disclosure]:
    """Every message of the buyer in one exchange, in order; `by_questions`: as in `disclosures`."""
    replies = questions_of(exchange).replies
    arrived = arrivals(exchange, by_questions=by_questions)
    deliveries = {(each.message_id, each.supplier_id): each for each in arrived}
    known: dict[UUID, Disclosure] = {}
    for message in (each for each in exchange.messages if each.author == "buyer"):
        opens, reply = not known, replies.get(message.id)
        answers = reply.answers if reply and not opens else None
        kind: InformationKind = (
            "opening" if opens else "answer" if message.publishes else "reply" if answers else "message"
        )
        question, shared = message.question or answers, not (message.confidential or (reply and reply.private))
        corrected = known.get(message.corrects) if message.corrects else None
        if corrected is not None:
            kind, question, shared = corrected.kind, corrected.question, shared and corrected.shared
        opening = (exchange.subject, *sorted(exchange.lot_ids)) if opens else ()
        to = [message.supplier_id] if message.supplier_id else [each.supplier_id for each in exchange.recipients]
        receipts: dict[UUID, MessageReceipt] = {}
        for who in to:
            delivery = deliveries[message.id, who]
            receipts[living.get(who, who)] = MessageReceipt(
                message_id=message.id,
                exchange_id=exchange.id,
                subject=exchange.subject,
                kind="correction" if corrected else kind,
                text=message.body if len(message.body) <= EXCERPT else message.body[: EXCERPT - 1] + "…",
                to_one=message.supplier_id is not None or len(exchange.recipients) == 1,
                confidential=message.confidential,
                channel=message.channel,
                told_at=message.created_at,
                state=_STATES[delivery.state],
                way=delivery.way,
                delivery_state=delivery.state,
                since=delivery.since,
                at=arrival_moment(delivery, message.created_at) or message.created_at,
                failure=delivery.failure,
            )
        known[message.id] = Disclosure(
            message=message,
            exchange=exchange,
            kind=kind,
            shared=shared,
            question=question,
            words=" ".join(" ".join((*opening, question or "", message.body)).split()).casefold(),
            receipts=receipts,
        )
    yield from known.values()
