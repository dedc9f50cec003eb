"""The questions suppliers ask in an exchange: which were answered, to whom, and which messages answer them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from domain.exchanges.exchange import Exchange, Message


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A supplier's question, as it was last corrected; `message_id`: as it was first put.

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

    `private`: nobody else needs it, for it is confidential, follows something confidential that this supplier said, or
    answers questions that were answered to all as well.
    """

    answers: str | None
    private: bool


class ExchangeQuestions(msgspec.Struct, frozen=True):
    """The questions of an exchange, in the order in which they were asked, and the messages to one, by id."""

    asked: tuple[Question, ...]
    replies: dict[UUID, ToOne]


def questions_of(exchange: Exchange) -> ExchangeQuestions:
    """The questions of an exchange and what became of them.

    A message to one supplier answers what it asked since the last such message, else what that one answered.
    """
    roots, versions = _versions(exchange.messages)
    published = {roots[each.publishes] for each in exchange.messages if each.publishes in roots}
    reading = _Reading(exchange, roots, versions)
    for message in exchange.messages:
        reading.read(message)
    asked = tuple(
        Question(
            message_id=root,
            supplier_id=said[0].supplier_id,
            text=said[-1].body,
            asked_at=said[0].created_at,
            confidential=_confidential(said),
            published=root in published,
            answered=root in published or root in reading.answered,
        )
        for root, said in versions.items()
        if _is_question(said) and said[0].supplier_id is not None
    )
    texts = {each.message_id: each.text for each in asked}
    return ExchangeQuestions(
        asked,
        {
            message_id: ToOne(
                "\n".join(texts[root] for root in answers) or None,
                private or (bool(answers) and published.issuperset(answers)),
            )
            for message_id, (answers, private) in reading.replies.items()
        },
    )


class _Reading:
    """An exchange read from its first message to its last."""

    def __init__(self, exchange: Exchange, roots: dict[UUID, UUID], versions: dict[UUID, list[Message]]) -> None:
        recipients = exchange.recipients
        self._only = recipients[0].supplier_id if len(recipients) == 1 else None
        self._roots, self._versions = roots, versions
        self._pending: dict[UUID, list[UUID]] = {}
        self._last_answered: dict[UUID, list[UUID]] = {}
        self._last_said: dict[UUID, UUID] = {}
        self.answered: set[UUID] = set()
        self.replies: dict[UUID, tuple[list[UUID], bool]] = {}

    def read(self, message: Message) -> None:
        if message.author == "supplier":
            self._hear(message)
        elif message.publishes is not None:
            self._settle(message.publishes)
        elif message.corrects is None:
            alone = message.supplier_id or self._only
            if alone is not None:
                self._reply(message, alone)
            else:
                self._tell_all()

    def _hear(self, message: Message) -> None:
        supplier_id, root = message.supplier_id, self._roots[message.id]
        if supplier_id is None:
            return
        self._last_said[supplier_id] = root
        if root == message.id and _is_question(self._versions[root]):
            self._pending.setdefault(supplier_id, []).append(root)

    def _settle(self, question: UUID) -> None:
        root = self._roots.get(question, question)
        for pending in self._pending.values():
            if root in pending:
                pending.remove(root)

    def _reply(self, message: Message, supplier_id: UUID) -> None:
        taken = self._pending.pop(supplier_id, [])
        self.answered.update(taken)
        open_ones = [root for root in taken if not _confidential(self._versions[root])]
        last = self._last_said.get(supplier_id)
        in_confidence = not open_ones and last is not None and _confidential(self._versions[last])
        answers = open_ones or ([] if in_confidence else self._last_answered.get(supplier_id, []))
        self._last_answered[supplier_id] = answers
        self.replies[message.id] = (answers, in_confidence or message.confidential)

    def _tell_all(self) -> None:
        """What cannot be published is answered in a message to all, in the buyer's own words."""
        for supplier_id, pending in self._pending.items():
            self.answered.update(root for root in pending if _confidential(self._versions[root]))
            self._pending[supplier_id] = [root for root in pending if root not in self.answered]


def _versions(messages: Sequence[Message]) -> tuple[dict[UUID, UUID], dict[UUID, list[Message]]]:
    """What suppliers said: for each message the first that it corrects, and for that one all its versions."""
    roots: dict[UUID, UUID] = {}
    versions: dict[UUID, list[Message]] = {}
    for message in messages:
        if message.author == "supplier":
            root = roots.get(message.corrects, message.id) if message.corrects else message.id
            roots[message.id] = root
            versions.setdefault(root, []).append(message)
    return roots, versions


def _is_question(said: Sequence[Message]) -> bool:
    """A correction that takes no stance leaves the one before."""
    stances = [each.stance for each in said if each.stance is not None]
    return bool(stances) and stances[-1] == "question"


def _confidential(said: Sequence[Message]) -> bool:
    return any(each.confidential for each in said)
