"""Rights of persons: a copy of what is held about somebody, its erasure, and what is due for removal."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated, TypeVar

import msgspec
import structlog

from api.runtime.actor import actor_of
from api.runtime.endpoint import Call, endpoint
from api.runtime.index.live_index import log_failures, running
from api.runtime.services import Services
from db.core.engine import Connection, LockKind, lock_if_free, transaction
from db.privacy.erase import erase_person, export_person
from db.privacy.purge import plan, purge
from domain.organisation import DEFAULT_ORGANISATION
from domain.privacy import DataSubject, Erasure, PersonalData, RetentionPlan

TAG = "Privacy"
T = TypeVar("T")
SEARCH_SECONDS = 30.0
"""The longest query of a search, which reads all that an organisation wrote: two seconds as a rule."""


class ErasureRequest(DataSubject, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A person to be erased: by address, name or number."""

    dry_run: Annotated[bool, msgspec.Meta(description="Only tell what would be changed")] = False


searching_endpoint = partial(
    endpoint, "POST", tag=TAG, scope="admin", problems=("too-many-requests", "query-not-finished")
)


@searching_endpoint("/privacy/export", answers=PersonalData, example="privacy-export")
async def export_personal_data(call: Call, body: DataSubject) -> PersonalData:
    """Give a copy of all that is held about a person (RGPD, articles 15 and 20).

    In the data of the key's organisation, and, for a key of scope `platform`, in the directory of suppliers, which all
    organisations share; where each piece is, since when, and what an erasure would make of it. Whom it is about stands
    in the body, never in an address, and neither in the log nor in the journal. One search at a time; 503 where a query
    takes too long: the operator's command `vivier privacy export` takes the time it needs.
    """
    return await _search_in_turn(call, export_person, body)


@searching_endpoint("/privacy/erase", answers=Erasure, example="privacy-erase")
async def erase_personal_data(call: Call, body: ErasureRequest) -> Erasure:
    """Erase a person (RGPD, article 17).

    From the data of the key's organisation, and, with a key of scope `platform`, from the directory of suppliers, where
    later imports do not bring them back. A pseudonym takes the place of the name. Kept, and told as such: what was said
    in exchanges, which nobody can alter until the need's time is over (article 17(3)(b)), and what a source says in a
    text of its own. `dry_run` changes nothing. Waits for imports that are under way; the same again changes nothing.
    `complete`: all that was found is gone, and nothing was left out; `unreached` names what could not be reached. One
    search at a time; 503 where a query takes too long.
    """
    subject = DataSubject(body.email, body.name, body.phone)
    return await _search_in_turn(call, partial(erase_person, dry_run=body.dry_run), subject)


async def _search_in_turn(call: Call, search: Callable[..., Awaitable[T]], subject: DataSubject) -> T:
    """Export or erase a person by `search`, in the data that the caller may read, once a search slot is free."""
    services, organisation = call.services, call.bearer.organisation_id
    may_all = call.bearer.may("platform")
    async with services.person_searches.slot_of(str(organisation)):
        caller, now = actor_of(call.bearer), services.now()
        whole = partial(search, in_directory=may_all, seconds=SEARCH_SECONDS)
        return await whole(services.database, subject, (organisation,), caller, now)


@endpoint("GET", "/retention", tag=TAG, scope="admin", answers=RetentionPlan)
async def get_retention(call: Call, connection: Connection) -> RetentionPlan:
    """Show what has been stored longer than its retention period.

    Of the key's organisation, and of what all share: what `vivier retention purge`, the operator's command, would
    remove now. The periods are settings of the server.
    """
    services, organisation = call.services, call.bearer.organisation_id
    return await plan(connection, services.settings.periods, services.now(), organisation_id=organisation)


DAY_SECONDS = 24 * 3_600

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


@asynccontextmanager
async def daily_retention(services: Services) -> AsyncIterator[None]:
    """The background part of the application that removes data due for removal once a day; it needs the database."""
    if services.settings.retention != "daily":
        yield
        return

    async def remove_every_day() -> None:
        while True:
            with log_failures("what was kept for its time could not be removed"):
                await remove_due(services)
            await asyncio.sleep(DAY_SECONDS)

    async with running(remove_every_day()):
        yield


async def remove_due(services: Services) -> RetentionPlan | None:
    """Remove what is past its period and not spared by a setting; returns that, None while another process does so."""
    database, settings = services.database, services.settings
    async with transaction(database) as held:
        if not await lock_if_free(held, LockKind.IMPORT, "retention"):
            return None
        planned = await plan(held, settings.periods, services.now(), settings.retention_spare)
        done = await purge(database, planned, DEFAULT_ORGANISATION, "server")
    log.info("retention", needs=len(done.needs), others=sum(each.count for each in done.others))
    return done
