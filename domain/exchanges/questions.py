"""The questions of suppliers in an exchange: which were answered or published, and by which messages."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from domain.exchanges.exchange import Exchange, Message, correction_chains

Chains = Mapping[UUID, Sequence[Message]]
"""The versions of each message, by the id of any of them"""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A supplier's question, as it was last corrected; `message_id`: of its first version.

    `answered`: by a publication, or by a message to this supplier alone or, where the question is confidential and so
    cannot be published, to all: one that says so, or a later one that does not say what it answers.
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
    answers questions that are confidential or were answered to all as well.
    """

    answers: str | None
    private: bool


class ExchangeQuestions(msgspec.Struct, frozen=True):
    """The questions of an exchange, in their order, and the messages to one supplier, by id."""

    asked: tuple[Question, ...]
    replies: dict[UUID, ToOne]


def questions_of(exchange: Exchange) -> ExchangeQuestions:
    """The questions of an exchange, and the messages to one supplier with what they answer."""
    recipients = [each.supplier_id for each in exchange.recipients]
    chains, published, answered, replies = _read(exchange.messages, recipients)
    questions = tuple(
        Question(
            message_id=message_id,
            supplier_id=versions[0].supplier_id,
            text=versions[-1].body,
            asked_at=versions[0].created_at,
            confidential=is_confidential(versions),
            published=message_id in published,
            answered=message_id in published or message_id in answered,
        )
        for message_id, versions in _first_versions(chains)
        if versions[0].supplier_id is not None
    )
    return ExchangeQuestions(questions, replies)


def unanswered(messages: Iterable[Message], recipients: Sequence[UUID]) -> list[UUID]:
    """The questions of an exchange without an answer, by the ids of their first versions; no text is looked at."""
    chains, published, answered, _ = _read(tuple(messages), recipients)
    return [message_id for message_id, _ in _first_versions(chains) if message_id not in published | answered]


def _first_versions(chains: Chains) -> Iterator[tuple[UUID, Sequence[Message]]]:
    """The questions, each by the id of its first version."""
    firsts = ((message_id, versions) for message_id, versions in chains.items() if message_id == versions[0].id)
    return ((message_id, versions) for message_id, versions in firsts if is_question(versions))


def _read(
    messages: Sequence[Message], recipients: Sequence[UUID]
) -> tuple[Chains, set[UUID], set[UUID], dict[UUID, ToOne]]:
    """The versions of what suppliers said; the questions published, and answered otherwise; the messages to one.

    A message to one supplier that does not say what it answers answers its questions since the last such message, else
    what that one answered.
    """
    chains = correction_chains(each for each in messages if each.author == "supplier")
    published = {chains[each.publishes][0].id for each in messages if each.publishes in chains}
    answered: set[UUID] = set()
    replies: dict[UUID, ToOne] = {}
    pending: dict[UUID, UUID | None] = {}
    last_answers: dict[UUID, list[UUID]] = {}
    told_in_confidence: dict[UUID | None, bool] = {}
    for message in messages:
        if message.author == "supplier":
            versions = chains[message.id]
            told_in_confidence[message.supplier_id] = is_confidential(versions)
            if message is versions[0] and is_question(versions):
                pending[message.id] = message.supplier_id
        elif message.publishes is not None:
            for version in chains.get(message.publishes, ()):
                pending.pop(version.id, None)
        elif message.corrects is None:
            to = sole_receiver(recipients, message.supplier_id)
            taken = _answered_by(message, to, pending, chains)
            answered.update(taken)
            pending = {each: asker for each, asker in pending.items() if each not in taken}
            if to is not None:
                answers = [each for each in taken if not is_confidential(chains[each])]
                in_confidence = not answers and (bool(message.answers) or told_in_confidence.get(to, False))
                if message.answers is None and not answers and not in_confidence:
                    answers = last_answers.get(to, [])
                last_answers[to] = answers
                private = in_confidence or message.confidential or (bool(answers) and published.issuperset(answers))
                replies[message.id] = ToOne("\n".join(chains[each][-1].body for each in answers) or None, private)
    return chains, published, answered, replies


def _answered_by(message: Message, to: UUID | None, pending: Mapping[UUID, UUID | None], chains: Chains) -> list[UUID]:
    """The questions that a buyer's message answers: those that it names, else those open of its one recipient.

    Of a message to all that names none, the confidential ones: they cannot be published.
    """
    if message.answers is not None:
        return [chains[each][0].id for each in message.answers if each in chains]
    return [each for each, asker in pending.items() if (asker == to if to else is_confidential(chains[each]))]


def sole_receiver(recipients: Sequence[UUID], supplier_id: UUID | None) -> UUID | None:
    """The one supplier that a buyer's message goes to, named or the only recipient; None where it goes to several."""
    return recipients[0] if len(recipients) == 1 else supplier_id


def is_question(versions: Sequence[Message]) -> bool:
    """Whether a supplier's message asks. A correction that takes no stance leaves the one before."""
    stances = [each.stance for each in versions if each.stance is not None]
    return bool(stances) and stances[-1] == "question"


def is_confidential(versions: Sequence[Message]) -> bool:
    """Whether any version of a message is for the buyer alone."""
    return any(each.confidential for each in versions)
