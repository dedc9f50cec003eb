"""The questions of suppliers in an exchange: which were answered or published, and by which messages."""

from collections.abc import Mapping, Sequence
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
    answered, replies = _replies(exchange, chains, published)
    questions = tuple(
        Question(
            message_id=message_id,
            supplier_id=versions[0].supplier_id,
            text=versions[-1].body,
            asked_at=versions[0].created_at,
            confidential=_is_confidential(versions),
            published=message_id in published,
            answered=message_id in published or message_id in answered,
        )
        for message_id, versions in chains.items()
        if message_id == versions[0].id and _is_question(versions) and versions[0].supplier_id is not None
    )
    return ExchangeQuestions(questions, replies)


def _replies(
    exchange: Exchange, chains: Mapping[UUID, Sequence[Message]], published: set[UUID]
) -> tuple[set[UUID], dict[UUID, ToOne]]:
    """The questions that messages answer, by the ids of their first versions, and the messages to one supplier."""
    only = exchange.recipients[0].supplier_id if len(exchange.recipients) == 1 else None
    answered: set[UUID] = set()
    replies: dict[UUID, ToOne] = {}
    pending: dict[UUID, UUID | None] = {}
    last_answers: dict[UUID, list[UUID]] = {}
    last_confidential: dict[UUID | None, bool] = {}
    for message in exchange.messages:
        if message.author == "supplier":
            versions = chains[message.id]
            last_confidential[message.supplier_id] = _is_confidential(versions)
            if message is versions[0] and _is_question(versions):
                pending[message.id] = message.supplier_id
        elif message.publishes is not None:
            for version in chains.get(message.publishes, ()):
                pending.pop(version.id, None)
        elif message.corrects is None:
            to = message.supplier_id or only
            # confidential questions cannot be published: a message to all answers them, in the buyer's words
            taken = [each for each, asker in pending.items() if (asker == to if to else _is_confidential(chains[each]))]
            answered.update(taken)
            pending = {each: asker for each, asker in pending.items() if each not in taken}
            if to is not None:
                answers = [each for each in taken if not _is_confidential(chains[each])]
                private = not answers and last_confidential.get(to, False)
                if not answers and not private:
                    answers = last_answers.get(to, [])
                last_answers[to] = answers
                private = private or message.confidential or (bool(answers) and published.issuperset(answers))
                replies[message.id] = ToOne("\n".join(chains[each][-1].body for each in answers) or None, private)
    return answered, replies


def _is_question(versions: Sequence[Message]) -> bool:
    """A correction that takes no stance leaves the one before."""
    stances = [each.stance for each in versions if each.stance is not None]
    return bool(stances) and stances[-1] == "question"


def _is_confidential(versions: Sequence[Message]) -> bool:
    return any(each.confidential for each in versions)
