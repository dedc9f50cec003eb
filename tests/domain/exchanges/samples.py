"""Exchanges as small as can be: suppliers A to E, messages one minute apart."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from domain.exchanges.exchange import Exchange, Message, Recipient

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
