"""Deliveries in the background: each server claims rows of an outbox, attempts them and records the result.

A kind of delivery is an outbox (`db.delivery.outbox`) and a function that makes one attempt, such as that of
`api.exchanges.email.mail_kind`.

Everything is delivered at least once; again where a server died, or lost the database, after an attempt that
succeeded.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import structlog

from api.runtime.index.live_index import DatabaseWatch, log_failures
from api.runtime.services import Services
from db.core.engine import Connection, Engine, transaction
from db.delivery.outbox import ClaimedRow, Outbox, OwnerLimit, claim_rows, release_row, write_result
from domain.webhooks import Outcome, Result, Schedule, result_of

GRACE_SECONDS = 1.5
# beyond the longest attempt: time to record its result, and for clocks of servers that differ
LEASE_MARGIN = timedelta(seconds=30)
JITTER = 0.2

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class DeliveryKind:
    """A kind of delivery, such as e-mail or webhooks: its outbox, its schedule, and how one attempt is made.

    `attempt` makes one attempt, within `patience`; an exception is a failure (`error`). `queue` is called before rows
    are claimed, to queue what follows from the state of the database, and `prepare` after, for what many attempts need,
    as `prepared`; `lock` before a result is written, for what others lock before its deliveries, and `also_note` after,
    both in its transaction. `columns`: other columns of a row written with its result. `at_once`: the number of
    simultaneous attempts of this process, claimed once there is room for `least`; `share`: those of one owner, in all.
    """

    outbox: Outbox
    schedule: Schedule
    attempt: Callable[[ClaimedRow], Awaitable[Outcome]]
    queue: Callable[[Connection], Awaitable[None]] | None = None
    lock: Callable[[Connection, ClaimedRow], Awaitable[None]] | None = None
    prepare: Callable[[Connection, Sequence[ClaimedRow]], Awaitable[Sequence[ClaimedRow]]] | None = None
    columns: Callable[[Result], Mapping[str, Any]] = lambda _: {}
    also_note: Callable[[Connection, ClaimedRow, Result], Awaitable[None]] | None = None
    at_once: int = 8
    least: int = 1
    share: OwnerLimit | None = None
    patience: timedelta = timedelta(seconds=30)


KindFactory = Callable[[Services], AbstractAsyncContextManager[DeliveryKind | None]]
"""Makes a kind of delivery; None where it is not configured."""


def delivery_part(*factories: KindFactory) -> Callable[[Services], AbstractAsyncContextManager[None]]:
    """The part of the application that delivers these kinds in the background; needs the database part."""

    async def wake_deliverers(watch: DatabaseWatch, deliverers: list[Deliverer]) -> None:
        """Wake the deliverers when something was queued or the directory changed, and every second."""
        async with aclosing(watch.versions()) as hints:
            async for _ in hints:
                for each in deliverers:
                    each.wake()

    @asynccontextmanager
    async def run_deliverers(services: Services) -> AsyncIterator[None]:
        if services.engine is None or services.watch is None:
            raise RuntimeError("the database is attached and watched before anything is delivered from it")
        async with AsyncExitStack() as stack:
            kinds = [await stack.enter_async_context(factory(services)) for factory in factories]
            deliverers = [Deliverer(kind, services.engine, services.now) for kind in kinds if kind]
            tasks = [asyncio.create_task(each.run()) for each in deliverers]
            tasks.append(asyncio.create_task(wake_deliverers(services.watch, deliverers)))

            def cancel_tasks() -> None:
                for task in tasks:
                    if not task.cancelling():
                        task.cancel()

            # attempts under way end while requests do, and not after them
            services.on_stop.append(cancel_tasks)
            try:
                yield
            finally:
                cancel_tasks()
                await asyncio.gather(*tasks, return_exceptions=True)

    return run_deliverers


class Deliverer:
    """Claims and attempts the deliveries of one kind, in this process."""

    def __init__(
        self,
        kind: DeliveryKind,
        engine: Engine,
        now: Callable[[], datetime],
        jitter: Callable[[], float] = lambda: random.uniform(0, JITTER),  # noqa: S311 - nothing to be guessed
    ) -> None:
        self.kind, self.engine, self.now, self.jitter = kind, engine, now, jitter
        self.under_way: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()
        # so that many results at a time leave connections to requests
        self._recording = asyncio.Semaphore(2)

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        """Attempt due deliveries, for ever. Once cancelled, attempts under way get `GRACE_SECONDS` to end."""
        try:
            while True:
                await self._woken.wait()
                self._woken.clear()
                with log_failures("deliveries could not be claimed"):
                    while await self.begin():
                        pass
        finally:
            if self.under_way:
                _, late = await asyncio.wait(self.under_way, timeout=GRACE_SECONDS)
                for task in late:
                    task.cancel()
                await asyncio.gather(*late, return_exceptions=True)

    async def begin(self) -> int:
        """Begin the attempts that are due, as many as there is room for; returns how many."""
        room = self.kind.at_once - len(self.under_way)
        if room < self.kind.least:
            return 0
        async with transaction(self.engine) as connection:
            if self.kind.queue:
                await self.kind.queue(connection)
            now = self.now()
            until = now + self.kind.patience + LEASE_MARGIN
            claimed = await claim_rows(connection, self.kind.outbox, uuid4(), now, until, room, self.kind.share)
            if self.kind.prepare and claimed:
                claimed = await self.kind.prepare(connection, claimed)
        for each in claimed:
            task = asyncio.create_task(self._attempt_delivery(each))
            self.under_way.add(task)
            task.add_done_callback(self.under_way.discard)
            task.add_done_callback(lambda _: self.wake())
        return len(claimed)

    async def _attempt_delivery(self, claimed: ClaimedRow) -> None:
        """Attempt a delivery and record the result; release the delivery where the server stops meanwhile."""
        with log_failures("the result of a delivery could not be recorded"):
            started, outcome = self.now(), Outcome(failure="error")
            try:
                if claimed.attempts > self.kind.schedule.attempts:
                    outcome = Outcome(failure="interrupted", final=True)  # each attempt ended with its server
                else:
                    async with asyncio.timeout(self.kind.patience.total_seconds()):
                        outcome = await self.kind.attempt(claimed)
            except TimeoutError:
                outcome = Outcome(failure="timeout")
            except Exception:
                said = {"outbox": self.kind.outbox.name, "delivery": str(claimed.id)}
                log.exception("a delivery could not be attempted", **said)
            except asyncio.CancelledError:
                async with transaction(self.engine) as connection:
                    await release_row(connection, self.kind.outbox, claimed, self.now())
                raise
            moments = started, self.now()
            result = result_of(outcome, self.kind.schedule, claimed.attempts, claimed.queued_at, moments, self.jitter())
            async with self._recording, transaction(self.engine) as connection:
                if self.kind.lock:
                    await self.kind.lock(connection, claimed)
                columns = self.kind.columns(result)
                if not await write_result(connection, self.kind.outbox, claimed, result, columns):
                    log.warning("the lease on a delivery was over before its end", delivery=str(claimed.id))
                elif self.kind.also_note:
                    await self.kind.also_note(connection, claimed, result)
