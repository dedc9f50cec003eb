"""A least-recently-used cache bounded by the total weight of its values."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Made = TypeVar("Made")


class WeightedCache(Generic[Key, Made]):
    """Makes values from keys and caches the latest used, of at most `budget` in weight together.

    The number of entries is no bound: some territories are a thousand times larger than others. Threads may share it;
    two that ask for the same key at once may both make it. What `make` raises is not cached.
    """

    def __init__(self, make: Callable[[Key], Made], weigh: Callable[[Made], int], budget: int) -> None:
        self._make, self._weigh, self._budget = make, weigh, budget
        self._entries: OrderedDict[Key, Made] = OrderedDict()
        self._weight = 0
        self._lock = Lock()

    def __call__(self, key: Key) -> Made:
        """The value made from `key`."""
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
                return self._entries[key]
        made = self._make(key)
        with self._lock:
            if key not in self._entries:
                self._entries[key] = made
                self._weight += self._weigh(made)
            while self._weight > self._budget:
                self._weight -= self._weigh(self._entries.popitem(last=False)[1])
        return made
