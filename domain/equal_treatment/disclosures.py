"""The disclosures of a buyer in the exchanges about a need: each thing once, however often and to whom it was said.

Messages in the same words are one information, wherever they were said: what one supplier missed is made good by
sending it the same words. Openings are the same where subject and lots are; the answer to a question is the question
and the answer after it. A message and its corrections are one information too, of which the last version counts.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

import msgspec

from domain.exchanges.exchange import Channel, Delivery, DeliveryState, Exchange, ExchangeSummary, Message
from domain.exchanges.questions import ExchangeQuestions, questions_of

InformationKind = Literal["opening", "message", "reply", "answer"]
ReceiptKind = Literal["opening", "message", "reply", "answer", "correction"]
ReceiptState = Literal["received", "under_way", "to_be_confirmed", "not_delivered"]

EXCERPT = 120
_STATES: dict[DeliveryState, ReceiptState] = {
    "sent": "received",
    "queued": "under_way",
    "to_be_delivered_by_you": "to_be_confirmed",
    "failed": "not_delivered",
    "cancelled": "not_delivered",
}
_BEST_FIRST: tuple[ReceiptState, ...] = ("received", "to_be_confirmed", "under_way", "not_delivered")


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """A message of the buyer's to one supplier, and what is known of its arrival.

    `to_be_confirmed`: the buyer delivers it, who alone knows whether it arrived. `at`: when it arrived, or was given
    up; when it was written where that is not known. `text`: how it begins. `to_one`: nobody else was told with it.
    """

    message_id: UUID
    exchange_id: UUID
    subject: str
    kind: ReceiptKind
    text: str
    to_one: bool
    confidential: bool
    channel: Channel
    told_at: datetime
    state: ReceiptState
    at: datetime
    failure: str | None

    @property
    def given(self) -> bool:
        """Not known to have failed."""
        return self.state != "not_delivered"


class Wording(msgspec.Struct, frozen=True, kw_only=True):
    """One version of an information; `receipts`: the best that is known for each supplier it was addressed to."""

    message_id: UUID
    exchange_id: UUID
    subject: str
    text: str
    question: str | None
    told_at: datetime
    receipts: dict[UUID, Receipt]

    @property
    def given(self) -> dict[UUID, Receipt]:
        """Of these, those not known to have failed."""
        return {supplier_id: receipt for supplier_id, receipt in self.receipts.items() if receipt.given}


class Information(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was told, in its versions, of which the last counts.

    `lots`: those it is about, empty: the whole need. `shared`: all suppliers of these lots need it, which is not so of
    what is private (`domain.exchanges.questions.ToOne`).
    """

    kind: InformationKind
    lots: frozenset[str]
    shared: bool
    wordings: tuple[Wording, ...]

    @property
    def first(self) -> Wording:
        return min(self.wordings, key=lambda each: each.told_at)

    @property
    def last(self) -> Wording:
        return self.wordings[-1]


class _Said(msgspec.Struct, frozen=True, kw_only=True):
    """A message of the buyer's in its place. `words`: what is compared; `corrects`: those of what it corrects."""

    message: Message
    exchange: ExchangeSummary
    kind: InformationKind
    shared: bool
    question: str | None
    words: str
    corrects: str | None
    receipts: dict[UUID, Receipt]


class Told(NamedTuple):
    """All that was told about a need: as informations, in the order in which they were first told, and by supplier."""

    informations: tuple[Information, ...]
    receipts: dict[UUID, list[Receipt]]


def told_in(exchanges: Iterable[Exchange], living: Mapping[UUID, UUID]) -> Told:
    """What the buyer told in the exchanges about one need.

    `living`: the supplier that an id stands for now, where that is another one.
    """
    said = [each for exchange in exchanges for each in _said_in(exchange, living)]
    said.sort(key=lambda each: (each.message.created_at, each.message.id))
    first = _first_words(said)
    groups: dict[str, list[_Said]] = {}
    receipts: dict[UUID, list[Receipt]] = {}
    for each in said:
        groups.setdefault(first[each.words], []).append(each)
        for supplier_id, receipt in each.receipts.items():
            receipts.setdefault(supplier_id, []).append(receipt)
    return Told(tuple(_information(group) for group in groups.values()), receipts)


def _first_words(said: Sequence[_Said]) -> dict[str, str]:
    """For all words those that stand for the same information: a correction is one with what it corrects."""
    parent = {each.words: each.words for each in said}

    def find(words: str) -> str:
        while parent[words] != words:
            parent[words] = words = parent[parent[words]]
        return words

    for each in said:
        if each.corrects is not None:
            parent[find(each.words)] = find(each.corrects)
    return {words: find(words) for words in parent}


