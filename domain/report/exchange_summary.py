"""What a report tells of the exchanges: who was contacted, what was learnt, and never who asked."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from domain.exchanges.exchange import Barrier, Exchange, Message, Recipient
from domain.report.model import (
    BarrierCount,
    Contacted,
    Lesson,
    Position,
    ReportExchange,
    ReportSupplier,
    SharedAnswer,
)
from domain.report.redaction import Redaction

Named = Callable[[Recipient], ReportSupplier]


class Remark(msgspec.Struct, frozen=True):
    """Something a supplier said, with its corrections: `last` is how it stands."""

    exchange: Exchange
    said: tuple[Message, ...]

    @property
    def last(self) -> Message:
        return self.said[-1]

    @property
    def is_question(self) -> bool:
        """Whether it is, or was before it was corrected: then nobody may read who said it."""
        return any(message.stance == "question" for message in self.said)

    @property
    def is_confidential(self) -> bool:
        return any(message.confidential for message in self.said)

    @property
    def position(self) -> Position:
        stance = self.last.stance
        return stance if stance == "interested" or stance == "declined" else "answered"  # noqa: PLR1714 - as types see it


class Talks:
    """All that was said about a need. `named`: how the report calls a recipient."""

    def __init__(self, exchanges: Sequence[Exchange], redaction: Redaction, named: Named) -> None:
        self._exchanges, self._redaction, self._named = exchanges, redaction, named
        said = [remark for exchange in exchanges for remark in remarks(exchange)]
        self._questions = [remark for remark in said if remark.is_question]
        self._answers = [remark for remark in said if not remark.is_question]
        self._kept = [r for r in said if not (redaction.redacted and r.is_confidential)]

    @property
    def withheld(self) -> int:
        """How many answers are left out as confidential."""
        return sum(1 for each in self._answers if each.is_confidential) if self._redaction.redacted else 0

    def exchanges(self) -> tuple[ReportExchange, ...]:
        return tuple(
            ReportExchange(
                subject=self._redaction.text(exchange.subject),
                lot_ids=exchange.lot_ids,
                channel=exchange.channel,
                opened_at=exchange.opened_at,
                recipients=len(exchange.recipients),
                messages=tuple(self._redaction.text(message.body) for message in _told_to_all(exchange)),
            )
            for exchange in self._exchanges
        )

    def contacted(self) -> tuple[Contacted, ...]:
        """Every recipient once, the first contacted first."""
        places: dict[UUID, list[tuple[Exchange, Recipient]]] = {}
        for exchange in self._exchanges:
            for recipient in exchange.recipients:
                places.setdefault(recipient.supplier_id, []).append((exchange, recipient))
        answers: dict[UUID | None, list[Remark]] = {}
        for remark in self._answers:
            answers.setdefault(remark.last.supplier_id, []).append(remark)
        found = [self._contact(each, answers.get(supplier_id, [])) for supplier_id, each in places.items()]
        return tuple(sorted(found, key=lambda each: (each.first_at, each.supplier.name, str(each.supplier.id))))

    def _contact(self, places: Sequence[tuple[Exchange, Recipient]], answers: Sequence[Remark]) -> Contacted:
        exchanges = [exchange for exchange, _ in places]
        by_time = sorted(answers, key=lambda remark: remark.last.id)
        open_ = [r for r in by_time if not (self._redaction.redacted and r.is_confidential)]
        position: Position | None = open_[-1].position if open_ else "answered" if by_time else None
        return Contacted(
            supplier=self._named(places[-1][1]),
            first_at=min(exchange.opened_at for exchange in exchanges),
            channels=tuple(dict.fromkeys(exchange.channel for exchange in exchanges)),
            position=position,
            answered_at=by_time[-1].last.created_at if by_time and not self._redaction.redacted else None,
            confidential=any(remark.is_confidential for remark in by_time),
        )

    def lessons(self) -> tuple[Lesson, ...]:
        """What was answered, the oldest first; a redacted report does not say by whom."""
        answers = sorted((each for each in self._kept if not each.is_question), key=lambda remark: remark.last.id)
        return tuple(map(self._lesson, answers))

    def _lesson(self, remark: Remark) -> Lesson:
        exchange = remark.exchange
        recipient = next((r for r in exchange.recipients if r.supplier_id == remark.last.supplier_id), None)
        unnamed = self._redaction.redacted or recipient is None
        return Lesson(
            supplier=None if unnamed or recipient is None else self._named(recipient),
            subject=self._redaction.text(exchange.subject),
            lot_ids=exchange.lot_ids,
            said_at=remark.last.created_at,
            position=remark.position,
            body=self._redaction.text(remark.last.body),
            confidential=remark.is_confidential,
        )

    def barriers(self) -> tuple[BarrierCount, ...]:
        """How many suppliers named each barrier, the most frequent first."""
        named = {(barrier, r.last.supplier_id) for r in self._kept for barrier in r.last.barriers}
        counts: Counter[Barrier] = Counter(barrier for barrier, _ in named)
        return tuple(BarrierCount(*each) for each in sorted(counts.items(), key=lambda each: (-each[1], each[0])))

    def barrier_notes(self) -> tuple[str, ...]:
        """What was said of other barriers, in the order of the words: not in that in which suppliers wrote."""
        notes = {r.last.barriers_note for r in self._kept} - {None}
        return tuple(sorted(self._redaction.text(note) for note in notes if note))

    @property
    def questions_unshared(self) -> int:
        """How many questions have no answer that all got."""
        shared = {message.publishes for exchange in self._exchanges for message in exchange.messages}
        return sum(1 for each in self._questions if not any(message.id in shared for message in each.said))

    def shared_answers(self) -> tuple[SharedAnswer, ...]:
        """Questions with the answer that all recipients got, as last corrected, the oldest first."""
        found: list[tuple[datetime, SharedAnswer]] = []
        for exchange in self._exchanges:
            for chain in chains(message for message in exchange.messages if message.author == "buyer"):
                first = chain[0]
                if first.publishes is not None:
                    answer = SharedAnswer(
                        question=self._redaction.text(first.question or ""),
                        answer=self._redaction.text(chain[-1].body),
                        subject=self._redaction.text(exchange.subject),
                        shared_at=first.created_at,
                        recipients=len(exchange.recipients),
                    )
                    found.append((first.created_at, answer))
        return tuple(answer for _, answer in sorted(found, key=lambda each: each[0]))


def remarks(exchange: Exchange) -> list[Remark]:
    """What suppliers said in an exchange, each with its corrections."""
    said = (message for message in exchange.messages if message.author == "supplier")
    return [Remark(exchange, chain) for chain in chains(said)]


def chains(messages: Iterable[Message]) -> list[tuple[Message, ...]]:
    """Messages with those that correct them, in their order."""
    first: dict[UUID, UUID] = {}
    found: dict[UUID, list[Message]] = {}
    for message in messages:
        corrected = message.corrects
        first[message.id] = message.id if corrected is None else first.get(corrected, message.id)
        found.setdefault(first[message.id], []).append(message)
    return [tuple(chain) for chain in found.values()]


def _told_to_all(exchange: Exchange) -> list[Message]:
    """The buyer's messages to all, as last corrected, less answers to questions."""
    told = chains(m for m in exchange.messages if m.author == "buyer" and m.supplier_id is None)
    return [chain[-1] for chain in told if chain[0].publishes is None]
