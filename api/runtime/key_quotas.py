"""The quotas of requests that keys have, which hold for all processes of all servers together.

A process takes a share of a minute's quota from the database, spends it from memory, and takes the next: at most 64
statements a minute for a key, however many its requests. More than the quota is never let through in a minute of the
database's clock; what a process has taken and not spent is lost to the others for that minute: at most 1/64 each. While
the database is away each process lets a twelfth of the quota through every five seconds. Where a Valkey is configured
shares are taken from it, and from the database while it is away: in the minute of the change up to twice the quota.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from math import ceil
from typing import Any, cast
from uuid import UUID

from litestar.types import Scope as ASGIScope

from api.runtime.rate_limits import require_within
from db.api_keys import Share
from db.core.connect import is_away

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

    async def spend(self, key_id: UUID, quota: int, scope: ASGIScope, policy: bytes = b"minute") -> None:
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
