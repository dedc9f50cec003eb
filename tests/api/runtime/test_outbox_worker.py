"""What is queued is attempted in the background, noted, and attempted again."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest
from sqlalchemy import select

from api.runtime import outbox_worker
from api.runtime.outbox_worker import Deliverer, DeliveryKind
from api.runtime.services import Services
from db.core.engine import Connection, Engine, transaction
from db.delivery.outbox import ClaimedRow
from domain.webhooks import Outcome, Result, Schedule
from tests.db.delivery.test_outbox import OUTBOX, queue
from tests.db.suppliers.samples import NOW

HOUR = timedelta(hours=1)
SCHEDULE = Schedule(first=HOUR, factor=2, longest=4 * HOUR, attempts=3, age=24 * HOUR)
ANNE = UUID(int=1)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


class Receiver:
    """Receives what is attempted: answers with the outcomes it was given, then takes everything."""

    def __init__(self, *outcomes: Outcome | Exception) -> None:
        self.outcomes = list(outcomes)
        self.received: list[str] = []

    async def __call__(self, claimed: ClaimedRow) -> Outcome:
        self.received.append(claimed.row["line"])
        outcome = self.outcomes.pop(0) if self.outcomes else Outcome()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


class Hanging:
    """An attempt that goes on until it is let end, or is ended."""

    def __init__(self, outcome: Outcome | None = None) -> None:
        self.outcome = outcome or Outcome()
        self.started, self.going_on, self.ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def __call__(self, _: ClaimedRow) -> Outcome:
        self.started.set()
        try:
            await self.going_on.wait()
        finally:
            self.ended.set()
        return self.outcome


def deliverer(
    engine: Engine, attempt: Callable[[ClaimedRow], Awaitable[Outcome]], clock: Clock, **more: Any
) -> Deliverer:
    kind = DeliveryKind(outbox=OUTBOX, schedule=SCHEDULE, attempt=attempt, **more)
    return Deliverer(kind, engine, clock, jitter=lambda: 0.0)


async def deliver(*deliverers: Deliverer) -> None:
    """Attempt everything that is due, until nothing is."""
    while any([await each.begin() for each in deliverers]):
        await asyncio.gather(*(task for each in deliverers for task in each.under_way))


async def statuses(engine: Engine) -> list[tuple[str, int]]:
    async with transaction(engine) as connection:
        rows = (await connection.execute(select(OUTBOX).order_by(OUTBOX.c.id))).all()
    return [(row.status, row.attempts) for row in rows]


FAILED = Outcome(failure="http_status", code=500)


async def test_what_fails_is_attempted_again_until_it_is_delivered(engine: Engine) -> None:
    clock, receiver = Clock(), Receiver(FAILED, FAILED)
    worker = deliverer(engine, receiver, clock)
    await queue(engine, "1")
    await deliver(worker)
    clock.now = NOW + HOUR - timedelta(seconds=1)
    await deliver(worker)
    assert (receiver.received, await statuses(engine)) == (["1"], [("waiting", 1)])
    clock.now = NOW + HOUR
    await deliver(worker)
    clock.now = NOW + 3 * HOUR
    await deliver(worker)
    assert (receiver.received, await statuses(engine)) == (["1"] * 3, [("delivered", 3)])


async def test_it_is_given_up_after_the_last_attempt(engine: Engine) -> None:
    clock, receiver = Clock(), Receiver(*[FAILED] * 9)
    await queue(engine, "1")
    for _ in range(9):
        await deliver(deliverer(engine, receiver, clock))
        clock.now += 4 * HOUR
    assert (receiver.received, await statuses(engine)) == (["1"] * 3, [("given_up", 3)])


async def test_an_attempt_that_breaks_or_takes_too_long_is_one_that_failed(engine: Engine) -> None:
    seen: list[str | None] = []

    async def see(_: Connection, __: ClaimedRow, result: Result) -> None:
        seen.append(result.outcome.failure)

    await queue(engine, "1", "2")
    await deliver(deliverer(engine, Receiver(ValueError("a mistake of ours")), Clock(), also_note=see))
    assert await statuses(engine) == [("waiting", 1), ("delivered", 1)]
    await queue(engine, "3")
    await deliver(deliverer(engine, Hanging(), Clock(), patience=timedelta(seconds=0.01), also_note=see))
    assert (await statuses(engine))[2:] == [("waiting", 1)]
    assert Counter(seen) == Counter(["error", None, "timeout"])


async def test_two_workers_at_once_deliver_each_once_and_a_lane_in_order(engine: Engine) -> None:
    clock, receiver = Clock(), Receiver()
    await queue(engine, *(f"a{number}" for number in range(5)), lane=ANNE)
    await queue(engine, *map(str, range(20)))
    await deliver(*(deliverer(engine, receiver, clock, at_once=3) for _ in range(2)))
    assert sorted(receiver.received) == sorted([*map(str, range(20)), *(f"a{number}" for number in range(5))])
    assert [body for body in receiver.received if body.startswith("a")] == [f"a{number}" for number in range(5)]


async def test_a_server_that_died_is_stood_in_for_after_the_lease(engine: Engine) -> None:
    """The first attempt never ends; another process takes over, and what the first one notes later counts no more."""
    clock, hanging = Clock(), Hanging(FAILED)
    await queue(engine, "1")
    dying = deliverer(engine, hanging, clock)
    await dying.begin()
    await hanging.started.wait()
    receiver = Receiver()
    await deliver(deliverer(engine, receiver, clock))
    assert receiver.received == []
    clock.now += dying.kind.patience + outbox_worker.LEASE_MARGIN
    await deliver(deliverer(engine, receiver, clock))
    assert (receiver.received, await statuses(engine)) == (["1"], [("delivered", 2)])
    hanging.going_on.set()
    await asyncio.gather(*dying.under_way)
    assert await statuses(engine) == [("delivered", 2)]


async def test_what_can_never_succeed_or_was_begun_too_often_is_given_up_at_once(engine: Engine) -> None:
    """Attempts end with the server that makes them: those that were begun count."""
    receiver, worker = Receiver(), deliverer(engine, Receiver(Outcome(failure="gone", final=True)), Clock())
    await queue(engine, "1")
    await deliver(worker)
    assert await statuses(engine) == [("given_up", 1)]
    async with transaction(engine) as connection:
        await connection.execute(OUTBOX.delete())
    await queue(engine, "2")
    async with transaction(engine) as connection:
        await connection.execute(OUTBOX.update().values(attempts=SCHEDULE.attempts))
    await deliver(deliverer(engine, receiver, Clock()))
    assert (receiver.received, await statuses(engine)) == ([], [("given_up", 4)])


async def test_attempts_are_limited_at_a_time(engine: Engine) -> None:
    worker = deliverer(engine, Receiver(), Clock(), at_once=2)
    await queue(engine, *"abc")
    assert [await worker.begin(), await worker.begin()] == [2, 0]
    await asyncio.gather(*worker.under_way)


@asynccontextmanager
async def running(worker: Deliverer) -> Any:
    task = asyncio.create_task(worker.run())
    yield
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_stopping_lets_what_is_under_way_end_and_gives_back_what_does_not_in_time(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = Receiver()
    for ends_in_time in (True, False):
        if not ends_in_time:
            monkeypatch.setattr(outbox_worker, "GRACE_SECONDS", 0)
        hanging = Hanging()
        await queue(engine, str(ends_in_time))
        stopping = deliverer(engine, hanging, Clock())
        stopping.wake()
        async with running(stopping):
            await hanging.started.wait()
            if ends_in_time:
                hanging.going_on.set()
    await deliver(deliverer(engine, receiver, Clock()))
    assert (receiver.received, await statuses(engine)) == (["False"], [("delivered", 1), ("delivered", 2)])


async def test_it_goes_on_when_claiming_has_failed(engine: Engine) -> None:
    hanging, failures = Hanging(), [ValueError("a mistake of ours")]
    hanging.going_on.set()

    async def fail_once(_: Connection) -> None:
        if failures:
            worker.wake()
            raise failures.pop()

    worker = deliverer(engine, hanging, Clock(), queue=fail_once)
    await queue(engine, "1")
    worker.wake()
    async with running(worker):
        await asyncio.wait_for(hanging.ended.wait(), 30)


async def test_attempts_end_while_requests_do(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not after them: together they have the time of a stop."""
    monkeypatch.setattr(outbox_worker, "GRACE_SECONDS", 0)
    hanging = Hanging()

    @asynccontextmanager
    async def kind(_: Services) -> AsyncIterator[DeliveryKind]:
        yield DeliveryKind(outbox=OUTBOX, schedule=SCHEDULE, attempt=hanging)

    async def versions() -> AsyncIterator[None]:
        yield None
        await asyncio.Event().wait()

    watch, on_stop = SimpleNamespace(versions=versions), list[Callable[[], object]]()
    services = SimpleNamespace(engine=engine, watch=watch, now=Clock(), on_stop=on_stop)
    await queue(engine, "1")
    async with outbox_worker.delivery_part(kind)(cast("Services", services)):
        await hanging.started.wait()
        for each in on_stop:
            each()
        await hanging.ended.wait()
