"""What is much waits its turn, what is too much is refused, and nothing is done for who has left.

Dear needs are matched in processes of their own, against the index of this one.
"""

import asyncio
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from api.runtime.metrics import Metrics
from api.runtime.processes import match_work
from api.runtime.processes.forked_processes import ForkedProcesses, ProcessEnded, forked_processes
from api.runtime.processes.match_work import FunctionTask, MatchProcesses, MatchTask, MatchWork, require_short_answer
from api.settings import read_settings
from api.web.problems import Refusal
from domain.allotment.allotment import AllotmentNeed, DivisibleLot
from domain.errors import InvalidContent
from domain.needs.need import Lot, Need
from domain.suppliers.note import NotedSupplier
from domain.text.bilingual import Language
from matching.allotment.allot import allot_json
from matching.engine import match_json
from matching.index.live_index import Index, LiveIndex
from matching.index.tables import build_tables, load_tables, save_tables
from matching.inspection.match_cost import estimated_bytes
from matching.reference import Reference
from tests.api.runtime.processes.test_forked_processes import is_running
from tests.factories import NANTES, ON, RENNES, codes, live, lot, need, offer, reference, supplier

LIVE = live(*(supplier(f"atelier {number}") for number in range(200)))
PLAIN = need(lot())


async def stays() -> None:
    """A client that waits for its answer."""
    await asyncio.Event().wait()


async def leaves() -> None:
    """A client that has hung up."""


@pytest.fixture(scope="module")
def forked() -> Iterator[ForkedProcesses]:
    with forked_processes(reference()) as processes:
        yield processes


@pytest.fixture
async def work() -> AsyncIterator[MatchWork]:
    """Of which one large task is carried out at a time."""
    made = MatchWork(reference(), read_settings({"VIVIER_MATCH_PROCESSES": "1"}), Metrics())
    yield made
    made.end()


@pytest.fixture
def everything_is_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(match_work, "IN_A_THREAD_MS", 0.0)


def task(done: Callable[[], Any], asked: Need = PLAIN) -> MatchTask[Any]:
    def carry_out(_: Need, __: LiveIndex, ___: Reference, ____: date, _____: Language) -> Any:
        return done()

    return MatchTask(carry_out, asked, LIVE, ON, "fr")


async def test_an_answer_that_would_be_too_large_is_refused_before_it_is_made(work: MatchWork) -> None:
    """The refusal says how many lots may be asked for at a time; so many are answered."""
    segments = tuple(reference().taxonomy.segments)
    lots = [Lot(str(number), segments=segments) for number in range(200)]
    with pytest.raises(InvalidContent) as refused:
        await work.run(task(lambda: pytest.fail("it was made"), need(*lots, limit=100)), "key", stays)
    (problem,) = refused.value.problems
    assert (problem.pointer, problem.code) == ("/lots", "answer_too_large")
    at_once = int(problem.detail.en.split(" at a time")[0].split()[-1])
    assert 10 < at_once < 200
    answered = need(*lots[:at_once], limit=100)
    require_short_answer(answered, estimated_bytes(answered, LIVE))


@pytest.mark.parametrize(("limit", "near_misses", "segments"), [(20, 5, 12), (100, 5, 3), (100, 50, 2)])
def test_any_two_hundred_lots_of_usual_size_are_answered(limit: int, near_misses: int, segments: int) -> None:
    codes_of_lot = tuple(reference().taxonomy.segments)[:segments]
    lots = [Lot(str(number), segments=codes_of_lot) for number in range(200)]
    usual = need(*lots, limit=limit, near_misses=near_misses)
    require_short_answer(usual, estimated_bytes(usual, LIVE))


async def test_some_work_is_done_in_a_thread_and_an_answer_that_became_too_large_is_not_sent(work: MatchWork) -> None:
    assert await work.run(task(threading.current_thread), "key", stays) is not threading.current_thread()
    with pytest.raises(InvalidContent):
        await work.run(task(lambda: bytes(33 << 20)), "key", stays)


async def test_nothing_is_waited_for_when_the_client_has_left(work: MatchWork) -> None:
    ended = threading.Event()
    with pytest.raises(Refusal) as refused:
        await work.run(task(ended.wait), "key", leaves)
    ended.set()
    assert refused.value.kind.slug == "bad-request"
    assert work.some.present == {}


@pytest.mark.usefixtures("everything_is_much")
async def test_what_takes_too_long_is_given_up(work: MatchWork, monkeypatch: pytest.MonkeyPatch) -> None:
    """With when to ask again; the wait for a turn counts."""
    monkeypatch.setattr(match_work, "MOST_SECONDS", 0.01)
    ended = threading.Event()
    with pytest.raises(Refusal) as refused:
        await work.run(task(ended.wait), "key", stays)
    ended.set()
    assert (refused.value.kind.slug, refused.value.headers) == ("match-not-finished", {"retry-after": "30"})
    assert work.much.present == {}


async def test_what_is_read_beside_the_need_counts(work: MatchWork) -> None:
    """A plain need of an organisation whose other needs say much waits for its turn too."""
    turns: list[int] = []
    plain = task(lambda: turns.append(work.much.present.total()))
    for others_ms in (0.0, match_work.IN_A_THREAD_MS):
        await work.run(replace(plain, besides_ms=others_ms), "key", stays)
    assert turns == [0, 1]


