"""Removal, once a day where the settings ask for it, of what has been kept for its time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from api.runtime.index.database_watch import logged_failures
from api.runtime.services import Services
from db.core.engine import Subject, lock_if_free, transaction
from db.privacy.purge import plan, purge
from domain.organisation import DEFAULT_ORGANISATION
from domain.privacy.retention import RetentionPlan

DAY_SECONDS = 24 * 3_600

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


@asynccontextmanager
async def daily_retention(services: Services) -> AsyncIterator[None]:
    """The part of the application that does it; needs the database part."""
    if services.settings.retention != "daily":
        yield
        return
    task = asyncio.create_task(_every_day(services))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _every_day(services: Services) -> None:
    while True:
        with logged_failures("what was kept for its time could not be removed"):
            await remove_due(services)
        await asyncio.sleep(DAY_SECONDS)


async def remove_due(services: Services) -> RetentionPlan | None:
    """Remove what is due but the needs that the settings spare; None where another process is doing it."""
    database, settings = services.database, services.settings
    async with transaction(database) as held:
        if not await lock_if_free(held, Subject.IMPORT, "retention"):
            return None
        planned = await plan(held, settings.periods, services.now(), settings.retention_spare)
        done = await purge(database, planned, DEFAULT_ORGANISATION, "server")
    log.info("retention", needs=len(done.needs), others=sum(each.count for each in done.others))
    return done
