"""Least-recently-used caches bounded by the total weight of their values."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Made = TypeVar("Made")


class WeightBoundCache(Generic[Key, Made]):
    """A cache of the values used last, whose weights together are at most `budget`.

    The number of entries is no bound: some territories are a thousand times larger than others. Threads may share it.
    """

    def __init__(self, budget: int) -> None:
        self._budget, self._weight = budget, 0
        self._entries: OrderedDict[Key, tuple[Made, int]] = OrderedDict()
        self._lock = Lock()

    def find(self, key: Key) -> Made | None:
        """The cached value of a key; None where there is none."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            self._entries.move_to_end(key)
            return entry[0]

    def latest(self) -> list[tuple[Key, Made]]:
        """All cached keys and values, the latest used first."""
        with self._lock:
            return [(key, made) for key, (made, _) in reversed(self._entries.items())]

    def weigh_again(self, key: Key, made: Made, weight: int) -> None:
        """Update the weight of a value that is still cached and has grown."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or entry[0] is not made:
                return
            self._entries[key] = made, weight
            self._add_weight(weight - entry[1])

    def put(self, key: Key, made: Made, weight: int) -> None:
        """Cache a value under its key, replacing the one cached before."""
        with self._lock:
            before = self._entries.pop(key, None)
            self._entries[key] = made, weight
            self._add_weight(weight - (before[1] if before else 0))

    def _add_weight(self, more: int) -> None:
        """Add to the total weight, and drop the values used longest ago while it exceeds the budget. Under the lock."""
        self._weight += more
        while self._weight > self._budget:
            self._weight -= self._entries.popitem(last=False)[1][1]


class WeightedCache(WeightBoundCache[Key, Made]):
    """A cache that computes a missing value from its key.

    Two threads that ask for the same key at once may both make it. What `make` raises is not cached.
    """

    def __init__(self, make: Callable[[Key], Made], weigh: Callable[[Made], int], budget: int) -> None:
        super().__init__(budget)
        self._make, self._weigh = make, weigh

    def __call__(self, key: Key) -> Made:
        """The cached value of a key, computed if missing."""
        made = self.find(key)
        if made is None:
            made = self._make(key)
            self.put(key, made, self._weigh(made))
        return made


BYTES_PER_OBJECT = 1_000
"""About what an object with a few arrays takes besides the numbers in them."""


class Weighed:
    """An object with a weight for caches: the bytes of its arrays and of the `Weighed` objects it refers to."""

    @property
    def weight(self) -> int:
        """Bytes in memory, estimated."""
        return weight_of(self)


def weight_of(*held: object) -> int:
    """Estimated bytes of all arrays in `Weighed` objects, or tuples of such objects; an array counts once."""
    weight, left, seen = 0, [*held], set[int]()
    while left:
        one = left.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, Weighed):
            weight += BYTES_PER_OBJECT
            left += vars(one).values()
        elif isinstance(one, tuple):
            left += one
        else:
            weight += getattr(one, "nbytes", 0)
    return weight
