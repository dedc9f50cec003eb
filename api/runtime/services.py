"""The services of a process, which handlers reach through `Call.services`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from api.runtime.auth import Keys
from api.runtime.concurrency_limit import ConcurrencyLimit, DiskQuota
from api.runtime.forked_processes import ForkedProcesses
from api.runtime.live_index import LiveDirectory
from api.runtime.long_polls import LongPolls
from api.runtime.match_work import MatchWork
from api.runtime.metrics import Metrics
from api.runtime.rate_limits import ReplyLimits
from api.runtime.shared_reads import SharedReads
from api.settings import Settings
from api.web.problems import Refusal
from db.core.engine import Engine
from domain.text.typography import PARIS
from matching.reference import Reference


@dataclass(kw_only=True)
class Services:
    """The services of a running application. Without a database `engine` and `live` are None."""

    settings: Settings
    reference: Reference
    metrics: Metrics
    keys: Keys
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
    spool: DiskQuota = field(default_factory=DiskQuota)
    long_polls: LongPolls = field(default_factory=LongPolls)
    feed_reads: SharedReads = field(default_factory=SharedReads)
    reply_limits: ReplyLimits = field(default_factory=ReplyLimits)
    match_work: MatchWork = field(init=False)

    def __post_init__(self) -> None:
        self.match_work = MatchWork(self.reference, self.settings, self.metrics)

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
