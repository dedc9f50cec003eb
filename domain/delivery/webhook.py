"""Webhooks: subscriptions, the events sent, and the signature by which a receiver knows their sender."""

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
Health = Literal["ok", "failing"]

SCHEDULE = Schedule(
    first=timedelta(seconds=10), factor=3, longest=timedelta(hours=2), attempts=45, age=timedelta(days=3)
)
KEPT = timedelta(days=30)
"""The time for which deliveries that ended are kept."""

MOST_OF_ONE_ORGANISATION = 100
SHORTEST_SECRET = 24

# IANA's registries of special-purpose addresses, and two that clouds give to their own services (Azure's 168.63.129.16;
# Oracle's 192.0.0.192 is in 192.0.0.0/24). Our own list: what Python's `is_global` means depends on its version.
_SPECIAL_4 = tuple(
    ip_network(block)
    for block in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
        "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip
_GLOBAL_6 = ip_network("2000::/3")
"""All that is assigned of IPv6 for use on the internet (RFC 4291 §2.4); every other block is special or unused."""
_SPECIAL_6 = tuple(ip_network(block) for block in ("2001::/23", "2001:db8::/32", "3fff::/20"))
_TRANSLATED = ip_network("64:ff9b::/96")

Url = Annotated[
    str,
    msgspec.Meta(
        max_length=2_000,
        pattern=r"^https?://[!-~]+$",
        description="An http or https address, in ASCII",
        extra={"fr": "une adresse http ou https, en ASCII"},
    ),
]
Secret = Annotated[
    str,
    msgspec.Meta(
        min_length=SHORTEST_SECRET,
        max_length=200,
        pattern=r"^[!-~]+$",
        description="Printable ASCII characters without spaces. Never shown again",
    ),
]


class WebhookSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of a webhook.

    `sources`: those whose imports it hears of; null: all, for keys of scope `admin` alone. `active`: while false,
    nothing is sent; one event covers the changes of suppliers in the meantime once it is active again.
    """

    url: Url
    events: Annotated[
        tuple[Subscription, ...], msgspec.Meta(min_length=1, max_length=10, description="The events to send")
    ]
    sources: Annotated[tuple[str, ...], msgspec.Meta(max_length=200)] | None = None
    active: bool = True


class Webhook(WebhookSettings, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """A webhook.

    `status`: `failing` since a delivery was given up (`failing_since`), until the next one arrives. `data_version`: the
    version of the directory up to which its receiver acknowledged changes.
    """

    id: UUID
    status: Health
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
    """The delivery of one event. `id` is the header `Vivier-Delivery` of each attempt; `attempts`: oldest first."""

    id: UUID
    event: Event
    status: DeliveryStatus
    queued_at: datetime
    next_attempt_at: datetime | None
    attempts: tuple[DeliveryAttempt, ...]


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a delivery, the same in every attempt."""

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
    """Whether the address is on the public internet, not on this machine or a private network.

    An IPv6 address that stands for an IPv4 one (mapped, NAT64, 6to4) is judged by that one.
    """
    if isinstance(address, IPv4Address):
        return not any(address in block for block in _SPECIAL_4)
    inner = IPv4Address(int(address) & 0xFFFFFFFF) if address in _TRANSLATED else None
    inner = inner or address.ipv4_mapped or address.sixtofour
    if inner is not None:
        return is_public(inner)
    return address in _GLOBAL_6 and not any(address in block for block in _SPECIAL_6)
