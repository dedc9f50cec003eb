"""Freezing a shortlist: the need is matched, and the answer stored as its next version.

A need is matched with its organisation's past awards and its other needs of the year. What is read for it is read in a
transaction, and the match takes none: meanwhile others have the connection.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from api.needs.own_need import own_need
from api.runtime.actor import Acting, require_storage
from api.runtime.processes.match_processes import MatchTask
from db.core.engine import Connection, transaction
from db.core.uuid7 import new_id
from db.journal.content import shortlist_name, stamp_name
from db.journal.entries import write_entry
from db.needs.needs import awards_until, needs_of_year
from db.needs.shortlists import insert_shortlist, select_shortlist
from domain.errors import Conflict, NotFound
from domain.journal import Detail
from domain.law.procedures.splitting import may_pass_with_others
from domain.needs.need import OtherNeed, PastAward, PlannedNeed, buyer_siret, year_of
from domain.needs.status import StoredNeed, require_not_ended
from domain.shortlists.frozen import LotTotal, ShortlistVersion
from domain.shortlists.shortlist import Stamp
from domain.text.bilingual import Text
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


async def matched_first(
    acting: Acting,
    to_match: Callable[[Connection, Acting], Awaitable[ToMatch]],
    answer_of: Callable[[Connection], Awaitable[object]],
) -> MatchedNeed | None:
    """The need that `to_match` reads, matched while no connection is held; None where the request was answered already.

    `answer_of`: true for one that was. Raises as `to_match` and `match_need`.
    """
    try:
        async with transaction(acting.services.database) as connection:
            if await answer_of(connection):
                return None
            wanted = await to_match(connection, acting)
    except (Conflict, NotFound):
        async with transaction(acting.services.database) as connection:
            # the same request, sent twice at once, may have been answered meanwhile
            if await answer_of(connection):
                return None
        raise
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


DELETED = Text(
    "Ce besoin, ou cette version de sa liste, a été supprimé depuis",
    "This need, or this version of its shortlist, was deleted since",
)


class _CountedLot(msgspec.Struct):
    id: str
    total: int
    candidates: list[msgspec.Raw]


class _Counted(msgspec.Struct):
    """The parts of a `Shortlist` that its version is described by."""

    stamp: Stamp
    lots: list[_CountedLot]


async def freeze_shortlist(
    connection: Connection, acting: Acting, need_id: UUID, matched: MatchedNeed | None = None
) -> tuple[int, bytes]:
    """Freeze the shortlist of a need as it is now, `matched` beforehand or else here, as its next version.

    Returns its number and bytes. Raises NotFound, Conflict once the need has ended, and as `shortlist_now` and
    `require_storage`.
    """
    need = await own_need(connection, acting.organisation_id, need_id, lock=True)
    require_not_ended(need.status)
    await require_storage(connection, acting)
    body = await shortlist_now(connection, acting, need, matched)
    return await freeze_matched(connection, acting, need, body), body


async def frozen_body(connection: Connection, acting: Acting, need_id: UUID, number: int) -> bytes:
    """A version, byte for byte as it is stored. Raises NotFound where it has been deleted since."""
    frozen = await select_shortlist(connection, acting.organisation_id, need_id, number)
    if frozen is None:
        raise NotFound(DELETED)
    return frozen.body


async def freeze_matched(connection: Connection, acting: Acting, need: StoredNeed, body: bytes) -> int:
    """Store the answer as the next version of a need that the caller has locked; its number."""
    shortlist = await asyncio.to_thread(msgspec.json.decode, body, type=_Counted)
    now, stamp = acting.now(), shortlist.stamp
    version = ShortlistVersion(
        number=need.shortlists + 1,
        need_version=need.version,
        language=acting.language,
        stamp=stamp,
        totals=tuple(LotTotal(lot.id, lot.total, len(lot.candidates)) for lot in shortlist.lots),
        created_at=now,
    )
    await insert_shortlist(connection, acting.organisation_id, need, version, body)
    acting.services.storage_use.add(acting.organisation_id, len(body))
    detail: Detail = {"number": version.number, "data_version": stamp.data_version}
    name, about = f"need:{need.id}", (shortlist_name(need.id, version.number), stamp_name(need.id, version.number))
    await write_entry(
        connection, acting.actor, "shortlist.frozen", name, now, version=need.version, detail=detail, about=about
    )
    return version.number
