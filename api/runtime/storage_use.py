"""The bytes that organisations store, known from memory between two readings of the database."""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

READ_EVERY_SECONDS = 60.0
MOST_UNREAD = 64 << 20
ORGANISATIONS_REMEMBERED = 10_000


@dataclass(slots=True)
class _Use:
    read: int
    added: int
    until: float


class StorageUse:
    """Tells how many bytes organisations store.

    Read again after a minute, or once this process added 64 MiB of an organisation's. What other processes
    add shows at the next reading.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._uses: OrderedDict[UUID, _Use] = OrderedDict()

    async def of(self, organisation_id: UUID, read: Callable[[], Awaitable[int]]) -> int:
        """The bytes of the organisation; `read` tells them from the database."""
        use = self._uses.get(organisation_id)
        if use is None or self._monotonic() >= use.until or use.added > MOST_UNREAD:
            use = self._uses[organisation_id] = _Use(await read(), 0, self._monotonic() + READ_EVERY_SECONDS)
            self._uses.move_to_end(organisation_id)
            if len(self._uses) > ORGANISATIONS_REMEMBERED:
                self._uses.popitem(last=False)
        return use.read + use.added

    def add(self, organisation_id: UUID, count: int) -> None:
        """Note that the organisation stores `count` bytes more."""
        if use := self._uses.get(organisation_id):
            use.added += count
