"""The end of what suppliers declared: each day in France those past their last day leave the directory.

Who declared a month before the end is asked again, by e-mail, where it gave an address.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from secrets import token_bytes, token_urlsafe
from uuid import UUID

import structlog

from api.runtime.index.live_index import log_failures
from api.runtime.services import Services
from db.core.engine import LockKind, lock_if_free, transaction
from db.declarations.declarations import due_to_end, end_declaration, remove_old, renew_later, take_to_renew
from db.declarations.links import NewLink, insert_links, insert_mail
from db.delivery.outbox import organisation_mail_times
from db.journal.entries import write_entry
from domain.declarations.link import code_of
from domain.journal import Actor, Detail
from matching.words.names import name_similarity

LOOKED_EVERY_SECONDS = 60
ASKED_BEFORE = timedelta(days=30)
RENEWAL_LINK = timedelta(days=60)
AT_ONCE, TOKEN_BYTES = 200, 32

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

    task = asyncio.create_task(end_every_day())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def end_due(services: Services) -> bool:
    """End what is past its last day, ask again who declared what soon will be; False while another process does so."""
    async with transaction(services.database) as held:
        if not await lock_if_free(held, LockKind.IMPORT, "declarations"):
            return False
        ended = 0
        while due := await due_to_end(held, services.today(), AT_ONCE):
            for supplier_id in due:
                async with transaction(services.database) as connection:
                    now = services.now()
                    owner = await end_declaration(connection, supplier_id, services.today(), now, name_similarity)
                    if owner is not None:
                        actor, about = Actor(owner, "server"), f"supplier:{supplier_id}"
                        await write_entry(connection, actor, "declaration.expired", about, now)
                        ended += 1
        asked = await _ask_again(services)
        async with transaction(services.database) as connection:
            removed = await remove_old(connection, services.now())
    log.info("declarations", ended=ended, asked_again=asked, removed=removed)
    return True


async def _ask_again(services: Services) -> int:
    """Queue e-mails to suppliers whose declarations end within a month, where a mail server is set; their number.

    Each counts among those that the organisation whose link it was may send in a day: the others wait for another day.
    """
    settings = services.settings
    if settings.smtp is None or settings.mail_from is None or settings.public_url is None:
        return 0
    asked, left = 0, dict[UUID, int]()
    while True:
        async with transaction(services.database) as connection:
            now, today = services.now(), services.today()
            spent, later = [owner for owner, number in left.items() if number <= 0], list[UUID]()
            due = await take_to_renew(connection, today, today + ASKED_BEFORE, now, AT_ONCE, spent)
            for each in due.reached:
                if each.organisation_id not in left:
                    queued = await organisation_mail_times(connection, each.organisation_id, now - timedelta(days=1))
                    left[each.organisation_id] = settings.emails_per_day - len(queued)
                left[each.organisation_id] -= 1
                if left[each.organisation_id] < 0:
                    later.append(each.supplier_id)
                    continue
                link = NewLink(each.supplier_id, token_urlsafe(TOKEN_BYTES), code_of(token_bytes(16)))
                (link_id,) = await insert_links(connection, each.organisation_id, [link], now, now + RENEWAL_LINK)
                await insert_mail(connection, link_id, "renewal", each.email, "fr", now)
                detail: Detail = {"link": str(link_id), "emailed": True}
                actor, about = Actor(each.organisation_id, "server"), f"supplier:{each.supplier_id}"
                await write_entry(connection, actor, "supplier_link.created", about, now, detail=detail)
            await renew_later(connection, later)
        asked += len(due.reached) - len(later)
        if due.taken < AT_ONCE:
            return asked
