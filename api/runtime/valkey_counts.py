"""Quotas of keys, and attempts by address, counted by a Valkey or a Redis for all processes of all servers.

Loaded only where VIVIER_VALKEY_URL is set; needs the extra `vivier[valkey]`. The time is that of the server's clock.
Where it does not answer within 0.2 seconds, counts are None for five seconds, and those who ask count without it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import structlog
from valkey.asyncio import BlockingConnectionPool, Valkey
from valkey.commands.core import AsyncScript
from valkey.exceptions import ValkeyError

from api.runtime.quotas import DatabaseCounts, SharedLimits
from api.runtime.services import Services
from api.settings import BadSetting
from db.api_keys import Share, share_of

PATIENCE_SECONDS = 0.2
RETRY_SECONDS = 5.0
LOGGED_EVERY_SECONDS = 60.0
CONNECTIONS = 16
"""Connections that a process opens at most; each is busy for less than a millisecond at a time."""

# What was taken before, at most the quota, and the milliseconds left of the minute; counts `wanted` more. A count of
# another minute is none, so that a clock that was put back stops no key.
_TAKE_SHARE = """
    local time = redis.call('TIME')
    local second = tonumber(time[1])
    local minute = string.format('%.0f', math.floor(second / 60))
    local stored = redis.call('HMGET', KEYS[1], 'minute', 'taken')
    local before = 0
    if stored[1] == minute then before = math.min(tonumber(stored[2]), tonumber(ARGV[2])) end
    redis.call('HSET', KEYS[1], 'minute', minute, 'taken', string.format('%.0f', before + tonumber(ARGV[1])))
    redis.call('EXPIRE', KEYS[1], 60)
    return {before, 60000 - second % 60 * 1000 - math.floor(tonumber(time[2]) / 1000)}
"""

# The milliseconds to wait, as RateLimit.take: stored is when the bucket is full again, never more than a period ahead.
_TAKE_ATTEMPT = """
    local pause, period = tonumber(ARGV[1]), tonumber(ARGV[2])
    local time = redis.call('TIME')
    local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
    local full_at = math.min(math.max(tonumber(redis.call('GET', KEYS[1]) or now), now), now + period)
    local wait = full_at + pause - period - now
    if wait > 0 then return wait end
    redis.call('SET', KEYS[1], string.format('%.0f', full_at + pause), 'PX', full_at + pause - now)
    return 0
"""

_GIVE_ATTEMPT_BACK = """
    if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('DECRBY', KEYS[1], ARGV[1]) end
    return 0
"""

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class ValkeyCounts:
    """Counts at the server of `url`, which may be away. Raises BadSetting for an address with unknown options."""

    def __init__(self, url: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        is_encrypted = url.startswith(("valkeys:", "rediss:"))
        options = {"ssl_check_hostname": True} if is_encrypted else {}
        try:
            pool = BlockingConnectionPool.from_url(url, max_connections=CONNECTIONS, timeout=None, **options)
            pool.make_connection()  # type: ignore[no-untyped-call] # not opened: it only takes the options
        except (TypeError, ValueError) as error:
            raise BadSetting(f"VIVIER_VALKEY_URL cannot be used: {error}") from None
        self._client = Valkey.from_pool(pool)
        self._take_share = self._client.register_script(_TAKE_SHARE)
        self._take_attempt = self._client.register_script(_TAKE_ATTEMPT)
        self._give_attempt_back = self._client.register_script(_GIVE_ATTEMPT_BACK)
        self._monotonic = monotonic
        self._retry_at: float | None = None
        self._log_at = 0.0
        self._without: SharedLimits | None = None

    @asynccontextmanager
    async def part(self, services: Services) -> AsyncIterator[None]:
        """The part that has quotas and attempts counted there."""
        services.key_quotas.prefer(self.take_share)
        self._without = DatabaseCounts(services.database)
        for limit in services.attempt_limits:
            limit.attach(self)
        try:
            yield
        finally:
            await self._client.aclose()

    async def take_share(self, key_id: UUID, wanted: int, quota: int) -> Share | None:
        """At most `wanted` of the `quota` of requests that the key has in the present minute; None: away."""
        answer = await self._run(self._take_share, f"quota:{key_id}", wanted, quota)
        return None if answer is None else share_of(wanted, quota, answer[0], answer[1] / 1000)

    async def take(self, name: str, pause: float, period: float) -> float | None:
        """Seconds until one more event is within the limit, as `RateLimit.take`; None: away."""
        wait = await self._run(self._take_attempt, name, _milliseconds(pause), _milliseconds(period))
        return None if wait is None else wait / 1000

    async def give_back(self, name: str, pause: float) -> None:
        """Undo one `take` that was within the limit."""
        await self._run(self._give_attempt_back, name, _milliseconds(pause))

    async def in_vain(self, name: str, quota: int) -> float:
        """As the database counts it, while the server is away; else 0.0: it was counted before it was made."""
        if self._retry_at is None or self._without is None:
            return 0.0
        return await self._without.in_vain(name, quota)

    async def _run(self, script: AsyncScript, name: str, *arguments: int) -> Any:
        """The answer of the script; None while the server is away, which one caller finds out for all."""
        if self._retry_at is not None:
            if self._monotonic() < self._retry_at:
                return None
            self._retry_at = self._monotonic() + RETRY_SECONDS
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                answer = await script(keys=[f"vivier:{name}"], args=arguments)
        except (ValkeyError, OSError, TimeoutError) as failure:
            self._retry_at = self._monotonic() + RETRY_SECONDS
            self._log(failure)
            return None
        self._retry_at = None
        return answer

    def _log(self, failure: Exception) -> None:
        if self._monotonic() >= self._log_at:
            self._log_at = self._monotonic() + LOGGED_EVERY_SECONDS
            log.warning(
                "valkey does not answer: quotas and attempts are counted without it",
                failure=f"{type(failure).__name__}: {failure}",
            )


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
