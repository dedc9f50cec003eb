"""Stream of the directory's versions."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import NamedTuple
from uuid import UUID

from db.core.connect import PATIENCE_SECONDS
from db.core.listen_notify import answers
from db.suppliers.write import CHANNEL

# A notification that was lost costs at most this.
POLL_SECONDS = 1.0
CURRENT_VERSION = "SELECT d.version, c.uid FROM directory_version d LEFT JOIN change_sets c ON c.version = d.version"


class DirectoryVersion(NamedTuple):
    """A version of the directory. `uid`: its random id, by which it is told from one of another history; None at 0."""

    number: int
    uid: UUID | None


async def listen(
    url: str,
    *,
    also: Sequence[str] = (),
    lost: Callable[[Exception], object] = lambda _: None,
    poll_seconds: float = POLL_SECONDS,
    patience: float = PATIENCE_SECONDS,
) -> AsyncGenerator[DirectoryVersion, None]:
    """The stored version of the directory: at once, after every notification, and every `poll_seconds` at the latest.

    A version comes again while nothing changes, and after notifications on the channels `also`, as a sign of life; none
    comes while the database is away (see `answers` for `lost` and `patience`). Versions in between may be skipped. Ends
    only with its task, or when it is closed (`contextlib.aclosing`).
    """
    channels = (CHANNEL, *also)
    rows = answers(url, channels, CURRENT_VERSION, poll_seconds=poll_seconds, lost=lost, patience=patience)
    async with aclosing(rows):
        async for row in rows:
            yield DirectoryVersion(*row)
