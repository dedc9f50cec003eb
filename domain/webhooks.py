"""Webhooks: their subscriptions, which addresses they may have, and how a failed delivery is attempted again.

The schedule of attempts, and when a delivery is given up, are those of e-mails and of the heads of journals too.
"""

from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Annotated, Any, Literal, get_args
from uuid import UUID

import msgspec

DeliveryStatus = Literal["waiting", "delivered", "given_up", "cancelled"]


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """Growing pauses between the attempts of a delivery, bounded in number and time.

    The first pause is `first`, each later one `factor` times the one before, none longer than `longest`. A delivery is
    given up after `attempts` attempts, or where the next one would be later than `age` after it was queued.
    """

    first: timedelta
    factor: float
    longest: timedelta
    attempts: int
    age: timedelta

    def next_attempt_at(
        self,
        attempts: int,
        queued_at: datetime,
        now: datetime,
        *,
        jitter: float = 0.0,
        requested: timedelta = timedelta(0),
    ) -> datetime | None:
        """The time of the next attempt after `attempts` failed ones (at least 1); None: the delivery is given up.

        `requested`: the pause that the receiver asked for, granted up to `longest`. A random `jitter`, by whose share
        pauses are lengthened, keeps deliveries that failed together from coming back together.
        """
        pause = self.first * min(self.factor ** (attempts - 1), self.longest / self.first) * (1 + jitter)
        due = now + max(pause, min(requested, self.longest))
        return due if attempts < self.attempts and due - queued_at <= self.age else None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one attempt to deliver.

    `failure`: a stable word; None: delivered. `code`: the HTTP or SMTP status of the answer, if there was one. `final`:
    another attempt would fail too. `pause`: the pause that the receiver asked for.
    """

    failure: str | None = None
    code: int | None = None
    final: bool = False
    pause: timedelta = timedelta(0)


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt that ended at `at`, and the delivery's new status; `due_at`: the time of the next attempt, if any."""

    outcome: Outcome
    status: DeliveryStatus
    due_at: datetime | None
    started_at: datetime
    at: datetime


def result_of(
    outcome: Outcome,
    schedule: Schedule,
    attempts: int,
    queued_at: datetime,
    moments: tuple[datetime, datetime],
    jitter: float,
) -> Result:
    """The state of a delivery after an attempt: delivered, given up or due again. `moments`: its start and end."""
    started_at, at = moments
    due = None
    if not (outcome.failure is None or outcome.final):
        due = schedule.next_attempt_at(attempts, queued_at, at, jitter=jitter, requested=outcome.pause)
    status: DeliveryStatus = "delivered" if outcome.failure is None else "waiting" if due else "given_up"
    return Result(outcome=outcome, status=status, due_at=due, started_at=started_at, at=at)


Event = Literal["suppliers.changed", "import.finished", "ping"]
Subscription = Literal["suppliers.changed", "import.finished"]
SUBSCRIPTIONS: tuple[Subscription, ...] = get_args(Subscription)
Health = Literal["ok", "failing"]

SCHEDULE = Schedule(
    first=timedelta(seconds=10), factor=3, longest=timedelta(hours=2), attempts=45, age=timedelta(days=3)
)
KEPT = timedelta(days=30)
"""The time for which deliveries that ended are kept."""

MOST_OF_ONE_ORGANISATION = 100
SHORTEST_SECRET = 24
SECRET_PREFIX = "whsec_"  # noqa: S105 - the same for all
"""What Standard Webhooks puts before a secret; its key follows in base64."""

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
        pattern=r"^(?!whsec_)[!-~]+$|^whsec_[A-Za-z0-9+/]+={0,2}$",
        description="`whsec_` and a key in base64, or other printable ASCII without spaces. Never shown again",
        extra={"fr": "`whsec_` suivi d'une clé en base64, ou d'autres caractères ASCII imprimables sans espace"},
    ),
]


class WebhookSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of a webhook."""

    url: Url
    """The address that is called, on the public internet unless the server allows others"""
    events: Annotated[
        tuple[Subscription, ...], msgspec.Meta(min_length=1, max_length=10, description="The events to send")
    ]
    sources: Annotated[tuple[str, ...], msgspec.Meta(max_length=200)] | None = None
    """Those whose imports it hears of; null: those of the key, or all for a key of scope `platform`"""
    active: bool = True
    """False: nothing is sent; one event covers the changes of suppliers meanwhile once it is active again"""


class Webhook(WebhookSettings, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """A webhook."""

    id: UUID
    """UUID, given when it was made"""
    events: tuple[Subscription, ...]
    """The events that are sent"""
    status: Health
    """`failing` from when a delivery was given up, until the next one arrives"""
    failing_since: datetime | None
    """The moment a delivery was given up; null: `ok`"""
    data_version: int
    """Version of the directory up to which its receiver acknowledged changes"""
    created_at: datetime
    """The moment it was made"""
    updated_at: datetime
    """The moment its settings last changed"""


class DeliveryAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt of a delivery.

    Failures: `http_status` (not 2xx), `redirect` (not followed), `timeout`, `connection`, `tls`, `name` (the host has
    no address), `private_address` (refused here), `error` (our own), `interrupted` (the server was stopped, each time).
    """

    started_at: datetime
    """The moment the connection was begun"""
    ended_at: datetime
    """The moment the answer or the failure was known"""
    http_status: int | None
    """Of the answer; null: there was none"""
    failure: str | None
    """One of the words above; null: delivered"""


class WebhookDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """The delivery of one event."""

    id: UUID
    """The header `webhook-id` of each attempt"""
    event: Event
    """The kind of event"""
    status: DeliveryStatus
    """`given_up`: after the last attempt, or before where too many waited; `cancelled`: not asked for any more"""
    queued_at: datetime
    """The moment it was first due"""
    next_attempt_at: datetime | None
    """The moment of the next attempt; null: none"""
    attempts: tuple[DeliveryAttempt, ...]
    """Oldest first"""


class WebhookMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a webhook's delivery, the same in every attempt."""

    id: UUID
    event: Event
    created_at: datetime
    webhook_id: UUID
    data: Any


class SuppliersChanged(msgspec.Struct, frozen=True, kw_only=True):
    """A changed directory, at `data_version`; changes after `since_version` begin at `cursor` of the change feed."""

    data_version: int
    since_version: int
    cursor: str


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
