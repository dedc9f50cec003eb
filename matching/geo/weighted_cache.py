"""A least-recently-used cache bounded by the total weight of its values."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Made = TypeVar("Made")


class Kept(Generic[Key, Made]):
    """Makes things, and keeps those asked for most recently as long as together they weigh at most `budget`.

    Entries alone are no bound: some territories are a thousand times larger than others. Threads may share it; two
    that ask for the same thing at once may both make it. What `make` raises is not kept.
    """

    def __init__(self, make: Callable[[Key], Made], weigh: Callable[[Made], int], budget: int) -> None:
        self._make, self._weigh, self._budget = make, weigh, budget
        self._kept: OrderedDict[Key, Made] = OrderedDict()
        self._weight = 0
        self._lock = Lock()

    def __call__(self, key: Key) -> Made:
        """The thing made from `key`."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = self._make(key)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = made
                self._weight += self._weigh(made)
            while self._weight > self._budget:
                self._weight -= self._weigh(self._kept.popitem(last=False)[1])
        return made
