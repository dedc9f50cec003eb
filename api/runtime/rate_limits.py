"""Limits on how often one caller may do something, kept in the memory of each process.

Each worker counts by itself, so the limit of a server is that of a worker times their number; attempts in vain are also
counted for all together, by the database or by a Valkey. Memory is bounded: where there are too many callers, those not
seen for longest start anew.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv6Address, ip_address
from math import ceil
from typing import Protocol

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
        self.count, self.period, self.pause = count, period.total_seconds(), period.total_seconds() / count
        self._clock, self._room = clock, room
        self._full_at: OrderedDict[Hashable, float] = OrderedDict()

    def wait(self, key: Hashable) -> float:
        """Seconds until one more event is within the limit; 0.0: now."""
        now = self._clock()
        return max(0.0, max(self._full_at.get(key, now), now) + self.pause - self.period - now)

    def take(self, key: Hashable) -> float:
        """`wait(key)`; counts one event where that is 0.0."""
        wait = self.wait(key)
        if wait == 0.0:
            now = self._clock()
            self._store(key, max(self._full_at.get(key, now), now) + self.pause)
        return wait

    def give_back(self, key: Hashable) -> None:
        """Undo one `take` that was within the limit: the event turned out to be none that counts."""
        if key in self._full_at:
            self._full_at[key] -= self.pause

    def close(self, key: Hashable, seconds: float) -> None:
        """Let nothing more be within the limit for so many seconds."""
        self._store(key, max(self._full_at.get(key, 0.0), self._clock() + seconds + self.period - self.pause))

    def _store(self, key: Hashable, full_at: float) -> None:
        self._full_at[key] = full_at
        self._full_at.move_to_end(key)
        if len(self._full_at) > self._room:
            self._full_at.popitem(last=False)


class SharedLimits(Protocol):
    """Attempts counted for all processes: before they are made, or after those that were in vain.

    Before: in token buckets as those of RateLimit, of so many seconds' `period`, a token each `pause`.
    """

    async def take(self, name: str, pause: float, period: float) -> float | None:
        """Seconds until one more event is within the limit; 0.0: it is counted; None: that cannot be told now."""

    async def give_back(self, name: str, pause: float) -> None:
        """Undo one `take` that was within the limit."""

    async def in_vain(self, name: str, quota: int) -> float:
        """Count an attempt that was in vain; the seconds for which there are no more, 0.0: not known, or there are."""


class AttemptLimit:
    """Attempts in vain of each caller: counted here, and for all processes together once that is attached.

    While what counts for all is away, the count of this process holds. `name` tells what is attempted.
    """

    def __init__(self, name: str, here: RateLimit) -> None:
        self._name, self._here = name, here
        self._shared: SharedLimits | None = None

    def attach(self, shared: SharedLimits) -> None:
        """Count for all processes together with `shared`."""
        self._shared = shared

    async def take(self, caller: str) -> float:
        """Seconds until the caller may attempt once more; 0.0: now, and the attempt is counted."""
        wait = self._here.take(caller)
        if wait == 0.0 and self._shared is not None:
            wait = await self._shared.take(f"{self._name}:{caller}", self._here.pause, self._here.period) or 0.0
            if wait > 0.0:
                self._here.give_back(caller)
        return wait

    async def give_back(self, caller: str) -> None:
        """Undo one `take` that was within the limit: the attempt was not in vain."""
        self._here.give_back(caller)
        if self._shared is not None:
            await self._shared.give_back(f"{self._name}:{caller}", self._here.pause)

    async def in_vain(self, caller: str) -> None:
        """Have an attempt counted for all processes after it was made, and was in vain."""
        if self._shared is not None:
            seconds = await self._shared.in_vain(f"{self._name}:{caller}", self._here.count)
            if seconds > 0.0:
                self._here.close(caller, seconds)


@dataclass(frozen=True)
class ReplyLimits:
    """The limits on reply links, which need no key.

    `unknown`: links that do not exist, per address; valid links do not count, so that others behind the same proxy
    cannot block them. `looked_up`: ten times as many of them, beyond which the database is not asked any more: only
    then others behind the same address wait too. `readings`, `answers`: per recipient of an exchange, by any of its
    links.
    """

    unknown: AttemptLimit = field(default_factory=lambda: AttemptLimit("unknown-link", RateLimit(30, MINUTE)))
    looked_up: AttemptLimit = field(default_factory=lambda: AttemptLimit("link-look-up", RateLimit(300, MINUTE)))
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
