"""One connection of the process on which the database is heard of: what changed, and whether it answers at all.

Failures in background loops are logged, and the loop goes on.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from functools import partial

import structlog

from db.core.connect import FormerPrimary, NoAnswer, is_away
from db.core.engine import Engine, cut
from db.core.listen_notify import answers
from db.delivery.outbox import CHANNEL
from db.suppliers.write import POLL_SECONDS, DirectoryVersion, listen

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class DatabaseWatch:
    """Hears of new versions of the directory and of deliveries, and of the database itself once a second.

    Where that is silent for `patience` seconds, all connections of the `engine` are cut: a server that hangs takes
    requests and never answers them, while those who wait can be told to come back. So they are where another host was
    promoted beside the one that answers. The same holds for a pooler at `pooler_url`, where the connections of the
    engine lead to one.
    """

    def __init__(self, url: str, engine: Engine, patience: float, pooler_url: str | None = None) -> None:
        self._url, self._engine, self._patience, self._pooler_url = url, engine, patience, pooler_url
        self._heard = asyncio.Event()
        self._away = {url, *([pooler_url] if pooler_url else [])}
        self.version: DirectoryVersion | None = None

    @property
    def is_answering(self) -> bool:
        """Whether the database answered when it was last asked, within a second or so."""
        return not self._away

    async def run(self) -> None:
        """Listen, for ever."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._listen())
            if self._pooler_url is not None:
                both.create_task(self._ask_pooler(self._pooler_url))

    async def _listen(self) -> None:
        lost = partial(self._lost, self._url)
        versions = listen(self._url, also=(CHANNEL,), lost=lost, patience=self._patience)
        async with aclosing(versions):
            async for version in versions:
                self._away.discard(self._url)
                self.version = version
                heard, self._heard = self._heard, asyncio.Event()
                heard.set()

    async def _ask_pooler(self, url: str) -> None:
        lost = partial(self._lost, url)
        rows = answers(url, (), "SELECT true", poll_seconds=POLL_SECONDS, lost=lost, patience=self._patience)
        async with aclosing(rows):
            async for _ in rows:
                self._away.discard(url)

    async def versions(self) -> AsyncGenerator[DirectoryVersion, None]:
        """The latest version heard of: at once, and whenever the database was heard of meanwhile, for ever."""
        while True:
            heard = self._heard
            if self.version is not None:
                yield self.version
            await heard.wait()

    def _lost(self, url: str, failure: Exception) -> None:
        self._away.add(url)
        if isinstance(failure, NoAnswer):
            log.warning("the database is silent: its connections are cut", seconds=self._patience)
            cut(self._engine)
        elif isinstance(failure, FormerPrimary):
            log.warning("another host of the database was promoted: the connections to this one are cut")
            cut(self._engine)


@contextmanager
def logged_failures(message: str) -> Iterator[None]:
    """Log an exception of the block under `message` and swallow it; without its trace where the database is away."""
    try:
        yield
    except Exception as failure:
        if is_away(failure):
            log.warning(message, failure=type(failure).__name__)
        else:
            log.exception(message)
