"""One connection of the process on which the database is heard of: what changed, and whether it answers at all."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import structlog

from db.core.connect import NoAnswer
from db.core.engine import Engine, cut
from db.delivery.outbox import CHANNEL
from db.suppliers.version_feed import DirectoryVersion, listen

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class DatabaseWatch:
    """Hears of new versions of the directory and of deliveries, and of the database itself once a second.

    Where that is silent for `patience` seconds, all connections of the `engine` are cut: a server that hangs takes
    requests and never answers them, while those who wait can be told to come back.
    """

    def __init__(self, url: str, engine: Engine, patience: float) -> None:
        self._url, self._engine, self._patience = url, engine, patience
        self._heard = asyncio.Event()
        self.version: DirectoryVersion | None = None
        self.is_answering = False

    async def run(self) -> None:
        """Listen, for ever."""
        versions = listen(self._url, also=(CHANNEL,), lost=self._lost, patience=self._patience)
        async with aclosing(versions):
            async for version in versions:
                self.version, self.is_answering = version, True
                heard, self._heard = self._heard, asyncio.Event()
                heard.set()

    async def versions(self) -> AsyncGenerator[DirectoryVersion, None]:
        """The latest version heard of: at once, and whenever the database was heard of meanwhile, for ever."""
        while True:
            heard = self._heard
            if self.version is not None:
                yield self.version
            await heard.wait()

    def _lost(self, failure: Exception) -> None:
        self.is_answering = False
        if isinstance(failure, NoAnswer):
            log.warning("the database is silent: its connections are cut", seconds=self._patience)
            cut(self._engine)
