"""The exchanges as a report tells them: who was contacted, what was learnt, and never who asked.

Of recipients it is told what reached each, by which way and since when, or why not. That a supplier asked a question
shows that a message reached it; here it does not count, or it would tell who asked. Equal treatment is told too: who
lacks what, and never who asked a question.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from domain.equal_treatment.gaps import GapCode
from domain.equal_treatment.matrix import EqualTreatment
from domain.exchanges.deliveries import ARRIVED, arrival_moment, arrivals, decisive_delivery, delivery_words, rank
from domain.exchanges.exchange import (
    Barrier,
    Delivery,
    DeliveryState,
    Exchange,
    Message,
    Way,
    correction_chains,
)
from domain.exchanges.rules import is_confidential
from domain.report.lots import (
    Contacted,
    DeliveryCount,
    MessageDeliveries,
    Position,
    ReportDelivery,
    ReportRecipient,
    SupplierNamer,
)
from domain.report.model import BarrierCount, Lesson, NotContacted, ReportExchange, ReportGap, SharedAnswer, Treatment
from domain.report.redaction import Redaction
from domain.text.bilingual import Language, Text

FEWEST_TO_BE_ONE_OF = 3
"""The fewest suppliers that must have something in common for it to be told beside an answer that is not attributed."""

_LAST = datetime.max.replace(tzinfo=UTC)


class SupplierMessage(msgspec.Struct, frozen=True):
    """A supplier's message with its corrections, the last of which counts."""

    exchange: Exchange
    chain: tuple[Message, ...]

    @property
    def last(self) -> Message:
        """The message as last corrected."""
        return self.chain[-1]

    @property
    def is_question(self) -> bool:
        """Whether the message or a correction of it is a question: then nobody may read who wrote it."""
        return any(message.stance == "question" for message in self.chain)

    @property
    def is_confidential(self) -> bool:
        return is_confidential(self.chain)

    @property
    def position(self) -> Position:
        """The supplier's position on the purchase: interested, declined, or merely `answered`."""
        stance = self.last.stance
        return stance if stance == "interested" or stance == "declined" else "answered"  # noqa: PLR1714 - as types see it


class SentMessage(NamedTuple):
    """A message of the buyer's on its way to one recipient."""

    exchange: Exchange
    message: Message
    delivery: Delivery


