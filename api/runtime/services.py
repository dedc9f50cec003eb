"""The services of a process, which handlers reach through `Call.services`."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from api.runtime.auth import Keys
from api.runtime.concurrency_limit import ConcurrencyLimit, DiskQuota
from api.runtime.forked_processes import ForkedProcesses
from api.runtime.key_quotas import KeyQuotas
from api.runtime.live_index import LiveDirectory
from api.runtime.long_polls import LongPolls
from api.runtime.metrics import Metrics
from api.runtime.rate_limits import ReplyLimits
from api.runtime.shared_reads import SharedReads
from api.runtime.storage_use import StorageUse
from api.settings import Settings
from api.web.problems import Refusal
from db.core.engine import Engine
from domain.text.typography import PARIS
from matching.reference import Reference

LONG_MATCHES = 2
"""Matches in threads at once: the more there are, the longer requests in the event loop wait for the interpreter."""


@dataclass(kw_only=True)
class Services:
    """The services of a running application. Without a database `engine` and `live` are None."""

    settings: Settings
    reference: Reference
    metrics: Metrics
    keys: Keys
    key_quotas: KeyQuotas = field(default_factory=KeyQuotas)
    forked_processes: ForkedProcesses | None = None
    engine: Engine | None = None
    live: LiveDirectory | None = None
    is_ready: Callable[[], bool] = lambda: False
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    # together less than the pool holds, with what each import needs besides its own connection
    imports: ConcurrencyLimit = field(default_factory=lambda: ConcurrencyLimit(at_once=3, of_one=1, most=30))
    writes: ConcurrencyLimit = field(default_factory=lambda: ConcurrencyLimit(at_once=5, of_one=3))
    reports: ConcurrencyLimit = field(default_factory=lambda: ConcurrencyLimit(at_once=2, of_one=1, most=30))
    matches: ConcurrencyLimit = field(default_factory=lambda: ConcurrencyLimit(at_once=3, of_one=2))
    long_matches: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LONG_MATCHES))
    spool: DiskQuota = field(default_factory=DiskQuota)
    long_polls: LongPolls = field(default_factory=LongPolls)
    feed_reads: SharedReads = field(default_factory=SharedReads)
    storage_use: StorageUse = field(default_factory=StorageUse)
    reply_limits: ReplyLimits = field(default_factory=ReplyLimits)

    @property
    def database(self) -> Engine:
        """The engine. Raises Refusal (503) where no database is attached."""
        if self.engine is None:
            raise Refusal("database-away")
        return self.engine

    @property
    def directory(self) -> LiveDirectory:
        """The live directory. Raises Refusal (503) where no database is attached."""
        if self.live is None:
            raise Refusal("database-away")
        return self.live

    def today(self) -> date:
        """The date in France, where the law that is applied has its clocks."""
        return self.now().astimezone(PARIS).date()
