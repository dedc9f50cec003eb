"""First matches are prepared in idle time: once for each index and day."""

import asyncio
import threading
import time
from collections.abc import Iterator
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from api.runtime import preparation
from api.runtime.metrics import Metrics
from api.runtime.preparation import Preparation
from matching.reference import Reference
from tests.factories import ON, live, supplier


class Prepared:
    """Notes for which index and days it was asked to prepare; `meanwhile` is done between its steps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.directory: Any = SimpleNamespace(
            is_ready=True, index=live(supplier("1")), is_changing=False, replaced_at=0.0
        )
        self.metrics: Any = Metrics()
        self.calls: list[tuple[Any, date]] = []
        self.measured: list[Any] = []
        self.meanwhile: Any = lambda: None
        self.today = ON
        monkeypatch.setattr(preparation, "preparation", self._prepare)
        monkeypatch.setattr(preparation, "measuring", self._measure)

    def made(self, reference: Reference) -> Preparation:
        directory: Any = self.directory
        return Preparation(directory, reference, lambda: self.today, self.metrics)

    def _prepare(self, index: Any, _reference: Any, today: date, _asked: Any) -> Iterator[None]:
        if index is self.directory.index:  # not that of a server of another test
            self.calls.append((index, today))
            yield
            self.meanwhile()
        yield

    def _measure(self, index: Any) -> Iterator[None]:
        if index is self.directory.index:
            self.measured.append(index)
        yield


async def test_an_index_is_prepared_once_for_a_day(monkeypatch: pytest.MonkeyPatch, reference: Reference) -> None:
    noted = Prepared(monkeypatch)
    ours = noted.made(reference)
    for _ in range(3):
        await ours.once()
    assert noted.calls == [(noted.directory.index, ON)]
    assert noted.measured == [noted.directory.index] * 2


async def test_the_next_day_is_prepared_too(monkeypatch: pytest.MonkeyPatch, reference: Reference) -> None:
    noted = Prepared(monkeypatch)
    ours = noted.made(reference)
    await ours.once()
    noted.today += timedelta(days=1)
    await ours.once()
    assert [today for _, today in noted.calls] == [ON, ON + timedelta(days=1)]


async def test_another_index_that_comes_meanwhile_is_prepared_instead(
    monkeypatch: pytest.MonkeyPatch, reference: Reference
) -> None:
    noted, other = Prepared(monkeypatch), live(supplier("2"))
    first = noted.directory.index

    def replace() -> None:
        noted.directory.index = other

    noted.meanwhile = replace
    ours = noted.made(reference)
    await ours.once()
    await ours.once()
    assert [index for index, _ in noted.calls] == [first, other]
    await ours.once()
    assert noted.measured == [other]


class Ceasing:
    """Something that goes on the first times that it is looked at."""

    def __init__(self, **fields: Any) -> None:
        self.looks = 5
        vars(self).update(fields)

    def _goes_on(self) -> bool:
        self.looks -= 1
        return self.looks >= 0


class LatestRequest(Ceasing):
    latest_request = property(lambda self: time.monotonic() + self._goes_on())

    def prepared(self, seconds: float) -> None: ...


class Following(Ceasing):
    is_changing = property(Ceasing._goes_on)


class Changed(Ceasing):
    replaced_at = property(lambda self: time.monotonic() + self._goes_on())


@pytest.mark.parametrize("activity", ["a request", "a change", "following"])
async def test_a_step_is_taken_once_it_is_quiet(
    monkeypatch: pytest.MonkeyPatch, reference: Reference, activity: str
) -> None:
    monkeypatch.setattr(preparation, "QUIET_SECONDS", 0)
    monkeypatch.setattr(preparation, "LONGEST_WAIT_SECONDS", 1_000)
    noted, left = Prepared(monkeypatch), list[int]()
    index = noted.directory.index
    ceasing: Any = {
        "a request": LatestRequest(),
        "a change": Changed(is_ready=True, index=index, is_changing=False),
        "following": Following(is_ready=True, index=index, replaced_at=0.0),
    }[activity]
    if activity == "a request":
        noted.metrics = ceasing
    else:
        noted.directory = ceasing
    noted.meanwhile = lambda: left.append(ceasing.looks)
    await noted.made(reference).once()
    assert left
    assert left[0] < 0


async def test_a_server_that_is_never_quiet_is_prepared_too(
    monkeypatch: pytest.MonkeyPatch, reference: Reference
) -> None:
    monkeypatch.setattr(preparation, "LONGEST_WAIT_SECONDS", 0)
    noted = Prepared(monkeypatch)
    noted.directory.is_changing = True
    await noted.made(reference).once()
    assert noted.calls


async def test_its_time_is_told_apart(monkeypatch: pytest.MonkeyPatch, reference: Reference) -> None:
    noted = Prepared(monkeypatch)
    noted.meanwhile = lambda: sum(range(100_000))
    await noted.made(reference).once()
    (line,) = (
        line for line in noted.metrics.exposition().splitlines() if line.startswith(b"vivier_preparation_seconds_total")
    )
    assert float(line.split()[1]) > 0


async def test_a_failure_is_survived(monkeypatch: pytest.MonkeyPatch, reference: Reference) -> None:
    monkeypatch.setattr(preparation, "LOOK_AGAIN_SECONDS", 0)
    noted, again = Prepared(monkeypatch), threading.Event()

    def fail() -> None:
        noted.meanwhile = again.set
        raise ValueError("out of luck")

    noted.meanwhile = fail
    running = asyncio.create_task(noted.made(reference).run())
    assert await asyncio.to_thread(again.wait, 20)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert len(noted.calls) == 2
