"""The questions of suppliers in an exchange: which were answered or published, and by which messages."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from domain.exchanges.exchange import Exchange, Message, correction_chains


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A supplier's question, as it was last corrected; `message_id`: of its first version.

    `answered`: by a publication, by a later message to this supplier alone or, where it is confidential and so cannot
    be published, by a later message to all.
    """

    message_id: UUID
    supplier_id: UUID
    text: str
    asked_at: datetime
    confidential: bool
    published: bool
    answered: bool


class ToOne(msgspec.Struct, frozen=True):
    """A buyer's message to one supplier. `answers`: the questions it answers, in words.

    `private`: nobody else needs it, for it is confidential, follows something confidential of this supplier's, or
    answers questions that were answered to all as well.
    """

    answers: str | None
    private: bool


class ExchangeQuestions(msgspec.Struct, frozen=True):
    """The questions of an exchange, in their order, and the messages to one supplier, by id."""

    asked: tuple[Question, ...]
    replies: dict[UUID, ToOne]


def questions_of(exchange: Exchange) -> ExchangeQuestions:
    """The questions of an exchange, and the messages to one supplier with what they answer.

    A message to one supplier answers its questions since the last such message, else what that one answered.
    """
    chains = correction_chains(each for each in exchange.messages if each.author == "supplier")
    published = {chains[each.publishes][0].id for each in exchange.messages if each.publishes in chains}
    replies = _Replies(exchange, chains)
    for message in exchange.messages:
        replies.read(message)
    questions = tuple(
        Question(
            message_id=message_id,
            supplier_id=versions[0].supplier_id,
            text=versions[-1].body,
            asked_at=versions[0].created_at,
            confidential=_is_confidential(versions),
            published=message_id in published,
            answered=message_id in published or message_id in replies.answered,
        )
        for message_id, versions in chains.items()
        if message_id == versions[0].id and _is_question(versions) and versions[0].supplier_id is not None
    )
    texts = {each.message_id: each.text for each in questions}
    return ExchangeQuestions(
        questions,
        {
            message_id: ToOne(
                "\n".join(texts[question] for question in answers) or None,
                private or (bool(answers) and published.issuperset(answers)),
            )
            for message_id, (answers, private) in replies.to_one.items()
        },
    )


class _Replies:
    """The buyer's replies, found by reading an exchange from its first message to its last.

    `answered`: the questions that a reply answered; `to_one`: by message to one supplier, the questions it answers and
    whether it is private by itself. Questions are named by the id of their first version.
    """

    def __init__(self, exchange: Exchange, chains: dict[UUID, tuple[Message, ...]]) -> None:
        recipients = exchange.recipients
        self._only = recipients[0].supplier_id if len(recipients) == 1 else None
        self._chains = chains
        self._pending: dict[UUID, list[UUID]] = {}
        self._last_answered: dict[UUID, list[UUID]] = {}
        self._last_message: dict[UUID, UUID] = {}
        self.answered: set[UUID] = set()
        self.to_one: dict[UUID, tuple[list[UUID], bool]] = {}

    def read(self, message: Message) -> None:
        if message.author == "supplier":
            self._read_supplier(message)
        elif message.publishes is not None:
            self._read_publication(message.publishes)
        elif message.corrects is None:
            supplier_id = message.supplier_id or self._only
            if supplier_id is not None:
                self._read_reply(message, supplier_id)
            else:
                self._read_message_to_all()

    def _read_supplier(self, message: Message) -> None:
        versions = self._chains[message.id]
        if message.supplier_id is None:
            return
        self._last_message[message.supplier_id] = message.id
        if message is versions[0] and _is_question(versions):
            self._pending.setdefault(message.supplier_id, []).append(message.id)

    def _read_publication(self, question: UUID) -> None:
        first = self._chains[question][0].id if question in self._chains else question
        for pending in self._pending.values():
            if first in pending:
                pending.remove(first)

    def _read_reply(self, message: Message, supplier_id: UUID) -> None:
        taken = self._pending.pop(supplier_id, [])
        self.answered.update(taken)
        not_confidential = [each for each in taken if not _is_confidential(self._chains[each])]
        last = self._last_message.get(supplier_id)
        in_confidence = not not_confidential and last is not None and _is_confidential(self._chains[last])
        answers = not_confidential or ([] if in_confidence else self._last_answered.get(supplier_id, []))
        self._last_answered[supplier_id] = answers
        self.to_one[message.id] = (answers, in_confidence or message.confidential)

    def _read_message_to_all(self) -> None:
        """Confidential questions cannot be published: they are answered by a message to all, in the buyer's words."""
        for supplier_id, pending in self._pending.items():
            self.answered.update(each for each in pending if _is_confidential(self._chains[each]))
            self._pending[supplier_id] = [each for each in pending if each not in self.answered]


def _is_question(versions: Sequence[Message]) -> bool:
    """A correction that takes no stance leaves the one before."""
    stances = [each.stance for each in versions if each.stance is not None]
    return bool(stances) and stances[-1] == "question"


def _is_confidential(versions: Sequence[Message]) -> bool:
    return any(each.confidential for each in versions)