class ExchangeReport:
    """The parts of a report that come from all exchanges about a need."""

    def __init__(
        self, exchanges: Sequence[Exchange], redaction: Redaction, supplier_of: SupplierNamer, language: Language
    ) -> None:
        self._exchanges, self._redaction, self._supplier, self._language = exchanges, redaction, supplier_of, language
        self._sent: dict[UUID, list[SentMessage]] = {}
        for exchange in exchanges:
            messages = {each.id: each for each in exchange.messages}
            for each in arrivals(exchange, by_questions=False):
                # the day of an answer would tell whose it is
                is_untold = redaction.redacted and each.state == "answered"
                told = msgspec.structs.replace(each, since=None) if is_untold else each
                self._sent.setdefault(each.supplier_id, []).append(
                    SentMessage(exchange, messages[each.message_id], told)
                )
        statements = [
            SupplierMessage(exchange, chain)
            for exchange in exchanges
            for chain in _chains(message for message in exchange.messages if message.author == "supplier")
        ]
        self._questions = [each for each in statements if each.is_question]
        self._answers = sorted((each for each in statements if not each.is_question), key=lambda each: each.last.id)
        self._shown = [each for each in statements if not (redaction.redacted and each.is_confidential)]

    @property
    def withheld(self) -> int:
        """The number of suppliers' answers that a redacted report leaves out as confidential; 0 in a full one."""
        return sum(1 for each in self._answers if each.is_confidential) if self._redaction.redacted else 0

    def exchanges(self) -> tuple[ReportExchange, ...]:
        """The exchanges with the buyer's messages to all, as last corrected, without answers to questions."""
        to_all = (
            _chains(each for each in exchange.messages if each.author == "buyer" and each.supplier_id is None)
            for exchange in self._exchanges
        )
        return tuple(
            ReportExchange(
                subject=self._redaction.text(exchange.subject),
                lot_ids=exchange.lot_ids,
                channel=exchange.channel,
                opened_at=exchange.opened_at,
                recipients=len(exchange.recipients),
                messages=tuple(self._redaction.text(chain[-1].body) for chain in chains if not chain[0].publishes),
                deliveries=message_deliveries(exchange),
            )
            for exchange, chains in zip(self._exchanges, to_all, strict=True)
        )

    def contacted(self) -> tuple[Contacted, ...]:
        """Every recipient whom a message reached, once, the first contacted first."""
        is_redacted, found = self._redaction.redacted, list[Contacted]()
        by_supplier: defaultdict[UUID | None, list[SupplierMessage]] = defaultdict(list)
        for statement in self._answers:
            by_supplier[statement.last.supplier_id].append(statement)
        for who, known in self._recipients(reached=True):
            answers = by_supplier[who]
            shown = [each for each in answers if not (is_redacted and each.is_confidential)]
            arrived = [each for each in self._sent[who] if each.delivery.state in ARRIVED]
            moments = filter(None, (arrival_moment(each.delivery, each.message.created_at) for each in arrived))
            # an answer alone shows that a message arrived, and not by which way
            ways = (each.delivery.way for each in arrived if each.delivery.state != "answered")
            position: Position | None = shown[-1].position if shown else "answered" if answers else None
            found.append(
                Contacted(
                    **msgspec.structs.asdict(known),
                    first_at=min(moments, default=None),
                    channels=tuple(dict.fromkeys(way for way in ways if way != "none")),
                    position=position,
                    answered_at=answers[-1].last.created_at if answers and not is_redacted else None,
                    confidential=any(statement.is_confidential for statement in answers),
                )
            )
        return tuple(sorted(found, key=lambda each: (each.since or date.max, each.first_at or _LAST, *_name_key(each))))

    def other_recipients(self) -> tuple[ReportRecipient, ...]:
        """Every recipient whom no message is known to have reached, once, by name."""
        return tuple(sorted((known for _, known in self._recipients(reached=False)), key=_name_key))

    def _recipients(self, *, reached: bool) -> Iterator[tuple[UUID, ReportRecipient]]:
        """Yield each recipient whom some message `reached` or, if false, whom none did, with the supplier's id."""
        latest = {each.supplier_id: each for exchange in self._exchanges for each in exchange.recipients}
        for who, known in latest.items():
            first = decisive_delivery(each.delivery for each in self._sent[who])
            if (first.state in ARRIVED) != reached:
                continue
            yield (
                who,
                ReportRecipient(
                    **self._delivery_fields(first),
                    supplier=self._supplier(who, known.name, known.siret),
                    deliveries=tuple(
                        ReportDelivery(
                            **self._delivery_fields(delivery),
                            subject=self._redaction.text(exchange.subject),
                            written_at=message.created_at,
                            failure=delivery.failure,
                        )
                        for exchange, message, delivery in self._sent[who]
                        if message.supplier_id is None
                    ),
                ),
            )

    def _delivery_fields(self, known: Delivery) -> dict[str, Any]:
        """The fields of a `ToldDelivery`."""
        words = delivery_words(known).to(self._language)
        return {"way": known.way, "state": known.state, "since": known.since, "words": words}

    def lessons(self) -> tuple[Lesson, ...]:
        """Suppliers' answers, the oldest first; a redacted report has no confidential ones and names no author."""
        held = Counter(each.position for each in self.contacted())
        found: list[Lesson] = []
        for each in (each for each in self._answers if not (self._redaction.redacted and each.is_confidential)):
            exchange, has_common_exchange = each.exchange, self._is_common(len(each.exchange.recipients))
            by = next((one for one in exchange.recipients if one.supplier_id == each.last.supplier_id), None)
            is_named = by is not None and not self._redaction.redacted
            found.append(
                Lesson(
                    supplier=self._supplier(by.supplier_id, by.name, by.siret) if by and is_named else None,
                    subject=self._redaction.text(exchange.subject) if has_common_exchange else None,
                    lot_ids=exchange.lot_ids if has_common_exchange else (),
                    said_at=each.last.created_at,
                    position=each.position if self._is_common(held[each.position]) else None,
                    body=self._redaction.text(each.last.body),
                    confidential=each.is_confidential,
                )
            )
        return tuple(found)

    def _is_common(self, suppliers: int) -> bool:
        """Whether a fact true of so many suppliers may stand beside an answer; if redacted, several must share it."""
        return not self._redaction.redacted or suppliers >= FEWEST_TO_BE_ONE_OF

    def barriers(self) -> tuple[BarrierCount, ...]:
        """The number of suppliers that named each barrier, the most frequent first."""
        named = {(barrier, each.last.supplier_id) for each in self._shown for barrier in each.last.barriers}
        counts: Counter[Barrier] = Counter(barrier for barrier, _ in named)
        return tuple(BarrierCount(*each) for each in sorted(counts.items(), key=lambda each: (-each[1], each[0])))

    def barrier_notes(self) -> tuple[str, ...]:
        """The barriers in suppliers' own words, in alphabetical order, which does not betray who wrote first."""
        notes = {note for each in self._shown if (note := each.last.barriers_note)}
        return tuple(sorted(map(self._redaction.text, notes)))

    @property
    def questions_unshared(self) -> int:
        """The number of questions without a published answer."""
        shared = {message.publishes for exchange in self._exchanges for message in exchange.messages}
        return sum(1 for each in self._questions if not any(message.id in shared for message in each.chain))

    def shared_answers(self) -> tuple[SharedAnswer, ...]:
        """Questions with the answer to all recipients as last corrected, the oldest first."""
        found = [
            SharedAnswer(
                question=self._redaction.text(first.question or ""),
                answer=self._redaction.text(chain[-1].body),
                subject=self._redaction.text(exchange.subject),
                shared_at=first.created_at,
                recipients=len(exchange.recipients),
                received=sum(each.message_id == chain[-1].id and each.state in ARRIVED for each in arrived),
            )
            for exchange, arrived in ((each, arrivals(each, by_questions=False)) for each in self._exchanges)
            for chain in _chains(message for message in exchange.messages if message.author == "buyer")
            if (first := chain[0]).publishes is not None
        ]
        return tuple(sorted(found, key=lambda each: each.shared_at))


