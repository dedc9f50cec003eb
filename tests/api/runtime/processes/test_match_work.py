"""What is much waits its turn, what is too much is refused, and nothing is done for who has left.

Answers on supply are made one at a time, each once, and whoever asks too much at once is told to come back.
"""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from litestar.testing import AsyncTestClient

from api.app import create_app
from api.runtime.auth import Keys
from api.runtime.metrics import Metrics
from api.runtime.processes import match_work
from api.runtime.processes.forked_processes import forked_processes
from api.runtime.processes.match_work import (
    MOST_OF_ONE_ADDRESS,
    FunctionTask,
    MatchProcesses,
    MatchTask,
    MatchWork,
    SupplyAnswers,
    require_short_answer,
)
from api.runtime.rate_limits import SUPPLY_ANSWERS, Limits
from api.settings import Settings, read_settings
from api.web.problems import Refusal
from domain.errors import InvalidContent
from domain.needs.need import Lot, Need
from domain.organisation import SCOPES, Client
from domain.text.bilingual import Language
from matching.index.live_index import LiveIndex
from matching.inspection.match_cost import estimated_bytes
from matching.reference import Reference
from tests.api.conftest import ADMIN_KEY
from tests.factories import ON, live, lot, need, reference, supplier

LIVE = live(*(supplier(f"atelier {number}") for number in range(200)))
PLAIN = need(lot())
ASKED_FOR = b'{"territory":{"codes":["commune:35238"]},"lots":[{"id":"1","segments":["pr"]}]}'
JSON = "application/json"


async def stays() -> None:
    """A client that waits for its answer."""
    await asyncio.Event().wait()


async def leaves() -> None:
    """A client that has hung up."""


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


@pytest.mark.parametrize(
    ("path", "body", "media"),
    [
        ("/match", ASKED_FOR, JSON),
        ("/allotment", ASKED_FOR, JSON),
        ("/notices", b"<ContractNotice/>", "application/xml"),
    ],
)
async def test_the_keys_of_an_organisation_wait_in_one_line(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, path: str, body: bytes, media: str
) -> None:
    """Else an organisation with two keys could occupy all processes."""
    bearer = Client(id=UUID(int=1), organisation_id=UUID(int=2), organisation="Ville", scopes=SCOPES)

    async def found(*_: object) -> Client:
        return bearer

    lines: list[str] = []

    async def noted(_: object, key: str, __: object) -> None:
        lines.append(key)
        raise Refusal("too-many-requests")

    monkeypatch.setattr(Keys, "_administrator", found)
    app = create_app(settings, reference(), parts=())
    app.state.services.live = SimpleNamespace(index=LIVE)
    work = app.state.services.match_work
    monkeypatch.setattr(work, "run", noted)
    monkeypatch.setattr(work, "is_little", lambda *_: False)
    async with AsyncTestClient(app, raise_server_exceptions=False) as client:
        headers = {"Authorization": f"Bearer {ADMIN_KEY}", "Content-Type": media}
        assert (await client.post(path, content=body, headers=headers)).status_code == 429
    assert lines == [str(bearer.organisation_id)]


def whose(ours: Reference, about: str) -> tuple[int, str]:
    """The process that this is called in; a refusal where that is asked for."""
    if about == "refusal":
        raise Refusal("malformed-body", headers={"x": "y"})
    return os.getpid(), f"{about} {len(ours.taxonomy.segments) > 0}"


async def test_much_of_what_is_no_match_is_done_in_a_process() -> None:
    """And a little here; what goes wrong there is raised here."""
    with forked_processes(reference()) as forked:
        work = MatchWork(reference(), read_settings({}), Metrics())
        work.processes = MatchProcesses(forked)
        here, _ = await work.run(FunctionTask(whose, ("a little",), is_much=False), "key", stays)
        there, said = await work.run(FunctionTask(whose, ("much",), is_much=True), "key", stays)
        with pytest.raises(Refusal) as refused:
            await work.run(FunctionTask(whose, ("refusal",), is_much=True), "key", stays)
        work.end()
    assert here == os.getpid() != there
    assert said == "much True"
    assert (refused.value.kind.slug, refused.value.headers) == ("malformed-body", {"x": "y"})


class Slow:
    """Makes answers that wait until they may go on; counts those made, and those under way at once."""

    def __init__(self) -> None:
        self.go_on, self.made, self.under_way, self.most = threading.Event(), 0, 0, 0

    def __call__(self) -> bytes:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        self.go_on.wait(60)
        self.under_way, self.made = self.under_way - 1, self.made + 1
        return b"answer"


async def test_one_is_made_at_a_time_and_each_question_once() -> None:
    """Again where that failed."""
    answers, make = SupplyAnswers(Limits()), Slow()

    def fail() -> bytes:
        raise LookupError

    with pytest.raises(LookupError):
        await answers.answer("a", "ours", fail)
    asked = [answers.answer(question, f"address {number}", make) for number, question in enumerate("aabb")]
    waiting = asyncio.gather(*asked)
    await asyncio.sleep(0)
    make.go_on.set()
    assert await waiting == [b"answer"] * 4
    assert (make.made, make.most) == (2, 1)


async def test_an_address_that_waits_for_many_is_refused_and_others_are_not() -> None:
    """What is cached is answered all the same."""
    answers, make = SupplyAnswers(Limits()), Slow()
    await answers.answer("known", "ours", lambda: b"known")
    waiting = [asyncio.ensure_future(answers.answer(number, "ours", make)) for number in range(MOST_OF_ONE_ADDRESS)]
    await asyncio.sleep(0)
    with pytest.raises(Refusal) as refused:
        await answers.answer("one more", "ours", make)
    assert refused.value.kind.status == 429
    assert await answers.answer("known", "ours", make) == b"known"
    waiting.append(asyncio.ensure_future(answers.answer("theirs", "another", make)))
    make.go_on.set()
    assert await asyncio.gather(*waiting) == [b"answer"] * (MOST_OF_ONE_ADDRESS + 1)


async def test_an_address_has_so_many_new_answers_in_a_minute() -> None:
    """What is cached does not count, and others have their own."""
    answers = SupplyAnswers(Limits())
    for number in range(SUPPLY_ANSWERS.most):
        await answers.answer(number, "ours", lambda: b"answer")
    with pytest.raises(Refusal) as refused:
        await answers.answer("one more", "ours", lambda: b"answer")
    assert (refused.value.kind.status, "retry-after" in refused.value.headers) == (429, True)
    assert await answers.answer(1, "ours", lambda: b"another") == b"answer"
    assert await answers.answer("one more", "another", lambda: b"answer") == b"answer"
