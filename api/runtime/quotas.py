"""Limits on how often one caller may do something, quotas of requests that keys have, and the bytes that are stored.

Limits are kept in the memory of each process. Each worker counts by itself, so the limit of a server is that of a
worker times their number; attempts in vain are also counted for all together, by the database or by a Valkey. Memory is
bounded: where there are too many callers, those not seen for longest start anew.

The quotas of keys hold for all processes of all servers together. A process takes a share of a minute's quota from the
database, spends it from memory, and takes the next: at most 64 statements a minute for a key, however many its
requests. More than the quota is never let through in a minute of the database's clock; what a process has taken and not
spent is lost to the others for that minute: at most 1/64 each. While the database is away each process lets a twelfth
of the quota through every five seconds. Where a Valkey is configured shares are taken from it, and from the database
while it is away: in the minute of the change up to twice the quota.

The database counts attempts in vain of each address for all processes of all servers. An attempt is counted after it
was made and was in vain: those that lead somewhere cost no statement. So an address has its quota once for all
processes in a minute of the database's clock, and besides one attempt of each process, and those that were under way
there, by which the process learns that the quota is spent: until the minute ends it then refuses that address from
memory. While the database is away each process counts alone.

The bytes that organisations store are known from memory between two readings of the database.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from ipaddress import IPv6Address, ip_address
from math import ceil
from typing import Any, Protocol, cast
from uuid import UUID

from litestar.types import Scope

from api.web.problems import Refusal
from db.api_keys import Share, remove_past, take_share
from db.core.connect import is_away
from db.core.engine import Engine, transaction
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


TakeShare = Callable[[UUID, int, int], Awaitable[Share]]
TryShare = Callable[[UUID, int, int], Awaitable[Share | None]]

SHARES = 64
KEYS_REMEMBERED = 10_000
PATIENCE_SECONDS = 1.0
AWAY_SECONDS = 5.0
WINDOW_SECONDS = 60


@dataclass(slots=True)
class _Standing:
    """The share of a key that this process holds: `left` of it, until the clock shows `until`.

    `untaken`: what others could still take of the quota when it was taken. `taking`: held while the next one is.
    """

    left: int = 0
    untaken: int = 0
    until: float = 0.0
    taking: asyncio.Lock = field(default_factory=asyncio.Lock)


class KeyQuotas:
    """Counts the requests of keys against their quotas."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._standings: OrderedDict[UUID, _Standing] = OrderedDict()
        self._take: TakeShare | None = None
        self._preferred: TryShare | None = None

    def attach(self, take: TakeShare) -> None:
        """Take shares with `take`, of a key, a number of requests and the quota; without, each process counts alone."""
        self._take = take

    def prefer(self, take: TryShare) -> None:
        """Take shares with `take`, and as without it where it gives None."""
        self._preferred = take

    async def spend(self, key_id: UUID, quota: int, scope: Scope, policy: bytes = b"minute") -> None:
        """Count a request of the key, and put the headers about its quota into `scope`, as `quota_headers`.

        `RateLimit` and `RateLimit-Policy` are those of draft-ietf-httpapi-ratelimit-headers-10: the requests left in
        the minute (`r`) as this process last knew them, and the seconds until all are there again (`t`), after those of
        another `policy` that the request was counted in before. Raises Refusal (429) past the quota.
        """
        standing = self._standings.setdefault(key_id, _Standing())
        self._standings.move_to_end(key_id)
        if len(self._standings) > KEYS_REMEMBERED:
            self._standings.popitem(last=False)
        while self._is_spent(standing):
            async with standing.taking:
                if self._is_spent(standing):
                    await self._take_next(standing, key_id, quota)
        is_within = standing.left > 0
        standing.left -= is_within
        wait = max(standing.until - self._monotonic(), 0.001)
        told = (
            (b"ratelimit-policy", b'"%b";q=%d;w=%d' % (policy, quota, WINDOW_SECONDS)),
            (b"ratelimit", b'"%b";r=%d;t=%d' % (policy, standing.left + standing.untaken, ceil(wait))),
        )
        before = cast("dict[str, Any]", scope).get("quota_headers", ())
        scope["quota_headers"] = (*before, *told)  # type: ignore[typeddict-unknown-key]
        require_within(0.0 if is_within else wait)

    def _is_spent(self, standing: _Standing) -> bool:
        """Whether another share is to be taken: its time is over, or nothing of it is left while there is more."""
        return self._monotonic() >= standing.until or (standing.left == 0 and standing.untaken > 0)

    async def _take_next(self, standing: _Standing, key_id: UUID, quota: int) -> None:
        share = await self._share(key_id, max(1, quota // SHARES), quota)
        standing.left, standing.untaken = share.granted, share.untaken
        standing.until = self._monotonic() + share.seconds

    async def _share(self, key_id: UUID, wanted: int, quota: int) -> Share:
        if self._preferred is not None and (share := await self._preferred(key_id, wanted, quota)) is not None:
            return share
        if self._take is not None:
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    return await self._take(key_id, wanted, quota)
            except Exception as failure:
                if not (isinstance(failure, TimeoutError) or is_away(failure)):
                    raise
        return Share(max(1, round(quota * AWAY_SECONDS / WINDOW_SECONDS)), 0, AWAY_SECONDS)


REMOVED_EVERY_SECONDS = 300.0


class DatabaseCounts:
    """Counts attempts at the database of an engine."""

    def __init__(self, engine: Engine, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._engine, self._monotonic = engine, monotonic
        self._remove_at = 0.0

    async def take(self, name: str, pause: float, period: float) -> float:  # noqa: ARG002 - see SharedLimits
        """0.0: nothing is counted beforehand."""
        return 0.0

    async def give_back(self, name: str, pause: float) -> None:
        """Do nothing: what was not in vain was not counted."""

    async def in_vain(self, name: str, quota: int) -> float:
        """Count an attempt; the seconds for which there are no more within the quota, 0.0 where there are."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS), transaction(self._engine) as connection:
                if self._monotonic() >= self._remove_at:
                    self._remove_at = self._monotonic() + REMOVED_EVERY_SECONDS
                    await remove_past(connection)
                share = await take_share(connection, _id_of(name), 1, quota)
        except Exception as failure:
            if isinstance(failure, TimeoutError) or is_away(failure):
                return 0.0
            raise
        return 0.0 if share.untaken else share.seconds


def _id_of(name: str) -> UUID:
    """An id in the place of a key's, of which the address cannot be read."""
    return UUID(bytes=sha256(name.encode()).digest()[:16])


READ_EVERY_SECONDS = 60.0
MOST_UNREAD = 64 << 20
ORGANISATIONS_REMEMBERED = 10_000


@dataclass(slots=True)
class _Use:
    read: int
    added: int
    until: float


class StorageUse:
    """Tells how many bytes organisations store.

    Read again after a minute, or once this process added 64 MiB of an organisation's. What other processes
    add shows at the next reading.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._uses: OrderedDict[UUID, _Use] = OrderedDict()

    async def of(self, organisation_id: UUID, read: Callable[[], Awaitable[int]]) -> int:
        """The bytes of the organisation; `read` tells them from the database."""
        use = self._uses.get(organisation_id)
        if use is None or self._monotonic() >= use.until or use.added > MOST_UNREAD:
            use = self._uses[organisation_id] = _Use(await read(), 0, self._monotonic() + READ_EVERY_SECONDS)
            self._uses.move_to_end(organisation_id)
            if len(self._uses) > ORGANISATIONS_REMEMBERED:
                self._uses.popitem(last=False)
        return use.read + use.added

    def add(self, organisation_id: UUID, count: int) -> None:
        """Note that the organisation stores `count` bytes more."""
        if use := self._uses.get(organisation_id):
            use.added += count
