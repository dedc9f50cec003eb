"""Answers on the supply of territories, which anybody may ask for: made one at a time, in a thread, and cached."""

from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor

from api.runtime.concurrency_limit import ConcurrencyLimit
from api.runtime.match_work import in_a_thread
from api.runtime.rate_limits import MINUTE, RateLimit, require_within
from matching.weighted_cache import WeightBound

CACHED_BYTES, BYTES_PER_ANSWER = 32 << 20, 500
MOST_OF_ONE, MOST_OF_ALL = 4, 40
"""Questions of one address, and of all, that are answered or wait: matches, which need a key, go before them."""
NEW_BY_MINUTE = 60
"""Answers that are made for one address: each territory that is new takes the place of one that matches asked for."""


class SupplyAnswers:
    """The answers of one process."""

    def __init__(self) -> None:
        self._limit = ConcurrencyLimit(at_once=1, of_one=1, most=MOST_OF_ONE, most_of_all=MOST_OF_ALL)
        self._rate = RateLimit(NEW_BY_MINUTE, MINUTE)
        self._answers: WeightBound[Hashable, bytes] = WeightBound(CACHED_BYTES)
        # of its own: of what is given up, no more than one goes on to its end
        self._thread = ThreadPoolExecutor(1, "supply")

    async def answer(self, question: Hashable, address: str, make: Callable[[], bytes]) -> bytes:
        """The answer to a question, made unless it is cached. Raises Refusal (429) where too many wait or were made."""
        found = self._answers.find(question)
        if found is not None:
            return found
        require_within(self._rate.take(address))
        async with self._limit.of(address):
            found = self._answers.find(question)
            if found is None:
                found = await in_a_thread(self._thread, make)
                self._answers.put(question, found, BYTES_PER_ANSWER + len(found))
        return found
