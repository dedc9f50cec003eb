"""Exchanges as small as can be: suppliers A to E, messages one minute apart."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import msgspec

from domain.exchanges.deliveries import CONFIRMED_STATE
from domain.exchanges.exchange import Delivery, DeliveryState, Exchange, Message, Recipient, Way

NOW = datetime(2026, 3, 3, 9, tzinfo=UTC)
PLAIN: dict[str, Any] = {
    "stance": None,
    "barriers": (),
    "barriers_note": None,
    "confidential": False,
    "corrects": None,
    "publishes": None,
    "question": None,
}
"""The fields of a message that only some messages have."""
NAMES = UUID("0191d7c4-0000-7000-8000-000000000000")


def supplier(name: str) -> UUID:
    return uuid5(NAMES, name)


def recipient(letter: str, **fields: Any) -> Recipient:
    usual: dict[str, Any] = {
        "supplier_id": supplier(letter),
        "name": letter,
        "siret": None,
        "email": None,
        "why": "named",
    }
    return Recipient(**usual | fields)


def message(number: int, author: str, whom: str | None = None, body: str | None = None, **fields: Any) -> Message:
    """The message of this number; `whom`: the supplier who says it, or the one it goes to."""
    usual: dict[str, Any] = {
        "id": UUID(int=number),
        "author": author,
        "supplier_id": None if whom is None else supplier(whom),
        "body": body or f"message {number}",
        "channel": "email",
        "created_at": NOW + timedelta(minutes=number),
    }
    return Message(**PLAIN | usual | fields)


def exchange(*messages: Message, to: str = "ABC", number: int = 1, **fields: Any) -> Exchange:
    """An exchange with a recipient for each letter of `to`."""
    usual: dict[str, Any] = {
        "id": UUID(int=number),
        "need_id": UUID(int=9),
        "subject": f"Sujet {number}",
        "lot_ids": (),
        "channel": "email",
        "opened_at": NOW,
        "recipients": tuple(recipient(name) for name in to),
    }
    return Exchange(**usual | fields, messages=messages, deliveries=())


def delivered(one: Exchange, *deliveries: Delivery) -> Exchange:
    """The exchange with these deliveries, or with all e-mails sent at once where none is given."""
    sent = (
        e_mail(message.id, each.name, "sent", message.created_at)
        for message in one.messages
        if message.author == "buyer"
        for each in one.recipients
    )
    return msgspec.structs.replace(one, deliveries=deliveries or tuple(sent))


def e_mail(
    message_id: UUID, to: str, state: DeliveryState, at: datetime | None = None, failure: str | None = None
) -> Delivery:
    day = None if at is None else at.date()
    return Delivery(message_id, supplier(to), state, "email", day, at, failure, by_server=True)


def by_hand(message_id: UUID, to: str, way: Way, on: datetime | None = None) -> Delivery:
    """A delivery that the buyer makes, confirmed for a day or not yet."""
    state: DeliveryState = "to_post" if on is None else CONFIRMED_STATE[way]
    return Delivery(message_id, supplier(to), state, way, on and on.date())
