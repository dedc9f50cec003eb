"""Needs of an organisation matched with its past awards and its other needs of the year.

What is read for it is read in a transaction, and the match takes none: meanwhile others have the connection.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from api.needs.own_need import own_need
from api.runtime.actor import Acting, require_storage
from api.runtime.processes.match_processes import MatchTask
from db.core.engine import Connection, transaction
from db.core.uuid7 import new_id
from db.needs.awards import awards_until
from db.needs.needs import needs_of_year
from domain.law.procedures.splitting import may_pass_with_others
from domain.needs.need import OtherNeed, PastAward, PlannedNeed, buyer_siret, year_of
from domain.needs.status import StoredNeed, require_not_ended
from matching.engine import match_json
from matching.inspection.match_cost import words_ms


class ToMatch(NamedTuple):
    """A need, with what its shortlist follows from besides the suppliers."""

    content: PlannedNeed
    on: date
    awards: Sequence[PastAward]
    year: int
    others: Sequence[OtherNeed]


class MatchedNeed(NamedTuple):
    """A need as it was matched, and its shortlist in JSON."""

    of: ToMatch
    body: bytes


async def new_need_to_match(connection: Connection, acting: Acting, content: PlannedNeed) -> ToMatch:
    """A need that is not stored yet. Raises as `require_storage`."""
    await require_storage(connection, acting)
    now = acting.now()
    return await _to_match(connection, acting, content, new_id(now), now)


async def own_need_to_match(connection: Connection, acting: Acting, need_id: UUID) -> ToMatch:
    """A need as it is now. Raises NotFound, Conflict once it has ended, and as `require_storage`."""
    need = await own_need(connection, acting.organisation_id, need_id)
    require_not_ended(need.status)
    await require_storage(connection, acting)
    return await _to_match(connection, acting, need.content, need.id, need.created_at)


async def match_first(acting: Acting, to_match: Callable[[Connection, Acting], Awaitable[ToMatch]]) -> MatchedNeed:
    """The need that `to_match` reads, matched while no connection is held. Raises as both do."""
    async with transaction(acting.services.database) as connection:
        wanted = await to_match(connection, acting)
    return await match_need(acting, wanted)


async def match_need(acting: Acting, wanted: ToMatch) -> MatchedNeed:
    """The need with its shortlist.

    Raises InvalidContent with everything wrong in it, Refusal (503) until there is an index, and as `MatchWork.run`.
    """
    services = acting.services
    known = {"awards": wanted.awards, "others": wanted.others, "year": wanted.year}
    others_ms = sum(words_ms(other.need) for other in wanted.others)
    live, need = services.directory.index, wanted.content.matched
    task = MatchTask(match_json, need, live, wanted.on, acting.language, known, besides_ms=others_ms)
    started = time.perf_counter()
    body: bytes = await services.match_work.run(task, str(acting.organisation_id), acting.left)
    services.metrics.match_seconds.observe(time.perf_counter() - started)
    return MatchedNeed(wanted, body)


async def shortlist_now(connection: Connection, acting: Acting, need: StoredNeed, matched: MatchedNeed | None) -> bytes:
    """The shortlist, in JSON, of a need that the caller has locked: as it was `matched`, or anew.

    Anew, with the connection, where nothing was matched before, or what it follows from has changed since. Raises as
    `match_need`.
    """
    wanted = await _to_match(connection, acting, need.content, need.id, need.created_at)
    if matched is None or matched.of != wanted:
        matched = await match_need(acting, wanted)
    return matched.body


async def _to_match(
    connection: Connection, acting: Acting, content: PlannedNeed, need_id: UUID, created_at: datetime
) -> ToMatch:
    services = acting.services
    on = content.on or services.today()
    awards = await awards_until(connection, acting.organisation_id, on)
    year = year_of(content.planned_publication_on, created_at)
    others: Sequence[OtherNeed] = ()
    if may_pass_with_others(content, services.reference.rules.at(content.law_day(on))):
        others = await needs_of_year(connection, acting.organisation_id, year, buyer_siret(content), besides=need_id)
    return ToMatch(content, on, awards, year, others)
