"""The deliveries of an exchange: what reached whom and since when, with what answers show, in words for people.

Which of them a buyer may confirm: to whom a message went, and on which days it can have been brought.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from uuid import UUID

from domain.errors import Conflict, InvalidContent, NotFound, Problem, pointer
from domain.exchanges.exchange import (
    Delivery,
    DeliveryConfirmation,
    DeliveryState,
    Exchange,
    Message,
    Way,
    correction_chains,
)
from domain.exchanges.rules import NO_MESSAGE
from domain.text.bilingual import Text, long_date
from domain.text.labels import DELIVERIES, FAILURES
from domain.text.typography import PARIS

ARRIVED: frozenset[DeliveryState] = frozenset(("sent", "posted", "told", "answered"))
UNDER_WAY: frozenset[DeliveryState] = frozenset(("queued", "to_post"))
UP_TO_THE_BUYER: frozenset[DeliveryState] = frozenset(("to_post", "unconfirmed"))
"""Those that the buyer brings, or brought, and alone can confirm."""
LOST: frozenset[DeliveryState] = frozenset(("undeliverable", "cancelled"))
_RANKS = ARRIVED, frozenset(("unconfirmed",)), UNDER_WAY, LOST

TOLD: frozenset[Way] = frozenset(("phone", "portal", "in_person"))
"""Ways of which a message is a note: it says what was told, on its day."""
CONFIRMED_STATE: dict[Way, DeliveryState] = {
    "email": "sent",
    "letter": "posted",
    "phone": "told",
    "portal": "told",
    "in_person": "told",
}
"""By the way in which the buyer brought a message."""


_IN_FULL = Text("{words} ({why})", "{words} ({why})")
_SINCE = Text("{words} le {day}", "{words} on {day}")


def arrivals(exchange: Exchange, *, by_questions: bool = True) -> tuple[Delivery, ...]:
    """The deliveries of each of the buyer's messages, `answered` where only the recipient's answer shows one arrived.

    An answer by the link, where all messages stand, shows that those before it were read; one that the buyer noted
    shows that the supplier was reached, so the opening counts. `by_questions`: questions show it too; without them,
    nothing here tells who asked.
    """
    said = _answers(exchange, by_questions=by_questions)
    known = {(each.message_id, each.supplier_id): each for each in exchange.deliveries}
    found = (
        known.get((message.id, to.supplier_id)) or Delivery(message.id, to.supplier_id, "unconfirmed")
        for message in exchange.messages
        if message.author == "buyer"
        for to in exchange.recipients
        if message.supplier_id in {None, to.supplier_id}
    )
    return tuple(each if each.state in ARRIVED else _as_answered(each, exchange, said) for each in found)


def _answers(exchange: Exchange, *, by_questions: bool) -> dict[UUID, list[Message]]:
    """The messages of each supplier without corrections; without `by_questions`, none that is or was a question."""
    found: dict[UUID, list[Message]] = {}
    chains = correction_chains(each for each in exchange.messages if each.author == "supplier")
    for message_id, versions in chains.items():
        first, asked = versions[0], any(each.stance == "question" for each in versions)
        if message_id == first.id and first.supplier_id and (by_questions or not asked):
            found.setdefault(first.supplier_id, []).append(first)
    return found


def _as_answered(delivery: Delivery, exchange: Exchange, said: Mapping[UUID, Sequence[Message]]) -> Delivery:
    is_opening = delivery.message_id == exchange.messages[0].id
    for each in said.get(delivery.supplier_id, ()):
        if each.id > delivery.message_id and (each.channel == "portal" or is_opening):
            day = each.created_at.astimezone(PARIS).date()
            return Delivery(delivery.message_id, delivery.supplier_id, "answered", each.channel, day)
    return delivery


def contact(deliveries: Iterable[Delivery]) -> Delivery:
    """The delivery that says whether and since when a recipient is contacted: the first of these that arrived.

    Else one of which nothing is known, else one under way, else the first that was lost. There is at least one.
    """
    return min(deliveries, key=lambda each: (rank(each.state), (each.state in ARRIVED and each.since) or date.max))


def rank(state: DeliveryState) -> int:
    """The place of a state: 0 where the message arrived, then where that is not known, not yet, and never so."""
    return next(place for place, states in enumerate(_RANKS) if state in states)


def by_recipient(deliveries: Iterable[Delivery]) -> dict[UUID, list[Delivery]]:
    """The deliveries to each recipient, in order."""
    found: dict[UUID, list[Delivery]] = {}
    for each in deliveries:
        found.setdefault(each.supplier_id, []).append(each)
    return found


def arrival_moment(delivery: Delivery, written_at: datetime) -> datetime | None:
    """The moment of a delivery: of an e-mail to the second, of what the buyer brought the beginning of its day.

    Not before it was written. None where it is not known: an answer shows that a message came before it, and not when.
    """
    if delivery.at is not None or delivery.since is None or delivery.state == "answered":
        return delivery.at
    return max(written_at, datetime.combine(delivery.since, time(), PARIS))


def state_words(way: Way, state: DeliveryState) -> Text:
    """A way and a state in words: "lettre postée"."""
    return DELIVERIES[way][state]


def failure_words(failure: str) -> Text:
    """The reason of a failure in words; its code where there are none."""
    return FAILURES.get(failure, Text(failure, failure))


def delivery_words(delivery: Delivery) -> Text:
    """A delivery in words, with the reason of its failure or the day it arrived: "lettre postée le 3 mars 2026"."""
    words = state_words(delivery.way, delivery.state)
    if delivery.state == "undeliverable" and delivery.failure in FAILURES:
        return _IN_FULL.filled(words=words, why=failure_words(delivery.failure))
    if delivery.state in ARRIVED and delivery.since is not None:
        return _SINCE.filled(words=words, day=long_date(delivery.since))
    return words


IN_THE_FUTURE = Text("Ce jour n'est pas encore venu", "This day has not come yet")
BEFORE_THE_MESSAGE = Text("Ce jour est avant celui du message", "This day is before that of the message")
NOT_A_RECIPIENT = Text(
    "Ce message n'est pas adressé à ce fournisseur", "This message is not addressed to this supplier"
)
SENT = Text(
    "Vivier a envoyé ce message par courriel à l'un de ces fournisseurs : il n'y a rien à confirmer",
    "Vivier sent this message by e-mail to one of these suppliers: there is nothing to confirm",
)


def buyers_message(exchange: Exchange, message_id: UUID) -> Message:
    """The buyer's message of this id. Raises NotFound where the exchange has none."""
    found = next((each for each in exchange.messages if each.id == message_id and each.author == "buyer"), None)
    if found is None:
        raise NotFound(NO_MESSAGE)
    return found


