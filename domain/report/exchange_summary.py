"""The exchanges as a report tells them: who was contacted, what was learnt, and never who asked.

Equal treatment is told too: who lacks what, and never who asked a question.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from uuid import UUID

import msgspec

from domain.equal_treatment.gaps import GapCode
from domain.equal_treatment.matrix import EqualTreatment
from domain.exchanges.deliveries import ARRIVED, arrivals
from domain.exchanges.exchange import Barrier, Exchange, Message, correction_chains
from domain.report.lots import SupplierNamer
from domain.report.model import BarrierCount, Lesson, NotContacted, ReportExchange, ReportGap, SharedAnswer, Treatment
from domain.report.recipients import (
    Contacted,
    Position,
    ReportRecipient,
    Sent,
    all_sent,
    first_moment,
    message_deliveries,
    recipient,
    ways_that_arrived,
)
from domain.report.redaction import Redaction
from domain.text.bilingual import Language, Text

FEWEST_TO_BE_ONE_OF = 3
"""The fewest suppliers that must have something in common for it to be told beside an answer that is not attributed."""

_LAST = datetime.max.replace(tzinfo=UTC)


class Statement(msgspec.Struct, frozen=True):
    """A supplier's message with its corrections, of which the last counts."""

    exchange: Exchange
    versions: tuple[Message, ...]

    @property
    def last(self) -> Message:
        return self.versions[-1]

    @property
    def is_question(self) -> bool:
        """Whether it is a question, or was one before it was corrected: then nobody may read whose it is."""
        return any(message.stance == "question" for message in self.versions)

    @property
    def is_confidential(self) -> bool:
        return any(message.confidential for message in self.versions)

    @property
    def position(self) -> Position:
        stance = self.last.stance
        return stance if stance == "interested" or stance == "declined" else "answered"  # noqa: PLR1714 - as types see it


class ExchangeReport:
    """The parts of a report that come from all exchanges about a need."""

    def __init__(
        self, exchanges: Sequence[Exchange], redaction: Redaction, name: SupplierNamer, language: Language
    ) -> None:
        self._exchanges, self._redaction, self._name, self._language = exchanges, redaction, name, language
        # the day of an answer would tell whose it is
        self._sent = all_sent(exchanges, dated=not redaction.redacted)
        statements = [
            Statement(exchange, chain)
            for exchange in exchanges
            for chain in _chains(message for message in exchange.messages if message.author == "supplier")
        ]
        self._questions = [each for each in statements if each.is_question]
        self._answers = [each for each in statements if not each.is_question]
        self._shown = [each for each in statements if not (redaction.redacted and each.is_confidential)]

    @property
    def withheld(self) -> int:
        """The number of answers left out as confidential."""
        return sum(1 for each in self._answers if each.is_confidential) if self._redaction.redacted else 0

    def exchanges(self) -> tuple[ReportExchange, ...]:
        return tuple(
            ReportExchange(
                subject=self._redaction.text(exchange.subject),
                lot_ids=exchange.lot_ids,
                channel=exchange.channel,
                opened_at=exchange.opened_at,
                recipients=len(exchange.recipients),
                messages=tuple(self._redaction.text(message.body) for message in _messages_to_all(exchange)),
                deliveries=message_deliveries(exchange),
            )
            for exchange in self._exchanges
        )

    def contacted(self) -> tuple[Contacted, ...]:
        """Every recipient whom a message reached, once, the first contacted first."""
        answers: defaultdict[UUID | None, list[Statement]] = defaultdict(list)
        for statement in sorted(self._answers, key=lambda statement: statement.last.id):
            answers[statement.last.supplier_id].append(statement)
        found = [self._contact(known, self._sent[who], answers[who]) for who, known in self._recipients(reached=True)]
        return tuple(sorted(found, key=lambda each: (each.since or date.max, each.first_at or _LAST, *_names(each))))

    def other_recipients(self) -> tuple[ReportRecipient, ...]:
        """Every recipient whom no message is known to have reached, once, by name."""
        return tuple(sorted((known for _, known in self._recipients(reached=False)), key=_names))

    def _recipients(self, *, reached: bool) -> Iterator[tuple[UUID, ReportRecipient]]:
        latest = {each.supplier_id: each for exchange in self._exchanges for each in exchange.recipients}
        for who, known in latest.items():
            supplier = self._name(who, known.name, known.siret)
            found = recipient(supplier, self._sent[who], self._redaction, self._language)
            if (found.state in ARRIVED) == reached:
                yield who, found

    def _contact(self, known: ReportRecipient, sent: Sequence[Sent], answers: Sequence[Statement]) -> Contacted:
        shown = [each for each in answers if not (self._redaction.redacted and each.is_confidential)]
        position: Position | None = shown[-1].position if shown else "answered" if answers else None
        return Contacted(
            **{name: getattr(known, name) for name in ReportRecipient.__struct_fields__},
            first_at=first_moment(sent),
            channels=ways_that_arrived(sent),
            position=position,
            answered_at=answers[-1].last.created_at if answers and not self._redaction.redacted else None,
            confidential=any(statement.is_confidential for statement in answers),
        )

    def lessons(self) -> tuple[Lesson, ...]:
        """Answers, the oldest first; a redacted report does not say whose."""
        answers = (each for each in self._shown if not each.is_question)
        held = Counter(each.position for each in self.contacted())
        return tuple(self._lesson(each, held) for each in sorted(answers, key=lambda statement: statement.last.id))

    def _lesson(self, statement: Statement, held: Counter[Position | None]) -> Lesson:
        """`held`: how many suppliers are told to have each position."""
        exchange = statement.exchange
        has_common_position = self._is_common(held[statement.position])
        has_common_exchange = self._is_common(len(exchange.recipients))
        by = next((each for each in exchange.recipients if each.supplier_id == statement.last.supplier_id), None)
        return Lesson(
            supplier=None if self._redaction.redacted or by is None else self._name(by.supplier_id, by.name, by.siret),
            subject=self._redaction.text(exchange.subject) if has_common_exchange else None,
            lot_ids=exchange.lot_ids if has_common_exchange else (),
            said_at=statement.last.created_at,
            position=statement.position if has_common_position else None,
            body=self._redaction.text(statement.last.body),
            confidential=statement.is_confidential,
        )

    def _is_common(self, suppliers: int) -> bool:
        """Whether something that so many suppliers have may be told of an answer."""
        return not self._redaction.redacted or suppliers >= FEWEST_TO_BE_ONE_OF

    def barriers(self) -> tuple[BarrierCount, ...]:
        """The number of suppliers that named each barrier, the most frequent first."""
        named = {(barrier, each.last.supplier_id) for each in self._shown for barrier in each.last.barriers}
        counts: Counter[Barrier] = Counter(barrier for barrier, _ in named)
        return tuple(BarrierCount(*each) for each in sorted(counts.items(), key=lambda each: (-each[1], each[0])))

    def barrier_notes(self) -> tuple[str, ...]:
        """Tell barriers in the suppliers' words, in alphabetical order, which does not tell who wrote first."""
        notes = {note for each in self._shown if (note := each.last.barriers_note)}
        return tuple(sorted(map(self._redaction.text, notes)))

    @property
    def questions_unshared(self) -> int:
        """The number of questions without an answer to all."""
        shared = {message.publishes for exchange in self._exchanges for message in exchange.messages}
        return sum(1 for each in self._questions if not any(message.id in shared for message in each.versions))

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


