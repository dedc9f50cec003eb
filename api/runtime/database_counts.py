"""Attempts in vain of each address, counted by the database for all processes of all servers.

An attempt is counted after it was made and was in vain: those that lead somewhere cost no statement. So an address has
its quota once for all processes in a minute of the database's clock, and besides one attempt of each process, and those
that were under way there, by which the process learns that the quota is spent: until the minute ends it then refuses
that address from memory. While the database is away each process counts alone.
"""

import asyncio
import time
from collections.abc import Callable
from hashlib import sha256
from uuid import UUID

from db.api_keys import remove_past, take_share
from db.core.connect import is_away
from db.core.engine import Engine, transaction

PATIENCE_SECONDS = 1.0
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