def _information(group: Sequence[_Said]) -> Information:
    """`group`: all messages of an information, in order. Words that were never shared are no version of what was."""
    told = [each for each in group if each.shared] or group
    versions: dict[str, _Said] = {}
    for each in told:
        if each.corrects is not None:
            # the last correction is the last version, also where it goes back to words of before
            versions[each.words] = versions.pop(each.words, each)
        versions.setdefault(each.words, each)
    receipts: dict[str, list[dict[UUID, Receipt]]] = {}
    for each in group:
        receipts.setdefault(each.words, []).append(each.receipts)
    whole = any(not each.exchange.lot_ids for each in told)
    return Information(
        kind=told[0].kind,
        lots=frozenset() if whole else frozenset(lot for each in told for lot in each.exchange.lot_ids),
        shared=told[0].shared,
        wordings=tuple(_wording(each, receipts[words]) for words, each in versions.items()),
    )


def _wording(said: _Said, receipts: Sequence[dict[UUID, Receipt]]) -> Wording:
    best: dict[UUID, Receipt] = {}
    for some in receipts:
        for supplier_id, receipt in some.items():
            known = best.get(supplier_id)
            if known is None or _order(receipt) < _order(known):
                best[supplier_id] = receipt
    return Wording(
        message_id=said.message.id,
        exchange_id=said.exchange.id,
        subject=said.exchange.subject,
        text=said.message.body,
        question=said.question,
        told_at=said.message.created_at,
        receipts=best,
    )


def _order(receipt: Receipt) -> tuple[int, datetime]:
    return _BEST_FIRST.index(receipt.state), receipt.at


def _said_in(exchange: Exchange, living: Mapping[UUID, UUID]) -> Iterator[_Said]:
    """The buyer's messages of an exchange, in order."""
    questions = questions_of(exchange)
    deliveries = {(each.message_id, each.supplier_id): each for each in exchange.deliveries}
    known: dict[UUID, _Said] = {}
    for message in exchange.messages:
        if message.author == "buyer":
            corrected = known.get(message.corrects) if message.corrects else None
            said = _said(exchange, message, corrected, questions, is_first=not known)
            kind: ReceiptKind = "correction" if corrected else said.kind
            receipts = {
                living.get(to, to): _receipt(exchange, message, kind, deliveries.get((message.id, to)))
                for to in _recipients(exchange, message)
            }
            known[message.id] = msgspec.structs.replace(said, receipts=receipts)
    yield from known.values()


def _said(
    exchange: ExchangeSummary,
    message: Message,
    corrected: _Said | None,
    questions: ExchangeQuestions,
    *,
    is_first: bool,
) -> _Said:
    reply = questions.replies.get(message.id)
    if corrected is not None:
        kind, question, shared = corrected.kind, corrected.question, corrected.shared
    else:
        kind = _kind(message, reply.answers if reply else None, is_first=is_first)
        question = message.question or (reply.answers if reply and not is_first else None)
        shared = not (reply and reply.private)
    opens = (exchange.subject, *sorted(exchange.lot_ids)) if is_first else ()
    return _Said(
        message=message,
        exchange=exchange,
        kind=kind,
        shared=shared and not message.confidential,
        question=question,
        words=_words(*opens, question or "", message.body),
        corrects=corrected.words if corrected else None,
        receipts={},
    )


def _kind(message: Message, answers: str | None, *, is_first: bool) -> InformationKind:
    if is_first:
        return "opening"
    if message.publishes is not None:
        return "answer"
    return "reply" if answers else "message"


def _words(*parts: str) -> str:
    """What is the same for a reader: spaces and capitals say nothing."""
    return " ".join(" ".join(parts).split()).casefold()


def _recipients(exchange: ExchangeSummary, message: Message) -> tuple[UUID, ...]:
    if message.supplier_id is not None:
        return (message.supplier_id,)
    return tuple(each.supplier_id for each in exchange.recipients)


def _receipt(exchange: ExchangeSummary, message: Message, kind: ReceiptKind, delivery: Delivery | None) -> Receipt:
    return Receipt(
        message_id=message.id,
        exchange_id=exchange.id,
        subject=exchange.subject,
        kind=kind,
        text=message.body if len(message.body) <= EXCERPT else message.body[: EXCERPT - 1] + "…",
        to_one=message.supplier_id is not None or len(exchange.recipients) == 1,
        confidential=message.confidential,
        channel=message.channel,
        told_at=message.created_at,
        state="to_be_confirmed" if delivery is None else _STATES[delivery.state],
        at=message.created_at if delivery is None or delivery.at is None else delivery.at,
        failure=None if delivery is None else delivery.failure,
    )
