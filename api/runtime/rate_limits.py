"""Limits on how often one caller does something, and the `RateLimit` headers of keys that have a quota.

The database counts for all processes of all servers, by the minute of its clock and with one statement each: requests
of keys with a quota, and attempts in vain of addresses. Requests of keys without a quota, attempts that lead somewhere,
and what a process refuses because it knows that the quota of the minute is spent cost no statement.

Each process counts in memory what is limited for it alone, attempts before they are made, and everything while the
database is away. So more than a quota is let through only in minutes in which the database did not answer: at most once
by each process. An address has its attempts once for all processes, and besides those by which each process learns that
they are spent: one, and what it had begun already.
"""

import asyncio
import time
from collections import OrderedDict, defaultdict
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv6Address, ip_address
from math import ceil
from typing import Any, NamedTuple, cast
from uuid import UUID

from litestar.types import Scope

from api.web.problems import require_no_wait
from db.api_keys import MinuteCount, count_in_minute, remove_past_counts
from db.core.connect import is_unreachable
from db.core.engine import Engine

MINUTE, HOUR = 60.0, 3600.0


class Limit(NamedTuple):
    """At most so many events of one caller in so many seconds, which begin with the first of them."""

    what: str
    most: int
    seconds: float = MINUTE


UNKNOWN_KEYS = Limit("unknown-key", 30)
"""Keys of an address that are looked up in vain: further ones are refused before any look-up."""
UNKNOWN_LINKS = Limit("unknown-link", 30)
"""Links of an address that lead nowhere. Valid ones go on, so that others behind the same proxy are not blocked."""
SIGN_INS = Limit("sign-in", 30)
"""Sign-ins without a key that fail, of one address."""
LOOK_UPS = Limit("look-up", 300)
"""Tokens of no link or session that are looked up for an address: beyond, the database is not asked for it any more,
and only then others behind the same address wait too."""
READINGS = Limit("reading", 120)
"""Readings of an exchange by one of its recipients, by any of its links, or of the calendar of a key."""
ANSWERS = Limit("answer", 20, HOUR)
"""Answers to an exchange of one of its recipients, by any of its links."""
EMBEDDED_SEARCHES = Limit("embedded-search", 40)
"""Pages of a search in portals that an address opens: one visitor does not use up the quota of a portal."""
SUPPLY_ANSWERS = Limit("supply", 60)
"""Answers on supply made for an address: each territory that is new takes the place of one that matches asked for."""

ROOM = 20_000
"""Callers of a limit that a process remembers; those not seen for longest start anew."""
PATIENCE_SECONDS = 1.0
"""The longest time in which the database counts; it is away then."""
AWAY_SECONDS = 5.0
"""The time in which a database that was away is not asked."""
REMOVED_EVERY_SECONDS = 300.0


@dataclass(slots=True)
class _Window:
    """The number of events (`taken`) of one caller in a period that ends at `until`."""

    until: float
    taken: int = 0


@dataclass(slots=True)
class Attempt:
    """An attempt of a caller, such as a look-up of a key; its maker sets `in_vain` where it found nothing."""

    in_vain: bool = False


