"""The end of what suppliers declared: each day in France those past their last day leave the directory.

A month before the end who declared is asked again, by e-mail, where it gave an address or the directory has one.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from uuid import UUID

import structlog

from api.declarations.declare import end_word, mail_page_link
from api.runtime.index.live_index import log_failures, running
from api.runtime.services import Services
from db.core.engine import LockKind, lock_if_free, transaction
from db.declarations.declarations import due_to_end, remove_old, renew_later, take_to_renew
from domain.journal import Actor

LOOKED_EVERY_SECONDS = 60
ASKED_BEFORE = timedelta(days=30)
AT_ONCE = 200

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


@asynccontextmanager
async def daily_expiry(services: Services) -> AsyncIterator[None]:
    """The background part of the application that ends declarations day by day; it needs the database."""

    async def end_every_day() -> None:
        done: date | None = None
        while True:
            today = services.today()
            if today != done:
                with log_failures("declarations past their last day could not be ended"):
                    if await end_due(services):
                        done = today
            await asyncio.sleep(LOOKED_EVERY_SECONDS)

    async with running(end_every_day()):
        yield


async def end_due(services: Services) -> bool:
    """End what is past its last day, ask again who declared what soon will be; False while another process does so."""
    async with transaction(services.database) as held:
        if not await lock_if_free(held, LockKind.IMPORT, "declarations"):
            return False
        ended = 0
        while due := await due_to_end(held, services.today(), AT_ONCE):
            for supplier_id in due:
                async with transaction(services.database) as connection:
                    ended += await end_word(connection, services, supplier_id)
        asked = await _ask_again(services)
        async with transaction(services.database) as connection:
            removed = await remove_old(connection, services.now())
    log.info("declarations", ended=ended, asked_again=asked, removed=removed)
    return True


async def _ask_again(services: Services) -> int:
    """Queue e-mails to suppliers whose declarations end within a month, where a mail server is set; their number.

    Each counts among those that the organisation whose link it was may send in a day: the others wait for another day.
    """
    if services.settings.smtp is None:
        return 0
    asked, spent = 0, set[UUID]()
    while True:
        async with transaction(services.database) as connection:
            now, today, later = services.now(), services.today(), list[UUID]()
            taken = await take_to_renew(connection, today, today + ASKED_BEFORE, now, AT_ONCE, spent)
            for each in taken:
                actor = Actor(each.organisation_id, "server")
                if each.email is None:
                    continue
                if await mail_page_link(connection, services, actor, each.supplier_id, each.email, "renewal"):
                    asked += 1
                else:
                    spent.add(each.organisation_id)
                    later.append(each.supplier_id)
            await renew_later(connection, later)
        if len(taken) < AT_ONCE:
            return asked
