"""A need matched as it is now, and its answer frozen as the next version of its shortlist."""

import asyncio
import time
from typing import NamedTuple

import msgspec

from api.runtime.actor import actor_of
from api.runtime.endpoint import Call
from db.audit import write_entry
from db.core.engine import Connection
from db.needs.awards import awards_until
from db.needs.shortlists import freeze
from domain.audit import Detail
from domain.needs.need import Need, PlannedNeed
from domain.needs.status import StoredNeed
from domain.shortlists.frozen import LotTotal, ShortlistVersion
from domain.shortlists.shortlist import Shortlist
from matching.engine import match


class Frozen(NamedTuple):
    """A version that was just frozen, and its answer."""

    number: int
    body: bytes


class Matched(NamedTuple):
    """A shortlist and its bytes."""

    shortlist: Shortlist
    body: bytes


def matchable(content: PlannedNeed) -> Need:
    """The part of a need that is matched: its description or procedure must not change the order of a draw."""
    return Need(**{name: getattr(content, name) for name in Need.__struct_fields__})


async def freeze_next(call: Call, connection: Connection, need: StoredNeed) -> Frozen:
    """Match a need that is held, and freeze the answer as its next version, in the transaction of `connection`.

    Raises as `match_need`.
    """
    return await freeze_matched(call, connection, need, await match_need(call, connection, need))


async def match_need(call: Call, connection: Connection, need: StoredNeed) -> Matched:
    """Match a need that is held, with what the organisation awarded before.

    Raises InvalidContent with everything wrong in the need, Refusal (503) until there is an index.
    """
    services = call.services
    live, on = services.directory.index, need.content.on or services.today()
    awards = await awards_until(connection, call.bearer.organisation_id, on)

    def matched() -> Matched:
        shortlist = match(matchable(need.content), live, services.reference, on, call.language, awards)
        return Matched(shortlist, msgspec.json.encode(shortlist))

    started = time.perf_counter()
    found = await asyncio.to_thread(matched)
    services.metrics.matched(time.perf_counter() - started)
    return found


async def freeze_matched(call: Call, connection: Connection, need: StoredNeed, found: Matched) -> Frozen:
    """Freeze the answer as the next version of a need that is held, and write it in the journal."""
    now, stamp = call.services.now(), found.shortlist.stamp
    version = ShortlistVersion(
        number=need.shortlists + 1,
        need_version=need.version,
        language=call.language,
        stamp=stamp,
        totals=tuple(LotTotal(lot.id, lot.total, len(lot.candidates)) for lot in found.shortlist.lots),
        created_at=now,
    )
    await freeze(connection, call.bearer.organisation_id, need, version, found.body)
    detail: Detail = {"number": version.number, "data_version": stamp.data_version}
    await write_entry(
        connection, actor_of(call), "shortlist.frozen", f"need:{need.id}", now, version=need.version, detail=detail
    )
    return Frozen(version.number, found.body)
