"""The services of a process, which handlers reach through `Call.services`."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from secrets import token_bytes

from api.identity_provider import IdentityProvider
from api.runtime.auth import Keys, OneTimeLinks
from api.runtime.index.live_index import DatabaseWatch, LiveDirectory
from api.runtime.metrics import Metrics
from api.runtime.processes.forked_processes import ForkedProcesses
from api.runtime.processes.match_work import MatchWork, SupplyAnswers
from api.runtime.rate_limits import Limits
from api.runtime.slots import ByteQuota, ConcurrencyLimit, KeySlots, LongPolls, SharedReads, StorageUse
from api.settings import MIB, Settings
from api.web.problems import Refusal
from db.core.engine import Engine
from domain.organisation import Client
from domain.text.bilingual import PARIS
from matching.reference import Reference

BODIES_LIMIT = 256 * MIB
"""The memory for bodies that are arriving, imports apart: 25 of the largest. Usual ones arrive at once, uncounted."""
REQUESTS_OF_KEY, REQUESTS_OF_ORGANISATION = 100, 250
"""Requests under way, which may each hold a body in memory. An organisation has a quarter of the usual connections, so
that none takes them all by making keys."""


@dataclass(kw_only=True)
class Services:
    """The services of a running application. Without a database `engine`, `watch` and `live` are None."""

    settings: Settings
    reference: Reference
    metrics: Metrics
    keys: Keys
    limits: Limits = field(default_factory=Limits)
    forked_processes: ForkedProcesses | None = None
    engine: Engine | None = None
    watch: DatabaseWatch | None = None
    live: LiveDirectory | None = None
    embed_key: bytes = field(default_factory=partial(token_bytes, 32), repr=False)
    """Seals the addresses of searches in portals; the same for all servers that have the journal's key."""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    spool: ByteQuota = field(default_factory=ByteQuota)
    bodies: ByteQuota = field(default_factory=ByteQuota)
    bodies_without_key: ByteQuota = field(default_factory=ByteQuota)
    long_polls: LongPolls = field(default_factory=LongPolls)
    feed_reads: SharedReads = field(default_factory=SharedReads)
    storage_use: StorageUse = field(default_factory=StorageUse)
    sign_in_links: OneTimeLinks = field(default_factory=OneTimeLinks)
    asked_sirets: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue(1_000))
    """SIRETs that were given to be sent a link; those beyond are forgotten."""
    on_stop: list[Callable[[], object]] = field(default_factory=list)
    """Called as soon as the server is to stop, while requests still have their grace."""

    def __post_init__(self) -> None:
        connections = self.settings.database_connections
        # together less than there are connections, with what each import needs besides its own
        self.imports = ConcurrencyLimit(at_once=connections // 5, of_one=1, most=30)
        # a body may take hours to arrive: never all slots are for those of one organisation
        self.importers = ConcurrencyLimit(at_once=connections // 5, of_one=max(1, connections // 5 - 1))
        self.writes = ConcurrencyLimit(at_once=connections // 3, of_one=3)
        self.reports = ConcurrencyLimit(at_once=connections // 6, of_one=1, most=30)
        # never all of one organisation: a large need is matched for up to half a minute, and may hold a connection
        self.matches = ConcurrencyLimit(at_once=connections // 5, of_one=max(1, min(2, connections // 5 - 1)))
        # each keeps a core of the database busy for seconds
        self.person_searches = ConcurrencyLimit(at_once=1, of_one=1, most=3)
        # each keeps the event loop busy for its share of the time, until all of the directory is written
        self.exports = ConcurrencyLimit(at_once=2, of_one=1, most=5)
        # each keeps the event loop busy until it is decoded
        self.large_bodies = ConcurrencyLimit(at_once=1, of_one=1)
        # each keeps a slot to import and a process for up to half a minute: never all of these
        self.large_files = ConcurrencyLimit(at_once=1, of_one=1, most=5, most_of_all=30)
        self.match_work = MatchWork(self.reference, self.settings, self.metrics)
        self.supply_answers = SupplyAnswers(self.limits)
        settings = self.settings
        self.identity_provider = IdentityProvider(settings) if settings.oidc_issuer else None
        self.slots_of_keys = KeySlots(REQUESTS_OF_KEY)
        self.slots_of_organisations = KeySlots(REQUESTS_OF_ORGANISATION)

    @contextmanager
    def request_slot(self, client: Client) -> Iterator[None]:
        """Count a request under way during the block. Raises Refusal (429) if its key or organisation has too many."""
        with self.slots_of_keys.slot(client.id), self.slots_of_organisations.slot(client.organisation_id):
            yield

    def share_of_bodies(self, bearer: Client | None) -> AbstractContextManager[Callable[[int], None]]:
        """Yields a function that reserves so many more bytes for a body of `bearer`, or raises Refusal (429).

        One organisation has half of the room at most, and those without a key a quarter of as much beside it.
        """
        largest = self.settings.body_limit
        limit = max(BODIES_LIMIT, largest)
        if bearer is None:
            return self.bodies_without_key.share(max(limit // 4, largest))
        return self.bodies.share(limit, str(bearer.organisation_id), max(limit // 2, largest))

    @asynccontextmanager
    async def import_slot(self, source: str, bearer: Client) -> AsyncIterator[None]:
        """Wait for a slot to import into a source, and take it during the block. Raises Refusal (429)."""
        turns, importers = self.imports, self.importers
        async with turns.turn_of(source), importers.turn_of(str(bearer.organisation_id)), turns.slot():
            yield

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

    def stop(self) -> None:
        """End long polls and background work, because the server is to stop; requests under way go on."""
        self.long_polls.end()
        for each in self.on_stop:
            each()

    def today(self) -> date:
        """Today's date in France, by which the law is applied."""
        return self.now().astimezone(PARIS).date()
