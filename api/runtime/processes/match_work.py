"""Work on needs by what it takes: a little at once, more in a thread, so that it is cached here, much in a process.

Whoever asks waits in a line of its own, and the lines take turns. What lasts too long is given up, and so is work for a
client that has hung up. Answers on the supply of territories, which anybody may ask for, are made one at a time, in a
thread, and cached.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from api.runtime.concurrency import ConcurrencyLimit
from api.runtime.metrics import Metrics
from api.runtime.processes.forked_processes import NoProcess
from api.runtime.processes.match_limits import limit_seconds, require_short_answer
from api.runtime.processes.match_processes import FunctionTask, MatchProcesses, MatchTask
from api.runtime.rate_limits import SUPPLY_ANSWERS, Limits
from api.settings import Settings
from api.web.problems import Refusal
from domain.needs.need import Need
from domain.text.bilingual import Text
from matching.index.live_index import LiveIndex
from matching.inspection.match_cost import AT_ONCE_MS, estimated_bytes, estimated_ms
from matching.lot_query import may_be_given_up
from matching.reference import Reference
from matching.weighted_cache import WeightBound

T = TypeVar("T")

IN_A_THREAD_MS = 250.0
"""What takes more is done in another process: beside a thread, requests in the event loop wait for the interpreter."""
THREADS = 2
MOST_OF_ONE, MOST_OF_ALL = 16, 200
"""Tasks of an organisation, and of all, that are carried out or wait: each holds a need, and may hold a connection."""


class MatchWork:
    """Carries out tasks on needs, for one process that serves. `processes`: None where there are none."""

    def __init__(self, reference: Reference, settings: Settings, metrics: Metrics) -> None:
        self._reference, self._metrics = reference, metrics
        count = settings.match_processes
        self.much = ConcurrencyLimit(count, max(1, count - 1), MOST_OF_ONE, MOST_OF_ALL)
        self.some = ConcurrencyLimit(THREADS, THREADS, MOST_OF_ONE * THREADS, MOST_OF_ALL)
        self._threads = ThreadPoolExecutor(THREADS + count, "match")
        self.processes: MatchProcesses | None = None

    def is_little(self, need: Need, live: LiveIndex) -> bool:
        """Whether a match may be done at once, in the event loop."""
        return estimated_ms(need, live, self._reference, AT_ONCE_MS) <= AT_ONCE_MS

    async def run(self, task: MatchTask[T], key: str, left: Callable[[], Awaitable[None]]) -> T:
        """The result of a task, outside the event loop.

        `key`: whose line it waits in, such as an organisation's. `left`: ends if the client hangs up.
        Raises what the task raises, InvalidContent where the answer would be too large, Refusal (429) where too many
        wait, and Refusal (503) where it takes too long.
        """
        require_short_answer(task.need, estimated_bytes(task.need, task.live))
        left_ms = IN_A_THREAD_MS - task.besides_ms
        is_much = left_ms < 0 or estimated_ms(task.need, task.live, self._reference, left_ms) > left_ms
        result = await self._carry_out(task, key, left, is_much=is_much)
        if isinstance(result, bytes):
            require_short_answer(task.need, len(result))
        return result

    async def run_function(
        self,
        work: Callable[..., T],
        *arguments: Any,
        is_much: bool,
        key: str,
        left: Callable[[], Awaitable[None]],
    ) -> T:
        """The result of a function that matches nothing, called with the reference data and the arguments.

        It waits in the line of `key` with its matches. Raises what the function raises, and as `run`.
        """
        return await self._carry_out(FunctionTask(work, arguments), key, left, is_much=is_much)

    async def _carry_out(
        self, task: MatchTask[T] | FunctionTask[T], key: str, left: Callable[[], Awaitable[None]], *, is_much: bool
    ) -> T:
        """The result of a task in its turn: of much in a process, or a thread where none can be had; else in a thread.

        The task is given up where the client hangs up, with a Refusal (400) to nobody.
        """

        async def work() -> T:
            if not is_much:
                async with self.some.slot_of(key):
                    return await run_in_thread(self._threads, partial(task.run, self._reference))
            with self._metrics.large_matches.track_inprogress():
                async with limit_seconds(), self.much.slot_of(key):
                    if self.processes is not None:
                        with suppress(NoProcess):
                            return await self.processes.run(task)
                    return await run_in_thread(self._threads, partial(task.run, self._reference))

        working, leaving = asyncio.ensure_future(work()), asyncio.ensure_future(left())
        try:
            await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                raise Refusal("bad-request", Text("Le client a raccroché", "The client hung up"))
            return await working
        finally:
            for each in (working, leaving):
                each.cancel()
            await asyncio.gather(working, leaving, return_exceptions=True)

    def end(self) -> None:
        """End what is under way."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self.processes is not None:
            self.processes.end()


async def run_in_thread(threads: Executor | None, work: Callable[[], T]) -> T:
    """The result of `work` in one of some threads, None: those that all share; given up where the wait is cancelled."""
    carried_out, give_up = may_be_given_up(work)
    try:
        return await asyncio.get_running_loop().run_in_executor(threads, carried_out)
    finally:
        give_up()


CACHED_BYTES, BYTES_PER_ANSWER = 32 << 20, 500
MOST_OF_ONE_ADDRESS, MOST_OF_ALL_ADDRESSES = 4, 40
"""Questions of one address, and of all, that are answered or wait: matches, which need a key, go before them."""


class SupplyAnswers:
    """The answers on supply of one process."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._limit = ConcurrencyLimit(at_once=1, of_one=1, most=MOST_OF_ONE_ADDRESS, most_of_all=MOST_OF_ALL_ADDRESSES)
        self._answers: WeightBound[Hashable, bytes] = WeightBound(CACHED_BYTES)
        # of its own: of what is given up, no more than one goes on to its end
        self._thread = ThreadPoolExecutor(1, "supply")

    async def answer(self, question: Hashable, address: str, make: Callable[[], bytes]) -> bytes:
        """The answer to a question, made unless it is cached. Raises Refusal (429) where too many wait or were made."""
        found = self._answers.find(question)
        if found is not None:
            return found
        self._limits.take(SUPPLY_ANSWERS, address)
        async with self._limit.slot_of(address):
            found = self._answers.find(question)
            if found is None:
                found = await run_in_thread(self._thread, make)
                self._answers.put(question, found, BYTES_PER_ANSWER + len(found))
        return found
