"""Limits on how often one caller may do something, kept in the memory of each process.

Each worker counts by itself, so the limit of a server is that of a worker times their number. Memory is bounded: where
there are too many callers, those not seen for longest start anew.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv6Address, ip_address
from math import ceil

from litestar.types import Scope

from api.web.problems import Refusal
from domain.text.bilingual import Text

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


class RateLimit:
    """A token bucket for each key: `count` events at once, refilled evenly in each `period`.

    Stores one number per key: when its bucket is full again. `room`: the number of keys stored.
    """

    def __init__(
        self, count: int, period: timedelta, clock: Callable[[], float] = time.monotonic, room: int = 20_000
    ) -> None:
        self._period, self._pause = period.total_seconds(), period.total_seconds() / count
        self._clock, self._room = clock, room
        self._full_at: OrderedDict[Hashable, float] = OrderedDict()

    def wait(self, key: Hashable) -> float:
        """Seconds until one more event is within the limit; 0.0: now."""
        now = self._clock()
        return max(0.0, max(self._full_at.get(key, now), now) + self._pause - self._period - now)

    def take(self, key: Hashable) -> float:
        """`wait(key)`; counts one event where that is 0.0."""
        wait = self.wait(key)
        if wait == 0.0:
            now = self._clock()
            self._full_at[key] = max(self._full_at.get(key, now), now) + self._pause
            self._full_at.move_to_end(key)
            if len(self._full_at) > self._room:
                self._full_at.popitem(last=False)
        return wait

    def give_back(self, key: Hashable) -> None:
        """Undo one `take` that was within the limit: the event turned out to be none that counts."""
        if key in self._full_at:
            self._full_at[key] -= self._pause


@dataclass(frozen=True)
class ReplyLimits:
    """The limits on reply links, which need no key.

    `unknown`: links that do not exist, per address; valid links do not count, so that others behind the same proxy
    cannot block them. `readings`, `answers`: per recipient of an exchange, by any of its links.
    """

    unknown: RateLimit = field(default_factory=lambda: RateLimit(30, MINUTE))
    readings: RateLimit = field(default_factory=lambda: RateLimit(120, MINUTE))
    answers: RateLimit = field(default_factory=lambda: RateLimit(20, HOUR))


def require_within(wait: float) -> None:
    """Raises Refusal (429) with the seconds to wait, unless `wait` is 0.0."""
    if wait > 0:
        seconds = ceil(wait)
        raise Refusal(
            "too-many-requests",
            Text(f"Trop de requêtes ; reprendre dans {seconds} s", f"Too many requests; try again in {seconds} s"),
            headers={"retry-after": str(seconds)},
        )


def caller_of(scope: Scope) -> str:
    """The address of the client; of IPv6 the /64, which one subscriber has as a whole.

    Behind a proxy, only where the server trusts its X-Forwarded-For: see docs/operating.md.
    """
    client = scope["client"]
    try:
        address = ip_address(client[0]) if client else None
    except ValueError:
        return client[0] if client else ""
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped.exploded if address.ipv4_mapped else address.exploded[:19]
    return str(address or "")
