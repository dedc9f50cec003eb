"""Dear needs are matched in processes of their own, against the index of this one."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from api.runtime.processes import match_work
from api.runtime.processes.forked_processes import ForkedProcesses, ProcessEnded, forked_processes
from api.runtime.processes.match_work import MatchProcesses, MatchTask
from domain.allotment.allotment import AllotmentNeed, DivisibleLot
from domain.errors import InvalidContent
from domain.needs.need import Need
from domain.text.bilingual import Language
from matching.allotment.allot import allot_json
from matching.engine import match_json
from matching.index.live_index import Index, LiveIndex
from matching.index.tables import build_tables, load_tables, save_tables
from matching.reference import Reference
from tests.api.runtime.processes.test_forked_processes import is_running
from tests.factories import NANTES, ON, RENNES, codes, lot, need, offer, reference, supplier

NEED = need(lot("pr-locaux"), lot("ev-entretien", id="2"))
SUPPLIERS = [supplier(f"atelier {number}", at=RENNES) for number in range(20)]


@pytest.fixture(scope="module")
def forked() -> Any:
    with forked_processes(reference()) as processes:
        yield processes


@pytest.fixture
async def processes(forked: ForkedProcesses) -> AsyncIterator[MatchProcesses]:
    processes = MatchProcesses(forked)
    yield processes
    processes.end()


def mapped(folder: Path) -> LiveIndex:
    """The index of some suppliers, mapped from a folder."""
    ours = reference()
    if not folder.exists():
        folder.mkdir()
        save_tables(folder, build_tables(SUPPLIERS, ours.taxonomy, ours.cpv, ours.geography))
    return LiveIndex(Index(load_tables(folder), ours.taxonomy, ours.cpv, ours.geography, folder), data_version=3)


def task(live: LiveIndex, work: Any = match_json, asked: Need = NEED, **others: Any) -> MatchTask[Any]:
    return MatchTask(work, asked, live, ON, "fr", others)


async def found(processes: MatchProcesses, live: LiveIndex, work: Any = match_json, **others: Any) -> Any:
    return await processes.run(task(live, work, **others))


def process_id(*_: object) -> int:
    return os.getpid()


def never_ends(_: Need, __: LiveIndex, ___: Reference, ____: date, _____: Language, *, file: Path) -> None:
    file.write_text(str(os.getpid()))
    while True:
        time.sleep(60)


def dies(*_: object) -> None:
    os._exit(9)


async def test_it_answers_what_this_process_would(processes: MatchProcesses, tmp_path: Path) -> None:
    """Byte for byte, of an index that is mapped from a folder, or sent where that is gone."""
    live = mapped(tmp_path / "index")
    assert await found(processes, live) == match_json(NEED, live, reference(), ON, "fr")
    lots = (DivisibleLot(id="1", segments=("pr-locaux", "pr-specialise")),)
    asked = AllotmentNeed(lots=lots, territory=codes("departement:35"))
    assert await processes.run(task(live, allot_json, asked)) == allot_json(asked, live, reference(), ON, "fr")
    processes.end()
    live = live.with_changes([supplier("nouveau")], [], 4)
    (tmp_path / "index").rename(tmp_path / "elsewhere")
    assert await found(processes, live) == match_json(NEED, live, reference(), ON, "fr")


async def test_it_follows_the_changes_of_the_index(processes: MatchProcesses, tmp_path: Path) -> None:
    """Those before it was started, those since, and another base; each answer is that of the index it is asked for."""
    live = mapped(tmp_path / "index").with_changes([supplier("nouveau", offer("ev-entretien"))], [SUPPLIERS[0].id], 4)
    process = await found(processes, live, process_id)
    steps: list[LiveIndex] = [live]
    for version, (written, removed) in enumerate(
        [
            ([supplier("atelier 1", at=NANTES), supplier("nouveau")], []),
            ([], [supplier("nouveau").id, SUPPLIERS[2].id]),
            ([supplier("nouveau", offer("ev-entretien"))], []),
        ],
        start=5,
    ):
        steps.append(steps[-1].with_changes(written, removed, version))
    another = LiveIndex(steps[3].base.rebuilt(steps[3].suppliers()), steps[3].data_version)
    for step in (*steps[:2], steps[3], mapped(tmp_path / "index"), another):
        assert await found(processes, step) == match_json(NEED, step, reference(), ON, "fr")
    assert await found(processes, steps[-1], process_id) == process, "all of it by one process"


async def test_what_is_wrong_with_a_need_is_told_and_the_process_goes_on(
    processes: MatchProcesses, tmp_path: Path
) -> None:
    live = mapped(tmp_path / "index")
    process = await found(processes, live, process_id)
    with pytest.raises(InvalidContent) as refused:
        await processes.run(task(live, asked=need(lot("nothing"))))
    assert refused.value.problems[0].pointer == "/lots/0/segments/0"
    assert await found(processes, live, process_id) == process


async def test_who_no_longer_waits_ends_the_process(processes: MatchProcesses, tmp_path: Path) -> None:
    """Whatever it does; the next task is carried out by another one."""
    live, file = mapped(tmp_path / "index"), tmp_path / "process"
    waiting = asyncio.create_task(processes.run(task(live, never_ends, file=file)))
    while not (file.exists() and file.read_text()):
        await asyncio.sleep(0)
    assert len(processes.running) == 1
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert not processes.running
    while is_running(int(file.read_text())):
        await asyncio.sleep(0)
    assert await found(processes, live, process_id) != int(file.read_text())


async def test_a_process_that_died_is_missed_and_replaced(processes: MatchProcesses, tmp_path: Path) -> None:
    """At its work, or without any: as one that the system has killed for want of memory."""
    live = mapped(tmp_path / "index")
    with pytest.raises(ProcessEnded):
        await processes.run(task(live, dies))
    os.kill(await found(processes, live, process_id), signal.SIGKILL)
    while any(each.is_there for each in processes._idle):
        await asyncio.sleep(0)
    assert await found(processes, live) == match_json(NEED, live, reference(), ON, "fr")


async def test_a_process_without_work_ends(
    processes: MatchProcesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(match_work, "IDLE_SECONDS", 0.0)
    live = mapped(tmp_path / "index")
    process = await found(processes, live, process_id)
    while is_running(process):
        await asyncio.sleep(0)
    assert await found(processes, live) == match_json(NEED, live, reference(), ON, "fr")


async def test_two_tasks_at_once_are_carried_out_by_two(processes: MatchProcesses, tmp_path: Path) -> None:
    live = mapped(tmp_path / "index")
    first, second = await asyncio.gather(found(processes, live, process_id), found(processes, live, process_id))
    assert first != second