def _names(known: ReportRecipient) -> tuple[str, str]:
    return known.supplier.name, str(known.supplier.id)


def _chains(messages: Iterable[Message]) -> list[tuple[Message, ...]]:
    """Messages with those that correct them, in the order of the first of each."""
    return [chain for message_id, chain in correction_chains(messages).items() if message_id == chain[0].id]


def _messages_to_all(exchange: Exchange) -> list[Message]:
    """The buyer's messages to all, as last corrected, without answers to questions."""
    sent = _chains(m for m in exchange.messages if m.author == "buyer" and m.supplier_id is None)
    return [chain[-1] for chain in sent if chain[0].publishes is None]


UNATTRIBUTED: dict[GapCode, Text] = {
    "question_unanswered": Text("Une question est restée sans réponse", "A question was not answered"),
    "answer_not_shared": Text(
        "Une réponse donnée à un seul fournisseur n'a pas été partagée avec les autres",
        "An answer given to one supplier was not shared with the others",
    ),
}
"""Gaps about questions: who asked stays unknown, be it by who is not named."""


def treatment(found: EqualTreatment, redaction: Redaction, language: Language, name: SupplierNamer) -> Treatment:
    """Tell who of the shortlist was not contacted, and each gap once with the suppliers that have it."""
    listed = [each for each in found.suppliers if each.on_shortlist]
    return Treatment(
        statement=found.statement,
        listed=len(listed),
        contacted=sum(bool(each.contacted) for each in listed),
        not_contacted=tuple(
            NotContacted(name(each.supplier_id, each.name, None), redaction.text(each.contact.message))
            for each in listed
            if not each.contacted
        ),
        gaps=tuple(_gaps(found, redaction, language, name)),
    )


def _gaps(found: EqualTreatment, redaction: Redaction, language: Language, name: SupplierNamer) -> Iterator[ReportGap]:
    unattributed: set[tuple[GapCode, UUID | None]] = set()
    for gap in found.gaps:
        if gap.confidential and redaction.redacted:
            continue
        if gap.code not in UNATTRIBUTED:
            suppliers = tuple(name(each.supplier_id, each.name, None) for each in gap.suppliers)
            yield ReportGap(gap.code, redaction.text(gap.message), suppliers)
        elif (gap.code, gap.message_id) not in unattributed:
            unattributed.add((gap.code, gap.message_id))
            yield ReportGap(gap.code, UNATTRIBUTED[gap.code].to(language), ())