@pytest.mark.usefixtures("everything_is_much")
async def test_of_many_clients_that_leave_none_is_worked_for(work: MatchWork) -> None:
    """Those that waited for their turn never get it, and the next client does."""
    begun, ended = [], threading.Event()

    def wait() -> None:
        begun.append(1)
        ended.wait()

    gone = asyncio.Event()

    async def left() -> None:
        await gone.wait()

    waiting = [asyncio.create_task(work.run(task(wait), "key", left)) for _ in range(12)]
    while not begun:
        await asyncio.sleep(0)
    gone.set()
    await asyncio.gather(*waiting, return_exceptions=True)
    ended.set()
    assert await work.run(task(lambda: "done"), "key", stays) == "done"
    assert len(begun) == 1
    assert work.much.present == {}


@pytest.mark.usefixtures("everything_is_much")
async def test_keys_take_turns(work: MatchWork) -> None:
    """Whoever came last of another key is not behind all of the first one's."""
    done: list[str] = []
    first = [asyncio.create_task(work.run(task(lambda: done.append("one")), "one", stays)) for _ in range(5)]
    await asyncio.sleep(0)
    other = asyncio.create_task(work.run(task(lambda: done.append("other")), "other", stays))
    await asyncio.gather(*first, other)
    assert done.index("other") <= 2


@pytest.mark.usefixtures("everything_is_much")
async def test_too_many_of_one_key_are_refused(work: MatchWork) -> None:
    ended = threading.Event()
    waiting = [asyncio.create_task(work.run(task(ended.wait), "one", stays)) for _ in range(match_work.MOST_OF_ONE)]
    while work.much.present["one"] < match_work.MOST_OF_ONE:
        await asyncio.sleep(0)
    with pytest.raises(Refusal) as refused:
        await work.run(task(lambda: None), "one", stays)
    ended.set()
    await asyncio.gather(*waiting)
    assert refused.value.kind.status == 429
    assert int(refused.value.headers["retry-after"]) > 0


def whose(ours: Reference, about: str) -> tuple[int, str]:
    """The process that this is called in; a refusal where that is asked for."""
    if about == "refusal":
        raise Refusal("malformed-body", headers={"x": "y"})
    return os.getpid(), f"{about} {len(ours.taxonomy.segments) > 0}"


async def test_much_of_what_is_no_match_is_done_in_a_process(work: MatchWork, forked: ForkedProcesses) -> None:
    """And a little here; what goes wrong there is raised here."""
    work.processes = MatchProcesses(forked)
    here, _ = await work.run(FunctionTask(whose, ("a little",), is_much=False), "key", stays)
    there, said = await work.run(FunctionTask(whose, ("much",), is_much=True), "key", stays)
    with pytest.raises(Refusal) as refused:
        await work.run(FunctionTask(whose, ("refusal",), is_much=True), "key", stays)
    assert here == os.getpid() != there
    assert said == "much True"
    assert (refused.value.kind.slug, refused.value.headers) == ("malformed-body", {"x": "y"})


NEED = need(lot("pr-locaux"), lot("ev-entretien", id="2"))
SUPPLIERS = [supplier(f"atelier {number}", at=RENNES) for number in range(20)]


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


def there(live: LiveIndex, work: Any = match_json, asked: Need = NEED, **others: Any) -> MatchTask[Any]:
    return MatchTask(work, asked, live, ON, "fr", others)


async def found(processes: MatchProcesses, live: LiveIndex, work: Any = match_json, **others: Any) -> Any:
    return await processes.run(there(live, work, **others))


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
    assert await processes.run(there(live, allot_json, asked)) == allot_json(asked, live, reference(), ON, "fr")
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
    another = LiveIndex(steps[3].base.build_with(steps[3].suppliers()), steps[3].data_version)
    for step in (*steps[:2], steps[3], mapped(tmp_path / "index"), another):
        assert await found(processes, step) == match_json(NEED, step, reference(), ON, "fr")
    assert await found(processes, steps[-1], process_id) == process, "all of it by one process"


async def test_notes_are_of_who_asks_and_of_nobody_else(processes: MatchProcesses, tmp_path: Path) -> None:
    """One process answers them all, one after the other."""
    live = mapped(tmp_path / "index").with_changes([supplier("inconnu", offer("cc-spectacle"))], [], 4)
    told, unknown = offer("pr-locaux"), supplier("inconnu").id
    ours = live.with_notes((NotedSupplier(unknown, (told,), unknown),))
    theirs = live.with_notes((NotedSupplier(SUPPLIERS[0].id, (offer("ev-entretien"),), SUPPLIERS[0].id),))
    answers = [await found(processes, each) for each in (live, ours, theirs, live)]
    assert answers == [match_json(NEED, each, reference(), ON, "fr") for each in (live, ours, theirs, live)]
    assert answers[1] != answers[0]
    assert len({await found(processes, each, process_id) for each in (live, ours, theirs)}) == 1


async def test_what_is_wrong_with_a_need_is_told_and_the_process_goes_on(
    processes: MatchProcesses, tmp_path: Path
) -> None:
    live = mapped(tmp_path / "index")
    process = await found(processes, live, process_id)
    with pytest.raises(InvalidContent) as refused:
        await processes.run(there(live, asked=need(lot("nothing"))))
    assert refused.value.problems[0].pointer == "/lots/0/segments/0"
    assert await found(processes, live, process_id) == process


async def test_who_no_longer_waits_ends_the_process(processes: MatchProcesses, tmp_path: Path) -> None:
    """Whatever it does; the next task is carried out by another one."""
    live, file = mapped(tmp_path / "index"), tmp_path / "process"
    waiting = asyncio.create_task(processes.run(there(live, never_ends, file=file)))
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
        await processes.run(there(live, dies))
    os.kill(await found(processes, live, process_id), signal.SIGKILL)
    while any(each.is_running for each in processes._idle):
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
