"""Limits on how often one caller may do something, kept in the memory of each process.

With several workers, each counts by itself: a caller may do so many times as much. What is kept is bounded; where more
callers come than there is room for, those not seen for longest are forgotten, and begin anew.
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
    """At most `count` events of one key at once, and as many again, evenly, in each `period`.

    A token bucket that holds `count`; of each key, one number is kept: when its bucket will be full again.
    """

    def __init__(
        self, count: int, period: timedelta, clock: Callable[[], float] = time.monotonic, room: int = 20_000
    ) -> None:
        self._period, self._pause = period.total_seconds(), period.total_seconds() / count
        self._clock, self._room = clock, room
        self._full_at: OrderedDict[Hashable, float] = OrderedDict()

    def wait(self, key: Hashable) -> float:
        """How many seconds until one more event would be within the limit; 0.0: it is already."""
        now = self._clock()
        return max(0.0, max(self._full_at.get(key, now), now) + self._pause - self._period - now)

    def take(self, key: Hashable) -> float:
        """Count one event if it is within the limit; `wait` before it."""
        wait = self.wait(key)
        if wait == 0.0:
            now = self._clock()
            self._full_at[key] = max(self._full_at.get(key, now), now) + self._pause
            self._full_at.move_to_end(key)
            if len(self._full_at) > self._room:
                self._full_at.popitem(last=False)
        return wait


@dataclass(frozen=True)
class ReplyLimits:
    """What is allowed on reply links, which need no key.

    `unknown`: links that lead nowhere, per address: they alone count, so that nobody is kept from a link that works by
    what others try behind the same proxy. `readings`, `answers`: per recipient of an exchange, by any of its links.
    """

    unknown: RateLimit = field(default_factory=lambda: RateLimit(30, MINUTE))
    readings: RateLimit = field(default_factory=lambda: RateLimit(120, MINUTE))
    answers: RateLimit = field(default_factory=lambda: RateLimit(20, HOUR))


def require_within(wait: float) -> None:
    """Raises Refusal (429), which says how long to wait, unless `wait` is 0.0."""
    if wait > 0:
        seconds = ceil(wait)
        raise Refusal(
            "too-many-requests",
            Text(f"Trop de requêtes ; reprendre dans {seconds} s", f"Too many requests; try again in {seconds} s"),
            headers={"retry-after": str(seconds)},
        )


def caller_of(scope: Scope) -> str:
    """The address a request comes from; of IPv6 the /64, all of which one subscriber has.

    Behind a proxy it is the client's only where the server trusts the proxy's X-Forwarded-For: see docs/operating.md.
    """
    client = scope["client"]
    try:
        address = ip_address(client[0]) if client else None
    except ValueError:
        return client[0] if client else ""
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped.exploded if address.ipv4_mapped else address.exploded[:19]
    return str(address or "")