class Limits:
    """Counts the events of callers, in this process and (once attached) in the database for all; refuses excess."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._windows: defaultdict[str, OrderedDict[Hashable, _Window]] = defaultdict(OrderedDict)
        self._engine: Engine | None = None
        self._counting = asyncio.Lock()
        self._ask_at, self._remove_at = 0.0, 0.0

    def attach(self, engine: Engine) -> None:
        """Have the database of the engine count for all processes."""
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    def take(self, limit: Limit, caller: Hashable) -> None:
        """Count one event of the caller in this process. Raises Refusal (429) where the limit is reached."""
        window = self._window(limit, caller)
        require_no_wait(0.0 if window.taken < limit.most else window.until - self._monotonic())
        window.taken += 1

    def give_back(self, limit: Limit, caller: Hashable) -> None:
        """Undo one `take`: the event turned out not to count."""
        window = self._window(limit, caller)
        window.taken = max(0, window.taken - 1)

    @asynccontextmanager
    async def attempt(self, limit: Limit, caller: str, *, for_all: bool = True) -> AsyncIterator[Attempt]:
        """Count an attempt, and undo that after the block unless it was `in_vain`; `for_all`: for all processes.

        It is counted here before it is made, or many at once would all be made; in vain, with `for_all`, by the
        database too. Raises Refusal (429) where the caller has no more of them.
        """
        self.take(limit, caller)
        attempt = Attempt()
        try:
            yield attempt
        finally:
            if not attempt.in_vain:
                self.give_back(limit, caller)
        if attempt.in_vain and for_all:
            name = sha256(f"{limit.what}:{caller}".encode()).digest()[:16]  # so that no address can be read
            count = await self._count_in_database(UUID(bytes=name), limit.most)
            if count is not None and count.taken >= limit.most:
                self._close_window(self._window(limit, caller), limit.most, count.seconds)

    async def spend(self, key_id: UUID, quota: int, scope: Scope, policy: bytes = b"minute") -> None:
        """Count a request of a key; put the headers of its quota, named `policy`, into `scope`. Raises Refusal (429).

        `RateLimit` and `RateLimit-Policy` are those of draft-ietf-httpapi-ratelimit-headers-10: the requests left in
        the minute (`r`), and the seconds until all are there again (`t`), after those of another `policy` that the
        request was counted in before.
        """
        window = self._window(Limit("request", quota), key_id)
        count = await self._count_in_database(key_id, quota) if window.taken < quota else None
        if count is None:
            window.taken += 1
            left, seconds = quota - window.taken, max(window.until - self._monotonic(), 0.001)
        else:
            left, seconds = quota - count.taken, count.seconds
            if left <= 0:
                self._close_window(window, quota, seconds)
        told = (
            (b"ratelimit-policy", b'"%b";q=%d;w=%d' % (policy, quota, MINUTE)),
            (b"ratelimit", b'"%b";r=%d;t=%d' % (policy, max(left, 0), ceil(seconds))),
        )
        before = cast("dict[str, Any]", scope).get("quota_headers", ())
        scope["quota_headers"] = (*before, *told)  # type: ignore[typeddict-unknown-key]
        require_no_wait(0.0 if left >= 0 else seconds)

    def _window(self, limit: Limit, caller: Hashable) -> _Window:
        """The window of a caller that is open at this moment; a new one where there is none."""
        windows, now = self._windows[limit.what], self._monotonic()
        window = windows.get(caller)
        if window is None or now >= window.until:
            window = windows[caller] = _Window(now + limit.seconds)
        windows.move_to_end(caller)
        if len(windows) > ROOM:
            windows.popitem(last=False)
        return window

    def _close_window(self, window: _Window, most: int, seconds: float) -> None:
        """Treat the limit of `most` events as reached in this window, for so many seconds more."""
        window.taken, window.until = most, max(window.until, self._monotonic() + seconds)

    async def _count_in_database(self, counted: UUID, quota: int) -> MinuteCount | None:
        """Count one event of `counted` in the present minute; None without a database, or while it does not answer."""
        # one at a time: the requests of a key would wait for each other with a connection each
        async with self._counting:
            now = self._monotonic()
            if self._engine is None or now < self._ask_at:
                return None
            try:
                async with asyncio.timeout(PATIENCE_SECONDS), self._engine.connect() as connection:
                    if now >= self._remove_at:
                        self._remove_at = now + REMOVED_EVERY_SECONDS
                        await remove_past_counts(connection)
                    return await count_in_minute(connection, counted, quota)
            except Exception as failure:
                if not (isinstance(failure, TimeoutError) or is_unreachable(failure)):
                    raise
                self._ask_at = now + AWAY_SECONDS
                return None


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
