"""The deliveries of an exchange: what reached whom and since when, with what answers show, in words for people.

Which of them a buyer may confirm: to whom a message went, and on which days it can have been brought.
"""

from collections.abc import Iterable
from datetime import date, datetime, time
from uuid import UUID

from domain.errors import Conflict, Problem, pointer, require_found, require_no_problem
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
from domain.text.bilingual import PARIS, Text, long_date, said_by
from domain.text.labels import DELIVERIES, FAILURES

_SAID = said_by(__name__)

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


def arrivals(exchange: Exchange, *, by_questions: bool = True) -> tuple[Delivery, ...]:
    """The deliveries of the buyer's messages; `answered`: only an answer shows arrival (`by_questions`: questions too).

    An answer by the link, where all messages stand, shows that those before it were read; one that the buyer noted
    shows that the supplier was reached, so the opening counts. `by_questions`: questions show it too; without them,
    nothing here tells who asked.
    """
    answers: dict[UUID, list[Message]] = {}
    chains = correction_chains(each for each in exchange.messages if each.author == "supplier")
    for message_id, versions in chains.items():
        first, was_asked = versions[0], any(each.stance == "question" for each in versions)
        if message_id == first.id and first.supplier_id and (by_questions or not was_asked):
            answers.setdefault(first.supplier_id, []).append(first)
    known = {(each.message_id, each.supplier_id): each for each in exchange.deliveries}
    opening, found = exchange.messages[0].id, list[Delivery]()
    for message in (each for each in exchange.messages if each.author == "buyer"):
        for to in (each.supplier_id for each in exchange.recipients if message.supplier_id in {None, each.supplier_id}):
            delivery = known.get((message.id, to)) or Delivery(message.id, to, "unconfirmed")
            later = (each for each in answers.get(to, ()) if each.id > message.id)
            shown_by = next((each for each in later if each.channel == "portal" or message.id == opening), None)
            if shown_by is not None and delivery.state not in ARRIVED:
                day = shown_by.created_at.astimezone(PARIS).date()
                delivery = Delivery(message.id, to, "answered", shown_by.channel, day)
            found.append(delivery)
    return tuple(found)


def decisive_delivery(deliveries: Iterable[Delivery]) -> Delivery:
    """The delivery that decides whether and since when a recipient is contacted: the first arrived, else by `rank`.

    Else one of which nothing is known, else one under way, else the first that was lost. There is at least one.
    """
    return min(deliveries, key=lambda each: (rank(each.state), (each.state in ARRIVED and each.since) or date.max))


def rank(state: DeliveryState) -> int:
    """The sort key of a delivery's state: 0 arrived, 1 not confirmed, 2 under way, 3 lost."""
    return next(number for number, states in enumerate(_RANKS) if state in states)


def by_recipient(deliveries: Iterable[Delivery]) -> dict[UUID, list[Delivery]]:
    """The deliveries to each recipient, in their order, by the recipient's id."""
    found: dict[UUID, list[Delivery]] = {}
    for each in deliveries:
        found.setdefault(each.supplier_id, []).append(each)
    return found


def arrival_moment(delivery: Delivery, written_at: datetime) -> datetime | None:
    """The moment a delivery arrived: exact for e-mail, the start of the day for a message that the buyer brought.

    Not before it was written. None where it is not known: an answer shows that a message came before it, and not when.
    """
    if delivery.at is not None or delivery.since is None or delivery.state == "answered":
        return delivery.at
    return max(written_at, datetime.combine(delivery.since, time(), PARIS))


def state_words(way: Way, state: DeliveryState) -> Text:
    """The way and the state of a delivery in words: "lettre postée"."""
    return DELIVERIES[way][state]


def failure_words(failure: str) -> Text:
    """The reason of a failure in words; its code where there are none."""
    return FAILURES.get(failure, Text(failure, failure))


def delivery_words(delivery: Delivery) -> Text:
    """A delivery in words, with the reason of its failure or the day it arrived: "lettre postée le 3 mars 2026"."""
    words = state_words(delivery.way, delivery.state)
    if delivery.state == "undeliverable" and delivery.failure in FAILURES:
        return _SAID["in_full"].filled(words=words, why=failure_words(delivery.failure))
    if delivery.state in ARRIVED and delivery.since is not None:
        return _SAID["since"].filled(words=words, day=long_date(delivery.since))
    return words


def find_buyers_message(exchange: Exchange, message_id: UUID) -> Message:
    """The buyer's message of this id. Raises NotFound where the exchange has none."""
    own = (each for each in exchange.messages if each.id == message_id and each.author == "buyer")
    return require_found(next(own, None), NO_MESSAGE)


def deliveries_to_confirm(
    exchange: Exchange, message: Message, confirmation: DeliveryConfirmation, today: date
) -> list[Delivery]:
    """The deliveries of a message, as they were, that a buyer's confirmation changes; empty where it says nothing new.

    Raises InvalidContent; Conflict (`sent_by_email`) where Vivier sent the message to one of these recipients.
    """
    known = {each.supplier_id: each for each in exchange.deliveries if each.message_id == message.id}
    on, named = confirmation.on or today, confirmation.recipients
    problems: list[Problem] = []
    if on > today:
        problems.append(Problem(pointer("on"), "in_the_future", _SAID["in_the_future"]))
    if on < message.created_at.astimezone(PARIS).date():
        problems.append(Problem(pointer("on"), "before_the_message", _SAID["before_the_message"]))
    problems += [
        Problem(pointer("recipients", position), "unknown_recipient", _SAID["not_a_recipient"])
        for position, each in enumerate(() if named == "waiting" else named)
        if each not in known
    ]
    require_no_problem(problems)
    if named == "waiting":
        return [each for each in known.values() if each.state in UP_TO_THE_BUYER]
    chosen = [known[each] for each in dict.fromkeys(named)]
    if any(each.by_server and each.state == "sent" for each in chosen):
        raise Conflict("sent_by_email", _SAID["sent"])
    said = confirmation.way, CONFIRMED_STATE[confirmation.way], on
    return [each for each in chosen if (each.way, each.state, each.since) != said]
