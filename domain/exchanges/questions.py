"""The questions of suppliers in an exchange: which were answered or published, and by which messages."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from domain.exchanges.exchange import Exchange, Message, correction_chains


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A supplier's question, as it was last corrected; `message_id`: of its first version.

    `answered`: by a publication, or by a message that says so: to this supplier alone or, where the question is
    confidential and so cannot be published, to all.
    """

    message_id: UUID
    supplier_id: UUID
    text: str
    asked_at: datetime
    confidential: bool
    published: bool
    answered: bool


class ToOne(msgspec.Struct, frozen=True):
    """A buyer's message to one supplier. `answers`: the question that it says it answers, in words.

    `private`: nobody else needs it, for it is confidential, follows something confidential of this supplier's, or
    answers a question that is confidential or was answered to all as well.
    """

    answers: str | None
    private: bool


class ExchangeQuestions(msgspec.Struct, frozen=True):
    """The questions of an exchange, in their order, and the messages to one supplier, by id."""

    asked: tuple[Question, ...]
    replies: dict[UUID, ToOne]


def questions_of(exchange: Exchange) -> ExchangeQuestions:
    """The questions of an exchange, and the messages to one supplier with what they answer."""
    chains = correction_chains(each for each in exchange.messages if each.author == "supplier")
    published = {chains[each.publishes][0].id for each in exchange.messages if each.publishes in chains}
    answered = {chains[each.answers][0].id for each in exchange.messages if each.answers in chains}
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
        for message_id, versions in chains.items()
        if message_id == versions[0].id and is_question(versions) and versions[0].supplier_id is not None
    )
    return ExchangeQuestions(questions, _replies(exchange, chains, published))


def unanswered(messages: Iterable[Message]) -> list[UUID]:
    """The questions of an exchange without an answer, by the ids of their first versions; no text is looked at."""
    said = list(messages)
    chains = correction_chains(each for each in said if each.author == "supplier")
    over = {chains[to][0].id for each in said for to in (each.publishes, each.answers) if to in chains}
    firsts = ((message_id, versions) for message_id, versions in chains.items() if message_id == versions[0].id)
    return [message_id for message_id, versions in firsts if is_question(versions) and message_id not in over]


def _replies(exchange: Exchange, chains: Mapping[UUID, Sequence[Message]], published: set[UUID]) -> dict[UUID, ToOne]:
    replies: dict[UUID, ToOne] = {}
    told_in_confidence: dict[UUID | None, bool] = {}
    for message in exchange.messages:
        to = sole_receiver(exchange, message.supplier_id)
        if message.author == "supplier":
            told_in_confidence[message.supplier_id] = is_confidential(chains[message.id])
        elif to is not None and message.publishes is None and message.corrects is None:
            question = chains.get(message.answers, ()) if message.answers else ()
            is_secret = is_confidential(question) if question else told_in_confidence.get(to, False)
            is_published = bool(question) and question[0].id in published
            words = question[-1].body if question and not is_secret else None
            replies[message.id] = ToOne(words, message.confidential or is_secret or is_published)
    return replies


def sole_receiver(exchange: Exchange, supplier_id: UUID | None) -> UUID | None:
    """The one supplier that a buyer's message goes to, named or the only recipient; None where it goes to several."""
    return exchange.recipients[0].supplier_id if len(exchange.recipients) == 1 else supplier_id


def is_question(versions: Sequence[Message]) -> bool:
    """Whether a supplier's message asks. A correction that takes no stance leaves the one before."""
    stances = [each.stance for each in versions if each.stance is not None]
    return bool(stances) and stances[-1] == "question"


def is_confidential(versions: Sequence[Message]) -> bool:
    """Whether any version of a message is for the buyer alone."""
    return any(each.confidential for each in versions)