def newly_confirmed(
    exchange: Exchange, message: Message, confirmation: DeliveryConfirmation, today: date
) -> list[Delivery]:
    """The deliveries of a message as they are, that the confirmation changes; none where it says nothing new.

    Raises InvalidContent; Conflict (`sent_by_email`) where Vivier sent the message to one of these recipients.
    """
    known = {each.supplier_id: each for each in exchange.deliveries if each.message_id == message.id}
    on, named = confirmation.on or today, confirmation.recipients
    if problems := tuple(_faults(message, on, today, known, named)):
        raise InvalidContent(problems)
    if named == "waiting":
        return [each for each in known.values() if each.state in UP_TO_THE_BUYER]
    chosen = [known[each] for each in dict.fromkeys(named)]
    if any(each.by_server and each.state == "sent" for each in chosen):
        raise Conflict("sent_by_email", SENT)
    said = confirmation.way, CONFIRMED_STATE[confirmation.way], on
    return [each for each in chosen if (each.way, each.state, each.since) != said]


def _faults(
    message: Message, on: date, today: date, known: Mapping[UUID, Delivery], named: tuple[UUID, ...] | str
) -> Iterator[Problem]:
    if on > today:
        yield Problem(pointer("on"), "in_the_future", IN_THE_FUTURE)
    if on < message.created_at.astimezone(PARIS).date():
        yield Problem(pointer("on"), "before_the_message", BEFORE_THE_MESSAGE)
    for place, each in enumerate(() if isinstance(named, str) else named):
        if each not in known:
            yield Problem(pointer("recipients", place), "unknown_recipient", NOT_A_RECIPIENT)
