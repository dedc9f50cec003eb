"""Which deliveries a buyer may confirm: to whom a message went, and on which days it can have been brought."""

from collections.abc import Iterator
from datetime import date
from uuid import UUID

from domain.errors import Conflict, InvalidContent, NotFound, Problem, pointer
from domain.exchanges.deliveries import CONFIRMED_STATE, UP_TO_THE_BUYER
from domain.exchanges.exchange import Delivery, DeliveryConfirmation, Exchange, Message
from domain.exchanges.rules import NO_MESSAGE
from domain.text.bilingual import Text
from domain.text.typography import PARIS

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
    if problems := (*_wrong_day(message, on, today), *_wrong_recipients(known, named)):
        raise InvalidContent(problems)
    if named == "waiting":
        return [each for each in known.values() if each.state in UP_TO_THE_BUYER]
    chosen = [known[each] for each in dict.fromkeys(named)]
    if any(each.by_server and each.state == "sent" for each in chosen):
        raise Conflict("sent_by_email", SENT)
    said = confirmation.way, CONFIRMED_STATE[confirmation.way], on
    return [each for each in chosen if (each.way, each.state, each.since) != said]


def _wrong_day(message: Message, on: date, today: date) -> Iterator[Problem]:
    if on > today:
        yield Problem(pointer("on"), "in_the_future", IN_THE_FUTURE)
    if on < message.created_at.astimezone(PARIS).date():
        yield Problem(pointer("on"), "before_the_message", BEFORE_THE_MESSAGE)


def _wrong_recipients(known: dict[UUID, Delivery], named: tuple[UUID, ...] | str) -> Iterator[Problem]:
    for place, each in enumerate(() if isinstance(named, str) else named):
        if each not in known:
            yield Problem(pointer("recipients", place), "unknown_recipient", NOT_A_RECIPIENT)