def _name_key(recipient: ReportRecipient) -> tuple[str, str]:
    return recipient.supplier.name, str(recipient.supplier.id)


def _chains(messages: Iterable[Message]) -> list[tuple[Message, ...]]:
    """Each message with its corrections as one chain, in the order of the messages that were corrected."""
    return [chain for message_id, chain in correction_chains(messages).items() if message_id == chain[0].id]


def message_deliveries(exchange: Exchange) -> tuple[MessageDeliveries, ...]:
    """The numbers of deliveries, by way and state, of each message that the buyer sent to all recipients."""
    to_all = {each.id: each.created_at for each in exchange.messages if each.supplier_id is None}
    counts: dict[UUID, Counter[tuple[Way, DeliveryState]]] = {}
    for each in sorted(arrivals(exchange, by_questions=False), key=lambda each: (each.message_id, rank(each.state))):
        if each.message_id in to_all:
            counts.setdefault(each.message_id, Counter())[each.way, each.state] += 1
    return tuple(
        MessageDeliveries(to_all[message_id], tuple(DeliveryCount(*way, number) for way, number in ways.items()))
        for message_id, ways in counts.items()
    )


UNATTRIBUTED: dict[GapCode, Text] = {
    "question_unanswered": Text("Une question est restée sans réponse", "A question was not answered"),
    "answer_not_shared": Text(
        "Une réponse donnée à un seul fournisseur n'a pas été partagée avec les autres",
        "An answer given to one supplier was not shared with the others",
    ),
}
"""Gaps about questions: who asked stays unknown, be it by who is not named."""


def treatment(found: EqualTreatment, redaction: Redaction, language: Language, supplier_of: SupplierNamer) -> Treatment:
    """The report's words on equal treatment: shortlisted suppliers not contacted, and each gap with its suppliers."""
    listed = [each for each in found.suppliers if each.on_shortlist]
    gaps: dict[object, ReportGap] = {}
    for gap in (each for each in found.gaps if not (each.confidential and redaction.redacted)):
        if gap.code in UNATTRIBUTED:
            gaps[gap.code, gap.message_id] = ReportGap(gap.code, UNATTRIBUTED[gap.code].to(language), ())
        else:
            suppliers = tuple(supplier_of(each.supplier_id, each.name, None) for each in gap.suppliers)
            gaps[len(gaps)] = ReportGap(gap.code, redaction.text(gap.message), suppliers)
    return Treatment(
        statement=found.statement,
        listed=len(listed),
        contacted=sum(bool(each.contacted) for each in listed),
        not_contacted=tuple(
            NotContacted(supplier_of(each.supplier_id, each.name, None), redaction.text(each.contact.message))
            for each in listed
            if not each.contacted
        ),
        gaps=tuple(gaps.values()),
    )
