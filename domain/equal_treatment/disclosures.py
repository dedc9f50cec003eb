"""The buyer's messages about a need as informations: each thing once, however often and to whomever it was said.

And the suppliers that equal treatment is owed to: which lots concern each, and until when.
Messages in the same words are one information, in whatever exchange they were sent. The words of an opening include its
subject and lots, those of an answer the question. A message and its corrections are one information in versions.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import chain
from typing import Literal
from uuid import UUID

import msgspec

from domain.exchanges.deliveries import ARRIVED, LOST, UNDER_WAY, UP_TO_THE_BUYER, arrival_moment, arrivals
from domain.exchanges.exchange import Channel, Delivery, DeliveryState, Exchange, ExchangeSummary, Message, Way
from domain.exchanges.rules import questions_of
from domain.meetings.meeting import Meeting
from domain.shortlists.version import Decision, FrozenShortlist, SupplierName

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
        """The delivery that the receipt records, with the message's id for the supplier's, which may have changed."""
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


def disclosures(
    exchanges: Iterable[Exchange], living: Mapping[UUID, UUID], *, by_questions: bool = True
) -> list[Disclosure]:
    """All messages of the buyer in the exchanges about a need, in the order of writing.

    `living`: the supplier that an id stands for now, where that is another one. `by_questions`: as in `arrivals`.
    """
    found = chain.from_iterable(_disclosures_in(each, living, by_questions) for each in exchanges)
    return sorted(found, key=lambda each: (each.message.created_at, each.message.id))


def group_disclosures(told: Iterable[Disclosure]) -> tuple[DisclosedInformation, ...]:
    """Group disclosures by what they say; the groups are in the order in which each information was first given.

    A private message is an information of its own; whoever has its words has them also where others were told the same.
    """
    same_words: dict[str, list[Disclosure]] = {}
    groups: dict[UUID, list[Disclosure]] = {}
    group_of: dict[UUID | str, UUID] = {}
    known: dict[UUID, Disclosure] = {}
    for each in told:
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


def _disclosures_in(exchange: Exchange, living: Mapping[UUID, UUID], by_questions: bool) -> Iterator[Disclosure]:
    """Every message of the buyer in one exchange; `living`, `by_questions`: as in `disclosures`."""
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


class SetAsideLot(msgspec.Struct, frozen=True):
    """A lot for which the buyer set a supplier aside."""

    lot_id: str
    """That of the lot in the need"""
    reason: str | None
    """In the buyer's words; null: none given"""
    decided_at: datetime
    """The first time, where several versions say so"""


class Concerned(SupplierName, frozen=True, kw_only=True):
    """A supplier that a need concerns: on the shortlist, written to, or met.

    `listed`: the lots it is a candidate for. `lots`: those that concern it, each until it was set aside, null where it
    was not. `topics`: the lots it was written to about; all of its lots where it was not written to.
    """

    listed: tuple[str, ...]
    set_aside: tuple[SetAsideLot, ...]
    written_to: bool
    lots: dict[str, datetime | None]
    topics: frozenset[str]

    def is_concerned(self, moment: datetime, lots: Collection[str] = ()) -> bool:
        """Whether one of these lots (any lot where none is given) concerns the supplier at this moment."""
        return any(until is None or moment < until for lot, until in self.lots.items() if not lots or lot in lots)

    @property
    def active_lots(self) -> frozenset[str]:
        """The lots for which the buyer never set the supplier aside."""
        return frozenset(lot for lot, until in self.lots.items() if until is None)


def concerned_suppliers(
    version: FrozenShortlist,
    exchanges: Sequence[Exchange],
    meetings: Sequence[Meeting],
    living: Mapping[UUID, UUID],
    earlier: Iterable[Decision],
) -> dict[UUID, Concerned]:
    """The suppliers on the shortlist, in order, then others written to, then others met; each under its present id.

    One that was set aside for a lot without ever being written to is not concerned by the lot: the buyer said why.
    """
    names: dict[UUID, str] = {}
    listed: dict[UUID, list[str]] = {}
    for lot in version.shown_lots:
        for supplier in (each.supplier for each in lot.candidates):
            now = living.get(supplier.id, supplier.id)
            names.setdefault(now, supplier.name)
            listed.setdefault(now, []).append(lot.id)
    every = {lot.id for lot in version.need.lots}.union(*(exchange.lot_ids for exchange in exchanges))
    topics: dict[UUID, set[str]] = {}
    for exchange in exchanges:
        for recipient in exchange.recipients:
            now = living.get(recipient.supplier_id, recipient.supplier_id)
            names.setdefault(now, recipient.name)
            topics.setdefault(now, set()).update(exchange.lot_ids or listed.get(now, every))
    for invited in (each for meeting in meetings for each in meeting.participants):
        if invited.supplier_id:
            now = living.get(invited.supplier_id, invited.supplier_id)
            names.setdefault(now, invited.organisation or str(now))
    set_aside = _lots_set_aside(version, earlier, living)
    found: dict[UUID, Concerned] = {}
    for supplier_id, name in names.items():
        own, about, aside = listed.get(supplier_id, ()), topics.get(supplier_id), set_aside.get(supplier_id, ())
        until = {each.lot_id: each.decided_at for each in aside}
        all_lots = dict.fromkeys((*own, *sorted(about or ())))
        lots = {lot: until.get(lot) for lot in all_lots if about is not None or lot not in until}
        found[supplier_id] = Concerned(
            supplier_id=supplier_id,
            name=name,
            listed=tuple(dict.fromkeys(own)),
            set_aside=tuple(aside),
            written_to=about is not None,
            lots=lots,
            topics=frozenset(lots if about is None else about),
        )
    return found


def _lots_set_aside(
    version: FrozenShortlist, earlier: Iterable[Decision], living: Mapping[UUID, UUID]
) -> dict[UUID, list[SetAsideLot]]:
    """The lots for which the version sets each supplier aside, with the day of the first decision to do so.

    `earlier`: the decisions on the versions before.
    """
    since: dict[tuple[UUID, str], datetime] = {}
    for each in (*earlier, *version.decisions):
        if each.decision == "set_aside":
            about = living.get(each.supplier_id, each.supplier_id), each.lot_id
            since[about] = min(each.decided_at, since.get(about, each.decided_at))
    found: dict[UUID, list[SetAsideLot]] = {}
    for each in version.decisions:
        if each.decision == "set_aside":
            now = living.get(each.supplier_id, each.supplier_id)
            found.setdefault(now, []).append(SetAsideLot(each.lot_id, each.reason, since[now, each.lot_id]))
    return found
