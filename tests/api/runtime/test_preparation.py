"""First matches are prepared in idle time: once for each index and day."""

import asyncio
import threading
from collections.abc import Iterator
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from api.runtime import preparation
from api.runtime.preparation import Preparation
from matching.reference import Reference
from tests.factories import ON, live, supplier


class Prepared:
    """Notes for which index and days it was asked to prepare; `meanwhile` is done between its steps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.directory = SimpleNamespace(is_ready=True, index=live(supplier("1")))
        self.calls: list[tuple[Any, date]] = []
        self.measured: list[Any] = []
        self.meanwhile: Any = lambda: None
        self.today = ON
        monkeypatch.setattr(preparation, "preparation", self._prepare)
        monkeypatch.setattr(preparation, "measuring", self._measure)

    def made(self, reference: Reference) -> Preparation:
        return Preparation(self.directory, reference, lambda: self.today)  # type: ignore[arg-type] # as a directory

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
