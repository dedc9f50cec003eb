"""Webhooks: whom to tell of what happens, what they are told, and how they can be sure who tells them."""

import hashlib
import hmac
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from domain.delivery.backoff import DeliveryStatus, Schedule

Event = Literal["suppliers.changed", "import.finished", "ping"]
Subscription = Literal["suppliers.changed", "import.finished"]

SCHEDULE = Schedule(
    first=timedelta(seconds=10), factor=3, longest=timedelta(hours=2), attempts=45, age=timedelta(days=3)
)
KEPT = timedelta(days=30)
"""How long deliveries that ended are kept."""

MOST_OF_ONE_ORGANISATION = 100
SHORTEST_SECRET = 24
_TRANSLATED = ip_network("64:ff9b::/96")

Url = Annotated[
    str,
    msgspec.Meta(
        max_length=2_000,
        pattern="^https?://[!-~]+$",
        description="An http or https address, in ASCII",
        extra={"fr": "une adresse http ou https, en ASCII"},
    ),
]
Secret = Annotated[
    str,
    msgspec.Meta(
        min_length=SHORTEST_SECRET,
        max_length=200,
        pattern="^[!-~]+$",
        description="Printable ASCII characters without spaces. Never shown again",
    ),
]


class WebhookSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a webhook can be told to do.

    `sources`: those whose imports are told of; null: all of them, for keys of scope `admin` alone. `active`: while it
    is not, nothing is sent; changes of suppliers in the meantime are told of, in one, once it is active again.
    """

    url: Url
    events: Annotated[
        tuple[Subscription, ...], msgspec.Meta(min_length=1, max_length=10, description="Of what it is to be told")
    ]
    sources: Annotated[tuple[str, ...], msgspec.Meta(max_length=200)] | None = None
    active: bool = True


class Webhook(WebhookSettings, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """A webhook as it is.

    `status`: `failing` since a delivery was given up (`failing_since`), until the next one arrives. `data_version`: the
    version of the directory up to which its receiver has taken notice of changes.
    """

    id: UUID
    status: Literal["ok", "failing"]
    failing_since: datetime | None
    data_version: int
    created_at: datetime
    updated_at: datetime


class DeliveryAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt: `http_status` where there was an answer, `failure` (null: delivered) in a stable word.

    Failures: `http_status` (not 2xx), `redirect` (not followed), `timeout`, `connection`, `tls`, `name` (the host has
    no address), `private_address` (refused here), `error` (our own), `interrupted` (the server was stopped, each time).
    """

    started_at: datetime
    ended_at: datetime
    http_status: int | None
    failure: str | None


class WebhookDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """One event on its way. `id` is in the header `Vivier-Delivery` of each attempt; `attempts`, the oldest first."""

    id: UUID
    event: Event
    status: DeliveryStatus
    queued_at: datetime
    next_attempt_at: datetime | None
    attempts: tuple[DeliveryAttempt, ...]


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent: the body of each attempt, the same every time."""

    id: UUID
    event: Event
    created_at: datetime
    webhook_id: UUID
    data: Any


class SuppliersChanged(msgspec.Struct, frozen=True, kw_only=True):
    """The directory is at `data_version`; what changed after `since_version` begins at `cursor` of the change feed."""

    data_version: int
    since_version: int
    cursor: str


def signature(secret: str, moment: datetime, body: bytes) -> str:
    """The header `Vivier-Signature` of a body sent at that moment.

    HMAC-SHA256 with the secret as key over `<t>.<body>`, `t` being the moment in whole seconds since 1970.
    """
    t = int(moment.timestamp())
    digest = hmac.new(secret.encode(), f"{t}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={t},v1={digest}"


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether the address is one of the internet at large, not of this machine or a private network.

    IPv6 addresses that stand for an IPv4 address (mapped, NAT64, 6to4, Teredo) are what that one is.
    """
    if isinstance(address, IPv6Address):
        if address in _TRANSLATED:
            return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast
